/* /api/runs and what hangs on one run: reading, retrying. */
#include "api/api_items.h"
#include "api/api_private.h"
#include "api/resources.h"
#include "base/timefmt.h"

static const char no_run[] = "There is no such run; those that ended are kept for a time only.";

/* ---- reading one ---- */

static const struct run_part nodes_only = {0};

static struct call_done answer_run(struct call *c, const struct run_detail *d)
{
	struct buf body = {0};
	struct run_items items;
	int r = items_read(c, d, &items);
	if (r)
		return call_problem_store(c, r, no_run);
	struct json_out o = json_out_to(&body);
	render_run(&o, c->arena, d, &items);
	return call_reply(c, 200, &body);
}

struct call_done runs_get(struct call *c)
{
	struct run_detail d = {0};
	int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, c->params[0],
					     &nodes_only, &d);
	return r ? call_problem_store(c, r, no_run) : answer_run(c, &d);
}

struct call_done runs_get_of_workflow(struct call *c)
{
	struct run_detail d = {0};
	int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, c->params[1],
					     &nodes_only, &d);
	if (r)
		return call_problem_store(c, r, no_run);
	if (!str_eq(d.run.workflow_id, c->params[0]) && !str_eq(d.run.workflow_name, c->params[0]))
		return call_problem(c, 404, "The workflow has no such run.");
	return answer_run(c, &d);
}

struct call_done runs_attempts(struct call *c)
{
	struct run_detail d = {0};
	int r = c->reader->ops->run_get(c->reader, c->arena, PROJECT, c->params[0], &d);
	if (r)
		return call_problem_store(c, r, no_run);
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "items");
	json_out_array(&o);
	for (size_t i = 0; i < d.n_attempts; i++)
		render_attempt(&o, &d.attempts[i]);
	json_out_end(&o);
	json_out_key(&o, "nextCursor");
	json_out_null(&o);
	json_out_end(&o);
	return call_reply(c, 200, &body);
}

/* ---- lists ---- */

static struct call_done list(struct call *c, struct run_filter *filter)
{
	struct call_done refused;
	struct call_page p;
	struct run_list_stop stop;
	struct run_row *rows;
	size_t n;
	if (!page_begin(c, &p, &refused))
		return refused;
	filter->stop = &stop;
	int r = c->reader->ops->run_list(c->reader, c->arena, filter, &p.page, &rows, &n);
	if (r) {
		buf_free(&p.body);
		return call_problem_store(c, r, no_run);
	}
	size_t shown = page_shown(&p, n);
	for (size_t i = 0; i < shown; i++) {
		json_out_object(&p.out);
		render_run_head(&p.out, &rows[i]);
		json_out_end(&p.out);
	}
	if (stop.after.n == 0)
		return page_end(c, &p, n > shown, shown ? rows[shown - 1].id : STR(""));
	p.searched_to_ms = stop.created_ms;
	return page_end(c, &p, true, stop.after);
}

static bool read_time(struct call *c, const char *name, int64_t *ret_ms, struct call_done *ret_done)
{
	const struct str *text = call_query(c, name);
	if (!text || timefmt_rfc3339_parse(*text, ret_ms, NULL) == 0)
		return true;
	*ret_done = call_problem_path(c, 400, name,
				      "must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
	return false;
}

static bool read_filter(struct call *c, struct run_filter *f, struct call_done *ret_done)
{
	const struct str *status = call_query(c, "status");
	const struct str *text = call_query(c, "q");
	f->project = PROJECT;
	if (status && !run_status_parse(*status, &f->status)) {
		*ret_done = call_problem_path(
			c, 400, "status",
			"must be one of PENDING RUNNING WAITING_APPROVAL SUCCESS FAILED CANCELLED "
			"TIMED_OUT");
		return false;
	}
	f->has_status = status != NULL;
	if (text)
		f->text = *text;
	if (call_query(c, "callerRunId"))
		f->caller_run_id = *call_query(c, "callerRunId");
	return read_time(c, "since", &f->since_ms, ret_done) &&
	       read_time(c, "until", &f->until_ms, ret_done);
}

struct call_done runs_list(struct call *c)
{
	struct call_done refused;
	struct run_filter f = {0};
	struct workflow_row w;
	const struct str *workflow = call_query(c, "workflow");
	if (!read_filter(c, &f, &refused))
		return refused;
	if (workflow) {
		int r = workflows_find(c, *workflow, &w);
		if (r)
			return call_problem_store(c, r, "There is no such workflow.");
		f.workflow_id = w.id;
	}
	return list(c, &f);
}

struct call_done runs_list_of_workflow(struct call *c)
{
	struct call_done refused;
	struct run_filter f = {0};
	struct workflow_row w;
	if (!read_filter(c, &f, &refused))
		return refused;
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, "There is no such workflow.");
	f.workflow_id = w.id;
	return list(c, &f);
}

/* ---- a run that is not open ---- */

/* The engine knows open runs only: one that ended is a conflict, not a stranger. */
struct call_done runs_not_open(struct call *c)
{
	struct run_detail d = {0};
	int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, c->params[0],
					     &nodes_only, &d);
	if (r)
		return call_problem_store(c, r, no_run);
	return call_problem(c, 409,
			    arena_printf(c->arena, "The run has ended already: %s.",
					 run_status_name(d.run.status)));
}

/* A member that is a string or not there. */
static bool read_text(struct call *c, const struct value *body, const char *name, struct str *ret,
		      struct call_done *ret_done)
{
	const struct value *v = value_getz(body, name);
	if (v && !value_is(v, VALUE_STRING)) {
		*ret_done = call_problem_path(c, 422, name, "must be a string");
		return false;
	}
	*ret = value_text(v);
	return true;
}

/* ---- retry: the old run is read on a reader, the new one made on the loop ---- */

struct retry {
	struct str from, by, reason;
	const struct value *context; /* NULL = the old run's */
	bool plan;
	struct run_detail old;
};

static void retried(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome > ENGINE_REPLAYED) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	if (reply->json.n) { /* a plan */
		buf_put_str(&body, reply->json);
		(void)call_reply(c, 200, &body);
		return;
	}
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "workflowRunId");
	json_out_str(&o, reply->id);
	json_out_key(&o, "status");
	json_out_strz(&o, run_status_name(reply->status));
	json_out_key(&o, "parentRunId");
	json_out_str(&o, c->params[0]);
	json_out_end(&o);
	(void)call_reply(c, 202, &body);
}

static struct call_done retry(struct call *c)
{
	struct retry *t = c->state;
	struct run_retry request = {.project = PROJECT,
				    .old = &t->old,
				    .from = t->from,
				    .context = t->context,
				    .by = t->by,
				    .reason = t->reason,
				    .plan = t->plan};
	struct call_done later = call_later(c);
	engine_run_retry(c->api->config.engine, &request, retried, c);
	return later;
}

static struct call_done read_old(struct call *c)
{
	struct retry *t = c->state;
	int r = c->reader->ops->run_get(c->reader, c->arena, PROJECT, c->params[0], &t->old);
	return r ? call_problem_store(c, r, no_run) : call_on_loop(c, retry);
}

/* The context of the new run and whether it is only planned. */
static bool read_edit(struct call *c, const struct value *body, struct retry *t,
		      struct call_done *ret_done)
{
	const struct value *plan = value_getz(body, "plan"), *context = value_getz(body, "context");
	if (plan && !value_is(plan, VALUE_BOOL)) {
		*ret_done = call_problem_path(c, 422, "plan", "must be true or false");
		return false;
	}
	t->plan = plan && plan->b;
	if (!context || value_is(context, VALUE_NULL))
		return true;
	struct value *kept = ARENA_NEW(c->arena, struct value);
	*kept = *context;
	t->context = kept;
	return true;
}

struct call_done runs_retry(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct retry *t = ARENA_NEW(c->arena, struct retry);
	if (!call_body(c, true, &body, &text, &refused) ||
	    !call_members(c, &body, "from context plan by reason", &refused) ||
	    !read_text(c, &body, "from", &t->from, &refused) || !read_edit(c, &body, t, &refused) ||
	    !control_who(c, &body, &t->by, &t->reason, &refused))
		return refused;
	if (t->from.n == 0)
		t->from = STR("failed");
	c->state = t;
	return call_on_reader(c, read_old);
}

/* ---- why: the run is read on a reader, judged on the loop ---- */

static struct call_done read_why(struct call *c);

static void told_why(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND) { /* it ended meanwhile */
		(void)call_on_reader(c, read_why);
		return;
	}
	struct buf body = {0};
	buf_put_str(&body, reply->json);
	(void)call_reply(c, 200, &body);
}

static struct call_done why(struct call *c)
{
	struct run_why ask = {.project = PROJECT, .stored = c->state};
	struct call_done later = call_later(c);
	engine_run_why(c->api->config.engine, &ask, told_why, c);
	return later;
}

static struct call_done read_why(struct call *c)
{
	struct run_detail *d = ARENA_NEW(c->arena, struct run_detail);
	int r = c->reader->ops->run_get(c->reader, c->arena, PROJECT, c->params[0], d);
	if (r)
		return call_problem_store(c, r, no_run);
	if (c->state && !run_status_final(d->run.status))
		return call_problem(c, 503, "The run changes just now; ask again.");
	c->state = d;
	return call_on_loop(c, why);
}

struct call_done runs_why(struct call *c)
{
	return read_why(c);
}
