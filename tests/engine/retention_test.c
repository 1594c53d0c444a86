/* Ended runs and their logs go when their time is over. */
#include "tap.h"
#include "base/fault.h"
#include "world.h"

#include <string.h>

#define DAY (INT64_C(86400000))
#define NODE "{'id':'a','agent':'rule','action':'run'}"

static void save(struct world *w, const char *name, const char *retention)
{
	world_save(w,
		   arena_printf(&w->arena, "{'name':'%s'%s,'nodes':[" NODE "]}", name, retention));
}

static bool stored(struct world *w, const char *run)
{
	struct store_reader *r;
	struct run_detail d;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	int rc = r->ops->run_get(r, &w->arena, STR("default"), str_of(run), &d);
	r->ops->reader_free(r);
	return rc == 0;
}

static size_t n_logs(struct world *w, const char *run)
{
	struct store_reader *r;
	struct log_row *rows;
	size_t n;
	ASSERT(w->store->ops->reader_new(w->store, &r) == 0);
	ASSERT(r->ops->log_list(r, &w->arena, str_of(run), STR("a"), 0, 0, &rows, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

/* A run of it with a line of log, at its end. */
static const char *run_of(struct world *w, const char *name)
{
	const char *run = arena_dupz(&w->arena, world_trigger(w, name, NULL));
	engine_attempt_log(w->engine, &world_live(w, "a")->id, STR("a line"), 1);
	world_succeed(w, "a", "{}");
	world_settle(w);
	return run;
}

static void open_by_hand(struct world *w)
{
	world_open(w);
	w->by_hand = true;
	world_agents(w);
}

TEST(runs_and_logs_go_when_their_time_is_over)
{
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	save(&w, "w", ",'retention':{'runs':'3d','logs':'1d'}");
	const char *first = run_of(&w, "w");
	CHECK_INT(n_logs(&w, first), 1);
	world_pass(&w, DAY - 1000);
	const char *second = run_of(&w, "w");
	world_pass(&w, 2 * 3600 * 1000);
	CHECK_INT(n_logs(&w, first), 0);
	CHECK(stored(&w, first));
	CHECK_INT(n_logs(&w, second), 1);
	world_pass(&w, 2 * DAY);
	CHECK(!stored(&w, first));
	CHECK(stored(&w, second));
	CHECK_INT(n_logs(&w, second), 0);
	world_pass(&w, DAY);
	CHECK(!stored(&w, second));
}

TEST(the_service_says_where_the_workflow_does_not)
{
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	w.config.retention_ms[RETAINED_RUNS] = 2 * DAY;
	world_crash(&w);
	save(&w, "plain", "");
	save(&w, "longer", ",'retention':{'runs':'5d'}");
	save(&w, "ever", ",'retention':{'runs':'off'}");
	const char *plain = run_of(&w, "plain"), *longer = run_of(&w, "longer");
	const char *ever = run_of(&w, "ever");
	world_pass(&w, 2 * DAY - 1000);
	CHECK(stored(&w, plain));
	world_pass(&w, 2 * 3600 * 1000);
	CHECK(!stored(&w, plain));
	CHECK(stored(&w, longer) && stored(&w, ever));
	CHECK_INT(n_logs(&w, longer), 1);
	world_pass(&w, 4 * DAY);
	CHECK(!stored(&w, longer));
	CHECK(stored(&w, ever));
}

TEST(open_runs_stay_however_old_they_are)
{
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	save(&w, "w", ",'retention':{'runs':'1h'}");
	const char *open = arena_dupz(&w.arena, world_trigger(&w, "w", NULL));
	world_pass(&w, 10 * DAY);
	CHECK_INT(world_run(&w, open).run.status, RUN_RUNNING);
	world_succeed(&w, "a", "{}");
	world_settle(&w);
	CHECK(stored(&w, open));
	/* it was looked at when it was open: the next whole look finds it */
	world_pass(&w, 2 * DAY);
	CHECK(!stored(&w, open));
}

TEST(a_restart_goes_on_with_what_was_left)
{
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	save(&w, "w", ",'retention':{'runs':'1h'}");
	const char *runs[5];
	for (int i = 0; i < 5; i++)
		runs[i] = run_of(&w, "w");
	w.clock.wall_ms += 2 * 3600 * 1000; /* it was off meanwhile */
	world_crash(&w);
	CHECK(stored(&w, runs[0]));
	world_pass(&w, 61 * 1000);
	for (int i = 0; i < 5; i++)
		CHECK(!stored(&w, runs[i]));
}

TEST(another_retention_holds_from_the_save_on)
{
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	save(&w, "w", "");
	const char *run = run_of(&w, "w");
	world_pass(&w, 10 * DAY);
	CHECK(stored(&w, run));
	save(&w, "w", ",'retention':{'runs':'2d'}");
	world_pass(&w, 61 * 1000);
	CHECK(!stored(&w, run));
}

TEST(a_clock_that_jumps_far_deletes_nothing_until_it_stands)
{
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	save(&w, "w", ",'retention':{'runs':'2d'}");
	const char *run = run_of(&w, "w");
	w.clock.wall_ms += 400 * DAY;
	world_pass(&w, 3600 * 1000);
	CHECK(stored(&w, run));
	w.clock.wall_ms -= 400 * DAY;
	world_pass(&w, DAY);
	CHECK(stored(&w, run));
	w.clock.wall_ms += 400 * DAY;
	world_pass(&w, 2 * 3600 * 1000 + 60000);
	CHECK(!stored(&w, run));
}

TEST(nothing_is_looked_for_where_all_is_kept)
{
	NEEDS_MEM_STORE();
	struct world w CLEANUP_WORLD;
	open_by_hand(&w);
	save(&w, "w", "");
	run_of(&w, "w");
	struct mem_store_stats before, after;
	world_pass(&w, 3600 * 1000);
	mem_store_stats(w.store, &before);
	world_pass(&w, 5 * 3600 * 1000 - 120000);
	mem_store_stats(w.store, &after);
	CHECK_INT(after.n_submitted, before.n_submitted);
}

TEST(retention_is_judged)
{
	struct world w CLEANUP_WORLD;
	world_open(&w);
	world_agents(&w);
	save(&w, "w", ",'retention':{'runs':'1s','logs':7,'artefacts':'3d'}");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	CHECK(strstr(w.findings, "retention.runs: must be a time such as 30d"));
	CHECK(strstr(w.findings, "retention.logs: "));
	CHECK(strstr(w.findings, "retention.artefacts: ") && strstr(w.findings, "artifacts"));
	save(&w, "w", ",'retention':'30d'");
	CHECK_INT(w.outcome, ENGINE_INVALID);
	save(&w, "w", ",'retention':{'runs':'off','logs':'0','artifacts':'400d'}");
	CHECK_INT(w.outcome, ENGINE_CREATED);
}

TAP_MAIN(RUN(runs_and_logs_go_when_their_time_is_over),
	 RUN(the_service_says_where_the_workflow_does_not),
	 RUN(open_runs_stay_however_old_they_are), RUN(a_restart_goes_on_with_what_was_left),
	 RUN(another_retention_holds_from_the_save_on),
	 RUN(a_clock_that_jumps_far_deletes_nothing_until_it_stands),
	 RUN(nothing_is_looked_for_where_all_is_kept), RUN(retention_is_judged))
