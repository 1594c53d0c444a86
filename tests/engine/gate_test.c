/* When a run starts: concurrency by key, rates, priorities, limits of running runs, full queues. */
#include "base/buf.h"
#include "engine/request/control.h"
#include "json/parse.h"
#include "tap.h"
#include "world.h"

#define W(name, more)                                                                              \
	"{'name':'" name "'," more "'nodes':[{'id':'a','agent':'rule','action':'run'}]}"
#define ONE "'concurrency':{'limit':1},"
#define KEYED "'concurrency':{'key':'{{ context.k }}'},"

static void begin(struct world *w, const char *workflow)
{
	world_open(w);
	world_agents(w);
	w->by_hand = true;
	world_save(w, workflow);
}

static const char *status(struct world *w, const char *run)
{
	return run_status_name(world_run(w, run).run.status);
}

/* The statuses of all n runs by their first letters. */
static const char *all(struct world *w, const char *const *runs, int n)
{
	CLEANUP_BUF struct buf text = {0};
	for (int i = 0; i < n; i++)
		buf_putc(&text, status(w, runs[i])[0]);
	return arena_dup(&w->arena, text.p, text.n);
}

static const char *trigger_with(struct world *w, const char *workflow, int64_t priority)
{
	engine_run_trigger(w->engine,
			   &(struct run_trigger){.project = str_of(w->project),
						 .workflow = str_of(workflow),
						 .priority = &priority},
			   world_reply, w);
	world_settle(w);
	return arena_dupz(&w->arena, w->id);
}

static struct world_attempt *of_run(struct world *w, const char *run)
{
	struct world_attempt *a = w->live;
	while (a && strcmp(a->run_id, run) != 0)
		a = a->next;
	return a;
}

static void end_run(struct world *w, const char *run)
{
	world_result(w, of_run(w, run), &(struct attempt_result){.output = STR("{}")});
	world_settle(w);
}

static const char *error_code(struct world *w, const char *run)
{
	struct value v;
	struct str error = world_run(w, run).run.error;
	if (!error.n || json_parse(&w->arena, error, 0, &v, NULL) != 0)
		return "";
	struct str code = value_text(value_getz(&v, "code"));
	return arena_dup(&w->arena, code.p, code.n);
}

/* ---- concurrency ---- */

TEST(a_run_too_many_waits_and_starts_with_the_end_of_another)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", "'concurrency':{'limit':2},'timeout':'1m',"));
	const char *runs[4];
	for (int i = 0; i < 4; i++) {
		runs[i] = world_trigger(&w, "w", NULL);
		CHECK_INT(w.outcome, ENGINE_CREATED);
		CHECK_INT(w.status, i < 2 ? RUN_RUNNING : RUN_PENDING);
	}
	CHECK_Z(all(&w, runs, 4), "RRPP");
	CHECK_INT(world_run(&w, runs[2]).run.started_ms, 0);
	CHECK_Z(world_events(&w, runs[2]), "run.queued");
	world_pass(&w, 50000);
	end_run(&w, runs[1]);
	CHECK_Z(all(&w, runs, 4), "RSRP");
	struct run_row row = world_run(&w, runs[2]).run;
	CHECK_INT(row.started_ms - row.created_ms, 50000);
	CHECK_Z(world_events(&w, runs[2]), "run.queued run.started node.started:a");
	/* the time-out counts from the start */
	world_pass(&w, 59999);
	CHECK_Z(status(&w, runs[2]), "RUNNING");
	CHECK_Z(status(&w, runs[3]), "PENDING"); /* the first is stopped, but not gone */
}

TEST(the_next_one_starts_in_the_transaction_of_the_end)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ONE));
	const char *first = world_trigger(&w, "w", NULL), *second = world_trigger(&w, "w", NULL);
	struct attempt_id id = of_run(&w, first)->id;
	engine_attempt_done(w.engine, &id, &(struct attempt_result){.output = STR("{}")});
	engine_flush(w.engine);
	mem_store_run(w.store);
	CHECK_Z(status(&w, first), "SUCCESS");
	CHECK_Z(status(&w, second), "RUNNING");
}

TEST(keys_are_counted_apart)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", KEYED));
	const char *runs[] = {
		world_trigger(&w, "w", "{'k':'x'}"), world_trigger(&w, "w", "{'k':'x'}"),
		world_trigger(&w, "w", "{'k':'y'}"), world_trigger(&w, "w", "{'k':3}"),
		world_trigger(&w, "w", "{'k':3}"),
	};
	CHECK_Z(all(&w, runs, 5), "RPRRP");
	CHECK_STR(world_run(&w, runs[1]).run.concurrency_key, STR("x"));
	CHECK_STR(world_run(&w, runs[4]).run.concurrency_key, STR("3"));
	end_run(&w, runs[0]);
	CHECK_Z(all(&w, runs, 5), "SRRRP");
}

TEST(a_key_that_can_not_be_resolved_is_refused_by_its_name)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", KEYED));
	world_trigger(&w, "w", "{}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(strncmp(w.findings, "concurrency.key: ", 17) == 0);
	world_trigger(&w, "w", "{'k':[1]}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK_Z(w.findings, "concurrency.key: must give a text or a number, not array\n");
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_open_runs, 0);
	/* an idempotency key is free again */
	struct value context = world_json(&w.arena, "{}");
	struct run_trigger ask = {.project = STR("default"),
				  .workflow = STR("w"),
				  .context = &context,
				  .idempotency_key = STR("once")};
	CHECK(engine_key_claim(w.engine, ask.project, ask.idempotency_key));
	engine_run_trigger(w.engine, &ask, world_reply, &w);
	CHECK(engine_key_claim(w.engine, ask.project, ask.idempotency_key));
}

TEST(a_pending_run_can_be_cancelled)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ONE));
	const char *runs[] = {world_trigger(&w, "w", NULL), world_trigger(&w, "w", NULL),
			      world_trigger(&w, "w", NULL)};
	world_cancel(&w, runs[1]);
	CHECK_INT(w.outcome, ENGINE_OK);
	CHECK_INT(w.status, RUN_CANCELLED);
	CHECK_Z(all(&w, runs, 3), "RCP");
	CHECK_Z(world_node(&w, runs[1], "a"), "CANCELLED");
	CHECK_Z(world_events(&w, runs[1]), "run.queued run.stopping run.finished");
	end_run(&w, runs[0]);
	CHECK_Z(all(&w, runs, 3), "SCR");
}

TEST(a_paused_run_gives_its_turn_to_others_and_keeps_its_place)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ONE "'timeout':'10s',"));
	const char *runs[] = {world_trigger(&w, "w", NULL), world_trigger(&w, "w", NULL),
			      world_trigger(&w, "w", NULL), world_trigger(&w, "w", NULL)};
	struct run_control control = {.project = STR("default"), .run_id = str_of(runs[1])};
	engine_run_pause(w.engine, &control, world_reply, &w);
	world_settle(&w);
	CHECK_INT(w.outcome, ENGINE_OK);
	end_run(&w, runs[0]);
	CHECK_Z(all(&w, runs, 4), "SPRP");
	world_crash(&w);
	world_settle(&w);
	CHECK_Z(all(&w, runs, 4), "SPRP");
	world_pass(&w, 5000);
	engine_run_resume(w.engine, &control, world_reply, &w);
	world_settle(&w);
	end_run(&w, runs[2]);
	CHECK_Z(all(&w, runs, 4), "SRSP");
	world_pass(&w, 9999);
	CHECK_Z(all(&w, runs, 4), "SRSP");
	world_pass(&w, 1);
	CHECK(of_run(&w, runs[1])->stop_asked); /* its time-out counts from its start */
}

TEST(skip_ends_the_run_at_once_and_says_why)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", "'concurrency':{'onLimit':'skip'},"));
	const char *first = world_trigger(&w, "w", NULL), *second = world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	CHECK_INT(w.status, RUN_CANCELLED);
	CHECK_Z(status(&w, second), "CANCELLED");
	CHECK_Z(error_code(&w, second), "concurrency_skipped");
	world_retry(&w, second, "start");
	CHECK_INT(w.status, RUN_CANCELLED);
	end_run(&w, first);
	const char *third = world_trigger(&w, "w", NULL);
	CHECK_Z(status(&w, third), "RUNNING");
}

TEST(cancel_stops_the_oldest_and_starts_when_they_have_ended)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", "'concurrency':{'limit':2,'onLimit':'cancel'},"));
	const char *runs[4];
	for (int i = 0; i < 3; i++)
		runs[i] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, runs, 3), "RRP");
	CHECK(of_run(&w, runs[0])->stop_asked && !of_run(&w, runs[1])->stop_asked);
	runs[3] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, runs, 4), "RRPP");
	CHECK(of_run(&w, runs[1])->stop_asked);
	end_run(&w, runs[1]);
	CHECK_Z(all(&w, runs, 4), "RCRP");
	end_run(&w, runs[0]);
	CHECK_Z(all(&w, runs, 4), "CCRR");
	/* one that has not started goes without any trace of work */
	runs[0] = world_trigger(&w, "w", NULL);
	runs[1] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, runs, 4), "PPRR");
	const char *newest = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, runs, 4), "CPRR");
	CHECK_Z(status(&w, newest), "PENDING");
}

TEST(a_saved_limit_counts_for_those_who_wait)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ONE));
	const char *runs[4];
	for (int i = 0; i < 4; i++)
		runs[i] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, runs, 4), "RPPP");
	world_save(&w, W("w", "'concurrency':{'limit':2},"));
	CHECK_Z(all(&w, runs, 4), "RRPP");
	world_save(&w, W("w", ""));
	CHECK_Z(all(&w, runs, 4), "RRRR");
}

TEST(retries_and_schedules_wait_like_all_others)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ONE "'trigger':{'schedule':'@every 1m','overlap':'allow'},"));
	const char *first = world_trigger(&w, "w", NULL);
	world_fail(&w, "a", "no");
	CHECK_Z(status(&w, first), "FAILED");
	const char *second = world_trigger(&w, "w", NULL);
	world_retry(&w, first, "failed");
	CHECK_INT(w.status, RUN_PENDING);
	const char *third = arena_dupz(&w.arena, w.id);
	world_pass(&w, 60000);
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_open_runs, 3);
	CHECK_INT(stats.n_pending_runs, 2);
	end_run(&w, second);
	CHECK_Z(status(&w, third), "RUNNING");
	end_run(&w, third);
	CHECK(world_live(&w, "a") != NULL);
}

TEST(a_restart_restores_who_holds_and_who_waits_in_order)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", KEYED));
	const char *runs[5];
	for (int i = 0; i < 4; i++)
		runs[i] = world_trigger(&w, "w", "{'k':'x'}");
	runs[4] = world_trigger(&w, "w", "{'k':'y'}");
	CHECK_Z(all(&w, runs, 5), "RPPPR");
	for (int i = 0; i < 3; i++) {
		world_crash(&w);
		world_settle(&w);
		CHECK(of_run(&w, runs[i + 1]) == NULL);
		end_run(&w, runs[i]);
		CHECK_Z(status(&w, runs[i + 1]), "RUNNING");
	}
}

/* ---- runs that a node called ---- */

#define CALLS(name, more, called)                                                                  \
	"{'name':'" name "'," more "'nodes':[{'id':'sub','workflow':'" called                      \
	"','when':'{{ context.n > 0 }}','inputs':{'n':0}},"                                        \
	"{'id':'a','agent':'rule','action':'run','dependsOn':['sub'],'runOn':'always'}]}"

TEST(a_called_run_passes_the_gate_that_its_caller_holds)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ""));
	world_save(&w, CALLS("w", ONE, "w"));
	CHECK_INT(w.outcome, ENGINE_OK);
	w.by_hand = false;
	const char *run = world_trigger(&w, "w", "{'n':1}");
	CHECK_Z(status(&w, run), "SUCCESS");
	CHECK_Z(world_node(&w, run, "sub"), "SUCCESS");
}

TEST(called_runs_wait_for_their_key_and_not_for_limits_that_their_callers_count_for)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	w.config.max_running = w.config.max_project_running = 2;
	world_crash(&w);
	world_agents(&w);
	world_save(&w, W("in", ONE));
	world_save(&w, CALLS("out", "", "in"));
	const char *runs[] = {world_trigger(&w, "out", "{'n':1}"),
			      world_trigger(&w, "out", "{'n':1}"),
			      world_trigger(&w, "out", "{'n':1}")};
	CHECK_Z(all(&w, runs, 3), "RRP");
	struct engine_stats stats;
	engine_stats(w.engine, &stats);
	CHECK_INT(stats.n_open_runs, 5);
	CHECK_INT(stats.n_pending_runs, 2); /* a callee for its key, the third caller */
	CHECK(w.live && !w.live->next);
	world_crash(&w);
	world_settle(&w);
	while (w.live)
		end_run(&w, w.live->run_id);
	CHECK_Z(all(&w, runs, 3), "SSS");
}

/* ---- priority ---- */

TEST(the_higher_priority_goes_first_then_the_older_run)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", ONE "'priority':3,"));
	const char *runs[5];
	runs[0] = world_trigger(&w, "w", NULL);
	runs[1] = world_trigger(&w, "w", NULL);
	runs[2] = trigger_with(&w, "w", 7);
	runs[3] = trigger_with(&w, "w", 3);
	runs[4] = trigger_with(&w, "w", 0);
	CHECK_INT(world_run(&w, runs[1]).run.priority, 3);
	CHECK_INT(world_run(&w, runs[2]).run.priority, 7);
	static const int order[] = {0, 2, 1, 3, 4};
	world_crash(&w);
	world_settle(&w);
	for (int i = 0; i < 5; i++) {
		CHECK_Z(status(&w, runs[order[i]]), "RUNNING");
		end_run(&w, runs[order[i]]);
	}
}

TEST(attempts_of_a_run_with_higher_priority_get_the_next_slot)
{
	struct world w CLEANUP_WORLD;
	begin(&w, "{'name':'s','nodes':[{'id':'a','agent':'script','action':'run'}]}");
	const char *runs[5];
	for (int i = 0; i < 5; i++)
		runs[i] = trigger_with(&w, "s", i == 4 ? 9 : 1);
	CHECK(of_run(&w, runs[0]) && of_run(&w, runs[1]) && !of_run(&w, runs[4]));
	end_run(&w, runs[0]);
	CHECK(of_run(&w, runs[4]) != NULL);
	end_run(&w, runs[4]);
	CHECK(of_run(&w, runs[2]) != NULL);
}

/* ---- rates ---- */

TEST(starts_over_the_rate_wait_for_their_time)
{
	struct world w CLEANUP_WORLD;
	begin(&w, W("w", "'rateLimit':{'limit':2,'per':'10s'},"));
	w.by_hand = false;
	world_pass(&w, 10000); /* at the start of drover the bucket holds one */
	const char *runs[5];
	for (int i = 0; i < 5; i++)
		runs[i] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, runs, 5), "SSPPP");
	world_pass(&w, 4999);
	CHECK_Z(all(&w, runs, 5), "SSPPP");
	world_pass(&w, 1);
	CHECK_Z(all(&w, runs, 5), "SSSPP");
	world_crash(&w);
	world_pass(&w, 4000);
	CHECK_Z(all(&w, runs, 5), "SSSSP");
	world_pass(&w, 1000);
	CHECK_Z(all(&w, runs, 5), "SSSSS");
}

/* ---- limits of the operator ---- */

TEST(running_runs_are_limited_and_shared_between_projects)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	w.config.max_running = 2;
	world_crash(&w);
	const char *a[4], *b[2];
	w.project = "b";
	world_agents(&w);
	world_save(&w, W("w", ""));
	w.project = "default";
	world_agents(&w);
	world_save(&w, W("w", ""));
	for (int i = 0; i < 4; i++)
		a[i] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, a, 4), "RRPP");
	w.project = "b";
	for (int i = 0; i < 2; i++)
		b[i] = world_trigger(&w, "w", NULL);
	CHECK_Z(all(&w, b, 2), "PP");
	end_run(&w, a[0]);
	CHECK_Z(all(&w, b, 2), "RP");
	end_run(&w, b[0]);
	CHECK_Z(all(&w, b, 2), "SR");
	w.project = "default";
	CHECK_Z(all(&w, a, 4), "SRPP");
	end_run(&w, a[1]);
	CHECK_Z(all(&w, a, 4), "SSRP");
}

TEST(a_project_runs_no_more_than_it_may)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	w.config.max_project_running = 1;
	world_crash(&w);
	world_agents(&w);
	world_save(&w, W("w", ""));
	world_save(&w, "{'name':'ask','nodes':[{'id':'q','agent':'rule','action':'run',"
		       "'approvalRequired':true}]}");
	const char *runs[] = {world_trigger(&w, "ask", NULL), world_trigger(&w, "w", NULL),
			      world_trigger(&w, "w", NULL)};
	/* who waits for people does not count */
	CHECK_Z(all(&w, runs, 3), "WRP");
	end_run(&w, runs[1]);
	CHECK_Z(all(&w, runs, 3), "WSR");
}

TEST(a_full_queue_refuses_and_says_which)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	w.config.max_open_runs = 3;
	w.config.max_project_open = 2;
	world_crash(&w);
	world_agents(&w);
	world_save(&w, W("w", ONE));
	const char *first = world_trigger(&w, "w", NULL);
	world_trigger(&w, "w", NULL);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_BUSY);
	CHECK_Z(w.findings, ": 2 runs of project \"default\" are open, the most that it may have: "
			    "serve --max-project-open-runs\n");
	world_retry(&w, first, "start");
	CHECK_INT(w.outcome, ENGINE_CONFLICT);
	w.project = "b";
	world_agents(&w);
	world_save(&w, W("w", ""));
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_BUSY);
	CHECK_Z(w.findings, ": 3 runs are open, the most that may be: serve --max-open-runs\n");
	w.project = "default";
	end_run(&w, first);
	world_trigger(&w, "w", NULL);
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TEST(a_fire_for_which_there_is_no_room_is_not_lost_silently)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	w.by_hand = true;
	w.config.max_open_runs = 1;
	world_crash(&w);
	world_agents(&w);
	world_save(&w,
		   W("w", "'trigger':{'schedule':'@every 1m','overlap':'allow','catchup':'1h'},"));
	const char *first = world_trigger(&w, "w", NULL);
	world_pass(&w, 130000);
	struct schedule_row *rows;
	size_t n;
	struct store_reader *r;
	CHECK_INT(w.store->ops->reader_new(w.store, &r), 0);
	CHECK_INT(r->ops->schedule_list(r, &w.arena, STR("default"),
					&(struct store_page){.limit = 10}, &rows, &n),
		  0);
	r->ops->reader_free(r);
	CHECK_STR(rows[0].error,
		  STR("1 runs are open, the most that may be: serve --max-open-runs"));
	CHECK_INT(rows[0].n_started, 0);
	end_run(&w, first);
	world_pass(&w, 1000);
	CHECK(world_live(&w, "a") != NULL);
}

TAP_MAIN(RUN(a_run_too_many_waits_and_starts_with_the_end_of_another),
	 RUN(the_next_one_starts_in_the_transaction_of_the_end), RUN(keys_are_counted_apart),
	 RUN(a_key_that_can_not_be_resolved_is_refused_by_its_name),
	 RUN(a_pending_run_can_be_cancelled),
	 RUN(a_paused_run_gives_its_turn_to_others_and_keeps_its_place),
	 RUN(skip_ends_the_run_at_once_and_says_why),
	 RUN(cancel_stops_the_oldest_and_starts_when_they_have_ended),
	 RUN(a_saved_limit_counts_for_those_who_wait),
	 RUN(retries_and_schedules_wait_like_all_others),
	 RUN(a_restart_restores_who_holds_and_who_waits_in_order),
	 RUN(a_called_run_passes_the_gate_that_its_caller_holds),
	 RUN(called_runs_wait_for_their_key_and_not_for_limits_that_their_callers_count_for),
	 RUN(the_higher_priority_goes_first_then_the_older_run),
	 RUN(attempts_of_a_run_with_higher_priority_get_the_next_slot),
	 RUN(starts_over_the_rate_wait_for_their_time),
	 RUN(running_runs_are_limited_and_shared_between_projects),
	 RUN(a_project_runs_no_more_than_it_may), RUN(a_full_queue_refuses_and_says_which),
	 RUN(a_fire_for_which_there_is_no_room_is_not_lost_silently))
