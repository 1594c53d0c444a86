#include "engine/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/plan/plan_build.h"
#include "engine/plan/schemas.h"

#define NOT_YET "is not in this version of drover; "

static const struct field_spec workflow_fields[] = {
	{"name", NULL},	     {"project", NULL}, {"projectId", NULL},	 {"description", NULL},
	{"status", NULL},    {"trigger", NULL}, {"contextSchema", NULL}, {"timeout", NULL},
	{"retention", NULL}, {"nodes", NULL},	{"concurrency", NULL},	 {"rateLimit", NULL},
	{"priority", NULL},  {"output", NULL},
};

void plan_build_place(char ret[FIELDS_PATH_BYTES], size_t index)
{
	fields_place_item(ret, "nodes", index);
}

static void read_project(struct plan_build *b, const struct fields *f, struct str project)
{
	struct str named = {0};
	struct plan *p = b->plan;
	p->project = arena_str(&p->arena, project.n ? project : STR("default"));
	if (!fields_name(f, "project", false, &named) &&
	    !fields_name(f, "projectId", false, &named))
		return;
	if (project.n && !str_eq(named, project))
		fields_bad(f, "project", "is \"%.*s\", but the request is for project \"%.*s\"",
			   STR_ARG(named), STR_ARG(project));
	else
		p->project = arena_str(&p->arena, named);
}

/* The properties of a schema that allows no others, when that is plain to see. */
static const struct value *closed_properties(const struct value *schema)
{
	const struct value *more = value_getz(schema, "additionalProperties");
	static const char *const openers[] = {
		"patternProperties", "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if"};
	for (size_t i = 0; i < ARRAY_LEN(openers); i++)
		if (value_getz(schema, openers[i]))
			return NULL;
	if (!value_is(more, VALUE_BOOL) || more->b)
		return NULL;
	return value_getz(schema, "properties");
}

static void read_context_schema(struct plan_build *b, const struct fields *f)
{
	const struct value *v = fields_get(f, "contextSchema");
	if (!v)
		return;
	b->plan->context_schema = schemas_compile(v, b->diag, "contextSchema");
	if (b->plan->context_schema)
		b->context_properties = closed_properties(v);
}

static void read_workflow(struct plan_build *b, const struct fields *f, struct str project)
{
	struct plan *p = b->plan;
	struct str text;
	fields_known(f, workflow_fields, ARRAY_LEN(workflow_fields));
	if (fields_name(f, "name", true, &text))
		p->name = arena_str(&p->arena, text);
	read_project(b, f, project);
	if (fields_str(f, "description", false, &text))
		p->description = arena_str(&p->arena, text);
	p->status = WORKFLOW_ACTIVE;
	if (fields_str(f, "status", false, &text) && !workflow_status_parse(text, &p->status))
		fields_bad(f, "status", "must be DRAFT, ACTIVE or ARCHIVED");
	fields_duration(f, "timeout", 1, LIMIT_DURATION_DAYS * INT64_C(86400000), &p->timeout_ms);
	read_context_schema(b, f);
	plan_build_retention(b, f);
	plan_build_triggers(b, f);
	plan_build_concurrency(b, f);
	const struct value *output = fields_get(f, "output");
	if (output)
		p->output = plan_build_template(b, output, "output");
}

static void build(struct plan_build *b, struct str project, const struct value *document)
{
	struct fields f;
	if (!fields_open(&f, document, b->diag, ""))
		return;
	read_workflow(b, &f, project);
	const struct value *nodes = fields_kind(&f, "nodes", VALUE_ARRAY, true);
	if (!nodes)
		return;
	if (nodes->n == 0 || nodes->n > LIMIT_PLAN_NODES) {
		fields_bad(&f, "nodes", "must have 1 to %d nodes, not %u", LIMIT_PLAN_NODES,
			   nodes->n);
		return;
	}
	plan_build_nodes(b, nodes);
	plan_build_graph(b, nodes);
	plan_build_refs(b);
	if (diag_ok(b->diag))
		plan_build_form(b, document);
}

int plan_compile(const struct catalog *catalog, struct str project, const struct value *document,
		 struct diag *d, struct plan **ret)
{
	CLEANUP_PLAN struct plan *p = NEW0(struct plan);
	p->refs = 1;
	struct plan_build b = {.plan = p, .catalog = catalog, .diag = d};
	size_t before = d->n;
	build(&b, project, document);
	if (d->n != before)
		return 1;
	*ret = p;
	p = NULL;
	return 0;
}

struct plan *plan_ref(struct plan *p)
{
	p->refs++;
	return p;
}

struct plan *plan_unref(struct plan *p)
{
	if (!p || --p->refs > 0)
		return NULL;
	schemas_free(p->context_schema);
	map_free(&p->by_id);
	arena_free(&p->arena);
	free(p);
	return NULL;
}

int64_t plan_find(const struct plan *p, struct str node_id)
{
	const struct plan_node *n = map_get(&p->by_id, node_id);
	return n ? (int64_t)(n - p->nodes) : -1;
}
