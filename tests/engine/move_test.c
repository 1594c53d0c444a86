/* Runs that move to another version of their workflow. */
#include "tap.h"
#include "world.h"

#include <stdio.h>

#include "base/fault.h"
#include "engine/request/control.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"
#define W(rest) "{'name':'w'," rest "}"

/* a -> b -> c */
static const char one[] = W("'nodes':[" RULE("a", ",'inputs':{'x':1}") "," RULE(
	"b", ",'dependsOn':['a']") "," RULE("c", ",'dependsOn':['b']") "]");

static const char *begin(struct world *w, const char *definition)
{
	world_open(w);
	w->by_hand = true;
	world_agents(w);
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", "{'x':7}");
}

static int64_t save(struct world *w, const char *definition)
{
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_OK);
	return w->version;
}

static void restart(struct world *w)
{
	world_crash(w);
	world_settle(w);
}

static int64_t version_of(struct world *w, const char *run)
{
	return world_run(w, run).run.workflow_version;
}

/* "a@0=SUCCESS b@2=RUNNING": the rows of nodes, then of attempts "b@2" */
static const char *places(struct world *w, const char *run)
{
	struct run_detail d = world_run(w, run);
	CLEANUP_BUF struct buf text = {0};
	for (size_t i = 0; i < d.n_nodes; i++)
		buf_printf(&text, "%.*s@%lld=%s ", STR_ARG(d.nodes[i].node_id),
			   (long long)d.nodes[i].index, node_status_name(d.nodes[i].status));
	for (size_t i = 0; i < d.n_attempts; i++)
		buf_printf(&text, "%.*s@%lld ", STR_ARG(d.attempts[i].node_id),
			   (long long)d.attempts[i].node_index);
	for (size_t i = 0; i < d.n_approvals; i++)
		buf_printf(&text, "%.*s@%lld=%s ", STR_ARG(d.approvals[i].node_id),
			   (long long)d.approvals[i].node_index,
			   approval_status_name(d.approvals[i].status));
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}

TEST(what_has_not_begun_is_that_of_the_new_version)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	world_succeed(&w, "a", "{'n':1}");
	CHECK_INT(
		save(&w,
		     W("'nodes':[" RULE("new", "") "," RULE("c", ",'dependsOn':['d','b']") "," RULE(
			     "a",
			     ",'inputs':{'x':1}") "," RULE("d",
							   ",'inputs':{'a':'{{ nodes.a.output.n "
							   "}}'},"
							   "'dependsOn':['a']") "," RULE("b",
											 ",'"
											 "depends"
											 "On':['"
											 "a']") "]")),
		2);
	CHECK_INT(version_of(&w, run), 1);
	world_move(&w, run, 0, true);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.json, "{\"from\":1,\"to\":2,\"kept\":[\"a\",\"b\"],\"asksAgain\":[],"
			"\"changed\":[\"c\"],\"removed\":[],\"added\":[\"new\",\"d\"]}");
	CHECK_INT(version_of(&w, run), 1);
	CHECK(world_live(&w, "d") == NULL);
	char *planned = arena_dupz(&w.arena, w.json);
	world_move(&w, run, 2, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.json, planned);
	CHECK_INT(w.version, 2);
	CHECK_INT(version_of(&w, run), 2);
	CHECK_Z(places(&w, run), "a@2=SUCCESS a@2 b@4 new@0 d@3 ");
	CHECK_Z(world_live(&w, "d")->input, "{\"a\":1}"); /* read from the store: 1 kept none */
	world_succeed(&w, "b", "{}");
	CHECK(world_live(&w, "c") == NULL);
	world_succeed(&w, "d", "{}");
	world_succeed(&w, "c", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_RUNNING);
	world_succeed(&w, "new", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	CHECK_Z(world_events(&w, run),
		"run.started node.started:a node.finished:a node.started:b run.moved "
		"node.started:new node.started:d node.finished:b node.finished:d node.started:c "
		"node.finished:c node.finished:new run.finished");
}

TEST(what_has_begun_must_be_the_same)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	world_succeed(&w, "a", "{}");
	save(&w, W("'nodes':[" RULE("a", ",'inputs':{'x':2},'continueOnError':true") "," RULE(
			 "c", "") "]"));
	for (int plan = 0; plan < 2; plan++) {
		world_move(&w, run, 2, plan);
		CHECK_INT(w.outcome, ENGINE_CONFLICT);
		CHECK_Z(w.findings,
			"nodes.a: is SUCCESS in this run, and version 2 has it otherwise: "
			"inputs.x, continueOnError\n"
			"nodes.b: is RUNNING in this run, and version 2 has no such node\n");
	}
	CHECK_INT(version_of(&w, run), 1);
	save(&w, W("'nodes':[" RULE("a", ",'inputs':{'x':1}") "," RULE("z", "") "," RULE(
			 "b", ",'dependsOn':['a','z']") "]"));
	world_move(&w, run, 0, false);
	CHECK_Z(w.findings,
		"nodes.b: is RUNNING in this run, and version 3 has it otherwise: dependsOn\n");
	world_move(&w, run, 1, false);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, "version: the run has version 1 already\n");
}

TEST(how_long_and_how_often_may_change_under_way)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	world_succeed(&w, "a", "{}");
	save(&w,
	     W("'nodes':[" RULE(
		     "b",
		     ",'dependsOn':['a'],'timeout':'1m','description':'x',"
		     "'retry':{'maxAttempts':2,'initialInterval':'1s',"
		     "'jitter':0},'limits':{'memory':'1Gi'}") "," RULE("a", ",'inputs':{'x':1},'"
									    "timeout':'5s'") "]"));
	world_move(&w, run, 2, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_fail(&w, "b", "exit_1");
	CHECK_Z(places(&w, run), "a@1=SUCCESS a@1 b@0 b@0 ");
	world_pass(&w, 1000);
	CHECK_INT(world_live(&w, "b")->number, 2);
	world_pass(&w, 60000);
	CHECK(world_live(&w, "b")->stop_asked);
	world_fail(&w, "b", "exit_1");
	CHECK_Z(world_attempts(&w, run, "b"), "1 FAILED exit_1, 2 TIMED_OUT timeout");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
}

TEST(a_moved_run_goes_on_over_restarts)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, W("'nodes':[" RULE("a", "") "," RULE(
			    "b", ",'dependsOn':['a'],'retry':{'maxAttempts':4,"
				 "'initialInterval':'1s','jitter':0}") ",{'id':'s','sleep':"
								       "'1h'},{'id':'e','wait':"
								       "{'event':'go'}}]"));
	world_succeed(&w, "a", "{'n':5}");
	world_fail(&w, "b", "exit_1");
	save(&w, W("'nodes':[" RULE("x", ",'dependsOn':['b'],'inputs':{'v':'{{ nodes.a.output.n "
					 "}}'}") ","
						 "{'id':'e','wait':{'event':'go'}},{'id':'s','"
						 "sleep':'1h'}," RULE(
							 "b", ",'dependsOn':['a'],'retry':{'"
							      "maxAttempts':4,"
							      "'initialInterval':'1s','jitter':"
							      "0}") "," RULE("a", "") "]"));
	world_move(&w, run, 2, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	for (int i = 0; i < 2; i++) {
		CHECK_Z(places(&w, run), "e@1=RUNNING s@2=RUNNING a@4=SUCCESS a@4 b@3 b@3 ");
		CHECK_INT(version_of(&w, run), 2);
		restart(&w);
	}
	world_pass(&w, 1000);
	world_fail(&w, "b", "exit_1");
	world_pass(&w, 2000);
	restart(&w);
	CHECK_Z(world_attempts(&w, run, "b"),
		"1 FAILED exit_1, 2 FAILED exit_1, 3 FAILED lost, 4 RUNNING");
	world_succeed(&w, "b", "{}");
	CHECK_Z(world_live(&w, "x")->input, "{\"v\":5}");
	world_succeed(&w, "x", "{}");
	struct run_signal go = {STR("default"), str_of(run), STR("go"), NULL};
	engine_run_signal(w.engine, &go, world_reply, &w);
	world_settle(&w);
	CHECK_Z(world_node(&w, run, "e"), "SUCCESS");
	world_pass(&w, 3600000 - 3000);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

static const char gated[] = W("'nodes':[" RULE("a", "") "," RULE(
	"g", ",'dependsOn':['a'],'approvalRequired':true,'"
	     "inputs':{'v':1}") "," RULE("h", ",'dependsOn':['a'],'approvalRequired':true") "]");

static struct approval_row question(struct world *w, const char *run, const char *node)
{
	struct run_detail d = world_run(w, run);
	for (size_t i = d.n_approvals; i > 0; i--)
		if (str_eqz(d.approvals[i - 1].node_id, node))
			return d.approvals[i - 1];
	return (struct approval_row){.status = APPROVAL_EXPIRED, .id = STR("none")};
}

static void approve(struct world *w, struct str id)
{
	engine_approval_decide(w->engine,
			       &(struct approval_decision){.project = STR("default"),
							   .id = id,
							   .decision = APPROVAL_APPROVED,
							   .responded_by = STR("bob")},
			       world_reply, w);
	world_settle(w);
}

TEST(a_question_is_void_and_asked_anew)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gated);
	world_succeed(&w, "a", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_WAITING_APPROVAL);
	struct approval_row old = question(&w, run, "g");
	/* h is gone, g asks for something else, a stays */
	save(&w, W("'nodes':[" RULE("g", ",'dependsOn':['a'],'approvalRequired':true,"
					 "'inputs':{'v':2}") "," RULE("a", "") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.json, "{\"from\":1,\"to\":2,\"kept\":[\"a\"],\"asksAgain\":[\"g\"],"
			"\"changed\":[],\"removed\":[\"h\"],\"added\":[]}");
	CHECK_Z(places(&w, run), "g@0=WAITING_APPROVAL a@1=SUCCESS a@1 g@0=EXPIRED h@2=EXPIRED "
				 "g@0=PENDING ");
	restart(&w);
	CHECK_INT(world_run(&w, run).run.status, RUN_WAITING_APPROVAL);
	approve(&w, old.id);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	approve(&w, question(&w, run, "g").id);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(world_live(&w, "g")->input, "{\"v\":2}");
	restart(&w);
	CHECK_Z(world_live(&w, "g")->input, "{\"v\":2}");
	world_succeed(&w, "g", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_gate_may_go_and_come)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gated);
	world_succeed(&w, "a", "{}");
	save(&w, W("'nodes':[" RULE("a", "") "," RULE("g", ",'dependsOn':['a']") "," RULE(
			 "n", ",'dependsOn':['a'],'approvalRequired':true") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(places(&w, run), "a@0=SUCCESS n@2=WAITING_APPROVAL a@0 g@1 g@1=EXPIRED "
				 "h@2=EXPIRED n@2=PENDING ");
	CHECK_INT(world_run(&w, run).run.status, RUN_RUNNING);
	restart(&w);
	world_succeed(&w, "g", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_WAITING_APPROVAL);
	approve(&w, question(&w, run, "n").id);
	world_succeed(&w, "n", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(what_was_approved_and_runs_holds_the_run_to_its_version)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gated);
	world_succeed(&w, "a", "{}");
	approve(&w, question(&w, run, "g").id);
	save(&w,
	     W("'description':'more',"
	       "'nodes':[" RULE("a", "") "," RULE(
		       "g", ",'dependsOn':['a'],'approvalRequired':true,'inputs':{'v':1}") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, "nodes.g: was approved for version 1 and has not ended; wait for its "
			    "end\n");
	world_succeed(&w, "g", "{}");
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_run_whose_rest_is_gone_ends)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		W("'nodes':[" RULE("a", "") ",{'id':'s','dependsOn':['a'],"
					    "'sleep':'1h'}," RULE("z", ",'dependsOn':['s']") "]"));
	world_fail(&w, "a", "exit_1");
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
	run = world_trigger(&w, "w", NULL);
	world_succeed(&w, "a", "{}");
	save(&w, W("'nodes':[{'id':'s','dependsOn':['a'],'sleep':'1h'}," RULE("a", "") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_pass(&w, 3600000);
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
	world_move(&w, run, 1, false);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
}

TEST(a_failure_may_get_somebody_who_handles_it)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, W("'nodes':[" RULE("a", "") "," RULE("b", "") "]"));
	world_fail(&w, "a", "exit_1");
	CHECK_INT(world_run(&w, run).run.status, RUN_RUNNING);
	save(&w, W("'nodes':[" RULE("mend", ",'dependsOn':['a'],'runOn':'failure'") "," RULE(
			 "b", "") "," RULE("a", "") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_succeed(&w, "mend", "{}");
	world_succeed(&w, "b", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(the_run_itself_must_fit_the_version)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	world_pass(&w, 120000);
	save(&w, W("'timeout':'2m','contextSchema':{'properties':{'x':{'type':'string'}}},"
		   "'nodes':[" RULE("a", ",'inputs':{'x':1}") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, "context.x: must be a string, is an integer\n"
			    "timeout: of version 2 is over already: the run would end at once\n");
	save(&w, W("'timeout':'3m',"
		   "'nodes':[" RULE("a", ",'inputs':{'x':1}") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_pass(&w, 60000);
	CHECK(world_live(&w, "a")->stop_asked);
	world_fail(&w, "a", "exit_1");
	CHECK_INT(world_run(&w, run).run.status, RUN_TIMED_OUT);
}

TEST(a_run_that_is_stopped_stays)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	save(&w, W("'nodes':[" RULE("a", ",'inputs':{'x':1}") "]"));
	world_cancel(&w, run);
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, ": the run is being stopped\n");
}

TEST(a_run_that_has_begun_items_stays)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, W("'nodes':[" RULE("a", "") "," RULE(
				  "f", ",'dependsOn':['a'],'forEach':'{{ [1,2] }}'") "]"));
	save(&w, W("'nodes':[" RULE("f", ",'dependsOn':['a'],'forEach':'{{ [3] }}'") "," RULE(
			 "a", "") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_succeed(&w, "a", "{}");
	world_move(&w, run, 1, false);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, "nodes.f: has begun its items; such a run stays with its version\n");
	world_succeed(&w, "f[0]", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

TEST(a_forEach_that_comes_with_the_version_starts_as_ever)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	save(&w, W("'nodes':[" RULE("f", ",'forEach':'{{ [1,2,3] }}','maxParallel':1") "," RULE(
			 "a", ",'inputs':{'x':1}") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(world_live(&w, "f[0]") && !world_live(&w, "f[1]") && !world_live(&w, "f[2]"));
	world_succeed(&w, "a", "{}");
	restart(&w);
	for (int i = 0; i < 3; i++)
		world_succeed(&w, (const char *[]){"f[0]", "f[1]", "f[2]"}[i], "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

static void pause_run(struct world *w, const char *run, bool paused)
{
	struct run_control x = {.project = STR("default"), .run_id = str_of(run)};
	if (paused)
		engine_run_pause(w->engine, &x, world_reply, w);
	else
		engine_run_resume(w->engine, &x, world_reply, w);
	world_settle(w);
}

TEST(a_paused_run_moves_and_starts_nothing)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gated);
	world_succeed(&w, "a", "{}");
	pause_run(&w, run, true);
	save(&w, W("'timeout':'1h','nodes':[" RULE("new", "") "," RULE("a", "") "," RULE(
			 "g", ",'dependsOn':['a'],'approvalRequired':true") "]"));
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK(!world_live(&w, "new"));
	world_pass(&w, 7200000);
	restart(&w);
	CHECK(!world_live(&w, "new"));
	CHECK_Z(places(&w, run), "a@1=SUCCESS a@1 g@2=EXPIRED h@2=EXPIRED ");
	pause_run(&w, run, false);
	world_succeed(&w, "new", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_WAITING_APPROVAL);
	approve(&w, question(&w, run, "g").id);
	world_succeed(&w, "g", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

/* Everything that is under way at once, moved forth and back many times. */
TEST(a_run_moves_as_often_as_one_likes)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	save(&w, W("'nodes':[" RULE("c", ",'dependsOn':['b']") "," RULE(
			 "b", ",'dependsOn':['a']") "," RULE("a", ",'inputs':{'x':1}") "]"));
	for (int64_t i = 0; i < 6; i++) {
		world_move(&w, run, 2 - i % 2, false);
		CHECK_INT(w.outcome, ENGINE_OK);
		if (i == 2)
			world_succeed(&w, "a", "{}");
		if (i == 4)
			restart(&w);
	}
	CHECK_Z(places(&w, run), "a@0=SUCCESS a@0 b@1 b@1 ");
	world_succeed(&w, "b", "{}");
	world_succeed(&w, "c", "{}");
	CHECK_INT(world_run(&w, run).run.status, RUN_SUCCESS);
}

/* What the caller read may be older than what ended since. */
TEST(an_output_that_was_not_read_is_asked_for_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, one);
	struct run_detail early = world_run(&w, run);
	world_succeed(&w, "a", "{'n':1}");
	CHECK_INT(save(&w,
		       W("'nodes':[" RULE("a", ",'inputs':{'x':1}") "," RULE(
			       "b",
			       ",'dependsOn':['a']") "," RULE("c",
							      ",'dependsOn':['a','b'],'inputs':{'v'"
							      ":'{{ nodes.a.output.n }}'}") "]")),
		  2);
	struct version_row to;
	struct store_reader *r;
	CHECK_INT(w.store->ops->reader_new(w.store, &r), 0);
	CHECK_INT(r->ops->version_get(r, &w.arena, early.run.workflow_id, 2, &to), 0);
	r->ops->reader_free(r);
	struct run_move ask = {.project = STR("default"), .stored = &early, .to = &to};
	engine_run_move(w.engine, &ask, world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_STALE);
	CHECK_INT(version_of(&w, run), 1);
	world_move(&w, run, 2, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_succeed(&w, "b", "{}");
	CHECK_Z(world_live(&w, "c")->input, "{\"v\":1}");
	/* and what was read in another version is of no use */
	engine_run_move(w.engine, &ask, world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
}

TAP_MAIN(RUN(what_has_not_begun_is_that_of_the_new_version), RUN(what_has_begun_must_be_the_same),
	 RUN(how_long_and_how_often_may_change_under_way), RUN(a_moved_run_goes_on_over_restarts),
	 RUN(a_question_is_void_and_asked_anew), RUN(a_gate_may_go_and_come),
	 RUN(what_was_approved_and_runs_holds_the_run_to_its_version),
	 RUN(a_run_whose_rest_is_gone_ends), RUN(a_failure_may_get_somebody_who_handles_it),
	 RUN(the_run_itself_must_fit_the_version), RUN(a_run_that_is_stopped_stays),
	 RUN(a_run_that_has_begun_items_stays),
	 RUN(a_forEach_that_comes_with_the_version_starts_as_ever),
	 RUN(a_paused_run_moves_and_starts_nothing), RUN(a_run_moves_as_often_as_one_likes),
	 RUN(an_output_that_was_not_read_is_asked_for_again))
