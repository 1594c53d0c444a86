/* New versions of workflows while runs go, and runs that move between versions. The order of nodes
 * that two versions share is the same, so that the model knows whose turn a signal is. */
#include "sim.h"

#include <stdio.h>

#include "json/write.h"

enum { NODES_MOST = 40 };

/* ---- another version ---- */

static void put(struct arena *a, struct value *v, const char *key, const char *json)
{
	value_putz(a, v, key, sim_parse(a, json));
}

static bool names(const struct value *node, struct str id)
{
	const struct value *depends = value_getz(node, "dependsOn");
	for (uint32_t i = 0; depends && i < depends->n; i++)
		if (str_eq(value_text(&depends->items[i]), id))
			return true;
	return false;
}

/* Whether no other node depends on it: then it may go. Retries ask for n0. */
static bool is_leaf(const struct value *nodes, struct str id)
{
	for (uint32_t i = 0; i < nodes->n; i++)
		if (names(&nodes->items[i], id))
			return false;
	return !str_eqz(id, "n0");
}

static void change(struct sim *s, struct arena *a, struct value *node)
{
	bool waits = value_getz(node, "sleep") || value_getz(node, "wait");
	bool calls = value_getz(node, "workflow") != NULL;
	switch (rng_below(&s->rng, waits ? 3 : calls ? 4 : 5)) {
	case 0:
		put(a, node, "description", arena_printf(a, "\"%d\"", (int)s->n_saves));
		return;
	case 1:
		put(a, node, "when",
		    arena_printf(a, "\"{{ context.w%zu }}\"",
				 (size_t)rng_below(&s->rng, SIM_FLAGS)));
		return;
	case 2:
		put(a, node, "continueOnError", sim_chance(s, 50) ? "true" : "false");
		return;
	case 3:
		put(a, node, "timeout", sim_chance(s, 50) ? "\"2s\"" : "\"4s\"");
		return;
	case 4:
		put(a, node, "agent", sim_chance(s, 50) ? "\"rule\"" : "\"script\"");
		put(a, node, "action", "\"run\"");
		return;
	}
}

/* A node that depends on some of those that are there, at any place. */
static struct value grown(struct sim *s, struct arena *a, const struct value *nodes)
{
	CLEANUP_BUF struct buf text = {0};
	size_t at = rng_below(&s->rng, nodes->n + 1);
	struct value list = value_array(a, nodes->n + 1);
	buf_printf(&text, "{\"id\":\"v%zu\",\"agent\":\"%s\",\"action\":\"run\"", s->n_saves,
		   sim_chance(s, 60) ? "rule" : "script");
	if (nodes->n > 0 && sim_chance(s, 92)) {
		struct str id =
			value_text(value_getz(&nodes->items[rng_below(&s->rng, nodes->n)], "id"));
		buf_printf(&text, ",\"dependsOn\":[\"%.*s\"]", STR_ARG(id));
		if (sim_chance(s, 50))
			buf_printf(&text, ",\"inputs\":{\"v\":\"{{ nodes.%.*s.output.n }}\"}",
				   STR_ARG(id));
	}
	if (sim_chance(s, 15))
		buf_puts(&text, ",\"approvalRequired\":true");
	buf_puts(&text, "}");
	for (size_t i = 0; i <= nodes->n; i++) {
		if (i == at)
			value_push(a, &list, sim_parse(a, arena_dupz(a, text.p)));
		if (i < nodes->n)
			value_push(a, &list, nodes->items[i]);
	}
	return list;
}

static struct value edited(struct sim *s, struct arena *a, const struct value *nodes)
{
	struct value list = value_array(a, nodes->n + 1);
	for (uint32_t i = 0; i < nodes->n; i++) {
		struct value node = value_copy(a, &nodes->items[i]);
		uint64_t dice = rng_below(&s->rng, 100);
		if (dice < 6 && list.n + nodes->n - i > 1 &&
		    is_leaf(nodes, value_text(value_getz(&node, "id"))))
			continue;
		if (dice >= 95)
			change(s, a, &node);
		value_push(a, &list, node);
	}
	while (list.n < NODES_MOST && sim_chance(s, 60))
		list = grown(s, a, &list), s->n_saves++;
	return list;
}

/* The newest version of the workflow as it is stored. */
static bool read_newest(struct sim *s, struct arena *a, const char *name, struct version_row *ret)
{
	struct workflow_row *rows;
	size_t n;
	bool found = false;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->workflow_list(r, a, STR("default"), &(struct store_page){0}, &rows, &n) ==
	       0);
	for (size_t i = 0; i < n; i++)
		if (str_eqz(rows[i].name, name))
			found = r->ops->version_get(r, a, rows[i].id, 0, ret) == 0;
	r->ops->reader_free(r);
	return found;
}

void sim_act_version(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct version_row newest;
	char name[8];
	struct value doc;
	snprintf(name, sizeof(name), "w%zu", (size_t)rng_below(&s->rng, s->n_workflows));
	if (!read_newest(s, &a, name, &newest))
		return;
	s->n_saves++;
	met.saved++;
	ASSERT(json_parse(&a, newest.definition, JSON_DEFAULT, &doc, NULL) == 0);
	value_putz(&a, &doc, "nodes", edited(s, &a, value_getz(&doc, "nodes")));
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, &doc);
	sim_say(s, "save %s", text.p);
	engine_workflow_save(s->engine, &(struct workflow_save){.upsert = true, .doc = &doc},
			     sim_on_reply, sim_request(s, 'v'));
}

/* ---- moving ---- */

/* A run, rather one that is open; as it is stored. */
static bool pick_run(struct sim *s, struct arena *a, struct run_detail *ret)
{
	for (int tries = 0; s->n_runs > 0; tries++) {
		const char *run = s->runs[rng_below(&s->rng, s->n_runs)];
		if (!sim_read_run(s, a, run, ret)) {
			sim_wrong(s, "run %s is lost", run);
			return false;
		}
		if (tries == 4 || !run_status_final(ret->run.status))
			return true;
	}
	return false;
}

/* A version of its workflow, rather another one than it has. */
static bool pick_version(struct sim *s, struct arena *a, const struct run_row *run,
			 struct version_row *ret)
{
	struct store_reader *r = sim_reader(s);
	int f = r->ops->version_get(r, a, run->workflow_id, 0, ret);
	uint64_t n = f == 0 ? (uint64_t)ret->version : 0;
	if (n > 1 && (ret->version == run->workflow_version || sim_chance(s, 40))) {
		int64_t any = 1 + (int64_t)rng_below(&s->rng, n);
		if (any == run->workflow_version && sim_chance(s, 80))
			any = 1 + any % (int64_t)n;
		f = r->ops->version_get(r, a, run->workflow_id, any, ret);
	}
	r->ops->reader_free(r);
	return f == 0;
}

void sim_act_move(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail stored;
	struct version_row to;
	if (!pick_run(s, &a, &stored) || !pick_version(s, &a, &stored.run, &to))
		return;
	const char *run = arena_dup(&a, stored.run.id.p, stored.run.id.n);
	bool plan = sim_chance(s, 15);
	sim_say(s, "%s %s to version %lld", plan ? "plan to move" : "move", run,
		(long long)to.version);
	engine_run_move(
		s->engine,
		&(struct run_move){
			.project = STR("default"), .stored = &stored, .to = &to, .plan = plan},
		sim_on_reply, sim_request(s, plan ? 'q' : 'm'));
}

/* Whether the run's history tells that it moved to this version. */
static bool has_moved(struct sim *s, struct str run, int64_t version)
{
	struct arena a CLEANUP_ARENA = {0};
	struct event_row *rows;
	size_t n;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->event_list(r, &a, run, 0, 100000, &rows, &n) == 0);
	r->ops->reader_free(r);
	for (size_t i = 0; i < n; i++) {
		struct value data;
		ASSERT(json_parse(&a, rows[i].data, JSON_DEFAULT, &data, NULL) == 0);
		const struct value *to = value_getz(&data, "to");
		if (str_eqz(rows[i].type, "run.moved") && to && to->i == version)
			return true;
	}
	return false;
}

void sim_judge_move(struct sim *s, const struct request *q, const struct engine_reply *reply)
{
	for (size_t i = 0; reply->diag && i < reply->diag->n; i++)
		sim_say(s, "  %s: %s", reply->diag->findings[i].path,
			reply->diag->findings[i].message);
	met.refused_moves += reply->outcome == ENGINE_CONFLICT;
	met.stale_moves += reply->outcome == ENGINE_STALE;
	if (q->kind == 'q' || reply->outcome != ENGINE_OK)
		return;
	met.moved++;
	if (!has_moved(s, reply->id, reply->version))
		sim_wrong(s, "the move of run %.*s was acknowledged before it was durable",
			  STR_ARG(reply->id));
}
