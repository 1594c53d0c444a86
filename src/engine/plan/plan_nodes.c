#include <stdio.h>

#include "base/limits.h"
#include "engine/catalog.h"
#include "engine/plan/plan_build.h"
#include "engine/plan/schemas.h"
#include "json/parse.h"

#define NOT_YET " is not in this version of drover; remove it"

static const struct field_spec node_fields[] = {
	{"id", NULL},
	{"agent", NULL},
	{"agentId", NULL},
	{"action", NULL},
	{"workspace", NULL},
	{"inputs", NULL},
	{"inputsJson", NULL},
	{"dependsOn", NULL},
	{"when", NULL},
	{"runOn", NULL},
	{"joinRule", NULL},
	{"continueOnError", NULL},
	{"timeout", NULL},
	{"timeouts", NULL},
	{"heartbeat", NULL},
	{"retry", NULL},
	{"limits", NULL},
	{"description", NULL},
	{"forEach", NULL},
	{"maxParallel", NULL},
	{"onItemFailure", NULL},
	{"workflow", NULL},
	{"approvalRequired", NULL},
	{"approval", NULL},
	{"wait", NULL},
	{"sleep", NULL},
	{"secrets", "secrets are not in this version of drover; remove them"},
	{"queue", "queue" NOT_YET},
	{"concurrency", "concurrency" NOT_YET},
};

static const struct field_spec workspace_fields[] = {{"path", NULL}, {"mode", NULL}};

static bool node_id_valid(struct str id)
{
	if (id.n == 0 || id.n > LIMIT_NAME_BYTES)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || (c != '-' && !(c >= '0' && c <= '9'))))
			return false;
	}
	return true;
}

static void read_id(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	struct str id;
	if (!fields_str(f, "id", true, &id))
		return;
	if (!node_id_valid(id)) {
		fields_bad(f, "id",
			   "must begin with a letter or '_', go on with letters, digits, '_' or "
			   "'-', and have at most %d characters",
			   LIMIT_NAME_BYTES);
		return;
	}
	n->id = arena_str(&b->plan->arena, id);
	const struct plan_node *other = map_get(&b->plan->by_id, id);
	if (other)
		fields_bad(f, "id", "\"%.*s\" is the id of nodes[%zu] already; ids must differ",
			   STR_ARG(id), (size_t)(other - b->plan->nodes));
	else
		map_put(&b->plan->by_id, n->id, n);
}

static void read_join(const struct fields *f, struct plan_node *n)
{
	struct str text;
	n->join = JOIN_ALL_SUCCESS;
	bool join = fields_str(f, "joinRule", false, &text);
	if (join && !join_rule_parse(text, &n->join))
		fields_bad(f, "joinRule",
			   "must be all_success, all_failed, all_done, one_success, one_failed, "
			   "one_done, none_failed, none_skipped or always");
	if (!fields_str(f, "runOn", false, &text))
		return;
	if (join)
		fields_bad(f, "runOn", "is the short form of joinRule; give one of the two");
	else if (!join_run_on_parse(text, &n->join))
		fields_bad(f, "runOn", "must be success, failure or always");
}

const struct resolve *plan_build_template(struct plan_build *b, const struct value *v,
					  const char *path)
{
	struct value *copy = ARENA_NEW(&b->plan->arena, struct value);
	*copy = value_copy(&b->plan->arena, v);
	return resolve_compile(&b->plan->arena, copy, path, b->diag);
}

const struct resolve *plan_build_text(struct plan_build *b, const struct fields *f, const char *key)
{
	const struct value *v = fields_kind(f, key, VALUE_STRING, false);
	if (!v)
		return NULL;
	char place[FIELDS_PATH_BYTES];
	fields_place(place, f->path, str_of(key));
	return plan_build_template(b, v, place);
}

static void read_when(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	const struct value *v = fields_get(f, "when");
	if (v && v->kind != VALUE_BOOL && v->kind != VALUE_STRING) {
		fields_bad(f, "when", "must be a template that gives true or false");
		return;
	}
	char place[FIELDS_PATH_BYTES];
	fields_place(place, f->path, STR("when"));
	if (!v)
		return;
	size_t before = b->diag->n;
	n->when = plan_build_template(b, v, place);
	if (b->diag->n == before && v->kind == VALUE_STRING && resolve_constant(n->when))
		fields_bad(f, "when", "is text without a template; write \"{{ … }}\"");
}

static void read_workspace(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	const struct value *v = fields_get(f, "workspace");
	if (!v)
		return;
	if (v->kind != VALUE_OBJECT) {
		n->workspace = plan_build_text(b, f, "workspace");
		return;
	}
	struct fields w;
	char place[FIELDS_PATH_BYTES];
	struct str mode;
	fields_place(place, f->path, STR("workspace"));
	fields_open(&w, v, b->diag, place);
	fields_known(&w, workspace_fields, ARRAY_LEN(workspace_fields));
	if (fields_kind(&w, "path", VALUE_STRING, true))
		n->workspace = plan_build_text(b, &w, "path");
	if (!fields_str(&w, "mode", false, &mode) || str_eqz(mode, "read"))
		return;
	fields_bad(&w, "mode", "%s",
		   str_eqz(mode, "write") ? "\"write\" is not in this version of drover; use read"
					  : "must be \"read\"");
}

/* inputs, or the text of inputsJson read; NULL when neither is there or good. */
static const struct value *find_inputs(struct plan_build *b, const struct fields *f)
{
	struct str text;
	const struct value *v = fields_kind(f, "inputs", VALUE_OBJECT, false);
	if (!fields_str(f, "inputsJson", false, &text))
		return v;
	if (fields_get(f, "inputs")) {
		fields_bad(f, "inputsJson", "is the same as inputs; give one of the two");
		return v;
	}
	struct value *parsed = ARENA_NEW(&b->plan->arena, struct value);
	struct json_error error;
	if (json_parse(&b->plan->arena, text, JSON_UNIQUE_KEYS, parsed, &error) != 0)
		fields_bad(f, "inputsJson", "is not JSON: %s at column %d of line %d",
			   error.message, error.column, error.line);
	else if (parsed->kind != VALUE_OBJECT)
		fields_bad(f, "inputsJson", "must hold a JSON object, not %s",
			   value_kind_name(parsed));
	else
		return parsed;
	return NULL;
}

static void read_inputs(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	static const struct value empty = {.kind = VALUE_OBJECT};
	const struct value *v = find_inputs(b, f);
	char place[FIELDS_PATH_BYTES];
	fields_place(place, f->path, STR("inputs"));
	n->inputs = plan_build_template(b, v ? v : &empty, place);
}

static void judge_action(struct plan_build *b, const struct fields *f, const struct agent *agent,
			 const struct plan_node *n)
{
	const struct agent_action *action = agent_find_action(agent, n->action);
	if (!action) {
		const char *names[32];
		size_t n_names = 0;
		for (size_t i = 0; i < agent->n_actions && n_names < ARRAY_LEN(names); i++)
			names[n_names++] = agent->actions[i].name_z;
		const char *nearest = fields_nearest(n->action, names, n_names);
		fields_bad(f, "action", "agent \"%.*s\" has no action \"%.*s\"; %s \"%s\"",
			   STR_ARG(agent->row.name), STR_ARG(n->action),
			   nearest ? "did you mean" : "its first is", nearest ? nearest : names[0]);
		return;
	}
	char place[FIELDS_PATH_BYTES];
	fields_place(place, f->path, STR("inputs"));
	if (n->inputs)
		schemas_check_partial(action->input, n->inputs, b->diag, place);
}

/* What this version can't run is refused when it is saved, not when it runs. */
static void judge_agent(const struct fields *f, const char *key, const struct agent *agent)
{
	if (agent->row.type == AGENT_API || agent->row.type == AGENT_LLM)
		fields_bad(f, key, "agents of type %s are not in this version of drover",
			   agent_type_name(agent->row.type));
}

static const struct agent *find_agent(struct plan_build *b, const struct fields *f,
				      struct plan_node *n, const char **ret_key)
{
	struct str name = {0}, id = {0};
	bool by_id = fields_str(f, "agentId", false, &id);
	bool by_name = fields_str(f, "agent", !by_id && !fields_get(f, "agentId"), &name);
	*ret_key = by_name ? "agent" : "agentId";
	if (by_id && by_name)
		fields_bad(f, "agentId", "is the same as agent; give one of the two");
	if (by_name)
		n->agent = arena_str(&b->plan->arena, name);
	if (!b->catalog || (!by_id && !by_name))
		return NULL;
	const struct agent *agent = by_name ? catalog_agent(b->catalog, b->plan->project, name)
					    : catalog_agent_by_id(b->catalog, b->plan->project, id);
	if (!agent) {
		const char *nearest = catalog_agent_nearest(b->catalog, b->plan->project, name);
		fields_bad(f, *ret_key, "there is no agent \"%.*s\" in project \"%.*s\"%s%s%s",
			   STR_ARG(by_name ? name : id), STR_ARG(b->plan->project),
			   nearest ? "; did you mean \"" : "; register it first",
			   nearest ? nearest : "", nearest ? "\"?" : "");
		return NULL;
	}
	n->agent = arena_str(&b->plan->arena, agent->row.name);
	return agent;
}

static void read_node(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	struct arena *a = &b->plan->arena;
	struct str text;
	const char *key;
	fields_known(f, node_fields, ARRAY_LEN(node_fields));
	read_id(b, f, n);
	fields_str(f, "description", false, &text);
	read_join(f, n);
	read_when(b, f, n);
	fields_bool(f, "continueOnError", &n->continue_on_error);
	plan_build_each(b, f, n);
	if (plan_build_wait(b, f, n))
		return;
	bool child = plan_build_child(b, f, n);
	plan_build_retry(b, f, n);
	plan_build_timeouts(f, n);
	plan_build_approval(b, f, n);
	read_inputs(b, f, n);
	if (child) {
		plan_judge_child(b, f, n);
		return;
	}
	if (fields_str(f, "action", true, &text))
		n->action = arena_str(a, text);
	read_workspace(b, f, n);
	const struct value *limits = fields_get(f, "limits");
	if (limits) {
		char place[FIELDS_PATH_BYTES];
		fields_place(place, f->path, STR("limits"));
		n->limits = plan_build_limits(a, limits, b->diag, place);
		if (value_getz(limits, "timeout"))
			diag_add(b->diag, place,
				 "of a node have no timeout; use the node's own "
				 "field timeout");
	}
	const struct agent *agent = find_agent(b, f, n, &key);
	if (!agent)
		return;
	judge_agent(f, key, agent);
	if (n->action.n)
		judge_action(b, f, agent, n);
}

void plan_build_nodes(struct plan_build *b, const struct value *nodes)
{
	struct plan *p = b->plan;
	p->n_nodes = nodes->n;
	p->nodes = ARENA_NEW_ARRAY(&p->arena, struct plan_node, nodes->n);
	for (uint32_t i = 0; i < nodes->n; i++) {
		struct fields f;
		char place[FIELDS_PATH_BYTES];
		plan_build_place(place, i);
		if (fields_open(&f, &nodes->items[i], b->diag, place))
			read_node(b, &f, &p->nodes[i]);
	}
}
