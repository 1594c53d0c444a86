/* POST /api/runs/{runId}/move: a run goes on in another version. It is read on a reader together
 * with the version, moved on the loop; what ended meanwhile is read again. */
#include "api/api_private.h"
#include "api/resources.h"
#include "base/limits.h"

enum { READ_MOST = 20 };

struct move {
	int64_t version; /* 0 = the newest */
	struct str by, reason;
	bool plan;
	int n_read;
	struct run_detail stored;
	struct version_row to;
};

static struct call_done read_both(struct call *c);

static void moved(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	struct move *m = c->state;
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_on_reader(c, runs_not_open);
		return;
	}
	if (reply->outcome == ENGINE_STALE && m->n_read < READ_MOST) {
		(void)call_on_reader(c, read_both);
		return;
	}
	if (reply->outcome > ENGINE_REPLAYED) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	buf_put_str(&body, reply->json);
	(void)call_reply(c, 200, &body);
}

static struct call_done move(struct call *c)
{
	const struct move *m = c->state;
	struct run_move ask = {.project = PROJECT,
			       .stored = &m->stored,
			       .to = &m->to,
			       .by = m->by,
			       .reason = m->reason,
			       .plan = m->plan};
	struct call_done later = call_later(c);
	engine_run_move(c->api->config.engine, &ask, moved, c);
	return later;
}

static struct call_done read_both(struct call *c)
{
	struct move *m = c->state;
	const struct store_ops *ops = c->reader->ops;
	m->n_read++;
	int r = ops->run_get(c->reader, c->arena, PROJECT, c->params[0], &m->stored);
	if (r)
		return call_problem_store(c, r, "There is no such run.");
	if (run_status_final(m->stored.run.status))
		return runs_not_open(c);
	r = ops->version_get(c->reader, c->arena, m->stored.run.workflow_id, m->version, &m->to);
	if (r == STORE_NOT_FOUND)
		return call_problem_path(c, 422, "version", "the workflow has no such version");
	return r ? call_problem_store(c, r, "") : call_on_loop(c, move);
}

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
		c, 422, name, arena_printf(c->arena, "must be text of at most %zu bytes", most));
	return false;
}

static bool read_version(struct call *c, const struct value *body, int64_t *ret,
			 struct call_done *ret_done)
{
	const struct value *v = value_getz(body, "version");
	if (str_eqz(value_text(v), "newest"))
		return true;
	if (value_is(v, VALUE_INT) && v->i > 0) {
		*ret = v->i;
		return true;
	}
	*ret_done = call_problem_path(c, 422, "version",
				      "must be the number of a version, or \"newest\"");
	return false;
}

static bool read_plan(struct call *c, const struct value *body, bool *ret,
		      struct call_done *ret_done)
{
	const struct value *v = value_getz(body, "plan");
	*ret = value_is(v, VALUE_BOOL) && v->b;
	if (!v || value_is(v, VALUE_BOOL))
		return true;
	*ret_done = call_problem_path(c, 422, "plan", "must be true or false");
	return false;
}

struct call_done runs_move(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct move *m = ARENA_NEW(c->arena, struct move);
	if (!call_body(c, false, &body, &text, &refused) ||
	    !call_members(c, &body, "version by reason plan", &refused) ||
	    !read_version(c, &body, &m->version, &refused) ||
	    !read_text(c, &body, "by", LIMIT_NAME_BYTES, &m->by, &refused) ||
	    !read_text(c, &body, "reason", LIMIT_APPROVAL_NOTES_BYTES, &m->reason, &refused) ||
	    !read_plan(c, &body, &m->plan, &refused))
		return refused;
	c->state = m;
	return call_on_reader(c, read_both);
}
