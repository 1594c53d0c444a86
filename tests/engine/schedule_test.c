#include "base/fault.h"
#include "base/limits.h"
#include "base/timefmt.h"
#include "engine/engine.h"
#include "json/parse.h"
#include "tap.h"
#include "world.h"

#define NODES "'nodes':[{'id':'a','agent':'rule','action':'run'}]}"

/* What is stored of the one schedule there is. */
static struct schedule_row row(struct world *w)
{
	struct store_reader *r;
	struct schedule_row *rows;
	size_t n = 0;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->schedule_list(r, &w->arena, STR("default"), &(struct store_page){0}, &rows,
				     &n) == 0);
	r->ops->reader_free(r);
	return n == 1 ? rows[0] : (struct schedule_row){.id = STR("none"), .n_started = -1};
}

static size_t runs(struct world *w, struct run_row **ret)
{
	struct store_reader *r;
	size_t n = 0;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->run_list(r, &w->arena, &(struct run_filter){.project = STR("default")},
				&(struct store_page){.limit = 1000}, ret, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

static size_t n_runs(struct world *w)
{
	struct run_row *rows;
	return runs(w, &rows);
}

/* The time of the fire that started the run. */
static int64_t fired_at(struct world *w, const struct run_row *run)
{
	struct value v;
	int64_t at = 0;
	ASSERT(json_parse(&w->arena, run->trigger, JSON_DEFAULT, &v, NULL) == 0);
	struct str text = value_text(value_getz(&v, "scheduledAt"));
	return timefmt_rfc3339_parse(text, &at, NULL) == 0 ? at : 0;
}

/* Every fire at most once, newest first in the list. */
static void no_fire_twice(struct tap *t, struct world *w)
{
	struct run_row *rows;
	size_t n = runs(w, &rows);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(fired_at(w, &rows[i]) != fired_at(w, &rows[k]));
}

/* The wall begins at 22:13:20. */
static void open(struct world *w, const char *json)
{
	world_open(w);
	world_agents(w);
	world_save(w, json);
	ASSERT(w->outcome == ENGINE_CREATED);
}

TEST(a_schedule_starts_runs_that_say_so)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'0 * * * *'}," NODES);
	CHECK_INT(row(&w).next_ms, 1700002800000);
	world_pass(&w, 46 * 60000);
	CHECK_INT(n_runs(&w), 0);
	world_pass(&w, 3 * 3600000);
	struct run_row *rows;
	CHECK_INT(runs(&w, &rows), 3);
	CHECK_INT(fired_at(&w, &rows[2]), 1700002800000);
	CHECK(rows[2].created_ms - 1700002800000 < 1000);
	CHECK(rows[2].status == RUN_SUCCESS);
	CHECK(strstr(rows[2].trigger.p, "\"type\":\"schedule\"") != NULL);
	struct schedule_row s = row(&w);
	CHECK_INT(s.n_started, 3);
	CHECK_STR(s.last_run_id, rows[0].id);
	CHECK_INT(s.next_ms, 1700002800000 + 3 * 3600000);
	CHECK(strstr(s.upcoming.p, "2023-11-15T02:00:00.000Z") != NULL);
}

TEST(a_fire_comes_once_over_crashes)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'@every 10s','overlap':'allow'}," NODES);
	for (int i = 0; i < 30; i++) {
		world_pass(&w, 1000 + i * 777 % 9000);
		if (i % 3 == 0)
			engine_flush(w.engine);
		world_crash(&w);
		world_settle(&w);
	}
	no_fire_twice(t, &w);
	CHECK_GOOD();
	CHECK_INT(n_runs(&w), (w.clock.wall_ms - 1700000000000) / 10000);
}

TEST(missed_fires_are_made_up_within_catchup_and_counted_beyond)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'*/10 * * * *','catchup':'1h',"
		 "'overlap':'allow'}," NODES);
	w.clock.wall_ms += 3 * 3600000;
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(n_runs(&w), 6);
	CHECK_INT(row(&w).n_missed, 12);
	no_fire_twice(t, &w);
	CHECK_GOOD();
	w.clock.wall_ms += INT64_C(400) * 86400000; /* very long down */
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(n_runs(&w), 12);
	world_pass(&w, 600000);
	CHECK_INT(n_runs(&w), 13);
}

TEST(what_is_made_up_at_once_is_bounded)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'@every 1s','catchup':'24h',"
		 "'overlap':'allow'}," NODES);
	w.clock.wall_ms += 7200000;
	world_crash(&w);
	world_settle(&w);
	CHECK_INT(n_runs(&w), LIMIT_SCHEDULE_CATCHUP);
	CHECK_INT(row(&w).n_missed + row(&w).n_started, 7200);
}

TEST(fires_follow_the_wall_clock_and_a_jump_back_repeats_none)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'0 * * * *','catchup':'2h',"
		 "'overlap':'allow'}," NODES);
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w), 1);
	w.clock.wall_ms -= 3600000;
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w), 1);
	w.clock.wall_ms += 3600000; /* over the fire at midnight */
	world_pass(&w, LIMIT_SCHEDULE_LOOK_MS);
	CHECK_INT(n_runs(&w), 2);
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w), 3);
	no_fire_twice(t, &w);
}

TEST(overlap_skips_queues_allows_or_cancels)
{
	static const struct {
		const char *overlap;
		size_t runs;   /* made while the first is open, over three fires */
		size_t in_all; /* once all ended */
		enum run_status first;
		int64_t skipped;
	} cases[] = {
		{"skip", 1, 1, RUN_SUCCESS, 2},
		{"queue", 1, 3, RUN_SUCCESS, 0},
		{"allow", 3, 3, RUN_SUCCESS, 0},
		{"cancel", 3, 3, RUN_CANCELLED, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w CLEANUP_WORLD;
		char json[300];
		snprintf(json, sizeof(json),
			 "{'name':'x','trigger':{'schedule':'@every 10s','overlap':'%s'}," NODES,
			 cases[i].overlap);
		open(&w, json);
		w.by_hand = true;
		world_pass(&w, 31000);
		CHECK_INT(n_runs(&w), cases[i].runs);
		world_crash(&w); /* who is open is known again */
		world_settle(&w);
		CHECK_INT(n_runs(&w), cases[i].runs);
		struct str id = row(&w).id;
		engine_schedule_pause(w.engine, STR("default"), id, false, world_reply, &w);
		CHECK(w.outcome == ENGINE_UNCHANGED);
		while (world_live(&w, "a")) {
			world_succeed(&w, "a", "{}");
			world_pass(&w, 10);
		}
		struct run_row *rows;
		size_t n = runs(&w, &rows);
		CHECK_INT(n, cases[i].in_all);
		CHECK(rows[n - 1].status == cases[i].first);
		CHECK_INT(row(&w).n_skipped, cases[i].skipped);
	}
}

TEST(pause_stops_fires_and_resume_makes_up_none)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'*/10 * * * *','catchup':'24h'}," NODES);
	struct str id = row(&w).id;
	engine_schedule_pause(w.engine, STR("default"), id, true, world_reply, &w);
	world_settle(&w);
	CHECK(w.outcome == ENGINE_OK && row(&w).paused && row(&w).next_ms == 0);
	world_pass(&w, 3600000);
	world_crash(&w);
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w), 0);
	engine_schedule_pause(w.engine, STR("default"), id, false, world_reply, &w);
	world_pass(&w, 600000);
	CHECK_INT(n_runs(&w), 1);
	engine_schedule_pause(w.engine, STR("other"), id, true, world_reply, &w);
	CHECK(w.outcome == ENGINE_NOT_FOUND);
}

TEST(a_backfill_is_previewed_bounded_and_starts_each_fire)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'0 * * * *'}," NODES);
	struct schedule_backfill b = {.project = STR("default"),
				      .id = row(&w).id,
				      .from_ms = 1699992000000, /* 20:00 */
				      .to_ms = 1699999200000,	/* 22:00 */
				      .dry_run = true};
	engine_schedule_backfill(w.engine, &b, world_reply, &w);
	world_settle(&w);
	CHECK_Z(w.json, "{\"fires\":[\"2023-11-14T20:00:00.000Z\",\"2023-11-14T21:00:00.000Z\","
			"\"2023-11-14T22:00:00.000Z\"]}");
	CHECK_INT(n_runs(&w), 0);
	b.dry_run = false;
	engine_schedule_backfill(w.engine, &b, world_reply, &w);
	world_settle(&w);
	CHECK(w.outcome == ENGINE_CREATED && n_runs(&w) == 3);
	b.from_ms -= INT64_C(10) * 86400000;
	engine_schedule_backfill(w.engine, &b, world_reply, &w);
	CHECK(w.outcome == ENGINE_INVALID && strstr(w.findings, "to: ") != NULL);
	b.from_ms = b.to_ms + 1;
	engine_schedule_backfill(w.engine, &b, world_reply, &w);
	CHECK(w.outcome == ENGINE_INVALID);
	b.to_ms += 86400000;
	engine_schedule_backfill(w.engine, &b, world_reply, &w);
	CHECK(w.outcome == ENGINE_INVALID && strstr(w.findings, "future") != NULL);
	CHECK_INT(n_runs(&w), 3);
}

TEST(schedules_follow_the_newest_version)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':[{'schedule':'0 * * * *'}]," NODES);
	struct schedule_row before = row(&w);
	world_save(&w, "{'name':'x','trigger':{'schedule':'0 * * * *','overlap':'queue'}," NODES);
	CHECK(w.outcome == ENGINE_OK);
	CHECK_STR(row(&w).id, before.id);
	CHECK(row(&w).overlap == OVERLAP_QUEUE);
	world_save(&w, "{'name':'x','trigger':{'schedule':'5 * * * *'}," NODES);
	CHECK(!str_eq(row(&w).id, before.id));
	world_save(&w, "{'name':'x','status':'ARCHIVED','trigger':{'schedule':'5 * * * *'}," NODES);
	CHECK_STR(row(&w).id, STR("none"));
	world_save(&w, "{'name':'x','trigger':{'schedule':'5 * * * *'}," NODES);
	w.by_hand = true;
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w), 1);
	world_save(&w, "{'name':'x'," NODES); /* while its run is open */
	CHECK_STR(row(&w).id, STR("none"));
	world_succeed(&w, "a", "{}");
	world_pass(&w, 7200000);
	CHECK_INT(n_runs(&w), 1);
	world_save(&w, "{'name':'x','trigger':{'schedule':'5 * * * *'}," NODES);
	engine_workflow_delete(
		w.engine, &(struct workflow_removal){.project = STR("default"), .id = str_of(w.id)},
		world_reply, &w);
	world_settle(&w);
	CHECK(w.outcome == ENGINE_OK);
	CHECK_STR(row(&w).id, STR("none"));
}

TEST(a_context_that_is_not_allowed_starts_nothing_and_is_told)
{
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'@every 1h'},"
		 "'contextSchema':{'type':'object','required':['p']}," NODES);
	world_pass(&w, 3600000);
	CHECK_INT(n_runs(&w), 0);
	CHECK_INT(row(&w).n_skipped, 1);
	CHECK(strstr(row(&w).error.p, "p") != NULL);
	world_save(&w, "{'name':'x','trigger':{'schedule':'@every 1h','context':{'p':1}},"
		       "'contextSchema':{'type':'object','required':['p']}," NODES);
	world_pass(&w, 3600000);
	struct run_row *rows;
	CHECK_INT(runs(&w, &rows), 1);
	CHECK_STR(world_run(&w, arena_dup(&w.arena, rows[0].id.p, rows[0].id.n)).run.context,
		  STR("{\"p\":1}"));
	CHECK_INT(row(&w).error.n, 0);
}

TEST(a_full_store_keeps_fires_for_later)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	open(&w, "{'name':'x','trigger':{'schedule':'@every 10s','overlap':'allow'}," NODES);
	mem_store_fail_next(w.store, 3);
	world_pass(&w, 60000);
	CHECK_INT(n_runs(&w), 6);
	no_fire_twice(t, &w);
}

TAP_MAIN(RUN(a_schedule_starts_runs_that_say_so), RUN(a_fire_comes_once_over_crashes),
	 RUN(missed_fires_are_made_up_within_catchup_and_counted_beyond),
	 RUN(what_is_made_up_at_once_is_bounded),
	 RUN(fires_follow_the_wall_clock_and_a_jump_back_repeats_none),
	 RUN(overlap_skips_queues_allows_or_cancels),
	 RUN(pause_stops_fires_and_resume_makes_up_none),
	 RUN(a_backfill_is_previewed_bounded_and_starts_each_fire),
	 RUN(schedules_follow_the_newest_version),
	 RUN(a_context_that_is_not_allowed_starts_nothing_and_is_told),
	 RUN(a_full_store_keeps_fires_for_later))
