/*
 * A node:
 *
 *               +------------------------------> SKIPPED   (join rule, when)
 *               |      +--------------+--------> CANCELLED (the run stops)
 *    PENDING ---+--> QUEUED --> RUNNING -------> SUCCESS
 *       |              |  ^        |  |
 *       |              |  +-retry--+  +--------> FAILED, TIMED_OUT
 *       +--------------+-----------------------> FAILED    (bad input)
 *       |
 *       +--> WAITING_APPROVAL --> QUEUED, RUNNING (approved), FAILED (denied), CANCELLED
 *       |
 *       |    QUEUED, RUNNING --> UNKNOWN (its effect may have happened: engine/run/doubt.h)
 *       |            UNKNOWN --> SUCCESS, FAILED, QUEUED, RUNNING (as somebody says), CANCELLED
 *       |
 *       |    PENDING, QUEUED --> SUCCESS, SKIPPED (given by hand)
 *       +--> RUNNING (sleeps or waits for an event: no attempt but a struct wait)
 *       |          --> SUCCESS, FAILED (wait_timeout), SKIPPED (by hand), CANCELLED, TIMED_OUT
 *       +--> RUNNING <-> QUEUED (runs another workflow: no attempt but a struct child)
 *       |          --> as with attempts
 *       |
 *       +--> RUNNING (expands to items: no attempt but a struct each, see engine/run/each.h)
 */
#include "engine/run/node.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/run/child.h"
#include "engine/run/doubt.h"
#include "engine/run/each.h"
#include "engine/emit.h"
#include "engine/moves.h"
#include "engine/run/roots.h"
#include "engine/run/run.h"
#include "engine/run/wait.h"

#define MAY(status) (1u << (status))

static const unsigned moves[] = {
	[NODE_PENDING] = MAY(NODE_SUCCESS) | MAY(NODE_QUEUED) | MAY(NODE_RUNNING) |
			 MAY(NODE_FAILED) | MAY(NODE_WAITING_APPROVAL) | MAY(NODE_SKIPPED) |
			 MAY(NODE_CANCELLED),
	[NODE_QUEUED] = MAY(NODE_RUNNING) | MAY(NODE_FAILED) | MAY(NODE_TIMED_OUT) |
			MAY(NODE_CANCELLED) | MAY(NODE_UNKNOWN) | MAY(NODE_SUCCESS) |
			MAY(NODE_SKIPPED),
	[NODE_RUNNING] = MAY(NODE_QUEUED) | MAY(NODE_SUCCESS) | MAY(NODE_FAILED) |
			 MAY(NODE_TIMED_OUT) | MAY(NODE_CANCELLED) | MAY(NODE_UNKNOWN) |
			 MAY(NODE_SKIPPED),
	[NODE_WAITING_APPROVAL] =
		MAY(NODE_QUEUED) | MAY(NODE_RUNNING) | MAY(NODE_FAILED) | MAY(NODE_CANCELLED),
	[NODE_UNKNOWN] = MAY(NODE_QUEUED) | MAY(NODE_RUNNING) | MAY(NODE_SUCCESS) |
			 MAY(NODE_FAILED) | MAY(NODE_CANCELLED),
	[NODE_SUCCESS] = 0,
	[NODE_FAILED] = 0,
	[NODE_SKIPPED] = 0,
	[NODE_CANCELLED] = 0,
	[NODE_TIMED_OUT] = 0,
};

MOVES_TABLE(MACHINE_NODE, moves)

static void check(const struct node *n)
{
	if (n->status == NODE_PENDING || node_status_final(n->status))
		ASSERT(!n->attempt || !node_status_final(n->status));
}

void node_set_detail(struct node *n, struct str detail)
{
	free(n->detail);
	n->detail = mem_dup(detail.p, detail.n);
	n->detail_n = (uint32_t)detail.n;
}

void node_move(struct node *n, enum node_status to)
{
	ASSERT(moves[n->status] & MAY(to));
	MOVES_NOTE(MACHINE_NODE, n->status, to);
	n->status = to;
	check(n);
}

static char *keep(struct str s, uint32_t *ret_n)
{
	*ret_n = (uint32_t)s.n;
	return mem_dup(s.p, s.n);
}

static enum join_end join_end_of(const struct plan_node *pn, enum node_status status)
{
	switch (status) {
	case NODE_SUCCESS:
		return JOIN_END_SUCCESS;
	case NODE_FAILED:
	case NODE_TIMED_OUT:
		return pn->continue_on_error ? JOIN_END_TOLERATED : JOIN_END_FAILED;
	case NODE_SKIPPED:
	case NODE_CANCELLED:
	case NODE_PENDING:
	case NODE_QUEUED:
	case NODE_RUNNING:
	case NODE_WAITING_APPROVAL:
	case NODE_UNKNOWN:
		break;
	}
	return JOIN_END_SKIPPED;
}

/* The end in memory; rows and events are the caller's. */
static void finish(struct run *r, uint32_t index, enum node_status status)
{
	struct node *n = &r->nodes[index];
	wait_end(n, r->engine);
	doubt_leave(n);
	child_end(n);
	if (n->approval)
		approval_end(n->approval);
	node_move(n, status);
	n->end = join_end_of(run_plan_node(r, index), status);
	r->n_unfinished--;
	if (run_is_item(r, index))
		each_count(r, index);
	else
		r->n_failed += n->end == JOIN_END_FAILED;
	run_node_ended(r, index);
}

static void tell_finished(struct run *r, uint32_t index, const char *code)
{
	struct engine *e = r->engine;
	const struct node *n = &r->nodes[index];
	struct json_out o = emit_event_begin(e);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, index));
	json_out_key(&o, "status");
	json_out_strz(&o, node_status_name(n->status));
	json_out_key(&o, "attempt");
	json_out_int(&o, n->attempts);
	if (code) {
		json_out_key(&o, "code");
		json_out_strz(&o, code);
	}
	if (doubt_remains(n)) {
		json_out_key(&o, "effectUnknown");
		json_out_bool(&o, true);
	}
	if (code && n->not_retried) {
		json_out_key(&o, "notRetried");
		json_out_strz(&o, n->not_retried);
	}
	if (n->started_ms) {
		json_out_key(&o, "durationMs");
		json_out_int(&o, e->wall_ms > n->started_ms ? e->wall_ms - n->started_ms : 0);
	}
	emit_event_end(r, "node.finished", &o);
}

void node_succeed(struct run *r, uint32_t index, struct str output)
{
	node_succeed_with(r, index, output, (struct str){0});
}

/* An item's output goes into the list that is its node's; a caller may get the outputs of all
 * nodes. */
static bool keeps_output(const struct run *r, uint32_t index)
{
	return run_is_item(r, index) || run_plan_node(r, index)->keep_output ||
	       (r->called && !r->plan->output);
}

void node_succeed_with(struct run *r, uint32_t index, struct str output, struct str error)
{
	struct node *n = &r->nodes[index];
	if (keeps_output(r, index))
		n->output = keep(output, &n->output_n);
	if (error.n)
		n->error = keep(error, &n->error_n);
	finish(r, index, NODE_SUCCESS);
	emit_node(r, index, output, error, (struct str){0});
	tell_finished(r, index, NULL);
}

void node_fail(struct run *r, uint32_t index, enum node_status status, struct str error,
	       const char *code)
{
	struct node *n = &r->nodes[index];
	n->error = keep(error, &n->error_n);
	finish(r, index, status);
	emit_node(r, index, (struct str){0}, error, (struct str){0});
	tell_finished(r, index, code);
}

void node_cancel(struct run *r, uint32_t index, enum node_status status, bool tell)
{
	finish(r, index, status);
	emit_node(r, index, (struct str){0}, (struct str){0}, (struct str){0});
	if (tell)
		tell_finished(r, index, NULL);
}

void node_drop(struct run *r, uint32_t index, enum node_status status)
{
	node_move(&r->nodes[index], status);
	r->nodes[index].end = JOIN_END_SKIPPED;
	r->n_unfinished--;
}

enum stop_reason node_stopping(const struct run *r, uint32_t index)
{
	if (r->stopping != STOP_NONE || !run_is_item(r, index))
		return r->stopping;
	return each_stops(r, index) ? STOP_CANCEL : STOP_NONE;
}

void node_stop(struct run *r, uint32_t index)
{
	const struct node *n = &r->nodes[index];
	if (n->attempt)
		attempt_cancel(n->attempt);
	else if (n->each)
		each_stop(r, index);
	else if (n->child)
		child_stop(n->child);
	else if (n->wait)
		node_cancel(r, index, r->stopping == STOP_TIMEOUT ? NODE_TIMED_OUT : NODE_CANCELLED,
			    true);
	else if (!node_status_final(n->status))
		node_cancel(r, index, NODE_CANCELLED, n->status == NODE_UNKNOWN);
}

static void tell_skipped(struct run *r, uint32_t index, const char *reason)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, index));
	json_out_key(&o, "reason");
	json_out_strz(&o, reason);
	emit_event_end(r, "node.skipped", &o);
}

static void skip(struct run *r, uint32_t index, const char *reason, bool upstream)
{
	struct str error = {0};
	finish(r, index, NODE_SKIPPED);
	if (upstream) {
		r->nodes[index].end = JOIN_END_UPSTREAM;
		error = emit_error(r->engine, "upstream_failed", STR("a node before it failed"),
				   (struct str){0}, false);
	}
	emit_node(r, index, (struct str){0}, error, (struct str){0});
	tell_skipped(r, index, reason);
}

void node_give(struct run *r, uint32_t index, struct str output, struct str detail)
{
	struct node *n = &r->nodes[index];
	if (run_is_item(r, index) && n->status == NODE_PENDING)
		each_given(r, index);
	if (output.n && keeps_output(r, index))
		n->output = keep(output, &n->output_n);
	finish(r, index, output.n ? NODE_SUCCESS : NODE_SKIPPED);
	emit_node(r, index, output, (struct str){0}, (struct str){0});
	emit_node_detail(r, detail);
	if (output.n)
		tell_finished(r, index, NULL);
	else
		tell_skipped(r, index, "by_hand");
}

/* The node's condition: whether it may run; ends the node when not. */
static bool pass_when(struct run *r, uint32_t index)
{
	struct engine *e = r->engine;
	const struct plan_node *pn = run_plan_node(r, index);
	struct roots roots = {r, index, &e->scratch};
	struct resolve_roots env = roots_env(&roots);
	struct resolve_error error;
	struct value v;
	if (!pn->when)
		return true;
	if (resolve_run(pn->when, &env, &e->scratch, &v, &error) == 0 && v.kind == VALUE_BOOL) {
		if (!v.b)
			skip(r, index, "when", false);
		return v.b;
	}
	if (*error.code == 0) {
		error = (struct resolve_error){.code = "template_error"};
		snprintf(error.message, sizeof(error.message),
			 "nodes[%u].when: must give true or false, not %s", index,
			 value_kind_name(&v));
	}
	node_fail(r, index, NODE_FAILED,
		  emit_error(e, error.code, str_of(error.message), (struct str){0}, false),
		  error.code);
	return false;
}

void node_start(struct run *r, uint32_t index)
{
	if (plan_node_waits(run_plan_node(r, index)))
		wait_begin(r, index);
	else if (approval_needed(r, index))
		approval_request(r, index);
	else
		node_go(r, index);
}

void node_go(struct run *r, uint32_t index)
{
	if (run_plan_node(r, index)->workflow.n)
		child_begin(r, index);
	else
		attempt_make(r, index, 0);
}

void node_judge(struct run *r, uint32_t index)
{
	struct node *n = &r->nodes[index];
	ASSERT(!run_is_item(r, index));
	if (n->status != NODE_PENDING || r->stopping != STOP_NONE || r->pause ||
	    r->status == RUN_PENDING)
		return;
	switch (join_judge(run_plan_node(r, index)->join, &n->counts)) {
	case JOIN_WAIT:
		break;
	case JOIN_SKIP:
		skip(r, index, "join_rule", false);
		break;
	case JOIN_UPSTREAM:
		skip(r, index, "upstream_failed", true);
		break;
	case JOIN_RUN:
		if (!pass_when(r, index))
			break;
		if (run_plan_node(r, index)->for_each)
			each_begin(r, index);
		else
			node_start(r, index);
		break;
	}
}

static bool is_upstream(struct str error)
{
	return str_starts(error, STR("{\"code\":\"upstream_failed\""));
}

void node_restore(struct run *r, uint32_t index, enum node_status status, struct str output,
		  struct str error)
{
	struct node *n = &r->nodes[index];
	const struct plan_node *pn = run_plan_node(r, index);
	ASSERT(n->status == NODE_PENDING && node_status_final(status));
	n->status = status;
	n->end = join_end_of(pn, status);
	if (status == NODE_SKIPPED && is_upstream(error))
		n->end = JOIN_END_UPSTREAM;
	if (output.n && keeps_output(r, index))
		n->output = keep(output, &n->output_n);
	if (error.n && status != NODE_SKIPPED)
		n->error = keep(error, &n->error_n);
	r->n_unfinished--;
	if (run_is_item(r, index)) {
		each_count(r, index);
		return;
	}
	r->n_failed += n->end == JOIN_END_FAILED;
	for (uint32_t k = 0; k < pn->n_dependents; k++)
		join_count(&r->nodes[pn->dependents[k]].counts, n->end);
}

bool node_moves(const struct run *r, uint32_t index)
{
	const struct node *n = &r->nodes[index];
	const struct plan_node *pn = run_plan_node(r, index);
	if (node_status_final(n->status))
		return !n->attempt && !n->wait && !n->child && !n->approval &&
		       (!n->each || each_moves(r, index)) &&
		       (!n->doubt || list_empty(&n->doubt->link));
	if (n->each)
		return !n->attempt && !n->wait && !n->child && !n->approval && each_moves(r, index);
	if (n->status == NODE_UNKNOWN)
		return doubt_waits(n);
	if (n->wait)
		return wait_moves(n);
	if (n->child)
		return child_moves(n);
	if (n->status == NODE_WAITING_APPROVAL)
		return n->approval && n->approval->status == APPROVAL_PENDING && !n->attempt &&
		       timer_armed(&n->approval->timer) && r->stopping == STOP_NONE;
	if (n->attempt) {
		ASSERT(!n->approval || n->approval->status == APPROVAL_APPROVED);
		attempt_check(n->attempt);
		return n->status != NODE_PENDING;
	}
	if (n->status != NODE_PENDING || r->stopping != STOP_NONE)
		return false;
	if (r->pause && !run_is_item(r, index))
		return true; /* judged once it is resumed */
	if (run_is_item(r, index))
		return each_item_moves(r, index);
	for (uint32_t k = 0; k < pn->n_depends; k++)
		if (!node_status_final(r->nodes[pn->depends[k]].status))
			return join_judge(pn->join, &n->counts) == JOIN_WAIT;
	return false;
}
