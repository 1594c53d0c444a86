/* Nodes that wait instead of having an attempt. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "base/limits.h"
#include "engine/run/subject.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char nap[] = "{'name':'nap','nodes':[{'id':'s','sleep':'10m'}," RULE(
	"after", ",'dependsOn':['s'],'inputs':{'s':'{{ nodes.s.status }}'}") "]}";

static const char *begin(struct world *w, const char *definition, const char *name)
{
	world_open(w);
	world_agents(w);
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, name, NULL);
}

TEST(a_node_sleeps_and_the_next_one_starts)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, nap, "nap");
	CHECK_Z(world_node(&w, run, "s"), "RUNNING");
	world_pass(&w, 599999);
	CHECK_Z(world_node(&w, run, "s"), "RUNNING");
	CHECK_INT(w.n_started, 0);
	world_pass(&w, 1);
	CHECK_Z(world_node(&w, run, "s"), "SUCCESS");
	CHECK_STR(world_output(&w, run, "s"), STR("{}"));
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_INT(w.n_started, 1);
	CHECK_Z(world_events(&w, run), "run.started node.waiting:s node.finished:s "
				       "node.started:after node.finished:after run.finished");
}

TEST(sleep_goes_on_over_a_restart_and_ends_once)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, nap, "nap");
	int64_t wake_ms = world_run(&w, run).nodes[0].wake_ms;
	CHECK_INT(wake_ms, w.clock.wall_ms + 600000);
	for (int i = 0; i < 3; i++) {
		world_pass(&w, 100000);
		world_crash(&w);
		CHECK_INT(world_run(&w, run).nodes[0].wake_ms, wake_ms);
	}
	world_pass(&w, 299999);
	CHECK_Z(world_node(&w, run, "s"), "RUNNING");
	world_pass(&w, 1);
	world_crash(&w);
	world_pass(&w, 3600000);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_INT(w.n_started, 1);
}

TEST(sleep_that_ended_while_down_ends_at_start)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, nap, "nap");
	w.clock.wall_ms += 700000;
	world_crash(&w);
	world_pass(&w, 0);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_jump_of_the_wall_clock_moves_no_sleep)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, nap, "nap");
	w.clock.wall_ms += 3600000;
	world_pass(&w, 599999);
	CHECK_Z(world_node(&w, run, "s"), "RUNNING");
	w.clock.wall_ms -= 7200000;
	world_crash(&w); /* the clock is behind: it sleeps no longer than it was to in all */
	world_pass(&w, 599999);
	CHECK_Z(world_node(&w, run, "s"), "RUNNING");
	world_pass(&w, 1);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK(world_run(&w, run).nodes[0].finished_ms >= world_run(&w, run).nodes[0].started_ms);
}

TEST(cancel_ends_a_sleep_at_once)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, nap, "nap");
	world_cancel(&w, run);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	CHECK_Z(world_node(&w, run, "s"), "CANCELLED");
	world_pass(&w, 3600000);
	world_crash(&w);
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	CHECK_INT(w.n_started, 0);
}

TEST(the_time_out_of_the_run_ends_a_sleep)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'x','timeout':'1m','nodes':[{'id':'s','sleep':'2m'}]}", "x");
	world_pass(&w, 60000);
	CHECK_INT(world_run(&w, run).run.status, RUN_TIMED_OUT);
	CHECK_Z(world_node(&w, run, "s"), "TIMED_OUT");
}

TEST(conditions_and_joins_hold_for_sleeping_nodes)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','nodes':[" RULE(
			       "a",
			       "") ","
				   "{'id':'never','sleep':'1h','when':'{{ false }}'},"
				   "{'id':'cool','sleep':'1h','dependsOn':['a'],'runOn':'failure'},"
				   "{'id':'skipped','sleep':'1h','dependsOn':['a']}," RULE(
					   "again", ",'dependsOn':['cool']") "]}");
	CHECK_Z(w.findings, "");
	const char *run = world_trigger(&w, "x", NULL);
	CHECK_Z(world_node(&w, run, "never"), "SKIPPED");
	world_fail(&w, "a", "exit_1");
	CHECK_Z(world_node(&w, run, "cool"), "RUNNING");
	CHECK_Z(world_node(&w, run, "skipped"), "SKIPPED");
	world_pass(&w, 3600000);
	world_succeed(&w, "again", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_bad_condition_fails_a_sleeping_node)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w,
				"{'name':'x','nodes':["
				"{'id':'s','sleep':'1h','when':'{{ context.no }}'}]}",
				"x");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	CHECK_Z(world_node(&w, run, "s"), "FAILED");
}

TEST(retry_sleeps_again_and_keeps_a_finished_sleep)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, nap, "nap");
	world_cancel(&w, run);
	world_retry(&w, run, "failed");
	const char *second = arena_dupz(&w.arena, w.id);
	CHECK_Z(world_node(&w, second, "s"), "RUNNING");
	world_pass(&w, 600000);
	CHECK_INT(world_run(&w, second).run.status, RUN_SUCCESS);
	world_retry(&w, second, "after");
	CHECK_INT(world_run(&w, w.id).run.status, RUN_SUCCESS);
}

TEST(the_definition_of_a_sleep_is_kept)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_check(&w, nap);
	CHECK(w.outcome == ENGINE_INVALID); /* no agents yet */
	world_agents(&w);
	world_check(&w, "{'name':'x','nodes':[{'sleep':'10m','id':'s'}]}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.json, "{\"name\":\"x\",\"project\":\"default\",\"status\":\"ACTIVE\","
			"\"nodes\":[{\"id\":\"s\",\"sleep\":\"10m\"}]}");
}

/* ---- events ---- */

static const char gate[] =
	"{'name':'gate','nodes':[{'id':'w','wait':{'event':'order.*',"
	"'filter':'{{ event.data.id == context.id }}','timeout':'1h'}}," RULE(
		"after", ",'dependsOn':['w'],'inputs':{'n':'{{ nodes.w.output.n }}'}") "]}";

static void signal_run(struct world *w, const char *run, const char *name, const char *data)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v = world_json(&a, data);
	engine_run_signal(w->engine,
			  &(struct run_signal){STR("default"), str_of(run), str_of(name), &v},
			  world_reply, w);
	world_settle(w);
}

/* Sends an event as the API does: the key is claimed and looked up before. */
static void send_event(struct world *w, const char *key, const char *event)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v = world_json(&a, event);
	struct store_reader *r;
	struct key_row row;
	ASSERT(engine_key_claim(w->engine, STR("default"), str_of(key)));
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	bool known = r->ops->key_get(r, &a, STR("default"), str_of(key), &row) == 0;
	engine_event_deliver(
		w->engine,
		&(struct event_delivery){STR("default"), str_of(key), known ? &row : NULL, &v},
		world_reply, w);
	r->ops->reader_free(r);
	world_settle(w);
}

static const char *begin_gate(struct world *w)
{
	world_open(w);
	world_agents(w);
	world_save(w, gate);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "gate", "{'id':7}");
}

TEST(a_signal_ends_the_wait_and_its_data_is_the_output)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_gate(&w);
	CHECK_Z(world_node(&w, run, "w"), "RUNNING");
	signal_run(&w, run, "order.paid", "{'id':7,'n':3}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.id, "w");
	CHECK_STR(world_output(&w, run, "w"), STR("{\"id\":7,\"n\":3}"));
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_events(&w, run), "run.started node.waiting:w run.signal:w node.finished:w "
				       "node.started:after node.finished:after run.finished");
	signal_run(&w, run, "order.paid", "{'id':7}");
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND); /* the caller tells an ended run from none */
}

TEST(a_filter_that_is_not_true_or_has_no_value_lets_nothing_through)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_gate(&w);
	static const char *const data[] = {"{'id':8}", "{}", "null", "[1]", "{'id':'7'}"};
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		signal_run(&w, run, "order.paid", data[i]);
		CHECK_INT(w.outcome, ENGINE_OK);
		CHECK_Z(w.id, "");
	}
	signal_run(&w, run, "order", "{'id':7}");
	signal_run(&w, run, "order.a.b", "{'id':7}");
	CHECK_Z(world_node(&w, run, "w"), "RUNNING");
	CHECK_INT(w.outcome, ENGINE_OK);
	signal_run(&w, run, "order.*", "{'id':7}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	signal_run(&w, run, "", "{'id':7}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	signal_run(&w, run, "order.x", "{'id':7,'n':1}");
	CHECK_Z(w.id, "w");
}

TEST(a_signal_that_comes_early_is_kept_over_a_restart_and_taken_once)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" RULE(
			   "a", "") ","
				    "{'id':'one','wait':{'event':'go'},'dependsOn':['a']},"
				    "{'id':'two','wait':{'event':'go'},'dependsOn':['one']},"
				    "{'id':'three','wait':{'event':'>'},'dependsOn':['two']}]}");
	const char *run = world_trigger(&w, "x", NULL);
	signal_run(&w, run, "go", "1");
	CHECK_Z(w.id, "");
	signal_run(&w, run, "go", "2");
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "a", "{}");
	CHECK_STR(world_output(&w, run, "one"), STR("1"));
	CHECK_STR(world_output(&w, run, "two"), STR("2"));
	CHECK_Z(world_node(&w, run, "three"), "RUNNING");
	world_crash(&w); /* what was taken does not come again */
	world_settle(&w);
	CHECK_Z(world_node(&w, run, "three"), "RUNNING");
	signal_run(&w, run, "other.one", "null");
	CHECK_STR(world_output(&w, run, "three"), STR("null"));
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_run_keeps_only_so_many_signals)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_gate(&w);
	for (int i = 0; i < LIMIT_RUN_SIGNALS; i++)
		signal_run(&w, run, "x", "1");
	CHECK_INT(w.outcome, ENGINE_OK);
	signal_run(&w, run, "x", "1");
	CHECK_INT(w.outcome, ENGINE_BUSY);
	signal_run(&w, run, "order.x", "{'id':7,'n':1}"); /* one that is waited for is not kept */
	CHECK_Z(w.id, "w");
	struct value big = {.kind = VALUE_STRING};
	char *text = arena_alloc(&w.arena, LIMIT_SIGNAL_BYTES + 1);
	memset(text, 'x', LIMIT_SIGNAL_BYTES + 1);
	big = value_str(str_n(text, LIMIT_SIGNAL_BYTES + 1));
	const char *other = world_trigger(&w, "gate", "{'id':7}");
	engine_run_signal(w.engine,
			  &(struct run_signal){STR("default"), str_of(other), STR("order.x"), &big},
			  world_reply, &w);
	CHECK_INT(w.outcome, ENGINE_INVALID);
}

TEST(an_event_reaches_every_node_that_waits_for_it_once)
{
	struct world w CLEANUP_WORLD;
	const char *one = begin_gate(&w);
	const char *two = world_trigger(&w, "gate", "{'id':7}");
	const char *other = world_trigger(&w, "gate", "{'id':8}");
	world_save(&w, "{'name':'twice','nodes':[{'id':'a','wait':{'event':'order.>'}},"
		       "{'id':'b','wait':{'event':'*.paid'},'dependsOn':['a']}]}");
	const char *twice = world_trigger(&w, "twice", NULL);
	send_event(&w, "k1", "{'type':'order.paid','data':{'id':7,'n':1}}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 3);
	CHECK_INT(world_run(&w, one).run.status, RUN_SUCCESS);
	CHECK_INT(world_run(&w, two).run.status, RUN_SUCCESS);
	CHECK_Z(world_node(&w, other, "w"), "RUNNING");
	/* b began to wait because of it: it waits for another one */
	CHECK_Z(world_node(&w, twice, "b"), "RUNNING");
	world_crash(&w);
	send_event(&w, "k1", "{'type':'order.paid','data':{'id':8}}");
	CHECK_INT(w.outcome, ENGINE_REPLAYED);
	CHECK_Z(world_node(&w, twice, "b"), "RUNNING");
	world_pass(&w, 1000);
	send_event(&w, "k2", "{'type':'order.paid'}");
	CHECK_INT(w.version, 1);
	CHECK_STR(world_output(&w, twice, "b"), STR("null"));
	send_event(&w, "k3", "{'type':'nobody.waits'}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.version, 0);
	w.clock.wall_ms += 25 * 3600000ll; /* the key is forgotten after a day */
	send_event(&w, "k1", "{'type':'order.paid','data':{'id':8,'n':1}}");
	CHECK_INT(w.outcome, ENGINE_OK);
}

TEST(a_wait_that_takes_too_long_fails)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_gate(&w);
	world_pass(&w, 1800000);
	world_crash(&w);
	world_pass(&w, 1799999);
	CHECK_Z(world_node(&w, run, "w"), "RUNNING");
	world_pass(&w, 1);
	CHECK_Z(world_node(&w, run, "w"), "FAILED");
	CHECK(str_starts(world_node_error(&w, run, "w"), STR("{\"code\":\"wait_timeout\"")));
	CHECK_Z(world_node(&w, run, "after"), "SKIPPED");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
}

TEST(a_time_out_of_a_wait_is_handled_like_any_failure)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w,
		   "{'name':'x','nodes':["
		   "{'id':'w','wait':{'event':'go','timeout':'1s'}},"
		   "{'id':'t','wait':{'event':'go','timeout':'1s'},'continueOnError':true}," RULE(
			   "remind",
			   ",'dependsOn':['w'],'runOn':'failure',"
			   "'inputs':{'c':'{{ nodes.w.error.code }}'}") "," RULE("on",
										 ",'dependsOn':["
										 "'t']") "]}");
	CHECK_Z(w.findings, "");
	const char *run = world_trigger(&w, "x", NULL);
	world_pass(&w, 1000);
	CHECK_Z(world_node(&w, run, "remind"), "SUCCESS");
	CHECK_Z(world_node(&w, run, "on"), "SUCCESS");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_wait_without_time_out_waits_over_restarts_and_is_cancelled)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, "{'name':'x','nodes':[{'id':'w','wait':{'event':'go'}}]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_pass(&w, 86400000);
	world_crash(&w);
	world_pass(&w, 86400000);
	CHECK_Z(world_node(&w, run, "w"), "RUNNING");
	CHECK_INT(world_run(&w, run).nodes[0].wake_ms, 0);
	signal_run(&w, run, "no", "1");
	world_cancel(&w, run);
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	CHECK_Z(world_node(&w, run, "w"), "CANCELLED");
	world_crash(&w);
	send_event(&w, "k", "{'type':'go'}");
	CHECK_INT(w.version, 0);
}

TEST(a_signal_that_is_not_durable_is_not_told)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin_gate(&w);
	struct value data = world_json(&w.arena, "{'id':7,'n':1}");
	size_t before = w.n_replies;
	mem_store_set_manual(w.store, true);
	engine_run_signal(w.engine,
			  &(struct run_signal){STR("default"), str_of(run), STR("order.a"), &data},
			  world_reply, &w);
	engine_flush(w.engine);
	CHECK_INT(w.n_replies, before);
	world_crash(&w); /* before the commit: it never was */
	mem_store_set_manual(w.store, false);
	CHECK_Z(world_node(&w, run, "w"), "RUNNING");
	signal_run(&w, run, "order.a", "{'id':7,'n':1}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(subjects_match_as_in_nats)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{"a", "a", true},	   {"a", "b", false},	 {"a", "a.b", false},
		{"a.b", "a", false},	   {"*", "a", true},	 {"*", "a.b", false},
		{"a.*", "a.b", true},	   {"a.*", "a", false},	 {"a.*.c", "a.b.c", true},
		{"a.*.c", "a.b.d", false}, {">", "a", true},	 {">", "a.b.c", true},
		{"a.>", "a", false},	   {"a.>", "a.b", true}, {"a.>", "a.b.c", true},
		{"*.>", "a.b", true},	   {"*.>", "a", false},	 {"a.b", "a.bc", false},
		{"a", "", false},	   {"a.*", "a.", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (subject_match(str_of(cases[i].pattern), str_of(cases[i].text)) !=
		    cases[i].match) {
			tap_fail(t, __FILE__, __LINE__, "%s on %s", cases[i].pattern,
				 cases[i].text);
			return;
		}
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a.>.b", "a*", "a b", "a\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!subject_valid(str_of(bad[i]), true));
	CHECK(subject_valid(STR("a.*.>"), true) && !subject_valid(STR("a.*"), false));
	CHECK(subject_valid(STR("com.example.\xc3\xa4"), false));
}

TAP_MAIN(RUN(a_node_sleeps_and_the_next_one_starts),
	 RUN(sleep_goes_on_over_a_restart_and_ends_once),
	 RUN(sleep_that_ended_while_down_ends_at_start),
	 RUN(a_jump_of_the_wall_clock_moves_no_sleep), RUN(cancel_ends_a_sleep_at_once),
	 RUN(the_time_out_of_the_run_ends_a_sleep),
	 RUN(conditions_and_joins_hold_for_sleeping_nodes),
	 RUN(a_bad_condition_fails_a_sleeping_node),
	 RUN(retry_sleeps_again_and_keeps_a_finished_sleep), RUN(the_definition_of_a_sleep_is_kept),
	 RUN(a_signal_ends_the_wait_and_its_data_is_the_output),
	 RUN(a_filter_that_is_not_true_or_has_no_value_lets_nothing_through),
	 RUN(a_signal_that_comes_early_is_kept_over_a_restart_and_taken_once),
	 RUN(a_run_keeps_only_so_many_signals),
	 RUN(an_event_reaches_every_node_that_waits_for_it_once),
	 RUN(a_wait_that_takes_too_long_fails),
	 RUN(a_time_out_of_a_wait_is_handled_like_any_failure),
	 RUN(a_wait_without_time_out_waits_over_restarts_and_is_cancelled),
	 RUN(a_signal_that_is_not_durable_is_not_told), RUN(subjects_match_as_in_nats))
