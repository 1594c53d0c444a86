/* P9: nodes that wait for people. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "base/sha256.h"
#include "engine/request/control.h"
#include "json/parse.h"
#include "json/write.h"

#define RULE(id, rest) "{'id':'" id "','agent':'rule','action':'run'" rest "}"

static const char gate[] = "{'name':'w','nodes':[" RULE(
	"g", ",'inputs':{'x':'{{ context.x }}'},'workspace':'{{ context.ws }}',"
	     "'approvalRequired':true") "," RULE("after", ",'dependsOn':['g']") "]}";

static const char *begin_with(struct world *w, const char *definition, const char *context)
{
	world_open(w);
	world_agents(w);
	world_agent(w, "{'name':'risky','type':'RULE','riskLevel':'APPROVAL_REQUIRED',"
		       "'capabilities':[{'name':'run'}]}");
	world_save(w, definition);
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", context);
}

static const char *begin(struct world *w, const char *definition)
{
	return begin_with(w, definition, "{'x':{'b':2,'a':[1.50]},'ws':'/srv/x'}");
}

/* The newest approval of the node. */
static struct approval_row approval(struct world *w, const char *run, const char *node)
{
	struct run_detail d = world_run(w, run);
	for (size_t i = d.n_approvals; i > 0; i--)
		if (str_eqz(d.approvals[i - 1].node_id, node))
			return d.approvals[i - 1];
	return (struct approval_row){.status = APPROVAL_EXPIRED, .id = STR("none")};
}

static void send(struct world *w, struct str id, enum approval_status what, const char *by,
		 const char *notes, const char *sha256)
{
	engine_approval_decide(w->engine,
			       &(struct approval_decision){.project = STR("default"),
							   .id = id,
							   .decision = what,
							   .responded_by = str_of(by),
							   .notes = str_of(notes),
							   .sha256 = str_of(sha256)},
			       world_reply, w);
}

static enum engine_outcome decide(struct world *w, const char *run, const char *node,
				  enum approval_status what, const char *by)
{
	send(w, approval(w, run, node).id, what, by, "", "");
	world_settle(w);
	return w->outcome;
}

static const char *status(struct world *w, const char *run)
{
	return run_status_name(world_run(w, run).run.status);
}

static const char *code(struct world *w, const char *run, const char *node)
{
	struct value v = VALUE_NULL_INIT;
	json_parse(&w->arena, world_node_error(w, run, node), JSON_DEFAULT, &v, NULL);
	struct str text = value_text(value_getz(&v, "code"));
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}

TEST(a_gated_node_asks_and_runs_what_was_approved)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	CHECK_Z(world_node(&w, run, "g"), "WAITING_APPROVAL");
	struct approval_row p = approval(&w, run, "g");
	CHECK_INT(p.status, APPROVAL_PENDING);
	CHECK_STR(p.inputs, STR("{\"x\":{\"b\":2,\"a\":[1.50]}}"));
	CHECK_INT(p.expires_ms - p.requested_ms, 24 * 3600000);
	CHECK_INT(world_run(&w, run).nodes[0].wake_ms, p.expires_ms);
	CHECK_INT(world_run(&w, run).nodes[0].started_ms, 0);
	CHECK_INT(w.n_started, 0);
	world_pass(&w, 60000);
	w.by_hand = true;
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, run), "RUNNING");
	struct world_attempt *live = world_live(&w, "g");
	CHECK(live != NULL);
	CHECK_Z(live->input, "{\"x\":{\"b\":2,\"a\":[1.50]}}");
	CHECK_Z(live->workspace, "/srv/x");
	world_succeed(&w, "g", "{}");
	w.by_hand = false;
	world_succeed(&w, "after", "{}");
	CHECK_Z(status(&w, run), "SUCCESS");
	p = approval(&w, run, "g");
	CHECK_INT(p.status, APPROVAL_APPROVED);
	CHECK_STR(p.responded_by, STR("ann"));
	CHECK_INT(p.responded_ms - p.requested_ms, 60000);
	CHECK_Z(world_events(&w, run),
		"run.started approval.requested:g approval.decided:g "
		"node.started:g node.finished:g node.started:after node.finished:after "
		"run.finished");
	/* waiting is not work */
	CHECK_INT(world_run(&w, run).nodes[0].started_ms, p.responded_ms);
}

TEST(the_hash_is_of_what_is_shown)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	struct approval_row p = approval(&w, run, "g");
	struct value what, inputs;
	char hex[SHA256_HEX_BYTES];
	CLEANUP_BUF struct buf text = {0};
	CHECK_INT(json_parse(&w.arena, p.subject, JSON_DEFAULT, &what, NULL), 0);
	CHECK_INT(json_parse(&w.arena, p.inputs, JSON_DEFAULT, &inputs, NULL), 0);
	CHECK_STR(value_text(value_getz(value_getz(&what, "agent"), "name")), STR("rule"));
	CHECK_STR(value_text(value_getz(&what, "workspace")), STR("/srv/x"));
	value_putz(&w.arena, &what, "inputs", inputs);
	json_write_canonical(&text, &what);
	sha256_hex(buf_str(&text), hex);
	CHECK_STR(p.sha256, str_of(hex));
}

TEST(the_first_decision_wins)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	struct str id = approval(&w, run, "g").id;
	send(&w, id, APPROVAL_APPROVED, "ann", "", ""); /* both before anything is durable */
	size_t n = w.n_replies;
	send(&w, id, APPROVAL_REJECTED, "bob", "", "");
	CHECK_INT(w.n_replies, n); /* the loser too is told only once the winner is durable */
	world_settle(&w);
	CHECK_INT(w.n_replies, n + 2);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_STR(approval(&w, run, "g").responded_by, STR("ann"));
	CHECK_INT(decide(&w, run, "g", APPROVAL_REJECTED, "bob"), ENGINE_NOT_FOUND);
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(a_decision_is_undone_by_a_crash_before_it_is_durable)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	size_t n = w.n_replies;
	send(&w, approval(&w, run, "g").id, APPROVAL_APPROVED, "ann", "", "");
	world_crash(&w);
	CHECK_INT(w.n_replies, n);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	CHECK_INT(decide(&w, run, "g", APPROVAL_REJECTED, "bob"), ENGINE_OK);
	CHECK_Z(status(&w, run), "FAILED");
}

TEST(a_rejection_fails_the_node_with_its_reason)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	send(&w, approval(&w, run, "g").id, APPROVAL_REJECTED, "ann", "not today", "");
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(status(&w, run), "FAILED");
	CHECK_Z(code(&w, run, "g"), "rejected");
	CHECK_STR(world_node_error(&w, run, "g"),
		  STR("{\"code\":\"rejected\",\"message\":\"ann rejected it: not today\"}"));
	CHECK_STR(approval(&w, run, "g").notes, STR("not today"));
	CHECK_INT(w.n_started, 0);
	CHECK_Z(world_node(&w, run, "after"), "SKIPPED");
}

TEST(expired_is_denied_unless_the_node_says_otherwise)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE(
			    "no", ",'approval':{'timeout':'10m'},'"
				  "continueOnError':true") "," RULE("yes",
								    ",'approval':{'timeout':'20m','"
								    "onTimeout':'approve'}") "]}");
	world_pass(&w, 599999);
	CHECK_INT(approval(&w, run, "no").status, APPROVAL_PENDING);
	world_pass(&w, 1);
	CHECK_INT(approval(&w, run, "no").status, APPROVAL_EXPIRED);
	CHECK_Z(code(&w, run, "no"), "approval_expired");
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	world_pass(&w, 600000);
	CHECK_INT(approval(&w, run, "yes").status, APPROVAL_APPROVED);
	CHECK_INT(approval(&w, run, "yes").responded_by.n, 0);
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_INT(w.n_started, 1);
}

TEST(the_stricter_of_agent_and_node_decides)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "{'name':'w','nodes':[{'id':'g','agent':'risky',"
				    "'action':'run','approvalRequired':false}]}");
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(an_agent_that_changed_voids_the_approval)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	world_agent(&w, "{'name':'rule','type':'RULE','version':'2',"
			"'capabilities':[{'name':'run'}]}");
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(code(&w, run, "g"), "approval_void");
	CHECK_INT(w.n_started, 0);
	CHECK_Z(status(&w, run), "FAILED");
}

TEST(a_retry_runs_what_was_approved_and_asks_no_more)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE(
				  "g", ",'approvalRequired':true,'inputs':{'x':'{{ context.x }}'},"
				       "'retry':{'maxAttempts':4,'initialInterval':'1s'}") "]}");
	w.by_hand = true;
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	world_fail(&w, "g", "exit_1");
	world_pass(&w, 5000);
	CHECK_Z(world_live(&w, "g")->input, "{\"x\":{\"b\":2,\"a\":[1.50]}}");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(world_live(&w, "g")->input, "{\"x\":{\"b\":2,\"a\":[1.50]}}");
	world_fail(&w, "g", "exit_1");
	world_agent(&w, "{'name':'rule','type':'RULE','version':'2',"
			"'capabilities':[{'name':'run'}]}");
	world_pass(&w, 10000);
	CHECK_Z(code(&w, run, "g"), "approval_void");
	CHECK_INT(world_run(&w, run).n_approvals, 1);
}

TEST(an_agent_that_needs_approval_by_now_does_not_start_without)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE(
				  "g", ",'retry':{'maxAttempts':2,'initialInterval':'1s'}") "]}");
	(void)run;
	w.by_hand = true;
	run = world_trigger(&w, "w", NULL);
	world_fail(&w, "g", "exit_1");
	world_agent(&w, "{'name':'rule','type':'RULE','riskLevel':'APPROVAL_REQUIRED',"
			"'capabilities':[{'name':'run'}]}");
	world_pass(&w, 5000);
	CHECK_Z(code(&w, run, "g"), "approval_missing");
}

TEST(the_stricter_of_agent_and_action_decides)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_agent(&w, "{'name':'shop','type':'RULE','capabilities':[{'name':'look'},"
			"{'name':'buy','riskLevel':'APPROVAL_REQUIRED'}]}");
	world_save(&w, "{'name':'w','nodes':[{'id':'l','agent':'shop','action':'look'},"
		       "{'id':'b','agent':'shop','action':'buy','approvalRequired':false}]}");
	CHECK_INT(w.outcome, ENGINE_CREATED);
	const char *run = world_trigger(&w, "w", NULL);
	CHECK_INT(approval(&w, run, "l").status, APPROVAL_EXPIRED); /* none */
	CHECK_INT(approval(&w, run, "b").status, APPROVAL_PENDING);
	CHECK_INT(w.n_started, 1);
	world_crash(&w);
	CHECK_INT(decide(&w, run, "b", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
	world_agent(&w, "{'name':'shop','type':'RULE','capabilities':[{'name':'look',"
			"'riskLevel':'low'}]}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_Z(w.findings, "capabilities[0].riskLevel: must be AUTO or APPROVAL_REQUIRED\n");
}

TEST(a_quorum_counts_each_name_once)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE(
			    "g", ",'approval':{'approvers':['ann','bob','eve'],'quorum':2}") "]}");
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "mallory"), ENGINE_FORBIDDEN);
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_CONFLICT);
	CHECK_INT(approval(&w, run, "g").status, APPROVAL_PENDING);
	world_crash(&w);
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_CONFLICT);
	CHECK_INT(w.n_started, 0);
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "eve"), ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
	struct value v;
	CHECK_INT(json_parse(&w.arena, approval(&w, run, "g").responses, JSON_DEFAULT, &v, NULL),
		  0);
	CHECK_INT(v.n, 2);
}

TEST(one_rejection_is_enough)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE("g", ",'approval':{'quorum':2}") "]}");
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_INT(decide(&w, run, "g", APPROVAL_REJECTED, "ann"), ENGINE_OK);
	CHECK_Z(code(&w, run, "g"), "rejected");
}

TEST(who_triggered_may_not_approve_unless_allowed)
{
	struct world w CLEANUP_WORLD;
	begin(&w, "{'name':'w','nodes':[" RULE("no", ",'approvalRequired':true") "," RULE(
			  "yes", ",'approval':{'allowSelf':true}") "]}");
	engine_run_trigger(w.engine,
			   &(struct run_trigger){.project = STR("default"),
						 .workflow = STR("w"),
						 .by = STR("ann")},
			   world_reply, &w);
	world_settle(&w);
	const char *run = arena_dupz(&w.arena, w.id);
	CHECK_INT(decide(&w, run, "no", APPROVAL_APPROVED, "ann"), ENGINE_FORBIDDEN);
	CHECK_INT(decide(&w, run, "yes", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_INT(decide(&w, run, "no", APPROVAL_APPROVED, "bob"), ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(a_decision_on_something_else_than_what_runs_is_refused)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	struct approval_row p = approval(&w, run, "g");
	send(&w, p.id, APPROVAL_APPROVED, "ann", "", "0123");
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	send(&w, p.id, APPROVAL_APPROVED, "ann", "", arena_dup(&w.arena, p.sha256.p, p.sha256.n));
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(a_run_waits_only_while_nothing_else_moves)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE("a", ",'approvalRequired':true") "," RULE(
				  "b", ",'approvalRequired':true") ",{'id':'s','sleep':'10m'}"
								   "," RULE("end",
									    ",'dependsOn':['a','b',"
									    "'s']") "]}");
	CHECK_Z(status(&w, run), "RUNNING"); /* it sleeps */
	world_pass(&w, 600000);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	world_crash(&w);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	w.by_hand = true;
	CHECK_INT(decide(&w, run, "b", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, run), "RUNNING");
	world_succeed(&w, "b", "{}");
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	w.by_hand = false;
	CHECK_INT(decide(&w, run, "a", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
}

TEST(cancel_and_time_out_expire_what_waits)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	struct str id = approval(&w, run, "g").id;
	world_cancel(&w, run);
	CHECK_Z(status(&w, run), "CANCELLED");
	CHECK_INT(approval(&w, run, "g").status, APPROVAL_EXPIRED);
	CHECK_STR(approval(&w, run, "g").notes, STR("the run was cancelled"));
	send(&w, id, APPROVAL_APPROVED, "ann", "", "");
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
	CHECK_INT(w.n_started, 0);
	world_save(&w, "{'name':'w','timeout':'1m','nodes':[" RULE(
			       "g", ",'approvalRequired':true") ",{'id':'s','sleep':'1h'}]}");
	run = world_trigger(&w, "w", NULL);
	world_pass(&w, 60000);
	CHECK_Z(status(&w, run), "TIMED_OUT");
	CHECK_INT(approval(&w, run, "g").status, APPROVAL_EXPIRED);
}

TEST(waiting_goes_on_over_restarts_and_expires_once)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE("g", ",'approval':{'timeout':'10m'}") "]}");
	for (int i = 0; i < 3; i++) {
		world_pass(&w, 100000);
		world_crash(&w);
	}
	world_pass(&w, 299999);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	world_pass(&w, 1);
	CHECK_Z(code(&w, run, "g"), "approval_expired");
	run = world_trigger(&w, "w", NULL);
	w.clock.wall_ms += 700000; /* while down */
	world_crash(&w);
	world_pass(&w, 0);
	CHECK_Z(code(&w, run, "g"), "approval_expired");
}

TEST(a_jump_of_the_wall_clock_expires_nothing)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, "{'name':'w','nodes':[" RULE("g", ",'approval':{'timeout':'10m'}") "]}");
	w.clock.wall_ms += 3600000;
	world_pass(&w, 599999);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
	w.clock.wall_ms -= 7200000;
	world_pass(&w, 1);
	CHECK_Z(code(&w, run, "g"), "approval_expired");
	CHECK_INT(world_run(&w, run).nodes[0].started_ms, 0);
}

TEST(what_cannot_be_asked_fails_as_it_would_have)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin_with(&w, gate, "{'x':1}");
	CHECK_Z(code(&w, run, "g"), "template_error");
	CHECK_INT(world_run(&w, run).n_approvals, 0);
}

TEST(a_run_that_is_retried_asks_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	CHECK_INT(decide(&w, run, "g", APPROVAL_REJECTED, "ann"), ENGINE_OK);
	world_retry(&w, run, "failed");
	CHECK_INT(w.outcome, ENGINE_CREATED);
	const char *again = arena_dupz(&w.arena, w.id);
	CHECK_Z(status(&w, again), "WAITING_APPROVAL");
	CHECK_INT(decide(&w, again, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, again), "SUCCESS");
}

TEST(nothing_is_decided_while_the_disk_is_full)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, gate);
	struct str id = approval(&w, run, "g").id;
	mem_store_fail_next(w.store, 1);
	world_cancel(&w, "none");
	world_trigger(&w, "w", NULL);
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	if (stats.store_full) {
		send(&w, id, APPROVAL_APPROVED, "ann", "", "");
		CHECK_INT(w.outcome, ENGINE_UNAVAILABLE);
	}
	world_pass(&w, 60000);
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	CHECK_Z(status(&w, run), "SUCCESS");
}

/* The numbers of the run's reminders, each with its node: "g1 g2". */
static const char *reminders(struct world *w, const char *run)
{
	struct store_reader *r;
	struct event_row *rows;
	size_t n;
	CLEANUP_BUF struct buf text = {0};
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->event_list(r, &w->arena, str_of(run), 0, 1000, &rows, &n) == 0);
	for (size_t i = 0; i < n; i++) {
		struct value data;
		if (!str_eqz(rows[i].type, "approval.reminder"))
			continue;
		ASSERT(json_parse(&w->arena, rows[i].data, 0, &data, NULL) == 0);
		ASSERT(value_getz(&data, "approvalId") && value_getz(&data, "expiresAt"));
		buf_printf(&text, "%s%.*s%lld", text.n ? " " : "",
			   STR_ARG(value_text(value_getz(&data, "nodeId"))),
			   (long long)value_getz(&data, "number")->i);
	}
	r->ops->reader_free(r);
	return arena_dup(&w->arena, text.p ? text.p : "", text.n);
}

static const char reminding[] =
	"{'name':'w','nodes':[" RULE("g", ",'approval':{'timeout':'10m','remindEvery':'2m'}") "]}";

TEST(reminders_come_at_each_multiple_until_it_expires)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, reminding);
	world_pass(&w, 119999);
	CHECK_Z(reminders(&w, run), "");
	world_pass(&w, 1);
	CHECK_Z(reminders(&w, run), "g1");
	w.clock.wall_ms += 3600000; /* a jump is no time that passed */
	world_pass(&w, 119999);
	CHECK_Z(reminders(&w, run), "g1");
	world_pass(&w, 1);
	CHECK_Z(reminders(&w, run), "g1 g2");
	world_pass(&w, 3600000);
	CHECK_Z(reminders(&w, run), "g1 g2 g3 g4"); /* at the fifth it expires */
	CHECK_Z(code(&w, run, "g"), "approval_expired");
}

TEST(no_reminder_comes_after_the_decision_or_a_cancel)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, reminding);
	const char *other = world_trigger(&w, "w", NULL);
	w.by_hand = true; /* the approved node goes on for long */
	world_pass(&w, 130000);
	CHECK_INT(decide(&w, run, "g", APPROVAL_APPROVED, "ann"), ENGINE_OK);
	world_pass(&w, 120000);
	CHECK_Z(reminders(&w, run), "g1");
	CHECK_Z(reminders(&w, other), "g1 g2");
	world_cancel(&w, other);
	world_crash(&w);
	world_pass(&w, 3600000);
	CHECK_Z(reminders(&w, run), "g1");
	CHECK_Z(reminders(&w, other), "g1 g2");
}

TEST(a_restart_makes_up_no_missed_reminders)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, reminding);
	world_pass(&w, 130000);
	world_crash(&w);
	world_pass(&w, 0);
	CHECK_Z(reminders(&w, run), "g1");
	w.clock.wall_ms += 240000; /* while down: the second and third pass */
	world_crash(&w);
	world_pass(&w, 109999);
	CHECK_Z(reminders(&w, run), "g1");
	world_pass(&w, 1);
	CHECK_Z(reminders(&w, run), "g1 g4");
	w.clock.wall_ms += 3600000;
	world_crash(&w);
	world_pass(&w, 3600000);
	CHECK_Z(reminders(&w, run), "g1 g4");
	CHECK_Z(code(&w, run, "g"), "approval_expired");
}

TEST(a_late_wake_up_reminds_once)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, reminding);
	w.clock.wall_ms += 250000; /* the process stood still */
	w.clock.mono_ms += 250000;
	world_pass(&w, 0);
	CHECK_Z(reminders(&w, run), "g2");
	w.clock.wall_ms += 3600000;
	w.clock.mono_ms += 3600000;
	world_pass(&w, 0);
	CHECK_Z(reminders(&w, run), "g2");
	CHECK_Z(code(&w, run, "g"), "approval_expired");
}

TEST(there_are_so_many_reminders_and_no_more)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(
		&w, "{'name':'w','nodes':[" RULE("g", ",'approval':{'remindEvery':'1s'}") "]}");
	world_pass(&w, 3600000);
	const char *all = reminders(&w, run);
	CHECK(str_ends(str_of(all), STR(" g100")));
	world_crash(&w);
	world_pass(&w, 3600000);
	CHECK_Z(reminders(&w, run), all);
	CHECK_Z(status(&w, run), "WAITING_APPROVAL");
}

TEST(a_move_to_another_version_reminds_by_the_new_one)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, reminding);
	world_pass(&w, 130000);
	world_save(&w, "{'name':'w','nodes':[" RULE("new", "") "," RULE(
			       "g", ",'approval':{'timeout':'10m','remindEvery':'4m'}") "]}");
	world_move(&w, run, 0, false);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_pass(&w, 239999);
	CHECK_Z(reminders(&w, run), "g1");
	world_pass(&w, 1);
	CHECK_Z(reminders(&w, run), "g1 g1"); /* of the new question */
}

TEST(a_paused_run_is_reminded)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, reminding);
	struct run_control ask = {
		.project = STR("default"), .run_id = str_of(run), .by = STR("ann")};
	engine_run_pause(w.engine, &ask, world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	world_pass(&w, 240000);
	CHECK_Z(reminders(&w, run), "g1 g2");
}

TAP_MAIN(RUN(a_gated_node_asks_and_runs_what_was_approved), RUN(the_hash_is_of_what_is_shown),
	 RUN(the_first_decision_wins), RUN(a_decision_is_undone_by_a_crash_before_it_is_durable),
	 RUN(a_rejection_fails_the_node_with_its_reason),
	 RUN(expired_is_denied_unless_the_node_says_otherwise),
	 RUN(the_stricter_of_agent_and_node_decides), RUN(an_agent_that_changed_voids_the_approval),
	 RUN(a_retry_runs_what_was_approved_and_asks_no_more),
	 RUN(an_agent_that_needs_approval_by_now_does_not_start_without),
	 RUN(the_stricter_of_agent_and_action_decides), RUN(a_quorum_counts_each_name_once),
	 RUN(one_rejection_is_enough), RUN(who_triggered_may_not_approve_unless_allowed),
	 RUN(a_decision_on_something_else_than_what_runs_is_refused),
	 RUN(a_run_waits_only_while_nothing_else_moves), RUN(cancel_and_time_out_expire_what_waits),
	 RUN(waiting_goes_on_over_restarts_and_expires_once),
	 RUN(a_jump_of_the_wall_clock_expires_nothing),
	 RUN(what_cannot_be_asked_fails_as_it_would_have), RUN(a_run_that_is_retried_asks_again),
	 RUN(nothing_is_decided_while_the_disk_is_full),
	 RUN(reminders_come_at_each_multiple_until_it_expires),
	 RUN(no_reminder_comes_after_the_decision_or_a_cancel),
	 RUN(a_restart_makes_up_no_missed_reminders), RUN(a_late_wake_up_reminds_once),
	 RUN(there_are_so_many_reminders_and_no_more),
	 RUN(a_move_to_another_version_reminds_by_the_new_one), RUN(a_paused_run_is_reminded))
