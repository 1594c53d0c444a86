#include "engine/retention.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/emit.h"

enum {
	START_MS = 5 * 1000, /* the first pass after a start */
	PASS_MS = 3600 * 1000,
	DAY_MS = 24 * 3600 * 1000,
	PAUSE_MS = 10, /* behind a step that deleted something */
};

/* ---- what is kept how long ---- */

static int64_t kept_ms(const struct engine *e, const struct workflow *w, enum retained what)
{
	int64_t own = w->plan ? w->plan->retention_ms[what] : -1;
	return own >= 0 ? own : e->config.retention_ms[what];
}

/* The longest time that anything is kept, but for ever; 0 = nothing is ever deleted. */
static int64_t longest_ms(const struct engine *e)
{
	int64_t longest = 0;
	size_t at = 0;
	void *p;
	for (int i = 0; i < RETAINED_ARTIFACTS; i++)
		if (e->config.retention_ms[i] > longest)
			longest = e->config.retention_ms[i];
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p))
		for (int i = 0; i < RETAINED_ARTIFACTS; i++)
			if (kept_ms(e, p, (enum retained)i) > longest)
				longest = kept_ms(e, p, (enum retained)i);
	return longest;
}

static int by_id(const void *x, const void *y)
{
	const struct engine_retention *a = x, *b = y;
	return str_cmp(a->workflow_id, b->workflow_id);
}

size_t engine_retention_list(const struct engine *e, struct arena *a, struct engine_retention **ret)
{
	size_t n = 0, at = 0;
	void *p;
	*ret = ARENA_NEW_ARRAY(a, struct engine_retention, e->catalog.workflows_by_id.n);
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p)) {
		const struct workflow *w = p;
		struct engine_retention *x = &(*ret)[n++];
		x->workflow_id = arena_str(a, w->row.id);
		x->name = arena_str(a, w->row.name);
		x->project = arena_str(a, w->row.project);
		for (int i = 0; i < RETAINED_CLASSES; i++)
			x->ms[i] = kept_ms(e, w, (enum retained)i);
	}
	if (n > 0)
		qsort(*ret, n, sizeof(**ret), by_id);
	return n;
}

/* ---- one step ---- */

static void go_on(struct engine *e);

static struct workflow *workflow_of(struct engine *e, struct str id)
{
	return map_get(&e->catalog.workflows_by_id, id);
}

/* The workflow was looked at up to here. */
static void workflow_done(struct engine *e)
{
	struct retention *t = &e->retention;
	struct workflow *w = workflow_of(e, str_of(t->workflow_id));
	if (w)
		w->pruned_ms[t->what] = t->before_ms;
	t->from_ms = -1;
}

static void stepped(void *ctx, struct txn *txn, void *arg UNUSED, int64_t op)
{
	struct engine *e = ctx;
	struct retention *t = &e->retention;
	const struct prune *step = &txn->ops[op].prune;
	const struct pruned *done = step->ret;
	engine_enter(e);
	t->under_way = false;
	if (done->n > 0 && e->config.on_pruned)
		e->config.on_pruned(e->config.watcher, step->what, done->run_ids, done->n);
	if (done->next_ms == INT64_MAX)
		workflow_done(e);
	else
		t->from_ms = done->next_ms;
	if (done->n > 0)
		timer_arm(&e->timers, &t->timer, e->now_ms + PAUSE_MS);
	else
		go_on(e);
	engine_leave(e);
}

static void step(struct engine *e)
{
	struct retention *t = &e->retention;
	struct txn *txn = pump_txn(&e->pump);
	struct txn_op *op = txn_add(txn, TXN_PRUNE);
	op->prune = (struct prune){
		.what = t->what,
		.workflow_id = arena_str(&txn->arena, str_of(t->workflow_id)),
		.from_ms = t->from_ms,
		.before_ms = t->before_ms,
		.ret = ARENA_NEW(&txn->arena, struct pruned),
	};
	t->under_way = true;
	pump_effect(&e->pump, stepped, NULL, (int64_t)txn->n_ops - 1);
}

/* ---- a pass ---- */

/* The workflow with the next id of which something may be deleted, or NULL. */
static const struct workflow *next_workflow(const struct engine *e)
{
	const struct retention *t = &e->retention;
	const struct workflow *next = NULL;
	size_t at = 0;
	void *p;
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p)) {
		const struct workflow *w = p;
		if (kept_ms(e, w, t->what) > 0 && str_cmp(w->row.id, str_of(t->workflow_id)) > 0 &&
		    (!next || str_cmp(w->row.id, next->row.id) < 0))
			next = w;
	}
	return next;
}

static void begin_workflow(struct engine *e, const struct workflow *w)
{
	struct retention *t = &e->retention;
	memcpy(t->workflow_id, w->row.id.p, w->row.id.n);
	t->workflow_id[w->row.id.n] = '\0';
	t->from_ms = w->pruned_ms[t->what];
	t->before_ms = e->wall_ms - kept_ms(e, w, t->what);
}

static void end_pass(struct engine *e)
{
	struct retention *t = &e->retention;
	t->in_pass = false;
	if (t->longest_ms > 0 && e->now_ms - t->last_run_ms < t->longest_ms + 2 * DAY_MS)
		timer_arm(&e->timers, &t->timer, e->now_ms + PASS_MS);
}

/* The next step of the pass, or its end. */
static void go_on(struct engine *e)
{
	struct retention *t = &e->retention;
	while (t->from_ms < 0) {
		const struct workflow *w = next_workflow(e);
		if (w) {
			begin_workflow(e, w);
		} else if (t->what == RETAINED_RUNS) {
			t->what = RETAINED_LOGS;
			t->workflow_id[0] = '\0';
		} else {
			end_pass(e);
			return;
		}
	}
	step(e);
}

static void look_at_all(struct engine *e)
{
	size_t at = 0;
	void *p;
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p)) {
		struct workflow *w = p;
		memset(w->pruned_ms, 0, sizeof(w->pruned_ms));
	}
	e->retention.full_pass_ms = e->now_ms;
}

/* Whether the wall clock is what it was; else it must first stand. */
static bool clock_stands(struct engine *e)
{
	struct retention *t = &e->retention;
	int64_t clock_ms = e->wall_ms - e->now_ms, moved_ms = clock_ms - t->clock_ms;
	t->clock_ms = clock_ms;
	if (moved_ms > -DAY_MS && moved_ms < DAY_MS)
		return true;
	log_event(WARN, "retention.clock_jumped", LOG_INT("by_ms", moved_ms));
	return false;
}

static void begin_pass(struct engine *e)
{
	struct retention *t = &e->retention;
	if (!clock_stands(e)) {
		end_pass(e);
		return;
	}
	if (t->full_pass_ms < 0 || e->now_ms - t->full_pass_ms >= DAY_MS)
		look_at_all(e);
	t->in_pass = true;
	t->what = RETAINED_RUNS;
	t->workflow_id[0] = '\0';
	t->from_ms = -1;
	go_on(e);
}

void retention_tick(struct engine *e)
{
	if (e->retention.under_way)
		return;
	if (e->retention.in_pass)
		go_on(e);
	else
		begin_pass(e);
}

/* ---- when ---- */

static void arm(struct engine *e, int64_t wait_ms)
{
	struct retention *t = &e->retention;
	if (!t->in_pass && !timer_armed(&t->timer) && t->longest_ms > 0)
		timer_arm(&e->timers, &t->timer, e->now_ms + wait_ms);
}

void retention_begin(struct engine *e)
{
	struct retention *t = &e->retention;
	t->timer.kind = TIMER_RETENTION;
	t->full_pass_ms = -1;
	t->last_run_ms = e->now_ms;
	t->clock_ms = e->wall_ms - e->now_ms;
	retention_changed(e);
}

void retention_changed(struct engine *e)
{
	e->retention.longest_ms = longest_ms(e);
	arm(e, START_MS);
}

void retention_run_ended(struct engine *e)
{
	e->retention.last_run_ms = e->now_ms;
	arm(e, PASS_MS);
}
