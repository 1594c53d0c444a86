/*
 * A run:
 *
 *    PENDING --> RUNNING -----------------------> SUCCESS, FAILED  (no node is left)
 *                 ^    v                            ^
 *              WAITING_APPROVAL --------------------+  (nothing goes on but by a decision)
 *                   |  cancel, time-out
 *                   v
 *                RUNNING, stopping -------------> CANCELLED, TIMED_OUT
 *                   (`stopping` is durable; nodes that were not started end at once, the run
 *                    ends with the last live attempt)
 *
 * A failed node is handled when it has continueOnError, or when a direct dependent with a rule
 * made for failure (all_failed, one_failed; runOn: failure) ran. A run with a failed node that is
 * not handled ends FAILED.
 */
#include "engine/run/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/admission/admission.h"
#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/run/child.h"
#include "engine/run/doubt.h"
#include "engine/run/each.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/request/move.h"
#include "engine/moves.h"
#include "engine/run/node.h"
#include "engine/run/output.h"
#include "engine/run/pause.h"
#include "engine/retention.h"
#include "engine/request/removal.h"
#include "engine/schedule.h"
#include "engine/run/signal.h"
#include "engine/run/wait.h"
#include "json/parse.h"

#define MAY(status) (1u << (status))

static const unsigned moves[] = {
	[RUN_PENDING] = MAY(RUN_RUNNING) | MAY(RUN_CANCELLED) | MAY(RUN_TIMED_OUT),
	[RUN_RUNNING] = MAY(RUN_WAITING_APPROVAL) | MAY(RUN_SUCCESS) | MAY(RUN_FAILED) |
			MAY(RUN_CANCELLED) | MAY(RUN_TIMED_OUT),
	[RUN_WAITING_APPROVAL] = MAY(RUN_RUNNING) | MAY(RUN_SUCCESS) | MAY(RUN_FAILED) |
				 MAY(RUN_CANCELLED) | MAY(RUN_TIMED_OUT),
	[RUN_SUCCESS] = 0,
	[RUN_FAILED] = 0,
	[RUN_CANCELLED] = 0,
	[RUN_TIMED_OUT] = 0,
};

MOVES_TABLE(MACHINE_RUN, moves)

static void check(const struct run *r)
{
	if (run_status_final(r->status)) {
		ASSERT(r->n_unfinished == 0 && !timer_armed(&r->limit));
		ASSERT((r->stopping == STOP_CANCEL) == (r->status == RUN_CANCELLED));
		ASSERT((r->stopping == STOP_TIMEOUT) == (r->status == RUN_TIMED_OUT));
		ASSERT(r->status != RUN_SUCCESS || r->started_ms > 0);
	}
}

static void move(struct run *r, enum run_status to)
{
	ASSERT(moves[r->status] & MAY(to));
	MOVES_NOTE(MACHINE_RUN, r->status, to);
	r->status = to;
	check(r);
}

struct run *run_new(struct engine *e, struct plan *plan, struct workflow *w, struct str id,
		    struct str context, struct str trigger)
{
	struct run *r = NEW0(struct run);
	r->nodes = mem_new0(plan->n_nodes * sizeof(r->nodes[0]));
	r->n_nodes = (uint32_t)plan->n_nodes;
	r->engine = e;
	r->root = r;
	r->plan = plan_ref(plan);
	r->workflow = w;
	memcpy(r->id.text, id.p, ID_TEXT_BYTES - 1);
	char *text = mem_new0(context.n + trigger.n + 1);
	memcpy(text, context.p, context.n);
	memcpy(text + context.n, trigger.p, trigger.n);
	r->context = str_n(text, context.n);
	r->trigger = str_n(text + context.n, trigger.n);
	r->created_ms = e->wall_ms;
	r->limit.kind = TIMER_RUN_LIMIT;
	list_init(&r->in_gate);
	list_init(&r->waits);
	list_init(&r->signals);
	list_init(&r->past);
	r->n_unfinished = (uint32_t)plan->n_nodes;
	for (size_t i = 0; i < plan->n_nodes; i++)
		r->nodes[i].counts.n = plan->nodes[i].n_depends;
	map_put(&e->runs, ID_STR(r->id), r);
	list_push_back(&e->open, &r->link);
	e->n_open_runs++;
	admission_share(e, plan->project)->n_open++;
	if (w)
		w->n_open_runs++;
	return r;
}

void run_arm(struct run *r)
{
	struct engine *e = r->engine;
	if (r->plan->timeout_ms == 0 || r->stopping != STOP_NONE || r->status == RUN_PENDING)
		return;
	int64_t until_ms = r->pause ? r->pause->at_ms : e->wall_ms;
	if (r->waiting_since_ms && r->waiting_since_ms < until_ms)
		until_ms = r->waiting_since_ms;
	int64_t left_ms =
		r->started_ms + r->paused_ms + r->waited_ms + r->plan->timeout_ms - until_ms;
	if (left_ms > r->plan->timeout_ms)
		left_ms = r->plan->timeout_ms;
	r->left_ms = left_ms > 0 ? left_ms : 0;
	run_clock(r);
}

void run_clock(struct run *r)
{
	struct engine *e = r->engine;
	bool goes = r->plan->timeout_ms > 0 && !r->pause && r->stopping == STOP_NONE &&
		    r->status != RUN_PENDING && !run_waits(r) && !run_status_final(r->status);
	if (goes == timer_armed(&r->limit))
		return;
	if (goes) {
		timer_arm(&e->timers, &r->limit, e->now_ms + r->left_ms);
		return;
	}
	r->left_ms = r->limit.due_ms > e->now_ms ? r->limit.due_ms - e->now_ms : 0;
	timer_disarm(&e->timers, &r->limit);
}

void run_tell_started(struct run *r)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "workflow");
	json_out_str(&o, r->plan->name);
	json_out_key(&o, "version");
	json_out_int(&o, r->plan->version);
	json_out_key(&o, "trigger");
	json_out_raw(&o, r->trigger);
	emit_event_end(r, "run.started", &o);
}

void run_start(struct run *r)
{
	r->started_ms = r->engine->wall_ms;
	r->paused_ms = 0; /* its clock begins now */
	move(r, RUN_RUNNING);
	emit_run_set(r, (struct str){0}, 0);
	run_tell_started(r);
	run_arm(r);
	run_begin(r);
	run_settle(r);
}

void run_begin(struct run *r)
{
	r->settling = true;
	for (uint32_t i = 0; i < r->plan->n_nodes; i++)
		node_judge(r, i);
	r->settling = false;
}

void run_node_ended(struct run *r, uint32_t index)
{
	if (r->settled_last)
		r->nodes[r->settled_last - 1].next_settled = index + 1;
	else
		r->settled_first = index + 1;
	r->settled_last = index + 1;
}

void run_resume(struct run *r)
{
	r->settling = true;
	for (uint32_t i = 0; i < r->plan->n_nodes; i++) {
		const struct node *n = &r->nodes[i];
		if (n->each)
			each_resume(r, i);
		else if (r->stopping == STOP_NONE)
			node_judge(r, i);
		else if (n->child)
			child_stop(n->child);
		else if (!n->attempt && !node_status_final(n->status))
			node_cancel(r, i, NODE_CANCELLED, false);
	}
	r->settling = false;
	run_settle(r);
}

/* Whether a direct dependent that was made for failure ran. */
static bool failure_handled(const struct run *r, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(r, index);
	for (uint32_t k = 0; k < pn->n_dependents; k++) {
		uint32_t d = pn->dependents[k];
		enum node_status s = r->nodes[d].status;
		if (join_handles_failure(run_plan_node(r, d)->join) &&
		    (s == NODE_SUCCESS || s == NODE_FAILED || s == NODE_TIMED_OUT))
			return true;
	}
	return false;
}

/* The first failed node (as the definition orders them) that nothing handled, or -1. */
static int64_t unhandled_failure(const struct run *r)
{
	if (r->n_failed == 0)
		return -1;
	for (uint32_t i = 0; i < r->plan->n_nodes; i++)
		if (r->nodes[i].end == JOIN_END_FAILED && !failure_handled(r, i))
			return i;
	return -1;
}

static struct str node_error(struct run *r, uint32_t index)
{
	struct engine *e = r->engine;
	const struct node *n = &r->nodes[index];
	struct str id = run_node_id(r, index);
	struct value v = VALUE_NULL_INIT;
	if (n->error)
		json_parse(&e->scratch, str_n(n->error, n->error_n), JSON_DEFAULT, &v, NULL);
	struct str code = value_text(value_getz(&v, "code"));
	struct str message = value_text(value_getz(&v, "message"));
	char *text = arena_printf(&e->scratch, "node \"%.*s\" failed: %.*s", STR_ARG(id),
				  STR_ARG(message));
	return emit_error(e, code.n ? arena_dup(&e->scratch, code.p, code.n) : "node_failed",
			  str_of(text), id, false);
}

static void tell_finished(struct run *r, struct str error)
{
	struct engine *e = r->engine;
	struct json_out o = emit_event_begin(e);
	json_out_key(&o, "status");
	json_out_strz(&o, run_status_name(r->status));
	if (error.n) {
		json_out_key(&o, "error");
		json_out_raw(&o, error);
	}
	json_out_key(&o, "durationMs");
	int64_t begun_ms = r->started_ms ? r->started_ms : e->wall_ms;
	json_out_int(&o, e->wall_ms > begun_ms ? e->wall_ms - begun_ms : 0);
	emit_event_end(r, "run.finished", &o);
}

static void ended_effect(void *ctx, struct txn *txn, void *arg, int64_t op)
{
	struct engine *e = ctx;
	struct run *r = arg;
	if (e->config.on_run_end)
		e->config.on_run_end(e->config.watcher, &txn->ops[op].run);
	struct workflow *w = r->workflow;
	run_free(r);
	removal_run_gone(e, w);
}

/* The time in which it waits for approvals is not that of work. */
static void count_waited(struct run *r)
{
	int64_t now_ms = r->engine->wall_ms;
	bool waits = run_waits(r);
	if (waits == (r->waiting_since_ms != 0))
		return;
	if (r->waiting_since_ms && now_ms > r->waiting_since_ms)
		r->waited_ms += now_ms - r->waiting_since_ms;
	r->waiting_since_ms = waits ? now_ms : 0;
	run_clock(r);
}

static void finish(struct run *r, enum run_status status, struct str error, struct str output)
{
	struct engine *e = r->engine;
	timer_disarm(&e->timers, &r->limit);
	pause_forget(r);
	signal_drop(r);
	move(r, status);
	count_waited(r);
	tell_finished(r, error);
	emit_run_end(r, error, output, e->wall_ms < r->started_ms ? r->started_ms : e->wall_ms);
	int64_t op = (int64_t)pump_txn(&e->pump)->n_ops - 1;
	e->n_open_runs--;
	admission_share(e, r->plan->project)->n_open--;
	gate_leave(r);
	schedule_run_ended(r);
	retention_run_ended(e);
	child_run_ended(r, error, output_for_caller(r, output));
	pump_effect(&e->pump, ended_effect, r, op);
}

/* Everything succeeded, or what failed was handled. */
static void succeed(struct run *r)
{
	const char *code;
	struct str output, message;
	if (output_resolve(r, &output, &code, &message))
		finish(r, RUN_SUCCESS, (struct str){0}, output);
	else
		finish(r, RUN_FAILED, emit_error(r->engine, code, message, (struct str){0}, false),
		       (struct str){0});
}

/* Why a run that was stopped was: its own doing, or that of what called it. */
static struct str stop_text(struct run *r, const char *own)
{
	const struct child *c = r->caller;
	if (!c || (c->state != CHILD_STOPPING && node_stopping(c->run, c->index) == STOP_NONE))
		return str_of(own);
	return str_of(arena_printf(&r->engine->scratch, "run %s, which called it, stopped it",
				   c->run->id.text));
}

static void end(struct run *r)
{
	struct engine *e = r->engine;
	const struct str none = {0};
	int64_t failed;
	switch (r->stopping) {
	case STOP_CANCEL:
		finish(r, RUN_CANCELLED,
		       r->skipped ? emit_error(e, "concurrency_skipped",
					       STR("the limit of its concurrency key was reached"),
					       none, false)
				  : emit_error(e, "cancelled",
					       stop_text(r, "the run was cancelled"), none, false),
		       none);
		return;
	case STOP_TIMEOUT:
		finish(r, RUN_TIMED_OUT,
		       emit_error(e, "run_timeout",
				  stop_text(r, "the run took longer than its timeout"), none,
				  false),
		       none);
		return;
	case STOP_NONE:
		failed = unhandled_failure(r);
		if (failed >= 0)
			finish(r, RUN_FAILED, node_error(r, (uint32_t)failed), none);
		else
			succeed(r);
	}
}

/* WAITING_APPROVAL while nothing goes on but by somebody's decision. */
static void follow_waiting(struct run *r)
{
	enum run_status now =
		r->n_waiting > 0 && r->n_busy == 0 ? RUN_WAITING_APPROVAL : RUN_RUNNING;
	if (r->stopping != STOP_NONE || run_status_final(r->status) || r->status == RUN_PENDING)
		return;
	int64_t since_ms = r->waiting_since_ms;
	bool changed = r->status != now;
	if (changed) {
		move(r, now);
		gate_run_waits(r, now == RUN_WAITING_APPROVAL);
	}
	count_waited(r);
	if (changed || since_ms != r->waiting_since_ms)
		emit_run_set(r, (struct str){0}, 0);
	child_run_waits(r);
}

/* Judging may add nodes: none is held over it. */
static void tell_dependents(struct run *r, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(r, index);
	enum join_end end_now = r->nodes[index].end;
	for (uint32_t k = 0; k < pn->n_dependents; k++) {
		join_count(&r->nodes[pn->dependents[k]].counts, end_now);
		node_judge(r, pn->dependents[k]);
	}
}

/* Until no end is left. */
static void tell_ends(struct run *r)
{
	while (r->settled_first) {
		uint32_t index = r->settled_first - 1;
		struct node *n = &r->nodes[index];
		r->settled_first = n->next_settled;
		n->next_settled = 0;
		if (!r->settled_first)
			r->settled_last = 0;
		if (run_is_item(r, index))
			each_go_on(r, index);
		else if (r->stopping == STOP_NONE)
			tell_dependents(r, index);
	}
}

void run_settle(struct run *r)
{
	if (r->settling)
		return;
	r->settling = true;
	tell_ends(r);
	r->settling = false;
	if (r->n_unfinished > 0)
		follow_waiting(r);
	else if (!run_status_final(r->status) &&
		 (r->status != RUN_PENDING || r->stopping != STOP_NONE))
		end(r);
}

static void tell_stopping(struct run *r, struct str by, struct str reason)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "why");
	json_out_strz(&o, r->stopping == STOP_CANCEL ? "cancel" : "timeout");
	if (by.n) {
		json_out_key(&o, "by");
		json_out_str(&o, by);
	}
	if (reason.n) {
		json_out_key(&o, "reason");
		json_out_str(&o, reason);
	}
	emit_event_end(r, "run.stopping", &o);
}

static void stop(struct run *r, enum stop_reason why, struct str by, struct str reason)
{
	if (r->stopping != STOP_NONE || run_status_final(r->status))
		return;
	r->stopping = why;
	r->stop_ms = r->engine->wall_ms;
	timer_disarm(&r->engine->timers, &r->limit);
	pause_forget(r);
	emit_run_set(r, (struct str){0}, 0);
	tell_stopping(r, by, reason);
	bool settling = r->settling;
	r->settling = true;
	for (uint32_t i = 0; i < r->plan->n_nodes; i++)
		node_stop(r, i);
	r->settling = settling;
	run_settle(r);
}

void run_stop(struct run *r, enum stop_reason why, struct str reason)
{
	stop(r, why, (struct str){0}, reason);
}

void run_stop_by(struct run *r, struct str by, struct str reason)
{
	stop(r, STOP_CANCEL, by, reason);
}

void run_free(struct run *r)
{
	struct engine *e = r->engine;
	for (uint32_t i = 0; i < r->n_nodes; i++) {
		free(r->nodes[i].output);
		free(r->nodes[i].error);
		free(r->nodes[i].progress);
		free(r->nodes[i].detail);
		if (r->nodes[i].attempt)
			attempt_free(r->nodes[i].attempt);
		wait_end(&r->nodes[i], e);
		doubt_free(&r->nodes[i]);
		if (r->nodes[i].child)
			child_free(r->nodes[i].child);
		if (r->nodes[i].approval)
			approval_free(r->nodes[i].approval);
		each_free(r->nodes[i].each);
	}
	if (r->caller)
		r->caller->callee = NULL;
	signal_free(r);
	move_forget(r);
	pause_forget(r);
	gate_leave(r);
	timer_disarm(&e->timers, &r->limit);
	map_remove(&e->runs, ID_STR(r->id));
	list_remove(&r->link);
	if (r->workflow)
		r->workflow->n_open_runs--;
	free((char *)(uintptr_t)r->context.p);
	plan_unref(r->plan);
	free(r->nodes);
	free(r);
}

void run_forget(struct run *r)
{
	r->engine->n_open_runs--;
	admission_share(r->engine, r->plan->project)->n_open--;
	run_free(r);
}
