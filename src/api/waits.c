#include "api/waits.h"

#include "base/attr.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

struct waits {
	struct map by_run; /* the first wait of each run */
	struct list by_deadline;
	size_t n;
};

struct waits *waits_new(void)
{
	struct waits *ws = NEW0(struct waits);
	list_init(&ws->by_deadline);
	return ws;
}

void waits_free(struct waits *ws)
{
	if (!ws)
		return;
	map_free(&ws->by_run);
	free(ws);
}

bool waits_add(struct waits *ws, struct wait *w)
{
	if (ws->n >= LIMIT_WAITERS)
		return false;
	/* most wait equally long, so the place is found at once, from the end */
	struct list *before = ws->by_deadline.prev;
	while (before != &ws->by_deadline &&
	       container_of(before, struct wait, node)->deadline_ns > w->deadline_ns)
		before = before->prev;
	list_push_back(before->next, &w->node);
	w->next = map_put(&ws->by_run, w->run_id, w);
	ws->n++;
	return true;
}

void waits_run_ended(struct waits *ws, const struct run_row *run)
{
	if (ws->n == 0)
		return;
	for (struct wait *w = map_remove(&ws->by_run, run->id), *next; w; w = next) {
		next = w->next;
		list_remove(&w->node);
		ws->n--;
		w->ended(w, run);
	}
}

static void forget(struct waits *ws, struct wait *w)
{
	struct wait *first = map_get(&ws->by_run, w->run_id);
	list_remove(&w->node);
	ws->n--;
	if (first == w) {
		map_remove(&ws->by_run, w->run_id);
		if (w->next)
			map_put(&ws->by_run, w->next->run_id, w->next);
		return;
	}
	while (first->next != w)
		first = first->next;
	first->next = w->next;
}

void waits_tick(struct waits *ws, int64_t now_ns)
{
	while (!list_empty(&ws->by_deadline)) {
		struct wait *w = container_of(ws->by_deadline.next, struct wait, node);
		if (w->deadline_ns > now_ns)
			return;
		forget(ws, w);
		w->ended(w, NULL);
	}
}

int64_t waits_next_ns(const struct waits *ws)
{
	if (list_empty(&ws->by_deadline))
		return INT64_MAX;
	return container_of(ws->by_deadline.next, struct wait, node)->deadline_ns;
}
