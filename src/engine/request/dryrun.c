#include "engine/request/dryrun.h"

#include <stdlib.h>

#include "base/timefmt.h"
#include "engine/plan/schemas.h"
#include "json/write.h"

struct dryrun {
	const struct catalog *catalog;
	const struct plan *plan;
	const struct value *context;
	struct arena *arena;
	struct diag diag;
	struct json_out out;
	int64_t now_ms;
	const struct value *item; /* the first one, while a node with forEach is looked at */
};

static struct value run_value(const struct dryrun *x)
{
	struct value v = value_object(x->arena, 3), trigger = value_object(x->arena, 1);
	char *now = arena_alloc(x->arena, TIMEFMT_RFC3339_BYTES);
	timefmt_rfc3339(now, x->now_ms);
	value_putz(x->arena, &trigger, "type", value_strz("manual"));
	value_putz(x->arena, &v, "id", value_strz("00000000-0000-7000-8000-000000000000"));
	value_putz(x->arena, &v, "startedAt", value_strz(now));
	value_putz(x->arena, &v, "trigger", trigger);
	return v;
}

/* The roots that are known before a run; not `nodes`. */
static bool root(void *ctx, struct str name, struct value *ret)
{
	const struct dryrun *x = ctx;
	if (str_eqz(name, "context")) {
		*ret = *x->context;
	} else if (str_eqz(name, "project")) {
		*ret = value_str(x->plan->project);
	} else if (str_eqz(name, "item") && x->item) {
		*ret = *x->item;
	} else if (str_eqz(name, "index") && x->item) {
		*ret = value_int(0);
	} else if (str_eqz(name, "run")) {
		*ret = run_value(x);
	} else if (str_eqz(name, "workflow")) {
		*ret = value_object(x->arena, 2);
		value_putz(x->arena, ret, "name", value_str(x->plan->name));
		value_putz(x->arena, ret, "version", value_int(x->plan->version));
	} else {
		return false;
	}
	return true;
}

/* Whether r could be resolved; an error that does not hang on a result is a finding. */
static bool resolved(struct dryrun *x, const struct plan_node *n, const struct resolve *r,
		     const char *key, struct value *ret)
{
	struct resolve_roots roots = {root, x, x->catalog};
	struct resolve_error error;
	if (resolve_run(r, &roots, x->arena, ret, &error) == 0)
		return true;
	if (n->n_refs == 0)
		diag_add(&x->diag,
			 arena_printf(x->arena, "nodes[%u].%s", plan_index(x->plan, n), key), "%s",
			 error.message);
	return false;
}

static void write_when(struct dryrun *x, const struct plan_node *n)
{
	struct value v = value_bool(true);
	bool known = !n->when || resolved(x, n, n->when, "when", &v);
	json_out_key(&x->out, "when");
	if (known && v.kind == VALUE_BOOL)
		json_out_bool(&x->out, v.b);
	else
		json_out_null(&x->out);
}

/* How many items there will be, when that is known; the first one stands for all. */
static void write_for_each(struct dryrun *x, const struct plan_node *n)
{
	struct value list;
	bool known = resolved(x, n, n->for_each, "forEach", &list);
	if (known && list.kind != VALUE_ARRAY)
		diag_add(&x->diag,
			 arena_printf(x->arena, "nodes[%u].forEach", plan_index(x->plan, n)),
			 "must give a list, not %s", value_kind_name(&list));
	known = known && list.kind == VALUE_ARRAY;
	json_out_key(&x->out, "forEach");
	json_out_object(&x->out);
	json_out_key(&x->out, "items");
	if (known)
		json_out_int(&x->out, list.n);
	else
		json_out_null(&x->out);
	json_out_key(&x->out, "maxParallel");
	json_out_int(&x->out, n->max_parallel);
	json_out_key(&x->out, "onItemFailure");
	json_out_strz(&x->out, n->items_may_fail ? "continue" : "fail");
	json_out_end(&x->out);
	if (known && list.n > 0) {
		struct value *first = ARENA_NEW(x->arena, struct value);
		*first = list.items[0];
		x->item = first;
	}
}

/* Without a first item nothing can be said of what the items get. */
static bool inputs_known(struct dryrun *x, const struct plan_node *n, struct value *ret)
{
	return (!n->for_each || x->item) && resolved(x, n, n->inputs, "inputs", ret);
}

/* What the inputs must satisfy; a finding and false when there is nothing to run. */
static bool find_schema(struct dryrun *x, const struct plan_node *n, const char *place,
			const struct schema **ret)
{
	const struct agent *agent = catalog_agent(x->catalog, x->plan->project, n->agent);
	const struct agent_action *action = agent ? agent_find_action(agent, n->action) : NULL;
	const struct workflow *w = catalog_workflow(x->catalog, x->plan->project, n->workflow);
	if (n->workflow.n) {
		if (!w || !w->plan || w->plan->status == WORKFLOW_ARCHIVED)
			diag_add(&x->diag, place, "workflow \"%.*s\" is not there or can't be run",
				 STR_ARG(n->workflow));
		*ret = w && w->plan ? w->plan->context_schema : NULL;
		return w != NULL;
	}
	if (!action)
		diag_add(&x->diag, place, "agent \"%.*s\" with action \"%.*s\" is not registered",
			 STR_ARG(n->agent), STR_ARG(n->action));
	*ret = action ? action->input : NULL;
	return action != NULL;
}

static void write_inputs(struct dryrun *x, const struct plan_node *n)
{
	struct value v;
	bool known = inputs_known(x, n, &v);
	const char *place = arena_printf(x->arena, "nodes[%u].inputs", plan_index(x->plan, n));
	const struct schema *schema = NULL;
	if (find_schema(x, n, place, &schema) && known)
		schemas_check(schema, &v, &x->diag, place);
	json_out_key(&x->out, "inputs");
	json_out_value(&x->out, known ? &v : resolve_tree(n->inputs));
	json_out_key(&x->out, "resolved");
	json_out_bool(&x->out, known);
}

static void write_effect(struct dryrun *x, const struct plan_node *n)
{
	const struct agent *agent = catalog_agent(x->catalog, x->plan->project, n->agent);
	const struct agent_action *action = agent ? agent_find_action(agent, n->action) : NULL;
	json_out_key(&x->out, "effect");
	json_out_strz(&x->out, action ? effect_name(action->effect) : NULL);
}

static void write_node(struct dryrun *x, const struct plan_node *n)
{
	struct json_out *o = &x->out;
	json_out_object(o);
	json_out_key(o, "id");
	json_out_str(o, n->id);
	if (n->agent.n) {
		json_out_key(o, "agent");
		json_out_str(o, n->agent);
		json_out_key(o, "action");
		json_out_str(o, n->action);
		write_effect(x, n);
	}
	if (n->workflow.n) {
		json_out_key(o, "workflow");
		json_out_str(o, n->workflow);
	}
	if (n->sleep_ms) {
		json_out_key(o, "sleepMs");
		json_out_int(o, n->sleep_ms);
	}
	json_out_key(o, "level");
	json_out_int(o, n->level);
	json_out_key(o, "dependsOn");
	json_out_array(o);
	for (uint32_t k = 0; k < n->n_depends; k++)
		json_out_str(o, x->plan->nodes[n->depends[k]].id);
	json_out_end(o);
	if (n->wait_event.n) {
		json_out_key(o, "waitsFor");
		json_out_str(o, n->wait_event);
	}
	write_when(x, n);
	x->item = NULL;
	if (n->for_each)
		write_for_each(x, n);
	if (n->agent.n || n->workflow.n)
		write_inputs(x, n);
	json_out_end(o);
}

static int by_level(const void *a, const void *b)
{
	const struct plan_node *x = *(const struct plan_node *const *)a;
	const struct plan_node *y = *(const struct plan_node *const *)b;
	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void write_findings(struct dryrun *x)
{
	json_out_key(&x->out, "findings");
	json_out_array(&x->out);
	for (size_t i = 0; i < x->diag.n; i++) {
		json_out_object(&x->out);
		json_out_key(&x->out, "path");
		json_out_strz(&x->out, x->diag.findings[i].path);
		json_out_key(&x->out, "message");
		json_out_strz(&x->out, x->diag.findings[i].message);
		json_out_end(&x->out);
	}
	json_out_end(&x->out);
}

struct engine_reply dryrun(const struct catalog *c, const struct plan *plan,
			   const struct value *context, int64_t now_ms, struct arena *a)
{
	CLEANUP_BUF struct buf text = {0};
	struct dryrun x = {.catalog = c,
			   .plan = plan,
			   .context = context,
			   .arena = a,
			   .out = json_out_to(&text),
			   .now_ms = now_ms};
	diag_init(&x.diag, a);
	const struct plan_node **order =
		ARENA_NEW_ARRAY(a, const struct plan_node *, plan->n_nodes);
	for (size_t i = 0; i < plan->n_nodes; i++)
		order[i] = &plan->nodes[i];
	qsort(order, plan->n_nodes, sizeof(*order), by_level);
	json_out_object(&x.out);
	json_out_key(&x.out, "nodes");
	json_out_array(&x.out);
	for (size_t i = 0; i < plan->n_nodes; i++)
		write_node(&x, order[i]);
	json_out_end(&x.out);
	write_findings(&x);
	json_out_end(&x.out);
	return (struct engine_reply){.outcome = ENGINE_OK, .json = arena_str(a, buf_str(&text))};
}
