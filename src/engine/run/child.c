#include "engine/run/child.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/run/approval.h"
#include "engine/run/backoff.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/run/pause.h"
#include "engine/plan/schemas.h"
#include "engine/run/roots.h"
#include "engine/run/run.h"
#include "engine/request/trigger.h"
#include "json/parse.h"

#define MAY(state) (1u << (state))

static const unsigned moves[] = {
	[CHILD_BACKOFF] = MAY(CHILD_RUNNING) | MAY(CHILD_HELD),
	[CHILD_HELD] = MAY(CHILD_RUNNING),
	[CHILD_RUNNING] = MAY(CHILD_BACKOFF) | MAY(CHILD_STOPPING),
	[CHILD_STOPPING] = MAY(CHILD_BACKOFF),
};

static void move(struct child *c, enum child_state to)
{
	ASSERT(moves[c->state] & MAY(to));
	c->state = to;
}

static struct child *child_new(struct run *r, uint32_t index)
{
	struct child *c = NEW0(struct child);
	c->run = r;
	c->index = index;
	c->state = CHILD_BACKOFF;
	c->timer.kind = TIMER_CHILD;
	list_init(&c->link);
	ASSERT(!r->nodes[index].child);
	r->nodes[index].child = c;
	r->n_busy++;
	return c;
}

/* What the node does: going on by itself, or waiting for people as its callee does. */
static void count_waiting(struct child *c, bool waits, bool unknown)
{
	struct run *r = c->run;
	if (c->waits != waits) {
		r->n_busy = waits ? r->n_busy - 1 : r->n_busy + 1;
		r->n_waiting = waits ? r->n_waiting + 1 : r->n_waiting - 1;
	}
	if (c->unknown != unknown)
		r->n_unknown = unknown ? r->n_unknown + 1 : r->n_unknown - 1;
	c->waits = waits;
	c->unknown = unknown;
}

static void follow_callee(struct child *c)
{
	const struct run *callee = c->callee;
	bool waits = callee->status == RUN_WAITING_APPROVAL;
	count_waiting(c, waits, waits && callee->n_unknown > 0);
}

void child_link(struct child *c, struct run *callee)
{
	callee->called = true;
	c->callee = callee;
	callee->caller = c;
	callee->root = c->run->root;
	callee->depth = c->run->depth + 1;
	callee->root->n_below++;
}

static void unlink_callee(struct child *c)
{
	if (!c->callee)
		return;
	c->callee->root->n_below--;
	c->callee->caller = NULL;
	c->callee = NULL;
}

void child_end(struct node *n)
{
	struct child *c = n->child;
	if (!c)
		return;
	count_waiting(c, false, false);
	unlink_callee(c);
	c->run->n_busy--;
	child_free(c);
}

void child_free(struct child *c)
{
	timer_disarm(&c->run->engine->timers, &c->timer);
	list_remove(&c->link);
	if (c->callee)
		c->callee->caller = NULL;
	c->run->nodes[c->index].child = NULL;
	free(c);
}

/* ---- what would be called ---- */

static struct workflow *find_workflow(struct run *r, struct str name, struct verdict *end)
{
	struct engine *e = r->engine;
	struct workflow *w = catalog_workflow(&e->catalog, r->plan->project, name);
	if (!w)
		verdict_refuse(end, "workflow_missing", e, "there is no workflow \"%.*s\"",
			       STR_ARG(name));
	else if (!w->plan)
		verdict_refuse(end, "workflow_invalid", e,
			       "the newest version of workflow \"%.*s\" is not valid in this "
			       "version of drover; save it again",
			       STR_ARG(name));
	else if (w->plan->status == WORKFLOW_ARCHIVED)
		verdict_refuse(end, "workflow_archived", e,
			       "workflow \"%.*s\" is ARCHIVED; set its status to ACTIVE",
			       STR_ARG(name));
	else
		return w;
	return NULL;
}

static bool has_room(struct run *r, struct verdict *end)
{
	struct engine *e = r->engine;
	if (r->depth >= LIMIT_RUN_DEPTH)
		return verdict_refuse(end, "too_deep", e,
				      "workflows may call workflows %d deep; this run is the last "
				      "that may be",
				      LIMIT_RUN_DEPTH);
	if (r->root->n_below >= LIMIT_RUN_TREE)
		return verdict_refuse(end, "too_many_runs", e,
				      "run %s and what it called have %d open runs below it; there "
				      "may be no more",
				      r->root->id.text, LIMIT_RUN_TREE);
	return true;
}

/* The context, judged; those that were approved are not resolved again. */
static bool make_context(struct run *r, uint32_t index, const struct plan *plan, struct str *ret,
			 struct verdict *end)
{
	struct engine *e = r->engine;
	const struct approval *p = r->nodes[index].approval;
	struct roots roots = {r, index, &e->scratch};
	struct resolve_roots env = roots_env(&roots);
	struct resolve_error error;
	struct value context;
	struct diag d;
	diag_init(&d, &e->scratch);
	if (p)
		json_parse(&e->scratch, str_of(p->inputs), JSON_DEFAULT, &context, NULL);
	else if (resolve_run(run_plan_node(r, index)->inputs, &env, &e->scratch, &context,
			     &error) != 0)
		return verdict_refuse(end, error.code, e, "%s", error.message);
	if (!schemas_check(plan->context_schema, &context, &d, "inputs"))
		return verdict_refuse(end, "invalid_input", e, "%s",
				      verdict_findings(&e->scratch, &d));
	buf_clear(&e->text);
	json_write(&e->text, &context);
	*ret = arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
	return true;
}

bool child_preview(struct run *r, uint32_t index, struct child_call *ret, struct verdict *end)
{
	struct workflow *w = find_workflow(r, run_plan_node(r, index)->workflow, end);
	if (!w || !has_room(r, end))
		return false;
	ret->workflow = w;
	return make_context(r, index, w->plan, &ret->context, end);
}

struct value child_subject(struct arena *a, const struct workflow *w)
{
	struct value v = value_object(a, 4);
	value_putz(a, &v, "name", value_str(w->row.name));
	value_putz(a, &v, "id", value_str(w->row.id));
	value_putz(a, &v, "version", value_int(w->plan->version));
	value_putz(a, &v, "sha256", value_strz(w->plan->sha256));
	return v;
}

static bool prepare(struct run *r, uint32_t index, struct child_call *ret, struct verdict *end)
{
	const struct approval *p = r->nodes[index].approval;
	if (!child_preview(r, index, ret, end))
		return false;
	if (!p || approval_holds_call(p, ret->workflow))
		return true;
	return verdict_refuse(
		end, "approval_void", r->engine,
		"what would run is not what was approved: workflow \"%.*s\" was saved "
		"anew; run it again to ask again",
		STR_ARG(ret->workflow->row.name));
}

/* ---- rows and events ---- */

/* The node's detail: which run it waits for. */
static void set_detail(struct child *c)
{
	struct run *r = c->run;
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "childRunId");
	json_out_strz(&o, c->id.text);
	json_out_key(&o, "childVersion");
	json_out_int(&o, c->version);
	if (c->state == CHILD_STOPPING) {
		json_out_key(&o, "timedOut");
		json_out_bool(&o, true);
	}
	json_out_end(&o);
	node_set_detail(&r->nodes[c->index], buf_str(&text));
}

static void emit_row(struct child *c)
{
	if (*c->id.text)
		set_detail(c);
	emit_node(c->run, c->index, (struct str){0}, (struct str){0}, (struct str){0});
}

static void tell_started(const struct child *c)
{
	struct run *r = c->run;
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, c->index));
	json_out_key(&o, "attempt");
	json_out_int(&o, r->nodes[c->index].attempts);
	json_out_key(&o, "workflow");
	json_out_str(&o, run_plan_node(r, c->index)->workflow);
	json_out_key(&o, "version");
	json_out_int(&o, c->version);
	json_out_key(&o, "childRunId");
	json_out_strz(&o, c->id.text);
	emit_event_end(r, "node.started", &o);
}

/* ---- starting ---- */

static void arm(struct child *c, int64_t left_ms, int64_t most_ms)
{
	struct engine *e = c->run->engine;
	if (left_ms > most_ms)
		left_ms = most_ms;
	timer_arm(&e->timers, &c->timer, e->now_ms + (left_ms > 0 ? left_ms : 0));
}

/* The time-out goes on, or stands still while the run is paused or the callee waits for people. */
static void follow_clock(struct child *c)
{
	struct engine *e = c->run->engine;
	int64_t limit_ms = run_plan_node(c->run, c->index)->timeout_ms;
	bool goes = !c->run->pause && !(c->waits && !c->unknown);
	if (limit_ms == 0 || c->state != CHILD_RUNNING || goes == timer_armed(&c->timer))
		return;
	if (goes) {
		c->wake_ms = e->wall_ms + c->left_ms;
		arm(c, c->left_ms, limit_ms);
		emit_row(c);
	} else {
		c->left_ms = c->timer.due_ms > e->now_ms ? c->timer.due_ms - e->now_ms : 0;
		timer_disarm(&e->timers, &c->timer);
	}
}

/* The callee, without rows; or NULL with the end of the node. */
static struct run *make_callee(struct child *c, const struct child_call *call, struct verdict *end)
{
	struct run *r = c->run;
	struct engine *e = r->engine;
	CLEANUP_BUF struct buf trigger = {0};
	struct diag d;
	diag_init(&d, &e->scratch);
	struct json_out o = json_out_to(&trigger);
	json_out_object(&o);
	json_out_key(&o, "type");
	json_out_strz(&o, "workflow");
	json_out_key(&o, "runId");
	json_out_strz(&o, r->id.text);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, c->index));
	json_out_end(&o);
	struct run *callee = trigger_run(e,
					 &(struct new_run){
						 .plan = call->workflow->plan,
						 .workflow = call->workflow,
						 .context = call->context,
						 .trigger = buf_str(&trigger),
						 .priority = &r->priority,
						 .caller = c,
					 },
					 &d);
	if (!callee)
		verdict_refuse(end, "invalid_input", e, "%s", verdict_findings(&e->scratch, &d));
	return callee;
}

static void fail(struct run *r, uint32_t index, const struct verdict *end)
{
	struct str error = emit_error(r->engine, end->code, end->message, (struct str){0}, false);
	node_fail(r, index, verdict_node_status(end), error, end->code);
}

static void start(struct child *c)
{
	struct run *r = c->run;
	struct engine *e = r->engine;
	struct node *n = &r->nodes[c->index];
	struct child_call call = {0};
	struct verdict end = {0};
	struct run *callee = NULL;
	if (prepare(r, c->index, &call, &end))
		callee = make_callee(c, &call, &end);
	if (!callee) {
		fail(r, c->index, &end);
		return;
	}
	n->attempts++;
	if (n->started_ms == 0)
		n->started_ms = e->wall_ms;
	node_move(n, NODE_RUNNING);
	move(c, CHILD_RUNNING);
	int64_t limit_ms = run_plan_node(r, c->index)->timeout_ms;
	c->wake_ms = limit_ms ? e->wall_ms + limit_ms : 0;
	c->begun_ms = e->wall_ms;
	if (limit_ms)
		arm(c, limit_ms, limit_ms);
	c->version = call.workflow->plan->version;
	c->id = callee->id;
	emit_row(c);
	tell_started(c);
	trigger_enter(callee, (struct str){0}); /* it and what follows may end it, and c with it */
	if (workflow_paused(call.workflow))
		pause_begin(callee, PAUSE_WORKFLOW, (struct str){0}, STR("its workflow is paused"));
	run_begin(callee);
	run_settle(callee);
}

void child_begin(struct run *r, uint32_t index)
{
	struct child *c = child_new(r, index);
	if (!r->pause) {
		start(c);
		return;
	}
	c->wake_ms = c->begun_ms = r->engine->wall_ms;
	move(c, CHILD_HELD);
	node_move(&r->nodes[index], NODE_QUEUED);
	emit_row(c);
}

/* ---- ends ---- */

static void back_off(struct child *c, int64_t delay_ms)
{
	struct run *r = c->run;
	struct engine *e = r->engine;
	move(c, CHILD_BACKOFF);
	node_move(&r->nodes[c->index], NODE_QUEUED);
	c->wake_ms = e->wall_ms + delay_ms;
	c->begun_ms = e->wall_ms;
	timer_arm(&e->timers, &c->timer, e->now_ms + delay_ms);
	emit_row(c);
}

/* The node goes on without this callee. */
static void failed(struct child *c, const struct verdict *end)
{
	struct run *r = c->run;
	enum stop_reason stopping = node_stopping(r, c->index);
	if (stopping != STOP_NONE) {
		node_cancel(r, c->index, stopping == STOP_TIMEOUT ? NODE_TIMED_OUT : NODE_CANCELLED,
			    true);
		return;
	}
	struct backoff next = backoff_judge(r, c->index, end);
	if (next.delay_ms < 0) {
		r->nodes[c->index].not_retried = next.reason;
		fail(r, c->index, end);
		return;
	}
	backoff_tell(r, c->index, r->nodes[c->index].attempts, &next, end);
	back_off(c, next.delay_ms);
}

static const char *callee_text(const struct child *c)
{
	struct run *r = c->run;
	struct str workflow = run_plan_node(r, c->index)->workflow;
	return arena_printf(&r->engine->scratch, "run %s of workflow \"%.*s\"", c->id.text,
			    STR_ARG(workflow));
}

/* What the end of the callee is for the node. */
static void judge_end(const struct child *c, const struct run *callee, struct str error,
		      struct verdict *ret)
{
	struct engine *e = c->run->engine;
	struct value v = VALUE_NULL_INIT;
	if (error.n)
		json_parse(&e->scratch, error, JSON_DEFAULT, &v, NULL);
	struct str why = value_text(value_getz(&v, "message"));
	if (c->state == CHILD_STOPPING) {
		verdict_refuse(ret, "timeout", e, "%s took longer than the node's timeout",
			       callee_text(c));
		ret->status = ATTEMPT_TIMED_OUT;
	} else if (callee->status == RUN_CANCELLED) {
		verdict_refuse(ret, "child_cancelled", e, "%s was cancelled: %.*s", callee_text(c),
			       STR_ARG(why));
		return;
	} else {
		verdict_refuse(ret, "child_failed", e, "%s ended %s: %.*s", callee_text(c),
			       run_status_name(callee->status), STR_ARG(why));
	}
	ret->final = false; /* another run may end better */
}

static bool fits(const struct child *c, struct str output, struct verdict *ret)
{
	if (output.n <= LIMIT_AGENT_OUTPUT_BYTES)
		return true;
	return verdict_refuse(ret, "output_too_large", c->run->engine,
			      "the output of %s is longer than %d bytes; give the workflow an "
			      "output that names what is needed",
			      callee_text(c), LIMIT_AGENT_OUTPUT_BYTES);
}

void child_run_ended(struct run *callee, struct str error, struct str output)
{
	struct child *c = callee->caller;
	struct verdict end = {0};
	if (!c)
		return;
	struct run *r = c->run;
	count_waiting(c, false, false);
	timer_disarm(&r->engine->timers, &c->timer);
	unlink_callee(c);
	if (callee->status != RUN_SUCCESS)
		judge_end(c, callee, error, &end);
	if (callee->status == RUN_SUCCESS && node_stopping(r, c->index) == STOP_NONE &&
	    fits(c, output, &end))
		node_succeed(r, c->index, output);
	else
		failed(c, &end);
	run_settle(r);
}

void child_run_waits(struct run *callee)
{
	struct child *c = callee->caller;
	if (!c)
		return;
	bool waits = c->waits, unknown = c->unknown;
	follow_callee(c);
	if (waits == c->waits && unknown == c->unknown)
		return;
	follow_clock(c);
	run_settle(c->run);
}

/* ---- pausing ---- */

void child_pause(struct child *c)
{
	const struct pause *p = c->run->pause;
	follow_clock(c);
	if (c->callee)
		pause_begin(c->callee, PAUSE_CALLER, p->by, p->reason);
}

void child_resume(struct child *c, struct str by, struct str reason)
{
	follow_clock(c);
	if (c->state == CHILD_HELD)
		start(c);
	else if (c->callee && c->callee->pause && c->callee->pause->with == PAUSE_CALLER)
		pause_end(c->callee, by, reason);
}

/* ---- stopping ---- */

void child_fire(struct child *c)
{
	struct run *r = c->run;
	if (c->state == CHILD_BACKOFF && r->pause) {
		move(c, CHILD_HELD);
	} else if (c->state == CHILD_BACKOFF) {
		start(c);
	} else {
		move(c, CHILD_STOPPING);
		c->wake_ms = 0;
		emit_row(c);
		run_stop(c->callee, STOP_TIMEOUT,
			 str_of(arena_printf(&r->engine->scratch,
					     "it took longer than the timeout of node \"%.*s\" of "
					     "run %s, which called it",
					     STR_ARG(run_node_id(r, c->index)), r->id.text)));
	}
	run_settle(r);
}

void child_stop(struct child *c)
{
	struct run *r = c->run;
	enum stop_reason stopping = node_stopping(r, c->index);
	if (!c->callee)
		node_cancel(r, c->index, stopping == STOP_TIMEOUT ? NODE_TIMED_OUT : NODE_CANCELLED,
			    true);
	else
		run_stop(c->callee, stopping,
			 str_of(arena_printf(&r->engine->scratch,
					     "run %s, which called it, stopped it", r->id.text)));
}

/* ---- recovery ---- */

struct detail {
	struct str run_id;
	int64_t version;
	bool timed_out;
};

static bool read_detail(struct str json, struct detail *ret)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	if (!json.n || json_parse(&a, json, JSON_BORROW, &v, NULL) != 0)
		return false;
	const struct value *version = value_getz(&v, "childVersion");
	ret->run_id = value_text(value_getz(&v, "childRunId")); /* borrowed from the row */
	ret->version = value_is(version, VALUE_INT) ? version->i : 0;
	ret->timed_out = value_getz(&v, "timedOut") != NULL;
	return ret->run_id.n == ID_TEXT_BYTES - 1;
}

bool child_row_is(const struct plan_node *pn, const struct node_row *row)
{
	struct detail d;
	return pn->workflow.n && read_detail(row->detail, &d);
}

bool child_row_fits(const struct plan_node *pn, const struct node_row *row)
{
	if (!pn->workflow.n || row->attempt < 0 || row->attempt > INT32_MAX)
		return false;
	if (row->status == NODE_QUEUED)
		return row->wake_ms > 0 && child_row_is(pn, row) == (row->attempt > 0);
	return row->status == NODE_RUNNING && child_row_is(pn, row) && row->attempt > 0;
}

void child_recover(struct run *r, uint32_t index, const struct node_row *row)
{
	struct child *c = child_new(r, index);
	struct node *n = &r->nodes[index];
	struct detail d = {0};
	if (read_detail(row->detail, &d))
		memcpy(c->id.text, d.run_id.p, ID_TEXT_BYTES - 1);
	c->version = d.version;
	c->wake_ms = row->wake_ms;
	c->begun_ms = r->engine->wall_ms;
	n->status = row->status;
	n->tries = n->attempts;
	if (row->status == NODE_QUEUED && r->pause && row->wake_ms <= r->engine->wall_ms) {
		move(c, CHILD_HELD);
		return;
	}
	if (row->status == NODE_QUEUED) {
		arm(c, row->wake_ms - r->engine->wall_ms,
		    run_plan_node(r, index)->retry.maximum_ms);
		return;
	}
	n->tries--;
	c->state = d.timed_out ? CHILD_STOPPING : CHILD_RUNNING;
	list_push_back(&r->engine->unlinked, &c->link);
}

/* The time-out, from the row: it stands still since the run is paused, or the callee waits. */
static void recover_clock(struct child *c)
{
	int64_t limit_ms = run_plan_node(c->run, c->index)->timeout_ms;
	int64_t now_ms = c->run->engine->wall_ms, until_ms = now_ms;
	if (c->state != CHILD_RUNNING || c->wake_ms == 0)
		return;
	if (c->run->pause && c->run->pause->at_ms < until_ms)
		until_ms = c->run->pause->at_ms;
	if (c->waits && c->callee->waiting_since_ms > 0 && c->callee->waiting_since_ms < until_ms)
		until_ms = c->callee->waiting_since_ms;
	arm(c, c->wake_ms - until_ms, limit_ms);
	follow_clock(c);
}

/* Depths come from rows; the run at the top is found by going up. */
static void find_root(struct run *r)
{
	struct run *top = r;
	while (top->caller)
		top = top->caller->run;
	r->root = top;
	if (top != r)
		top->n_below++;
}

void child_link_all(struct engine *e)
{
	LIST_FOREACH (it, &e->unlinked) {
		struct child *c = container_of(it, struct child, link);
		struct run *callee = map_get(&e->runs, ID_STR(c->id));
		if (!callee || callee->caller || !callee->called)
			continue;
		list_remove(&c->link);
		c->callee = callee;
		callee->caller = c;
		follow_callee(c);
		recover_clock(c);
	}
	LIST_FOREACH (it, &e->open)
		find_root(container_of(it, struct run, link));
}

static void lose(struct child *c)
{
	struct verdict end = {0};
	timer_disarm(&c->run->engine->timers, &c->timer);
	verdict_refuse(&end, "child_failed", c->run->engine, "%s could not be read any more",
		       callee_text(c));
	end.final = false;
	failed(c, &end);
}

void child_resume_all(struct engine *e)
{
	struct list *it;
	while ((it = list_pop_front(&e->unlinked))) {
		pump_turn(&e->pump);
		lose(container_of(it, struct child, link));
	}
	LIST_FOREACH (open, &e->open) {
		struct run *r = container_of(open, struct run, link);
		if (!r->called || r->caller || run_status_final(r->status))
			continue;
		pump_turn(&e->pump);
		run_stop(r, STOP_CANCEL, STR("the run that called it is not there any more"));
	}
}

/* ---- the invariant ---- */

bool child_moves(const struct node *n)
{
	const struct child *c = n->child;
	const struct run *r = c->run;
	if (n->attempt || n->wait || run_status_final(r->status))
		return false;
	if (c->state == CHILD_HELD)
		return n->status == NODE_QUEUED && !c->callee && r->pause;
	if (c->state == CHILD_BACKOFF)
		return n->status == NODE_QUEUED && !c->callee && timer_armed(&c->timer) &&
		       r->stopping == STOP_NONE;
	return n->status == NODE_RUNNING && c->callee && c->callee->caller == c &&
	       !run_status_final(c->callee->status) &&
	       c->waits == (c->callee->status == RUN_WAITING_APPROVAL) &&
	       (c->state != CHILD_STOPPING || c->callee->stopping != STOP_NONE) &&
	       (node_stopping(r, c->index) == STOP_NONE || c->callee->stopping != STOP_NONE);
}
