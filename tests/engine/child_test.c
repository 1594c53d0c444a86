/* Nodes that run another workflow. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "base/limits.h"
#include "engine/request/control.h"
#include "json/parse.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"
#define CALL(id, workflow, rest) "{'id':'" id "','workflow':'" workflow "'" rest "}"

static const char inner[] =
	"{'name':'inner','contextSchema':{'type':'object','required':['n'],"
	"'properties':{'n':{'type':'integer'}}},'nodes':[" RULE(
		"work",
		",'inputs':{'n':'{{ context.n }}'}") "],"
						     "'output':{'got':'{{ nodes.work.output.x }}',"
						     "'n':'{{ context.n }}'}}";

static const char outer[] =
	"{'name':'outer','nodes':[" CALL("call", "inner", ",'inputs':{'n':7}") "," RULE(
		"after", ",'dependsOn':['call'],"
			 "'inputs':{'v':'{{ nodes.call.output.got }}'}") "]}";

static void save(struct world *w, const char *definition)
{
	world_save(w, definition);
	if (w->outcome != ENGINE_CREATED && w->outcome != ENGINE_OK) {
		fprintf(stderr, "%s", w->findings);
		ASSERT(!"saved");
	}
}

static void open_with(struct world *w, const char *first, const char *second)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	save(w, first);
	save(w, second);
}

static const struct node_row *row_of(struct world *w, const char *run, const char *id)
{
	struct run_detail d = world_run(w, run);
	for (size_t i = 0; i < d.n_nodes; i++)
		if (str_eqz(d.nodes[i].node_id, id))
			return &d.nodes[i];
	return NULL;
}

/* The id of the run that the node's row names, or "". */
static const char *child_of(struct world *w, const char *run, const char *id)
{
	const struct node_row *row = row_of(w, run, id);
	struct value v = VALUE_NULL_INIT;
	if (row && row->detail.n)
		json_parse(&w->arena, row->detail, JSON_DEFAULT, &v, NULL);
	struct str child = value_text(value_getz(&v, "childRunId"));
	return arena_dup(&w->arena, child.p ? child.p : "", child.n);
}

static size_t n_runs(struct world *w, const char *caller)
{
	struct store_reader *r;
	struct run_row *rows;
	size_t n;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->run_list(r, &w->arena,
				&(struct run_filter){.project = STR("default"),
						     .caller_run_id = str_of(caller)},
				&(struct store_page){.limit = 1000}, &rows, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

static const char *status_of(struct world *w, const char *run)
{
	return run_status_name(world_run(w, run).run.status);
}

/* ---- the main path ---- */

static void delete_workflow(struct world *w, struct str id)
{
	engine_workflow_delete(w->engine,
			       &(struct workflow_removal){.project = STR("default"), .id = id},
			       world_reply, w);
}

TEST(a_node_runs_another_workflow_and_gets_its_output)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *run = world_trigger(&w, "outer", NULL);
	CHECK_Z(world_node(&w, run, "call"), "RUNNING");
	CHECK_Z(status_of(&w, run), "RUNNING");
	const char *child = child_of(&w, run, "call");
	CHECK_INT(n_runs(&w, run), 1);
	struct run_row row = world_run(&w, child).run;
	CHECK_STR(row.workflow_name, STR("inner"));
	CHECK_INT(row.workflow_version, 1);
	CHECK_STR(row.caller_run_id, str_of(run));
	CHECK_STR(row.caller_node, STR("call"));
	CHECK_INT(row.depth, 1);
	CHECK_STR(row.context, STR("{\"n\":7}"));
	CHECK_STR(row.trigger,
		  str_of(arena_printf(&w.arena,
				      "{\"type\":\"workflow\",\"runId\":\"%s\",\"nodeId\":"
				      "\"call\"}",
				      run)));
	world_succeed(&w, "work", "{'x':'here'}");
	CHECK_Z(status_of(&w, child), "SUCCESS");
	CHECK_STR(world_run(&w, child).run.output, STR("{\"got\":\"here\",\"n\":7}"));
	CHECK_Z(world_node(&w, run, "call"), "SUCCESS");
	CHECK_STR(world_output(&w, run, "call"), STR("{\"got\":\"here\",\"n\":7}"));
	CHECK_Z(child_of(&w, run, "call"), child);
	CHECK_INT(row_of(&w, run, "call")->attempt, 1);
	CHECK_Z(world_live(&w, "after")->input, "{\"v\":\"here\"}");
	world_succeed(&w, "after", "{}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
	CHECK_Z(world_events(&w, run), "run.started node.started:call node.finished:call "
				       "node.started:after node.finished:after run.finished");
	CHECK_STR(world_run(&w, run).run.output, STR(""));
}

TEST(the_start_and_the_end_of_a_child_are_one_transaction_each_with_its_caller)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	struct mem_store_stats before, after;
	open_with(&w, inner, outer);
	mem_store_stats(w.store, &before);
	world_trigger(&w, "outer", NULL);
	mem_store_stats(w.store, &after);
	CHECK_INT(after.n_committed - before.n_committed, 1);
	world_succeed(&w, "work", "{'x':1}");
	mem_store_stats(w.store, &before);
	CHECK_INT(before.n_committed - after.n_committed, 1);
}

TEST(a_workflow_without_output_gives_the_outputs_of_its_nodes)
{
	struct world w CLEANUP_WORLD;
	open_with(&w,
		  "{'name':'inner','nodes':[" RULE("a", "") "," RULE(
			  "b", ",'dependsOn':['a']") "," RULE("no", ",'when':'{{ false }}'") "]}",
		  "{'name':'outer','nodes':[" CALL("call", "inner", "") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_succeed(&w, "a", "{'n':1}");
	world_crash(&w); /* what is kept comes from the rows, too */
	world_settle(&w);
	world_succeed(&w, "b", "{'n':2}");
	CHECK_STR(world_output(&w, run, "call"),
		  STR("{\"nodes\":{\"a\":{\"n\":1},\"b\":{\"n\":2}}}"));
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(the_newest_version_is_called_and_pinned)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *first = world_trigger(&w, "outer", NULL);
	save(&w, "{'name':'inner','nodes':[" RULE("other", "") "],'output':{'got':2}}");
	const char *second = world_trigger(&w, "outer", NULL);
	CHECK_INT(world_run(&w, child_of(&w, first, "call")).run.workflow_version, 1);
	CHECK_INT(world_run(&w, child_of(&w, second, "call")).run.workflow_version, 2);
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "work", "{'x':1}");
	world_succeed(&w, "other", "{}");
	CHECK_STR(world_output(&w, first, "call"), STR("{\"got\":1,\"n\":7}"));
	CHECK_STR(world_output(&w, second, "call"), STR("{\"got\":2}"));
}

/* ---- what can't be started ---- */

TEST(a_context_that_breaks_the_schema_fails_the_node_with_its_place)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL("call", "inner",
						   ",'retry':{'maxAttempts':3},"
						   "'inputs':{'n':'{{ context.n }}'}") "]}");
	const char *run = world_trigger(&w, "outer", "{'n':'seven'}");
	CHECK_Z(world_node(&w, run, "call"), "FAILED");
	CHECK_STR(
		world_node_error(&w, run, "call"),
		STR("{\"code\":\"invalid_input\",\"message\":\"inputs.n: must be an integer, is a "
		    "string\"}"));
	CHECK_INT(n_runs(&w, run), 0);
	CHECK_Z(status_of(&w, run), "FAILED");
	run = world_trigger(&w, "outer", "{}");
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"template_error\"")));
}

TEST(a_workflow_that_is_gone_or_archived_fails_the_node)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, "{'name':'inner','nodes':[" RULE("a", "") "]}",
		  "{'name':'outer','nodes':[" RULE("first", "") "," CALL(
			  "call", "inner", ",'dependsOn':['first']") "]}");
	const char *one = world_trigger(&w, "outer", NULL), *two;
	save(&w, "{'name':'inner','status':'ARCHIVED','nodes':[" RULE("a", "") "]}");
	world_succeed(&w, "first", "{}");
	CHECK_STR(world_node_error(&w, one, "call"),
		  STR("{\"code\":\"workflow_archived\",\"message\":\"workflow \\\"inner\\\" is "
		      "ARCHIVED; set its status to ACTIVE\"}"));
	two = world_trigger(&w, "outer", NULL);
	save(&w, "{'name':'outer','nodes':[" RULE("first", "") "]}");
	delete_workflow(&w, world_run(&w, one).run.workflow_id);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT); /* it has an open run */
	world_save(&w, "{'name':'inner','nodes':[" RULE("b", "") "]}");
	struct str id = str_of(arena_dupz(&w.arena, w.id));
	delete_workflow(&w, id);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_succeed(&w, "first", "{}");
	CHECK_STR(world_node_error(&w, two, "call"),
		  STR("{\"code\":\"workflow_missing\",\"message\":\"there is no workflow "
		      "\\\"inner\\\"\"}"));
}

TEST(a_workflow_that_another_calls_is_neither_deleted_nor_renamed)
{
	struct world w CLEANUP_WORLD;
	struct arena a CLEANUP_ARENA = {0};
	open_with(&w, inner, outer);
	world_save(&w, inner);
	struct str id = str_of(arena_dupz(&w.arena, w.id));
	delete_workflow(&w, id);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, ": workflow \"outer\" calls workflow \"inner\"; change or delete it "
			    "first\n");
	struct value doc = world_json(&a, "{'name':'renamed','nodes':[" RULE("a", "") "]}");
	engine_workflow_save(w.engine, &(struct workflow_save){.id = id, .doc = &doc}, world_reply,
			     &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(w.findings, "name: cannot change: workflow \"outer\" calls workflow \"inner\"\n");
}

TEST(the_depth_of_calls_has_an_end)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	save(&w, "{'name':'again','nodes':[" CALL("me", "again", ",'when':'{{ true }}'") "]}");
	const char *run = world_trigger(&w, "again", NULL);
	CHECK_Z(status_of(&w, run), "FAILED");
	const char *at = run;
	for (int i = 0; i < LIMIT_RUN_DEPTH; i++) {
		CHECK_Z(world_node(&w, at, "me"), "FAILED");
		at = child_of(&w, at, "me");
		CHECK_INT(world_run(&w, at).run.depth, i + 1);
		CHECK_Z(status_of(&w, at), "FAILED");
	}
	CHECK_Z(child_of(&w, at, "me"), "");
	CHECK(str_starts(world_node_error(&w, at, "me"), STR("{\"code\":\"too_deep\"")));
	CHECK(str_starts(world_node_error(&w, run, "me"), STR("{\"code\":\"child_failed\"")));
}

TEST(what_is_called_below_one_run_has_a_bound)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	CLEANUP_BUF struct buf text = {0};
	open_with(&w, "{'name':'wide','nodes':[{'id':'s','sleep':'1h'}]}",
		  "{'name':'unused','nodes':[{'id':'s','sleep':'1h'}]}");
	buf_puts(&text, "{'name':'many','nodes':[");
	for (int i = 0; i <= LIMIT_RUN_TREE; i++)
		buf_printf(&text, "%s" CALL("c%d", "wide", ",'continueOnError':true"), i ? "," : "",
			   i);
	buf_puts(&text, "]}");
	save(&w, text.p);
	const char *run = world_trigger(&w, "many", NULL);
	char *last = arena_printf(&w.arena, "c%d", LIMIT_RUN_TREE);
	CHECK_Z(world_node(&w, run, "c0"), "RUNNING");
	CHECK(str_starts(world_node_error(&w, run, last), STR("{\"code\":\"too_many_runs\"")));
	world_cancel(&w, run);
	CHECK_Z(status_of(&w, run), "CANCELLED");
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_open_runs, 0);
}

TEST(a_long_row_of_children_that_end_at_once_needs_no_stack)
{
	NEEDS_MEM_STORE();
	enum { N = 5000 };
	struct world w CLEANUP_WORLD;
	CLEANUP_BUF struct buf text = {0};
	open_with(&w, "{'name':'quick','nodes':[" RULE("a", ",'when':'{{ false }}'") "]}",
		  "{'name':'unused','nodes':[{'id':'s','sleep':'1h'}]}");
	buf_puts(&text, "{'name':'row','nodes':[" CALL("c0", "quick", ""));
	for (int i = 1; i < N; i++)
		buf_printf(&text, "," CALL("c%d", "quick", ",'dependsOn':['c%d']"), i, i - 1);
	buf_puts(&text, "]}");
	save(&w, text.p);
	const char *run = world_trigger(&w, "row", NULL);
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(callees_are_admitted_when_callers_fill_all_places)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	w.config.max_open_runs = 2;
	world_crash(&w);
	const char *one = world_trigger(&w, "outer", NULL);
	world_trigger(&w, "outer", NULL);
	CHECK_INT(w.outcome, ENGINE_BUSY); /* a run and what it called */
	world_succeed(&w, "work", "{'x':1}");
	world_succeed(&w, "after", "{}");
	CHECK_Z(status_of(&w, one), "SUCCESS");
	w.config.max_open_runs = 1;
	world_crash(&w);
	one = world_trigger(&w, "outer", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(n_runs(&w, one), 1);
}

/* ---- failure ---- */

TEST(a_failed_child_fails_the_node_and_a_retry_is_a_new_child)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL(
			  "call", "inner",
			  ",'inputs':{'n':1},'retry':{'maxAttempts':2,'initialInterval':'10s',"
			  "'jitter':0}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *first = child_of(&w, run, "call");
	world_fail(&w, "work", "exit_3");
	CHECK_Z(status_of(&w, first), "FAILED");
	CHECK_Z(world_node(&w, run, "call"), "QUEUED");
	CHECK_Z(child_of(&w, run, "call"), first);
	CHECK_INT(n_runs(&w, run), 1);
	world_pass(&w, 10000);
	const char *second = child_of(&w, run, "call");
	CHECK(strcmp(first, second) != 0);
	CHECK_Z(world_node(&w, run, "call"), "RUNNING");
	world_fail(&w, "work", "exit_4");
	CHECK_Z(world_node(&w, run, "call"), "FAILED");
	CHECK_STR(world_node_error(&w, run, "call"),
		  str_of(arena_printf(&w.arena,
				      "{\"code\":\"child_failed\",\"message\":\"run %s of workflow "
				      "\\\"inner\\\" ended FAILED: node \\\"work\\\" failed: it "
				      "went wrong\"}",
				      second)));
	CHECK_INT(row_of(&w, run, "call")->attempt, 2);
	CHECK_Z(status_of(&w, run), "FAILED");
	CHECK_Z(world_events(&w, run),
		"run.started node.started:call node.retrying:call node.started:call "
		"node.finished:call run.finished");
}

TEST(the_retry_of_a_child_is_made_in_its_time_over_restarts)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL(
			  "call", "inner",
			  ",'inputs':{'n':1},'retry':{'maxAttempts':3,'initialInterval':'10s',"
			  "'backoffCoefficient':1,'jitter':0}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_crash(&w);
	world_settle(&w);
	world_fail(&w, "work", "exit_3");
	world_pass(&w, 4000);
	world_crash(&w);
	CHECK_Z(world_node(&w, run, "call"), "QUEUED");
	world_pass(&w, 5999);
	CHECK_INT(n_runs(&w, run), 1);
	world_pass(&w, 1);
	CHECK_INT(n_runs(&w, run), 2);
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(n_runs(&w, run), 2);
	world_fail(&w, "work", "exit_3");
	world_pass(&w, 3000);
	w.clock.wall_ms += 60000; /* while it is down */
	world_crash(&w);
	world_pass(&w, 0);
	CHECK_INT(n_runs(&w, run), 3);
	world_fail(&w, "work", "exit_3");
	CHECK_Z(status_of(&w, run), "FAILED");
	CHECK_INT(n_runs(&w, run), 3);
}

TEST(a_failure_path_handles_a_failed_child)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL("call", "inner", ",'inputs':{'n':1}") "," RULE(
			  "rescue", ",'dependsOn':['call'],'runOn':'failure',"
				    "'inputs':{'why':'{{ nodes.call.error.code }}'}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_fail(&w, "work", "exit_3");
	CHECK_Z(world_live(&w, "rescue")->input, "{\"why\":\"child_failed\"}");
	world_succeed(&w, "rescue", "{}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(a_child_that_somebody_cancels_fails_the_node_once)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL(
			  "call", "inner", ",'inputs':{'n':1},'retry':{'maxAttempts':3}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	world_cancel(&w, child);
	CHECK_Z(world_node(&w, run, "call"), "RUNNING"); /* its attempt was asked to stop */
	world_succeed(&w, "work", "{}");
	CHECK_Z(status_of(&w, child), "CANCELLED");
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"child_cancelled\"")));
	CHECK_Z(status_of(&w, run), "FAILED");
	CHECK_INT(n_runs(&w, run), 1);
}

TEST(a_child_that_takes_too_long_by_its_own_time_out_has_failed)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, "{'name':'inner','timeout':'1m','nodes':[{'id':'s','sleep':'2m'}]}",
		  "{'name':'outer','nodes':[" CALL("call", "inner", "") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_pass(&w, 60000);
	CHECK_Z(status_of(&w, child_of(&w, run, "call")), "TIMED_OUT");
	CHECK_Z(world_node(&w, run, "call"), "FAILED");
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"child_failed\"")));
}

/* ---- stopping ---- */

TEST(the_cancel_of_a_run_stops_what_it_called_and_waits_for_it)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	save(&w, "{'name':'top','nodes':[" CALL("down", "outer", "") "]}");
	const char *run = world_trigger(&w, "top", NULL);
	const char *middle = child_of(&w, run, "down"), *child = child_of(&w, middle, "call");
	world_cancel(&w, run);
	CHECK(world_live(&w, "work")->stop_asked);
	CHECK_Z(status_of(&w, run), "RUNNING");
	CHECK_Z(status_of(&w, middle), "RUNNING");
	world_succeed(&w, "work", "{}");
	CHECK_Z(status_of(&w, child), "CANCELLED");
	CHECK_Z(status_of(&w, middle), "CANCELLED");
	CHECK_Z(status_of(&w, run), "CANCELLED");
	CHECK_Z(world_node(&w, run, "down"), "CANCELLED");
	CHECK_Z(world_node(&w, middle, "after"), "CANCELLED");
}

TEST(a_stop_of_caller_and_callee_goes_on_after_a_crash)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	world_cancel(&w, run);
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(status_of(&w, child), "CANCELLED");
	CHECK_Z(status_of(&w, run), "CANCELLED");
	CHECK_Z(world_node(&w, run, "call"), "CANCELLED");
}

TEST(the_time_out_of_a_run_stops_what_it_called)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, "{'name':'inner','nodes':[{'id':'s','sleep':'2m'}]}",
		  "{'name':'outer','timeout':'1m','nodes':[" CALL("call", "inner", "") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	world_pass(&w, 60000);
	CHECK_Z(status_of(&w, run), "TIMED_OUT");
	CHECK_Z(world_node(&w, run, "call"), "TIMED_OUT");
	CHECK_Z(status_of(&w, child), "TIMED_OUT");
	CHECK(str_starts(world_run(&w, child).run.error,
			 STR("{\"code\":\"run_timeout\",\"message\":\"run ")));
}

TEST(the_time_out_of_a_run_ends_what_it_called_and_has_not_begun)
{
	struct world w CLEANUP_WORLD;
	open_with(&w,
		  "{'name':'inner','concurrency':{'limit':1},'nodes':[{'id':'s','sleep':'2m'}]}",
		  "{'name':'outer','timeout':'1m','nodes':[" CALL("call", "inner", "") "]}");
	world_trigger(&w, "inner", NULL); /* it holds the place */
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	CHECK_Z(status_of(&w, child), "PENDING");
	world_pass(&w, 60000);
	CHECK_Z(status_of(&w, child), "TIMED_OUT");
	CHECK_Z(status_of(&w, run), "TIMED_OUT");
}

TEST(the_time_out_of_the_node_stops_the_child_also_over_restarts)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL(
			  "call", "inner",
			  ",'inputs':{'n':1},'timeout':'1m','retry':{'maxAttempts':2,"
			  "'initialInterval':'5s','jitter':0}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *first = child_of(&w, run, "call");
	world_pass(&w, 20000);
	world_crash(&w);
	world_pass(&w, 39999);
	CHECK(!world_live(&w, "work")->stop_asked);
	world_pass(&w, 1);
	CHECK(world_live(&w, "work")->stop_asked);
	CHECK_INT(world_run(&w, first).run.stopping, STOP_TIMEOUT);
	CHECK_Z(world_node(&w, run, "call"), "RUNNING");
	world_crash(&w); /* who stopped it is not forgotten */
	world_settle(&w);
	CHECK_Z(status_of(&w, first), "TIMED_OUT");
	CHECK_Z(world_node(&w, run, "call"), "QUEUED");
	world_pass(&w, 5000);
	const char *second = child_of(&w, run, "call");
	CHECK(strcmp(first, second) != 0);
	world_pass(&w, 60000);
	world_succeed(&w, "work", "{}");
	CHECK_Z(world_node(&w, run, "call"), "TIMED_OUT");
	CHECK_STR(world_node_error(&w, run, "call"),
		  str_of(arena_printf(&w.arena,
				      "{\"code\":\"timeout\",\"message\":\"run %s of workflow "
				      "\\\"inner\\\" took longer than the node's timeout\"}",
				      second)));
	CHECK_Z(status_of(&w, run), "FAILED");
}

TEST(a_cancel_ends_a_child_that_waits_for_its_retry)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL(
			  "call", "inner", ",'inputs':{'n':1},'retry':{'maxAttempts':2}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_fail(&w, "work", "exit_3");
	CHECK_Z(world_node(&w, run, "call"), "QUEUED");
	world_crash(&w);
	world_cancel(&w, run);
	CHECK_Z(status_of(&w, run), "CANCELLED");
	CHECK_Z(world_node(&w, run, "call"), "CANCELLED");
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w, run), 1);
}

/* Both orders, in one turn: nothing is flushed in between. */
TEST(a_cancel_and_the_end_of_the_child_in_one_turn_give_one_end)
{
	for (int cancel_first = 0; cancel_first < 2; cancel_first++) {
		struct world w CLEANUP_WORLD;
		open_with(&w, inner, outer);
		const char *run = world_trigger(&w, "outer", NULL);
		const char *child = child_of(&w, run, "call");
		struct attempt_id id = world_live(&w, "work")->id;
		struct attempt_result good = {.output = STR("{\"x\":1}")};
		struct run_control cancel = {.project = STR("default"), .run_id = str_of(run)};
		if (cancel_first) {
			engine_run_cancel(w.engine, &cancel, world_reply, &w);
			engine_attempt_done(w.engine, &id, &good);
		} else {
			engine_attempt_done(w.engine, &id, &good);
			engine_run_cancel(w.engine, &cancel, world_reply, &w);
		}
		CHECK_INT(engine_check(w.engine), 0);
		world_settle(&w);
		CHECK_Z(status_of(&w, run), "CANCELLED");
		CHECK_Z(status_of(&w, child), cancel_first ? "CANCELLED" : "SUCCESS");
		CHECK_Z(world_node(&w, run, "call"), cancel_first ? "CANCELLED" : "SUCCESS");
		CHECK_INT(n_runs(&w, run), 1);
	}
}

/* ---- restarts ---- */

static void written(struct txn *txn, int r)
{
	ASSERT(r == 0);
	txn_free(txn);
}

/* Puts a row in the store that makes no sense. */
static void damage(struct world *w, const char *run)
{
	struct txn *txn = txn_new();
	txn_add(txn, TXN_NODE_PUT)->node = (struct node_row){.run_id = str_of(run),
							     .node_id = STR("no such node"),
							     .index = 0,
							     .status = NODE_SUCCESS};
	txn->done = written;
	w->store->ops->submit(w->store, txn);
	while (mem_store_run(w->store) > 0)
		;
}

/* A run whose row makes no sense ends; what hangs on it must not wait for ever. */
TEST(a_child_that_can_t_be_read_fails_the_node)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	damage(&w, child);
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(status_of(&w, child), "FAILED");
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"child_failed\"")));
	CHECK_Z(status_of(&w, run), "FAILED");
}

TEST(a_child_whose_caller_can_t_be_read_is_cancelled)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	damage(&w, run);
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(status_of(&w, run), "FAILED");
	CHECK_Z(status_of(&w, child), "CANCELLED");
}

/* ---- retry of the caller ---- */

TEST(a_retry_runs_a_failed_child_anew_and_keeps_a_good_one)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL("good", "inner", ",'inputs':{'n':1}") "," CALL(
			  "bad", "inner", ",'dependsOn':['good'],'inputs':{'n':2}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_succeed(&w, "work", "{'x':1}");
	world_fail(&w, "work", "exit_3");
	CHECK_Z(status_of(&w, run), "FAILED");
	const char *good = child_of(&w, run, "good"), *bad = child_of(&w, run, "bad");
	world_retry(&w, run, "failed");
	const char *again = arena_dupz(&w.arena, w.id);
	CHECK_Z(child_of(&w, again, "good"), good);
	CHECK(strcmp(child_of(&w, again, "bad"), bad) != 0);
	CHECK_INT(n_runs(&w, again), 1);
	world_succeed(&w, "work", "{'x':1}");
	CHECK_Z(status_of(&w, again), "SUCCESS");
	world_retry(&w, bad, "failed"); /* of the child by itself: nobody waits for it */
	const char *alone = arena_dupz(&w.arena, w.id);
	CHECK_STR(world_run(&w, alone).run.caller_run_id, STR(""));
	world_succeed(&w, "work", "{'x':1}");
	CHECK_Z(status_of(&w, alone), "SUCCESS");
	CHECK_Z(status_of(&w, run), "FAILED");
}

/* ---- people ---- */

static void decide(struct world *w, const char *run, enum approval_status decision)
{
	struct run_detail d = world_run(w, run);
	ASSERT(d.n_approvals > 0);
	engine_approval_decide(w->engine,
			       &(struct approval_decision){.project = STR("default"),
							   .id = d.approvals[0].id,
							   .decision = decision,
							   .responded_by = STR("ann")},
			       world_reply, w);
	world_settle(w);
}

TEST(a_run_waits_for_people_while_all_it_does_is_to_wait_for_a_child_that_does)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, "{'name':'inner','nodes':[" RULE("ask", ",'approvalRequired':true") "]}",
		  "{'name':'outer','nodes':[" CALL("call", "inner", "") "," RULE("busy", "") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	CHECK_Z(status_of(&w, child), "WAITING_APPROVAL");
	CHECK_Z(status_of(&w, run), "RUNNING");
	world_succeed(&w, "busy", "{}");
	CHECK_Z(status_of(&w, run), "WAITING_APPROVAL");
	CHECK_Z(world_node(&w, run, "call"), "RUNNING");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(status_of(&w, run), "WAITING_APPROVAL");
	decide(&w, child, APPROVAL_APPROVED);
	CHECK_Z(status_of(&w, child), "RUNNING");
	CHECK_Z(status_of(&w, run), "RUNNING");
	world_succeed(&w, "ask", "{}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(waiting_for_people_counts_in_no_time_out)
{
	struct world w CLEANUP_WORLD;
	open_with(&w,
		  "{'name':'inner','timeout':'1m','nodes':[" RULE(
			  "ask", ",'approval':{'timeout':'10h'}") "]}",
		  "{'name':'outer','timeout':'1m','nodes':[" CALL("call", "inner",
								  ",'timeout':'1m'") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	world_pass(&w, 3600000);
	world_crash(&w);
	world_pass(&w, 3600000);
	CHECK_Z(status_of(&w, run), "WAITING_APPROVAL");
	decide(&w, child, APPROVAL_APPROVED);
	CHECK_INT(world_run(&w, run).run.waited_ms, 7200000);
	CHECK_INT(world_run(&w, child).run.waited_ms, 7200000);
	CHECK_INT(world_run(&w, run).run.waiting_since_ms, 0);
	world_pass(&w, 30000);
	world_crash(&w);
	world_pass(&w, 29999);
	CHECK_INT(world_run(&w, child).run.stopping, STOP_NONE);
	world_pass(&w, 1);
	CHECK_INT(world_run(&w, child).run.stopping, STOP_TIMEOUT);
	CHECK_INT(world_run(&w, run).run.stopping, STOP_TIMEOUT);
}

TEST(a_cancel_reaches_a_child_that_waits_for_people)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, "{'name':'inner','nodes':[" RULE("ask", ",'approvalRequired':true") "]}",
		  "{'name':'outer','nodes':[" CALL("call", "inner", "") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	world_cancel(&w, run);
	CHECK_Z(status_of(&w, run), "CANCELLED");
	CHECK_Z(status_of(&w, child), "CANCELLED");
	CHECK_INT(world_run(&w, child).approvals[0].status, APPROVAL_EXPIRED);
}

static const char gated[] = "{'name':'outer','nodes':[" CALL(
	"call", "inner", ",'inputs':{'n':3},'approval':{'timeout':'1h'}") "]}";

TEST(a_call_waits_for_approval_of_workflow_version_and_inputs)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, gated);
	const char *run = world_trigger(&w, "outer", NULL);
	CHECK_Z(world_node(&w, run, "call"), "WAITING_APPROVAL");
	CHECK_INT(n_runs(&w, run), 0);
	struct approval_row row = world_run(&w, run).approvals[0];
	CHECK_STR(row.inputs, STR("{\"n\":3}"));
	struct value subject;
	ASSERT(json_parse(&w.arena, row.subject, JSON_DEFAULT, &subject, NULL) == 0);
	const struct value *called = value_getz(&subject, "subWorkflow");
	CHECK_STR(value_text(value_getz(called, "name")), STR("inner"));
	CHECK_INT(value_getz(called, "version")->i, 1);
	world_crash(&w);
	world_settle(&w);
	decide(&w, run, APPROVAL_APPROVED);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(world_node(&w, run, "call"), "RUNNING");
	world_crash(&w); /* approved and running */
	world_settle(&w);
	world_succeed(&w, "work", "{'x':1}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(an_approval_of_a_call_is_void_when_the_workflow_was_saved_anew)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, gated);
	const char *run = world_trigger(&w, "outer", NULL);
	save(&w, "{'name':'inner','nodes':[" RULE("other", "") "]}");
	decide(&w, run, APPROVAL_APPROVED);
	CHECK_Z(world_node(&w, run, "call"), "FAILED");
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"approval_void\"")));
	CHECK_INT(n_runs(&w, run), 0);
	run = world_trigger(&w, "outer", NULL);
	decide(&w, run, APPROVAL_REJECTED);
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"rejected\"")));
	CHECK_INT(n_runs(&w, run), 0);
}

/* ---- pausing ---- */

static void control(struct world *w, const char *run, bool paused)
{
	struct run_control x = {.project = STR("default"), .run_id = str_of(run), .by = STR("ann")};
	if (paused)
		engine_run_pause(w->engine, &x, world_reply, w);
	else
		engine_run_resume(w->engine, &x, world_reply, w);
	world_settle(w);
	ASSERT(w->outcome == ENGINE_OK);
}

static bool paused(struct world *w, const char *run)
{
	struct str text = world_run(w, run).run.pause;
	return memmem(text.p ? text.p : "", text.n, "\"by\"", 4) != NULL;
}

TEST(a_pause_holds_what_was_called_and_its_time_out_also_over_a_restart)
{
	struct world w CLEANUP_WORLD;
	open_with(
		&w,
		"{'name':'inner','nodes':[" RULE("a", "") "," RULE("b", ",'dependsOn':['a']") "]}",
		"{'name':'outer','nodes':[" CALL("call", "inner", ",'timeout':'1m'") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	world_pass(&w, 20000);
	control(&w, run, true);
	CHECK(paused(&w, child));
	world_succeed(&w, "a", "{}");
	CHECK(!world_live(&w, "b"));
	world_pass(&w, 100000);
	world_crash(&w);
	world_pass(&w, 100000);
	CHECK_Z(status_of(&w, child), "RUNNING");
	CHECK(!world_live(&w, "b"));
	control(&w, run, false);
	CHECK(!paused(&w, child));
	world_pass(&w, 39999);
	CHECK(!world_live(&w, "b")->stop_asked);
	world_crash(&w); /* the time-out is counted from the end of the pause */
	world_settle(&w);
	world_pass(&w, 1);
	CHECK_INT(world_run(&w, child).run.stopping, STOP_TIMEOUT);
}

TEST(no_child_starts_while_its_caller_is_paused)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner,
		  "{'name':'outer','nodes':[" CALL(
			  "call", "inner",
			  ",'inputs':{'n':1},'retry':{'maxAttempts':2,'initialInterval':'5s',"
			  "'jitter':0}") "]}");
	const char *run = world_trigger(&w, "outer", NULL);
	world_fail(&w, "work", "exit_1");
	control(&w, run, true);
	world_pass(&w, 10000);
	CHECK_Z(world_node(&w, run, "call"), "QUEUED");
	world_crash(&w);
	world_pass(&w, 10000);
	CHECK_INT(n_runs(&w, run), 1);
	control(&w, run, false);
	CHECK_INT(n_runs(&w, run), 2);
	world_succeed(&w, "work", "{'x':1}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(a_call_that_is_approved_in_a_pause_starts_after_it)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, gated);
	const char *run = world_trigger(&w, "outer", NULL);
	control(&w, run, true);
	decide(&w, run, APPROVAL_APPROVED);
	CHECK_Z(world_node(&w, run, "call"), "QUEUED");
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(n_runs(&w, run), 0);
	control(&w, run, false);
	CHECK_INT(n_runs(&w, run), 1);
	world_succeed(&w, "work", "{'x':1}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

TEST(a_child_of_a_paused_workflow_waits_for_its_resumption)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	struct workflow_control x = {.project = STR("default"), .workflow = STR("inner")};
	engine_workflow_pause(w.engine, &x, world_reply, &w);
	const char *run = world_trigger(&w, "outer", NULL);
	const char *child = child_of(&w, run, "call");
	CHECK(paused(&w, child) && !world_live(&w, "work"));
	world_crash(&w);
	world_settle(&w);
	engine_workflow_resume(w.engine, &x, world_reply, &w);
	world_settle(&w);
	world_succeed(&w, "work", "{'x':1}");
	world_succeed(&w, "after", "{}");
	CHECK_Z(status_of(&w, run), "SUCCESS");
}

/* ---- output ---- */

TEST(any_run_gives_the_value_of_its_output)
{
	struct world w CLEANUP_WORLD;
	open_with(
		&w,
		"{'name':'x','nodes':[" RULE("a", "") "," RULE(
			"b", ",'when':'{{ false }}'") "],"
						      "'output':{'a':'{{ nodes.a.output.n }}','b':"
						      "'{{ nodes.b.status }}','c':'{{ context.c }}"
						      " {{ run.id == context.c }}','w':'{{ "
						      "workflow.name }}'}}",
		"{'name':'all','nodes':[" RULE("a", "") "],'output':'{{ nodes }}'}");
	const char *run = world_trigger(&w, "x", "{'c':'c'}");
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "a", "{'n':[1]}");
	CHECK_STR(world_run(&w, run).run.output,
		  STR("{\"a\":[1],\"b\":\"SKIPPED\",\"c\":\"c false\",\"w\":\"x\"}"));
	run = world_trigger(&w, "all", NULL);
	world_succeed(&w, "a", "{'n':2}");
	CHECK_STR(world_run(&w, run).run.output,
		  STR("{\"a\":{\"status\":\"SUCCESS\",\"output\":{\"n\":2},\"error\":null}}"));
}

TEST(an_output_that_can_t_be_resolved_fails_the_run_with_its_place)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *run = world_trigger(&w, "outer", NULL);
	world_succeed(&w, "work", "{}");
	const char *child = child_of(&w, run, "call");
	CHECK_Z(status_of(&w, child), "FAILED");
	struct value error;
	ASSERT(json_parse(&w.arena, world_run(&w, child).run.error, JSON_DEFAULT, &error, NULL) ==
	       0);
	CHECK_STR(value_text(value_getz(&error, "code")), STR("template_error"));
	CHECK(str_starts(value_text(value_getz(&error, "message")), STR("output.got: ")));
	CHECK(str_starts(world_node_error(&w, run, "call"), STR("{\"code\":\"child_failed\"")));
}

TEST(a_run_that_failed_has_no_output)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	const char *run = world_trigger(&w, "inner", "{'n':1}");
	world_fail(&w, "work", "exit_1");
	CHECK_Z(status_of(&w, run), "FAILED");
	CHECK_STR(world_run(&w, run).run.output, STR(""));
}

/* ---- saving ---- */

static const char *findings(struct world *w, const char *definition)
{
	world_check(w, definition);
	return w->findings;
}

TEST(what_can_t_be_called_is_found_when_it_is_saved)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, "{'name':'old','status':'ARCHIVED','nodes':[" RULE("a", "") "]}");
	save(&w, "{'name':'draft','status':'DRAFT','nodes':[" RULE("a", "") "]}");
	CHECK_Z(findings(&w, "{'name':'x','nodes':[" CALL("a", "iner", "") "]}"),
		"nodes[0].workflow: there is no workflow \"iner\" in project \"default\"; did you "
		"mean \"inner\"?\n");
	CHECK_Z(findings(&w, "{'name':'x','nodes':[" CALL("a", "nothing-like-it", "") "]}"),
		"nodes[0].workflow: there is no workflow \"nothing-like-it\" in project "
		"\"default\"; save it first\n");
	CHECK_Z(findings(&w, "{'name':'x','nodes':[" CALL("a", "old", "") "]}"),
		"nodes[0].workflow: workflow \"old\" is ARCHIVED and can't be run; set its status "
		"to ACTIVE\n");
	CHECK_Z(findings(&w, "{'name':'x','nodes':[" CALL("a", "draft", "") "]}"),
		"nodes[0].workflow: workflow \"draft\" is a DRAFT; set its status to ACTIVE, or "
		"make this one a DRAFT too\n");
	CHECK_Z(findings(&w, "{'name':'x','status':'DRAFT','nodes':[" CALL("a", "draft", "") "]}"),
		"");
	CHECK_Z(findings(&w, "{'name':'x','nodes':[" CALL("a", "x", "") "]}"),
		"nodes[0].workflow: is this workflow itself, without a condition: it would never "
		"end; give the node a when\n");
	CHECK_Z(findings(&w,
			 "{'name':'x','nodes':[" CALL("a", "inner", ",'inputs':{'n':'no'}") "]}"),
		"nodes[0].inputs.n: must be an integer, is a string\n");
	CHECK(strstr(findings(&w, "{'name':'x','nodes':[" CALL(
					  "a", "inner", ",'agent':'rule','inputs':{'n':1}") "]}"),
		     "nodes[0].agent: means nothing for a node with workflow") != NULL);
	CHECK(strstr(findings(&w, "{'name':'x','nodes':[" CALL(
					  "a", "inner", ",'sleep':'1s','inputs':{'n':1}") "]}"),
		     "nodes[0].workflow: means nothing for a node with sleep") != NULL);
}

TEST(an_output_is_judged_when_it_is_saved)
{
	struct world w CLEANUP_WORLD;
	open_with(&w, inner, outer);
	CHECK_Z(findings(&w, "{'name':'x','nodes':[" RULE(
				     "a", "") "],'output':{'v':['{{ nodes.b.output }}']}}"),
		"output.v[0]: there is no node \"b\"\n");
	CHECK(strstr(findings(&w, "{'name':'x','nodes':[" RULE("a", "") "],'output':'{{ item }}'}"),
		     "output: \"item\"") != NULL);
	CHECK(strstr(findings(&w, "{'name':'x','nodes':[" RULE("a", "") "],'output':'{{ 1 + }}'}"),
		     "output: ") != NULL);
	world_check(&w, "{'output':{'v':'{{ nodes.a.output }}'},'nodes':[{'id':'a','inputs':"
			"{'n':1},'workflow':'inner'}],'name':'x'}");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(w.json, "{\"name\":\"x\",\"project\":\"default\",\"status\":\"ACTIVE\","
			"\"nodes\":[{\"id\":\"a\",\"workflow\":\"inner\",\"inputs\":{\"n\":1}}],"
			"\"output\":{\"v\":\"{{ nodes.a.output }}\"}}");
}

TAP_MAIN(RUN(a_node_runs_another_workflow_and_gets_its_output),
	 RUN(the_start_and_the_end_of_a_child_are_one_transaction_each_with_its_caller),
	 RUN(a_workflow_without_output_gives_the_outputs_of_its_nodes),
	 RUN(the_newest_version_is_called_and_pinned),
	 RUN(the_time_out_of_a_run_ends_what_it_called_and_has_not_begun),
	 RUN(a_context_that_breaks_the_schema_fails_the_node_with_its_place),
	 RUN(a_workflow_that_is_gone_or_archived_fails_the_node),
	 RUN(a_workflow_that_another_calls_is_neither_deleted_nor_renamed),
	 RUN(the_depth_of_calls_has_an_end), RUN(what_is_called_below_one_run_has_a_bound),
	 RUN(a_long_row_of_children_that_end_at_once_needs_no_stack),
	 RUN(callees_are_admitted_when_callers_fill_all_places),
	 RUN(a_failed_child_fails_the_node_and_a_retry_is_a_new_child),
	 RUN(the_retry_of_a_child_is_made_in_its_time_over_restarts),
	 RUN(a_failure_path_handles_a_failed_child),
	 RUN(a_child_that_somebody_cancels_fails_the_node_once),
	 RUN(a_child_that_takes_too_long_by_its_own_time_out_has_failed),
	 RUN(the_cancel_of_a_run_stops_what_it_called_and_waits_for_it),
	 RUN(a_stop_of_caller_and_callee_goes_on_after_a_crash),
	 RUN(the_time_out_of_a_run_stops_what_it_called),
	 RUN(the_time_out_of_the_node_stops_the_child_also_over_restarts),
	 RUN(a_cancel_ends_a_child_that_waits_for_its_retry),
	 RUN(a_cancel_and_the_end_of_the_child_in_one_turn_give_one_end),
	 RUN(a_child_that_can_t_be_read_fails_the_node),
	 RUN(a_child_whose_caller_can_t_be_read_is_cancelled),
	 RUN(a_retry_runs_a_failed_child_anew_and_keeps_a_good_one),
	 RUN(a_run_waits_for_people_while_all_it_does_is_to_wait_for_a_child_that_does),
	 RUN(waiting_for_people_counts_in_no_time_out),
	 RUN(a_cancel_reaches_a_child_that_waits_for_people),
	 RUN(a_pause_holds_what_was_called_and_its_time_out_also_over_a_restart),
	 RUN(no_child_starts_while_its_caller_is_paused),
	 RUN(a_call_that_is_approved_in_a_pause_starts_after_it),
	 RUN(a_child_of_a_paused_workflow_waits_for_its_resumption),
	 RUN(a_call_waits_for_approval_of_workflow_version_and_inputs),
	 RUN(an_approval_of_a_call_is_void_when_the_workflow_was_saved_anew),
	 RUN(any_run_gives_the_value_of_its_output),
	 RUN(an_output_that_can_t_be_resolved_fails_the_run_with_its_place),
	 RUN(a_run_that_failed_has_no_output), RUN(what_can_t_be_called_is_found_when_it_is_saved),
	 RUN(an_output_is_judged_when_it_is_saved))
