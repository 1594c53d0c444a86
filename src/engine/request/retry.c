/* A new run that keeps results of an old one. */
#include "base/limits.h"
#include "engine/run/child.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/run/pause.h"
#include "engine/request/removal.h"
#include "engine/run/run.h"
#include "engine/request/trigger.h"
#include "json/parse.h"

enum { RETRY_AFTER_MS = 1000 };

struct retry {
	struct engine *engine;
	const struct run_detail *old;
	struct plan *plan;
	const struct node_row **rows; /* by index; NULL = no row */
	bool *keep;
	struct arena arena;
	struct diag diag;
};

static void retry_close(struct retry *x)
{
	plan_unref(x->plan);
	arena_free(&x->arena);
	engine_leave(x->engine);
}
#define CLEANUP_RETRY CLEANUP(retry_close)

/* The plan of the old run's version, a reference in x->plan. */
static bool find_plan(struct retry *x, const struct workflow *w)
{
	const struct run_row *run = &x->old->run;
	struct value doc;
	if (w->plan && w->plan->version == run->workflow_version) {
		x->plan = plan_ref(w->plan);
		return true;
	}
	if (json_parse(&x->arena, x->old->definition, JSON_DEFAULT, &doc, NULL) != 0) {
		diag_add(&x->diag, "", "the run's workflow version is not JSON");
		return false;
	}
	if (plan_compile(NULL, run->project, &doc, &x->diag, &x->plan) != 0)
		return false;
	x->plan->workflow_id = arena_str(&x->plan->arena, run->workflow_id);
	x->plan->version = run->workflow_version;
	return true;
}

static void index_rows(struct retry *x)
{
	x->rows = ARENA_NEW_ARRAY(&x->arena, const struct node_row *, x->plan->n_nodes);
	x->keep = ARENA_NEW_ARRAY(&x->arena, bool, x->plan->n_nodes);
	for (size_t i = 0; i < x->old->n_nodes; i++) {
		const struct node_row *row = &x->old->nodes[i];
		if (row->index >= 0 && (size_t)row->index < x->plan->n_nodes &&
		    str_eq(row->node_id, x->plan->nodes[row->index].id))
			x->rows[row->index] = row;
	}
}

/* Whether the node's own result is good enough to be kept. */
static bool keeps(const struct node_row *row)
{
	if (!row)
		return false;
	return row->status == NODE_SUCCESS || (row->status == NODE_SKIPPED && row->error.n == 0);
}

/* A result that was given by hand came of nothing before it. */
static bool is_given(const struct node_row *row)
{
	return str_starts(row->detail, STR("{\"given\":"));
}

/*
 * Keeps what is good, then takes back what depends on something that is not kept. `from` is a node
 * that is run again in any case, or -1.
 */
static size_t choose(struct retry *x, int64_t from)
{
	const struct plan *p = x->plan;
	uint32_t *queue = ARENA_NEW_ARRAY(&x->arena, uint32_t, p->n_nodes);
	size_t n_queue = 0, n_kept = p->n_nodes;
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		x->keep[i] = keeps(x->rows[i]) && i != from;
		if (!x->keep[i])
			queue[n_queue++] = i;
	}
	for (size_t at = 0; at < n_queue; at++) {
		const struct plan_node *n = &p->nodes[queue[at]];
		n_kept--;
		for (uint32_t k = 0; k < n->n_dependents; k++) {
			if (x->keep[n->dependents[k]] && !is_given(x->rows[n->dependents[k]])) {
				x->keep[n->dependents[k]] = false;
				queue[n_queue++] = n->dependents[k];
			}
		}
	}
	return n_kept;
}

static bool select_nodes(struct retry *x, struct str from)
{
	size_t n_kept = 0;
	int64_t node = -1;
	if (str_eqz(from, "start"))
		return true;
	if (from.n && !str_eqz(from, "failed")) {
		node = plan_find(x->plan, from);
		if (node < 0) {
			diag_add(&x->diag, "from",
				 "must be \"failed\", \"start\" or the id of a node; there is no "
				 "node \"%.*s\"",
				 STR_ARG(from));
			return false;
		}
	}
	n_kept = choose(x, node);
	if (n_kept == x->plan->n_nodes)
		diag_add(&x->diag, "from",
			 "nothing failed in this run; use \"start\" to run all "
			 "of it again");
	return diag_ok(&x->diag);
}

static void copy_kept(struct retry *x, struct run *r)
{
	for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
		const struct node_row *row = x->rows[i];
		if (!x->keep[i])
			continue;
		struct arena *a = &pump_txn(&x->engine->pump)->arena;
		r->nodes[i].copied = true;
		r->nodes[i].started_ms = row->started_ms;
		if (child_row_is(&x->plan->nodes[i], row))
			node_set_detail(&r->nodes[i], row->detail);
		node_restore(r, i, row->status, row->output, row->error);
		emit_node(r, i, row->output.n ? arena_str(a, row->output) : (struct str){0},
			  (struct str){0}, row->copied_from.n ? row->copied_from : x->old->run.id);
		if (is_given(row))
			emit_node_detail(r, arena_str(a, row->detail));
	}
}

static bool judge_context(struct retry *x, const struct run_retry *retry)
{
	if (!retry->context)
		return true;
	if (str_eqz(retry->from, "start"))
		return trigger_judge_context(x->plan, retry->context, &x->diag);
	diag_add(&x->diag, "context",
		 "may be another one only from \"start\": results that are kept "
		 "came of the old one");
	return false;
}

static void list_nodes(const struct retry *x, struct json_out *o, const char *key, bool kept)
{
	json_out_key(o, key);
	json_out_array(o);
	for (size_t i = 0; i < x->plan->n_nodes; i++)
		if (x->keep[i] == kept)
			json_out_str(o, x->plan->nodes[i].id);
	json_out_end(o);
}

/* The effect of an action that would run again, as its agent says now; false when it has none. */
static bool effect_of(const struct retry *x, uint32_t index, enum effect *ret)
{
	const struct plan_node *pn = &x->plan->nodes[index];
	const struct agent *agent = catalog_agent(&x->engine->catalog, x->plan->project, pn->agent);
	const struct agent_action *action =
		agent && pn->agent.n ? agent_find_action(agent, pn->action) : NULL;
	if (x->keep[index] || !action)
		return false;
	*ret = action->effect;
	return true;
}

static void put_effects(struct retry *x, struct json_out *o)
{
	enum effect effect;
	json_out_key(o, "effects");
	json_out_object(o);
	for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
		if (!effect_of(x, i, &effect))
			continue;
		struct str id = x->plan->nodes[i].id;
		json_out_key(o, arena_dup(&x->arena, id.p, id.n));
		json_out_strz(o, effect_name(effect));
	}
	json_out_end(o);
	json_out_key(o, "irreversible");
	json_out_array(o);
	for (uint32_t i = 0; i < x->plan->n_nodes; i++)
		if (effect_of(x, i, &effect) && effect == EFFECT_IRREVERSIBLE)
			json_out_str(o, x->plan->nodes[i].id);
	json_out_end(o);
}

static struct engine_reply preview(struct retry *x, const struct run_retry *retry)
{
	struct buf *text = &x->engine->text;
	buf_clear(text);
	struct json_out o = json_out_to(text);
	json_out_object(&o);
	json_out_key(&o, "from");
	json_out_str(&o, retry->from.n ? retry->from : STR("failed"));
	list_nodes(x, &o, "runsAgain", false);
	list_nodes(x, &o, "kept", true);
	put_effects(x, &o);
	json_out_end(&o);
	return (struct engine_reply){.outcome = ENGINE_OK, .json = buf_str(text)};
}

static struct engine_reply judge(struct retry *x, const struct run_retry *retry,
				 struct workflow **ret)
{
	struct engine *e = x->engine;
	const struct run_row *old = &retry->old->run;
	struct workflow *w = catalog_workflow_by_id(&e->catalog, retry->project, old->workflow_id);
	*ret = w;
	if (!w || !str_eq(old->project, retry->project))
		return (struct engine_reply){.outcome = ENGINE_NOT_FOUND};
	if (removal_under_way(w)) {
		removal_refuse(w, &x->diag);
		return (struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = &x->diag};
	}
	if (!run_status_final(old->status)) {
		diag_add(&x->diag, "", "the run has not ended; wait for its end or cancel it");
		return (struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = &x->diag};
	}
	if (!retry->plan && workflow_paused(w)) {
		pause_refuse(w, &x->diag);
		return (struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = &x->diag};
	}
	if (!retry->plan && e->pump.full)
		return (struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					     .retry_after_ms = RETRY_AFTER_MS};
	if (!retry->plan && !trigger_has_room(e, retry->project, 1, &x->diag))
		return (struct engine_reply){
			.outcome = ENGINE_BUSY, .diag = &x->diag, .retry_after_ms = RETRY_AFTER_MS};
	if (!find_plan(x, w))
		return (struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = &x->diag};
	index_rows(x);
	if (!judge_context(x, retry))
		return (struct engine_reply){.outcome = ENGINE_INVALID, .diag = &x->diag};
	if (select_nodes(x, retry->from))
		return retry->plan ? preview(x, retry)
				   : (struct engine_reply){.outcome = ENGINE_CREATED,
							   .status = RUN_RUNNING};
	bool unknown = retry->from.n && !str_eqz(retry->from, "failed");
	return (struct engine_reply){.outcome = unknown ? ENGINE_INVALID : ENGINE_CONFLICT,
				     .diag = &x->diag};
}

/* run.trigger of the new run. */
static void put_trigger(struct buf *out, const struct run_retry *retry)
{
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	json_put_if(&o, "type", STR("retry"));
	json_put_if(&o, "by", retry->by);
	json_put_if(&o, "reason", retry->reason);
	json_put_if(&o, "runId", retry->old->run.id);
	json_put_if(&o, "from", retry->from);
	json_out_end(&o);
}

void engine_run_retry(struct engine *e, const struct run_retry *retry, engine_reply_fn fn,
		      void *arg)
{
	struct retry x CLEANUP_RETRY = {.engine = e, .old = retry->old};
	struct workflow *w;
	engine_enter(e);
	diag_init(&x.diag, &x.arena);
	struct engine_reply reply = judge(&x, retry, &w);
	if (reply.outcome != ENGINE_CREATED) {
		fn(arg, &reply);
		return;
	}
	CLEANUP_BUF struct buf context = {0}, trigger = {0};
	put_trigger(&trigger, retry);
	if (retry->context)
		json_write(&context, retry->context);
	const struct run_row *old = &retry->old->run;
	struct run *r =
		trigger_run(e,
			    &(struct new_run){
				    .plan = x.plan,
				    .workflow = w,
				    .context = retry->context ? buf_str(&context) : old->context,
				    .trigger = buf_str(&trigger),
				    .parent_run_id = old->id,
				    .priority = &old->priority,
			    },
			    &x.diag);
	if (!r) {
		fn(arg, &(struct engine_reply){.outcome = ENGINE_INVALID, .diag = &x.diag});
		return;
	}
	if (!r->skipped) {
		copy_kept(&x, r);
		run_begin(r);
		run_settle(r);
	}
	reply.id = ID_STR(r->id);
	if (r->status == RUN_PENDING || r->skipped)
		reply.status = r->status;
	emit_reply(e, fn, arg, &reply, (struct str){0});
}
