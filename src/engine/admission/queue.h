/*
 * Queues whose members may be queues themselves: attempts wait in the queue of their agent, that
 * one in the queue of its project, that one with the other projects. A queue stands in the one
 * above by its own first member, or by a key of its own (what makes shares fair), and only while
 * it has a member and is not shut. So the first of all that may go is found from the top down,
 * whatever is held up elsewhere; every change costs O(log n) a level. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

/* The smaller rank goes first; among equals the smaller age, which is that of an id (id_age()). */
struct queue_key {
	int64_t rank;
	uint64_t age;
};

struct queue;

/* A place in a queue; embedded in what waits. */
struct waiter {
	struct queue *in; /* NULL = in none */
	size_t slot;	  /* in its heap */
	struct queue_key key;
};

struct queue {
	struct waiter self;  /* its place in the queue above */
	struct queue *above; /* NULL = outermost */
	struct waiter **heap;
	size_t n, cap;
	bool shut;    /* none of its members may go now */
	bool own_key; /* stands above by self.key as it is, not by its first member's */
};

void queue_init(struct queue *q, struct queue *above);
/* Its members are in no queue then. */
void queue_fini(struct queue *q);

void queue_push(struct queue *q, struct waiter *w, struct queue_key key);
/* Harmless when it is in none. */
void queue_remove(struct waiter *w);
void queue_shut(struct queue *q, bool shut);

/* The key by which a queue with own_key stands in the one above. */
void queue_set_key(struct queue *q, struct queue_key key);

/* An empty queue goes elsewhere. */
void queue_move(struct queue *q, struct queue *above);

/* The next one, or NULL; of a queue of queues one that is not empty and not shut. */
static inline struct waiter *queue_first(const struct queue *q)
{
	return q->n ? q->heap[0] : NULL;
}

/* The same of one that is not empty. */
static inline struct waiter *queue_head(const struct queue *q)
{
	ASSERT(q->n > 0);
	return q->heap[0];
}

/* How many members go before the key; looks at all of them. */
size_t queue_before(const struct queue *q, struct queue_key key);

static inline bool queue_key_less(struct queue_key a, struct queue_key b)
{
	return a.rank != b.rank ? a.rank < b.rank : a.age < b.age;
}

/* The heap is one, and each queue stands above exactly when it should. */
void queue_check(const struct queue *q);
