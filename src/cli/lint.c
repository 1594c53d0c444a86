#include "cli/lint.h"

#include <stdio.h>
#include <stdlib.h>

#include "agents/builtin.h"
#include "base/fault.h"
#include "base/mem.h"
#include "cli/finding.h"
#include "daemon/zones.h"
#include "engine/engine.h"
#include "json/parse.h"
#include "store/mem/mem.h"
#include "text/yaml.h"

struct lint {
	struct store *store;
	struct engine *engine;
	struct executor executor;
	struct zones zones;
};

/* ---- nothing is ever run here ---- */

static void no_start(struct executor *x, const struct attempt_start *start)
{
	ASSERT(!"linting starts nothing");
}

static void no_stop(struct executor *x, const struct attempt_id *id, enum attempt_stop why)
{
}

static const struct executor_ops no_ops = {no_start, no_stop};

/* ---- agents ---- */

static void on_saved(void *arg, const struct engine_reply *reply)
{
	const struct agent_found *agent = arg;
	for (size_t i = 0; reply->diag && i < reply->diag->n; i++)
		fprintf(stderr, "drover lint: %s: %s: %s\n", agent->folder,
			reply->diag->findings[i].path, reply->diag->findings[i].message);
}

static void add_agent(struct lint *l, const struct agent_found *agent)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value doc = value_object(&a, agent->agent.n);
	for (uint32_t i = 0; i < agent->agent.n; i++)
		if (!str_eqz(agent->agent.members[i].key, "digest"))
			value_put(&a, &doc, agent->agent.members[i].key,
				  agent->agent.members[i].value);
	struct agent_save save = {.project = STR("default"),
				  .upsert = true,
				  .builtin = agent->builtin,
				  .digest = value_text(value_getz(&agent->agent, "digest")),
				  .doc = &doc};
	engine_agent_save(l->engine, &save, on_saved, (void *)(uintptr_t)agent);
	engine_flush(l->engine);
	while (mem_store_run(l->store) > 0)
		engine_flush(l->engine);
}

static void say_refused(const struct agent_found *agent)
{
	CLEANUP_BUF struct buf file = {0};
	buf_printf(&file, "%s/agent.yaml", agent->folder);
	for (size_t i = 0; i < agent->diag.n; i++) {
		const struct diag_finding *f = &agent->diag.findings[i];
		finding_print(
			stderr, file.p, (struct str){0},
			&(struct finding){str_of(f->path), str_of(f->message), f->line, f->column});
	}
}

static bool add_agents(struct lint *l, const char *const *dirs, size_t n)
{
	CLEANUP_ARENA struct arena a = {0};
	struct agent_roots roots;
	struct agents_found found;
	const char *bad = NULL;
	int r = builtin_roots(&a, dirs, n, &roots, &bad);
	if (r < 0) {
		fprintf(stderr, "drover lint: %s: %s\n", bad ? bad : "agents", strerror(-r));
		return false;
	}
	builtin_find(&a, &roots, &found);
	for (size_t i = 0; i < found.n; i++) {
		if (found.items[i].refused)
			say_refused(&found.items[i]);
		else
			add_agent(l, &found.items[i]);
	}
	return true;
}

struct lint *lint_new(const char *const *agent_dirs, size_t n)
{
	struct lint *l = NEW0(struct lint);
	l->executor.ops = &no_ops;
	mem_store_new(&l->store);
	struct engine_config config = {.clock = clock_system(),
				       .store = l->store,
				       .executor = &l->executor,
				       .zone_get = zones_get,
				       .zone_arg = &l->zones,
				       .workflows_elsewhere = true};
	int r = engine_new(&config, &l->engine);
	if (r == 0 && add_agents(l, agent_dirs, n))
		return l;
	lint_free(l);
	return NULL;
}

void lint_free(struct lint *l)
{
	l->store->ops->free(l->store);
	if (l->engine)
		engine_free(l->engine);
	zones_fini(&l->zones);
	free(l);
}

/* ---- documents ---- */

static void on_judged(void *arg, const struct engine_reply *reply)
{
	struct diag *d = arg;
	for (size_t i = 0; reply->diag && i < reply->diag->n; i++) {
		const struct diag_finding *f = &reply->diag->findings[i];
		diag_add_at(d, f->path, f->line, f->column, "%s", f->message);
	}
}

static bool read_json(struct arena *a, struct str text, struct value *ret, struct diag *d)
{
	struct json_error e;
	if (json_parse(a, text, JSON_UNIQUE_KEYS, ret, &e) == 0)
		return true;
	diag_add_at(d, "", e.line, e.column, "%s", e.message);
	return false;
}

void lint_text(struct lint *l, struct str text, bool json, struct diag *d)
{
	CLEANUP_ARENA struct arena a = {0};
	struct yaml_places *places = NULL;
	struct value doc;
	bool read =
		json ? read_json(&a, text, &doc, d) : yaml_parse(&a, text, d, &doc, &places) == 0;
	if (!read)
		return;
	engine_workflow_check(l->engine, STR("default"), &doc, on_judged, d);
	yaml_place_findings(places, d);
}
