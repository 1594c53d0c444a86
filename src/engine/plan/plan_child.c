/* Nodes that run another workflow instead of an agent. */
#include "base/limits.h"
#include "engine/catalog.h"
#include "engine/plan/plan_build.h"
#include "engine/plan/schemas.h"

bool plan_build_child(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	static const char *const names[] = {"agent",  "agentId",  "action",   "workspace",
					    "limits", "timeouts", "heartbeat"};
	struct str name;
	if (!fields_get(f, "workflow"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fields_get(f, names[i]))
			fields_bad(f, names[i],
				   "means nothing for a node with workflow; remove it, or make it "
				   "a node of its own");
	if (fields_name(f, "workflow", true, &name))
		n->workflow = arena_str(&b->plan->arena, name);
	return true;
}

/* Nothing decides whether it runs, so it would call itself until the depth is used up. */
static void judge_self(const struct fields *f, const struct plan_node *n)
{
	const struct value *depends = fields_get(f, "dependsOn");
	if (!n->when && (!depends || depends->n == 0))
		fields_bad(f, "workflow",
			   "is this workflow itself, without a condition: it would never end; give "
			   "the node a when");
}

static void judge_status(struct plan_build *b, const struct fields *f, const struct workflow *w)
{
	if (w->row.status == WORKFLOW_ARCHIVED)
		fields_bad(f, "workflow",
			   "workflow \"%.*s\" is ARCHIVED and can't be run; set its status to "
			   "ACTIVE",
			   STR_ARG(w->row.name));
	else if (w->row.status == WORKFLOW_DRAFT && b->plan->status == WORKFLOW_ACTIVE)
		fields_bad(f, "workflow",
			   "workflow \"%.*s\" is a DRAFT; set its status to ACTIVE, or make this "
			   "one a DRAFT too",
			   STR_ARG(w->row.name));
	else if (!w->plan)
		fields_bad(f, "workflow",
			   "the newest version of workflow \"%.*s\" is not valid in this version "
			   "of drover; save it again",
			   STR_ARG(w->row.name));
}

static void no_such_workflow(struct plan_build *b, const struct fields *f, struct str name)
{
	const char *nearest = catalog_workflow_nearest(b->catalog, b->plan->project, name);
	fields_bad(f, "workflow", "there is no workflow \"%.*s\" in project \"%.*s\"%s%s%s",
		   STR_ARG(name), STR_ARG(b->plan->project),
		   nearest ? "; did you mean \"" : "; save it first", nearest ? nearest : "",
		   nearest ? "\"?" : "");
}

void plan_judge_child(struct plan_build *b, const struct fields *f, const struct plan_node *n)
{
	char place[FIELDS_PATH_BYTES];
	const struct schema *schema = b->plan->context_schema;
	if (!b->catalog || !n->workflow.n)
		return;
	if (str_eq(n->workflow, b->plan->name)) {
		judge_self(f, n);
	} else {
		struct workflow *w = catalog_workflow(b->catalog, b->plan->project, n->workflow);
		if (!w) {
			if (!b->catalog->workflows_elsewhere)
				no_such_workflow(b, f, n->workflow);
			return;
		}
		judge_status(b, f, w);
		schema = w->plan ? w->plan->context_schema : NULL;
	}
	fields_place(place, f->path, STR("inputs"));
	if (n->inputs)
		schemas_check_partial(schema, n->inputs, b->diag, place);
}
