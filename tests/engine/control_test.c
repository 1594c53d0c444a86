/* Pause and resume of runs and workflows, and nodes that are given their result. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "engine/request/control.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"
#define SCRIPT(id, rest) "{'id':'" id "','agent':'script','action':'run'" rest "}"

static const char chain[] = "{'name':'w','nodes':[" RULE("a", "") "," RULE(
	"b", ",'dependsOn':['a']") "," RULE("c", ",'dependsOn':['b']") "]}";

static const char *begin(struct world *w, const char *definition)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", NULL);
}

static void set_run(struct world *w, const char *run, bool paused)
{
	struct run_control x = {.project = STR("default"),
				.run_id = str_of(run),
				.by = STR("ann"),
				.reason = STR("look first")};
	if (paused)
		engine_run_pause(w->engine, &x, world_reply, w);
	else
		engine_run_resume(w->engine, &x, world_reply, w);
	world_settle(w);
}

static void hold(struct world *w, const char *run)
{
	set_run(w, run, true);
}

static void resume(struct world *w, const char *run)
{
	set_run(w, run, false);
}

static void set_workflow(struct world *w, bool paused, bool runs)
{
	struct workflow_control x = {
		.project = STR("default"), .workflow = STR("w"), .by = STR("ann"), .runs = runs};
	if (paused)
		engine_workflow_pause(w->engine, &x, world_reply, w);
	else
		engine_workflow_resume(w->engine, &x, world_reply, w);
	world_settle(w);
}

/* output: JSON with ' for ", NULL = none. */
static void restart(struct world *w)
{
	world_crash(w);
	world_settle(w);
}

static void skip(struct world *w, const char *run, const char *node, const char *output)
{
	struct value v;
	struct node_skip x = {.project = STR("default"),
			      .run_id = str_of(run),
			      .node = str_of(node),
			      .by = STR("ann"),
			      .reason = STR("known")};
	if (output) {
		v = world_json(&w->arena, output);
		x.output = &v;
	}
	engine_node_skip(w->engine, &x, world_reply, w);
	world_settle(w);
}

static bool is_paused(struct world *w, const char *run)
{
	return pause_is_on(world_run(w, run).run.pause);
}

/* ---- runs ---- */

TEST(what_runs_ends_and_what_follows_is_held)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	hold(&w, run);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.status, RUN_RUNNING);
	CHECK(is_paused(&w, run));
	world_succeed(&w, "a", "{'n':1}");
	CHECK_Z(world_node(&w, run, "a"), "SUCCESS");
	CHECK_INT(w.n_started, 1);
	world_pass(&w, 3600000);
	CHECK_INT(w.n_started, 1);
	resume(&w, run);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(!is_paused(&w, run));
	CHECK_INT(w.n_started, 2);
	world_succeed(&w, "b", "{}");
	world_succeed(&w, "c", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a run.paused node.finished:a run.resumed node.started:b "
		"node.finished:b node.started:c node.finished:c run.finished");
}

TEST(who_paused_it_and_why_is_in_the_row_and_in_the_events)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	hold(&w, run);
	CHECK_STR(world_run(&w, run).run.pause,
		  STR("{\"by\":\"ann\",\"reason\":\"look first\","
		      "\"at\":\"2023-11-14T22:13:20.000Z\",\"with\":\"itself\",\"pausedMs\":0}"));
	world_pass(&w, 5000);
	resume(&w, run);
	CHECK_STR(world_run(&w, run).run.pause, STR("{\"pausedMs\":5000}"));
}

TEST(a_second_pause_or_resume_changes_nothing)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	resume(&w, run);
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	hold(&w, run);
	struct str first = world_run(&w, run).run.pause;
	world_pass(&w, 1000);
	hold(&w, run);
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	CHECK_STR(world_run(&w, run).run.pause, first);
	CHECK_Z(world_events(&w, run), "run.started node.started:a run.paused");
}

TEST(a_run_that_ended_or_stops_is_not_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	world_cancel(&w, run);
	hold(&w, run);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	world_fail(&w, "a", "cancelled");
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	hold(&w, run);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	resume(&w, "nothing");
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
}

TEST(the_last_node_may_end_a_run_that_is_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE("a", "") "]}");
	hold(&w, run);
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK(!is_paused(&w, run));
}

TEST(queued_attempts_leave_the_queue_and_come_back_in_order)
{
	struct world w CLEANUP_WORLD;
	const char *held = begin(&w, "{'name':'w','nodes':[" SCRIPT("a", "") "," SCRIPT(
					     "b", "") "," SCRIPT("c", "") "," SCRIPT("d", "") "]}");
	const char *other = arena_dupz(&w.arena, world_trigger(&w, "w", NULL));
	size_t n_slots = w.n_started;
	hold(&w, held);
	for (size_t i = 0; i < n_slots; i++) /* slots are free for others */
		world_result(&w, w.live, &(struct attempt_result){.output = STR("{}")});
	world_settle(&w);
	CHECK_Z(w.live->run_id, other);
	while (w.live) {
		world_result(&w, w.live, &(struct attempt_result){.output = STR("{}")});
		world_settle(&w);
	}
	CHECK_INT(world_run(&w, other).run.status, RUN_SUCCESS);
	CHECK_INT(world_run(&w, held).run.status, RUN_RUNNING);
	resume(&w, held);
	while (w.live) {
		world_result(&w, w.live, &(struct attempt_result){.output = STR("{}")});
		world_settle(&w);
	}
	CHECK_INT(world_run(&w, held).run.status, RUN_SUCCESS);
	CHECK_Z(world_attempts(&w, held, "d"), "1 SUCCESS");
}

TEST(a_retry_time_that_comes_is_held)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE(
					    "a", ",'retry':{'maxAttempts':2,'initialInterval':'1s',"
						 "'jitter':0}") "]}");
	world_fail(&w, "a", "exit_1");
	hold(&w, run);
	world_pass(&w, 60000);
	CHECK_INT(w.n_started, 1);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 QUEUED");
	restart(&w);
	world_pass(&w, 60000);
	CHECK_INT(w.n_started, 1);
	resume(&w, run);
	CHECK_INT(w.n_started, 2);
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_retry_time_to_come_is_waited_for_after_a_resume)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[" RULE(
					    "a", ",'retry':{'maxAttempts':2,'initialInterval':'1m',"
						 "'jitter':0}") "]}");
	world_fail(&w, "a", "exit_1");
	hold(&w, run);
	resume(&w, run);
	CHECK_INT(w.n_started, 1);
	world_pass(&w, 60000);
	CHECK_INT(w.n_started, 2);
}

TEST(a_pause_holds_over_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	hold(&w, run);
	restart(&w); /* attempt 1 is lost; its next one is held */
	CHECK(is_paused(&w, run));
	CHECK_INT(w.n_started, 1);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost, 2 QUEUED");
	restart(&w);
	CHECK_INT(w.n_started, 1);
	resume(&w, run);
	world_succeed(&w, "a", "{}");
	restart(&w);
	CHECK(!is_paused(&w, run));
	CHECK_Z(world_attempts(&w, run, "b"), "1 FAILED lost, 2 RUNNING");
}

TEST(sleeps_signals_and_decisions_are_recorded_while_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'w','nodes':[{'id':'s','sleep':'1m'},{'id':'e','wait':{'event':'x'}}"
		"," RULE("g", ",'approvalRequired':true") "," RULE(
			"after_s",
			",'dependsOn':['"
			"s']") "," RULE("after_e",
					",'dependsOn':['e']") "," RULE("after_g",
								       ",'dependsOn':['g']") "]}");
	hold(&w, run);
	world_pass(&w, 60000);
	CHECK_Z(world_node(&w, run, "s"), "SUCCESS");
	engine_run_signal(w.engine,
			  &(struct run_signal){STR("default"), str_of(run), STR("x"), NULL},
			  world_reply, &w);
	world_settle(&w);
	CHECK_Z(world_node(&w, run, "e"), "SUCCESS");
	struct str id = world_run(&w, run).approvals[0].id;
	engine_approval_decide(w.engine,
			       &(struct approval_decision){.project = STR("default"),
							   .id = id,
							   .decision = APPROVAL_APPROVED,
							   .responded_by = STR("bob")},
			       world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.n_started, 0);
	restart(&w);
	CHECK_INT(w.n_started, 0);
	resume(&w, run);
	CHECK_INT(w.n_started, 3);
	CHECK(world_live(&w, "g") && world_live(&w, "after_s") && world_live(&w, "after_e"));
}

TEST(nothing_begins_to_wait_or_is_asked_while_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'w','nodes':[" RULE(
			"a", "") ",{'id':'s','sleep':'1m','dependsOn':['a']},"
				 "{'id':'e','wait':{'event':'x'},'dependsOn':['a']}," RULE(
					 "g", ",'approvalRequired':true,'dependsOn':['a']") "]}");
	hold(&w, run);
	world_succeed(&w, "a", "{}");
	restart(&w);
	CHECK_Z(world_node(&w, run, "s"), "PENDING");
	CHECK_Z(world_node(&w, run, "e"), "PENDING");
	CHECK_INT(world_run(&w, run).n_approvals, 0);
	resume(&w, run);
	CHECK_Z(world_node(&w, run, "s"), "RUNNING");
	CHECK_Z(world_node(&w, run, "e"), "RUNNING");
	CHECK_INT(world_run(&w, run).n_approvals, 1);
}

TEST(cancel_wins_while_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	hold(&w, run);
	world_succeed(&w, "a", "{}");
	world_cancel(&w, run);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	CHECK(!is_paused(&w, run));
}

TEST(cancel_ends_held_attempts)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	hold(&w, run);
	restart(&w);
	world_cancel(&w, run);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost, 2 CANCELLED cancelled");
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
}

TEST(the_time_out_of_the_run_stands_still_while_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','timeout':'10m','nodes':[" RULE("a", ",'timeout':'24h'") "]}");
	world_pass(&w, 4 * 60000);
	hold(&w, run);
	world_pass(&w, 3600000);
	restart(&w);
	world_pass(&w, 3600000);
	CHECK_INT(world_run(&w, run).run.stopping, STOP_NONE);
	resume(&w, run);
	world_pass(&w, 6 * 60000 - 1);
	CHECK_INT(world_run(&w, run).run.stopping, STOP_NONE);
	restart(&w); /* what was paused counts for nothing after a restart either */
	CHECK_INT(world_run(&w, run).run.stopping, STOP_NONE);
	world_pass(&w, 1);
	CHECK_INT(world_run(&w, run).run.stopping, STOP_TIMEOUT);
}

/* ---- workflows ---- */

TEST(no_run_of_a_paused_workflow_is_started)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	set_workflow(&w, true, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(!is_paused(&w, run));
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "paused since 2023-11-14T22:13:20.000Z by ann") != NULL);
	CHECK(strstr(w.findings, "drover resume --workflow w") != NULL);
	world_fail(&w, "a", "exit_1"); /* open runs go on */
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	restart(&w);
	world_retry(&w, run, "failed");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	set_workflow(&w, true, false);
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	set_workflow(&w, false, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TEST(a_new_version_of_a_paused_workflow_is_paused)
{
	struct world w CLEANUP_WORLD;
	begin(&w, chain);
	set_workflow(&w, true, false);
	engine_workflow_save(w.engine,
			     &(struct workflow_save){.project = STR("default"),
						     .upsert = true,
						     .doc = &(struct value[]){world_json(
							     &w.arena, "{'name':'w','nodes':[" RULE(
									       "z", "") "]}")}[0]},
			     world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.version, 2);
	restart(&w);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
}

TEST(runs_paused_with_their_workflow_are_resumed_with_it)
{
	struct world w CLEANUP_WORLD;
	const char *one = arena_dupz(&w.arena, begin(&w, chain));
	const char *two = arena_dupz(&w.arena, world_trigger(&w, "w", NULL));
	hold(&w, one);
	set_workflow(&w, true, true);
	CHECK_INT(w.version, 1);
	CHECK(is_paused(&w, one) && is_paused(&w, two));
	restart(&w);
	set_workflow(&w, false, false);
	CHECK_INT(w.version, 1);
	CHECK(is_paused(&w, one) && !is_paused(&w, two));
}

TEST(schedules_of_a_paused_workflow_do_not_fire_and_make_up_within_catchup)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, "{'name':'w','trigger':{'schedule':'@every "
		       "1m','catchup':'3m','overlap':'allow'},'nodes':[" RULE("a", "") "]}");
	CHECK_INT(w.outcome, ENGINE_CREATED);
	world_pass(&w, 60000);
	CHECK_INT(w.n_started, 1);
	set_workflow(&w, true, false);
	world_pass(&w, 600000);
	CHECK_INT(w.n_started, 1);
	restart(&w);
	world_pass(&w, 600000);
	CHECK_INT(w.n_started, 1);
	set_workflow(&w, false, false);
	world_pass(&w, 0);
	CHECK_INT(w.n_started, 1 + 4); /* the last three minutes, both ends */
	size_t n = w.n_started;
	world_pass(&w, 60000);
	CHECK_INT(w.n_started, n + 1);
}

/* ---- skip ---- */

TEST(a_node_is_given_its_output_before_it_runs)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "," RULE(
			"c", ",'dependsOn':['b'],'inputs':{'n':'{{ nodes.b.output.n }}'}") "]}");
	skip(&w, run, "b", "{'n':7}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(world_node(&w, run, "b"), "SUCCESS");
	CHECK_STR(world_output(&w, run, "b"), STR("{\"n\":7}"));
	CHECK_STR(world_run(&w, run).nodes[0].detail,
		  STR("{\"given\":{\"by\":\"ann\",\"reason\":\"known\","
		      "\"at\":\"2023-11-14T22:13:20.000Z\"}}"));
	restart(&w);
	CHECK(world_live(&w, "c") != NULL);
	CHECK_Z(world_live(&w, "c")->input, "{\"n\":7}");
	world_succeed(&w, "c", "{}");
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_attempts(&w, run, "b"), "");
}

TEST(without_an_output_the_node_is_skipped_and_joins_see_that)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'w','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "," RULE(
			"after", ",'dependsOn':['b']") "," RULE("anyway",
								",'dependsOn':['b'],"
								"'joinRule':'none_failed'") "]}");
	skip(&w, run, "b", NULL);
	CHECK_Z(world_node(&w, run, "b"), "SKIPPED");
	CHECK_Z(world_node(&w, run, "after"), "SKIPPED");
	CHECK(world_live(&w, "anyway") != NULL);
	world_succeed(&w, "anyway", "{}");
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a node.given:b node.skipped:b node.skipped:after "
		"node.started:anyway node.finished:anyway node.finished:a run.finished");
}

TEST(a_queued_attempt_of_a_given_node_ends)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE(
				  "a", ",'retry':{'maxAttempts':2,'initialInterval':'1m'}") "]}");
	world_fail(&w, "a", "exit_1");
	skip(&w, run, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 CANCELLED given");
	world_pass(&w, 3600000);
	CHECK_INT(w.n_started, 1);
}

TEST(a_node_that_sleeps_or_waits_is_given_its_output)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[{'id':'s','sleep':'1h'},{'id':'e','wait':{'event':'x'}},"
		    "{'id':'k','wait':{'event':'y','timeout':'1h'}}]}");
	skip(&w, run, "s", "{}");
	skip(&w, run, "e", "[1]");
	CHECK_STR(world_output(&w, run, "e"), STR("[1]"));
	skip(&w, run, "k", NULL);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_node(&w, run, "k"), "SKIPPED");
	world_pass(&w, 7200000);
}

TEST(what_runs_ended_or_is_gated_is_not_given_a_result)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("a", "") "," RULE("done", "") "," RULE(
			    "g", ",'approvalRequired':true") "," RULE("later",
								      ",'approvalRequired':true,'"
								      "dependsOn':['a']") "]}");
	world_succeed(&w, "done", "{}");
	static const struct {
		const char *node, *said;
	} cases[] = {{"a", "runs: wait for its end, or drover cancel"},
		     {"done", "has ended already: SUCCESS"},
		     {"g", "drover approve"},
		     {"later", "would pass its gate"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		skip(&w, run, cases[i].node, "{}");
		CHECK_INT(w.outcome, ENGINE_CONFLICT);
		CHECK(strstr(w.findings, cases[i].said) != NULL);
	}
	skip(&w, run, "nope", "{}");
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	world_cancel(&w, run);
	skip(&w, run, "a", "{}");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "is being stopped") != NULL);
}

static const char items[] = "{'name':'w','nodes':[" RULE("list", "") "," RULE(
	"scan", ",'dependsOn':['list'],'forEach':'{{ [1, 2, 3] }}','maxParallel':1") "]}";

TEST(the_next_item_is_held_while_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, items);
	world_succeed(&w, "list", "{}");
	hold(&w, run);
	world_succeed(&w, "scan[0]", "{}");
	CHECK_INT(w.n_started, 2);
	restart(&w);
	CHECK_INT(w.n_started, 2);
	resume(&w, run);
	CHECK_INT(w.n_started, 3);
	world_succeed(&w, "scan[1]", "{}");
	world_succeed(&w, "scan[2]", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(an_item_is_given_its_output)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, items);
	world_succeed(&w, "list", "{}");
	skip(&w, run, "scan[1]", "{'n':1}");
	CHECK_INT(w.outcome, ENGINE_OK);
	restart(&w);
	skip(&w, run, "scan[2]", "{'n':2}");
	world_succeed(&w, "scan[0]", "{'n':0}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_STR(world_output(&w, run, "scan"), STR("[{\"n\":0},{\"n\":1},{\"n\":2}]"));
}

TEST(a_node_with_for_each_is_given_a_list)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, items);
	skip(&w, run, "scan", "{}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	skip(&w, run, "scan", "[7]");
	CHECK_INT(w.outcome, ENGINE_OK);
	restart(&w);
	CHECK_STR(world_output(&w, run, "scan"), STR("[7]"));
	world_succeed(&w, "list", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_given_output_must_satisfy_the_schema)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_agent(&w,
		    "{'name':'strict','type':'RULE','capabilities':[{'name':'run','outputSchema':"
		    "{'type':'object','required':['n'],'properties':{'n':{'type':'integer'}}}}]}");
	world_save(&w, "{'name':'w','nodes':[{'id':'s','sleep':'1h'},"
		       "{'id':'x','agent':'strict','action':'run','dependsOn':['s']}]}");
	const char *run = world_trigger(&w, "w", NULL);
	skip(&w, run, "x", "{'n':'one'}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(strstr(w.findings, "output.n") != NULL);
	CHECK_Z(world_node(&w, run, "x"), "PENDING");
	skip(&w, run, "x", "{'n':1}");
	CHECK_INT(w.outcome, ENGINE_OK);
}

TEST(what_follows_a_given_node_is_held_while_paused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, chain);
	hold(&w, run);
	skip(&w, run, "b", "{}");
	CHECK_INT(w.n_started, 1);
	resume(&w, run);
	CHECK(world_live(&w, "c") != NULL);
}

TEST(a_retry_keeps_what_was_given_and_who_gave_it)
{
	struct world w CLEANUP_WORLD;
	const char *run = arena_dupz(&w.arena, begin(&w, chain));
	skip(&w, run, "b", "{'n':7}");
	world_fail(&w, "c", "exit_1");
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	world_retry(&w, run, "failed");
	const char *again = arena_dupz(&w.arena, w.id);
	CHECK_STR(world_output(&w, again, "b"), STR("{\"n\":7}"));
	struct run_detail d = world_run(&w, again);
	for (size_t i = 0; i < d.n_nodes; i++)
		if (str_eqz(d.nodes[i].node_id, "b"))
			CHECK(str_starts(d.nodes[i].detail, STR("{\"given\":{\"by\":\"ann\"")));
}

TEST(a_retry_keeps_what_was_given_though_what_is_before_it_runs_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = arena_dupz(&w.arena, begin(&w, chain));
	skip(&w, run, "b", "{'n':7}");
	world_fail(&w, "a", "exit_1");
	world_succeed(&w, "c", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	world_retry(&w, run, "failed");
	const char *again = arena_dupz(&w.arena, w.id);
	CHECK_STR(world_output(&w, again, "b"), STR("{\"n\":7}"));
	CHECK_Z(world_node(&w, again, "c"), "SUCCESS");
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, again).run.status, RUN_SUCCESS);
}

TAP_MAIN(RUN(what_runs_ends_and_what_follows_is_held),
	 RUN(who_paused_it_and_why_is_in_the_row_and_in_the_events),
	 RUN(a_second_pause_or_resume_changes_nothing),
	 RUN(a_run_that_ended_or_stops_is_not_paused),
	 RUN(the_last_node_may_end_a_run_that_is_paused),
	 RUN(queued_attempts_leave_the_queue_and_come_back_in_order),
	 RUN(a_retry_time_that_comes_is_held),
	 RUN(a_retry_time_to_come_is_waited_for_after_a_resume), RUN(a_pause_holds_over_a_restart),
	 RUN(sleeps_signals_and_decisions_are_recorded_while_paused),
	 RUN(nothing_begins_to_wait_or_is_asked_while_paused), RUN(cancel_wins_while_paused),
	 RUN(cancel_ends_held_attempts), RUN(the_time_out_of_the_run_stands_still_while_paused),
	 RUN(no_run_of_a_paused_workflow_is_started),
	 RUN(a_new_version_of_a_paused_workflow_is_paused),
	 RUN(runs_paused_with_their_workflow_are_resumed_with_it),
	 RUN(schedules_of_a_paused_workflow_do_not_fire_and_make_up_within_catchup),
	 RUN(a_node_is_given_its_output_before_it_runs),
	 RUN(without_an_output_the_node_is_skipped_and_joins_see_that),
	 RUN(a_queued_attempt_of_a_given_node_ends),
	 RUN(a_node_that_sleeps_or_waits_is_given_its_output),
	 RUN(what_runs_ended_or_is_gated_is_not_given_a_result),
	 RUN(the_next_item_is_held_while_paused), RUN(an_item_is_given_its_output),
	 RUN(a_node_with_for_each_is_given_a_list), RUN(a_given_output_must_satisfy_the_schema),
	 RUN(what_follows_a_given_node_is_held_while_paused),
	 RUN(a_retry_keeps_what_was_given_though_what_is_before_it_runs_again),
	 RUN(a_retry_keeps_what_was_given_and_who_gave_it))
