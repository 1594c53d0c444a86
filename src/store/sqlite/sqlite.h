/*
 * The store in one SQLite file.
 *
 * One thread, the store's, owns the only connection that writes and checkpoints. It takes all
 * transactions that wait into one SQLite transaction, syncs it (WAL, synchronous=FULL), and only
 * then tells them. Readers have connections of their own that can neither write nor checkpoint.
 * FILE.lock keeps a second process away.
 *
 * The adapter knows no event loop: when something is to be told, `wake` is called (store thread;
 * must only signal, as uv_async_send does), and the loop thread then calls sqlite_store_drain(),
 * which calls done() in order.
 *
 * People may look into the file while the service runs, but read-only
 * (sqlite3 'file:drover.db?mode=ro'): a foreign writer that holds its lock for more than ten
 * seconds is an error of writing like any other, and a foreign checkpoint can damage the WAL.
 *
 * A row that is not what drover writes is -EUCLEAN to who reads it; recovery is given what can be
 * read of such a run, marked as damaged, with the log event store.run_damaged.
 *
 * Deleted rows leave free pages. More of them than a tenth of the file (and 16 MiB) are given back
 * to the file system, a few at a time in quiet moments, also after a start. A file that was made
 * before drover could do that (PRAGMA auto_vacuum is 0) only uses them again; VACUUM with the
 * service down makes a new one of it.
 *
 * A full disk is -ENOSPC as the port says. Any other error of writing or syncing ends the process
 * (fault_fatal) before anything more is told. Idle, the thread sleeps: no CPU, no writes; what the
 * WAL holds is checkpointed once after a quiet moment.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/store.h"

struct sqlite_store_config {
	const char *path;
	void (*wake)(void *arg);
	void *wake_arg;
	const char *vfs; /* NULL; tests name another */
};

/*
 * Opens or creates the file, migrates it, starts the thread. 0, or a negative errno with a
 * sentence for people in *ret_reason:
 *   -EBUSY    another process has it (its pid is named)
 *   -EBADMSG  not a database, or damaged
 *   -EPROTO   written by a newer drover or by another program; nothing was changed
 */
int sqlite_store_open(const struct sqlite_store_config *config, struct store **ret,
		      struct buf *ret_reason);

/* Loop thread: calls done() for what is durable or failed. The number of calls. */
size_t sqlite_store_drain(struct store *s);

/* Loop thread, for tests and shutdown: sleeps until there is something to drain; false when
 * nothing is under way. */
bool sqlite_store_wait(struct store *s);

struct sqlite_store_stats {
	uint64_t n_commits;	/* SQLite transactions made durable */
	uint64_t n_txns, n_ops; /* in them */
	uint64_t commit_ns;	/* spent in them, sum */
	uint64_t n_full;	/* commits refused by a full disk */
	uint64_t n_checkpoints;
	uint64_t cpu_ns;		/* of the store thread, at the last commit */
	size_t n_waiting;		/* transactions submitted and not told */
	uint64_t n_pages, n_free_pages; /* of 4 KiB, of the file; as of the last checkpoint */
};
/* Loop thread. */
void sqlite_store_stats(struct store *s, struct sqlite_store_stats *ret);

/* One migration of this program, as `drover migrate` lists it. */
struct sqlite_store_migration {
	int version;
	const char *name;
	bool applied;
};
/* What sqlite_store_open() would do to the file, without doing it; static memory for names. A
 * file that is not there has nothing applied. Errors as above. */
int sqlite_store_migrations(const char *path, struct arena *a, struct sqlite_store_migration **ret,
			    size_t *ret_n, struct buf *ret_reason);
