/* The time-outs of a node beside that of one attempt's run; heartbeats; progress. */
#include "tap.h"
#include "world.h"

#include "base/fault.h"
#include "engine/request/control.h"
#include "json/parse.h"

#define NODE(id, agent, rest)                                                                      \
	"{'id':'" id "','agent':'" agent "','action':'run','retry':{'initialInterval':'10s',"      \
	"'backoffCoefficient':1,'jitter':0,'maxAttempts':10}" rest "}"

static const char *begin(struct world *w, const char *nodes)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	world_save(w, arena_printf(&w->arena, "{'name':'w','nodes':[%s]}", nodes));
	ASSERT(w->outcome == ENGINE_CREATED);
	return world_trigger(w, "w", NULL);
}

/* The executor ends what it was asked to stop. */
static void end_stopped(struct world *w, const char *node_id)
{
	ASSERT(world_live(w, node_id)->stop_asked);
	world_fail(w, node_id, "timeout");
}

/* ---- queue ---- */

static const char queued[] = NODE("a", "script", "") "," NODE("b", "script", "") "," NODE(
	"c", "script", ",'timeouts':{'queue':'5m'}");

TEST(an_attempt_that_waits_too_long_for_its_start_is_not_started)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, queued);
	world_pass(&w, 299999);
	CHECK_Z(world_attempts(&w, run, "c"), "1 QUEUED");
	world_pass(&w, 1);
	CHECK_Z(world_attempts(&w, run, "c"), "1 TIMED_OUT queue_timeout");
	CHECK_Z(world_node(&w, run, "c"), "TIMED_OUT");
	CHECK_STR(
		world_node_error(&w, run, "c"),
		STR("{\"code\":\"queue_timeout\",\"message\":\"it waited to be started for longer "
		    "than its queue time-out of 5m\"}"));
	CHECK(!world_live(&w, "c"));
}

TEST(what_is_started_in_time_has_no_queue_time_out)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, queued);
	world_pass(&w, 299999);
	world_succeed(&w, "a", "{}");
	world_pass(&w, 3600000);
	CHECK_Z(world_attempts(&w, run, "c"), "1 RUNNING");
}

TEST(back_off_is_not_counted_as_waiting_in_the_queue)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, NODE("a", "rule", ",'timeouts':{'queue':'5s'}")); /* backs off 10 s */
	world_fail(&w, "a", "exit_1");
	world_pass(&w, 10000);
	world_succeed(&w, "a", "{}");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 SUCCESS");
}

TEST(the_time_in_the_queue_goes_on_over_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, queued);
	world_pass(&w, 200000);
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "c"), "1 QUEUED");
	world_pass(&w, 99999);
	CHECK_Z(world_attempts(&w, run, "c"), "1 QUEUED");
	world_pass(&w, 1);
	CHECK_Z(world_attempts(&w, run, "c"), "1 TIMED_OUT queue_timeout");
}

TEST(a_queue_time_out_that_passed_while_down_counts_at_start)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, queued);
	w.clock.wall_ms += 300000;
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "c"), "1 TIMED_OUT queue_timeout");
}

TEST(a_jump_of_the_wall_clock_moves_no_time_out)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, queued);
	w.clock.wall_ms += 3600000;
	world_pass(&w, 299999);
	CHECK_Z(world_attempts(&w, run, "c"), "1 QUEUED");
	w.clock.wall_ms -= 7200000;
	world_crash(&w); /* the clock is behind: the whole time again, not more */
	world_pass(&w, 299999);
	CHECK_Z(world_attempts(&w, run, "c"), "1 QUEUED");
	world_pass(&w, 1);
	CHECK_Z(world_attempts(&w, run, "c"), "1 TIMED_OUT queue_timeout");
}

/* ---- start ---- */

TEST(a_program_that_does_not_run_in_time_is_stopped_and_tried_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, NODE("a", "script", ",'timeouts':{'start':'10s'}"));
	world_pass(&w, 9999);
	CHECK(!world_live(&w, "a")->stop_asked);
	world_pass(&w, 1);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT start_timeout, 2 QUEUED");
	world_pass(&w, 10000);
	world_started(&w, "a");
	world_pass(&w, 3600000);
	CHECK(!world_live(&w, "a")->stop_asked);
	world_succeed(&w, "a", "{}");
	CHECK_Z(world_node(&w, run, "a"), "SUCCESS");
}

TEST(a_start_has_its_whole_time_again_after_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, NODE("a", "script", ",'timeouts':{'start':'10s'}"));
	world_pass(&w, 9000);
	world_crash(&w);
	world_pass(&w, 9999);
	CHECK(!world_live(&w, "a")->stop_asked);
	world_pass(&w, 1);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost, 2 TIMED_OUT start_timeout, 3 QUEUED");
}

/* ---- run ---- */

TEST(run_among_the_time_outs_is_the_timeout)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, NODE("a", "rule", ",'timeouts':{'run':'30s'}"));
	world_pass(&w, 30000);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT timeout, 2 QUEUED");
}

/* ---- total ---- */

static const char total[] = NODE("a", "rule", ",'timeouts':{'total':'25s'}");

TEST(the_total_time_out_stops_a_running_attempt_and_there_is_no_other)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, total);
	world_pass(&w, 3000);
	world_fail(&w, "a", "exit_1");
	world_pass(&w, 21999); /* runs since 13 s */
	CHECK(!world_live(&w, "a")->stop_asked);
	world_pass(&w, 1);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 TIMED_OUT total_timeout");
	CHECK_Z(world_node(&w, run, "a"), "TIMED_OUT");
	CHECK(str_starts(world_node_error(&w, run, "a"), STR("{\"code\":\"total_timeout\"")));
}

TEST(an_attempt_that_could_not_start_before_the_total_is_over_is_not_made)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, total);
	world_pass(&w, 15000);
	world_fail(&w, "a", "exit_1");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1");
	CHECK_Z(world_node(&w, run, "a"), "FAILED");
}

TEST(the_total_counts_back_off_and_the_queue_over_a_restart)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, total);
	world_pass(&w, 1000);
	world_fail(&w, "a", "exit_1");
	world_pass(&w, 5000);
	world_crash(&w);
	world_pass(&w, 18999);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 RUNNING");
	CHECK(!world_live(&w, "a")->stop_asked);
	world_pass(&w, 1);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 TIMED_OUT total_timeout");
}

TEST(a_total_that_passed_while_down_starts_nothing)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, total);
	w.clock.wall_ms += 25000;
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED lost, 2 TIMED_OUT total_timeout");
	CHECK_INT(w.n_started, 1);
	CHECK_INT(world_run(&w, run).run.status, RUN_FAILED);
}

TEST(a_queued_attempt_ends_with_the_total)
{
	struct world w CLEANUP_WORLD;
	const char *run =
		begin(&w, NODE("a", "script", "") "," NODE("b", "script", "") "," NODE(
				  "c", "script", ",'timeouts':{'total':'1m','queue':'2m'}"));
	world_pass(&w, 60000);
	CHECK_Z(world_attempts(&w, run, "c"), "1 TIMED_OUT total_timeout");
	CHECK_Z(world_node(&w, run, "c"), "TIMED_OUT");
}

TEST(a_total_that_passed_while_the_run_was_paused_starts_nothing)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, total);
	const struct run_control control = {
		.project = STR("default"), .run_id = str_of(run), .by = STR("me")};
	world_pass(&w, 1000);
	world_fail(&w, "a", "exit_1");
	engine_run_pause(w.engine, &control, world_reply, &w);
	world_pass(&w, 30000);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 QUEUED");
	engine_run_resume(w.engine, &control, world_reply, &w);
	world_settle(&w);
	CHECK_Z(world_attempts(&w, run, "a"), "1 FAILED exit_1, 2 TIMED_OUT total_timeout");
	CHECK_INT(w.n_started, 1);
}

TEST(cancel_wins_over_time_outs_that_are_armed)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, queued);
	world_cancel(&w, run);
	world_fail(&w, "a", "cancelled");
	world_fail(&w, "b", "cancelled");
	world_pass(&w, 3600000);
	CHECK_Z(world_attempts(&w, run, "c"), "1 CANCELLED cancelled");
	CHECK_INT(world_run(&w, run).run.status, RUN_CANCELLED);
}

/* ---- heartbeat ---- */

static const char beats[] = NODE("a", "script", ",'heartbeat':'30s'");

TEST(a_silent_agent_is_stopped_and_tried_again)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, beats);
	world_pass(&w, 5000);
	world_started(&w, "a"); /* a sign of life */
	world_pass(&w, 29999);
	CHECK(!world_live(&w, "a")->stop_asked);
	world_pass(&w, 1);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT heartbeat_timeout, 2 QUEUED");
}

TEST(lines_progress_and_bytes_are_signs_of_life)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, beats);
	for (int i = 0; i < 9; i++) {
		world_pass(&w, 29999);
		CHECK(!world_live(&w, "a")->stop_asked);
		if (i % 3 == 0)
			world_log(&w, "a", "still here");
		else if (i % 3 == 1)
			world_log(&w, "a", "{'progress':0.1}");
		else
			engine_attempt_alive(w.engine, &world_live(&w, "a")->id);
	}
	world_pass(&w, 30000);
	end_stopped(&w, "a");
	CHECK_Z(world_attempts(&w, run, "a"), "1 TIMED_OUT heartbeat_timeout, 2 QUEUED");
}

/* ---- progress ---- */

static const char *progress_of(struct world *w, const char *run, size_t attempt)
{
	struct run_detail d = world_run(w, run);
	return arena_dup(&w->arena,
			 d.attempts[attempt].progress.p ? d.attempts[attempt].progress.p : "",
			 d.attempts[attempt].progress.n);
}

static size_t n_events(struct world *w, const char *run, const char *type)
{
	size_t n = 0;
	const char *events = world_events(w, run);
	for (const char *at = events; (at = strstr(at, type)); at++)
		n++;
	return n;
}

TEST(progress_is_kept_with_the_attempt_and_told_and_is_no_log_line)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, beats);
	size_t n_logs = w.n_log_calls;
	world_log(&w, "a", "{'progress': 0.42, 'message': 'half'}");
	CHECK_Z(progress_of(&w, run, 0), "{\"progress\":0.42,\"message\":\"half\"}");
	CHECK_INT(n_events(&w, run, "node.progress:a"), 1);
	CHECK_INT(w.n_log_calls, n_logs);
	world_succeed(&w, "a", "{}");
	CHECK_Z(progress_of(&w, run, 0), "{\"progress\":0.42,\"message\":\"half\"}");
	CHECK_INT(n_events(&w, run, "node.progress:a"), 1);
}

TEST(chatty_progress_costs_one_row_and_one_event_a_second_and_the_last_is_kept)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, beats);
	for (int i = 0; i < 1000; i++) { /* ten seconds */
		world_log(&w, "a", arena_printf(&w.arena, "{'progress':%d.0e-3}", i));
		world_pass(&w, 10);
	}
	size_t n = n_events(&w, run, "node.progress:a");
	CHECK(n >= 10 && n <= 11);
	world_log(&w, "a", "{'progress':1,'details':[1,2]}");
	world_fail(&w, "a", "exit_1");
	CHECK_Z(progress_of(&w, run, 0), "{\"progress\":1,\"details\":[1,2]}");
	CHECK_INT(n_events(&w, run, "node.progress:a"), n + 1);
}

TEST(what_only_looks_like_progress_is_a_line_of_the_log)
{
	static const char *const lines[] = {"{'progress':42}",
					    "{'progress':-0.1}",
					    "{'progress':'0.5'}",
					    "{'progress':0.5",
					    "{'level':'info','progress':0.5}",
					    "x {'progress':0.5}",
					    "{'progress':0.5,'message':7}",
					    "[{'progress':0.5}]"};
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, beats);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		size_t n_logs = w.n_log_calls;
		world_log(&w, "a", lines[i]);
		CHECK_INT(w.n_log_calls, n_logs + 1);
	}
	CHECK_INT(n_events(&w, run, "node.progress"), 0);
}

TEST(lines_between_progress_keep_their_order_and_numbers)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, beats);
	struct store_reader *r;
	struct log_row *rows;
	size_t n;
	world_log(&w, "a", "one\n{'progress':0.1}\n\ntwo\n{'progress':0.2}\nthree");
	world_log(&w, "a", "four");
	ASSERT(w.store->ops->reader_new(w.store, &r) == 0);
	ASSERT(r->ops->log_list(r, &w.arena, str_of(run), STR("a"), 0, 100, &rows, &n) == 0);
	r->ops->reader_free(r);
	CHECK_INT(n, 2);
	CHECK_STR(rows[0].text, STR("one\n\ntwo\nthree"));
	CHECK_INT(rows[0].n_lines, 4);
	CHECK_INT(rows[1].seq, 5);
	CHECK_Z(progress_of(&w, run, 0), "{\"progress\":0.2}");
}

TEST(the_next_attempt_is_given_the_last_progress_also_over_restarts)
{
	struct world w CLEANUP_WORLD;
	begin(&w, beats);
	CHECK_Z(world_live(&w, "a")->last_progress, "");
	world_log(&w, "a", "{'progress':0.5,'details':{'file':42}}");
	world_fail(&w, "a", "exit_1");
	world_pass(&w, 10000);
	static const char half[] = "{\"progress\":0.5,\"details\":{\"file\":42}}";
	CHECK_Z(world_live(&w, "a")->last_progress, half);
	world_fail(&w, "a", "exit_1"); /* told nothing: the older one stands */
	world_crash(&w);
	world_pass(&w, 10000);
	CHECK_Z(world_live(&w, "a")->last_progress, half);
	world_log(&w, "a", "{'progress':0.75}");
	world_crash(&w); /* lost, and yet */
	world_settle(&w);
	CHECK_Z(world_live(&w, "a")->last_progress, "{\"progress\":0.75}");
}

TEST(a_days_progress_has_hundreds_of_events_not_ten_thousands)
{
	struct world w CLEANUP_WORLD;
	const char *run = begin(&w, NODE("a", "script", ""));
	for (int i = 0; i < 4000; i++) {
		world_log(&w, "a", "{'progress':0.5}");
		world_pass(&w, 20000);
	}
	size_t n = n_events(&w, run, "node.progress");
	CHECK(n > 50 && n < 600);
}

/* ---- definitions ---- */

TEST(time_outs_that_make_no_sense_are_found)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	world_check(&w, "{'name':'w','nodes':[{'id':'a','agent':'rule','action':'run',"
			"'timeout':'1m','heartbeat':'1m','timeouts':{'run':'1m','totl':'1s',"
			"'queue':'0s'}},{'id':'b','sleep':'1s','timeouts':{},'heartbeat':'1s'}]}");
	CHECK_Z(w.findings,
		"nodes[0].timeouts.totl: unknown field; did you mean \"total\"?\n"
		"nodes[0].timeouts.run: is the same as timeout; give one of the two\n"
		"nodes[0].timeouts.queue: must be from 1ms to 8760h\n"
		"nodes[0].heartbeat: must be shorter than the node's time-out, which would always "
		"come first\n"
		"nodes[1].timeouts: means nothing for a node with sleep; remove it, or make it a "
		"node of its own\n"
		"nodes[1].heartbeat: means nothing for a node with sleep; remove it, or make it a "
		"node of its own\n");
}

TAP_MAIN(RUN(an_attempt_that_waits_too_long_for_its_start_is_not_started),
	 RUN(what_is_started_in_time_has_no_queue_time_out),
	 RUN(back_off_is_not_counted_as_waiting_in_the_queue),
	 RUN(the_time_in_the_queue_goes_on_over_a_restart),
	 RUN(a_queue_time_out_that_passed_while_down_counts_at_start),
	 RUN(a_jump_of_the_wall_clock_moves_no_time_out),
	 RUN(a_program_that_does_not_run_in_time_is_stopped_and_tried_again),
	 RUN(a_start_has_its_whole_time_again_after_a_restart),
	 RUN(run_among_the_time_outs_is_the_timeout),
	 RUN(the_total_time_out_stops_a_running_attempt_and_there_is_no_other),
	 RUN(an_attempt_that_could_not_start_before_the_total_is_over_is_not_made),
	 RUN(the_total_counts_back_off_and_the_queue_over_a_restart),
	 RUN(a_total_that_passed_while_down_starts_nothing),
	 RUN(a_queued_attempt_ends_with_the_total),
	 RUN(a_total_that_passed_while_the_run_was_paused_starts_nothing),
	 RUN(cancel_wins_over_time_outs_that_are_armed),
	 RUN(a_silent_agent_is_stopped_and_tried_again),
	 RUN(lines_progress_and_bytes_are_signs_of_life),
	 RUN(progress_is_kept_with_the_attempt_and_told_and_is_no_log_line),
	 RUN(chatty_progress_costs_one_row_and_one_event_a_second_and_the_last_is_kept),
	 RUN(what_only_looks_like_progress_is_a_line_of_the_log),
	 RUN(lines_between_progress_keep_their_order_and_numbers),
	 RUN(the_next_attempt_is_given_the_last_progress_also_over_restarts),
	 RUN(a_days_progress_has_hundreds_of_events_not_ten_thousands),
	 RUN(time_outs_that_make_no_sense_are_found))
