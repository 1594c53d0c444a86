#include "engine/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"

enum { IN_FLIGHT_MOST = 2, BACKOFF_FIRST_MS = 250, BACKOFF_MOST_MS = 10000 };

struct deed {
	pump_effect_fn fn;
	void *arg;
	int64_t n;
};

struct batch {
	struct batch *next;
	struct pump *pump;
	struct txn *txn;
	struct arena arena; /* of the effects and what they carry */
	struct deed *effects;
	size_t n_effects, cap_effects;
	bool submitted;
};

static struct batch *batch_new(struct pump *p)
{
	struct batch *b = p->spare;
	p->spare = NULL;
	if (!b) {
		b = NEW0(struct batch);
		b->pump = p;
		b->txn = txn_new();
	}
	p->sequence++;
	return b;
}

static void batch_free(struct batch *b)
{
	if (!b->submitted)
		txn_free(b->txn); /* else it is the store's */
	arena_free(&b->arena);
	free(b);
}

/* Keeps one for the next turn: its memory is warm. */
static void batch_recycle(struct pump *p, struct batch *b)
{
	if (p->spare) {
		batch_free(b);
		return;
	}
	struct txn *txn = b->txn;
	arena_reset(&txn->arena);
	*txn = (struct txn){.arena = txn->arena};
	arena_reset(&b->arena);
	*b = (struct batch){.pump = p, .txn = txn, .arena = b->arena};
	p->spare = b;
}

void pump_init(struct pump *p, struct store *store, void *ctx)
{
	*p = (struct pump){.store = store, .ctx = ctx};
	p->tail = &p->head;
	p->current = batch_new(p);
}

void pump_fini(struct pump *p)
{
	while (p->head) {
		struct batch *b = p->head;
		p->head = b->next;
		batch_free(b);
	}
	batch_free(p->current);
	if (p->spare)
		batch_free(p->spare);
	*p = (struct pump){0};
}

struct txn *pump_txn(struct pump *p)
{
	return p->current->txn;
}

/* The batch that an effect queued now depends on. */
static struct batch *last_batch(struct pump *p)
{
	if (p->current->txn->n_ops > 0 || !p->head)
		return p->current;
	return container_of(p->tail, struct batch, next);
}

struct arena *pump_arena(struct pump *p)
{
	return &last_batch(p)->arena;
}

void pump_effect(struct pump *p, pump_effect_fn fn, void *arg, int64_t n)
{
	struct batch *b = last_batch(p);
	if (b == p->current && b->txn->n_ops == 0) {
		fn(p->ctx, NULL, arg, n);
		return;
	}
	if (b->n_effects == b->cap_effects) {
		size_t cap = b->cap_effects ? b->cap_effects * 2 : 16;
		b->effects = arena_grow(&b->arena, b->effects, b->cap_effects * sizeof(*b->effects),
					cap * sizeof(*b->effects));
		b->cap_effects = cap;
	}
	b->effects[b->n_effects++] = (struct deed){fn, arg, n};
}

static void close_current(struct pump *p)
{
	struct batch *b = p->current;
	*p->tail = b;
	p->tail = &b->next;
	p->current = batch_new(p);
	p->n_kept++;
}

void pump_turn(struct pump *p)
{
	struct batch *b = p->current;
	if (b->txn->n_ops >= LIMIT_TXN_OPS)
		close_current(p);
	else if (b->txn->n_ops == 0 && b->n_effects == 0)
		arena_reset(&b->arena); /* of effects that ran at once */
}

static void run_effects(struct pump *p, struct batch *b)
{
	for (size_t i = 0; i < b->n_effects; i++) {
		struct deed e = b->effects[i];
		e.fn(p->ctx, b->txn, e.arg, e.n);
	}
}

static void batch_done(struct txn *txn, int r)
{
	struct batch *b = txn->owner;
	struct pump *p = b->pump;
	p->n_in_flight--;
	b->submitted = false;
	if (r == -ENOSPC) {
		p->n_kept++;
		if (!p->full) {
			p->backoff_ms = BACKOFF_FIRST_MS;
			log_event(ERROR, "store.full");
		}
		p->full = true;
		return;
	}
	ASSERT(r == 0 && b == p->head);
	if (p->full)
		log_event(INFO, "store.has_space");
	p->full = false;
	p->n_done++;
	p->head = b->next;
	if (!p->head)
		p->tail = &p->head;
	run_effects(p, b);
	batch_recycle(p, b);
}

/* The oldest batch that the store has not got. */
static struct batch *next_to_submit(struct pump *p)
{
	struct batch *b = p->head;
	while (b && b->submitted)
		b = b->next;
	return b;
}

static bool submit_one(struct pump *p)
{
	if (p->n_kept == 0) {
		if (p->current->txn->n_ops == 0)
			return false;
		close_current(p);
	}
	struct batch *b = next_to_submit(p);
	ASSERT(b);
	b->submitted = true;
	b->txn->done = batch_done;
	b->txn->owner = b;
	p->n_kept--;
	p->n_in_flight++;
	p->store->ops->submit(p->store, b->txn);
	return true;
}

void pump_flush(struct pump *p)
{
	if (p->in_flush)
		return;
	p->in_flush = true;
	while (!p->full && p->n_in_flight < IN_FLIGHT_MOST)
		if (!submit_one(p))
			break;
	p->in_flush = false;
}

void pump_retry(struct pump *p)
{
	if (!p->full || p->n_in_flight > 0)
		return;
	p->backoff_ms = p->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : p->backoff_ms * 2;
	submit_one(p);
}
