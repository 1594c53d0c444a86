/* Nodes that are given their result by hand. */
#include "base/limits.h"
#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/run/attempt_end.h"
#include "engine/request/control.h"
#include "engine/run/each.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/plan/schemas.h"
#include "engine/run/run.h"

enum { RETRY_AFTER_MS = 1000 };

/* ---- may it be given ---- */

static bool conflict_ended(const struct run *r, uint32_t index, struct diag *d)
{
	diag_add(d, "",
		 "node \"%.*s\" has ended already: %s; once the run has ended, drover retry "
		 "%s --from %.*s runs it again",
		 STR_ARG(run_node_id(r, index)), node_status_name(r->nodes[index].status),
		 r->id.text, STR_ARG(run_node_id(r, index)));
	return false;
}

static bool judge_gate(const struct run *r, uint32_t index, struct diag *d)
{
	if (!approval_needed(r, index))
		return true;
	diag_add(d, "",
		 "node \"%.*s\" needs approval: a result given by hand would pass its gate; reject "
		 "or approve it when it asks",
		 STR_ARG(run_node_id(r, index)));
	return false;
}

/* Whether it is at a point where nothing of it runs; says why not. */
static bool judge_status(const struct run *r, uint32_t index, struct diag *d)
{
	const struct node *n = &r->nodes[index];
	struct str id = run_node_id(r, index);
	switch (n->status) {
	case NODE_PENDING:
		return judge_gate(r, index, d);
	case NODE_QUEUED:
		if (!n->doubt) /* one whose inputs are bad is queued without having been asked for
				*/
			return n->approval || judge_gate(r, index, d);
		diag_add(
			d, "",
			"whether the effect of node \"%.*s\" happened is being found out: wait for "
			"that, or drover cancel %s stops the run",
			STR_ARG(id), r->id.text);
		return false;
	case NODE_RUNNING:
		if (n->wait)
			return true;
		diag_add(d, "",
			 "node \"%.*s\" runs: wait for its end, or drover cancel %s stops the run",
			 STR_ARG(id), r->id.text);
		return false;
	case NODE_WAITING_APPROVAL:
		diag_add(d, "",
			 "node \"%.*s\" waits for approval: drover approve %s, or drover reject %s",
			 STR_ARG(id), n->approval->id.text, n->approval->id.text);
		return false;
	case NODE_UNKNOWN:
		diag_add(d, "",
			 "nobody knows what the last attempt of node \"%.*s\" did: drover resolve "
			 "%s %.*s says it",
			 STR_ARG(id), r->id.text, STR_ARG(id));
		return false;
	case NODE_SUCCESS:
	case NODE_FAILED:
	case NODE_SKIPPED:
	case NODE_CANCELLED:
	case NODE_TIMED_OUT:
		break;
	}
	return conflict_ended(r, index, d);
}

/* By the action's outputSchema; an agent or action that is gone asks for nothing. That of a node
 * with forEach is a list. */
static bool judge_output(const struct run *r, uint32_t index, const struct value *output,
			 struct diag *d)
{
	const struct plan_node *pn = run_plan_node(r, index);
	const struct agent *agent = catalog_agent(&r->engine->catalog, r->plan->project, pn->agent);
	const struct agent_action *action = agent ? agent_find_action(agent, pn->action) : NULL;
	if (!output)
		return true;
	if (pn->for_each && !run_is_item(r, index)) {
		if (output->kind != VALUE_ARRAY)
			diag_add(d, "output", "must be a list, one output for each item, not %s",
				 value_kind_name(output));
		return diag_ok(d);
	}
	return !action || schemas_check(action->output, output, d, "output");
}

static enum engine_outcome judge(const struct run *r, int64_t index, const struct node_skip *x,
				 struct diag *d)
{
	if (index < 0) {
		diag_add(d, "", "the run has no node \"%.*s\"", STR_ARG(x->node));
		return ENGINE_NOT_FOUND;
	}
	if (r->stopping != STOP_NONE || run_status_final(r->status)) {
		diag_add(d, "", "the run %s",
			 run_status_final(r->status) ? "has ended" : "is being stopped");
		return ENGINE_CONFLICT;
	}
	if (!judge_status(r, (uint32_t)index, d))
		return ENGINE_CONFLICT;
	return judge_output(r, (uint32_t)index, x->output, d) ? ENGINE_OK : ENGINE_INVALID;
}

/* ---- giving ---- */

/* What the node's row keeps of it. */
static struct str detail_of(struct engine *e, const struct node_skip *x)
{
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	json_out_key(&o, "given");
	json_out_object(&o);
	json_put_or_null(&o, "by", x->by);
	json_put_or_null(&o, "reason", x->reason);
	json_out_key(&o, "at");
	json_out_time(&o, e->wall_ms);
	json_out_end(&o);
	json_out_end(&o);
	return arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
}

static void tell_given(struct run *r, uint32_t index, const struct node_skip *x)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, index));
	json_out_key(&o, "status");
	json_out_strz(&o, x->output ? "SUCCESS" : "SKIPPED");
	json_put_or_null(&o, "by", x->by);
	json_put_or_null(&o, "reason", x->reason);
	emit_event_end(r, "node.given", &o);
}

static void give(struct run *r, uint32_t index, const struct node_skip *x)
{
	struct engine *e = r->engine;
	struct str output = {0};
	if (x->output) {
		buf_clear(&e->text);
		json_write(&e->text, x->output);
		output = arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
	}
	tell_given(r, index, x);
	if (r->nodes[index].attempt)
		attempt_give_up(r->nodes[index].attempt);
	node_give(r, index, output, detail_of(e, x));
	run_settle(r);
}

static void skip(struct run *r, const struct node_skip *x, engine_reply_fn fn, void *arg)
{
	struct engine *e = r->engine;
	struct diag *d = ARENA_NEW(pump_arena(&e->pump), struct diag);
	diag_init(d, pump_arena(&e->pump));
	int64_t index = run_find(r, x->node);
	struct engine_reply reply = {.outcome = judge(r, index, x, d), .id = ID_STR(r->id)};
	if (reply.outcome == ENGINE_OK)
		give(r, (uint32_t)index, x);
	else
		reply.diag = d;
	reply.status = r->status;
	emit_reply(e, fn, arg, &reply, (struct str){0});
}

void engine_node_skip(struct engine *e, const struct node_skip *x, engine_reply_fn fn, void *arg)
{
	engine_enter(e);
	struct run *r = map_get(&e->runs, x->run_id);
	if (!r || !str_eq(r->plan->project, x->project))
		fn(arg, &(struct engine_reply){.outcome = ENGINE_NOT_FOUND});
	else if (e->pump.full)
		fn(arg, &(struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					       .retry_after_ms = RETRY_AFTER_MS});
	else
		skip(r, x, fn, arg);
	engine_leave(e);
}
