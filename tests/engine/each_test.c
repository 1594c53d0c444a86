/* Nodes with forEach. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "base/limits.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char *begin_with(struct world *w, const char *definition, const char *context)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "x", context);
}

static const char *begin(struct world *w, const char *definition)
{
	return begin_with(w, definition, NULL);
}

/* The ids of what runs, joined by spaces. */
static const char *live(struct world *w)
{
	const char *text = "";
	for (const struct world_attempt *a = w->live; a; a = a->next)
		text = arena_printf(&w->arena, "%s%s%s", text, *text ? " " : "", a->node_id);
	return text;
}

static const char *status(struct world *w, const char *run)
{
	return run_status_name(world_run(w, run).run.status);
}

/* ---- the main path ---- */

static const char each[] = "{'name':'x','nodes':[" RULE("list", ",'inputs':{}") "," RULE(
	"scan", ",'dependsOn':['list'],'forEach':'{{ "
		"nodes.list.output.files }}',"
		"'inputs':{'file':'{{ item.name }}','n':'{{ index "
		"}}'}") "," RULE("sum", ",'dependsOn':['scan'],'inputs':{"
					"'all':'{{ nodes.scan.output "
					"}}'}") "]}";

TEST(a_node_runs_once_for_each_item_and_gives_the_outputs_in_order)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, each);
	world_succeed(&w, "list", "{'files':[{'name':'a.c'},{'name':'b.c'},{'name':'c.c'}]}");
	CHECK_Z(live(&w), "scan[0] scan[1] scan[2]");
	CHECK_Z(world_live(&w, "scan[1]")->input, "{\"file\":\"b.c\",\"n\":1}");
	CHECK_Z(world_live(&w, "scan[2]")->key, arena_printf(&w.arena, "%s:scan[2]", run));
	CHECK_Z(world_node(&w, run, "scan"), "RUNNING");
	world_succeed(&w, "scan[2]", "{'x':2}");
	world_succeed(&w, "scan[0]", "{'x':0}");
	CHECK_Z(world_node(&w, run, "scan"), "RUNNING");
	CHECK_Z(world_node(&w, run, "scan[0]"), "SUCCESS");
	CHECK_Z(world_node(&w, run, "scan[1]"), "PENDING");
	world_succeed(&w, "scan[1]", "7");
	CHECK_Z(world_node(&w, run, "scan"), "SUCCESS");
	CHECK_STR(world_output(&w, run, "scan"), STR("[{\"x\":0},7,{\"x\":2}]"));
	CHECK_STR(world_node_error(&w, run, "scan"), STR(""));
	CHECK_Z(world_live(&w, "sum")->input, "{\"all\":[{\"x\":0},7,{\"x\":2}]}");
	world_succeed(&w, "sum", "{}");
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_Z(world_events(&w, run),
		"run.started node.started:list node.finished:list node.expanded:scan "
		"node.started:scan[0] node.started:scan[1] node.started:scan[2] "
		"node.finished:scan[2] node.finished:scan[0] node.finished:scan[1] "
		"node.finished:scan node.started:sum node.finished:sum run.finished");
}

TEST(the_list_may_be_written_down_with_templates_in_it)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_with(
		&w,
		"{'name':'x','nodes':[" RULE("a", ",'forEach':[1,'{{ context.b }}',null],"
						  "'inputs':{'v':'{{ item }}'}") "]}",
		"{'b':{'c':2}}");
	CHECK_Z(world_live(&w, "a[1]")->input, "{\"v\":{\"c\":2}}");
	CHECK_Z(world_live(&w, "a[2]")->input, "{\"v\":null}");
	CHECK_Z(live(&w), "a[0] a[1] a[2]");
	CHECK_Z(world_node(&w, run, "a"), "RUNNING");
}

TEST(only_maxParallel_items_run_at_once_and_they_start_in_order)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':[0,1,2,3,4],"
								      "'maxParallel':2") "]}");
	CHECK_Z(live(&w), "a[0] a[1]");
	world_succeed(&w, "a[1]", "1");
	CHECK_Z(live(&w), "a[0] a[2]");
	world_succeed(&w, "a[0]", "0");
	world_succeed(&w, "a[2]", "2");
	CHECK_Z(live(&w), "a[3] a[4]");
	world_succeed(&w, "a[3]", "3");
	CHECK_Z(live(&w), "a[4]");
	world_succeed(&w, "a[4]", "4");
	CHECK_STR(world_output(&w, run, "a"), STR("[0,1,2,3,4]"));
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(without_maxParallel_100_items_run_at_once)
{
	struct world w CLEANUP_WORLD;
	CLEANUP_BUF struct buf context = {0};
	buf_puts(&context, "{'l':[0");
	for (int i = 1; i < 150; i++)
		buf_printf(&context, ",%d", i);
	buf_puts(&context, "]}");
	begin_with(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':'{{ context.l }}'") "]}",
		   context.p);
	CHECK_INT(w.n_started, 100);
	world_succeed(&w, "a[70]", "0");
	CHECK_INT(w.n_started, 101);
}

TEST(an_empty_list_is_a_success_with_an_empty_list)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':[]") "," RULE(
					    "b", ",'dependsOn':['a'],'inputs':{'l':'{{ "
						 "nodes.a.output }}'}") "]}");
	CHECK_Z(world_node(&w, run, "a"), "SUCCESS");
	CHECK_STR(world_output(&w, run, "a"), STR("[]"));
	CHECK_Z(world_live(&w, "b")->input, "{\"l\":[]}");
}

TEST(what_gives_no_list_fails_the_node_and_names_the_place)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_with(
		&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':'{{ context.l }}'") "]}",
		"{'l':{'a':1}}");
	CHECK_STR(world_node_error(&w, run, "a"),
		  STR("{\"code\":\"template_error\",\"message\":\"nodes[0].forEach: must give a "
		      "list, not object\"}"));
	CHECK_Z(status(&w, run), "FAILED");
	run = world_trigger(&w, "x", "{}");
	CHECK(str_starts(world_node_error(&w, run, "a"),
			 STR("{\"code\":\"template_error\",\"message\":\"nodes[0].forEach: ")));
	CHECK_INT(w.n_started, 0);
}

TEST(a_condition_is_asked_once_and_a_skipped_node_expands_not)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'x','nodes':[" RULE("a", ",'forEach':[1,2],'when':'{{ false }}'") "," RULE(
			"b", ",'dependsOn':['a']") "]}");
	CHECK_Z(world_node(&w, run, "a"), "SKIPPED");
	CHECK_Z(world_node(&w, run, "b"), "SKIPPED");
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_INT(world_run(&w, run).n_nodes, 2);
}

/* ---- failures ---- */

static const char four[] = "{'name':'x','nodes':[" RULE(
	"a", ",'forEach':[0,1,2,3],'maxParallel':2%s") "," RULE("fix", ",'dependsOn':['a'],"
								       "'runOn':'failure',"
								       "'inputs':{'e':'{{ "
								       "nodes.a.error }}'}") "]}";

TEST(the_first_failed_item_stops_those_that_run_and_skips_the_rest)
{
	struct world w CLEANUP_WORLD;
	struct arena a CLEANUP_ARENA = {0};
	const char *run = begin(&w, arena_printf(&a, four, ""));
	world_fail(&w, "a[1]", "exit_1");
	CHECK_Z(live(&w), "a[0]");
	CHECK(world_live(&w, "a[0]")->stop_asked);
	CHECK_Z(world_node(&w, run, "a"), "RUNNING");
	world_succeed(&w, "a[0]", "{}"); /* too late: no answer counts */
	CHECK_Z(world_node(&w, run, "a[0]"), "CANCELLED");
	CHECK_Z(world_node(&w, run, "a[2]"), "PENDING"); /* it has no row */
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
	CHECK_STR(world_node_error(&w, run, "a"),
		  STR("{\"code\":\"item_failed\",\"message\":\"1 of 4 items failed: a[1] (exit_1: "
		      "it went wrong)\",\"items\":[1]}"));
	CHECK_Z(live(&w), "fix");
	world_succeed(&w, "fix", "{}");
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_INT(w.n_started, 3);
}

TEST(with_continue_all_items_run_and_null_stands_for_what_failed)
{
	struct world w CLEANUP_WORLD;
	struct arena a CLEANUP_ARENA = {0};
	const char *run = begin(&w, arena_printf(&a, four, ",'onItemFailure':'continue'"));
	world_fail(&w, "a[1]", "exit_1");
	world_succeed(&w, "a[0]", "0");
	world_succeed(&w, "a[2]", "2");
	world_fail(&w, "a[3]", "timeout");
	CHECK_Z(world_node(&w, run, "a"), "SUCCESS");
	CHECK_STR(world_output(&w, run, "a"), STR("[0,null,2,null]"));
	CHECK_STR(world_node_error(&w, run, "a"),
		  STR("{\"code\":\"item_failed\",\"message\":\"2 of 4 items failed: a[1] (exit_1: "
		      "it went wrong), a[3] (timeout: it went wrong)\",\"items\":[1,3]}"));
	CHECK_Z(world_node(&w, run, "a[1]"), "FAILED");
	CHECK_Z(world_node(&w, run, "fix"), "SKIPPED");
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(an_item_is_tried_again_before_it_counts_as_failed)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':[0,1],'retry':{"
							    "'maxAttempts':2,'jitter':0}") "]}");
	world_fail(&w, "a[0]", "exit_1");
	CHECK_Z(live(&w), "a[1]");
	world_pass(&w, 1000);
	CHECK_Z(live(&w), "a[1] a[0]");
	world_succeed(&w, "a[0]", "0");
	world_succeed(&w, "a[1]", "1");
	CHECK_Z(world_attempts(&w, run, "a[0]"), "1 FAILED exit_1, 2 SUCCESS");
	CHECK_STR(world_output(&w, run, "a"), STR("[0,1]"));
}

TEST(an_item_that_waits_for_its_next_try_ends_when_another_fails)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':[0,1],'retry':{"
							    "'maxAttempts':2,'jitter':0}") "]}");
	world_fail(&w, "a[0]", "exit_1");
	world_fail(&w, "a[1]", "exit_1");
	world_pass(&w, 1000);
	world_fail(&w, "a[0]", "exit_1");
	world_fail(&w, "a[1]", "cancelled");
	CHECK_Z(world_node(&w, run, "a[0]"), "FAILED");
	CHECK_Z(world_node(&w, run, "a[1]"), "CANCELLED");
	CHECK_Z(status(&w, run), "FAILED");
	CHECK_STR(world_run(&w, run).run.error,
		  STR("{\"code\":\"item_failed\",\"message\":\"node \\\"a\\\" failed: 1 of 2 items "
		      "failed: a[0] (exit_1: it went wrong)\",\"nodeId\":\"a\"}"));
}

TEST(bad_inputs_of_an_item_name_its_place)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'x','nodes':[" RULE(
					    "a", ",'forEach':[{'n':1},{}],'onItemFailure':"
						 "'continue','inputs':{'n':'{{ item.n }}'}") "]}");
	world_succeed(&w, "a[0]", "0");
	CHECK_Z(world_node(&w, run, "a[1]"), "FAILED");
	CHECK(memmem(world_node_error(&w, run, "a[1]").p, world_node_error(&w, run, "a[1]").n,
		     "item.n", 6) != NULL);
	CHECK_STR(world_output(&w, run, "a"), STR("[0,null]"));
}

TEST(outputs_that_are_too_large_together_fail_the_node)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':[0,1,2,3],'onItemFailure':"
							    "'continue','maxParallel':1") "]}");
	size_t n = (size_t)10 << 20;
	char *text = arena_alloc(&w.arena, n + 1);
	memset(text, 'x', n);
	text[0] = text[n - 1] = '"';
	for (int i = 0; i < 2; i++) {
		struct world_attempt *a = world_live(&w, arena_printf(&w.arena, "a[%d]", i));
		world_result(&w, a, &(struct attempt_result){.output = str_n(text, n)});
		world_settle(&w);
	}
	CHECK_Z(live(&w), "");
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
	CHECK(str_starts(world_node_error(&w, run, "a"), STR("{\"code\":\"output_too_large\"")));
}

/* ---- stopping ---- */

TEST(cancel_stops_the_items_and_the_run_ends_with_the_last)
{
	struct world w CLEANUP_WORLD;
	struct arena a CLEANUP_ARENA = {0};
	const char *run = begin(&w, arena_printf(&a, four, ""));
	world_cancel(&w, run);
	CHECK_Z(status(&w, run), "RUNNING");
	world_fail(&w, "a[0]", "x");
	world_fail(&w, "a[1]", "x");
	CHECK_Z(status(&w, run), "CANCELLED");
	CHECK_Z(world_node(&w, run, "a"), "CANCELLED");
	CHECK_Z(world_node(&w, run, "a[1]"), "CANCELLED");
	CHECK_Z(world_node(&w, run, "fix"), "CANCELLED");
	CHECK_INT(w.n_started, 2);
}

TEST(the_time_out_of_the_run_stops_the_items)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'x','timeout':'1m','nodes':[" RULE(
					    "a", ",'forEach':[0,1],'maxParallel':1") "]}");
	world_pass(&w, 60000);
	world_fail(&w, "a[0]", "x");
	CHECK_Z(status(&w, run), "TIMED_OUT");
	CHECK_Z(world_node(&w, run, "a"), "TIMED_OUT");
	CHECK_Z(world_node(&w, run, "a[0]"), "TIMED_OUT");
}

TEST(cancel_of_items_that_wait_for_approval_ends_the_run_at_once)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'x','nodes':[" RULE("a", ",'forEach':[0,1,2],'maxParallel':2,"
							    "'approvalRequired':true") "]}");
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	world_cancel(&w, run);
	CHECK_Z(status(&w, run), "CANCELLED");
	CHECK_Z(world_node(&w, run, "a"), "CANCELLED");
}

/* ---- what items can do ---- */

static void decide(struct world *w, const char *run, const char *node_id,
		   enum approval_status decision)
{
	struct run_detail d = world_run(w, run);
	for (size_t i = 0; i < d.n_approvals; i++)
		if (str_eqz(d.approvals[i].node_id, node_id))
			engine_approval_decide(
				w->engine,
				&(struct approval_decision){.project = STR("default"),
							    .id = d.approvals[i].id,
							    .decision = decision,
							    .responded_by = STR("ann")},
				world_reply, w);
	world_settle(w);
}

TEST(each_item_is_asked_for_by_itself)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'x','nodes':[" RULE(
					    "a", ",'forEach':['p','q','r'],'maxParallel':2,"
						 "'inputs':{'v':'{{ item }}'},'approvalRequired'"
						 ":true,'onItemFailure':'continue'") "]}");
	CHECK_INT(world_run(&w, run).n_approvals, 2);
	decide(&w, run, "a[1]", APPROVAL_APPROVED);
	CHECK_Z(live(&w), "a[1]");
	CHECK_Z(world_live(&w, "a[1]")->input, "{\"v\":\"q\"}");
	decide(&w, run, "a[0]", APPROVAL_REJECTED);
	CHECK_Z(world_node(&w, run, "a[2]"), "WAITING_APPROVAL");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(live(&w), "a[1]");
	world_succeed(&w, "a[1]", "1");
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	decide(&w, run, "a[2]", APPROVAL_APPROVED);
	world_succeed(&w, "a[2]", "2");
	CHECK_STR(world_output(&w, run, "a"), STR("[null,1,2]"));
}

TEST(items_may_sleep_or_wait_for_events_of_their_own)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'x','nodes':["
				    "{'id':'s','forEach':[1,2],'sleep':'1m'},"
				    "{'id':'w','forEach':[7,8],'wait':{'event':'go','filter':"
				    "'{{ event.data.id == item }}'}}]}");
	struct value data = world_json(&w.arena, "{'id':8}");
	engine_run_signal(w.engine,
			  &(struct run_signal){STR("default"), str_of(run), STR("go"), &data},
			  world_reply, &w);
	world_settle(&w);
	CHECK_Z(w.id, "w[1]");
	CHECK_Z(world_node(&w, run, "w[0]"), "RUNNING");
	world_pass(&w, 30000);
	world_crash(&w);
	world_pass(&w, 30000);
	CHECK_STR(world_output(&w, run, "s"), STR("[{},{}]"));
	data = world_json(&w.arena, "{'id':7}");
	engine_run_signal(w.engine,
			  &(struct run_signal){STR("default"), str_of(run), STR("go"), &data},
			  world_reply, &w);
	world_settle(&w);
	CHECK_STR(world_output(&w, run, "w"), STR("[{\"id\":7},{\"id\":8}]"));
	CHECK_Z(status(&w, run), "SUCCESS");
}

/* ---- restarts ---- */

TEST(after_a_restart_the_items_are_the_same_and_none_runs_again_that_ended)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, each);
	world_succeed(&w, "list", "{'files':[{'name':'a'},{'name':'b'},{'name':'c'}]}");
	world_succeed(&w, "scan[1]", "1");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(live(&w), "scan[0] scan[2]");
	CHECK_Z(world_live(&w, "scan[2]")->input, "{\"file\":\"c\",\"n\":2}");
	world_succeed(&w, "scan[0]", "0");
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "scan[2]", "2");
	CHECK_STR(world_output(&w, run, "scan"), STR("[0,1,2]"));
	world_crash(&w); /* with items of a node that has ended */
	world_settle(&w);
	world_succeed(&w, "sum", "{}");
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(two_lists_at_once_keep_apart_over_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w,
		"{'name':'x','nodes':[" RULE("a", ",'forEach':[0,1,2],'maxParallel':1") "," RULE(
			"none", ",'forEach':[]") "," RULE("b", ",'forEach':[0,1]") "]}");
	CHECK_Z(live(&w), "a[0] b[0] b[1]");
	world_succeed(&w, "b[1]", "'b1'");
	world_succeed(&w, "a[0]", "'a0'");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(live(&w), "b[0] a[1]");
	world_succeed(&w, "b[0]", "'b0'");
	world_succeed(&w, "a[1]", "'a1'");
	world_crash(&w);
	world_settle(&w);
	world_succeed(&w, "a[2]", "'a2'");
	CHECK_STR(world_output(&w, run, "a"), STR("[\"a0\",\"a1\",\"a2\"]"));
	CHECK_STR(world_output(&w, run, "b"), STR("[\"b0\",\"b1\"]"));
	CHECK_STR(world_output(&w, run, "none"), STR("[]"));
}

TEST(a_restart_after_the_first_failure_starts_nothing_again)
{
	struct world w CLEANUP_WORLD;
	struct arena a CLEANUP_ARENA = {0};
	const char *run = begin(&w, arena_printf(&a, four, ""));
	world_fail(&w, "a[1]", "exit_1");
	world_crash(&w); /* a[0] had not stopped */
	world_settle(&w);
	CHECK_Z(world_node(&w, run, "a[0]"), "CANCELLED");
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
	CHECK_Z(live(&w), "fix");
	CHECK_INT(w.n_started, 3);
}

TEST(a_restart_in_the_middle_of_1000_items_goes_on_with_the_rest)
{
	struct world w CLEANUP_WORLD;
	CLEANUP_BUF struct buf context = {0};
	enum { N = 1000 };
	buf_puts(&context, "{'l':[");
	for (int i = 0; i < N; i++)
		buf_printf(&context, "%s%d", i ? "," : "", i);
	buf_puts(&context, "]}");
	const char *run = begin_with(
		&w,
		"{'name':'x','nodes':[" RULE("a", ",'forEach':'{{ context.l }}','maxParallel':10,"
						  "'inputs':{'v':'{{ item * 2 }}'}") "]}",
		context.p);
	for (int i = 0; i < N; i++) {
		CHECK(w.live != NULL);
		char *id = arena_dupz(&w.arena, w.live->node_id);
		CHECK_Z(w.live->input, arena_printf(&w.arena, "{\"v\":%d}", 2 * i));
		world_succeed(&w, id, arena_printf(&w.arena, "%d", i));
		if (i % 250 == 125) {
			world_crash(&w);
			world_settle(&w);
		}
	}
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_INT(world_run(&w, run).n_nodes, N + 1);
	context.p[context.n - 1] = 0;
	CHECK_STR(world_output(&w, run, "a"), str_n(context.p + 5, context.n - 6));
}

TEST(items_may_be_runs_of_another_workflow)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	w.by_hand = true;
	world_save(&w,
		   "{'name':'c','nodes':[" RULE(
			   "a",
			   ",'inputs':{'v':'{{ context.v }}'}") "],"
								"'output':'{{ nodes.a.output }}'}");
	CHECK_Z(w.findings, "");
	world_save(&w, "{'name':'x','nodes':[{'id':'s','workflow':'c','forEach':[7,8,9],"
		       "'maxParallel':2,'inputs':{'v':'{{ item }}'}}]}");
	CHECK_Z(w.findings, "");
	const char *run = world_trigger(&w, "x", NULL);
	CHECK_Z(live(&w), "a a");
	CHECK_Z(w.live->input, "{\"v\":7}");
	world_succeed(&w, "a", "{'n':7}");
	CHECK_Z(world_node(&w, run, "s[0]"), "SUCCESS");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(live(&w), "a a");
	world_succeed(&w, "a", "{'n':8}");
	world_succeed(&w, "a", "{'n':9}");
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_STR(world_output(&w, run, "s"), STR("[{\"n\":7},{\"n\":8},{\"n\":9}]"));
	run = world_trigger(&w, "x", NULL);
	world_fail(&w, "a", "exit_1");
	world_fail(&w, "a", "exit_1");
	CHECK_Z(world_node(&w, run, "s"), "FAILED");
	CHECK_Z(world_node(&w, run, "s[1]"), "CANCELLED");
	CHECK_Z(status(&w, run), "FAILED");
	CHECK_Z(live(&w), "");
}

TAP_MAIN(RUN(a_node_runs_once_for_each_item_and_gives_the_outputs_in_order),
	 RUN(the_list_may_be_written_down_with_templates_in_it),
	 RUN(only_maxParallel_items_run_at_once_and_they_start_in_order),
	 RUN(without_maxParallel_100_items_run_at_once),
	 RUN(an_empty_list_is_a_success_with_an_empty_list),
	 RUN(what_gives_no_list_fails_the_node_and_names_the_place),
	 RUN(a_condition_is_asked_once_and_a_skipped_node_expands_not),
	 RUN(the_first_failed_item_stops_those_that_run_and_skips_the_rest),
	 RUN(with_continue_all_items_run_and_null_stands_for_what_failed),
	 RUN(an_item_is_tried_again_before_it_counts_as_failed),
	 RUN(an_item_that_waits_for_its_next_try_ends_when_another_fails),
	 RUN(bad_inputs_of_an_item_name_its_place),
	 RUN(outputs_that_are_too_large_together_fail_the_node),
	 RUN(cancel_stops_the_items_and_the_run_ends_with_the_last),
	 RUN(the_time_out_of_the_run_stops_the_items),
	 RUN(cancel_of_items_that_wait_for_approval_ends_the_run_at_once),
	 RUN(each_item_is_asked_for_by_itself),
	 RUN(items_may_sleep_or_wait_for_events_of_their_own),
	 RUN(after_a_restart_the_items_are_the_same_and_none_runs_again_that_ended),
	 RUN(two_lists_at_once_keep_apart_over_a_restart),
	 RUN(a_restart_after_the_first_failure_starts_nothing_again),
	 RUN(a_restart_in_the_middle_of_1000_items_goes_on_with_the_rest),
	 RUN(items_may_be_runs_of_another_workflow))
