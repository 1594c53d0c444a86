/* After the judgement: retention is turned on, time passes, and only what may go is gone. */
#include "sim.h"

enum { KEPT_MS = 3600 * 1000, STEPS_MOST = 4000, STAY_OPEN = 2 };

/* Runs that are stored: all of them, or those that may be purged now. */
static size_t count_runs(struct sim *s, bool old)
{
	struct arena a CLEANUP_ARENA = {0};
	struct store_reader *r = sim_reader(s);
	struct run_row *rows;
	size_t n, n_counted = 0;
	ASSERT(r->ops->run_list(r, &a, &(struct run_filter){.project = STR("default")},
				&(struct store_page){0}, &rows, &n) == 0);
	for (size_t i = 0; i < n; i++)
		n_counted += !old || (run_status_final(rows[i].status) &&
				      rows[i].finished_ms < s->wall_ms - KEPT_MS);
	r->ops->reader_free(r);
	return n_counted;
}

static size_t n_open(const struct sim *s)
{
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	return stats.n_open_runs;
}

static void purge_step(struct sim *s)
{
	uint64_t dice = rng_below(&s->rng, 100);
	if (dice < 3)
		sim_crash(s);
	else if (dice < 6)
		mem_store_fail_next(s->store, 1);
	else if (dice < 30)
		engine_flush(s->engine);
	else if (dice < 50)
		mem_store_commit_one(s->store);
	else if (dice < 70)
		mem_store_run(s->store);
	else {
		int64_t next = engine_next_tick(s->engine);
		sim_pass(s, next > s->wall_ms && next != INT64_MAX ? next - s->wall_ms : 0);
		engine_tick(s->engine);
	}
	sim_check(s);
}

void sim_purge(struct sim *s)
{
	s->draining = false;
	s->n_triggers = RUNS_MOST - STAY_OPEN; /* these are made now, and judged at the end */
	for (int i = 0; i < STAY_OPEN; i++)
		sim_act_trigger(s);
	s->retention_ms = KEPT_MS;
	size_t n_before = count_runs(s, false);
	sim_pass(s, 2 * KEPT_MS + (s->jumped ? KEPT_MS : 0));
	sim_crash(s);
	int i = 0;
	while (i++ < STEPS_MOST && !s->failed && count_runs(s, true) > 0)
		purge_step(s);
	size_t n_after = count_runs(s, false);
	if (!s->failed && count_runs(s, true) > 0)
		sim_wrong(s, "%zu runs that are over stay", count_runs(s, true));
	else if (!s->failed && n_after < n_open(s))
		sim_wrong(s, "%zu runs are open, %zu are left", n_open(s), n_after);
	met.purged += n_before - n_after;
}
