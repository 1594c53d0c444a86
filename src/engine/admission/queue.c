#include "engine/admission/queue.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/mem.h"

void queue_init(struct queue *q, struct queue *above)
{
	*q = (struct queue){.above = above};
}

void queue_fini(struct queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		q->heap[i]->in = NULL;
	q->n = 0;
	queue_remove(&q->self);
	free(q->heap);
	q->heap = NULL;
}

/* ---- the heap ---- */

static void place(struct queue *q, struct waiter *w, size_t slot)
{
	q->heap[slot] = w;
	w->slot = slot;
}

static void sift_up(struct queue *q, struct waiter *w, size_t at)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;
		if (!queue_key_less(w->key, q->heap[parent]->key))
			break;
		place(q, q->heap[parent], at);
		at = parent;
	}
	place(q, w, at);
}

static void sift_down(struct queue *q, struct waiter *w, size_t at)
{
	for (;;) {
		size_t child = at * 2 + 1;
		if (child >= q->n)
			break;
		if (child + 1 < q->n &&
		    queue_key_less(q->heap[child + 1]->key, q->heap[child]->key))
			child++;
		if (!queue_key_less(q->heap[child]->key, w->key))
			break;
		place(q, q->heap[child], at);
		at = child;
	}
	place(q, w, at);
}

/* Its key changed. */
static void sift(struct queue *q, struct waiter *w)
{
	if (w->slot > 0 && queue_key_less(w->key, q->heap[(w->slot - 1) / 2]->key))
		sift_up(q, w, w->slot);
	else
		sift_down(q, w, w->slot);
}

static void insert(struct queue *q, struct waiter *w)
{
	ASSERT(!w->in);
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 4;
		q->heap = mem_grow(q->heap, q->cap * sizeof(*q->heap));
	}
	w->in = q;
	sift_up(q, w, q->n++);
}

static void take_out(struct queue *q, struct waiter *w)
{
	struct waiter *last = q->heap[--q->n];
	w->in = NULL;
	if (last == w)
		return;
	last->slot = w->slot;
	sift(q, last);
}

/* ---- its place above ---- */

static bool stands(const struct queue *q)
{
	return q->n > 0 && !q->shut;
}

/* Its first member or whether it is shut may have changed: the queues above follow. */
static void follow(struct queue *q)
{
	for (; q->above; q = q->above) {
		if (!stands(q)) {
			if (!q->self.in)
				return;
			take_out(q->above, &q->self);
			continue;
		}
		bool moved = !q->own_key && (q->self.key.rank != q->heap[0]->key.rank ||
					     q->self.key.age != q->heap[0]->key.age);
		if (moved)
			q->self.key = q->heap[0]->key;
		if (!q->self.in)
			insert(q->above, &q->self);
		else if (moved)
			sift(q->above, &q->self);
		else
			return;
	}
}

void queue_push(struct queue *q, struct waiter *w, struct queue_key key)
{
	w->key = key;
	insert(q, w);
	follow(q);
}

void queue_remove(struct waiter *w)
{
	struct queue *q = w->in;
	if (!q)
		return;
	take_out(q, w);
	follow(q);
}

void queue_shut(struct queue *q, bool shut)
{
	if (q->shut == shut)
		return;
	q->shut = shut;
	follow(q);
}

void queue_set_key(struct queue *q, struct queue_key key)
{
	q->self.key = key;
	if (!q->self.in)
		return;
	sift(q->above, &q->self);
	follow(q->above);
}

void queue_move(struct queue *q, struct queue *above)
{
	ASSERT(q->n == 0 && !q->self.in);
	q->above = above;
}

size_t queue_before(const struct queue *q, struct queue_key key)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n; i++)
		n += queue_key_less(q->heap[i]->key, key);
	return n;
}

void queue_check(const struct queue *q)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct waiter *w = q->heap[i];
		ASSERT(w->in == q && w->slot == i);
		ASSERT(i == 0 || !queue_key_less(w->key, q->heap[(i - 1) / 2]->key));
	}
	if (!q->above)
		return;
	ASSERT((q->self.in == q->above) == stands(q));
	ASSERT(!q->self.in || q->own_key ||
	       (q->self.key.rank == q->heap[0]->key.rank &&
		q->self.key.age == q->heap[0]->key.age));
}
