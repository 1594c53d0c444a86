/* Circuit breakers of agents. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"

#define AGENT(policy) "{'name':'flaky','type':'RULE','capabilities':[{'name':'run'}]" policy "}"

static const char breaker[] =
	AGENT(",'circuitBreaker':{'failures':3,'window':'1m','cooldown':'30s'}");

static struct {
	enum breaker_state state;
	size_t n_opened, n_told;
} seen;

static void on_breaker(void *watcher UNUSED, struct str project, struct str agent,
		       enum breaker_state state, bool opened)
{
	ASSERT(str_eqz(project, "default") && str_eqz(agent, "flaky"));
	seen.state = state;
	seen.n_opened += opened;
	seen.n_told++;
}

/* A workflow of independent nodes n0, n1, …: each is one attempt of the agent. */
static const char *begin(struct world *w, const char *agent)
{
	memset(&seen, 0, sizeof(seen));
	world_open(w);
	w->config.on_breaker = on_breaker;
	world_crash(w); /* with the watcher */
	w->by_hand = true;
	world_agent(w, agent);
	ASSERT(w->outcome == ENGINE_CREATED);
	world_save(w, "{'name':'w','nodes':[{'id':'a','agent':'flaky','action':'run'}]}");
	return NULL;
}

static const char *go(struct world *w)
{
	return world_trigger(w, "w", NULL);
}

/* One run whose attempt ends so; the breaker must let it through. */
static void once(struct world *w, const char *code)
{
	const char *run = go(w);
	ASSERT(world_live(w, "a"));
	if (code)
		world_fail(w, "a", code);
	else
		world_succeed(w, "a", "{}");
	ASSERT(run_status_final(world_run(w, run).run.status));
}

static void open_it(struct world *w)
{
	for (int i = 0; i < 3; i++)
		once(w, "exit_1");
	ASSERT(seen.state == BREAKER_OPEN);
}

TEST(so_many_failures_in_the_window_open_it_and_attempts_wait)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	once(&w, "exit_1");
	once(&w, NULL);
	once(&w, "sandbox");
	CHECK_INT(seen.state, BREAKER_CLOSED);
	once(&w, "timeout");
	CHECK_INT(seen.state, BREAKER_OPEN);
	CHECK_INT(seen.n_opened, 1);
	const char *run = go(&w);
	CHECK(!world_live(&w, "a"));
	CHECK_Z(world_attempts(&w, run, "a"), "1 QUEUED");
	world_pass(&w, 29999);
	CHECK(!world_live(&w, "a"));
	CHECK_INT(world_run(&w, run).run.status, RUN_RUNNING);
}

TEST(failures_apart_from_each_other_open_nothing)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	for (int i = 0; i < 20; i++) {
		once(&w, "exit_1");
		world_pass(&w, 30001); /* three of them never lie in one minute */
	}
	CHECK_INT(seen.n_opened, 0);
}

TEST(after_the_cool_down_one_attempt_tries_and_its_success_closes)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	open_it(&w);
	const char *first = go(&w);
	const char *second = go(&w);
	world_pass(&w, 30000);
	CHECK_INT(seen.state, BREAKER_HALF_OPEN);
	CHECK_Z(world_attempts(&w, first, "a"), "1 RUNNING");
	CHECK_Z(world_attempts(&w, second, "a"), "1 QUEUED");
	const char *third = go(&w); /* comes while the probe runs */
	CHECK_Z(world_attempts(&w, third, "a"), "1 QUEUED");
	world_succeed(&w, "a", "{}");
	CHECK_INT(seen.state, BREAKER_CLOSED);
	CHECK_Z(world_attempts(&w, second, "a"), "1 RUNNING");
	CHECK_Z(world_attempts(&w, third, "a"), "1 RUNNING");
}

TEST(the_failure_of_the_one_attempt_opens_it_again)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	open_it(&w);
	go(&w);
	const char *second = go(&w);
	world_pass(&w, 30000);
	world_fail(&w, "a", "exit_1");
	CHECK_INT(seen.state, BREAKER_OPEN);
	CHECK_INT(seen.n_opened, 2);
	world_pass(&w, 29999);
	CHECK_Z(world_attempts(&w, second, "a"), "1 QUEUED");
	world_pass(&w, 1);
	CHECK_Z(world_attempts(&w, second, "a"), "1 RUNNING");
}

TEST(a_probe_that_tells_nothing_lets_the_next_one_try)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	open_it(&w);
	const char *first = go(&w);
	const char *second = go(&w);
	world_pass(&w, 30000);
	world_cancel(&w, first);
	world_fail(&w, "a", "cancelled");
	CHECK_INT(seen.state, BREAKER_HALF_OPEN);
	CHECK_Z(world_attempts(&w, second, "a"), "1 RUNNING");
	world_result(&w, world_live(&w, "a"),
		     &(struct attempt_result){.end = ATTEMPT_END_ERROR,
					      .code = "exit_75",
					      .message = STR("later"),
					      .retry_later = true});
	world_settle(&w);
	CHECK_INT(seen.state, BREAKER_HALF_OPEN);
	once(&w, NULL);
	CHECK_INT(seen.state, BREAKER_CLOSED);
}

TEST(what_no_other_attempt_could_do_better_is_no_failure)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	for (int i = 0; i < 10; i++) {
		go(&w);
		world_result(&w, world_live(&w, "a"),
			     &(struct attempt_result){.end = ATTEMPT_END_ERROR,
						      .code = i % 2 ? "delivery_failed" : "exit_1",
						      .final = i % 2,
						      .retry_later = i % 2 == 0,
						      .message = STR("no")});
		world_settle(&w);
	}
	CHECK_INT(seen.n_told, 0);
}

TEST(attempts_that_began_before_change_nothing_while_it_is_open)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	for (int i = 0; i < 5; i++)
		go(&w);
	for (int i = 0; i < 3; i++)
		world_fail(&w, "a", "exit_1");
	CHECK_INT(seen.state, BREAKER_OPEN);
	world_succeed(&w, "a", "{}");
	CHECK_INT(seen.state, BREAKER_OPEN);
	world_fail(&w, "a", "exit_1");
	CHECK_INT(seen.n_opened, 1);
	world_pass(&w, 30000);
	CHECK_INT(seen.state, BREAKER_HALF_OPEN);
	once(&w, NULL);
	CHECK_INT(seen.state, BREAKER_CLOSED);
}

TEST(a_node_that_waits_for_a_breaker_can_be_cancelled_and_times_out)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	open_it(&w);
	const char *run = go(&w);
	world_cancel(&w, run);
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
	world_save(&w, "{'name':'w','nodes':[{'id':'a','agent':'flaky','action':'run',"
		       "'timeouts':{'queue':'10s'}}]}");
	run = go(&w);
	world_pass(&w, 10000);
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT queue_timeout");
}

TEST(a_restart_closes_it)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	open_it(&w);
	const char *run = go(&w);
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "a"), "1 RUNNING");
}

TEST(another_policy_begins_anew_and_none_holds_nobody)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	open_it(&w);
	const char *run = go(&w);
	world_agent(&w, AGENT(""));
	CHECK_INT(seen.state, BREAKER_CLOSED);
	CHECK_Z(world_attempts(&w, run, "a"), "1 RUNNING");
	world_fail(&w, "a", "exit_1");
	for (int i = 0; i < 20; i++)
		once(&w, "exit_1");
	CHECK_INT(seen.n_opened, 1);
}

TEST(a_reset_closes_it_by_hand)
{
	struct world w CLEANUP_WORLD;
	begin(&w, breaker);
	struct str id = arena_str(&w.arena, str_of(w.id));
	open_it(&w);
	const char *run = go(&w);
	(void)id;
	engine_agent_reset(w.engine, STR("default"), STR("flaky"), world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_Z(world_attempts(&w, run, "a"), "1 RUNNING");
	engine_agent_reset(w.engine, STR("default"), STR("flaky"), world_reply, &w);
	CHECK_INT(w.outcome, ENGINE_UNCHANGED);
	engine_agent_reset(w.engine, STR("default"), STR("none"), world_reply, &w);
	CHECK_INT(w.outcome, ENGINE_NOT_FOUND);
}

TEST(an_agents_state_is_told)
{
	struct world w CLEANUP_WORLD;
	struct engine_agent_state s;
	begin(&w, breaker);
	engine_agent_state(w.engine, STR("default"), STR("flaky"), &s);
	CHECK(s.has_breaker && s.state == BREAKER_CLOSED && s.until_ms == 0);
	for (int i = 0; i < 3; i++)
		once(&w, "oom");
	go(&w);
	engine_agent_state(w.engine, STR("default"), STR("flaky"), &s);
	CHECK_INT(s.state, BREAKER_OPEN);
	CHECK_INT(s.since_ms, w.clock.wall_ms);
	CHECK_INT(s.until_ms, w.clock.wall_ms + 30000);
	CHECK_Z(s.code, "oom");
	CHECK_Z(s.message, "it went wrong");
	world_agents(&w);
	engine_agent_state(w.engine, STR("default"), STR("rule"), &s);
	CHECK(!s.has_breaker);
}

TAP_MAIN(RUN(so_many_failures_in_the_window_open_it_and_attempts_wait),
	 RUN(failures_apart_from_each_other_open_nothing),
	 RUN(after_the_cool_down_one_attempt_tries_and_its_success_closes),
	 RUN(the_failure_of_the_one_attempt_opens_it_again),
	 RUN(a_probe_that_tells_nothing_lets_the_next_one_try),
	 RUN(what_no_other_attempt_could_do_better_is_no_failure),
	 RUN(attempts_that_began_before_change_nothing_while_it_is_open),
	 RUN(a_node_that_waits_for_a_breaker_can_be_cancelled_and_times_out),
	 RUN(a_restart_closes_it), RUN(another_policy_begins_anew_and_none_holds_nobody),
	 RUN(a_reset_closes_it_by_hand), RUN(an_agents_state_is_told))
