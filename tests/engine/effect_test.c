/* What follows an attempt whose effect may have happened. */
#include "tap.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/limits.h"
#include "engine/run/effect.h"
#include "json/parse.h"
#include "json/write.h"

static const char bank[] = "{'name':'bank','type':'RULE','capabilities':["
			   "{'name':'pure','effect':'pure'},"
			   "{'name':'look','effect':'pure'},"
			   "{'name':'idempotent'},"
			   "{'name':'reconcilable','effect':'reconcilable','probe':'look',"
			   "'outputSchema':{'type':'object','required':['paid']}},"
			   "{'name':'irreversible','effect':'irreversible',"
			   "'outputSchema':{'type':'object','required':['paid']}}]}";

static const char *begin(struct world *w, const char *action, const char *rest)
{
	world_open(w);
	world_agent(w, bank);
	ASSERT(w->outcome == ENGINE_CREATED);
	w->by_hand = true;
	char text[1024];
	snprintf(text, sizeof(text),
		 "{'name':'w','nodes':[{'id':'n','agent':'bank','action':'%s',"
		 "'inputs':{'sum':'{{ context.sum }}'}%s},"
		 "{'id':'after','agent':'bank','action':'pure','dependsOn':['n']}]}",
		 action, rest);
	world_save(w, text);
	if (w->outcome != ENGINE_CREATED)
		printf("# %s\n", w->findings);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", "{'sum':5}");
}

static void end_as(struct world *w, const char *node, const char *code, enum attempt_fate fate)
{
	world_result(w, world_live(w, node),
		     &(struct attempt_result){.end = ATTEMPT_END_ERROR,
					      .code = code,
					      .message = STR("it went wrong"),
					      .fate = fate,
					      .retry_later = strcmp(code, "exit_75") == 0,
					      .final = strcmp(code, "workspace_denied") == 0});
	world_settle(w);
}

static void lose(struct world *w)
{
	world_crash(w);
	world_settle(w);
}

static void resolve(struct world *w, const char *run, enum resolve_as as, const char *output,
		    const char *message)
{
	struct value v = world_json(&w->arena, output ? output : "null");
	engine_node_resolve(w->engine,
			    &(struct node_resolve){.project = STR("default"),
						   .run_id = str_of(run),
						   .node_id = STR("n"),
						   .as = as,
						   .output = output ? &v : NULL,
						   .message = str_of(message),
						   .by = STR("ann"),
						   .reason = STR("looked")},
			    world_reply, w);
	world_settle(w);
}

/* A member of the node's detail as text; of an object all of it. */
static const char *detail(struct world *w, const char *run, const char *key)
{
	struct run_detail d = world_run(w, run);
	struct value v = VALUE_NULL_INIT;
	CLEANUP_BUF struct buf text = {0};
	for (size_t i = 0; i < d.n_nodes; i++)
		if (str_eqz(d.nodes[i].node_id, "n") && d.nodes[i].detail.n)
			json_parse(&w->arena, d.nodes[i].detail, 0, &v, NULL);
	const struct value *m = value_getz(&v, key);
	if (value_is(m, VALUE_STRING))
		return m->s;
	if (!m)
		return "";
	json_write(&text, m);
	return arena_dupz(&w->arena, text.p);
}

static enum run_status status(struct world *w, const char *run)
{
	return world_run(w, run).run.status;
}

/* ---- the table of docs/agents.md ---- */

/* What became of node n, in the words of the table. */
static const char *outcome(struct world *w, const char *run)
{
	const char *node = world_node(w, run, "n");
	struct world_attempt *a = world_live(w, "n");
	bool told = strstr(world_events(w, run), "node.unknown") != NULL;
	if (strcmp(node, "UNKNOWN") == 0)
		return told ? "ask" : "ask, without a word";
	if (strcmp(node, "CANCELLED") == 0)
		return detail(w, run, "effect")[0] ? "stop, told" : "stop";
	if (a && a->number == 2)
		return a->probe_of == 1 && strcmp(a->action, "look") == 0 ? "probe" : "again";
	world_pass(w, 2000);
	a = world_live(w, "n");
	return a && a->number == 2 && !a->probe_of ? "retry" : node;
}

static const struct {
	const char *how, *code; /* code of the table's row; NULL: it is done in another way */
	enum attempt_fate fate;
} hows[] = {
	{"lost", NULL, 0},
	{"cancelled", NULL, 0},
	{"invalid_output", NULL, 0},
	{"timeout", NULL, 0},
	{"signal_9", "signal_9", FATE_CUT_OFF},
	{"oom", "oom", FATE_CUT_OFF},
	{"pids", "pids", FATE_CUT_OFF},
	{"output_too_large", "output_too_large", FATE_CUT_OFF},
	{"artifacts_too_large", "artifacts_too_large", FATE_BAD_OUTPUT},
	{"sandbox", "sandbox", FATE_CUT_OFF},
	{"sandbox_before", "sandbox", FATE_NOT_BEGUN},
	{"exit_1", "exit_1", FATE_ANSWERED},
	{"exit_75", "exit_75", FATE_ANSWERED},
};

static void make_end(struct world *w, const char *run, const char *how)
{
	if (strcmp(how, "lost") == 0) {
		lose(w);
	} else if (strcmp(how, "cancelled") == 0) {
		world_cancel(w, run);
		end_as(w, "n", "signal_15", FATE_CUT_OFF);
	} else if (strcmp(how, "invalid_output") == 0) {
		world_succeed(w, "n", "{'paid':");
	} else if (strcmp(how, "timeout") == 0) {
		world_pass(w, 60000);
		end_as(w, "n", "timeout", FATE_CUT_OFF);
	}
	for (size_t i = 0; i < ARRAY_LEN(hows); i++)
		if (hows[i].code && strcmp(hows[i].how, how) == 0)
			end_as(w, "n", hows[i].code, hows[i].fate);
}

static const char *cell_is(enum effect effect, const char *how, char ret[32])
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, effect_name(effect),
		",'timeout':'1m','retry':{'maxAttempts':2,'initialInterval':'1s','jitter':0}");
	make_end(&w, run, how);
	snprintf(ret, 32, "%s", outcome(&w, run));
	return ret;
}

static char *read_docs(void)
{
	CLEANUP_FILE FILE *f = fopen(DOCS_AGENTS, "re");
	ASSERT(f);
	char *text = calloc(1, 1 << 20);
	ASSERT(text && fread(text, 1, (1 << 20) - 1, f) > 0);
	return text;
}

/* The n-th cell of a table's line, trimmed. */
static struct str cell(const char *line, int n)
{
	for (; n >= 0; n--)
		line = strchr(line, '|') + 1;
	line += strspn(line, " ");
	size_t len = strcspn(line, "|");
	while (len > 0 && line[len - 1] == ' ')
		len--;
	return str_n(line, len);
}

/* Each code that the row names in backticks, with each effect. */
static void try_row(struct tap *t, const char *line, size_t *n_cells)
{
	struct str how = cell(line, 0);
	const char *end = how.p + how.n;
	for (const char *p = how.p; (p = memchr(p, '`', (size_t)(end - p)));) {
		char name[64], got[32];
		size_t n = strcspn(++p, "`");
		snprintf(name, sizeof(name), "%.*s%s", (int)n, p,
			 strncmp(p + n, "` before", 8) == 0 ? "_before" : "");
		p += n + 1;
		for (int e = EFFECT_PURE; e <= EFFECT_IRREVERSIBLE; e++) {
			struct str want = cell(line, 1 + e);
			if (!str_eqz(want, cell_is((enum effect)e, name, got)))
				tap_fail(t, __FILE__, __LINE__, "%s, %s: %s, the table says %.*s",
					 effect_name((enum effect)e), name, got, STR_ARG(want));
			++*n_cells;
		}
	}
}

TEST(the_table_in_the_documentation_holds_cell_by_cell)
{
	CLEANUP_FREE char *text = read_docs();
	char *line = strstr(text, "<!-- effects -->");
	size_t n_cells = 0;
	CHECK(line);
	for (line = strchr(line, '\n') + 1; line[0] == '|'; line += strlen(line) + 1) {
		*strchrnul(line, '\n') = '\0';
		if (line[1] == ' ' && !strstr(line, "`pure`"))
			try_row(t, line, &n_cells);
	}
	CHECK_INT(n_cells, ARRAY_LEN(hows) * 4);
}

/* ---- UNKNOWN ---- */

TEST(an_irreversible_step_that_was_lost_stops_and_asks)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", ",'retry':{'maxAttempts':5}");
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	CHECK_INT(status(&w, run), RUN_WAITING_APPROVAL);
	CHECK_Z(world_node(&w, run, "after"), "PENDING");
	CHECK_Z(world_attempts(&w, run, "n"), "1 FAILED lost");
	CHECK_Z(detail(&w, run, "effect"), "irreversible");
	CHECK_Z(detail(&w, run, "code"), "lost");
	CHECK_STR(str_of(detail(&w, run, "attemptId")), world_run(&w, run).attempts[0].id);
	CHECK_Z(world_events(&w, run), "run.started node.started:n node.unknown:n");
	for (int i = 0; i < 3; i++) { /* no restart and no time changes that */
		world_pass(&w, 86400000);
		lose(&w);
	}
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	CHECK_INT(status(&w, run), RUN_WAITING_APPROVAL);
	CHECK_INT(w.n_started, 1);
}

TEST(resolved_as_succeeded_the_output_is_what_was_said)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	lose(&w);
	resolve(&w, run, RESOLVE_SUCCEEDED, "{'no':1}", "");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(strstr(w.findings, "output"));
	resolve(&w, run, RESOLVE_SUCCEEDED, NULL, "");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	resolve(&w, run, RESOLVE_SUCCEEDED, "{'paid':5}", "");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.status, RUN_RUNNING);
	CHECK_STR(world_output(&w, run, "n"), STR("{\"paid\":5}"));
	CHECK(strstr(detail(&w, run, "settled"), "\"by\":\"ann\",\"reason\":\"looked\""));
	resolve(&w, run, RESOLVE_FAILED, NULL, "");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	lose(&w);
	world_succeed(&w, "after", "{}");
	CHECK_INT(status(&w, run), RUN_SUCCESS);
	CHECK(strstr(world_events(&w, run),
		     "node.unknown:n node.resolved:n node.finished:n node.started:after"));
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
}

TEST(resolved_as_failed_it_is_a_failure_like_any_other)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", ",'retry':{'maxAttempts':5}");
	lose(&w);
	resolve(&w, run, RESOLVE_FAILED, NULL, "the bank refused");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(status(&w, run), RUN_FAILED);
	CHECK_Z(world_node(&w, run, "after"), "SKIPPED");
	CHECK_STR(world_node_error(&w, run, "n"),
		  STR("{\"code\":\"resolved_failed\",\"message\":\"the bank refused\"}"));
	CHECK_INT(w.n_started, 1);
}

TEST(resolved_to_run_again_it_runs_once_more)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	lose(&w);
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.n_started, 2);
	CHECK_Z(world_live(&w, "n")->input, "{\"sum\":5}");
	CHECK_INT(status(&w, run), RUN_RUNNING);
	lose(&w); /* and is in doubt again */
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	world_succeed(&w, "n", "{'paid':5}");
	world_succeed(&w, "after", "{}");
	CHECK_INT(status(&w, run), RUN_SUCCESS);
	CHECK_Z(world_attempts(&w, run, "n"), "1 FAILED lost, 2 FAILED lost, 3 SUCCESS");
	CHECK_Z(detail(&w, run, "effect"), "");
}

TEST(a_resolve_that_is_not_durable_never_was)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	lose(&w);
	size_t before = w.n_replies;
	mem_store_set_manual(w.store, true);
	engine_node_resolve(w.engine,
			    &(struct node_resolve){.project = STR("default"),
						   .run_id = str_of(run),
						   .node_id = STR("n"),
						   .as = RESOLVE_AGAIN,
						   .by = STR("ann")},
			    world_reply, &w);
	engine_flush(w.engine);
	CHECK_INT(w.n_replies, before);
	CHECK_INT(w.n_started, 1);
	world_crash(&w);
	mem_store_set_manual(w.store, false);
	world_settle(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	CHECK_INT(w.n_started, 1);
}

TEST(of_two_who_resolve_one_wins)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	lose(&w);
	struct node_resolve x = {.project = STR("default"),
				 .run_id = str_of(run),
				 .node_id = STR("n"),
				 .as = RESOLVE_AGAIN,
				 .by = STR("ann")};
	engine_node_resolve(w.engine, &x, world_reply, &w);
	engine_node_resolve(w.engine, &x, world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_INT(w.n_started, 2);
}

TEST(what_is_not_unknown_is_not_resolved)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK(strstr(w.findings, "RUNNING"));
	resolve(&w, "00000000-0000-7000-8000-000000000000", RESOLVE_AGAIN, NULL, "");
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	CHECK_Z(w.findings, "");
	engine_node_resolve(w.engine,
			    &(struct node_resolve){.project = STR("default"),
						   .run_id = str_of(run),
						   .node_id = STR("m"),
						   .by = STR("ann")},
			    world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	CHECK(strstr(w.findings, "no node \"m\""));
	CHECK_INT(w.n_started, 1);
}

TEST(cancel_wins_over_unknown_and_says_that_the_effect_stays_so)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	lose(&w);
	world_cancel(&w, run);
	CHECK_INT(status(&w, run), RUN_CANCELLED);
	CHECK_Z(world_node(&w, run, "n"), "CANCELLED");
	CHECK_Z(detail(&w, run, "effect"), "irreversible");
	CHECK_Z(detail(&w, run, "settled"), "");
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_unknown_nodes, 0);
}

TEST(the_time_out_of_the_run_ends_what_is_unknown)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agent(&w, bank);
	w.by_hand = true;
	world_save(&w, "{'name':'w','timeout':'1h','nodes':[{'id':'n','agent':'bank',"
		       "'action':'irreversible'}]}");
	const char *run = world_trigger(&w, "w", NULL);
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	world_pass(&w, 3600000);
	CHECK_INT(status(&w, run), RUN_TIMED_OUT);
	CHECK_Z(world_node(&w, run, "n"), "CANCELLED");
}

TEST(a_run_with_unknown_nodes_runs_while_something_moves)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agent(&w, bank);
	w.by_hand = true;
	world_save(&w, "{'name':'w','nodes':[{'id':'n','agent':'bank','action':'irreversible'},"
		       "{'id':'m','agent':'bank','action':'pure'}]}");
	const char *run = world_trigger(&w, "w", NULL);
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	CHECK_INT(status(&w, run), RUN_RUNNING);
	world_succeed(&w, "m", "{}");
	CHECK_INT(status(&w, run), RUN_WAITING_APPROVAL);
	resolve(&w, run, RESOLVE_SUCCEEDED, "{'paid':1}", "");
	CHECK_INT(status(&w, run), RUN_SUCCESS);
}

TEST(all_unknown_nodes_are_listed_oldest_first)
{
	struct world w CLEANUP_WORLD;
	const char *one = begin(&w, "irreversible", "");
	const char *two = world_trigger(&w, "w", "{'sum':6}");
	lose(&w);
	for (int again = 0; again < 2; again++) {
		engine_unknown_list(w.engine, STR("default"), world_reply, &w);
		struct value v = world_json(&w.arena, w.json);
		const struct value *items = value_getz(&v, "items");
		CHECK_INT(items->n, 2);
		CHECK_STR(value_text(value_getz(&items->items[0], "runId")), str_of(one));
		CHECK_STR(value_text(value_getz(&items->items[1], "runId")), str_of(two));
		CHECK_STR(value_text(value_getz(&items->items[0], "code")), STR("lost"));
		lose(&w);
	}
	resolve(&w, one, RESOLVE_FAILED, NULL, "");
	engine_unknown_list(w.engine, STR("default"), world_reply, &w);
	struct value v = world_json(&w.arena, w.json);
	CHECK_INT(value_getz(&v, "items")->n, 1);
	engine_unknown_list(w.engine, STR("other"), world_reply, &w);
	CHECK(strstr(w.json, "\"items\":[]"));
}

TEST(the_effect_of_the_start_counts_not_that_of_now)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", "");
	world_agent(&w, "{'name':'bank','type':'RULE','capabilities':["
			"{'name':'irreversible','effect':'pure'},{'name':'pure'}]}");
	CHECK_INT(w.outcome, ENGINE_OK);
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	resolve(&w, run, RESOLVE_AGAIN, NULL, ""); /* from now on it is pure */
	lose(&w);
	CHECK_INT(w.n_started, 3);
}

TEST(what_was_lost_counts_when_it_runs_again_after_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible",
				",'retry':{'maxAttempts':2,'initialInterval':'1s','jitter':0}");
	end_as(&w, "n", "exit_1", FATE_ANSWERED);
	world_pass(&w, 1000);
	end_as(&w, "n", "signal_9", FATE_CUT_OFF);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	lose(&w);
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	end_as(&w, "n", "exit_1", FATE_ANSWERED); /* no tries are left */
	CHECK_Z(world_node(&w, run, "n"), "FAILED");
	CHECK_INT(status(&w, run), RUN_FAILED);
}

TEST(approved_inputs_run_again_when_somebody_says_so)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "irreversible", ",'approvalRequired':true");
	struct approval_row p = world_run(&w, run).approvals[0];
	engine_approval_decide(w.engine,
			       &(struct approval_decision){.project = STR("default"),
							   .id = p.id,
							   .decision = APPROVAL_APPROVED,
							   .responded_by = STR("ann")},
			       world_reply, &w);
	world_settle(&w);
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	lose(&w);
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	CHECK_INT(w.n_started, 2);
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	resolve(&w, run, RESOLVE_SUCCEEDED, "{'paid':1}", "");
	world_succeed(&w, "after", "{}");
	CHECK_INT(status(&w, run), RUN_SUCCESS);
	CHECK_INT(world_run(&w, run).n_approvals, 1);
}

/* ---- probes ---- */

static const char *begin_probe(struct world *w, const char *rest)
{
	const char *run = begin(w, "reconcilable", rest);
	lose(w);
	return run;
}

TEST(a_probe_that_says_done_gives_the_result)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_probe(&w, "");
	struct world_attempt *a = world_live(&w, "n");
	CHECK_Z(a->action, "look");
	CHECK_INT(a->probe_of, 1);
	CHECK_INT(a->number, 2);
	CHECK_Z(a->input, "{\"sum\":5}");
	CHECK_Z(a->key, arena_printf(&w.arena, "%s:n", run));
	CHECK_INT(status(&w, run), RUN_RUNNING);
	world_succeed(&w, "n", "{'state':'done','output':{'paid':5}}");
	CHECK_STR(world_output(&w, run, "n"), STR("{\"paid\":5}"));
	CHECK(strstr(detail(&w, run, "settled"), "\"probe\":\"look\""));
	world_succeed(&w, "after", "{}");
	CHECK_INT(status(&w, run), RUN_SUCCESS);
	struct run_detail d = world_run(&w, run);
	CHECK(!d.attempts[0].probe && d.attempts[1].probe);
	CHECK_STR(d.attempts[1].action, STR("look"));
	CHECK_INT(d.attempts[0].effect, EFFECT_RECONCILABLE);
	CHECK_INT(d.attempts[1].effect, EFFECT_PURE);
	CHECK(strstr(world_events(&w, run), "node.started:n node.started:n node.probed:n "
					    "node.finished:n"));
}

TEST(a_probe_that_says_absent_lets_it_run_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_probe(&w, "");
	world_succeed(&w, "n", "{'state':'absent'}");
	struct world_attempt *a = world_live(&w, "n");
	CHECK_Z(a->action, "reconcilable");
	CHECK_INT(a->probe_of, 0);
	CHECK_INT(a->number, 3);
	lose(&w);
	CHECK_Z(world_live(&w, "n")->action, "look");
	CHECK_INT(world_live(&w, "n")->probe_of, 3);
	world_succeed(&w, "n", "{'state':'absent'}");
	world_succeed(&w, "n", "{'paid':1}");
	CHECK_Z(world_node(&w, run, "n"), "SUCCESS");
	CHECK_Z(detail(&w, run, "effect"), "");
}

TEST(absent_fails_as_the_attempt_did_when_no_tries_are_left)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "reconcilable", ",'timeout':'1m'");
	world_pass(&w, 60000);
	end_as(&w, "n", "timeout", FATE_CUT_OFF);
	lose(&w); /* the probe too */
	world_succeed(&w, "n", "{'state':'absent'}");
	CHECK_Z(world_node(&w, run, "n"), "TIMED_OUT");
	CHECK(str_starts(world_node_error(&w, run, "n"), STR("{\"code\":\"timeout\"")));
	CHECK_INT(status(&w, run), RUN_FAILED);
}

TEST(absent_too_often_is_a_node_that_was_lost)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_probe(&w, "");
	for (int i = 0; i < LIMIT_ATTEMPTS_LOST; i++) {
		world_succeed(&w, "n", "{'state':'absent'}");
		CHECK_Z(world_live(&w, "n")->action, "reconcilable");
		lose(&w);
	}
	world_succeed(&w, "n", "{'state':'absent'}");
	CHECK_Z(world_node(&w, run, "n"), "FAILED");
	CHECK(str_starts(world_node_error(&w, run, "n"), STR("{\"code\":\"lost\"")));
}

TEST(a_probe_that_does_not_know_asks_people)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_probe(&w, "");
	world_succeed(&w, "n", "{'state':'unknown','message':'the bank is closed'}");
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	CHECK(strstr(detail(&w, run, "why"), "the bank is closed"));
	lose(&w);
	resolve(&w, run, RESOLVE_AGAIN, NULL, "");
	CHECK_Z(world_live(&w, "n")->action, "reconcilable");
	world_succeed(&w, "n", "{'paid':1}");
	CHECK_Z(world_node(&w, run, "n"), "SUCCESS");
}

TEST(a_probe_that_fails_is_tried_three_times_then_people_are_asked)
{
	static const char *const bad[] = {"{}",
					  "{'state':'perhaps'}",
					  "{'state':'done'}",
					  "{'state':'done','output':{}}",
					  "[]",
					  "nonsense"};
	for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
		struct world w CLEANUP_WORLD;
		const char *run = begin_probe(&w, "");
		for (int n = 1; n <= LIMIT_PROBE_TRIES; n++) {
			CHECK_Z(world_live(&w, "n")->action, "look");
			if (i < ARRAY_LEN(bad))
				world_succeed(&w, "n", bad[i]);
			else
				end_as(&w, "n", "exit_1", FATE_ANSWERED);
			if (n == 2) /* what failed before counts after a restart */
				lose(&w);
			world_pass(&w, 60000);
		}
		CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
		CHECK_INT(w.n_started, 4);
	}
}

TEST(a_probe_that_is_lost_is_made_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_probe(&w, "");
	for (int i = 0; i < LIMIT_ATTEMPTS_LOST; i++) {
		CHECK_Z(world_live(&w, "n")->action, "look");
		CHECK_Z(world_live(&w, "n")->input, "{\"sum\":5}");
		lose(&w);
	}
	CHECK_Z(world_live(&w, "n")->action, "look");
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
}

TEST(a_probe_that_is_gone_asks_people)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "reconcilable", "");
	world_agent(&w, "{'name':'bank','type':'RULE','capabilities':["
			"{'name':'reconcilable'},{'name':'pure'}]}");
	lose(&w);
	CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
	resolve(&w, run, RESOLVE_SUCCEEDED, "{'paid':1}", "");
	CHECK_Z(world_node(&w, run, "n"), "SUCCESS");
}

TEST(a_queued_probe_keeps_its_input_over_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_probe(&w, "");
	end_as(&w, "n", "exit_1", FATE_ANSWERED); /* the next one waits for its time */
	CHECK_Z(world_attempts(&w, run, "n"), "1 FAILED lost, 2 FAILED exit_1, 3 QUEUED");
	lose(&w);
	world_pass(&w, 60000);
	CHECK_Z(world_live(&w, "n")->input, "{\"sum\":5}");
	CHECK_INT(world_live(&w, "n")->probe_of, 1);
	world_cancel(&w, run);
	end_as(&w, "n", "signal_15", FATE_CUT_OFF);
	CHECK_Z(world_node(&w, run, "n"), "CANCELLED");
	CHECK_Z(detail(&w, run, "effect"), "reconcilable");
}

TEST(a_probe_runs_with_what_was_approved_or_not_at_all)
{
	for (int changed = 0; changed < 2; changed++) {
		struct world w CLEANUP_WORLD;
		const char *run = begin(&w, "reconcilable", ",'approvalRequired':true");
		struct approval_row p = world_run(&w, run).approvals[0];
		engine_approval_decide(w.engine,
				       &(struct approval_decision){.project = STR("default"),
								   .id = p.id,
								   .decision = APPROVAL_APPROVED,
								   .responded_by = STR("ann")},
				       world_reply, &w);
		world_settle(&w);
		CHECK_Z(world_live(&w, "n")->action, "reconcilable");
		if (changed) {
			struct value doc = world_json(&w.arena, bank);
			engine_agent_save(w.engine,
					  &(struct agent_save){
						  .upsert = true, .doc = &doc, .digest = STR("x")},
					  world_reply, &w);
			world_settle(&w);
		}
		lose(&w);
		if (changed) {
			CHECK_Z(world_node(&w, run, "n"), "UNKNOWN");
			CHECK(strstr(detail(&w, run, "why"), "approval_void"));
			continue;
		}
		world_succeed(&w, "n", "{'state':'done','output':{'paid':5}}");
		CHECK_Z(world_node(&w, run, "n"), "SUCCESS");
	}
}

/* ---- agents ---- */

static void refuses(struct tap *t, struct world *w, const char *capabilities, const char *place)
{
	char text[512];
	snprintf(text, sizeof(text), "{'name':'x','type':'RULE','capabilities':[%s]}",
		 capabilities);
	world_agent(w, text);
	if (w->outcome != ENGINE_INVALID || strncmp(w->findings, place, strlen(place)) != 0)
		tap_fail(t, __FILE__, __LINE__, "%s: got %d %s", capabilities, (int)w->outcome,
			 w->findings);
}

TEST(effects_and_probes_that_make_no_sense_are_refused_with_their_place)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	refuses(t, &w, "{'name':'a','effect':'none'}", "capabilities[0].effect: must be pure");
	refuses(t, &w, "{'name':'a','effect':'reconcilable'}",
		"capabilities[0].probe: is required");
	refuses(t, &w, "{'name':'b'},{'name':'a','effect':'reconcilable','probe':'c'}",
		"capabilities[1].probe: the agent has no capability \"c\"");
	refuses(t, &w, "{'name':'b'},{'name':'a','effect':'reconcilable','probe':'b'}",
		"capabilities[1].probe: the capability \"b\" must say effect: pure");
	refuses(t, &w, "{'name':'a','effect':'reconcilable','probe':'a'}",
		"capabilities[0].probe: the capability \"a\" must say");
	refuses(t, &w, "{'name':'a','probe':'a'}", "capabilities[0].probe: belongs to");
}

TAP_MAIN(RUN(the_table_in_the_documentation_holds_cell_by_cell),
	 RUN(an_irreversible_step_that_was_lost_stops_and_asks),
	 RUN(resolved_as_succeeded_the_output_is_what_was_said),
	 RUN(resolved_as_failed_it_is_a_failure_like_any_other),
	 RUN(resolved_to_run_again_it_runs_once_more), RUN(a_resolve_that_is_not_durable_never_was),
	 RUN(of_two_who_resolve_one_wins), RUN(what_is_not_unknown_is_not_resolved),
	 RUN(cancel_wins_over_unknown_and_says_that_the_effect_stays_so),
	 RUN(the_time_out_of_the_run_ends_what_is_unknown),
	 RUN(a_run_with_unknown_nodes_runs_while_something_moves),
	 RUN(all_unknown_nodes_are_listed_oldest_first),
	 RUN(the_effect_of_the_start_counts_not_that_of_now),
	 RUN(what_was_lost_counts_when_it_runs_again_after_a_restart),
	 RUN(approved_inputs_run_again_when_somebody_says_so),
	 RUN(a_probe_that_says_done_gives_the_result),
	 RUN(a_probe_that_says_absent_lets_it_run_again),
	 RUN(absent_fails_as_the_attempt_did_when_no_tries_are_left),
	 RUN(absent_too_often_is_a_node_that_was_lost), RUN(a_probe_that_does_not_know_asks_people),
	 RUN(a_probe_that_fails_is_tried_three_times_then_people_are_asked),
	 RUN(a_probe_that_is_lost_is_made_again), RUN(a_probe_that_is_gone_asks_people),
	 RUN(a_queued_probe_keeps_its_input_over_a_restart),
	 RUN(a_probe_runs_with_what_was_approved_or_not_at_all),
	 RUN(effects_and_probes_that_make_no_sense_are_refused_with_their_place))
