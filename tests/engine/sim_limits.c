/* Runs that wait for their turn: keys, rates, priorities, limits of running runs and of agents. */
#include "sim.h"

#include <stdio.h>

enum { LISTED = 4096 };

void sim_put_limits(struct sim *s, size_t workflow, struct buf *text)
{
	static const char *const on_limit[] = {"queue", "queue", "skip", "cancel"};
	struct sim_limits *l = &s->limits[workflow];
	*l = (struct sim_limits){.limit = 1 + (int64_t)rng_below(&s->rng, 3),
				 .keyed = sim_chance(s, 50)};
	buf_printf(text, "\"priority\":%zu,\"concurrency\":{\"limit\":%lld,\"onLimit\":\"%s\"%s},",
		   (size_t)rng_below(&s->rng, 10), (long long)l->limit,
		   on_limit[rng_below(&s->rng, ARRAY_LEN(on_limit))],
		   l->keyed ? ",\"key\":\"{{ context.w0 }}\"" : "");
	l->rated = sim_chance(s, 30);
	if (l->rated)
		buf_printf(text, "\"rateLimit\":{\"limit\":%zu,\"per\":\"5s\"},",
			   (size_t)(1 + rng_below(&s->rng, 5)));
}

/* What is durable at any time is within the limits. */
static void judge_key(struct sim *s, const struct run_row *runs, size_t n, size_t workflow,
		      struct str key)
{
	char name[8];
	int64_t n_on = 0;
	snprintf(name, sizeof(name), "w%zu", workflow);
	for (size_t i = 0; i < n; i++) {
		bool on = runs[i].status == RUN_RUNNING || runs[i].status == RUN_WAITING_APPROVAL;
		n_on += on && str_eqz(runs[i].workflow_name, name) &&
			str_eq(runs[i].concurrency_key, key);
	}
	if (n_on > s->limits[workflow].limit)
		sim_wrong(s, "%lld runs of %s go on with key \"%.*s\"", (long long)n_on, name,
			  STR_ARG(key));
}

static size_t read_runs(struct sim *s, struct arena *a, struct run_row **ret)
{
	size_t n = 0;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->run_list(r, a, &(struct run_filter){.project = STR("default")},
				&(struct store_page){.limit = LISTED}, ret, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

void sim_judge_limits(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_row *runs;
	size_t n = read_runs(s, &a, &runs);
	for (size_t w = 0; w < s->n_workflows; w++) {
		if (s->limits[w].limit == 0)
			continue;
		if (!s->limits[w].keyed)
			judge_key(s, runs, n, w, (struct str){0});
		for (int k = 0; s->limits[w].keyed && k < 2; k++)
			judge_key(s, runs, n, w, k ? STR("true") : STR("false"));
	}
}

/* Whether x had to start before y, which it waited beside. A called run goes before others. */
static bool overtaken(const struct run_row *x, const struct run_row *y)
{
	bool first =
		x->priority != y->priority ? x->priority > y->priority : str_cmp(x->id, y->id) < 0;
	int64_t x_until = x->started_ms ? x->started_ms : x->finished_ms;
	return first && !y->caller_run_id.n && str_eq(x->workflow_id, y->workflow_id) &&
	       str_eq(x->concurrency_key, y->concurrency_key) && x->created_ms < y->started_ms &&
	       y->started_ms < x_until;
}

/* Nobody started before somebody whose turn it was. A jump of the wall clock, or a pause, hides
 * who was when; so does a key of the same text in a version of other fields. */
void sim_judge_order(struct sim *s, const struct run_row *runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		met.waited += runs[i].started_ms > runs[i].created_ms;
	if (s->jumped || s->pauses)
		return;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (runs[k].started_ms && overtaken(&runs[i], &runs[k]))
				sim_wrong(s, "run %.*s started before %.*s", STR_ARG(runs[k].id),
					  STR_ARG(runs[i].id));
}

/* No more attempts of an agent with a limit than that. */
void sim_judge_agent(struct sim *s, const struct attempt_start *start)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_live; i++)
		n += s->live[i].bank;
	if (n > SIM_BANK_MOST)
		sim_wrong(s, "%zu attempts of agent bank run with %s", n, start->id.text);
}
