/*
 * The store in memory, for simulation and tests. It keeps the promises of the port
 * ("engine/store.h") with a disk that is imagined: `durable` is what a crash leaves.
 *
 * A submitted transaction waits; a commit makes it durable at once and wholly; done() is called
 * only from mem_store_run(). So a test stands between any two of: submitted, durable, told.
 *
 *   mem_store_new(&s);
 *   mem_store_set_manual(s, true);
 *   ... submit ...
 *   mem_store_commit_one(s);      durable, the engine does not know yet
 *   s2 = mem_store_crash(s);      s is gone with all that waited; s2 holds what was durable
 *
 * No threads: all calls, the readers' too, on one thread. Readers see the durable state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/store.h"

/* An empty store in automatic mode. Always 0. Freed by its ops->free(), which commits and tells
 * what was submitted, like every store. */
int mem_store_new(struct store **ret);

/*
 * Automatic (the start): mem_store_run() commits what was submitted before it was called, and
 * tells it. Manual: nothing is committed but by mem_store_commit_one(); mem_store_run() tells
 * what was committed.
 */
void mem_store_set_manual(struct store *s, bool manual);

/* Commits the oldest waiting transaction; false when none waits. Does not call done(). */
bool mem_store_commit_one(struct store *s);

/* Calls done() for what is committed (or failed), in order. The number of calls; 0 = nothing to
 * do. Transactions submitted meanwhile stay for the next call. */
size_t mem_store_run(struct store *s);

/*
 * The next n commits fail with -ENOSPC. A failed one takes all that wait with it, as the port
 * says; those do not count.
 */
void mem_store_fail_next(struct store *s, size_t n);

/* Power off: what is not durable is forgotten, done() is not called for it. Frees s (readers of
 * it must be gone) and gives a fresh store with the durable state, automatic, not failing. */
struct store *mem_store_crash(struct store *s);

struct mem_store_stats {
	uint64_t n_submitted, n_committed, n_failed, n_told; /* transactions */
	uint64_t n_ops;					     /* rows of committed ones */
	size_t n_waiting;				     /* submitted, not durable */
	size_t n_untold;				     /* durable or failed, not told */
};
void mem_store_stats(const struct store *s, struct mem_store_stats *ret);

/* The durable state as text, the same for the same state (see store/dump.h). */
void mem_store_dump(struct store *s, struct buf *out);
