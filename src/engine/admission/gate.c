#include "engine/admission/gate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/admission/admission.h"
#include "engine/admission/gate_key.h"
#include "engine/run/run.h"

/* The run whose node called this one, or NULL. */
static const struct run *caller(const struct run *r)
{
	return r->caller ? r->caller->run : NULL;
}

/* ---- flows and gates ---- */

void gate_init(struct engine *e)
{
	queue_init(&e->starts.shares, NULL);
	queue_init(&e->starts.called, NULL);
	list_init(&e->starts.flows);
}

static void gate_open(struct gate *g, struct flow *f)
{
	g->flow = f;
	g->limit = SIZE_MAX;
	list_init(&g->runs);
	queue_init(&g->waiting, &f->gates);
	queue_init(&g->called, &f->engine->starts.called);
}

static void gate_close(struct gate *g)
{
	queue_fini(&g->waiting);
	queue_fini(&g->called);
	free(g->key);
}

static void flow_free(struct flow *f)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&f->by_key, &at, &key, &p)) {
		gate_close(p);
		free(p);
	}
	map_free(&f->by_key);
	gate_close(&f->open);
	queue_fini(&f->gates);
	timer_disarm(&f->engine->timers, &f->timer);
	list_remove(&f->link);
	free(f);
}

void gate_fini(struct engine *e)
{
	LIST_FOREACH (it, &e->starts.flows)
		flow_free(container_of(it, struct flow, link));
	queue_fini(&e->starts.shares);
	queue_fini(&e->starts.called);
}

static void read_rate(struct flow *f, const struct workflow *w)
{
	struct rate_limit limit = w->plan ? w->plan->rate_limit : (struct rate_limit){0};
	if (limit.limit != f->limit.limit || limit.per_ms != f->limit.per_ms ||
	    limit.burst != f->limit.burst)
		rate_begin(&f->rate, &limit, f->engine->start_ms);
	f->limit = limit;
}

static struct flow *flow_of(struct engine *e, struct workflow *w)
{
	if (w->flow)
		return w->flow;
	struct flow *f = NEW0(struct flow);
	f->engine = e;
	f->share = admission_share(e, w->row.project);
	f->timer.kind = TIMER_FLOW;
	queue_init(&f->gates, &f->share->flows);
	gate_open(&f->open, f);
	list_push_back(&e->starts.flows, &f->link);
	read_rate(f, w);
	w->flow = f;
	return f;
}

/* The newest version says how many, also to runs of older ones that wait already. */
static size_t limit_of(const struct workflow *w, const struct plan *plan)
{
	const struct plan *newest = w->plan ? w->plan : plan;
	return newest->concurrency.limit ? (size_t)newest->concurrency.limit : SIZE_MAX;
}

static void assign(struct run *r, struct str key)
{
	struct flow *f = flow_of(r->engine, r->workflow);
	struct gate *g = &f->open;
	if (r->plan->concurrency.limit > 0) {
		g = map_get(&f->by_key, key);
		if (!g) {
			g = NEW0(struct gate);
			gate_open(g, f);
			g->key = mem_dup(key.p ? key.p : "", key.n);
			g->limit = limit_of(r->workflow, r->plan);
			map_put(&f->by_key, key, g);
		}
	}
	r->gate = g;
	g->n_runs++;
}

bool gate_find(struct run *r, struct diag *d)
{
	struct str key = {0};
	if (!gate_key_resolve(r, &key, d))
		return false;
	assign(r, key);
	return true;
}

struct str gate_key(const struct run *r)
{
	if (!r->gate || !r->gate->key)
		return (struct str){0};
	return arena_str(&pump_txn(&r->engine->pump)->arena, str_of(r->gate->key));
}

/* ---- what is shut ---- */

static int64_t rate_due_ms(const struct flow *f)
{
	return rate_next_ms(&f->rate, &f->limit, f->engine->now_ms);
}

/* Shuts or opens the flow, and arms the timer when time alone opens it. */
static void judge_flow(struct flow *f)
{
	struct engine *e = f->engine;
	int64_t due_ms = rate_due_ms(f);
	bool shut = due_ms > e->now_ms;
	if (shut && f->gates.n > 0)
		timer_arm(&e->timers, &f->timer, due_ms);
	else
		timer_disarm(&e->timers, &f->timer);
	queue_shut(&f->gates, shut);
}

static void judge_gate(struct gate *g)
{
	queue_shut(&g->waiting, g->n_holding >= g->limit);
	queue_shut(&g->called, g->n_holding >= g->limit);
	judge_flow(g->flow);
}

static bool share_full(const struct engine *e, const struct share *s)
{
	size_t most = e->config.max_project_running;
	return most && s->n_running >= most;
}

static bool all_full(const struct engine *e)
{
	return e->config.max_running && e->starts.n_running >= e->config.max_running;
}

static void judge_share(struct engine *e, struct share *s)
{
	queue_set_key(&s->flows, (struct queue_key){(int64_t)s->n_running, s->flows.self.key.age});
	queue_shut(&s->flows, share_full(e, s));
}

void gate_flow_timer(struct flow *f)
{
	judge_flow(f);
}

/* ---- holding, counting, waiting ---- */

/* Whether it passes because one of its callers holds the same gate. */
static bool passes(const struct run *r)
{
	for (const struct run *c = caller(r); c; c = caller(c))
		if (c->gate == r->gate)
			return true;
	return false;
}

static void count(struct run *r, bool counts)
{
	struct engine *e = r->engine;
	struct share *s = r->gate->flow->share;
	if (caller(r) || r->counted == counts)
		return;
	r->counted = counts;
	s->n_running += counts ? 1 : (size_t)-1;
	e->starts.n_running += counts ? 1 : (size_t)-1;
	if (counts)
		s->flows.self.key.age = ++e->admission.turn;
	judge_share(e, s);
}

static void hold(struct run *r)
{
	struct gate *g = r->gate;
	r->holds = true;
	g->n_holding++;
	judge_gate(g);
}

static void push(struct run *r)
{
	struct gate *g = r->gate;
	struct queue_key key = {-r->priority, id_age(ID_STR(r->id))};
	queue_push(caller(r) ? &g->called : &g->waiting, &r->turn, key);
	judge_flow(g->flow);
}

static void wait(struct run *r)
{
	r->waits_turn = true;
	r->engine->starts.n_pending++;
	r->gate->flow->share->n_pending++;
	if (!r->pause)
		push(r);
}

static void stop_waiting(struct run *r)
{
	struct flow *f = r->gate->flow;
	if (!r->waits_turn)
		return;
	r->waits_turn = false;
	queue_remove(&r->turn);
	r->engine->starts.n_pending--;
	f->share->n_pending--;
	judge_flow(f);
}

void gate_run_paused(struct run *r, bool paused)
{
	if (!r->waits_turn)
		return;
	if (!paused) {
		push(r);
		return;
	}
	queue_remove(&r->turn);
	judge_flow(r->gate->flow);
}

/* It starts now. */
static void take(struct run *r)
{
	struct engine *e = r->engine;
	struct flow *f = r->gate->flow;
	if (!passes(r))
		hold(r);
	if (!caller(r)) {
		rate_take(&f->rate, &f->limit, e->now_ms);
		judge_flow(f);
	}
	count(r, true);
}

/* Whether it may start at once: there is room, and nobody who could go waits before it. */
static bool may_start(const struct run *r)
{
	const struct engine *e = r->engine;
	const struct gate *g = r->gate;
	const struct flow *f = g->flow;
	if (passes(r))
		return true;
	if (g->n_holding >= g->limit || g->called.n > 0)
		return false;
	if (caller(r))
		return true;
	return g->waiting.n == 0 && rate_due_ms(f) <= e->now_ms && f->gates.n == 0 &&
	       !share_full(e, f->share) && f->share->flows.n == 0 && !all_full(e) &&
	       e->starts.shares.n == 0;
}

/* ---- new runs ---- */

/* The oldest run of the gate that was not told to stop. */
static struct run *oldest(const struct gate *g)
{
	LIST_FOREACH (it, &g->runs) {
		struct run *r = container_of(it, struct run, in_gate);
		if (r->stopping == STOP_NONE)
			return r;
	}
	return NULL;
}

/* Stops the oldest runs, so that with this one there are not more than the limit. */
static void make_room(const struct run *r)
{
	const struct gate *g = r->gate;
	struct run *victim;
	size_t n = 0;
	LIST_FOREACH (it, &g->runs)
		n += container_of(it, struct run, in_gate)->stopping == STOP_NONE;
	for (; n >= g->limit && (victim = oldest(g)); n--) {
		char reason[ID_TEXT_BYTES + 64];
		snprintf(reason, sizeof(reason), "run %s of the same concurrency key replaces it",
			 r->id.text);
		run_stop(victim, STOP_CANCEL, str_of(reason));
	}
}

enum gate_verdict gate_enter(struct run *r)
{
	struct gate *g = r->gate;
	bool limited = g->limit != SIZE_MAX && !passes(r);
	enum on_limit on_limit = r->plan->concurrency.on_limit;
	if (limited && on_limit == ON_LIMIT_SKIP && (g->n_holding >= g->limit || g->waiting.n > 0))
		return GATE_SKIP;
	if (limited && on_limit == ON_LIMIT_CANCEL)
		make_room(r);
	bool start = may_start(r);
	if (limited)
		list_push_back(&g->runs, &r->in_gate);
	if (start)
		take(r);
	else
		wait(r);
	return start ? GATE_START : GATE_WAIT;
}

static void release(struct gate *g)
{
	if (--g->n_runs > 0 || !g->key)
		return;
	map_remove(&g->flow->by_key, str_of(g->key));
	gate_close(g);
	free(g);
}

void gate_leave(struct run *r)
{
	struct gate *g = r->gate;
	if (!g)
		return;
	stop_waiting(r);
	count(r, false);
	list_remove(&r->in_gate);
	if (r->holds) {
		r->holds = false;
		g->n_holding--;
		judge_gate(g);
	}
	r->gate = NULL;
	release(g);
}

void gate_run_waits(struct run *r, bool waits)
{
	if (r->gate)
		count(r, !waits);
}

/* ---- starting ---- */

/* The next one that may start; or NULL. */
static struct run *next(const struct engine *e)
{
	const struct waiter *gate = queue_first(&e->starts.called);
	if (gate)
		return container_of(
			queue_head(&container_of(gate, struct gate, called.self)->called),
			struct run, turn);
	const struct waiter *share = queue_first(&e->starts.shares);
	if (!share || all_full(e))
		return NULL;
	const struct share *s = container_of(share, struct share, flows.self);
	const struct flow *f = container_of(queue_head(&s->flows), struct flow, gates.self);
	const struct gate *g = container_of(queue_head(&f->gates), struct gate, waiting.self);
	return container_of(queue_head(&g->waiting), struct run, turn);
}

bool gate_admit(struct engine *e)
{
	struct run *r;
	bool any = false;
	for (; (r = next(e)); any = true) {
		pump_turn(&e->pump);
		stop_waiting(r);
		take(r);
		run_start(r);
	}
	return any;
}

/* ---- saves ---- */

void gate_workflow_saved(struct engine *e, struct workflow *w)
{
	size_t at = 0;
	struct str key;
	void *p;
	struct flow *f = flow_of(e, w);
	read_rate(f, w);
	while (map_next(&f->by_key, &at, &key, &p)) {
		struct gate *g = p;
		if (w->plan)
			g->limit = limit_of(w, w->plan);
		judge_gate(g);
	}
	judge_flow(f);
}

void gate_workflow_deleted(struct engine *e UNUSED, struct workflow *w)
{
	if (w->flow)
		flow_free(w->flow);
	w->flow = NULL;
}

/* ---- recovery ---- */

void gate_restore(struct run *r, struct str key)
{
	assign(r, key);
}

void gate_recover(struct engine *e)
{
	LIST_FOREACH (it, &e->open) {
		struct run *r = container_of(it, struct run, link);
		bool through = passes(r);
		if (r->gate->key && !through)
			list_push_back(&r->gate->runs, &r->in_gate);
		if (r->status == RUN_PENDING) {
			wait(r);
			continue;
		}
		if (!through)
			hold(r);
		count(r, r->status == RUN_RUNNING);
	}
}

/* ---- for why ---- */

enum gate_wait gate_why(const struct run *r)
{
	const struct engine *e = r->engine;
	const struct gate *g = r->gate;
	if (r->turn.in->shut)
		return GATE_WAIT_KEY;
	if (g->flow->gates.shut)
		return GATE_WAIT_RATE;
	return share_full(e, g->flow->share) ? GATE_WAIT_PROJECT : GATE_WAIT_ALL;
}

size_t gate_place(const struct run *r)
{
	return queue_before(r->turn.in, r->turn.key) + 1;
}

const struct run *gate_holder(const struct gate *g)
{
	LIST_FOREACH (it, &g->runs)
		if (container_of(it, struct run, in_gate)->holds)
			return container_of(it, struct run, in_gate);
	return NULL;
}

/* ---- the invariant ---- */

static void check_gate(const struct gate *g)
{
	queue_check(&g->waiting);
	queue_check(&g->called);
	bool full = g->n_holding >= g->limit;
	ASSERT(g->waiting.shut == full && g->called.shut == full);
}

static void check_flow(const struct engine *e, const struct flow *f)
{
	size_t at = 0;
	struct str key;
	void *p;
	queue_check(&f->gates);
	check_gate(&f->open);
	while (map_next(&f->by_key, &at, &key, &p)) {
		check_gate(p);
		ASSERT(((const struct gate *)p)->n_runs > 0);
	}
	ASSERT(timer_armed(&f->timer) == (f->gates.shut && f->gates.n > 0));
	queue_check(&f->share->flows);
	ASSERT(f->share->flows.shut == share_full(e, f->share));
}

void gate_check(const struct engine *e)
{
	size_t n_pending = 0, n_running = 0;
	LIST_FOREACH (it, &e->starts.flows)
		check_flow(e, container_of(it, struct flow, link));
	LIST_FOREACH (it, &e->open) {
		const struct run *r = container_of(it, struct run, link);
		if (run_status_final(r->status))
			continue;
		ASSERT(r->gate && r->waits_turn == (r->status == RUN_PENDING));
		ASSERT((r->turn.in != NULL) == (r->waits_turn && !r->pause));
		ASSERT(!r->holds || r->status != RUN_PENDING);
		n_pending += r->status == RUN_PENDING;
		n_running += r->counted;
	}
	ASSERT(n_pending == e->starts.n_pending && n_running == e->starts.n_running);
	queue_check(&e->starts.shares);
	queue_check(&e->starts.called);
	/* nobody waits who could go */
	ASSERT(next(e) == NULL);
}
