/*
 * Folders that somebody hostile filled: walking, opening and emptying them without ever following
 * a link or leaving them. Any thread; blocks on the disk.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct files_entry {
	const char *path; /* from the folder on, bytes as they are on the disk */
	int64_t bytes;
};

struct files_bounds {
	size_t entries; /* files, folders, links and whatever else there is */
	int64_t bytes;	/* of the regular files together */
	size_t depth;	/* folders in folders; 0 = none in the folder itself */
};

/* Positive outcomes. */
enum files_outcome { FILES_OVER = 1 };

/*
 * The regular files beneath the folder, ordered by path; *ret_entries counts everything met. What
 * can't be read is passed by. 0, FILES_OVER when a bound is passed (what was found until then is
 * given), or a negative errno. *ret may be NULL when there are none.
 */
int files_walk(int folder, const struct files_bounds *most, struct arena *a,
	       struct files_entry **ret, size_t *ret_n, size_t *ret_entries);

/*
 * Opens a folder or a regular file beneath `folder` for reading. -ENOENT when there is none, when
 * it is something else, or when a link is on the way; or another negative errno.
 */
int files_open_folder(int folder, const char *path, int *ret_fd);
int files_open(int folder, const char *path, int *ret_fd, int64_t *ret_bytes);

/* Removes all that is beneath the folder, however deep; nobody may write there meanwhile. 0 or a
 * negative errno. */
int files_empty(int folder);
