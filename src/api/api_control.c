/* Steering runs and workflows: cancel, pause, resume, skip. */
#include "api/api_private.h"
#include "api/resources.h"
#include "engine/request/control.h"

/* ---- who and why ---- */

static bool read_text(struct call *c, const struct value *body, const char *name, size_t most,
		      struct str *ret, struct call_done *ret_done)
{
	const struct value *v = value_getz(body, name);
	if (!v || value_is(v, VALUE_NULL))
		return true;
	*ret = value_text(v);
	if (value_is(v, VALUE_STRING) && ret->n <= most)
		return true;
	*ret_done = call_problem_path(
		c, 422, name,
		arena_printf(c->arena, "must be a string of at most %zu bytes", most));
	return false;
}

bool control_who(struct call *c, const struct value *body, struct str *by, struct str *reason,
		 struct call_done *ret_done)
{
	return read_text(c, body, "by", LIMIT_NAME_BYTES, by, ret_done) &&
	       read_text(c, body, "reason", LIMIT_REASON_BYTES, reason, ret_done);
}

/* ---- one run ---- */

struct control {
	struct run_control run;
	enum { CANCEL, PAUSE, RESUME } verb;
};

static void controlled(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	const struct control *x = c->state;
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_on_reader(c, runs_not_open);
		return;
	}
	if (reply->outcome > ENGINE_REPLAYED) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "workflowRunId");
	json_out_str(&o, c->params[0]);
	json_out_key(&o, "status");
	json_out_strz(&o, run_status_name(reply->status));
	if (x->verb != CANCEL)
		render_paused(&o, reply->json);
	json_out_end(&o);
	(void)call_reply(c, 202, &body);
}

static struct call_done control(struct call *c)
{
	const struct control *x = c->state;
	struct engine *e = c->api->config.engine;
	struct call_done later = call_later(c);
	switch (x->verb) {
	case CANCEL:
		engine_run_cancel(e, &x->run, controlled, c);
		break;
	case PAUSE:
		engine_run_pause(e, &x->run, controlled, c);
		break;
	case RESUME:
		engine_run_resume(e, &x->run, controlled, c);
		break;
	}
	return later;
}

static struct call_done read_control(struct call *c, struct control *x)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	x->run = (struct run_control){
		.project = PROJECT, .run_id = c->params[0], .by = STR("local")};
	if (!call_body(c, true, &body, &text, &refused) ||
	    !call_members(c, &body, "by reason", &refused) ||
	    !control_who(c, &body, &x->run.by, &x->run.reason, &refused))
		return refused;
	c->state = x;
	return call_on_loop(c, control);
}

struct call_done runs_cancel(struct call *c)
{
	struct control *x = ARENA_NEW(c->arena, struct control);
	x->verb = CANCEL;
	return read_control(c, x);
}

struct call_done runs_pause(struct call *c)
{
	struct control *x = ARENA_NEW(c->arena, struct control);
	x->verb = PAUSE;
	return read_control(c, x);
}

struct call_done runs_resume(struct call *c)
{
	struct control *x = ARENA_NEW(c->arena, struct control);
	x->verb = RESUME;
	return read_control(c, x);
}

/* ---- skip ---- */

struct skip {
	struct node_skip node;
	struct value output;
};

static void skipped(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	const struct skip *x = c->state;
	if (reply->outcome == ENGINE_NOT_FOUND && reply->diag) {
		(void)call_problem(c, 404, reply->diag->findings[0].message);
		return;
	}
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_on_reader(c, runs_not_open);
		return;
	}
	if (reply->outcome > ENGINE_REPLAYED) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "workflowRunId");
	json_out_str(&o, c->params[0]);
	json_out_key(&o, "nodeId");
	json_out_str(&o, c->params[1]);
	json_out_key(&o, "status");
	json_out_strz(&o, x->node.output ? "SUCCESS" : "SKIPPED");
	json_out_end(&o);
	(void)call_reply(c, 202, &body);
}

static struct call_done skip(struct call *c)
{
	const struct skip *x = c->state;
	struct call_done later = call_later(c);
	engine_node_skip(c->api->config.engine, &x->node, skipped, c);
	return later;
}

struct call_done runs_skip(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct skip *x = ARENA_NEW(c->arena, struct skip);
	x->node = (struct node_skip){.project = PROJECT,
				     .run_id = c->params[0],
				     .node = c->params[1],
				     .by = STR("local")};
	if (!call_body(c, true, &body, &text, &refused) ||
	    !call_members(c, &body, "output by reason", &refused) ||
	    !control_who(c, &body, &x->node.by, &x->node.reason, &refused))
		return refused;
	const struct value *output = value_getz(&body, "output");
	if (output) {
		x->output = *output;
		x->node.output = &x->output;
	}
	c->state = x;
	return call_on_loop(c, skip);
}

/* ---- workflows ---- */

struct control_workflow {
	struct workflow_control workflow;
	bool pause;
	int64_t n_runs;
};

static struct call_done workflow_read_back(struct call *c)
{
	const struct control_workflow *x = c->state;
	struct workflow_row w;
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, "There is no such workflow.");
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	render_workflow(&o, &w, true);
	json_out_key(&o, "runs");
	json_out_int(&o, x->n_runs);
	json_out_end(&o);
	return call_reply(c, 202, &body);
}

static void workflow_controlled(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	struct control_workflow *x = c->state;
	x->n_runs = reply->version;
	if (reply->outcome == ENGINE_NOT_FOUND)
		(void)call_problem(c, 404, "There is no such workflow.");
	else if (reply->outcome > ENGINE_REPLAYED)
		(void)call_problem_reply(c, reply);
	else
		(void)call_on_reader(c, workflow_read_back);
}

static struct call_done control_workflow(struct call *c)
{
	const struct control_workflow *x = c->state;
	struct engine *e = c->api->config.engine;
	struct call_done later = call_later(c);
	if (x->pause)
		engine_workflow_pause(e, &x->workflow, workflow_controlled, c);
	else
		engine_workflow_resume(e, &x->workflow, workflow_controlled, c);
	return later;
}

static struct call_done read_control_workflow(struct call *c, bool pause)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct control_workflow *x = ARENA_NEW(c->arena, struct control_workflow);
	x->pause = pause;
	x->workflow = (struct workflow_control){
		.project = PROJECT, .workflow = c->params[0], .by = STR("local")};
	if (!call_body(c, true, &body, &text, &refused) ||
	    !call_members(c, &body, pause ? "by reason runs" : "by reason", &refused) ||
	    !control_who(c, &body, &x->workflow.by, &x->workflow.reason, &refused))
		return refused;
	const struct value *runs = value_getz(&body, "runs");
	if (runs && !value_is(runs, VALUE_BOOL))
		return call_problem_path(c, 422, "runs", "must be true or false");
	x->workflow.runs = runs && runs->b;
	c->state = x;
	return call_on_loop(c, control_workflow);
}

struct call_done workflows_pause(struct call *c)
{
	return read_control_workflow(c, true);
}

struct call_done workflows_resume(struct call *c)
{
	return read_control_workflow(c, false);
}
