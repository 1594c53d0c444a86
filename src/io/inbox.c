#include "io/inbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/fault.h"
#include "base/mem.h"

/* Newest first, linked by `next`; the receiver takes all of it at once and turns it round. */
struct inbox {
	_Atomic(struct list *) newest;
	atomic_size_t n;
	size_t n_most;
	inbox_fn fn;
	void *user;
	uv_async_t wake;
};

static void drain(struct inbox *b)
{
	struct list *node = atomic_exchange_explicit(&b->newest, NULL, memory_order_acquire);
	if (!node)
		return;
	struct list batch;
	list_init(&batch);
	size_t n = 0;
	for (struct list *older; node; node = older, n++) {
		older = node->next;
		list_push_back(batch.next, node); /* in front of the first */
	}
	atomic_fetch_sub_explicit(&b->n, n, memory_order_relaxed);
	b->fn(b->user, &batch);
	ASSERT(list_empty(&batch));
}

static void on_wake(uv_async_t *wake)
{
	drain(wake->data);
}

int inbox_new(struct uv_loop_s *loop, size_t n_most, inbox_fn fn, void *user, struct inbox **ret)
{
	struct inbox *b = NEW0(struct inbox);
	int r = uv_async_init(loop, &b->wake, on_wake);
	if (r < 0) {
		free(b);
		return r;
	}
	b->wake.data = b;
	b->n_most = n_most;
	b->fn = fn;
	b->user = user;
	*ret = b;
	return 0;
}

int inbox_put(struct inbox *b, struct list *node)
{
	size_t n = atomic_fetch_add_explicit(&b->n, 1, memory_order_relaxed);
	if (b->n_most && n >= b->n_most) {
		atomic_fetch_sub_explicit(&b->n, 1, memory_order_relaxed);
		return -ENOBUFS;
	}
	struct list *before = atomic_load_explicit(&b->newest, memory_order_relaxed);
	do {
		node->next = before;
	} while (!atomic_compare_exchange_weak_explicit(
		&b->newest, &before, node, memory_order_release, memory_order_relaxed));
	/* Whoever found it empty wakes the loop; the others ride along. */
	if (!before)
		ASSERT(uv_async_send(&b->wake) == 0);
	return 0;
}

static void on_closed(uv_handle_t *wake)
{
	free(wake->data);
}

void inbox_close(struct inbox **b)
{
	if (!*b)
		return;
	drain(*b);
	uv_close((uv_handle_t *)&(*b)->wake, on_closed);
	*b = NULL;
}
