/*
 * An SQLite VFS named "fault" over the system's: it counts what SQLite does to its files and makes
 * one chosen thing go wrong. Real syncs are skipped; instead it remembers what was synced, so that
 * a power loss can be played: a copy of the files as a disk would hold them then.
 *
 * One process, one scenario: forked children use it.
 */
#pragma once

#include <stdint.h>

enum faultfs_what {
	FAULTFS_NONE,
	FAULTFS_WRITE, /* the k-th write fails (EIO) */
	FAULTFS_SYNC,  /* the k-th sync fails */
	FAULTFS_OPEN,  /* the k-th open fails */
	FAULTFS_FULL,  /* the k-th write and the next 4 find the disk full */
	FAULTFS_SHORT, /* the k-th write is cut in half, then the disk is full, once */
	FAULTFS_POWER, /* at the k-th write or sync the power goes; only what was synced stays */
	FAULTFS_POWER_TORN, /* the same, and any of the unsynced sectors stay too */
	FAULTFS_LAST,
};

enum { FAULTFS_POWER_STATUS = 99 }; /* exit status of a process whose power went */

/* Registers the VFS and arms it. `image_dir` gets the files at a power loss, under their names.
 * `seed` chooses which sectors stay. */
void faultfs_setup(enum faultfs_what what, int k, const char *image_dir, uint64_t seed);

/* Writes, syncs, opens so far, to know how far a sweep must go. */
struct faultfs_counts {
	int n_writes, n_syncs, n_opens;
};
struct faultfs_counts faultfs_counts(void);
