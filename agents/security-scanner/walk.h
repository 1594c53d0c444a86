/*
 * Walks a folder and hands each text file to the matcher. Never follows a link, never opens what
 * is not a regular file or folder, never leaves the root, never keeps more than a batch of names
 * for each level of depth. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "match.h"

struct walk_error {
	char *file; /* as shown */
	char *message;
};

struct walk_result {
	uint64_t files_scanned, files_binary, files_large, files_ignored, files_unreadable;
	uint64_t bytes_scanned;
	struct walk_error *errors; /* at most LIMIT_SCAN_ERRORS, by file */
	size_t n_errors;
	uint64_t n_errors_dropped;
};

struct walk_options {
	struct str path; /* below the root; "" is the root itself */
	const struct str *include, *exclude;
	size_t n_include, n_exclude;
	uint64_t file_bytes; /* larger files are skipped */
};

/*
 * Walks the folder root_fd (not taken). 0; or a negative errno when options->path can't be
 * entered: -ENOENT, -ELOOP (a link on the way), -EINVAL (absolute, or with ..).
 */
int walk_run(int root_fd, const struct walk_options *options, struct matcher *m,
	     struct walk_result *ret);
void walk_result_fini(struct walk_result *r);

/* A path for people and JSON: valid UTF-8 stays; other bytes and controls become \xNN. */
char *walk_shown(struct str path);
