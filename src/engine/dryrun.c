#include "engine/dryrun.h"

#include "json/write.h"

static void write_node(struct json_out *o, const struct plan *p, const struct plan_node *n)
{
	json_out_object(o);
	json_out_key(o, "id");
	json_out_str(o, n->id);
	json_out_key(o, "agent");
	json_out_str(o, n->agent);
	json_out_key(o, "action");
	json_out_str(o, n->action);
	json_out_key(o, "level");
	json_out_int(o, n->level);
	json_out_key(o, "dependsOn");
	json_out_array(o);
	for (uint32_t k = 0; k < n->n_depends; k++)
		json_out_str(o, p->nodes[n->depends[k]].id);
	json_out_end(o);
	json_out_key(o, "inputs");
	json_out_value(o, resolve_tree(n->inputs));
	json_out_end(o);
}

struct engine_reply dryrun(const struct plan *plan, const struct value *context UNUSED,
			   struct arena *a)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "nodes");
	json_out_array(&o);
	uint32_t deepest = 0;
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].level > deepest)
			deepest = plan->nodes[i].level;
	for (uint32_t level = 0; level <= deepest; level++)
		for (size_t i = 0; i < plan->n_nodes; i++)
			if (plan->nodes[i].level == level)
				write_node(&o, plan, &plan->nodes[i]);
	json_out_end(&o);
	json_out_end(&o);
	return (struct engine_reply){.outcome = ENGINE_OK, .json = arena_str(a, buf_str(&text))};
}
