#include "engine/plan/plan_build.h"
#include "json/write.h"

/* Copies a member under the same name when it is there. */
static void keep(struct arena *a, struct value *to, const struct value *from, const char *key)
{
	const struct value *v = value_getz(from, key);
	if (v && v->kind != VALUE_NULL)
		value_putz(a, to, key, value_copy(a, v));
}

static struct value node_form(struct arena *a, const struct plan_node *n, const struct value *from)
{
	struct value to = value_object(a, 8);
	value_putz(a, &to, "id", value_str(n->id));
	keep(a, &to, from, "description");
	if (n->agent.n) {
		value_putz(a, &to, "agent", value_str(n->agent));
		value_putz(a, &to, "action", value_str(n->action));
	}
	if (n->workflow.n)
		value_putz(a, &to, "workflow", value_str(n->workflow));
	keep(a, &to, from, "forEach");
	keep(a, &to, from, "maxParallel");
	keep(a, &to, from, "onItemFailure");
	keep(a, &to, from, "sleep");
	keep(a, &to, from, "wait");
	if (n->workspace)
		value_putz(a, &to, "workspace", *resolve_tree(n->workspace));
	if (n->agent.n || n->workflow.n)
		value_putz(a, &to, "inputs", *resolve_tree(n->inputs));
	if (value_getz(from, "dependsOn") && n->n_depends)
		keep(a, &to, from, "dependsOn");
	keep(a, &to, from, "when");
	if (n->join != JOIN_ALL_SUCCESS)
		value_putz(a, &to, "joinRule", value_strz(join_rule_name(n->join)));
	if (n->continue_on_error)
		value_putz(a, &to, "continueOnError", value_bool(true));
	keep(a, &to, from, "timeout");
	keep(a, &to, from, "timeouts");
	keep(a, &to, from, "heartbeat");
	keep(a, &to, from, "retry");
	if (value_getz(from, "approval"))
		keep(a, &to, from, "approval");
	else if (n->approval)
		value_putz(a, &to, "approvalRequired", value_bool(true));
	keep(a, &to, from, "limits");
	return to;
}

void plan_build_form(struct plan_build *b, const struct value *document)
{
	struct plan *p = b->plan;
	struct arena *a = &p->arena;
	struct value d = value_object(a, 8);
	value_putz(a, &d, "name", value_str(p->name));
	value_putz(a, &d, "project", value_str(p->project));
	if (p->description.n)
		value_putz(a, &d, "description", value_str(p->description));
	value_putz(a, &d, "status", value_strz(workflow_status_name(p->status)));
	plan_build_triggers_form(p, a, &d);
	keep(a, &d, document, "contextSchema");
	keep(a, &d, document, "timeout");
	keep(a, &d, document, "retention");
	plan_build_concurrency_form(document, a, &d);
	const struct value *from = value_getz(document, "nodes");
	struct value nodes = value_array(a, p->n_nodes);
	for (uint32_t i = 0; i < p->n_nodes; i++)
		value_push(a, &nodes, node_form(a, &p->nodes[i], &from->items[i]));
	value_putz(a, &d, "nodes", nodes);
	keep(a, &d, document, "output");
	p->definition = d;
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, &d);
	p->definition_json = arena_str(a, buf_str(&text));
	buf_clear(&text);
	json_write_canonical(&text, &d);
	sha256_hex(buf_str(&text), p->sha256);
}
