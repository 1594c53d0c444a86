/*
 * Nodes of which nobody knows whether their effect happened: GET /api/unknown lists them, POST
 * /api/runs/{runId}/nodes/{nodeId}/resolve says what became of one.
 */
#include "api/api_private.h"
#include "api/resources.h"

/* ---- the list ---- */

static void listed(void *arg, const struct engine_reply *reply)
{
	struct buf body = {0};
	buf_put_str(&body, reply->json);
	(void)call_reply(arg, 200, &body);
}

static struct call_done list(struct call *c)
{
	struct call_done later = call_later(c);
	engine_unknown_list(c->api->config.engine, PROJECT, listed, c);
	return later;
}

struct call_done unknown_list(struct call *c)
{
	return call_on_loop(c, list);
}

/* ---- resolve ---- */

static void resolved(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND && !reply->diag) {
		(void)call_on_reader(c, runs_not_open);
		return;
	}
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_problem_diag(c, 404, "The run has no such node.", reply->diag);
		return;
	}
	if (reply->outcome != ENGINE_OK) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_put_str(&o, "workflowRunId", c->params[0]);
	json_put_str(&o, "nodeId", c->params[1]);
	json_put_str(&o, "status", str_of(run_status_name(reply->status)));
	json_out_end(&o);
	(void)call_reply(c, 202, &body);
}

static struct call_done resolve(struct call *c)
{
	struct call_done later = call_later(c);
	engine_node_resolve(c->api->config.engine, c->state, resolved, c);
	return later;
}

/* The members of the body that are text, each where it belongs. */
static bool read_texts(struct call *c, const struct value *body, struct node_resolve *x,
		       struct str *ret_as, struct call_done *ret_done)
{
	const struct {
		const char *name;
		struct str *to;
	} texts[] = {
		{"as", ret_as}, {"message", &x->message}, {"by", &x->by}, {"reason", &x->reason}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct value *v = value_getz(body, texts[i].name);
		if (v && !value_is(v, VALUE_STRING)) {
			*ret_done = call_problem_path(c, 422, texts[i].name, "must be a string");
			return false;
		}
		*texts[i].to = value_text(v);
		if (texts[i].to->n > LIMIT_RESOLVE_TEXT_BYTES) {
			*ret_done = call_problem_path(c, 422, texts[i].name, "is too long");
			return false;
		}
	}
	return true;
}

/* What makes no sense together is refused, not left out. */
static bool judge(struct call *c, struct node_resolve *x, struct str as, struct call_done *ret_done)
{
	const char *path = NULL, *why = "";
	if (!resolve_as_parse(as, &x->as))
		path = "as", why = "must be succeeded, failed or again";
	else if (x->as == RESOLVE_SUCCEEDED && !x->output)
		path = "output", why = "is missing: what the action would have given";
	else if (x->as != RESOLVE_SUCCEEDED && x->output)
		path = "output", why = "belongs to as: succeeded";
	else if (x->as != RESOLVE_FAILED && x->message.n)
		path = "message", why = "belongs to as: failed";
	if (!path)
		return true;
	*ret_done = call_problem_path(c, 422, path, why);
	return false;
}

struct call_done nodes_resolve(struct call *c)
{
	struct call_done refused;
	struct value *body = ARENA_NEW(c->arena, struct value);
	struct call_text text;
	struct str as;
	struct node_resolve *x = ARENA_NEW(c->arena, struct node_resolve);
	*x = (struct node_resolve){
		.project = PROJECT, .run_id = c->params[0], .node_id = c->params[1]};
	if (!call_body(c, false, body, &text, &refused) ||
	    !call_members(c, body, "as output message by reason", &refused) ||
	    !read_texts(c, body, x, &as, &refused))
		return refused;
	x->output = value_getz(body, "output");
	if (!judge(c, x, as, &refused))
		return refused;
	if (!x->by.n)
		x->by = STR("local");
	c->state = x;
	return call_on_loop(c, resolve);
}
