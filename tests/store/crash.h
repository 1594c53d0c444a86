/*
 * A process that writes a numbered history to a store and says over a pipe what was acknowledged;
 * and the judgement of what is there afterwards. For tests that end processes.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "faultfs.h"
#include "tap.h"

struct crash_writer {
	const char *path;
	const char *image_dir;	/* where a power loss leaves the files */
	int first, n;		/* numbers first … first + n - 1; n = 0: without end */
	int n_flying;		/* transactions under way at once; 1: the same syncs every time */
	enum faultfs_what what; /* FAULTFS_NONE with k = 0: the system's VFS */
	int k;
	uint64_t seed;
};

struct crash_result {
	int status;    /* as of waitpid() */
	int n_acked;   /* the highest acknowledged number, 0 = none */
	bool in_order; /* acknowledgements came 1, 2, 3, … from first on */
	int n_ops;     /* writes and syncs made, of a process that ended well */
	int n_opens, n_syncs;
	char reason[512]; /* the end of what it said on stderr */
};

/* Runs the writer in a child. kill_after > 0: SIGKILL as soon as so many were acknowledged. */
void crash_run(struct tap *t, const struct crash_writer *w, int kill_after,
	       struct crash_result *ret);

/* Opens the file as a restarted service would and checks that exactly the transactions 1 … m are
 * there, each wholly, with m >= n_acked; then that it can be written again. *ret_m = m. */
void crash_judge(struct tap *t, const char *path, int n_acked, int *ret_m);

/* A private folder, on a RAM disk where there is one. */
void crash_dir(struct tap *t, char ret_dir[64]);
void crash_dir_remove(const char *dir);
