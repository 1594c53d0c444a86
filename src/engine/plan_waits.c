/* Nodes that name no agent but wait. */
#include "base/limits.h"
#include "engine/plan_build.h"

/* What says how an agent is run means nothing for them. */
static void refuse_agent_fields(const struct fields *f, const char *kind)
{
	static const char *const names[] = {"agent",	  "agentId", "action", "workspace",
					    "inputs",	  "inputsJson", "retry", "limits",
					    "timeout",	  "approval", "approvalRequired"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fields_get(f, names[i]))
			fields_bad(f, names[i], "means nothing for a node with %s; remove it, or "
				   "make it a node of its own", kind);
}

bool plan_build_wait(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	static const struct value empty = {.kind = VALUE_OBJECT};
	if (!fields_get(f, "sleep"))
		return false;
	fields_duration(f, "sleep", 1, LIMIT_DURATION_DAYS * INT64_C(86400000), &n->sleep_ms);
	refuse_agent_fields(f, "sleep");
	n->inputs = resolve_compile(&b->plan->arena, &empty, f->path, b->diag);
	return true;
}
