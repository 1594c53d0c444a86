#include "tap.h"
#include "world.h"

#define NODE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char chain3[] = "{'name':'chain3','nodes':[" NODE("a", "") "," NODE(
	"b", ",'dependsOn':['a']") "," NODE("c", ",'dependsOn':['b']") "]}";

TEST(a_chain_runs_to_success_in_four_transactions)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, chain3);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(w.version, 1);
	struct mem_store_stats before, after;
	mem_store_stats(w.store, &before);
	const char *run = world_trigger(&w, "chain3", NULL);
	mem_store_stats(w.store, &after);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(after.n_committed - before.n_committed, 4);
	struct run_detail d = world_run(&w, run);
	CHECK_INT(d.run.status, RUN_SUCCESS);
	CHECK_INT(d.n_nodes, 3);
	CHECK_INT(d.n_attempts, 3);
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a node.finished:a node.started:b node.finished:b "
		"node.started:c node.finished:c run.finished");
	CHECK_INT(w.n_run_ends, 1);
	CHECK_INT(w.n_attempt_ends, 3);
}

TEST(outputs_reach_the_nodes_after)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(
		&w,
		"{'name':'x','nodes':[" NODE("a", ",'inputs':{'p':'{{ context.path }}'}") "," NODE(
			"b", ",'dependsOn':['a'],'when':'{{ nodes.a.output.n > 2 }}',"
			     "'inputs':{'n':'{{ nodes.a.output.n }}','t':'{{nodes.a.output.n}} "
			     "found',"
			     "'w':'{{ workflow.name }}/{{ workflow.version }}','r':'{{ run.id "
			     "}}'}") "," NODE("c", ",'dependsOn':['a'],'when':'{{ "
						   "nodes.a.output.n > 3 }}'") "]}");
	CHECK_Z(w.findings, "");
	const char *run = world_trigger(&w, "x", "{'path':'/src'}");
	CHECK_Z(world_live(&w, "a")->input, "{\"p\":\"/src\"}");
	world_succeed(&w, "a", "{'n':3}");
	CHECK_STR(str_of(world_live(&w, "b")->input),
		  str_of(arena_printf(&w.arena,
				      "{\"n\":3,\"t\":\"3 found\",\"w\":\"x/1\",\"r\":\"%s\"}",
				      run)));
	CHECK_Z(world_node(&w, run, "c"), "SKIPPED");
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_STR(world_output(&w, run, "a"), STR("{\"n\":3}"));
}

TEST(a_missing_value_fails_the_node_with_its_path)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w,
		   "{'name':'x','nodes':[" NODE(
			   "a",
			   ",'retry':{'maxAttempts':5},'inputs':{'p':'{{ context.path }}'}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	struct run_detail d = world_run(&w, run);
	CHECK_INT(d.run.status, RUN_FAILED);
	CHECK(memmem(d.run.error.p, d.run.error.n, "context.path", 12));
	CHECK(memmem(d.run.error.p, d.run.error.n, "\"code\":\"template_error\"", 23));
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED template_error");
	CHECK_INT(w.n_started, 0);
}

TEST(a_node_starts_when_its_own_dependencies_are_done)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", "") "," NODE("b", "") "," NODE(
			   "c", ",'dependsOn':['a']") "," NODE("d", ",'dependsOn':['b','c']") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_succeed(&w, "a", "{}");
	CHECK(world_live(&w, "b") && world_live(&w, "c") && !world_live(&w, "d"));
	world_succeed(&w, "c", "{}");
	CHECK(!world_live(&w, "d"));
	world_succeed(&w, "b", "{}");
	world_succeed(&w, "d", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_failed_node_fails_the_run_and_independent_branches_go_on)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(
		&w,
		"{'name':'x','nodes':[" NODE("a", "") "," NODE("b", "") "," NODE(
			"after",
			",'dependsOn':['a']") "," NODE("more",
						       ",'dependsOn':['b']") "," NODE("clean",
										      ",'dependsOn'"
										      ":['a'],'"
										      "runOn':'"
										      "always'") "]"
												 "}");
	const char *run = world_trigger(&w, "x", NULL);
	world_fail(&w, "a", "exit_3");
	CHECK_Z(world_node(&w, run, "after"), "SKIPPED");
	CHECK(world_live(&w, "clean"));
	world_succeed(&w, "clean", "{}");
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_RUNNING);
	world_succeed(&w, "more", "{}");
	struct run_detail d = world_run(&w, run);
	CHECK_INT(d.run.status, RUN_FAILED);
	CHECK_STR(d.run.error,
		  STR("{\"code\":\"exit_3\",\"message\":\"node \\\"a\\\" failed: it went "
		      "wrong\",\"nodeId\":\"a\"}"));
}

TEST(a_failure_path_that_ran_handles_the_failure)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','nodes':[" NODE("a", "") "," NODE(
			       "mend",
			       ",'dependsOn':['a'],'runOn':'failure','when':'{{ context.mend }}',"
			       "'inputs':{'c':'{{ nodes.a.error.code }}'}") "]}");
	const char *run = world_trigger(&w, "x", "{'mend':true}");
	world_fail(&w, "a", "oom");
	CHECK_Z(world_live(&w, "mend")->input, "{\"c\":\"oom\"}");
	world_succeed(&w, "mend", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	run = world_trigger(&w, "x", "{'mend':true}");
	world_fail(&w, "a", "oom");
	world_fail(&w, "mend", "oom");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	run = world_trigger(&w, "x", "{'mend':false}");
	world_fail(&w, "a", "oom");
	CHECK_Z(world_node(&w, run, "mend"), "SKIPPED");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
}

TEST(a_tolerated_failure_lets_the_rest_go_on)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", ",'continueOnError':true") "," NODE(
			   "b", ",'dependsOn':['a'],'inputs':{'s':'{{ nodes.a.status }}'}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_fail(&w, "a", "exit_1");
	CHECK_Z(world_live(&w, "b")->input, "{\"s\":\"FAILED\"}");
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(retries_back_off_exponentially_to_their_cap)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", ",'retry':{'maxAttempts':4,"
						     "'initialInterval':'1s','backoffCoefficient':"
						     "3,'maximumInterval':'5s','jitter':0}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	static const int64_t delays[] = {1000, 3000, 5000};
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		world_fail(&w, "a", "exit_1");
		world_pass(&w, delays[i] - 1);
		CHECK(!world_live(&w, "a"));
		world_pass(&w, 1);
		CHECK(world_live(&w, "a"));
	}
	world_fail(&w, "a", "exit_2");
	CHECK_Z(world_attempts(&w, run, "a"),
		"1 FAILED exit_1, 2 FAILED exit_1, 3 FAILED exit_1, 4 FAILED exit_2");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
}

TEST(a_jump_of_the_wall_clock_moves_no_timer)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','nodes':[" NODE(
			       "a", ",'timeout':'10s','retry':{"
				    "'maxAttempts':2,'initialInterval':'5s','jitter':0}") "]}");
	world_trigger(&w, "x", NULL);
	world_fail(&w, "a", "exit_1");
	w.clock.wall_ms -= 3600000;
	world_pass(&w, 5000);
	CHECK(world_live(&w, "a"));
	w.clock.wall_ms += 7200000;
	world_pass(&w, 9999);
	CHECK(!world_live(&w, "a")->stop_asked);
	world_pass(&w, 1);
	CHECK(world_live(&w, "a")->stop_asked);
}

TEST(retry_later_and_final_answers_count_otherwise)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", ",'retry':{'maxAttempts':2,'jitter':0}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	for (int i = 0; i < 3; i++) {
		world_result(&w, world_live(&w, "a"),
			     &(struct attempt_result){.end = ATTEMPT_END_ERROR,
						      .code = "exit_75",
						      .retry_later = true,
						      .retry_after_ms = 90000});
		world_pass(&w, 89999);
		CHECK(!world_live(&w, "a"));
		world_pass(&w, 1);
		CHECK(world_live(&w, "a"));
	}
	world_result(&w, world_live(&w, "a"),
		     &(struct attempt_result){
			     .end = ATTEMPT_END_ERROR, .code = "workspace_denied", .final = true});
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "a"),
		"1 FAILED exit_75, 2 FAILED exit_75, 3 FAILED exit_75, 4 FAILED workspace_denied");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
}

TEST(a_time_out_ends_the_attempt_whatever_it_answers)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','nodes':[" NODE("a", ",'timeout':'2s','retry':{"
							 "'maxAttempts':2,'jitter':0}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_pass(&w, 2000);
	CHECK(world_live(&w, "a")->stop_asked);
	CHECK_INT(world_live(&w, "a")->why, ATTEMPT_STOP_TIMEOUT);
	world_succeed(&w, "a", "{}");
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT timeout, 2 QUEUED");
	world_pass(&w, 1000);
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(the_time_out_of_the_agent_counts_where_the_node_has_none)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agent(&w, "{'name':'rule','type':'RULE','limits':{'timeout':'4s'},"
			"'capabilities':[{'name':'run'}]}");
	world_crash(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','nodes':[" NODE("a", "") "," NODE("b", ",'timeout':'9s'") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_pass(&w, 4000);
	CHECK(world_live(&w, "a")->stop_asked && !world_live(&w, "b")->stop_asked);
	world_pass(&w, 5000);
	CHECK(world_live(&w, "b")->stop_asked);
	world_fail(&w, "a", "signal_9");
	world_fail(&w, "b", "signal_9");
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT timeout");
}

TEST(a_run_that_takes_too_long_is_stopped)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','timeout':'5s','nodes':[" NODE("a", "") "," NODE(
			       "b", ",'dependsOn':['a']") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_pass(&w, 5000);
	CHECK(world_live(&w, "a")->stop_asked);
	CHECK_INT(world_run(&w, run).run.stopping, STOP_TIMEOUT);
	CHECK_Z(world_node(&w, run, "b"), "CANCELLED");
	world_fail(&w, "a", "signal_15");
	CHECK_INT(world_run(&w, run).run.status, RUN_TIMED_OUT);
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT run_timeout");
}

TEST(cancel_wins_over_a_completion_that_comes_after_it)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	const char *run = world_trigger(&w, "chain3", NULL);
	world_cancel(&w, run);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.status, RUN_RUNNING);
	CHECK(world_live(&w, "a")->stop_asked);
	world_cancel(&w, run);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	CHECK_Z(world_node(&w, run, "a"), "CANCELLED");
	CHECK_Z(world_node(&w, run, "c"), "CANCELLED");
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a run.stopping node.finished:a run.finished");
	world_cancel(&w, run);
	CHECK(w.outcome == ENGINE_CONFLICT || w.outcome == ENGINE_NOT_FOUND);
	CHECK_INT(w.n_run_ends, 1);
}

TEST(output_is_judged)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agent(&w, "{'name':'rule','type':'RULE','capabilities':[{'name':'run','outputSchema':"
			"{'type':'object','required':['n'],'properties':{'n':{'type':'integer'}}},"
			"'inputSchema':{'properties':{'x':{'type':'integer'}}}}]}");
	w.by_hand = true;
	world_save(&w, "{'name':'x','nodes':[" NODE("a", ",'inputs':{'x':'{{ context.x }}'}") "]}");
	static const struct {
		const char *output, *attempts;
	} table[] = {
		{"{'n':1}", "1 SUCCESS"},
		{"{'n':'1'}", "1 FAILED invalid_output"},
		{"{'n':1} {}", "1 FAILED invalid_output"},
		{"", "1 FAILED invalid_output"},
		{"oops", "1 FAILED invalid_output"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *run = world_trigger(&w, "x", "{'x':1}");
		world_succeed(&w, "a", table[i].output);
		CHECK_Z(world_attempts(&w, run, "a"), table[i].attempts);
	}
	const char *run = world_trigger(&w, "x", "{'x':'one'}");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED invalid_input");
}

TEST(scripts_wait_for_slots_in_order)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'s','nodes':[{'id':'a','agent':'script','action':'run',"
		       "'workspace':'{{ context.dir }}'}]}");
	const char *runs[4];
	for (int i = 0; i < 4; i++)
		runs[i] = world_trigger(&w, "s", "{'dir':'/src'}");
	CHECK_Z(world_live(&w, "a")->workspace, "/src");
	CHECK_INT(w.n_started, 2);
	CHECK_Z(world_attempts(&w, runs[2], "a"), "1 QUEUED");
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_queued_attempts, 2);
	world_succeed(&w, "a", "{}");
	CHECK_INT(w.n_started, 3);
	CHECK_Z(world_attempts(&w, runs[2], "a"), "1 RUNNING");
	CHECK_Z(world_attempts(&w, runs[3], "a"), "1 QUEUED");
	world_cancel(&w, runs[3]);
	CHECK_INT(world_run(&w, runs[3]).run.status, RUN_CANCELLED);
}

TEST(a_crash_loses_attempts_and_nothing_else)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", "") "," NODE(
			   "b", ",'dependsOn':['a'],'inputs':{'n':'{{ nodes.a.output.n }}'}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_succeed(&w, "a", "{'n':4}");
	char *key = arena_dupz(&w.arena, world_live(&w, "b")->key);
	for (int i = 0; i < 3; i++) {
		world_crash(&w);
		world_settle(&w);
		CHECK(!world_live(&w, "a"));
		CHECK_Z(world_live(&w, "b")->input, "{\"n\":4}");
		CHECK_Z(world_live(&w, "b")->key, key);
	}
	world_succeed(&w, "b", "{}");
	CHECK_Z(world_attempts(&w, run, "b"),
		"1 FAILED lost, 2 FAILED lost, 3 FAILED lost, 4 SUCCESS");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a node.finished:a node.started:b node.retrying:b "
		"node.started:b node.retrying:b node.started:b node.retrying:b node.started:b "
		"node.finished:b run.finished");
}

TEST(a_node_that_is_lost_again_and_again_fails)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	const char *run = world_trigger(&w, "chain3", NULL);
	for (int i = 0; i < 5; i++) {
		world_crash(&w);
		world_settle(&w);
		CHECK(world_live(&w, "a"));
	}
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
}

TEST(retry_times_survive_a_crash_and_missed_ones_fire_at_start)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, "{'name':'x','timeout':'1h','nodes':[" NODE(
			       "a", ",'retry':{'maxAttempts':2,"
				    "'initialInterval':'10s','jitter':0}") "]}");
	const char *run = world_trigger(&w, "x", NULL);
	world_fail(&w, "a", "exit_1");
	world_pass(&w, 4000);
	world_crash(&w);
	world_pass(&w, 5999);
	CHECK(!world_live(&w, "a"));
	world_pass(&w, 1);
	CHECK(world_live(&w, "a"));
	world_fail(&w, "a", "exit_1");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 FAILED exit_1");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	run = world_trigger(&w, "x", NULL);
	world_fail(&w, "a", "exit_1");
	w.clock.wall_ms += 3000000;
	w.clock.mono_ms = 77;
	world_crash(&w);
	world_pass(&w, 0);
	CHECK(world_live(&w, "a"));
	world_pass(&w, 600000);
	CHECK(world_live(&w, "a")->stop_asked);
}

TEST(a_stop_goes_on_after_a_crash)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	const char *run = world_trigger(&w, "chain3", NULL);
	world_cancel(&w, run);
	CHECK_INT(world_run(&w, run).run.status, RUN_RUNNING);
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost");
}

TEST(a_retry_keeps_what_succeeded)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'x','nodes':[" NODE("a", "") "," NODE(
			   "b",
			   ",'dependsOn':['a'],"
			   "'inputs':{'n':'{{ nodes.a.output.n }}'}") "," NODE("c", ",'dependsOn':["
										    "'b']") "]}");
	const char *first = world_trigger(&w, "x", NULL);
	world_succeed(&w, "a", "{'n':1}");
	world_fail(&w, "b", "exit_1");
	CHECK_INT(world_run(&w, first).run.status, RUN_FAILED);
	world_retry(&w, first, "failed");
	CHECK_INT(w.outcome, ENGINE_CREATED);
	const char *second = arena_dupz(&w.arena, w.id);
	CHECK(!world_live(&w, "a"));
	CHECK_Z(world_live(&w, "b")->input, "{\"n\":1}");
	world_succeed(&w, "b", "{}");
	world_succeed(&w, "c", "{}");
	struct run_detail d = world_run(&w, second);
	CHECK_INT(d.run.status, RUN_SUCCESS);
	CHECK_STR(d.run.parent_run_id, str_of(first));
	CHECK_STR(d.nodes[0].copied_from, str_of(first));
	world_retry(&w, second, "failed");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	world_retry(&w, second, "nobody");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	world_retry(&w, second, "b");
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK(world_live(&w, "b") && !world_live(&w, "a"));
	world_retry(&w, second, "start");
	CHECK(world_live(&w, "a"));
	world_retry(&w, w.id, "start");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
}

static void retry_edited(struct world *w, const char *run, const char *from, const char *context,
			 bool plan)
{
	struct run_detail old = world_run(w, run);
	struct value v = context ? world_json(&w->arena, context) : value_null();
	engine_run_retry(w->engine,
			 &(struct run_retry){.project = STR("default"),
					     .old = &old,
					     .from = str_of(from),
					     .context = context ? &v : NULL,
					     .plan = plan},
			 world_reply, w);
	world_settle(w);
}

/* A run of x that ended well: a, then b, then c. */
static const char *finished_x(struct world *w)
{
	world_open(w);
	world_agents(w);
	world_save(
		w,
		"{'name':'x','contextSchema':{'required':['k']},'nodes':[" NODE(
			"a",
			",'inputs':{'"
			"k':'{{ "
			"context.k "
			"}}'}") "," NODE("b",
					 ",'dependsOn':['a']") "," NODE("c",
									",'dependsOn':['b']") "]}");
	return world_trigger(w, "x", "{'k':1}");
}

TEST(a_retry_from_start_may_have_another_context)
{
	struct world w CLEANUP_WORLD;
	const char *first = finished_x(&w);
	CHECK_INT(world_run(&w, first).run.status, RUN_SUCCESS);
	w.by_hand = true;
	retry_edited(&w, first, "start", "{'k':2}", false);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_Z(world_live(&w, "a")->input, "{\"k\":2}");
	CHECK_STR(world_run(&w, w.id).run.context, STR("{\"k\":2}"));
	CHECK_STR(world_run(&w, first).run.context, STR("{\"k\":1}"));
	const char *second = arena_dupz(&w.arena, w.id);
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(world_live(&w, "a")->input, "{\"k\":2}");
	CHECK_STR(world_run(&w, second).run.parent_run_id, str_of(first));
}

TEST(another_context_is_refused_beside_kept_results_and_when_it_breaks_the_schema)
{
	struct world w CLEANUP_WORLD;
	const char *first = finished_x(&w);
	size_t n_started = w.n_started;
	retry_edited(&w, first, "b", "{'k':2}", false);
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(str_starts(str_of(w.findings), STR("context: ")));
	retry_edited(&w, first, "start", "{'j':2}", false);
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(strstr(w.findings, "context") != NULL);
	retry_edited(&w, first, "start", "[]", true);
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_INT(w.n_started, n_started);
}

TEST(a_planned_retry_says_what_would_run_and_starts_nothing)
{
	struct world w CLEANUP_WORLD;
	const char *first = finished_x(&w);
	size_t n_started = w.n_started;
	retry_edited(&w, first, "b", NULL, true);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.json,
		"{\"from\":\"b\",\"runsAgain\":[\"b\",\"c\"],\"kept\":[\"a\"],"
		"\"effects\":{\"b\":\"idempotent\",\"c\":\"idempotent\"},\"irreversible\":[]}");
	retry_edited(&w, first, "start", "{'k':2}", true);
	CHECK_Z(w.json,
		"{\"from\":\"start\",\"runsAgain\":[\"a\",\"b\",\"c\"],\"kept\":[],"
		"\"effects\":{\"a\":\"idempotent\",\"b\":\"idempotent\",\"c\":\"idempotent\"},"
		"\"irreversible\":[]}");
	retry_edited(&w, first, "failed", NULL, true);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	retry_edited(&w, first, "nobody", NULL, true);
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_INT(w.n_started, n_started);
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_open_runs, 0);
}

TEST(answers_that_nobody_waits_for_are_ignored)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	const char *run = world_trigger(&w, "chain3", NULL);
	struct attempt_id old = world_live(&w, "a")->id;
	world_crash(&w);
	world_settle(&w);
	engine_attempt_done(w.engine, &old, &(struct attempt_result){.output = STR("{'x':1}")});
	engine_attempt_log(w.engine, &old, STR("late"), 1);
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost, 2 RUNNING");
}

TEST(log_lines_are_numbered_over_the_life_of_the_node)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	const char *run = world_trigger(&w, "chain3", NULL);
	engine_attempt_log(w.engine, &world_live(&w, "a")->id, STR("one\ntwo"), 2);
	engine_attempt_log(w.engine, &world_live(&w, "a")->id, STR("three"), 1);
	world_settle(&w);
	world_crash(&w);
	world_settle(&w);
	engine_attempt_log(w.engine, &world_live(&w, "a")->id, STR("four"), 1);
	world_settle(&w);
	CHECK_INT(w.n_log_calls, 3);
	struct store_reader *r;
	struct log_row *rows;
	size_t n;
	CHECK_INT(w.store->ops->reader_new(w.store, &r), 0);
	CHECK_INT(r->ops->log_list(r, &w.arena, str_of(run), STR("a"), 0, 10, &rows, &n), 0);
	CHECK_INT(n, 3);
	CHECK_INT(rows[2].seq, 4);
	CHECK_INT(rows[2].attempt, 2);
	r->ops->reader_free(r);
}

TEST(a_full_disk_refuses_new_runs_and_loses_none)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	const char *run = world_trigger(&w, "chain3", NULL);
	mem_store_fail_next(w.store, 3);
	world_succeed(&w, "a", "{}");
	CHECK(!world_live(&w, "b"));
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK(stats.store_full);
	world_trigger(&w, "chain3", NULL);
	CHECK_INT(w.outcome, ENGINE_UNAVAILABLE);
	world_pass(&w, 60000);
	engine_stats(w.engine, &stats);
	CHECK(!stats.store_full);
	world_succeed(&w, "b", "{}");
	world_succeed(&w, "c", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	world_trigger(&w, "chain3", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TEST(who_waits_while_the_disk_is_full_is_told_so)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w, chain3);
	w.outcome = ENGINE_OK;
	mem_store_fail_next(w.store, 5);
	world_trigger(&w, "chain3", NULL);
	world_pass(&w, 1000);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_pass(&w, 1000);
	CHECK_INT(w.outcome, ENGINE_UNDECIDED);
	w.outcome = ENGINE_OK;
	world_pass(&w, 60000);
	CHECK_INT(w.outcome, ENGINE_OK);
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK(!stats.store_full);
	CHECK_INT(stats.n_open_runs, 1);
}

TEST(a_context_that_breaks_its_schema_is_refused)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_save(&w, "{'name':'x','contextSchema':{'required':['path'],'properties':{'path':"
		       "{'type':'string'}}},'nodes':[" NODE("a", "") "]}");
	world_trigger(&w, "x", "{'path':3}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(strstr(w.findings, "context.path: "));
	world_trigger(&w, "x", "[]");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	world_trigger(&w, "x", "{'path':'y'}");
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TAP_MAIN(RUN(a_chain_runs_to_success_in_four_transactions), RUN(outputs_reach_the_nodes_after),
	 RUN(a_missing_value_fails_the_node_with_its_path),
	 RUN(a_node_starts_when_its_own_dependencies_are_done),
	 RUN(a_failed_node_fails_the_run_and_independent_branches_go_on),
	 RUN(a_failure_path_that_ran_handles_the_failure),
	 RUN(a_tolerated_failure_lets_the_rest_go_on),
	 RUN(retries_back_off_exponentially_to_their_cap),
	 RUN(a_jump_of_the_wall_clock_moves_no_timer),
	 RUN(retry_later_and_final_answers_count_otherwise),
	 RUN(a_time_out_ends_the_attempt_whatever_it_answers),
	 RUN(the_time_out_of_the_agent_counts_where_the_node_has_none),
	 RUN(a_run_that_takes_too_long_is_stopped),
	 RUN(cancel_wins_over_a_completion_that_comes_after_it), RUN(output_is_judged),
	 RUN(scripts_wait_for_slots_in_order), RUN(a_crash_loses_attempts_and_nothing_else),
	 RUN(a_node_that_is_lost_again_and_again_fails),
	 RUN(retry_times_survive_a_crash_and_missed_ones_fire_at_start),
	 RUN(a_stop_goes_on_after_a_crash), RUN(a_retry_keeps_what_succeeded),
	 RUN(a_retry_from_start_may_have_another_context),
	 RUN(another_context_is_refused_beside_kept_results_and_when_it_breaks_the_schema),
	 RUN(a_planned_retry_says_what_would_run_and_starts_nothing),
	 RUN(answers_that_nobody_waits_for_are_ignored),
	 RUN(log_lines_are_numbered_over_the_life_of_the_node),
	 RUN(a_full_disk_refuses_new_runs_and_loses_none),
	 RUN(who_waits_while_the_disk_is_full_is_told_so),
	 RUN(a_context_that_breaks_its_schema_is_refused))
