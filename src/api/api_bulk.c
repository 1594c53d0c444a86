/*
 * POST /api/runs/bulk: one action on all runs that a question finds, or a plan of it.
 *
 * The runs are found on a reader, all before anything is done to the first. Then they are dealt
 * with one after another, each as by its own request: on the loop, and for a retry on a reader
 * before. The answer tells what came of each.
 */
#include "api/api_private.h"
#include "api/resources.h"
#include "base/timefmt.h"
#include "engine/request/control.h"

enum verb { CANCEL, PAUSE, RESUME, RETRY };

static const char *const verbs[] = {"cancel", "pause", "resume", "retry"};

struct bulk {
	enum verb verb;
	struct str workflow, from, by, reason;
	struct run_filter filter;
	bool plan, more;
	struct run_row rows[LIMIT_BULK_RUNS];
	size_t n, at, n_done;
	struct arena old; /* of one retry */
	struct run_detail detail;
	struct buf body;
	struct json_out out;
};

static struct call_done step(struct call *c);

/* ---- what was asked ---- */

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

static bool read_time(struct call *c, const struct value *body, const char *name, int64_t *ret,
		      struct call_done *ret_done)
{
	struct str text;
	if (!read_text(c, body, name, &text, ret_done))
		return false;
	if (text.n == 0 || timefmt_rfc3339_parse(text, ret, NULL) == 0)
		return true;
	*ret_done = call_problem_path(c, 422, name,
				      "must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
	return false;
}

static bool read_verb(struct call *c, const struct value *body, struct bulk *b,
		      struct call_done *ret_done)
{
	struct str text = value_text(value_getz(body, "action"));
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eqz(text, verbs[i])) {
			b->verb = (enum verb)i;
			return true;
		}
	*ret_done = call_problem_path(c, 422, "action", "must be cancel, pause, resume or retry");
	return false;
}

/* Of an open run for what steers, of one that has ended for a retry. */
static bool read_status(struct call *c, const struct value *body, struct bulk *b,
			struct call_done *ret_done)
{
	struct str text;
	if (!read_text(c, body, "status", &text, ret_done))
		return false;
	b->filter.has_status = text.n > 0;
	if (text.n == 0 || (run_status_parse(text, &b->filter.status) &&
			    run_status_final(b->filter.status) == (b->verb == RETRY)))
		return true;
	*ret_done = call_problem_path(c, 422, "status",
				      b->verb == RETRY
					      ? "must be one of FAILED TIMED_OUT CANCELLED SUCCESS"
					      : "must be one of RUNNING WAITING_APPROVAL PENDING");
	return false;
}

static bool read_flags(struct call *c, const struct value *body, struct bulk *b,
		       struct call_done *ret_done)
{
	const struct value *plan = value_getz(body, "plan");
	bool any = b->filter.has_status || b->workflow.n || b->filter.text.n ||
		   b->filter.since_ms || b->filter.until_ms;
	b->plan = plan && plan->b;
	if (plan && !value_is(plan, VALUE_BOOL))
		*ret_done = call_problem_path(c, 422, "plan", "must be true or false");
	else if (b->from.n && b->verb != RETRY)
		*ret_done = call_problem_path(c, 422, "from", "goes with retry only");
	else if (!any)
		*ret_done = call_problem(c, 422,
					 "Say which runs: status, workflow, q, since or until.");
	else
		return true;
	return false;
}

static bool read_bulk(struct call *c, const struct value *body, struct bulk *b,
		      struct call_done *ret_done)
{
	return call_members(c, body, "action status workflow q since until from by reason plan",
			    ret_done) &&
	       read_verb(c, body, b, ret_done) && read_status(c, body, b, ret_done) &&
	       read_text(c, body, "workflow", &b->workflow, ret_done) &&
	       read_text(c, body, "q", &b->filter.text, ret_done) &&
	       read_text(c, body, "from", &b->from, ret_done) &&
	       read_time(c, body, "since", &b->filter.since_ms, ret_done) &&
	       read_time(c, body, "until", &b->filter.until_ms, ret_done) &&
	       control_who(c, body, &b->by, &b->reason, ret_done) &&
	       read_flags(c, body, b, ret_done);
}

/* ---- finding ---- */

static bool concerns(const struct bulk *b, const struct run_row *row)
{
	bool paused = pause_is_on(row->pause);
	return b->verb == PAUSE ? !paused : b->verb == RESUME ? paused : true;
}

/* Adds the runs of the filter's status. 0, an outcome of the store or a negative errno. */
static int find_status(struct call *c, struct bulk *b)
{
	struct run_list_stop stop;
	struct store_page page = {.limit = LIMIT_PAGE_MOST};
	b->filter.stop = &stop;
	for (;;) {
		struct run_row *rows;
		size_t n;
		int r = c->reader->ops->run_list(c->reader, c->arena, &b->filter, &page, &rows, &n);
		if (r)
			return r;
		for (size_t i = 0; i < n; i++) {
			if (!concerns(b, &rows[i]))
				continue;
			b->more |= b->n == LIMIT_BULK_RUNS;
			if (b->more)
				return 0;
			b->rows[b->n++] = rows[i];
		}
		if (n < page.limit && stop.after.n == 0)
			return 0;
		page.after = stop.after.n ? stop.after : rows[n - 1].id;
	}
}

static int find_all(struct call *c, struct bulk *b)
{
	static const enum run_status open[] = {RUN_RUNNING, RUN_WAITING_APPROVAL, RUN_PENDING},
				     failed[] = {RUN_FAILED, RUN_TIMED_OUT};
	bool retry = b->verb == RETRY;
	int r = 0;
	if (b->filter.has_status)
		return find_status(c, b);
	b->filter.has_status = true;
	for (size_t i = 0; r == 0 && i < (retry ? ARRAY_LEN(failed) : ARRAY_LEN(open)); i++) {
		b->filter.status = retry ? failed[i] : open[i];
		r = find_status(c, b);
	}
	return r;
}

static struct call_done find(struct call *c)
{
	struct bulk *b = c->state;
	struct workflow_row w;
	if (b->workflow.n) {
		int r = workflows_find(c, b->workflow, &w);
		if (r)
			return call_problem_store(c, r, "There is no such workflow.");
		b->filter.workflow_id = w.id;
	}
	int r = find_all(c, b);
	if (r)
		return call_problem_store(c, r, "There is no such run.");
	b->out = json_out_to(&b->body);
	json_out_object(&b->out);
	json_out_key(&b->out, "items");
	json_out_array(&b->out);
	return step(c);
}

/* ---- one after another ---- */

/* What came of it; NULL = it is only planned. */
static const char *outcome(const struct bulk *b, const struct engine_reply *reply)
{
	if (b->plan)
		return reply->outcome > ENGINE_REPLAYED ? "refused" : "planned";
	if (reply->outcome == ENGINE_OK || reply->outcome == ENGINE_CREATED)
		return "done";
	if (reply->outcome <= ENGINE_REPLAYED)
		return "unchanged";
	bool ended = reply->outcome == ENGINE_NOT_FOUND || reply->outcome == ENGINE_CONFLICT;
	return ended && b->verb != RETRY ? "ended before" : "refused";
}

static void put_item(struct bulk *b, const struct engine_reply *reply)
{
	const struct run_row *row = &b->rows[b->at++];
	const char *what = outcome(b, reply);
	bool done = strcmp(what, "done") == 0;
	json_out_object(&b->out);
	json_out_key(&b->out, "workflowRunId");
	json_out_str(&b->out, row->id);
	json_out_key(&b->out, "workflowName");
	json_out_str(&b->out, row->workflow_name);
	json_put_strz(&b->out, "status",
		      run_status_name(done && b->verb != RETRY ? reply->status : row->status));
	json_put_strz(&b->out, "outcome", what);
	if (reply->diag && reply->diag->n > 0)
		json_put_strz(&b->out, "message", reply->diag->findings[0].message);
	if (done && b->verb == RETRY) {
		json_out_key(&b->out, "newRunId");
		json_out_str(&b->out, reply->id);
	}
	if (b->plan && reply->json.n) {
		json_out_key(&b->out, "plan");
		json_out_raw(&b->out, reply->json);
	}
	json_out_end(&b->out);
	b->n_done += done;
}

static void replied(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	put_item(c->state, reply);
	(void)call_on_loop(c, step);
}

static struct call_done act(struct call *c)
{
	const struct bulk *b = c->state;
	struct engine *e = c->api->config.engine;
	struct run_control x = {PROJECT, b->rows[b->at].id, b->by, b->reason};
	struct run_retry retry = {.project = PROJECT,
				  .old = &b->detail,
				  .from = b->from,
				  .by = b->by,
				  .reason = b->reason,
				  .plan = b->plan};
	struct call_done later = call_later(c);
	if (b->verb == RETRY)
		engine_run_retry(e, &retry, replied, c);
	else if (b->verb == CANCEL)
		engine_run_cancel(e, &x, replied, c);
	else if (b->verb == PAUSE)
		engine_run_pause(e, &x, replied, c);
	else
		engine_run_resume(e, &x, replied, c);
	return later;
}

static struct call_done read_old(struct call *c)
{
	struct bulk *b = c->state;
	arena_reset(&b->old);
	int r = c->reader->ops->run_get(c->reader, &b->old, PROJECT, b->rows[b->at].id, &b->detail);
	if (r == 0)
		return call_on_loop(c, act);
	put_item(b,
		 &(struct engine_reply){.outcome = r > 0 ? ENGINE_NOT_FOUND : ENGINE_UNAVAILABLE});
	return call_on_loop(c, step);
}

static struct call_done finish(struct call *c)
{
	struct bulk *b = c->state;
	json_out_end(&b->out);
	json_out_key(&b->out, "found");
	json_out_int(&b->out, (int64_t)b->n);
	json_out_key(&b->out, "done");
	json_out_int(&b->out, (int64_t)b->n_done);
	json_out_key(&b->out, "more");
	json_out_bool(&b->out, b->more);
	json_out_end(&b->out);
	arena_free(&b->old);
	return call_reply(c, 200, &b->body);
}

static struct call_done step(struct call *c)
{
	struct bulk *b = c->state;
	while (b->plan && b->verb != RETRY && b->at < b->n)
		put_item(b, &(struct engine_reply){.outcome = ENGINE_OK});
	if (b->at == b->n)
		return finish(c);
	return b->verb == RETRY ? call_on_reader(c, read_old) : call_on_loop(c, act);
}

struct call_done runs_bulk(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct bulk *b = ARENA_NEW(c->arena, struct bulk);
	b->filter.project = PROJECT;
	if (!call_body(c, false, &body, &text, &refused) || !read_bulk(c, &body, b, &refused))
		return refused;
	if (b->by.n == 0 && b->verb != RETRY)
		b->by = STR("local");
	if (b->from.n == 0)
		b->from = STR("failed");
	c->state = b;
	return call_on_reader(c, find);
}
