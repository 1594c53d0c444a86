#include "engine/plan_build.h"

void plan_build_refs(struct plan_build *b)
{
	b->plan->uses_context = true;
	for (size_t i = 0; i < b->plan->n_nodes; i++)
		b->plan->nodes[i].keep_result = true;
}
