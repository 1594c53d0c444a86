#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/catalog.h"
#include "engine/plan/fields.h"
#include "engine/plan/plan_build.h"
#include "engine/plan/schemas.h"
#include "json/parse.h"
#include "json/write.h"

static const struct field_spec agent_fields[] = {
	{"name", NULL},
	{"project", NULL},
	{"projectId", NULL},
	{"type", NULL},
	{"version", NULL},
	{"description", NULL},
	{"riskLevel", NULL},
	{"entryPath", NULL},
	{"command", NULL},
	{"capabilities", NULL},
	{"limits", NULL},
	{"concurrency", NULL},
	{"rateLimit", NULL},
	{"circuitBreaker", NULL},
	{"image", "images are not in this version of drover; give entryPath and command"},
	{"secrets", "secrets are not in this version of drover; remove them"},
	{"endpoint", "API agents are not in this version of drover; use SCRIPT"},
	{"model", "LLM agents are not in this version of drover; use SCRIPT"},
};

static const struct field_spec capability_fields[] = {
	{"name", NULL},	  {"description", NULL}, {"inputSchema", NULL}, {"outputSchema", NULL},
	{"effect", NULL}, {"probe", NULL},	 {"riskLevel", NULL},
};

static struct str json_text(struct arena *a, const struct value *v)
{
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, v);
	return arena_str(a, buf_str(&text));
}

static struct schema *read_schema(struct agent *agent, const struct fields *f, const char *key,
				  struct str *ret_text)
{
	const struct value *v = fields_get(f, key);
	char place[FIELDS_PATH_BYTES];
	if (!v)
		return NULL;
	fields_place(place, f->path, str_of(key));
	*ret_text = json_text(&agent->arena, v);
	return schemas_compile(v, f->diag, place);
}

static void read_effect(struct agent *agent, struct capability_row *row, const struct fields *f)
{
	struct str text;
	row->effect = EFFECT_IDEMPOTENT;
	if (fields_str(f, "effect", false, &text) && !effect_parse(text, &row->effect))
		fields_bad(f, "effect", "must be pure, idempotent, reconcilable or irreversible");
	if (fields_name(f, "probe", false, &text))
		row->probe = arena_str(&agent->arena, text);
}

/* A probe only looks: another action, which is there and is pure. */
static void judge_probe(const struct agent *agent, const struct agent_action *action,
			struct diag *d)
{
	const struct agent_action *probe = agent_find_action(agent, action->probe);
	char place[FIELDS_PATH_BYTES], item[FIELDS_PATH_BYTES];
	fields_place_item(item, "capabilities", (size_t)(action - agent->actions));
	fields_place(place, item, STR("probe"));
	if (action->effect == EFFECT_RECONCILABLE && !action->probe.n)
		diag_add(d, place,
			 "is required: the pure action that finds out whether it happened");
	else if (!action->probe.n)
		return;
	else if (action->effect != EFFECT_RECONCILABLE)
		diag_add(d, place, "belongs to effect: reconcilable");
	else if (!probe)
		diag_add(d, place, "the agent has no capability \"%.*s\"", STR_ARG(action->probe));
	else if (probe->effect != EFFECT_PURE)
		diag_add(d, place, "the capability \"%.*s\" must say effect: pure",
			 STR_ARG(action->probe));
}

static void read_risk(const struct fields *f, enum risk_level *ret)
{
	struct str text;
	if (fields_str(f, "riskLevel", false, &text) && !risk_level_parse(text, ret))
		fields_bad(f, "riskLevel", "must be AUTO or APPROVAL_REQUIRED");
}

static void read_capability(struct agent *agent, struct capability_row *row, const struct value *v,
			    struct diag *d, size_t index)
{
	struct fields f;
	char place[FIELDS_PATH_BYTES];
	fields_place_item(place, "capabilities", index);
	if (!fields_open(&f, v, d, place))
		return;
	struct agent_action *action = &agent->actions[agent->n_actions];
	fields_known(&f, capability_fields, ARRAY_LEN(capability_fields));
	struct str text;
	if (fields_name(&f, "name", true, &text)) {
		if (agent_find_action(agent, text))
			fields_bad(&f, "name", "there is a capability \"%.*s\" already",
				   STR_ARG(text));
		row->name = action->name = arena_str(&agent->arena, text);
		action->name_z = action->name.p;
	}
	if (fields_str(&f, "description", false, &text))
		row->description = arena_str(&agent->arena, text);
	read_effect(agent, row, &f);
	action->effect = row->effect;
	action->probe = row->probe;
	read_risk(&f, &row->risk_level);
	action->risk_level = row->risk_level;
	action->input = read_schema(agent, &f, "inputSchema", &row->input_schema);
	action->output = read_schema(agent, &f, "outputSchema", &row->output_schema);
	agent->n_actions++;
}

static void read_capabilities(struct agent *agent, const struct fields *f)
{
	const struct value *list = fields_kind(f, "capabilities", VALUE_ARRAY, true);
	if (!list)
		return;
	if (list->n == 0 || list->n > LIMIT_AGENT_CAPABILITIES) {
		fields_bad(f, "capabilities", "must have 1 to %d capabilities",
			   LIMIT_AGENT_CAPABILITIES);
		return;
	}
	struct capability_row *rows =
		ARENA_NEW_ARRAY(&agent->arena, struct capability_row, list->n);
	agent->actions = ARENA_NEW_ARRAY(&agent->arena, struct agent_action, list->n);
	for (uint32_t i = 0; i < list->n; i++)
		read_capability(agent, &rows[i], &list->items[i], f->diag, i);
	for (size_t i = 0; i < agent->n_actions; i++)
		judge_probe(agent, &agent->actions[i], f->diag);
	agent->row.capabilities = rows;
	agent->row.n_capabilities = list->n;
}

static void read_command(struct agent *agent, const struct fields *f)
{
	const struct value *list = fields_kind(f, "command", VALUE_ARRAY, true);
	if (!list)
		return;
	if (list->n == 0 || list->n > LIMIT_AGENT_COMMAND_WORDS) {
		fields_bad(f, "command", "must have 1 to %d strings", LIMIT_AGENT_COMMAND_WORDS);
		return;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		const struct value *item = &list->items[i];
		struct str word = value_text(item);
		if (value_is(item, VALUE_STRING) && (word.n > 0 || i > 0) &&
		    !memchr(word.p, 0, word.n))
			continue;
		char place[FIELDS_PATH_BYTES];
		fields_place_item(place, "command", i);
		diag_add(f->diag, place,
			 "must be a string without NUL; the first names the "
			 "program");
	}
	agent->row.command = json_text(&agent->arena, list);
}

static void read_type(struct agent *agent, const struct fields *f)
{
	struct str text;
	agent->row.type = AGENT_SCRIPT;
	if (!fields_str(f, "type", true, &text))
		return;
	if (!agent_type_parse(text, &agent->row.type))
		fields_bad(f, "type", "must be SCRIPT or RULE");
	else if (agent->row.type == AGENT_API || agent->row.type == AGENT_LLM)
		fields_bad(f, "type", "%.*s agents are not in this version of drover; use SCRIPT",
			   STR_ARG(text));
}

static void read_agent(struct agent *agent, const struct fields *f, struct str project)
{
	struct arena *a = &agent->arena;
	struct agent_row *row = &agent->row;
	struct str text;
	fields_known(f, agent_fields, ARRAY_LEN(agent_fields));
	if (fields_name(f, "name", true, &text))
		row->name = arena_str(a, text);
	row->project = arena_str(a, project.n ? project : STR("default"));
	if ((fields_name(f, "project", false, &text) ||
	     fields_name(f, "projectId", false, &text)) &&
	    !str_eq(text, row->project))
		fields_bad(f, "project", "is \"%.*s\", but the request is for project \"%.*s\"",
			   STR_ARG(text), STR_ARG(row->project));
	if (fields_str(f, "version", false, &text))
		row->version = arena_str(a, text);
	if (fields_str(f, "description", false, &text))
		row->description = arena_str(a, text);
	read_type(agent, f);
	read_risk(f, &agent->row.risk_level);
	read_capabilities(agent, f);
	if (row->type == AGENT_SCRIPT) {
		read_command(agent, f);
		if (fields_str(f, "entryPath", true, &text))
			row->entry_path = arena_str(a, text);
	}
	const struct value *limits = fields_get(f, "limits");
	if (limits)
		row->limits = plan_build_limits(a, limits, f->diag, "limits");
	row->policy = policy_judge(a, f);
}

/* The default time-out among the limits, which were judged before. */
static int64_t read_timeout(struct str limits)
{
	struct arena scratch CLEANUP_ARENA = {0};
	struct value v;
	int64_t ms = 0;
	if (!limits.n || json_parse(&scratch, limits, JSON_DEFAULT, &v, NULL) != 0)
		return 0;
	struct str text = value_text(value_getz(&v, "timeout"));
	return text.n && timefmt_duration_parse(text, &ms) == 0 && ms > 0 ? ms : 0;
}

struct agent *agent_compile(const struct value *doc, struct str project, struct diag *d)
{
	struct agent *agent = NEW0(struct agent);
	agent->refs = 1;
	size_t before = d->n;
	struct fields f;
	if (fields_open(&f, doc, d, ""))
		read_agent(agent, &f, project);
	agent->timeout_ms = read_timeout(agent->row.limits);
	agent->policy = policy_read(agent->row.policy);
	return d->n == before ? agent : agent_unref(agent);
}

static struct schema *schema_from_text(struct str text, bool *ret_good)
{
	struct arena scratch CLEANUP_ARENA = {0};
	struct diag d;
	struct value v;
	if (text.n == 0)
		return NULL;
	diag_init(&d, &scratch);
	struct schema *s = NULL;
	if (json_parse(&scratch, text, JSON_DEFAULT, &v, NULL) == 0)
		s = schemas_compile(&v, &d, "");
	if (!s)
		*ret_good = false;
	return s;
}

static void copy_capabilities(struct agent *agent, const struct agent_row *row, bool *ret_good)
{
	struct arena *a = &agent->arena;
	struct capability_row *rows =
		ARENA_NEW_ARRAY(a, struct capability_row, row->n_capabilities);
	agent->actions = ARENA_NEW_ARRAY(a, struct agent_action, row->n_capabilities);
	agent->n_actions = row->n_capabilities;
	for (size_t i = 0; i < row->n_capabilities; i++) {
		const struct capability_row *from = &row->capabilities[i];
		rows[i] = (struct capability_row){
			.name = arena_str(a, from->name),
			.description = arena_str(a, from->description),
			.input_schema = arena_str(a, from->input_schema),
			.output_schema = arena_str(a, from->output_schema),
			.effect = from->effect,
			.probe = arena_str(a, from->probe),
			.risk_level = from->risk_level,
		};
		agent->actions[i] = (struct agent_action){
			.name = rows[i].name,
			.name_z = rows[i].name.p,
			.input = schema_from_text(from->input_schema, ret_good),
			.output = schema_from_text(from->output_schema, ret_good),
			.effect = from->effect,
			.probe = rows[i].probe,
			.risk_level = from->risk_level,
		};
	}
	agent->row.capabilities = rows;
}

struct agent *agent_from_row(const struct agent_row *row)
{
	struct agent *agent = NEW0(struct agent);
	struct arena *a = &agent->arena;
	bool good = true;
	agent->refs = 1;
	agent->row = *row;
	agent->row.id = arena_str(a, row->id);
	agent->row.project = arena_str(a, row->project);
	agent->row.name = arena_str(a, row->name);
	agent->row.version = arena_str(a, row->version);
	agent->row.description = arena_str(a, row->description);
	agent->row.entry_path = arena_str(a, row->entry_path);
	agent->row.command = arena_str(a, row->command);
	agent->row.limits = arena_str(a, row->limits);
	agent->row.digest = arena_str(a, row->digest);
	agent->row.policy = arena_str(a, row->policy);
	agent->timeout_ms = read_timeout(row->limits);
	agent->policy = policy_read(row->policy);
	copy_capabilities(agent, row, &good);
	return good ? agent : agent_unref(agent);
}

static bool same_capabilities(const struct agent_row *a, const struct agent_row *b)
{
	if (a->n_capabilities != b->n_capabilities)
		return false;
	for (size_t i = 0; i < a->n_capabilities; i++) {
		const struct capability_row *x = &a->capabilities[i], *y = &b->capabilities[i];
		if (!str_eq(x->name, y->name) || !str_eq(x->description, y->description) ||
		    !str_eq(x->input_schema, y->input_schema) ||
		    !str_eq(x->output_schema, y->output_schema) || x->effect != y->effect ||
		    !str_eq(x->probe, y->probe) || x->risk_level != y->risk_level)
			return false;
	}
	return true;
}

bool agent_same(const struct agent_row *a, const struct agent_row *b)
{
	return str_eq(a->project, b->project) && str_eq(a->name, b->name) &&
	       str_eq(a->version, b->version) && str_eq(a->description, b->description) &&
	       a->type == b->type && a->risk_level == b->risk_level &&
	       str_eq(a->entry_path, b->entry_path) && str_eq(a->command, b->command) &&
	       str_eq(a->limits, b->limits) && str_eq(a->digest, b->digest) &&
	       str_eq(a->policy, b->policy) && a->builtin == b->builtin && same_capabilities(a, b);
}
