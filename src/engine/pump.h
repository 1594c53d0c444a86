/*
 * Group commit. The rows of all that happens in a turn go into one transaction, the current
 * batch; what may only be done once they are durable is queued with it as effects. Batches are
 * submitted in order, at most two at a time, so that under load the next one grows while the
 * store works. After done() a batch's effects run in the order they were queued.
 *
 *   current --flush--> submitted --done 0--> effects run --> freed
 *                          |  ^
 *                  -ENOSPC |  | tick, with backoff (the oldest alone, until one succeeds)
 *                          v  |
 *                         kept
 *
 * The pump knows nothing of runs: an effect is a function.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/store.h"

struct batch;

/* Called after the batch is durable. `txn` is the batch's, its arena and rows alive until all
 * effects of it ran; NULL when there was nothing to wait for. */
typedef void (*pump_effect_fn)(void *ctx, struct txn *txn, void *arg, int64_t n);

struct pump {
	struct store *store;
	void *ctx;		    /* handed to effects */
	struct batch *current;	    /* never NULL */
	struct batch *head, **tail; /* submitted or kept, oldest first */
	struct batch *spare;
	size_t n_in_flight, n_kept;
	bool full; /* the last answer of the store was -ENOSPC; the owner arms a
		      timer of backoff_ms and calls pump_retry() */
	bool in_flush;
	int64_t backoff_ms;
	uint64_t sequence; /* of the current batch: grows by one with each */
	uint64_t n_done;   /* batches durable so far */
};

void pump_init(struct pump *p, struct store *store, void *ctx);
/* Forgets everything; transactions under way are the store's, which must be gone. */
void pump_fini(struct pump *p);

/* The transaction that rows are added to now. */
struct txn *pump_txn(struct pump *p);

/* Queues an effect of what was added so far: with the current batch when it has rows, else with
 * the newest that is not durable yet; runs at once when all is durable. */
void pump_effect(struct pump *p, pump_effect_fn fn, void *arg, int64_t n);

/* Memory that lives as long as an effect queued now (same rule). */
struct arena *pump_arena(struct pump *p);

/* Closes the current batch when it is over LIMIT_TXN_OPS, so that one event's rows stay
 * together: call before an event. */
void pump_turn(struct pump *p);

/* Submits what it may. */
void pump_flush(struct pump *p);

/* Try again after -ENOSPC. */
void pump_retry(struct pump *p);

static inline bool pump_idle(const struct pump *p)
{
	return p->head == NULL;
}
