/* Nodes that wait instead of having an attempt. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char nap[] = "{'name':'nap','nodes':[{'id':'s','sleep':'10m'},"
	RULE("after", ",'dependsOn':['s'],'inputs':{'s':'{{ nodes.s.status }}'}") "]}";

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
	const char *run = begin(&w, "{'name':'x','timeout':'1m','nodes':[{'id':'s','sleep':'2m'}]}",
				"x");
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
	world_save(&w, "{'name':'x','nodes':[" RULE("a", "") ","
		"{'id':'never','sleep':'1h','when':'{{ false }}'},"
		"{'id':'cool','sleep':'1h','dependsOn':['a'],'runOn':'failure'},"
		"{'id':'skipped','sleep':'1h','dependsOn':['a']},"
		RULE("again", ",'dependsOn':['cool']") "]}");
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
	const char *run = begin(&w, "{'name':'x','nodes':["
				"{'id':'s','sleep':'1h','when':'{{ context.no }}'}]}", "x");
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

TAP_MAIN(RUN(a_node_sleeps_and_the_next_one_starts),
	 RUN(sleep_goes_on_over_a_restart_and_ends_once),
	 RUN(sleep_that_ended_while_down_ends_at_start),
	 RUN(a_jump_of_the_wall_clock_moves_no_sleep),
	 RUN(cancel_ends_a_sleep_at_once),
	 RUN(the_time_out_of_the_run_ends_a_sleep),
	 RUN(conditions_and_joins_hold_for_sleeping_nodes),
	 RUN(a_bad_condition_fails_a_sleeping_node),
	 RUN(retry_sleeps_again_and_keeps_a_finished_sleep),
	 RUN(the_definition_of_a_sleep_is_kept))
