#include "engine/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/plan/fields.h"
#include "engine/plan/plan.h"
#include "engine/plan/schemas.h"

enum { KEY_BYTES = 2 * LIMIT_NAME_BYTES + 2 };

/* "project\nname" in buffer; names longer than the limit match nothing. */
static struct str name_key(char buffer[KEY_BYTES], struct str project, struct str name)
{
	if (project.n > LIMIT_NAME_BYTES || name.n > LIMIT_NAME_BYTES)
		return STR("\n");
	if (project.n)
		memcpy(buffer, project.p, project.n);
	buffer[project.n] = '\n';
	if (name.n)
		memcpy(buffer + project.n + 1, name.p, name.n);
	return str_n(buffer, project.n + 1 + name.n);
}

const struct agent_action *agent_find_action(const struct agent *a, struct str name)
{
	for (size_t i = 0; i < a->n_actions; i++)
		if (str_eq(a->actions[i].name, name))
			return &a->actions[i];
	return NULL;
}

const struct zone *catalog_zone(const struct catalog *c, struct str name)
{
	if (c->zone_get)
		return c->zone_get(c->zone_arg, name);
	return str_eqz(name, "UTC") ? &zone_utc : NULL;
}

struct agent *agent_ref(struct agent *a)
{
	a->refs++;
	return a;
}

struct agent *agent_unref(struct agent *a)
{
	if (!a || --a->refs > 0)
		return NULL;
	for (size_t i = 0; i < a->n_actions; i++) {
		schemas_free(a->actions[i].input);
		schemas_free(a->actions[i].output);
	}
	arena_free(&a->arena);
	free(a);
	return NULL;
}

struct agent *catalog_agent(const struct catalog *c, struct str project, struct str name)
{
	char key[KEY_BYTES];
	return map_get(&c->agents, name_key(key, project, name));
}

struct agent *catalog_agent_by_id(const struct catalog *c, struct str project, struct str id)
{
	struct agent *a = map_get(&c->agents_by_id, id);
	return a && str_eq(a->row.project, project) ? a : NULL;
}

const char *catalog_agent_nearest(const struct catalog *c, struct str project, struct str name)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&c->agents, &at, &key, &p)) {
		const struct agent *a = p;
		const char *z = a->row.name.p; /* arena text ends with a NUL */
		if (str_eq(a->row.project, project) && fields_nearest(name, &z, 1))
			return z;
	}
	return NULL;
}

void catalog_agent_put(struct catalog *c, struct agent *a)
{
	char key[KEY_BYTES];
	struct agent *old = map_get(&c->agents_by_id, a->row.id);
	if (old)
		map_remove(&c->agents, name_key(key, old->row.project, old->row.name));
	map_put(&c->agents_by_id, a->row.id, a);
	map_put(&c->agents, name_key(key, a->row.project, a->row.name), a);
	agent_unref(old);
}

void catalog_agent_remove(struct catalog *c, struct agent *a)
{
	char key[KEY_BYTES];
	map_remove(&c->agents, name_key(key, a->row.project, a->row.name));
	map_remove(&c->agents_by_id, a->row.id);
	agent_unref(a);
}

struct workflow *catalog_workflow(const struct catalog *c, struct str project, struct str name)
{
	char key[KEY_BYTES];
	return map_get(&c->workflows, name_key(key, project, name));
}

struct workflow *catalog_workflow_by_id(const struct catalog *c, struct str project, struct str id)
{
	struct workflow *w = map_get(&c->workflows_by_id, id);
	return w && str_eq(w->row.project, project) ? w : NULL;
}

static void workflow_set_row(struct workflow *w, const struct workflow_row *row)
{
	struct arena old = w->arena;
	w->arena = (struct arena){0};
	w->row = *row;
	w->row.id = arena_str(&w->arena, row->id);
	w->row.project = arena_str(&w->arena, row->project);
	w->row.name = arena_str(&w->arena, row->name);
	w->row.description = arena_str(&w->arena, row->description);
	w->row.pause = row->pause.n ? arena_str(&w->arena, row->pause) : (struct str){0};
	w->row.deleting = row->deleting.n ? arena_str(&w->arena, row->deleting) : (struct str){0};
	arena_free(&old);
}

struct workflow *catalog_workflow_put(struct catalog *c, const struct workflow_row *row,
				      struct plan *plan)
{
	char key[KEY_BYTES];
	struct workflow *w = map_get(&c->workflows_by_id, row->id);
	if (!w) {
		w = NEW0(struct workflow);
		map_put(&c->workflows_by_id, row->id, w);
	} else {
		map_remove(&c->workflows, name_key(key, w->row.project, w->row.name));
	}
	workflow_set_row(w, row);
	map_put(&c->workflows, name_key(key, row->project, row->name), w);
	plan_unref(w->plan);
	w->plan = plan;
	return w;
}

static void workflow_free(struct workflow *w)
{
	plan_unref(w->plan);
	arena_free(&w->arena);
	free(w);
}

void catalog_workflow_remove(struct catalog *c, struct workflow *w)
{
	char key[KEY_BYTES];
	map_remove(&c->workflows, name_key(key, w->row.project, w->row.name));
	map_remove(&c->workflows_by_id, w->row.id);
	workflow_free(w);
}

const char *catalog_workflow_nearest(const struct catalog *c, struct str project, struct str name)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&c->workflows, &at, &key, &p)) {
		const struct workflow *w = p;
		const char *z = w->row.name.p; /* arena text ends with a NUL */
		if (str_eq(w->row.project, project) && fields_nearest(name, &z, 1))
			return z;
	}
	return NULL;
}

static bool plan_calls(const struct plan *p, const struct workflow *w)
{
	if (!p || !str_eq(p->project, w->row.project))
		return false;
	for (size_t i = 0; i < p->n_nodes; i++)
		if (str_eq(p->nodes[i].workflow, w->row.name))
			return true;
	return false;
}

struct str catalog_workflow_caller(const struct catalog *c, const struct workflow *w)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&c->workflows, &at, &key, &p)) {
		const struct workflow *other = p;
		if (other != w && plan_calls(other->plan, w))
			return other->row.name;
	}
	return (struct str){0};
}

static bool plan_uses(const struct plan *p, const struct agent *a)
{
	if (!p || !str_eq(p->project, a->row.project))
		return false;
	for (size_t i = 0; i < p->n_nodes; i++)
		if (str_eq(p->nodes[i].agent, a->row.name))
			return true;
	return false;
}

struct str catalog_agent_user(const struct catalog *c, const struct agent *a)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&c->workflows, &at, &key, &p)) {
		const struct workflow *w = p;
		if (plan_uses(w->plan, a))
			return w->row.name;
	}
	return (struct str){0};
}

void catalog_fini(struct catalog *c)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&c->agents_by_id, &at, &key, &p))
		agent_unref(p);
	at = 0;
	while (map_next(&c->workflows_by_id, &at, &key, &p))
		workflow_free(p);
	map_free(&c->agents);
	map_free(&c->agents_by_id);
	map_free(&c->workflows);
	map_free(&c->workflows_by_id);
}
