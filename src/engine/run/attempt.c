#include "engine/run/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/admission/admission.h"
#include "engine/run/attempt_end.h"
#include "engine/run/attempt_input.h"
#include "engine/run/backoff.h"
#include "engine/admission/breaker.h"
#include "engine/run/deadline.h"
#include "engine/run/doubt.h"
#include "engine/emit.h"
#include "engine/moves.h"
#include "engine/run/node.h"
#include "engine/run/progress.h"
#include "engine/run/run.h"

#define MAY(state) (1u << (state))

static const unsigned moves[] = {
	[ATT_WAITING] = MAY(ATT_STARTING) | MAY(ATT_HELD) | MAY(ATT_ENDED),
	[ATT_BACKOFF] = MAY(ATT_WAITING) | MAY(ATT_STARTING) | MAY(ATT_HELD) | MAY(ATT_ENDED),
	[ATT_HELD] = MAY(ATT_WAITING) | MAY(ATT_STARTING) | MAY(ATT_ENDED),
	[ATT_STARTING] = MAY(ATT_RUNNING) | MAY(ATT_ENDED),
	[ATT_RUNNING] = MAY(ATT_STOPPING) | MAY(ATT_ENDED),
	[ATT_STOPPING] = MAY(ATT_ENDED),
	[ATT_ENDED] = 0,
};

MOVES_TABLE(MACHINE_ATTEMPT, moves)

void attempt_check(const struct attempt *a)
{
	const struct node *n = &a->run->nodes[a->index];
	ASSERT(n->attempt == a);
	deadline_check(a);
	switch (a->state) {
	case ATT_WAITING:
		ASSERT(n->status == NODE_QUEUED && a->turn.in && !a->admitted);
		ASSERT(!timer_armed(&a->timer) && a->has_row);
		break;
	case ATT_BACKOFF:
		ASSERT(n->status == NODE_QUEUED && timer_armed(&a->timer) && !a->admitted);
		ASSERT(!a->turn.in && a->has_row);
		break;
	case ATT_HELD:
		ASSERT(n->status == NODE_QUEUED && a->run->pause && !a->admitted && a->has_row);
		ASSERT(!a->turn.in && !timer_armed(&a->timer));
		break;
	case ATT_STARTING:
		ASSERT(n->status == NODE_RUNNING && !timer_armed(&a->timer) && a->agent);
		ASSERT(!a->turn.in && a->has_row && a->admitted);
		break;
	case ATT_RUNNING:
		ASSERT(n->status == NODE_RUNNING && a->agent && !a->turn.in);
		ASSERT(a->admitted);
		break;
	case ATT_STOPPING:
		ASSERT(n->status == NODE_RUNNING && a->agent && !timer_armed(&a->timer));
		break;
	case ATT_ENDED:
		ASSERT(0);
	}
}

static void move(struct attempt *a, enum attempt_state to)
{
	ASSERT(moves[a->state] & MAY(to));
	MOVES_NOTE(MACHINE_ATTEMPT, a->state, to);
	a->state = to;
	deadline_arm(a);
	if (to != ATT_ENDED)
		attempt_check(a);
}

/* To ATT_ENDED; what it counts in is let go of by attempt_free(). */
static void leave(const struct attempt *a)
{
	ASSERT(moves[a->state] & MAY(ATT_ENDED));
	MOVES_NOTE(MACHINE_ATTEMPT, a->state, ATT_ENDED);
}

/* ---- making and queueing ---- */

static struct attempt *attempt_alloc(struct run *r, uint32_t index)
{
	struct attempt *a = NEW0(struct attempt);
	a->run = r;
	a->index = index;
	a->progress_ms = a->progress_told_ms = a->queue_ms = INT64_MIN;
	list_init(&a->link);
	ASSERT(!r->nodes[index].attempt);
	r->nodes[index].attempt = a;
	a->probe = doubt_probes(&r->nodes[index]);
	r->n_busy++;
	return a;
}

struct str attempt_action(const struct attempt *a)
{
	return a->probe ? a->run->nodes[a->index].doubt->probe
			: run_plan_node(a->run, a->index)->action;
}

static void leave_queue(struct attempt *a)
{
	admission_dequeue(a);
	list_remove(&a->link);
	timer_disarm(&a->run->engine->timers, &a->timer);
	timer_disarm(&a->run->engine->timers, &a->deadline);
}

static void emit_queued(struct attempt *a)
{
	struct attempt_rest rest = {.status = ATTEMPT_QUEUED};
	if (a->probe) /* a restart finds it there */
		rest.input = arena_str(&pump_txn(&a->run->engine->pump)->arena,
				       a->run->nodes[a->index].doubt->input);
	emit_attempt(a, &rest);
}

static void enqueue(struct attempt *a)
{
	struct node *n = &a->run->nodes[a->index];
	if (!a->has_row)
		emit_queued(a);
	if (n->status != NODE_QUEUED)
		node_move(n, NODE_QUEUED);
	admission_enqueue(a);
	if (a->state == ATT_BACKOFF || a->state == ATT_HELD)
		move(a, ATT_WAITING);
	deadline_arm(a);
	attempt_check(a);
}

/* Its run is paused: it waits for the end of that. */
static void hold(struct attempt *a)
{
	struct node *n = &a->run->nodes[a->index];
	leave_queue(a);
	a->queue_ms = INT64_MIN;
	if (!a->has_row)
		emit_queued(a);
	if (n->status != NODE_QUEUED)
		node_move(n, NODE_QUEUED);
	move(a, ATT_HELD);
}

void attempt_hold(struct attempt *a)
{
	if (a->state == ATT_WAITING)
		hold(a);
}

static void begin(struct attempt *a);

void attempt_ready(struct attempt *a)
{
	if (a->run->pause) {
		hold(a);
		return;
	}
	if (a->queue_ms == INT64_MIN)
		deadline_queued(a, 0);
	const char *over = deadline_passed(a);
	if (over) {
		attempt_expire(a, over);
		return;
	}
	admission_assign(a);
	if (admission_open(a))
		begin(a);
	else
		enqueue(a);
}

static void back_off(struct attempt *a, int64_t delay_ms)
{
	struct engine *e = a->run->engine;
	struct node *n = &a->run->nodes[a->index];
	a->state = ATT_BACKOFF;
	a->timer.kind = TIMER_BACKOFF;
	timer_arm(&e->timers, &a->timer, e->now_ms + delay_ms);
	if (!a->has_row)
		emit_queued(a);
	if (n->status != NODE_QUEUED)
		node_move(n, NODE_QUEUED);
	deadline_arm(a);
	attempt_check(a);
}

void attempt_make(struct run *r, uint32_t index, int64_t delay_ms)
{
	struct engine *e = r->engine;
	struct attempt *a = attempt_alloc(r, index);
	id_make(&e->ids, e->wall_ms, a->id.text);
	a->number = ++r->nodes[index].attempts;
	a->queued_ms = e->wall_ms;
	map_put(&e->attempts, ID_STR(a->id), a);
	if (a->number == 1)
		deadline_total(r, index, 0);
	if (delay_ms > 0) {
		a->not_before_ms = e->wall_ms + delay_ms;
		back_off(a, delay_ms);
	} else {
		attempt_ready(a);
	}
}

void attempt_free(struct attempt *a)
{
	struct engine *e = a->run->engine;
	leave_queue(a);
	breaker_forget(a);
	admission_give_back(a);
	if (a->state == ATT_STARTING || a->state == ATT_RUNNING || a->state == ATT_STOPPING)
		e->n_running--;
	map_remove(&e->attempts, ID_STR(a->id));
	a->run->nodes[a->index].attempt = NULL;
	a->run->n_busy--;
	agent_unref(a->agent);
	free(a->input);
	free(a->progress);
	free(a);
}

/* ---- ends ---- */

static void emit_end(struct attempt *a, const struct verdict *end, struct str error)
{
	const struct attempt_result *x = end->result;
	emit_attempt(a, &(struct attempt_rest){
				.status = end->status,
				.input = end->input,
				.error = error,
				.finished_ms = a->run->engine->wall_ms < a->started_ms
						       ? a->started_ms
						       : a->run->engine->wall_ms,
				.sandboxed = x && x->sandboxed,
				.cpu_usec = x ? x->cpu_usec : 0,
				.memory_peak_bytes = x ? x->memory_peak_bytes : 0,
				.error_code = end->code,
			});
}

/* Frees the attempt; moves its node on. */
static void finish(struct attempt *a, const struct verdict *end)
{
	struct run *r = a->run;
	uint32_t index = a->index, number = a->number;
	struct str error = {0};
	if (end->code)
		error = emit_error(r->engine, end->code, end->message, (struct str){0},
				   end->retry_later);
	struct doubt *doubt = doubt_of(a, end);
	bool probe = a->probe;
	leave(a);
	progress_end(a);
	emit_end(a, end, error);
	if (end->result)
		breaker_ended(a, end);
	attempt_free(a);
	if (probe) {
		doubt_probed(r, index, number, end);
		return;
	}
	if (!end->code) {
		node_succeed(r, index, end->output);
		return;
	}
	if (node_stopping(r, index) != STOP_NONE) {
		doubt_keep(&r->nodes[index], doubt);
		node_cancel(r, index, verdict_node_status(end), true);
		return;
	}
	struct backoff next = backoff_judge(r, index, end);
	if (doubt) {
		doubt_begin(r, index, doubt, next.delay_ms >= 0);
		return;
	}
	if (next.delay_ms < 0) {
		r->nodes[index].not_retried = next.reason;
		node_fail(r, index, verdict_node_status(end), error, end->code);
		return;
	}
	backoff_tell(r, index, number, &next, end);
	attempt_make(r, index, next.delay_ms);
}

/* ---- starting ---- */

struct start {
	struct attempt *attempt;
	struct attempt_input input;
};

/* The node's time-out, or the agent's default. */
static int64_t limit_of(const struct attempt *a)
{
	int64_t own_ms = run_plan_node(a->run, a->index)->timeout_ms;
	return own_ms > 0 ? own_ms : a->agent->timeout_ms;
}

static void hand_over(struct attempt *a, const struct start *start)
{
	struct engine *e = a->run->engine;
	const struct plan *p = a->run->plan;
	const struct plan_node *pn = run_plan_node(a->run, a->index);
	struct str node_id = run_node_id(a->run, a->index);
	char key[ID_TEXT_BYTES + LIMIT_NODE_ID_BYTES + 1];
	ASSERT(node_id.n <= LIMIT_NODE_ID_BYTES);
	memcpy(key, a->run->id.text, ID_TEXT_BYTES - 1);
	key[ID_TEXT_BYTES - 1] = ':';
	memcpy(key + ID_TEXT_BYTES, node_id.p, node_id.n);
	struct attempt_start s = {
		.id = a->id,
		.run_id = a->run->id,
		.project = p->project,
		.workflow = p->name,
		.node_id = node_id,
		.agent = pn->agent,
		.action = attempt_action(a),
		.agent_type = a->agent->row.type,
		.entry_path = a->agent->row.entry_path,
		.command = a->agent->row.command,
		.agent_limits = a->agent->row.limits,
		.node_limits = pn->limits,
		.input = start->input.input,
		.workspace = start->input.workspace,
		.attempt = a->number,
		.probe_of = a->probe ? a->run->nodes[a->index].doubt->number : 0,
		.idempotency_key = str_n(key, ID_TEXT_BYTES + node_id.n),
		.last_progress = progress_of_node(&a->run->nodes[a->index]),
		.approved_digest =
			a->run->nodes[a->index].approval ? a->agent->row.digest : (struct str){0},
		.timeout_ms = limit_of(a),
	};
	e->config.executor->ops->start(e->config.executor, &s);
}

/* Why it was not started. */
static struct str stopped_text(const struct run *r)
{
	return r->stopping != STOP_NONE ? STR("the run was stopped before the attempt was started")
					: STR("another item failed before the attempt was started");
}

/* Wall clock. */
static int64_t ready_ms(const struct attempt *a)
{
	return a->queued_ms > a->not_before_ms ? a->queued_ms : a->not_before_ms;
}

/* How long it could have been started before it was, for metrics. */
static void tell_delay(const struct attempt *a)
{
	const struct engine *e = a->run->engine;
	int64_t ms = e->now_ms - a->queue_ms;
	if (e->config.on_attempt_start)
		e->config.on_attempt_start(e->config.watcher, a->run->plan->project,
					   a->agent->row.name, ms > 0 ? ms : 0);
}

/* The row is durable: now it may start, unless the run was stopped meanwhile. */
static void start_effect(void *ctx, struct txn *txn UNUSED, void *arg, int64_t n UNUSED)
{
	struct engine *e = ctx;
	const struct start *start = arg;
	struct attempt *a = start->attempt;
	struct run *r = a->run;
	engine_enter(e);
	enum stop_reason why = node_stopping(r, a->index);
	if (why != STOP_NONE) {
		finish(a, &(struct verdict){
				  .status = why == STOP_TIMEOUT ? ATTEMPT_TIMED_OUT
								: ATTEMPT_CANCELLED,
				  .code = why == STOP_TIMEOUT ? "run_timeout" : "cancelled",
				  .message = stopped_text(r),
			  });
		run_settle(r);
	} else {
		move(a, ATT_RUNNING);
		int64_t limit_ms = limit_of(a);
		a->timer.kind = TIMER_ATTEMPT_LIMIT;
		if (limit_ms > 0)
			timer_arm(&e->timers, &a->timer, e->now_ms + limit_ms);
		deadline_handed(a);
		tell_delay(a);
		hand_over(a, start);
	}
	engine_leave(e);
}

static void tell_started(struct attempt *a)
{
	struct run *r = a->run;
	const struct plan_node *pn = run_plan_node(r, a->index);
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, a->index));
	json_out_key(&o, "attempt");
	json_out_int(&o, a->number);
	json_out_key(&o, "agent");
	json_out_str(&o, pn->agent);
	json_out_key(&o, "action");
	json_out_str(&o, attempt_action(a));
	if (a->probe) {
		json_out_key(&o, "probe");
		json_out_bool(&o, true);
	}
	emit_event_end(r, "node.started", &o);
}

static void keep_input(struct attempt *a, struct str input)
{
	a->input = mem_dup(input.p, input.n);
	a->input_n = (uint32_t)input.n;
}

/* Takes the slot and the RUNNING row; the start itself follows when that is durable. */
static void begin(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct node *n = &a->run->nodes[a->index];
	struct start start = {.attempt = a};
	struct verdict end = {0};
	leave_queue(a);
	if (!attempt_input_prepare(a, &start.input, &end)) {
		finish(a, &end);
		return;
	}
	a->started_ms = e->wall_ms;
	admission_take(a);
	if (a->effect == EFFECT_RECONCILABLE)
		keep_input(a, start.input.input);
	e->n_running++;
	if (n->started_ms == 0)
		n->started_ms = e->wall_ms;
	emit_attempt(a,
		     &(struct attempt_rest){.status = ATTEMPT_RUNNING, .input = start.input.input});
	tell_started(a);
	if (n->status != NODE_RUNNING)
		node_move(n, NODE_RUNNING);
	breaker_began(a);
	move(a, ATT_STARTING);
	struct start *kept = ARENA_NEW(pump_arena(&e->pump), struct start);
	*kept = start;
	pump_effect(&e->pump, start_effect, kept, 0);
}

void attempt_admit(struct engine *e)
{
	struct attempt *a;
	while ((a = admission_next(e))) {
		struct run *r = a->run;
		begin(a);
		run_settle(r);
	}
}

/* ---- stopping ---- */

void attempt_expire(struct attempt *a, const char *code)
{
	struct verdict end = {0};
	deadline_verdict(a, code, &end);
	finish(a, &end);
}

void attempt_time_out(struct attempt *a, const char *code)
{
	timer_disarm(&a->run->engine->timers, &a->timer);
	a->why = ATTEMPT_STOP_TIMEOUT;
	a->stop_code = code;
	a->stop_ms = a->run->engine->wall_ms;
	move(a, ATT_STOPPING);
	list_push_back(&a->run->engine->stops, &a->link);
}

static void stop_effect(void *ctx, struct txn *txn UNUSED, void *arg, int64_t why)
{
	struct engine *e = ctx;
	const struct attempt_id *id = arg;
	if (map_get(&e->attempts, ID_STR(*id)))
		e->config.executor->ops->stop(e->config.executor, id, (enum attempt_stop)why);
}

static void stop_later(struct attempt *a, enum attempt_stop why)
{
	struct engine *e = a->run->engine;
	struct attempt_id *id = ARENA_NEW(pump_arena(&e->pump), struct attempt_id);
	*id = a->id;
	timer_disarm(&e->timers, &a->timer);
	a->why = why;
	a->stop_ms = e->wall_ms;
	move(a, ATT_STOPPING);
	pump_effect(&e->pump, stop_effect, id, why);
}

static void cancel_queued(struct attempt *a)
{
	finish(a, &(struct verdict){
			  .status = ATTEMPT_CANCELLED,
			  .code = "cancelled",
			  .message = stopped_text(a->run),
		  });
}

void attempt_give_up(struct attempt *a)
{
	struct verdict end = {.status = ATTEMPT_CANCELLED,
			      .code = "given",
			      .message = STR("the node was given its result by hand")};
	ASSERT(a->state == ATT_WAITING || a->state == ATT_BACKOFF || a->state == ATT_HELD);
	leave(a);
	emit_end(a, &end,
		 emit_error(a->run->engine, end.code, end.message, (struct str){0}, false));
	attempt_free(a);
}

void attempt_cancel(struct attempt *a)
{
	switch (a->state) {
	case ATT_WAITING:
	case ATT_BACKOFF:
	case ATT_HELD:
		cancel_queued(a);
		break;
	case ATT_RUNNING:
		stop_later(a, a->run->stopping == STOP_TIMEOUT ? ATTEMPT_STOP_TIMEOUT
							       : ATTEMPT_STOP_CANCEL);
		break;
	case ATT_STARTING: /* start_effect() sees that the run stops */
	case ATT_STOPPING:
	case ATT_ENDED:
		break;
	}
}

/* ---- from the executor ---- */

void engine_attempt_started(struct engine *e, const struct attempt_id *id)
{
	engine_enter(e);
	struct attempt *a = map_get(&e->attempts, ID_STR(*id));
	if (a && a->state == ATT_RUNNING) {
		a->runs = true;
		deadline_alive(a);
		deadline_arm(a);
	}
	engine_leave(e);
}

void engine_attempt_alive(struct engine *e, const struct attempt_id *id)
{
	engine_enter(e);
	struct attempt *a = map_get(&e->attempts, ID_STR(*id));
	if (a)
		deadline_alive(a);
	engine_leave(e);
}

void engine_attempt_done(struct engine *e, const struct attempt_id *id,
			 const struct attempt_result *result)
{
	engine_enter(e);
	struct attempt *a = map_get(&e->attempts, ID_STR(*id));
	if (a && (a->state == ATT_RUNNING || a->state == ATT_STOPPING)) {
		struct run *r = a->run;
		struct verdict end;
		verdict_of_result(a, result, &end);
		finish(a, &end);
		run_settle(r);
	}
	engine_leave(e);
}

/* ---- recovery ---- */

static void lose(struct attempt *a)
{
	struct run *r = a->run;
	struct engine *e = r->engine;
	uint32_t index = a->index, number = a->number;
	struct verdict end = {.status = ATTEMPT_FAILED,
			      .code = "lost",
			      .message = STR("drover ended while the attempt ran"),
			      .fate = FATE_LOST};
	struct str error = emit_error(e, end.code, end.message, (struct str){0}, false);
	struct doubt *doubt = doubt_of(a, &end);
	bool probe = a->probe;
	emit_end(a, &end, error);
	attempt_free(a);
	struct node *n = &r->nodes[index];
	n->lost += !probe && node_stopping(r, index) == STOP_NONE;
	if (probe) {
		doubt_probed(r, index, number, &end);
	} else if (node_stopping(r, index) != STOP_NONE) {
		doubt_keep(n, doubt);
		node_cancel(r, index, r->stopping == STOP_TIMEOUT ? NODE_TIMED_OUT : NODE_CANCELLED,
			    true);
	} else if (doubt) {
		doubt_begin(r, index, doubt, n->lost <= LIMIT_ATTEMPTS_LOST);
	} else if (n->lost > LIMIT_ATTEMPTS_LOST) {
		node_fail(r, index, NODE_FAILED, error, end.code);
	} else {
		backoff_tell(r, index, number, &(struct backoff){0, "lost"}, &end);
		attempt_make(r, index, 0);
	}
}

void attempt_recover(struct run *r, uint32_t index, const struct attempt_row *row)
{
	struct engine *e = r->engine;
	struct attempt *a = attempt_alloc(r, index);
	memcpy(a->id.text, row->id.p, ID_TEXT_BYTES - 1);
	a->number = (uint32_t)row->attempt;
	a->has_row = true;
	a->queued_ms = row->queued_ms;
	a->not_before_ms = row->not_before_ms;
	a->started_ms = row->started_ms;
	a->effect = row->effect;
	if (row->status == ATTEMPT_RUNNING && a->effect == EFFECT_RECONCILABLE)
		keep_input(a, row->input);
	map_put(&e->attempts, ID_STR(a->id), a);
	int64_t delay_ms = row->not_before_ms - e->wall_ms;
	if (row->status == ATTEMPT_RUNNING) {
		r->nodes[index].status = NODE_RUNNING;
		lose(a);
	} else if (node_stopping(r, index) != STOP_NONE) {
		r->nodes[index].status = NODE_QUEUED;
		cancel_queued(a);
	} else if (delay_ms > 0) {
		int64_t longest = row->not_before_ms - row->queued_ms;
		back_off(a, delay_ms < longest || longest <= 0 ? delay_ms : longest);
	} else {
		/* who goes first is known when all are there */
		r->nodes[index].status = NODE_QUEUED;
		if (r->pause) {
			hold(a);
			return;
		}
		deadline_queued(a, e->wall_ms - ready_ms(a));
		const char *over = deadline_passed(a);
		if (over) {
			attempt_expire(a, over);
			return;
		}
		admission_assign(a);
		enqueue(a);
	}
}
