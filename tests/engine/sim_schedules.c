/* Schedules in the simulation. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

static size_t read_schedules(struct sim *s, struct arena *a, struct schedule_row **ret)
{
	size_t n = 0;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->schedule_list(r, a, STR("default"), &(struct store_page){0}, ret, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

static void paused(void *arg, const struct engine_reply *reply)
{
	if (reply->outcome == ENGINE_NOT_FOUND)
		sim_wrong(arg, "a schedule is lost");
}

/* All stop, or one stops or goes on. */
void sim_pause_schedules(struct sim *s, bool all)
{
	struct arena a CLEANUP_ARENA = {0};
	struct schedule_row *rows;
	size_t n = read_schedules(s, &a, &rows);
	for (size_t i = 0; i < n; i++)
		if (all ? !rows[i].paused : sim_chance(s, 20))
			engine_schedule_pause(s->engine, STR("default"), rows[i].id,
					      all || !rows[i].paused, paused, s);
}

/* The text of a schedule trigger, put in front of a workflow's members. */
void sim_put_schedule(struct sim *s, struct buf *text)
{
	static const char *const overlaps[] = {"skip", "queue", "cancel"};
	buf_printf(text,
		   "\"trigger\":{\"schedule\":\"%s\",\"overlap\":\"%s\",\"catchup\":\"%s\","
		   "\"context\":{\"x\":0",
		   sim_chance(s, 50) ? "@every 7s" : "* * * * *", overlaps[rng_below(&s->rng, 3)],
		   sim_chance(s, 50) ? "10s" : "1m");
	for (int i = 0; i < SIM_FLAGS; i++)
		buf_printf(text, ",\"w%d\":%s", i, sim_chance(s, 60) ? "true" : "false");
	buf_puts(text, "}},");
}

static int by_trigger(const void *x, const void *y)
{
	const struct run_row *a = x, *b = y;
	return str_cmp(a->trigger, b->trigger);
}

/* Each fire started one run, and the counts say the same. Sorts the rows. */
void sim_judge_schedules(struct sim *s, struct run_row *runs, size_t n_runs)
{
	struct arena a CLEANUP_ARENA = {0};
	struct schedule_row *rows;
	size_t n = read_schedules(s, &a, &rows);
	int64_t n_started = 0, n_fired = 0;
	qsort(runs, n_runs, sizeof(*runs), by_trigger);
	for (size_t i = 0; i < n_runs; i++) {
		if (!str_starts(runs[i].trigger, STR("{\"type\":\"schedule\"")))
			continue;
		n_fired++;
		if (i > 0 && str_eq(runs[i].trigger, runs[i - 1].trigger))
			sim_wrong(s, "fired twice: %.*s", STR_ARG(runs[i].trigger));
	}
	for (size_t i = 0; i < n; i++)
		n_started += rows[i].n_started;
	if (n_started != n_fired)
		sim_wrong(s, "%lld fires are told, %lld runs are there", (long long)n_started,
			  (long long)n_fired);
	met.fired += (size_t)n_fired;
}
