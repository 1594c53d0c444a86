/* Definitions and agents as nobody should write them: never a crash, always an answer. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/rng.h"
#include "json/parse.h"
#include "tap.h"
#include "world.h"

static const char *const seeds[] = {
	"{'name':'x','project':'default','description':'d','status':'ACTIVE','timeout':'5m',"
	"'trigger':{'manual':true},'contextSchema':{'type':'object','required':['p'],"
	"'properties':{'p':{'type':'string'}}},'nodes':["
	"{'id':'a','agent':'rule','action':'run','workspace':{'path':'{{ context.p }}',"
	"'mode':'read'},'inputs':{'m':'{{ context.p }}','l':[1,{'x':'{{ 1 + 2 }}'}]},"
	"'timeout':'5s','retry':{'maxAttempts':3,'initialInterval':'1s','backoffCoefficient':2,"
	"'maximumInterval':'1m','jitter':0.5},'limits':{'memory':'64Mi','cpu':1,'pids':9,"
	"'network':'none','output':'1Mi'}},"
	"{'id':'b','agent':'script','action':'run','dependsOn':['a'],"
	"'when':'{{ nodes.a.output.n > 1 }}','runOn':'always','continueOnError':true,"
	"'inputsJson':'{\\\"k\\\":[1,2]}'},"
	"{'id':'c','agentId':'x','action':'run','dependsOn':['a','b'],'joinRule':'none_failed'}]}",
	"{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run'},"
	"{'id':'b','agent':'rule','action':'run','dependsOn':['a'],"
	"'inputs':{'v':'{{ nodes[context.x].output }}'}}]}",
};

static const char *const words[] = {
	"\"\"",
	"null",
	"true",
	"0",
	"-1",
	"1e308",
	"18446744073709551615",
	"[]",
	"{}",
	"[[[[]]]]",
	"\"{{\"",
	"\"{{ }}\"",
	"\"{{ nodes }}\"",
	"\"{{ nodes.a.output }}{{ x\"",
	"\"a\"",
	"\"b\"",
	"\"\\u0000\"",
	"\"\\ud83d\\ude00\"",
	"{\"a\":{\"a\":{}}}",
	"\"99999999999999999999h\"",
	"\"run\"",
	"\"nodes[0]\"",
	"[\"a\",\"a\",\"b\",\"c\"]",
	"{\"$ref\":\"#\"}",
	"[{}]",
};

/* Replaces one value of the tree, chosen at random, by a word. */
static void mutate(struct rng *rng, struct arena *a, struct value *v, int depth)
{
	bool inner = (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) && v->n > 0;
	if (inner && depth < 12 && rng_below(rng, 5) > 0) {
		uint32_t at = (uint32_t)rng_below(rng, v->n);
		mutate(rng, a, v->kind == VALUE_ARRAY ? &v->items[at] : &v->members[at].value,
		       depth + 1);
		return;
	}
	ASSERT(json_parse(a, str_of(words[rng_below(rng, ARRAY_LEN(words))]), 0, v, NULL) == 0);
}

TEST(no_definition_crashes_and_what_is_accepted_runs_to_an_end)
{
	struct rng rng;
	struct world w CLEANUP_WORLD;
	size_t n_good = 0;
	world_open(&w);
	world_agents(&w);
	rng_seed(&rng, 42);
	for (int i = 0; i < 4000; i++) {
		struct arena a CLEANUP_ARENA = {0};
		struct value doc = world_json(&a, seeds[i % ARRAY_LEN(seeds)]);
		struct value context = world_json(&a, "{'p':'/x','x':'a'}");
		for (uint64_t n = rng_below(&rng, 3); n > 0; n--)
			mutate(&rng, &a, &doc, 0);
		world_save_value(&w, &doc);
		CHECK(w.outcome == ENGINE_INVALID || w.outcome == ENGINE_CREATED ||
		      w.outcome == ENGINE_OK || w.outcome == ENGINE_UNCHANGED);
		if (w.outcome == ENGINE_INVALID) {
			CHECK(w.findings[0]);
			continue;
		}
		n_good++;
		engine_run_trigger(w.engine,
				   &(struct run_trigger){.project = STR("default"),
							 .workflow = str_of(w.id),
							 .context = &context},
				   world_reply, &w);
		world_pass(&w, 3600000);
		struct engine_stats stats;
		engine_stats(w.engine, &stats);
		CHECK_INT(stats.n_open_runs, 0);
	}
	CHECK(n_good > 100);
}

TEST(no_agent_crashes)
{
	static const char seed[] =
		"{'name':'s','type':'SCRIPT','version':'1','riskLevel':'AUTO','entryPath':'/x',"
		"'command':['a','b'],'limits':{'memory':'64Mi'},'capabilities':[{'name':'run',"
		"'description':'d','inputSchema':{'type':'object','properties':{'x':{'enum':[1]}}},"
		"'outputSchema':{'$defs':{'a':{}},'allOf':[{'$ref':'#/$defs/a'}]}}]}";
	struct rng rng;
	struct world w CLEANUP_WORLD;
	world_open(&w);
	rng_seed(&rng, 43);
	for (int i = 0; i < 4000; i++) {
		struct arena a CLEANUP_ARENA = {0};
		struct value doc = world_json(&a, seed);
		for (uint64_t n = 1 + rng_below(&rng, 3); n > 0; n--)
			mutate(&rng, &a, &doc, 0);
		engine_agent_save(w.engine, &(struct agent_save){.upsert = true, .doc = &doc},
				  world_reply, &w);
		world_settle(&w);
		CHECK(w.outcome != ENGINE_INVALID || w.findings[0]);
	}
}

TEST(naughty_strings_are_refused_or_kept_as_they_are)
{
	const char *shared = getenv("DROVER_SHARED");
	CLEANUP_BUF struct buf text = {0};
	char path[512];
	snprintf(path, sizeof(path), "%s/data/naughty-strings.json", shared ? shared : "../shared");
	CLEANUP_FILE FILE *f = fopen(path, "r");
	if (!f)
		SKIP("no naughty-strings.json");
	for (int c; (c = fgetc(f)) != EOF;)
		buf_putc(&text, (char)c);
	struct world w CLEANUP_WORLD;
	struct value list;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	CHECK_INT(json_parse(&w.arena, buf_str(&text), 0, &list, NULL), 0);
	world_save(&w, "{'name':'x','nodes':[{'id':'a','agent':'rule','action':'run',"
		       "'inputs':{'v':'{{ context.v }}','t':'<{{ context.v }}>'}}]}");
	for (uint32_t i = 0; i < list.n; i++) {
		struct value context = value_object(&w.arena, 1);
		value_putz(&w.arena, &context, "v", list.items[i]);
		engine_run_trigger(w.engine,
				   &(struct run_trigger){.project = STR("default"),
							 .workflow = STR("x"),
							 .context = &context},
				   world_reply, &w);
		world_settle(&w);
		struct world_attempt *a = world_live(&w, "a");
		struct value input;
		CHECK_INT(json_parse(&w.arena, str_of(a->input), 0, &input, NULL), 0);
		CHECK(value_equal(value_getz(&input, "v"), &list.items[i]));
		world_succeed(&w, "a", "{}");
		engine_run_trigger(w.engine,
				   &(struct run_trigger){.project = STR("default"),
							 .workflow = value_text(&list.items[i])},
				   world_reply, &w);
		CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	}
}

TAP_MAIN(RUN(no_definition_crashes_and_what_is_accepted_runs_to_an_end), RUN(no_agent_crashes),
	 RUN(naughty_strings_are_refused_or_kept_as_they_are))
