/* Which failures are tried again, what an agent says of its own, and circuit breakers. */
#include "tap.h"
#include "world.h"

#include "base/buf.h"
#include "base/fault.h"
#include "engine/run/agent_error.h"
#include "engine/run/error_codes.h"
#include "engine/admission/policy.h"
#include "json/parse.h"

/* ---- codes ---- */

static bool matches(const char *entry, const char *code)
{
	return error_code_matches(str_of(entry), str_of(code));
}

TEST(entries_match_codes_patterns_and_classes)
{
	CHECK(matches("exit_3", "exit_3") && !matches("exit_3", "exit_33"));
	CHECK(matches("exit_*", "exit_33") && matches("*", "oom") &&
	      matches("*_*t", "start_timeout"));
	CHECK(matches("exit_N", "exit_7") && !matches("exit_N", "exit_"));
	CHECK(matches("crash", "exit_1") && matches("crash", "signal_11") &&
	      !matches("crash", "oom"));
	CHECK(matches("timeout", "heartbeat_timeout") && matches("timeout", "timeout"));
	CHECK(!matches("timeout", "queue_timeout") && !matches("heartbeat_timeout", "timeout"));
	CHECK(matches("resource", "output_too_large") && matches("Card*", "CardDeclined"));
	CHECK(!matches("crash", "Crash") && !matches("", "oom"));
}

struct judged {
	const char *entry, *hint, *message; /* NULL message = good */
};

static const struct judged judged[] = {
	{"timeout", NULL, NULL},
	{"exit_1", NULL, NULL},
	{"exit_255", NULL, NULL},
	{"exit_2*", NULL, NULL},
	{"signal_*", NULL, NULL},
	{"crash", NULL, NULL},
	{"*", NULL, NULL},
	{"CardDeclined", NULL, NULL},
	{"exit_256", NULL, "is no error code"},
	{"exit_0", "exit_N", "is no error code"},
	{"timeot", "timeout", "is no error code"},
	{"delivery_faild", "delivery_failed", "is no error code"},
	{"resorce", "resource", "is no error code"},
	{"nothing", NULL, "begin with a capital letter"},
	{"template_error", NULL, "never tried again"},
	{"lost", NULL, "whatever is said here"},
	{"cancelled", NULL, "run is stopped"},
	{"wait_timeout", NULL, "no error of an attempt"},
	{"", NULL, "must be an error code"},
};

TEST(entries_that_can_match_nothing_are_found)
{
	for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
		const struct judged *j = &judged[i];
		const char *hint, *got = error_code_judge_entry(str_of(j->entry), &hint);
		CHECK((got == NULL) == (j->message == NULL));
		CHECK(!j->message || strstr(got, j->message));
		CHECK_Z(hint ? hint : "-", j->hint ? j->hint : "-");
	}
}

/* ---- retryOn, nonRetryable ---- */

static const char *begin(struct world *w, const char *retry)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	world_save(w, arena_printf(&w->arena,
				   "{'name':'w','nodes':[{'id':'a','agent':'rule','action':'run',"
				   "'retry':{'initialInterval':'1s','jitter':0%s}}]}",
				   retry));
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", NULL);
}

/* The member `key` of the run's newest event of that type. */
static const char *told(struct world *w, const char *run, const char *type, const char *key)
{
	struct store_reader *r;
	struct event_row *rows;
	struct value data;
	size_t n;
	const char *found = "(none)";
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->event_list(r, &w->arena, str_of(run), 0, 1000, &rows, &n) == 0);
	for (size_t i = 0; i < n; i++) {
		if (!str_eqz(rows[i].type, type))
			continue;
		ASSERT(json_parse(&w->arena, rows[i].data, 0, &data, NULL) == 0);
		struct str text = value_text(value_getz(&data, key));
		found = arena_dup(&w->arena, text.p ? text.p : "", text.n);
	}
	r->ops->reader_free(r);
	return found;
}

TEST(only_what_retryOn_lists_is_tried_again_and_the_event_says_so)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'maxAttempts':5,'retryOn':['crash','sandbox']");
	world_fail(&w, "a", "exit_1");
	CHECK_Z(told(&w, run, "node.retrying", "reason"), "retry");
	world_pass(&w, 1000);
	world_fail(&w, "a", "sandbox");
	world_pass(&w, 2000);
	world_fail(&w, "a", "oom");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 FAILED sandbox, 3 FAILED oom");
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
	CHECK_Z(told(&w, run, "node.finished", "notRetried"), "retryOn");
}

TEST(what_nonRetryable_lists_has_one_attempt_though_retryOn_lists_it_too)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'retryOn':['exit_*'],'nonRetryable':['exit_2*','Bad']");
	world_fail(&w, "a", "exit_1");
	world_pass(&w, 1000);
	world_fail(&w, "a", "exit_22");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 FAILED exit_22");
	CHECK_Z(told(&w, run, "node.finished", "notRetried"), "nonRetryable");
}

TEST(used_up_attempts_are_told)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'maxAttempts':1");
	world_fail(&w, "a", "exit_1");
	CHECK_Z(told(&w, run, "node.finished", "notRetried"), "maxAttempts");
}

static void answer(struct world *w, const char *code, const char *output, bool later)
{
	struct world_attempt *a = world_live(w, "a");
	ASSERT(a);
	char *text = arena_dupz(&w->arena, output);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	world_result(w, a,
		     &(struct attempt_result){.end = ATTEMPT_END_ERROR,
					      .code = code,
					      .message = STR("it ended"),
					      .output = str_of(text),
					      .retry_later = later});
	world_settle(w);
}

TEST(later_is_no_failure_unless_it_is_nonRetryable)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'retryOn':['timeout']");
	answer(&w, "exit_75", "", true);
	CHECK_Z(told(&w, run, "node.retrying", "reason"), "later");
	world_cancel(&w, run);
	world_save(&w, "{'name':'w','nodes':[{'id':'a','agent':'rule','action':'run',"
		       "'retry':{'nonRetryable':['exit_75']}}]}");
	run = world_trigger(&w, "w", NULL);
	answer(&w, "exit_75", "", true);
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
}

TEST(lists_hold_after_a_crash_and_lost_attempts_are_made_again_in_any_case)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'retryOn':['oom']");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(told(&w, run, "node.retrying", "reason"), "lost");
	world_fail(&w, "a", "exit_1");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost, 2 FAILED exit_1");
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
}

TEST(entries_that_are_wrong_are_found_when_the_workflow_is_saved)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_check(&w, "{'name':'w','nodes':[{'id':'a','agent':'rule','action':'run','retry':{"
			"'retryOn':['exit_1','timeot',7,'lost'],'nonRetryable':[]}}]}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_Z(w.findings,
		"nodes[0].retry.retryOn[1]: there is no error code \"timeot\"; did you mean "
		"\"timeout\"?\n"
		"nodes[0].retry.retryOn[2]: \"\" must be an error code, such as \"timeout\", "
		"\"exit_1\" or \"exit_*\"\n"
		"nodes[0].retry.retryOn[3]: \"lost\" is told of attempts that drover lost by "
		"ending itself; they are made again whatever is said here\n"
		"nodes[0].retry.nonRetryable: must have 1 to 64 error codes; leave it out for "
		"none\n");
}

/* ---- what an agent says itself ---- */

TEST(an_agent_gives_its_error_a_code_and_says_that_it_is_final)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, "");
	answer(&w, "exit_1", "{'error':{'code':'CardDeclined','message':'no','retryable':false}}",
	       false);
	CHECK_STR(world_node_error(&w, run, "a"),
		  STR("{\"code\":\"CardDeclined\",\"message\":\"no\"}"));
	CHECK_Z(told(&w, run, "node.finished", "notRetried"), "final");
}

TEST(an_agents_own_code_is_matched_like_any)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'nonRetryable':['Card*']");
	answer(&w, "exit_1", "{'error':{'code':'Busy','retryAfter':'1m'}}", false);
	world_pass(&w, 59999);
	CHECK(!world_live(&w, "a"));
	world_pass(&w, 1);
	answer(&w, "exit_1", "{'error':{'code':'CardDeclined'}}", false);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED Busy, 2 FAILED CardDeclined");
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
}

TEST(what_is_no_error_of_an_agent_says_nothing)
{
	static const char *const outputs[] = {
		"",
		"{",
		"[]",
		"{'error':'no'}",
		"{'x':1}",
		"{'error':{'code':'lost'}}",
		"{'error':7}",
		"{'error':{'code':'template_error','retryable':'no'}}"};
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, ",'maxAttempts':20");
	for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
		answer(&w, "exit_4", outputs[i], false);
		world_pass(&w, 60000);
	}
	answer(&w, "oom", "{'error':{'code':'Mine','retryable':false}}", false);
	world_pass(&w, 60000);
	world_succeed(&w, "a", "{}");
	struct run_detail d = world_run(&w, run);
	for (size_t i = 0; i + 2 < d.n_attempts; i++)
		CHECK(str_starts(d.attempts[i].error, STR("{\"code\":\"exit_4\"")));
	CHECK(str_starts(d.attempts[d.n_attempts - 2].error, STR("{\"code\":\"oom\"")));
}

/* ---- policies ---- */

static const struct {
	const char *members, *places; /* of the findings, joined by spaces */
} policies[] = {
	{"'concurrency':4,'rateLimit':{'limit':10,'per':'1m','burst':2}", ""},
	{"'circuitBreaker':{}", ""},
	{"'circuitBreaker':{'failures':3,'window':'10s','cooldown':'1s'}", ""},
	{"'concurrency':0", "concurrency"},
	{"'concurrency':'4'", "concurrency"},
	{"'rateLimit':5", "rateLimit"},
	{"'rateLimit':{'per':'1s'}", "rateLimit.limit"},
	{"'rateLimit':{'limit':1,'per':'0s'}", "rateLimit.per"},
	{"'circuitBreaker':{'failures':0,'window':5,'cooldow':'1s'}",
	 "circuitBreaker.cooldow circuitBreaker.failures circuitBreaker.window"},
};

TEST(policies_are_judged_with_places)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		world_agent(&w, arena_printf(&w.arena,
					     "{'name':'p%zu','type':'RULE','capabilities':[{'name':"
					     "'run'}],%s}",
					     i, policies[i].members));
		CLEANUP_BUF struct buf places = {0};
		for (const char *line = w.findings; *line; line = strchr(line, '\n') + 1)
			buf_printf(&places, "%s%.*s", places.n ? " " : "",
				   (int)(strchr(line, ':') - line), line);
		CHECK_STR(buf_str(&places), str_of(policies[i].places));
	}
}

TEST(a_policy_is_read_as_it_was_judged)
{
	struct policy p = policy_read(STR("{\"concurrency\":4,\"rateLimit\":{\"limit\":10},"
					  "\"circuitBreaker\":{\"cooldown\":\"5s\"}}"));
	CHECK_INT(p.concurrency, 4);
	CHECK_INT(p.rate_limit, 10);
	CHECK_INT(p.rate_per_ms, 1000);
	CHECK_INT(p.rate_burst, 10);
	CHECK_INT(p.breaker_failures, 5);
	CHECK_INT(p.breaker_window_ms, 60000);
	CHECK_INT(p.breaker_cooldown_ms, 5000);
	p = policy_read((struct str){0});
	CHECK_INT(p.concurrency + p.rate_limit + p.breaker_failures, 0);
}

TAP_MAIN(RUN(entries_match_codes_patterns_and_classes),
	 RUN(entries_that_can_match_nothing_are_found),
	 RUN(only_what_retryOn_lists_is_tried_again_and_the_event_says_so),
	 RUN(what_nonRetryable_lists_has_one_attempt_though_retryOn_lists_it_too),
	 RUN(used_up_attempts_are_told), RUN(later_is_no_failure_unless_it_is_nonRetryable),
	 RUN(lists_hold_after_a_crash_and_lost_attempts_are_made_again_in_any_case),
	 RUN(entries_that_are_wrong_are_found_when_the_workflow_is_saved),
	 RUN(an_agent_gives_its_error_a_code_and_says_that_it_is_final),
	 RUN(an_agents_own_code_is_matched_like_any),
	 RUN(what_is_no_error_of_an_agent_says_nothing), RUN(policies_are_judged_with_places),
	 RUN(a_policy_is_read_as_it_was_judged))
