#include "engine/timer.h"

#include <stdlib.h>

#include "base/mem.h"

static void place(struct timer_heap *h, struct timer *t, size_t slot)
{
	h->slots[slot] = t;
	t->slot = slot;
}

static void sift_up(struct timer_heap *h, struct timer *t, size_t at)
{
	for (; at > 1 && h->slots[at / 2]->due_ms > t->due_ms; at /= 2)
		place(h, h->slots[at / 2], at);
	place(h, t, at);
}

static void sift_down(struct timer_heap *h, struct timer *t, size_t at)
{
	for (;;) {
		size_t child = at * 2;
		if (child > h->n)
			break;
		if (child < h->n && h->slots[child + 1]->due_ms < h->slots[child]->due_ms)
			child++;
		if (h->slots[child]->due_ms >= t->due_ms)
			break;
		place(h, h->slots[child], at);
		at = child;
	}
	place(h, t, at);
}

void timer_arm(struct timer_heap *h, struct timer *t, int64_t due_ms)
{
	timer_disarm(h, t);
	t->due_ms = due_ms;
	if (h->n + 2 > h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->slots = mem_grow(h->slots, h->cap * sizeof(*h->slots));
	}
	sift_up(h, t, ++h->n);
}

void timer_disarm(struct timer_heap *h, struct timer *t)
{
	size_t at = t->slot;
	if (at == 0)
		return;
	t->slot = 0;
	struct timer *last = h->slots[h->n--];
	if (last == t)
		return;
	if (at > 1 && h->slots[at / 2]->due_ms > last->due_ms)
		sift_up(h, last, at);
	else
		sift_down(h, last, at);
}

struct timer *timer_first(const struct timer_heap *h)
{
	return h->n ? h->slots[1] : NULL;
}

struct timer *timer_pop_due(struct timer_heap *h, int64_t now_ms)
{
	struct timer *t = timer_first(h);
	if (!t || t->due_ms > now_ms)
		return NULL;
	timer_disarm(h, t);
	return t;
}

void timer_heap_free(struct timer_heap *h)
{
	free(h->slots);
	*h = (struct timer_heap){0};
}
