#include "engine/run/roots.h"

#include "base/timefmt.h"
#include "engine/run/each.h"
#include "json/parse.h"

static struct value parsed(struct arena *a, struct str json)
{
	struct value v = VALUE_NULL_INIT;
	if (json.n)
		json_parse(a, json, JSON_BORROW, &v, NULL);
	return v;
}

static struct value text_time(struct arena *a, int64_t ms)
{
	char *text = arena_alloc(a, TIMEFMT_RFC3339_BYTES);
	timefmt_rfc3339(text, ms);
	return value_strz(text);
}

static struct value run_value(const struct roots *x)
{
	struct value v = value_object(x->arena, 3);
	value_putz(x->arena, &v, "id", value_str(ID_STR(x->run->id)));
	value_putz(x->arena, &v, "startedAt", text_time(x->arena, x->run->started_ms));
	value_putz(x->arena, &v, "trigger", parsed(x->arena, x->run->trigger));
	return v;
}

static struct value workflow_value(const struct roots *x)
{
	struct value v = value_object(x->arena, 2);
	value_putz(x->arena, &v, "name", value_str(x->run->plan->name));
	value_putz(x->arena, &v, "version", value_int(x->run->plan->version));
	return v;
}

/* One node as templates see it; a member that is not there yet is left out, so that asking for it
 * is an error that names the path. */
static struct value node_value(const struct roots *x, const struct node *n, bool output)
{
	struct value v = value_object(x->arena, 3);
	if (!node_status_final(n->status))
		return v;
	value_putz(x->arena, &v, "status", value_strz(node_status_name(n->status)));
	if (output && n->output)
		value_putz(x->arena, &v, "output", parsed(x->arena, str_n(n->output, n->output_n)));
	value_putz(x->arena, &v, "error",
		   n->error ? parsed(x->arena, str_n(n->error, n->error_n)) : value_null());
	return v;
}

/* Only the nodes that this node's templates mention: the cost does not grow with the run. */
static struct value nodes_value(const struct roots *x)
{
	const struct plan *p = x->run->plan;
	bool of_run = x->index == ROOTS_OF_RUN;
	const struct plan_node *pn = of_run ? NULL : run_plan_node(x->run, x->index);
	const struct plan_ref *refs = of_run ? p->output_refs : pn->refs;
	uint32_t n = of_run ? p->n_output_refs : pn->n_refs;
	struct value v = value_object(x->arena, n);
	for (uint32_t i = 0; i < n; i++)
		value_put(x->arena, &v, p->nodes[refs[i].index].id,
			  node_value(x, &x->run->nodes[refs[i].index], refs[i].output));
	return v;
}

/* Whether nothing can change of the nodes that this one mentions. */
static bool nodes_stand(const struct roots *x)
{
	const struct plan_node *pn = run_plan_node(x->run, x->index);
	for (uint32_t i = 0; i < pn->n_refs; i++)
		if (!node_status_final(x->run->nodes[pn->refs[i].index].status))
			return false;
	return true;
}

/* Of the items of a node with forEach: their list, and what they all see. */
static struct each *items_of(const struct roots *x)
{
	return x->index != ROOTS_OF_RUN && run_is_item(x->run, x->index)
		       ? x->run->nodes[x->run->nodes[x->index].each_of - 1].each
		       : NULL;
}

/* Items ask for the same again and again: it is read once for all of them. */
static struct value nodes_of(const struct roots *x)
{
	struct each *each = items_of(x);
	if (!each || (!each->has_nodes && !nodes_stand(x)))
		return nodes_value(x);
	struct roots kept = {x->run, x->index, &each->values};
	if (!each->has_nodes)
		each->nodes = nodes_value(&kept);
	each->has_nodes = true;
	return each->nodes;
}

static struct value context_of(const struct roots *x)
{
	struct each *each = items_of(x);
	if (!each)
		return parsed(x->arena, x->run->context);
	if (!each->has_context)
		each->context = parsed(&each->values, x->run->context);
	each->has_context = true;
	return each->context;
}

static bool root(void *ctx, struct str name, struct value *ret)
{
	const struct roots *x = ctx;
	if (str_eqz(name, "nodes"))
		*ret = nodes_of(x);
	else if (str_eqz(name, "context"))
		*ret = context_of(x);
	else if (str_eqz(name, "run"))
		*ret = run_value(x);
	else if (str_eqz(name, "workflow"))
		*ret = workflow_value(x);
	else if (str_eqz(name, "event") && x->event)
		*ret = *x->event;
	else if (str_eqz(name, "item") && items_of(x))
		*ret = *each_item(x->run, x->index);
	else if (str_eqz(name, "index") && items_of(x))
		*ret = value_int(each_number(x->run, x->index));
	else if (str_eqz(name, "project"))
		*ret = value_str(x->run->plan->project);
	else
		return false;
	return true;
}

struct resolve_roots roots_env(struct roots *r)
{
	return (struct resolve_roots){.root = root, .ctx = r, .catalog = &r->run->engine->catalog};
}
