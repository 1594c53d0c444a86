#include "engine/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
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

/* What is remembered of the workflows of a project that leave it to the service. */
struct rest {
	int64_t pruned_ms[RETAINED_CLASSES];
};

/* Up to when the runs of the unit were looked at. */
static int64_t *pruned_ms(struct engine *e)
{
	struct retention *t = &e->retention;
	if (t->workflow_id[0]) {
		struct workflow *w = workflow_of(e, str_of(t->workflow_id));
		return w ? &w->pruned_ms[t->what] : NULL;
	}
	struct rest *rest = map_get(&t->rest, str_of(t->project));
	if (!rest) {
		rest = NEW0(struct rest);
		map_put(&t->rest, str_of(t->project), rest);
	}
	return &rest->pruned_ms[t->what];
}

static void unit_done(struct engine *e)
{
	int64_t *done = pruned_ms(e);
	if (done)
		*done = e->retention.before_ms;
	e->retention.from_ms = -1;
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
		unit_done(e);
	else
		t->from_ms = done->next_ms;
	if (done->n > 0)
		timer_arm(&e->timers, &t->timer, e->now_ms + PAUSE_MS);
	else
		go_on(e);
	engine_leave(e);
}

static int by_text(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static bool says_its_own(const struct workflow *w, enum retained what)
{
	return w->plan && w->plan->retention_ms[what] >= 0;
}

/* The workflows of the project that say their own. */
static const struct str *excepted(const struct engine *e, struct arena *a, size_t *ret_n)
{
	const struct retention *t = &e->retention;
	struct str *ids = ARENA_NEW_ARRAY(a, struct str, e->catalog.workflows_by_id.n);
	size_t n = 0, at = 0;
	void *p;
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p)) {
		const struct workflow *w = p;
		if (says_its_own(w, t->what) && str_eqz(w->row.project, t->project))
			ids[n++] = arena_str(a, w->row.id);
	}
	if (n > 0)
		qsort(ids, n, sizeof(*ids), by_text);
	*ret_n = n;
	return ids;
}

static void step(struct engine *e)
{
	struct retention *t = &e->retention;
	struct txn *txn = pump_txn(&e->pump);
	struct txn_op *op = txn_add(txn, TXN_PRUNE);
	op->prune = (struct prune){
		.what = t->what,
		.workflow_id = arena_str(&txn->arena, str_of(t->workflow_id)),
		.project = arena_str(&txn->arena, str_of(t->project)),
		.from_ms = t->from_ms,
		.before_ms = t->before_ms,
		.ret = ARENA_NEW(&txn->arena, struct pruned),
	};
	if (!t->workflow_id[0])
		op->prune.except = excepted(e, &txn->arena, &op->prune.n_except);
	t->under_way = true;
	pump_effect(&e->pump, stepped, NULL, (int64_t)txn->n_ops - 1);
}

/* ---- a pass ---- */

/* Units are ordered by project and workflow, the others first. */
struct unit {
	struct str project, workflow_id;
	int64_t kept_ms;
};

static int unit_cmp(const struct unit *x, const struct unit *y)
{
	int by_project = str_cmp(x->project, y->project);
	return by_project ? by_project : str_cmp(x->workflow_id, y->workflow_id);
}

/* Takes the unit when it is behind `after` and before what was found until now. */
static void offer(const struct unit *after, struct unit *next, struct unit unit)
{
	if (unit.kept_ms > 0 && unit_cmp(&unit, after) > 0 &&
	    (next->project.n == 0 || unit_cmp(&unit, next) < 0))
		*next = unit;
}

/* The next unit of which something may be deleted; false when there is none. */
static bool next_unit(const struct engine *e, struct unit *ret)
{
	const struct retention *t = &e->retention;
	struct unit after = {str_of(t->project), str_of(t->workflow_id), 0};
	size_t at = 0;
	void *p;
	*ret = (struct unit){0};
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p)) {
		const struct workflow *w = p;
		if (says_its_own(w, t->what))
			offer(&after, ret,
			      (struct unit){w->row.project, w->row.id, kept_ms(e, w, t->what)});
		else
			offer(&after, ret,
			      (struct unit){w->row.project, {0}, kept_ms(e, w, t->what)});
	}
	return ret->project.n > 0;
}

static void name_unit(struct retention *t, struct str project, struct str workflow_id)
{
	snprintf(t->project, sizeof(t->project), "%.*s", STR_ARG(project));
	snprintf(t->workflow_id, sizeof(t->workflow_id), "%.*s", STR_ARG(workflow_id));
}

static void begin_unit(struct engine *e, const struct unit *unit)
{
	struct retention *t = &e->retention;
	name_unit(t, unit->project, unit->workflow_id);
	t->from_ms = *pruned_ms(e);
	t->before_ms = e->wall_ms - unit->kept_ms;
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
		struct unit unit;
		if (next_unit(e, &unit)) {
			begin_unit(e, &unit);
		} else if (t->what == RETAINED_RUNS) {
			t->what = RETAINED_LOGS;
			name_unit(t, (struct str){0}, (struct str){0});
		} else {
			end_pass(e);
			return;
		}
	}
	step(e);
}

static void forget_rest(struct retention *t)
{
	size_t at = 0;
	void *p;
	while (map_next(&t->rest, &at, NULL, &p))
		free(p);
	map_free(&t->rest);
}

static void look_at_all(struct engine *e)
{
	size_t at = 0;
	void *p;
	while (map_next(&e->catalog.workflows_by_id, &at, NULL, &p)) {
		struct workflow *w = p;
		memset(w->pruned_ms, 0, sizeof(w->pruned_ms));
	}
	forget_rest(&e->retention);
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
	name_unit(t, (struct str){0}, (struct str){0});
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

void retention_fini(struct engine *e)
{
	forget_rest(&e->retention);
}

/* Its runs may belong to another unit now: all are looked at again. */
void retention_changed(struct engine *e)
{
	e->retention.full_pass_ms = -1;
	e->retention.longest_ms = longest_ms(e);
	arm(e, START_MS);
}

void retention_run_ended(struct engine *e)
{
	e->retention.last_run_ms = e->now_ms;
	arm(e, PASS_MS);
}
