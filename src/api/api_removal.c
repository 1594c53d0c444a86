/* Workflows that go: DELETE, and POST …/archive and …/unarchive. */
#include "api/api_private.h"
#include "api/resources.h"
#include "base/limits.h"

static const char no_workflow[] = "There is no such workflow.";

struct removal {
	struct workflow_removal ask;
	struct str name;
	bool archive, unarchive; /* none of the two: delete */
};

static struct call_done answer(struct call *c, int status, const struct removal *x,
			       const char *state, int64_t version, int64_t n_open)
{
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "workflowId");
	json_out_str(&o, x->ask.id);
	json_out_key(&o, "workflowName");
	json_out_str(&o, x->name);
	json_out_key(&o, "status");
	json_out_strz(&o, state);
	if (version > 0) {
		json_out_key(&o, "version");
		json_out_int(&o, version);
	}
	if (n_open > 0) {
		json_out_key(&o, "openRuns");
		json_out_int(&o, n_open);
	}
	json_out_end(&o);
	return call_reply(c, status, &body);
}

static void done(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	const struct removal *x = c->state;
	if (reply->outcome == ENGINE_NOT_FOUND)
		(void)call_problem(c, 404, no_workflow);
	else if (reply->outcome > ENGINE_REPLAYED)
		(void)call_problem_reply(c, reply);
	else if (x->archive || x->unarchive)
		(void)answer(c, 200, x, x->archive ? "ARCHIVED" : "ACTIVE", reply->version, 0);
	else if (reply->goes_on)
		(void)answer(c, 202, x, "DELETING", 0, reply->version);
	else
		(void)call_no_content(c);
}

static struct call_done go(struct call *c)
{
	const struct removal *x = c->state;
	struct engine *e = c->api->config.engine;
	struct call_done later = call_later(c);
	if (x->archive || x->unarchive)
		engine_workflow_archive(e, &x->ask, x->archive, done, c);
	else
		engine_workflow_delete(e, &x->ask, done, c);
	return later;
}

static struct call_done find(struct call *c)
{
	struct removal *x = c->state;
	struct workflow_row w;
	int r = workflows_find(c, c->params[0], &w);
	if (r)
		return call_problem_store(c, r, no_workflow);
	x->ask.project = PROJECT;
	x->ask.id = w.id;
	x->name = w.name;
	return call_on_loop(c, go);
}

/* ---- DELETE has no body: who and why stand in the query ---- */

static bool query_text(struct call *c, const char *name, size_t most, struct str *ret,
		       struct call_done *ret_done)
{
	const struct str *text = call_query(c, name);
	if (text && text->n > most) {
		*ret_done = call_problem_path(
			c, 400, name, arena_printf(c->arena, "must be at most %zu bytes", most));
		return false;
	}
	if (text)
		*ret = *text;
	return true;
}

struct call_done workflows_delete(struct call *c)
{
	struct call_done refused;
	struct removal *x = ARENA_NEW(c->arena, struct removal);
	if (!call_query_flag(c, "cascade", &x->ask.cascade))
		return call_problem_path(c, 400, "cascade", "must be true or false");
	if (!query_text(c, "by", LIMIT_NAME_BYTES, &x->ask.by, &refused) ||
	    !query_text(c, "reason", LIMIT_APPROVAL_NOTES_BYTES, &x->ask.reason, &refused))
		return refused;
	c->state = x;
	return find(c);
}

/* ---- archive, unarchive ---- */

static bool body_text(struct call *c, const struct value *body, const char *name, size_t most,
		      struct str *ret, struct call_done *ret_done)
{
	const struct value *v = value_getz(body, name);
	*ret = value_text(v);
	if (!v || value_is(v, VALUE_NULL) || (value_is(v, VALUE_STRING) && ret->n <= most))
		return true;
	*ret_done = call_problem_path(
		c, 422, name, arena_printf(c->arena, "must be text of at most %zu bytes", most));
	return false;
}

static struct call_done read_archive(struct call *c, struct removal *x, const char *members)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	if (!call_body(c, true, &body, &text, &refused) ||
	    !call_members(c, &body, members, &refused) ||
	    !body_text(c, &body, "by", LIMIT_NAME_BYTES, &x->ask.by, &refused) ||
	    !body_text(c, &body, "reason", LIMIT_APPROVAL_NOTES_BYTES, &x->ask.reason, &refused))
		return refused;
	const struct value *cascade = value_getz(&body, "cascade");
	if (cascade && !value_is(cascade, VALUE_BOOL))
		return call_problem_path(c, 422, "cascade", "must be true or false");
	x->ask.cascade = cascade && cascade->b;
	c->state = x;
	return call_on_reader(c, find);
}

struct call_done workflows_archive(struct call *c)
{
	struct removal *x = ARENA_NEW(c->arena, struct removal);
	x->archive = true;
	return read_archive(c, x, "by reason cascade");
}

struct call_done workflows_unarchive(struct call *c)
{
	struct removal *x = ARENA_NEW(c->arena, struct removal);
	x->unarchive = true;
	return read_archive(c, x, "by reason");
}
