#include "engine/engine.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/admission/admission.h"
#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/admission/breaker.h"
#include "engine/run/deadline.h"
#include "engine/run/child.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/run/node.h"
#include "engine/recover.h"
#include "engine/request/removal.h"
#include "engine/retention.h"
#include "engine/run/run.h"
#include "engine/schedule.h"
#include "engine/state.h"
#include "engine/run/wait.h"

enum { KEYS_PRUNE_MS = 6 * 3600 * 1000, MAX_SCRIPTS_DEFAULT = 4 };

static const int64_t keys_live_ms = LIMIT_IDEMPOTENCY_HOURS * INT64_C(3600000);

static void read_clock(struct engine *e)
{
	e->now_ms = clock_mono_ns(e->config.clock) / 1000000;
	e->wall_ms = clock_wall_ms(e->config.clock);
}

void engine_enter(struct engine *e)
{
	if (e->depth++ > 0)
		return;
	read_clock(e);
	pump_turn(&e->pump);
}

static void run_stops(struct engine *e)
{
	struct list *node;
	while ((node = list_pop_front(&e->stops))) {
		struct attempt *a = container_of(node, struct attempt, link);
		struct attempt_id id = a->id;
		e->config.executor->ops->stop(e->config.executor, &id, a->why);
	}
}

/* While the store is full a timer asks it again. */
static void watch_store(struct engine *e)
{
	if (e->pump.full != (e->full_ms != 0))
		e->full_ms = e->pump.full ? e->wall_ms : 0;
	if (e->pump.full && !timer_armed(&e->store_retry))
		timer_arm(&e->timers, &e->store_retry, e->now_ms + e->pump.backoff_ms);
	if (e->pump.full && !timer_armed(&e->replies_limit) && !list_empty(&e->replies))
		timer_arm(&e->timers, &e->replies_limit, e->now_ms + LIMIT_HELD_REPLY_MS);
}

void engine_leave(struct engine *e)
{
	ASSERT(e->depth > 0);
	if (e->depth == 1) {
		do
			attempt_admit(e);
		while (gate_admit(e));
		watch_store(e);
	}
	if (--e->depth > 0)
		return;
	arena_reset(&e->scratch);
	run_stops(e);
}

void engine_flush(struct engine *e)
{
	engine_enter(e);
	pump_flush(&e->pump);
	engine_leave(e);
}

int64_t engine_next_tick(const struct engine *e)
{
	const struct timer *t = timer_first(&e->timers);
	if (!t)
		return INT64_MAX;
	int64_t now_ms = clock_mono_ns(e->config.clock) / 1000000;
	int64_t wait_ms = t->due_ms > now_ms ? t->due_ms - now_ms : 0;
	return clock_wall_ms(e->config.clock) + wait_ms;
}

static void prune_keys(struct engine *e)
{
	txn_add(pump_txn(&e->pump), TXN_KEYS_PRUNE)->key.created_ms = e->wall_ms - keys_live_ms;
	if (e->now_ms - e->last_key_ms < keys_live_ms + KEYS_PRUNE_MS)
		timer_arm(&e->timers, &e->keys_prune, e->now_ms + KEYS_PRUNE_MS);
}

static void run_timer(struct engine *e, struct timer *t)
{
	struct attempt *a = container_of(t, struct attempt, timer);
	struct run *r;
	switch (t->kind) {
	case TIMER_BACKOFF:
		r = a->run;
		attempt_ready(a);
		run_settle(r);
		break;
	case TIMER_ATTEMPT_LIMIT:
		attempt_time_out(a, NULL);
		break;
	case TIMER_DEADLINE:
		a = container_of(t, struct attempt, deadline);
		r = a->run;
		deadline_fire(a);
		run_settle(r);
		break;
	case TIMER_BREAKER:
		breaker_cooled(container_of(t, struct breaker, timer));
		break;
	case TIMER_RUN_LIMIT:
		run_stop(container_of(t, struct run, limit), STOP_TIMEOUT, (struct str){0});
		break;
	case TIMER_WAIT:
		wait_fire(container_of(t, struct wait, timer));
		break;
	case TIMER_CHILD:
		child_fire(container_of(t, struct child, timer));
		break;
	case TIMER_REMINDER:
		approval_remind(container_of(t, struct approval, reminder));
		break;
	case TIMER_APPROVAL:
		r = container_of(t, struct approval, timer)->run;
		approval_expire(container_of(t, struct approval, timer));
		run_settle(r);
		break;
	case TIMER_STORE_RETRY:
		pump_retry(&e->pump);
		break;
	case TIMER_REPLIES_LIMIT:
		if (e->pump.full)
			emit_replies_undecided(e);
		break;
	case TIMER_SCHEDULES:
		schedule_tick(e);
		break;
	case TIMER_LANE:
		admission_lane_timer(container_of(t, struct lane, timer));
		break;
	case TIMER_FLOW:
		gate_flow_timer(container_of(t, struct flow, timer));
		break;
	case TIMER_SHARE: /* engine_leave() looks */
		break;
	case TIMER_KEYS_PRUNE:
		prune_keys(e);
		break;
	case TIMER_RETENTION:
		retention_tick(e);
		break;
	case TIMER_REMOVAL:
		removal_step(e, container_of(t, struct workflow, removal));
		break;
	}
}

void engine_tick(struct engine *e)
{
	engine_enter(e);
	struct timer *t;
	int64_t now_ms = e->now_ms;
	while ((t = timer_pop_due(&e->timers, now_ms))) {
		run_timer(e, t);
		pump_turn(&e->pump);
	}
	engine_leave(e);
}

void engine_key_written(struct engine *e)
{
	e->last_key_ms = e->now_ms;
	if (!timer_armed(&e->keys_prune))
		timer_arm(&e->timers, &e->keys_prune, e->now_ms + KEYS_PRUNE_MS);
}

int engine_new(const struct engine_config *config, struct engine **ret)
{
	struct engine *e = NEW0(struct engine);
	e->config = *config;
	if (e->config.max_scripts == 0)
		e->config.max_scripts = MAX_SCRIPTS_DEFAULT;
	if (e->config.max_open_runs == 0)
		e->config.max_open_runs = LIMIT_OPEN_RUNS;
	if (e->config.max_project_open == 0)
		e->config.max_project_open = LIMIT_PROJECT_OPEN;
	pump_init(&e->pump, config->store, e);
	id_gen_init(&e->ids, config->seed);
	uint64_t seed = config->seed;
	if (seed == 0)
		rng_system(&seed, sizeof(seed));
	rng_seed(&e->rng, seed + 1);
	list_init(&e->open);
	admission_init(e);
	gate_init(e);
	list_init(&e->schedules);
	list_init(&e->stops);
	list_init(&e->unknown);
	list_init(&e->waits);
	list_init(&e->unlinked);
	list_init(&e->replies);
	e->replies_limit.kind = TIMER_REPLIES_LIMIT;
	e->store_retry.kind = TIMER_STORE_RETRY;
	e->keys_prune.kind = TIMER_KEYS_PRUNE;
	e->schedules_timer.kind = TIMER_SCHEDULES;
	e->catalog.zone_get = config->zone_get;
	e->catalog.zone_arg = config->zone_arg;
	e->catalog.workflows_elsewhere = config->workflows_elsewhere;
	engine_enter(e);
	e->start_ms = e->now_ms;
	engine_key_written(e); /* there may be some from before */
	int r = recover(e);
	retention_begin(e);
	engine_leave(e);
	if (r != 0) {
		engine_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	LIST_FOREACH (it, &e->open)
		run_free(container_of(it, struct run, link));
	gate_fini(e);
	admission_fini(e);
	schedule_free_all(e);
	retention_fini(e);
	breaker_free_all(e);
	map_free(&e->runs);
	map_free(&e->attempts);
	map_free(&e->approvals);
	map_free(&e->claims);
	catalog_fini(&e->catalog);
	pump_fini(&e->pump);
	timer_heap_free(&e->timers);
	arena_free(&e->scratch);
	buf_free(&e->text);
	free(e);
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
	*ret = (struct engine_stats){
		.n_open_runs = e->n_open_runs,
		.n_pending_runs = e->starts.n_pending,
		.n_running_attempts = e->n_running,
		.n_queued_attempts = e->n_queued,
		.n_pending_approvals = e->n_approvals,
		.n_unknown_nodes = e->n_unknown,
		.n_txns_in_flight = e->pump.n_in_flight,
		.store_full = e->pump.full,
	};
}

void engine_projects(const struct engine *e,
		     void (*each)(void *arg, const struct engine_project *project), void *arg)
{
	size_t at = 0;
	void *p;
	while (map_next(&e->admission.by_project, &at, NULL, &p)) {
		const struct share *s = p;
		each(arg, &(struct engine_project){s->project, s->n_open, s->n_pending,
						   s->n_running, s->n_queued, s->n_slots});
	}
}

size_t engine_check(const struct engine *e)
{
	size_t n_stuck = 0, n_queued = 0, n_running = 0, n_scripts = 0;
	LIST_FOREACH (it, &e->open) {
		const struct run *r = container_of(it, struct run, link);
		uint32_t n_unfinished = 0;
		for (uint32_t i = 0; i < r->n_nodes; i++) {
			const struct attempt *a = r->nodes[i].attempt;
			n_stuck += r->status != RUN_PENDING && !node_moves(r, i);
			n_unfinished += !node_status_final(r->nodes[i].status);
			n_queued += a && a->state == ATT_WAITING;
			n_running += a && a->state >= ATT_STARTING;
			n_scripts += a && a->admitted && a->script;
		}
		ASSERT(n_unfinished == r->n_unfinished);
		n_stuck += n_unfinished == 0 && !run_status_final(r->status) &&
			   r->status != RUN_PENDING;
	}
	ASSERT(n_queued == e->n_queued && n_running == e->n_running);
	ASSERT(n_scripts == e->n_scripts);
	admission_check(e);
	gate_check(e);
	schedule_check(e);
	breaker_check(e);
	return n_stuck;
}
