/* What people ask about nodes that are UNKNOWN, and say of them. */
#include "base/limits.h"
#include "engine/run/attempt.h"
#include "engine/run/deadline.h"
#include "engine/run/doubt.h"
#include "engine/run/each.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/plan/schemas.h"
#include "engine/run/run.h"
#include "json/write.h"

enum { RETRY_AFTER_MS = 1000 };

static const char *const names[] = {
	[RESOLVE_SUCCEEDED] = "succeeded",
	[RESOLVE_FAILED] = "failed",
	[RESOLVE_AGAIN] = "again",
};

bool resolve_as_parse(struct str text, enum resolve_as *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eqz(text, names[i]))
			continue;
		*ret = (enum resolve_as)i;
		return true;
	}
	return false;
}

/* ---- resolve ---- */

static void put_who(struct json_out *o, const struct node_resolve *x)
{
	json_put_if(o, "as", str_of(names[x->as]));
	json_put_if(o, "by", x->by);
	json_put_if(o, "reason", x->reason);
}

static void tell_resolved(struct run *r, uint32_t index, const struct node_resolve *x)
{
	struct json_out o = emit_event_begin(r->engine);
	json_put_if(&o, "nodeId", run_node_id(r, index));
	put_who(&o, x);
	emit_event_end(r, "node.resolved", &o);
}

static void settle(struct run *r, uint32_t index, const struct node_resolve *x)
{
	struct engine *e = r->engine;
	struct doubt *d = r->nodes[index].doubt;
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	put_who(&o, x);
	json_out_key(&o, "at");
	json_out_time(&o, e->wall_ms);
	json_out_end(&o);
	doubt_leave(&r->nodes[index]);
	d->settled = arena_str(&d->arena, buf_str(&e->text));
}

static void succeed(struct run *r, uint32_t index, const struct value *output)
{
	struct engine *e = r->engine;
	buf_clear(&e->text);
	json_write(&e->text, output);
	node_succeed(r, index, arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text)));
}

static void fail(struct run *r, uint32_t index, const struct node_resolve *x)
{
	static const char code[] = "resolved_failed";
	struct engine *e = r->engine;
	struct str message = x->message;
	if (!message.n)
		message = str_of(
			arena_printf(&e->scratch, "%.*s said that it did not succeed%s%.*s",
				     STR_ARG(x->by), x->reason.n ? ": " : "", STR_ARG(x->reason)));
	node_fail(r, index, NODE_FAILED, emit_error(e, code, message, (struct str){0}, false),
		  code);
}

static void run_again(struct run *r, uint32_t index)
{
	struct node *n = &r->nodes[index];
	doubt_free(n);
	deadline_total(r, index, 0); /* who decided took their time */
	attempt_make(r, index, 0);
	if (!node_status_final(n->status))
		emit_node(r, index, (struct str){0}, (struct str){0}, (struct str){0});
}

static void resolve(struct run *r, uint32_t index, const struct node_resolve *x)
{
	settle(r, index, x);
	tell_resolved(r, index, x);
	switch (x->as) {
	case RESOLVE_SUCCEEDED:
		succeed(r, index, x->output);
		break;
	case RESOLVE_FAILED:
		fail(r, index, x);
		break;
	case RESOLVE_AGAIN:
		run_again(r, index);
		break;
	}
	run_settle(r);
}

static bool output_fits(const struct run *r, uint32_t index, const struct value *output,
			struct diag *diag)
{
	const struct plan_node *pn = run_plan_node(r, index);
	const struct agent *agent = catalog_agent(&r->engine->catalog, r->plan->project, pn->agent);
	const struct agent_action *action = agent ? agent_find_action(agent, pn->action) : NULL;
	if (!output) {
		diag_add(diag, "output", "is missing: what the action would have given");
		return false;
	}
	return !action || schemas_check(action->output, output, diag, "output");
}

static enum engine_outcome judge(const struct run *r, int64_t index, const struct node_resolve *x,
				 struct diag *diag)
{
	if (index < 0) {
		diag_add(diag, "nodeId", "the run has no node \"%.*s\"", STR_ARG(x->node_id));
		return ENGINE_NOT_FOUND;
	}
	enum node_status status = r->nodes[index].status;
	if (status != NODE_UNKNOWN) {
		diag_add(diag, "", "only a node that is UNKNOWN is resolved; \"%.*s\" is %s",
			 STR_ARG(x->node_id), node_status_name(status));
		return ENGINE_CONFLICT;
	}
	if (x->as == RESOLVE_SUCCEEDED && !output_fits(r, (uint32_t)index, x->output, diag))
		return ENGINE_INVALID;
	return ENGINE_OK;
}

static void answer(struct engine *e, const struct node_resolve *x, engine_reply_fn fn, void *arg)
{
	struct run *r = map_get(&e->runs, x->run_id);
	struct engine_reply reply = {.outcome = ENGINE_NOT_FOUND, .id = x->node_id};
	struct diag *diag = ARENA_NEW(pump_arena(&e->pump), struct diag);
	diag_init(diag, pump_arena(&e->pump));
	if (e->pump.full) {
		fn(arg, &(struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					       .retry_after_ms = RETRY_AFTER_MS});
		return;
	}
	if (r && str_eq(r->plan->project, x->project) && !run_status_final(r->status)) {
		int64_t index = run_find(r, x->node_id);
		reply.outcome = judge(r, index, x, diag);
		if (reply.outcome == ENGINE_OK)
			resolve(r, (uint32_t)index, x);
		reply.status = r->status;
	}
	reply.diag = diag->n ? diag : NULL;
	emit_reply(e, fn, arg, &reply, (struct str){0}); /* behind the one that came before */
}

void engine_node_resolve(struct engine *e, const struct node_resolve *x, engine_reply_fn fn,
			 void *arg)
{
	engine_enter(e);
	answer(e, x, fn, arg);
	engine_leave(e);
}

/* ---- the list ---- */

static void put_unknown(struct json_out *o, const struct doubt *d)
{
	const struct run *r = d->run;
	const struct plan_node *pn = run_plan_node(r, d->index);
	json_out_object(o);
	json_put_if(o, "runId", ID_STR(r->id));
	json_put_if(o, "workflowName", r->plan->name);
	json_put_if(o, "nodeId", run_node_id(r, d->index));
	json_put_if(o, "agent", pn->agent);
	json_put_if(o, "action", pn->action);
	json_put_if(o, "effect", str_of(effect_name(d->effect)));
	json_out_key(o, "attempt");
	json_out_int(o, d->number);
	json_put_if(o, "attemptId", ID_STR(d->attempt));
	json_put_if(o, "code", d->code);
	json_put_if(o, "message", d->message);
	json_put_if(o, "why", d->why);
	json_out_key(o, "since");
	json_out_time(o, d->since_ms);
	json_out_end(o);
}

void engine_unknown_list(struct engine *e, struct str project, engine_reply_fn fn, void *arg)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	size_t n = 0;
	json_out_object(&o);
	json_out_key(&o, "items");
	json_out_array(&o);
	LIST_FOREACH (it, &e->unknown) {
		const struct doubt *d = container_of(it, struct doubt, link);
		if (str_eq(d->run->plan->project, project) && n++ < LIMIT_UNKNOWN_SHOWN)
			put_unknown(&o, d);
	}
	json_out_end(&o);
	json_out_key(&o, "leftOut");
	json_out_int(&o, n > LIMIT_UNKNOWN_SHOWN ? (int64_t)(n - LIMIT_UNKNOWN_SHOWN) : 0);
	json_out_end(&o);
	fn(arg, &(struct engine_reply){.outcome = ENGINE_OK, .json = buf_str(&text)});
}
