#include "engine/engine.h"
#include "json/parse.h"
#include "tap.h"
#include "world.h"

#define NODE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char one[] = "{'name':'x','nodes':[" NODE("a", "") "]}";

struct got {
	size_t n;
	enum engine_outcome outcome;
	char id[ID_TEXT_BYTES];
	int64_t retry_after_ms;
	char *json;
	struct arena *arena;
};

static void on_reply(void *arg, const struct engine_reply *reply)
{
	struct got *g = arg;
	g->n++;
	g->outcome = reply->outcome;
	g->retry_after_ms = reply->retry_after_ms;
	memset(g->id, 0, sizeof(g->id));
	memcpy(g->id, reply->id.p ? reply->id.p : "",
	       reply->id.n < sizeof(g->id) ? reply->id.n : sizeof(g->id) - 1);
	if (g->arena)
		g->json = arena_dup(g->arena, reply->json.p ? reply->json.p : "", reply->json.n);
}

/* One request with a key, as the API makes it. */
static void ask(struct world *w, const char *key, const char *body, struct got *g)
{
	struct store_reader *r;
	struct key_row row;
	if (!engine_key_claim(w->engine, STR("default"), str_of(key))) {
		on_reply(g, &(struct engine_reply){.outcome = ENGINE_KEY_IN_FLIGHT});
		return;
	}
	w->store->ops->reader_new(w->store, &r);
	int f = r->ops->key_get(r, &w->arena, STR("default"), str_of(key), &row);
	engine_run_trigger(w->engine,
			   &(struct run_trigger){.project = STR("default"),
						 .workflow = STR("x"),
						 .idempotency_key = str_of(key),
						 .body_sha256 = str_of(body),
						 .known_key = f == 0 ? &row : NULL},
			   on_reply, g);
	r->ops->reader_free(r);
}

TEST(a_key_gives_one_run_and_the_same_answer_for_a_day)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, one);
	struct got first = {0}, second = {0}, third = {0};
	ask(&w, "k", "body", &first);
	CHECK_INT(first.n, 0);
	ask(&w, "k", "body", &second);
	CHECK_INT(second.outcome, ENGINE_KEY_IN_FLIGHT);
	world_settle(&w);
	CHECK_INT(first.n, 1);
	CHECK_INT(first.outcome, ENGINE_CREATED);
	world_crash(&w);
	ask(&w, "k", "body", &second);
	CHECK_INT(second.outcome, ENGINE_REPLAYED);
	CHECK_Z(second.id, first.id);
	ask(&w, "k", "other", &third);
	CHECK_INT(third.outcome, ENGINE_KEY_REUSED);
	ask(&w, "k2", "body", &third);
	world_settle(&w);
	CHECK_INT(third.outcome, ENGINE_CREATED);
	CHECK(strcmp(third.id, first.id) != 0);
	world_pass(&w, INT64_C(25) * 3600000);
	ask(&w, "k", "other", &third);
	world_settle(&w);
	CHECK_INT(third.outcome, ENGINE_CREATED);
	CHECK(strcmp(third.id, first.id) != 0);
}

TEST(keys_are_forgotten_after_a_day_and_then_nothing_is_written)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, one);
	struct got g = {0};
	ask(&w, "k", "body", &g);
	world_settle(&w);
	struct store_reader *r;
	struct key_row row;
	world_pass(&w, INT64_C(23) * 3600000);
	w.store->ops->reader_new(w.store, &r);
	CHECK_INT(r->ops->key_get(r, &w.arena, STR("default"), STR("k"), &row), 0);
	r->ops->reader_free(r);
	world_pass(&w, INT64_C(13) * 3600000);
	w.store->ops->reader_new(w.store, &r);
	CHECK_INT(r->ops->key_get(r, &w.arena, STR("default"), STR("k"), &row), STORE_NOT_FOUND);
	r->ops->reader_free(r);
	CHECK(engine_next_tick(w.engine) == INT64_MAX);
}

TEST(a_refusal_gives_the_claim_on_a_key_back)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	struct got g = {0};
	ask(&w, "k", "body", &g);
	CHECK_INT(g.outcome, ENGINE_NOT_FOUND);
	CHECK(engine_key_claim(w.engine, STR("default"), STR("k")));
	CHECK(engine_key_claim(w.engine, STR("other"), STR("k")));
	CHECK(!engine_key_claim(w.engine, STR("default"), STR("k")));
	engine_key_release(w.engine, STR("default"), STR("k"));
	CHECK(engine_key_claim(w.engine, STR("default"), STR("k")));
}

TEST(nobody_is_answered_before_it_is_durable)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, one);
	w.by_hand = true;
	mem_store_set_manual(w.store, true);
	struct got g = {0};
	engine_run_trigger(w.engine,
			   &(struct run_trigger){.project = STR("default"), .workflow = STR("x")},
			   on_reply, &g);
	engine_flush(w.engine);
	mem_store_run(w.store);
	CHECK_INT(g.n, 0);
	CHECK_INT(w.n_started, 0);
	mem_store_commit_one(w.store);
	CHECK_INT(g.n, 0);
	mem_store_run(w.store);
	CHECK_INT(g.n, 1);
	CHECK_INT(w.n_started, 1);
}

TEST(too_many_open_runs_are_refused_for_a_while)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.config.max_open_runs = 2;
	world_crash(&w);
	world_agents(&w);
	world_save(&w, one);
	w.by_hand = true;
	world_trigger(&w, "x", NULL);
	world_trigger(&w, "x", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	world_trigger(&w, "x", NULL);
	CHECK_INT(w.outcome, ENGINE_BUSY);
	world_succeed(&w, "a", "{}");
	world_trigger(&w, "x", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TEST(a_dry_run_shows_what_would_happen_and_leaves_nothing)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(
		&w,
		"{'name':'x','nodes':[" NODE(
			"b",
			",'dependsOn':['a'],'when':'{{ context.go }}',"
			"'inputs':{'n':'{{ nodes.a.output.n }}'}") "," NODE("a",
									    ",'inputs':{'p':'{"
									    "{ context.path "
									    "}}/x','q':'{{ "
									    "context.none "
									    "}}'}") "," NODE("c",
											     ",'"
											     "input"
											     "s':{'"
											     "p':'{"
											     "{ "
											     "conte"
											     "xt."
											     "path "
											     "}}/"
											     "x'}") "]}");
	struct mem_store_stats before, after;
	mem_store_stats(w.store, &before);
	struct got g = {.arena = &w.arena};
	struct value context = world_json(&w.arena, "{'path':'/src','go':false}");
	engine_run_trigger(w.engine,
			   &(struct run_trigger){.project = STR("default"),
						 .workflow = STR("x"),
						 .context = &context,
						 .dry_run = true},
			   on_reply, &g);
	CHECK_INT(g.n, 1);
	CHECK_INT(g.outcome, ENGINE_OK);
	struct value v;
	CHECK_INT(json_parse(&w.arena, str_of(g.json), 0, &v, NULL), 0);
	const struct value *nodes = value_getz(&v, "nodes"), *found = value_getz(&v, "findings");
	CHECK_INT(nodes->n, 3);
	CHECK_STR(value_text(value_getz(&nodes->items[0], "id")), STR("a"));
	CHECK_STR(value_text(value_getz(&nodes->items[1], "id")), STR("c"));
	CHECK_STR(value_text(value_getz(value_getz(&nodes->items[1], "inputs"), "p")),
		  STR("/src/x"));
	CHECK(!value_getz(&nodes->items[2], "when")->b);
	CHECK(!value_getz(&nodes->items[2], "resolved")->b);
	CHECK_INT(found->n, 1);
	CHECK_STR(value_text(value_getz(&found->items[0], "path")), STR("nodes[1].inputs"));
	mem_store_stats(w.store, &after);
	CHECK_INT(after.n_submitted, before.n_submitted);
}

TEST(agents_are_replaced_and_deleted_only_when_nothing_breaks)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	static const char rule[] = "{'name':'rule','type':'RULE','capabilities':[{'name':'run'}]}";
	world_agent(&w, rule);
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	world_agent(&w,
		    "{'name':'rule','type':'RULE','version':'2','capabilities':[{'name':'run'}]}");
	CHECK_INT(w.outcome, ENGINE_OK);
	char *id = arena_dupz(&w.arena, w.id);
	struct got g = {0};
	struct value doc = world_json(&w.arena, rule);
	engine_agent_save(w.engine, &(struct agent_save){.doc = &doc}, on_reply, &g);
	CHECK_INT(g.outcome, ENGINE_CONFLICT);
	world_save(&w, one);
	engine_agent_delete(w.engine, STR("default"), str_of(id), on_reply, &g);
	CHECK_INT(g.outcome, ENGINE_CONFLICT);
	engine_agent_delete(w.engine, STR("other"), str_of(id), on_reply, &g);
	CHECK_INT(g.outcome, ENGINE_NOT_FOUND);
	char *workflow = (world_save(&w, one), arena_dupz(&w.arena, w.id));
	engine_workflow_delete(
		w.engine,
		&(struct workflow_removal){.project = STR("default"), .id = str_of(workflow)},
		on_reply, &g);
	world_settle(&w);
	CHECK_INT(g.outcome, ENGINE_OK);
	engine_agent_delete(w.engine, STR("default"), str_of(id), on_reply, &g);
	world_settle(&w);
	CHECK_INT(g.outcome, ENGINE_OK);
	world_crash(&w);
	world_save(&w, one);
	CHECK_INT(w.outcome, ENGINE_INVALID);
}

TEST(findings_of_an_agent_come_all_at_once)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agent(&w,
		    "{'name':'a b','type':'LLM','riskLevel':'HIGH','image':'x','limits':{'pids':0},"
		    "'capabilities':[{'name':'run','inputSchema':{'type':3}},{'name':'run'}]}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	static const char *const places[] = {"image: ",
					     "name: ",
					     "type: ",
					     "riskLevel: ",
					     "capabilities[0].inputSchema",
					     "capabilities[1].name: ",
					     "limits.pids: "};
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		CHECK(strstr(w.findings, places[i]));
	world_agent(&w, "{'name':'s','type':'SCRIPT','command':[],'capabilities':[]}");
	CHECK(strstr(w.findings, "command: ") && strstr(w.findings, "entryPath: ") &&
	      strstr(w.findings, "capabilities: "));
}

TEST(a_workflow_with_open_runs_is_not_deleted_and_runs_keep_their_version)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", "") "," NODE("b", ",'dependsOn':['a']") "]}");
	char *id = arena_dupz(&w.arena, w.id);
	const char *run = world_trigger(&w, id, NULL);
	world_save(&w, "{'name':'x','nodes':[" NODE("other", "") "]}");
	CHECK_INT(w.version, 2);
	struct got g = {0};
	engine_workflow_delete(
		w.engine, &(struct workflow_removal){.project = STR("default"), .id = str_of(id)},
		on_reply, &g);
	CHECK_INT(g.outcome, ENGINE_CONFLICT);
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "a", "{}");
	CHECK(world_live(&w, "b"));
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_INT(world_run(&w, run).run.workflow_version, 1);
	engine_workflow_delete(
		w.engine, &(struct workflow_removal){.project = STR("default"), .id = str_of(id)},
		on_reply, &g);
	world_settle(&w);
	CHECK_INT(g.outcome, ENGINE_OK);
}

/* Writes a row behind the engine's back. */
static void spoiled(struct txn *txn, int r UNUSED)
{
	txn_free(txn);
}

static void spoil(struct world *w, const struct txn_op *op)
{
	struct txn *txn = txn_new();
	*txn_add(txn, op->kind) = *op;
	txn->done = spoiled;
	w->store->ops->submit(w->store, txn);
	world_settle(w);
}

TEST(a_run_with_rows_that_make_no_sense_is_quarantined_alone)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", "") "," NODE("b", ",'dependsOn':['a']") "]}");
	char *id = arena_dupz(&w.arena, w.id);
	const char *bad = world_trigger(&w, "x", NULL), *good = world_trigger(&w, "x", NULL);
	spoil(&w, &(struct txn_op){.kind = TXN_NODE_PUT,
				   .node = {.run_id = str_of(bad),
					    .node_id = STR("nobody"),
					    .index = 7,
					    .status = NODE_SUCCESS}});
	world_crash(&w);
	world_settle(&w);
	struct run_detail d = world_run(&w, bad);
	CHECK_INT(d.run.status, RUN_FAILED);
	CHECK(str_starts(d.run.error, STR("{\"code\":\"quarantined\"")));
	CHECK_Z(world_events(&w, bad), "run.started node.started:a run.finished");
	CHECK_INT(world_run(&w, good).run.status, RUN_RUNNING);
	spoil(&w, &(struct txn_op){.kind = TXN_VERSION_ADD,
				   .version = {.workflow_id = str_of(id),
					       .version = 2,
					       .definition = STR("{\"nodes\":[]}")}});
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "a", "{}");
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, good).run.status, RUN_SUCCESS);
	world_trigger(&w, "x", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
}

TAP_MAIN(RUN(a_key_gives_one_run_and_the_same_answer_for_a_day),
	 RUN(keys_are_forgotten_after_a_day_and_then_nothing_is_written),
	 RUN(a_refusal_gives_the_claim_on_a_key_back), RUN(nobody_is_answered_before_it_is_durable),
	 RUN(too_many_open_runs_are_refused_for_a_while),
	 RUN(a_dry_run_shows_what_would_happen_and_leaves_nothing),
	 RUN(agents_are_replaced_and_deleted_only_when_nothing_breaks),
	 RUN(findings_of_an_agent_come_all_at_once),
	 RUN(a_workflow_with_open_runs_is_not_deleted_and_runs_keep_their_version),
	 RUN(a_run_with_rows_that_make_no_sense_is_quarantined_alone))
