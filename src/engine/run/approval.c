#include "engine/run/approval.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/run/attempt.h"
#include "engine/run/child.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/run/run.h"
#include "json/parse.h"

enum { RETRY_AFTER_MS = 1000 };

/* Of an agent or action that asks for approval by its riskLevel. */
static const struct plan_approval by_risk = {
	.quorum = 1,
	.timeout_ms = LIMIT_APPROVAL_DEFAULT_HOURS * INT64_C(3600000),
};

static const struct plan_approval *policy(const struct approval *p)
{
	const struct plan_approval *own = run_plan_node(p->run, p->index)->approval;
	return own ? own : &by_risk;
}

bool approval_needed(const struct run *r, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(r, index);
	const struct agent *agent = catalog_agent(&r->engine->catalog, r->plan->project, pn->agent);
	if (pn->approval || !agent)
		return pn->approval != NULL;
	const struct agent_action *action = agent_find_action(agent, pn->action);
	return agent->row.risk_level == RISK_APPROVAL_REQUIRED ||
	       (action && action->risk_level == RISK_APPROVAL_REQUIRED);
}

/* ---- what would run, and its hash ---- */

static struct value parsed(struct arena *a, struct str json)
{
	struct value v = VALUE_NULL_INIT;
	if (json.n)
		json_parse(a, json, JSON_DEFAULT, &v, NULL);
	return v;
}

static struct value text_or_null(struct str s)
{
	return s.n ? value_str(s) : value_null();
}

static struct value agent_value(struct arena *a, const struct agent_row *row)
{
	struct value v = value_object(a, 7);
	value_putz(a, &v, "name", value_str(row->name));
	value_putz(a, &v, "type", value_strz(agent_type_name(row->type)));
	value_putz(a, &v, "version", text_or_null(row->version));
	value_putz(a, &v, "digest", text_or_null(row->digest));
	value_putz(a, &v, "entryPath", text_or_null(row->entry_path));
	value_putz(a, &v, "command", parsed(a, row->command));
	value_putz(a, &v, "limits", parsed(a, row->limits));
	return v;
}

/* The default is left out: hashes from before there were effects stay what they are. */
static void put_effect(struct arena *a, struct value *v, const struct agent *agent,
		       struct str action_name)
{
	const struct agent_action *action = agent_find_action(agent, action_name);
	if (action && action->effect != EFFECT_IDEMPOTENT)
		value_putz(a, v, "effect", value_strz(effect_name(action->effect)));
}

/* What would run: an action of an agent, or another workflow. */
struct gated {
	struct agent *agent;
	struct workflow *workflow;
	struct str input, workspace;
};

static void put_what(struct arena *a, struct value *v, const struct plan_node *pn,
		     const struct gated *g)
{
	if (!g->agent) {
		value_putz(a, v, "subWorkflow", child_subject(a, g->workflow));
		return;
	}
	value_putz(a, v, "agent", agent_value(a, &g->agent->row));
	value_putz(a, v, "action", value_str(pn->action));
	put_effect(a, v, g->agent, pn->action);
	value_putz(a, v, "limits", parsed(a, pn->limits));
}

static struct value subject(struct arena *a, const struct approval *p, const struct gated *g)
{
	const struct plan *plan = p->run->plan;
	const struct plan_node *pn = run_plan_node(p->run, p->index);
	struct value v = value_object(a, 8), workflow = value_object(a, 2);
	value_putz(a, &workflow, "id", value_str(plan->workflow_id));
	value_putz(a, &workflow, "version", value_int(plan->version));
	put_what(a, &v, pn, g);
	value_putz(a, &v, "workspace", text_or_null(str_of(p->workspace)));
	value_putz(a, &v, "nodeId", value_str(run_node_id(p->run, p->index)));
	value_putz(a, &v, "runId", value_str(ID_STR(p->run->id)));
	value_putz(a, &v, "workflow", workflow);
	return v;
}

/* Takes the subject, which gets the inputs as one more member. */
static void hash(struct arena *a, struct value *what, struct str inputs, char ret[SHA256_HEX_BYTES])
{
	CLEANUP_BUF struct buf text = {0};
	value_putz(a, what, "inputs", parsed(a, inputs));
	json_write_canonical(&text, what);
	sha256_hex(buf_str(&text), ret);
}

static bool holds(const struct approval *p, const struct gated *g)
{
	struct arena a CLEANUP_ARENA = {0};
	char now[SHA256_HEX_BYTES];
	struct value what = subject(&a, p, g);
	hash(&a, &what, str_of(p->inputs), now);
	return strcmp(now, p->sha256) == 0;
}

bool approval_holds(const struct approval *p, struct agent *agent)
{
	return holds(p, &(struct gated){.agent = agent});
}

bool approval_holds_call(const struct approval *p, struct workflow *w)
{
	return holds(p, &(struct gated){.workflow = w});
}

/* ---- rows and events ---- */

static struct approval_row row_of(const struct approval *p)
{
	struct engine *e = p->run->engine;
	const struct plan *plan = p->run->plan;
	const struct plan_node *pn = run_plan_node(p->run, p->index);
	const struct plan_approval *policy_now = policy(p);
	return (struct approval_row){
		.id = emit_text(e, ID_STR(p->id)),
		.run_id = ID_STR(p->run->id),
		.project = plan->project,
		.workflow_id = plan->workflow_id,
		.workflow_name = plan->name,
		.node_id = run_node_id(p->run, p->index),
		.agent = pn->agent,
		.action = pn->action,
		.node_index = p->index,
		.status = p->status,
		.inputs = emit_text(e, str_of(p->inputs)),
		.sha256 = emit_text(e, str_of(p->sha256)),
		.approvers = policy_now->approvers_json,
		.quorum = policy_now->quorum,
		.allow_self = policy_now->allow_self,
		.expiry_approves = policy_now->expiry_approves,
		.responses = emit_text(e, str_of(p->responses)),
		.requested_ms = p->requested_ms,
		.expires_ms = p->expires_ms,
	};
}

static void told_effect(void *ctx, struct txn *txn, void *arg UNUSED, int64_t op)
{
	struct engine *e = ctx;
	e->config.on_approval_end(e->config.watcher, &txn->ops[op].approval);
}

/* What it is by now, decided by somebody or by nobody. */
static void emit_set(struct approval *p, struct str by, struct str notes)
{
	struct engine *e = p->run->engine;
	struct approval_row row = row_of(p);
	row.responded_by = emit_text(e, by);
	row.notes = emit_text(e, notes);
	row.responded_ms = p->status == APPROVAL_PENDING ? 0 : e->wall_ms;
	txn_add(pump_txn(&e->pump), TXN_APPROVAL_SET)->approval = row;
	if (p->status != APPROVAL_PENDING && e->config.on_approval_end)
		pump_effect(&e->pump, told_effect, NULL, (int64_t)pump_txn(&e->pump)->n_ops - 1);
}

/* The row of a node that waits; it stands until the node's end replaces it. */
static void emit_waiting(const struct approval *p)
{
	struct run *r = p->run;
	txn_add(pump_txn(&r->engine->pump), TXN_NODE_PUT)->node = (struct node_row){
		.run_id = ID_STR(r->id),
		.node_id = run_node_id(r, p->index),
		.index = p->index,
		.status = NODE_WAITING_APPROVAL,
		.wake_ms = p->expires_ms,
	};
}

static struct json_out event_begin(const struct approval *p)
{
	struct json_out o = emit_event_begin(p->run->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(p->run, p->index));
	json_out_key(&o, "approvalId");
	json_out_str(&o, ID_STR(p->id));
	return o;
}

static void tell_requested(const struct approval *p)
{
	const struct plan_node *pn = run_plan_node(p->run, p->index);
	struct json_out o = event_begin(p);
	if (pn->workflow.n) {
		json_out_key(&o, "workflow");
		json_out_str(&o, pn->workflow);
	} else {
		json_out_key(&o, "agent");
		json_out_str(&o, pn->agent);
		json_out_key(&o, "action");
		json_out_str(&o, pn->action);
	}
	json_out_key(&o, "sha256");
	json_out_strz(&o, p->sha256);
	json_out_key(&o, "expiresAt");
	json_out_time(&o, p->expires_ms);
	emit_event_end(p->run, "approval.requested", &o);
}

static void tell_reminder(const struct approval *p, int64_t number)
{
	struct json_out o = event_begin(p);
	json_out_key(&o, "number");
	json_out_int(&o, number);
	json_out_key(&o, "expiresAt");
	json_out_time(&o, p->expires_ms);
	emit_event_end(p->run, "approval.reminder", &o);
}

static void tell(const struct approval *p, const char *type, struct str by, struct str notes)
{
	struct json_out o = event_begin(p);
	json_out_key(&o, "status");
	json_out_strz(&o, approval_status_name(p->status));
	if (by.n) {
		json_out_key(&o, "respondedBy");
		json_out_str(&o, by);
	}
	if (notes.n) {
		json_out_key(&o, "notes");
		json_out_str(&o, notes);
	}
	emit_event_end(p->run, type, &o);
}

/* ---- asking ---- */

static struct approval *approval_alloc(struct run *r, uint32_t index, struct str id)
{
	struct approval *p = NEW0(struct approval);
	p->run = r;
	p->index = index;
	p->timer.kind = TIMER_APPROVAL;
	p->reminder.kind = TIMER_REMINDER;
	memcpy(p->id.text, id.p, ID_TEXT_BYTES - 1);
	ASSERT(!r->nodes[index].approval);
	r->nodes[index].approval = p;
	map_put(&r->engine->approvals, ID_STR(p->id), p);
	return p;
}

/* How long the question stands, and how long it has stood: by the timer of its expiry, as the
 * wall clock may jump. */
static int64_t whole_ms(const struct approval *p)
{
	return p->expires_ms - p->requested_ms;
}

static int64_t passed_ms(const struct approval *p)
{
	return whole_ms(p) - (p->timer.due_ms - p->run->engine->now_ms);
}

/* The timer of its expiry is armed. */
static void arm_reminder(struct approval *p)
{
	int64_t every_ms = policy(p)->remind_ms;
	if (every_ms == 0)
		return;
	int64_t number = passed_ms(p) / every_ms + 1, at_ms = number * every_ms;
	if (number <= LIMIT_APPROVAL_REMINDERS && at_ms < whole_ms(p))
		timer_arm(&p->run->engine->timers, &p->reminder,
			  p->timer.due_ms - whole_ms(p) + at_ms);
}

void approval_remind(struct approval *p)
{
	if (passed_ms(p) >= whole_ms(p)) /* late: it expires now */
		return;
	tell_reminder(p, passed_ms(p) / policy(p)->remind_ms);
	arm_reminder(p);
}

static void wait_for_answer(struct approval *p, int64_t left_ms)
{
	struct engine *e = p->run->engine;
	timer_arm(&e->timers, &p->timer, e->now_ms + (left_ms > 0 ? left_ms : 0));
	arm_reminder(p);
	p->run->n_waiting++;
	e->n_approvals++;
}

/* Leaves PENDING. */
static void settle(struct approval *p, enum approval_status to)
{
	struct engine *e = p->run->engine;
	ASSERT(p->status == APPROVAL_PENDING && to != APPROVAL_PENDING);
	timer_disarm(&e->timers, &p->timer);
	timer_disarm(&e->timers, &p->reminder);
	p->run->n_waiting--;
	e->n_approvals--;
	p->status = to;
}

static char *own(struct str s)
{
	return s.n ? mem_dup(s.p, s.n) : mem_dup("", 0);
}

/* False when it would fail at once. */
static bool look(struct run *r, uint32_t index, struct gated *ret)
{
	struct attempt_preview seen;
	struct child_call call;
	struct verdict end = {0};
	if (run_plan_node(r, index)->workflow.n) {
		if (!child_preview(r, index, &call, &end))
			return false;
		*ret = (struct gated){.workflow = call.workflow, .input = call.context};
		return true;
	}
	if (!attempt_preview(r, index, &seen))
		return false;
	*ret = (struct gated){
		.agent = seen.agent, .input = seen.input, .workspace = seen.workspace};
	return true;
}

void approval_request(struct run *r, uint32_t index)
{
	struct engine *e = r->engine;
	struct gated seen;
	char id[ID_TEXT_BYTES];
	if (!look(r, index, &seen)) {
		node_go(r, index);
		return;
	}
	struct arena a CLEANUP_ARENA = {0};
	id_make(&e->ids, e->wall_ms, id);
	struct approval *p = approval_alloc(r, index, str_of(id));
	p->inputs = own(seen.input);
	p->workspace = own(seen.workspace);
	p->responses = own(STR("[]"));
	p->requested_ms = e->wall_ms;
	p->expires_ms = e->wall_ms + policy(p)->timeout_ms;
	CLEANUP_BUF struct buf text = {0};
	struct value what = subject(&a, p, &seen);
	json_write(&text, &what);
	hash(&a, &what, seen.input, p->sha256);
	agent_unref(seen.agent);
	struct approval_row row = row_of(p);
	row.subject = emit_text(e, buf_str(&text));
	txn_add(pump_txn(&e->pump), TXN_APPROVAL_ADD)->approval = row;
	wait_for_answer(p, policy(p)->timeout_ms);
	node_move(&r->nodes[index], NODE_WAITING_APPROVAL);
	emit_waiting(p);
	tell_requested(p);
}

/* ---- ends ---- */

static void approve(struct approval *p)
{
	node_go(p->run, p->index);
}

/* The node fails; frees p. */
static void deny(struct approval *p, const char *code, struct str message)
{
	struct engine *e = p->run->engine;
	node_fail(p->run, p->index, NODE_FAILED,
		  emit_error(e, code, message, (struct str){0}, false), code);
}

void approval_expire(struct approval *p)
{
	bool approves = policy(p)->expiry_approves;
	struct str notes = approves ? STR("nobody decided in time; onTimeout is approve")
				    : STR("nobody decided in time");
	settle(p, approves ? APPROVAL_APPROVED : APPROVAL_EXPIRED);
	emit_set(p, (struct str){0}, notes);
	tell(p, "approval.expired", (struct str){0}, notes);
	if (approves)
		approve(p);
	else
		deny(p, "approval_expired", STR("nobody approved it in time"));
}

void approval_void(struct approval *p, struct str notes)
{
	settle(p, APPROVAL_EXPIRED);
	emit_set(p, (struct str){0}, notes);
	tell(p, "approval.expired", (struct str){0}, notes);
	approval_free(p);
}

void approval_end(struct approval *p)
{
	if (p->status == APPROVAL_PENDING)
		approval_void(p, p->run->stopping == STOP_TIMEOUT ? STR("the run took too long")
				 : p->run->stopping == STOP_NONE  ? STR("another item failed")
								  : STR("the run was cancelled"));
	else
		approval_free(p);
}

void approval_free(struct approval *p)
{
	struct engine *e = p->run->engine;
	if (p->status == APPROVAL_PENDING)
		settle(p, APPROVAL_EXPIRED);
	p->run->nodes[p->index].approval = NULL;
	map_remove(&e->approvals, ID_STR(p->id));
	free(p->inputs);
	free(p->workspace);
	free(p->responses);
	free(p);
}

/* ---- deciding ---- */

static bool is_named(const struct plan_approval *policy_now, struct str name)
{
	for (size_t i = 0; i < policy_now->n_approvers; i++)
		if (str_eq(policy_now->approvers[i], name))
			return true;
	return policy_now->n_approvers == 0;
}

/* Who triggered the run; "" when that is not known. */
static struct str requester(const struct run *r, struct arena *a)
{
	struct value trigger = parsed(a, r->trigger);
	return value_text(value_getz(&trigger, "by"));
}

static bool has_answered(const struct approval *p, struct str name, struct arena *a)
{
	struct value list = parsed(a, str_of(p->responses));
	for (uint32_t i = 0; i < list.n; i++)
		if (str_eq(value_text(value_getz(&list.items[i], "respondedBy")), name))
			return true;
	return false;
}

/* ENGINE_OK, or why not, with the reason in the diag. */
static enum engine_outcome judge(const struct approval *p, const struct approval_decision *d,
				 struct arena *a, struct diag *diag)
{
	if (p->status != APPROVAL_PENDING) {
		diag_add(diag, "", "this was decided already: %s", approval_status_name(p->status));
		return ENGINE_CONFLICT;
	}
	if (d->sha256.n && !str_eqz(d->sha256, p->sha256)) {
		diag_add(diag, "sha256", "is not that of what would run: %s", p->sha256);
		return ENGINE_CONFLICT;
	}
	if (!is_named(policy(p), d->responded_by)) {
		diag_add(diag, "respondedBy", "\"%.*s\" is not among the approvers of this node",
			 STR_ARG(d->responded_by));
		return ENGINE_FORBIDDEN;
	}
	if (d->decision == APPROVAL_REJECTED)
		return ENGINE_OK;
	if (!policy(p)->allow_self && str_eq(requester(p->run, a), d->responded_by)) {
		diag_add(diag, "respondedBy",
			 "\"%.*s\" triggered the run and may not approve it; somebody else must",
			 STR_ARG(d->responded_by));
		return ENGINE_FORBIDDEN;
	}
	if (has_answered(p, d->responded_by, a)) {
		diag_add(diag, "respondedBy",
			 "\"%.*s\" has approved this already; each name counts once",
			 STR_ARG(d->responded_by));
		return ENGINE_CONFLICT;
	}
	return ENGINE_OK;
}

static void add_response(struct approval *p, const struct approval_decision *d)
{
	CLEANUP_BUF struct buf text = {0};
	size_t n = strlen(p->responses);
	buf_put_str(&text, str_n(p->responses, n - 1));
	if (n > 2)
		buf_putc(&text, ',');
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "decision");
	json_out_strz(&o, approval_status_name(d->decision));
	json_out_key(&o, "respondedBy");
	json_out_str(&o, d->responded_by);
	json_out_key(&o, "notes");
	json_out_str(&o, d->notes);
	json_out_key(&o, "respondedAt");
	json_out_time(&o, p->run->engine->wall_ms);
	json_out_end(&o);
	buf_putc(&text, ']');
	free(p->responses);
	p->responses = own(buf_str(&text));
}

static void reject(struct approval *p, const struct approval_decision *d)
{
	struct engine *e = p->run->engine;
	settle(p, APPROVAL_REJECTED);
	emit_set(p, d->responded_by, d->notes);
	tell(p, "approval.decided", d->responded_by, d->notes);
	deny(p, "rejected",
	     str_of(arena_printf(&e->scratch, "%.*s rejected it%s%.*s", STR_ARG(d->responded_by),
				 d->notes.n ? ": " : "", STR_ARG(d->notes))));
}

/* What the approval is after the response. */
static enum approval_status respond(struct approval *p, const struct approval_decision *d)
{
	add_response(p, d);
	if (d->decision == APPROVAL_REJECTED) {
		reject(p, d);
		return APPROVAL_REJECTED;
	}
	if (++p->n_approved < policy(p)->quorum) {
		emit_set(p, (struct str){0}, (struct str){0});
		tell(p, "approval.responded", d->responded_by, d->notes);
		return APPROVAL_PENDING;
	}
	settle(p, APPROVAL_APPROVED);
	emit_set(p, d->responded_by, d->notes);
	tell(p, "approval.decided", d->responded_by, d->notes);
	approve(p);
	return APPROVAL_APPROVED;
}

static void decide(struct engine *e, const struct approval_decision *d, engine_reply_fn fn,
		   void *arg, struct arena *a)
{
	struct approval *p = map_get(&e->approvals, d->id);
	struct diag *diag = ARENA_NEW(pump_arena(&e->pump), struct diag);
	diag_init(diag, pump_arena(&e->pump));
	struct engine_reply reply = {.outcome = ENGINE_NOT_FOUND, .id = d->id};
	if (e->pump.full)
		reply = (struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					      .retry_after_ms = RETRY_AFTER_MS};
	else if (p && str_eq(p->run->plan->project, d->project))
		reply.outcome = judge(p, d, a, diag);
	reply.diag = diag->n ? diag : NULL;
	if (reply.outcome == ENGINE_UNAVAILABLE) {
		fn(arg, &reply);
		return;
	}
	if (reply.outcome != ENGINE_OK) { /* behind the decision it tells of */
		emit_reply(e, fn, arg, &reply, (struct str){0});
		return;
	}
	struct run *r = p->run;
	reply.approval = respond(p, d);
	run_settle(r);
	reply.status = r->status;
	emit_reply(e, fn, arg, &reply, (struct str){0});
}

void engine_approval_decide(struct engine *e, const struct approval_decision *d, engine_reply_fn fn,
			    void *arg)
{
	struct arena a CLEANUP_ARENA = {0};
	engine_enter(e);
	decide(e, d, fn, arg, &a);
	engine_leave(e);
}

/* ---- recovery ---- */

void approval_recover(struct run *r, const struct approval_row *row)
{
	struct engine *e = r->engine;
	struct arena a CLEANUP_ARENA = {0};
	struct approval *p = approval_alloc(r, (uint32_t)row->node_index, row->id);
	struct value what = parsed(&a, row->subject), list = parsed(&a, row->responses);
	p->inputs = own(row->inputs);
	p->workspace = own(value_text(value_getz(&what, "workspace")));
	p->responses = own(row->responses.n ? row->responses : STR("[]"));
	snprintf(p->sha256, sizeof(p->sha256), "%.*s", STR_ARG(row->sha256));
	p->requested_ms = row->requested_ms;
	p->expires_ms = row->expires_ms;
	p->status = row->status;
	p->n_approved = value_is(&list, VALUE_ARRAY) ? list.n : 0;
	if (p->status != APPROVAL_PENDING)
		return;
	int64_t left_ms = p->expires_ms - e->wall_ms;
	r->nodes[p->index].status = NODE_WAITING_APPROVAL;
	wait_for_answer(p, left_ms < whole_ms(p) ? left_ms : whole_ms(p));
}
