/* Time-outs beside that of the run, signs of life, progress and circuit breakers. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

/* What an attempt of a node told last. */
struct told {
	int64_t n;
	uint64_t boot;
};

static struct {
	size_t told, given, opened, queue, start, heartbeat, total, not_retried;
} seen;

void sim_tell_retries(void)
{
	printf("# progress told %zu, given on %zu; breakers opened %zu; time-outs: queue %zu, "
	       "start "
	       "%zu, heartbeat %zu, total %zu; not retried by code %zu\n",
	       seen.told, seen.given, seen.opened, seen.queue, seen.start, seen.heartbeat,
	       seen.total, seen.not_retried);
}

/* ---- definitions ---- */

void sim_put_retry(struct rng *rng, struct buf *out)
{
	static const char *const codes[] = {"crash",  "timeout", "exit_*",
					    "exit_1", "exit_2",	 "signal_9"};
	static const char *const keys[] = {"retryOn", "nonRetryable"};
	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		if (rng_below(rng, 100) < 25)
			buf_printf(out, ",\"%s\":[\"%s\",\"%s\"]", keys[k],
				   codes[rng_below(rng, ARRAY_LEN(codes))],
				   codes[rng_below(rng, ARRAY_LEN(codes))]);
}

void sim_put_timeouts(struct rng *rng, struct buf *out)
{
	uint64_t dice = rng_below(rng, 100);
	size_t ms = 1 + rng_below(rng, 9000);
	if (dice < 12)
		buf_printf(out, ",\"timeouts\":{\"queue\":\"%zums\"}", ms);
	else if (dice < 24)
		buf_printf(out, ",\"timeouts\":{\"total\":\"%zums\"}", ms * 2);
	else if (dice < 32)
		buf_printf(out, ",\"timeouts\":{\"start\":\"1s\",\"total\":\"%zums\"}", ms * 2);
	if (rng_below(rng, 100) < 12)
		buf_puts(out, ",\"heartbeat\":\"1500ms\"");
}

/* ---- signs of life ---- */

static void tell_progress(struct sim *s, const struct live *l)
{
	char text[96];
	struct told *t = map_get(&s->told, str_of(l->run_node));
	if (!t) {
		t = ARENA_NEW(&s->arena, struct told);
		map_put(&s->told, str_of(l->run_node), t);
	}
	*t = (struct told){++s->n_progress, s->boot};
	int n = snprintf(text, sizeof(text), "{\"progress\":0.5,\"details\":%lld}",
			 (long long)t->n);
	seen.told++;
	engine_attempt_log(s->engine, &l->id, str_n(text, (size_t)n), 1);
}

void sim_act_life(struct sim *s)
{
	if (s->n_live == 0)
		return;
	const struct live *l = &s->live[rng_below(&s->rng, s->n_live)];
	struct attempt_id id = l->id;
	if (sim_chance(s, 30))
		engine_attempt_started(s->engine, &id);
	else if (sim_chance(s, 30))
		engine_attempt_alive(s->engine, &id);
	else if (!l->stop_asked && l->kind != 'p')
		tell_progress(s, l);
}

static int64_t progress_number(struct str json)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	if (json.n == 0 || json_parse(&a, json, JSON_DEFAULT, &v, NULL) != 0)
		return 0;
	const struct value *n = value_getz(&v, "details");
	return value_is(n, VALUE_INT) ? n->i : -1;
}

/* The next attempt gets what was told last; after a crash perhaps what was told before. */
static void judge_given(struct sim *s, const struct live *l, const struct attempt_start *start)
{
	const struct told *t = map_get(&s->told, str_of(l->run_node));
	int64_t n = progress_number(start->last_progress);
	seen.given += n > 0;
	if (n < 0 || n > (t ? t->n : 0) || (t && t->boot == s->boot && n != t->n))
		sim_wrong(s, "%s was given progress %lld, told was %lld", l->run_node, (long long)n,
			  t ? (long long)t->n : 0);
}

/* ---- circuit breakers ---- */

void sim_on_breaker(void *watcher, struct str project UNUSED, struct str agent UNUSED,
		    enum breaker_state state, bool opened)
{
	struct sim *s = watcher;
	sim_say(s, "breaker %d", (int)state);
	s->breaker_open = state == BREAKER_OPEN;
	s->breaker_ms = s->wall_ms;
	seen.opened += opened;
}

/* Nothing of the agent begins while its breaker is open. */
static void judge_breaker(struct sim *s, const struct attempt_start *start)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!s->breaker_open || s->jumped || !str_eqz(start->agent, "script") ||
	    !sim_read_run(s, &a, start->run_id.text, &d))
		return;
	for (size_t i = 0; i < d.n_attempts; i++)
		if (str_eqz(d.attempts[i].id, start->id.text) &&
		    d.attempts[i].started_ms > s->breaker_ms)
			sim_wrong(s, "%.*s began while the breaker was open",
				  STR_ARG(start->node_id));
}

void sim_retry_start(struct sim *s, const struct live *l, const struct attempt_start *start)
{
	judge_breaker(s, start);
	if (l->kind != 'p')
		judge_given(s, l, start);
}

/* ---- the end ---- */

static int64_t ms_of(struct arena *a, const struct value *node, const char *key)
{
	const struct value *v = strcmp(key, "heartbeat") == 0
					? value_getz(node, key)
					: value_getz(value_getz(node, "timeouts"), key);
	struct str text = value_text(v);
	if (!text.n)
		return 0;
	char *end;
	int64_t n = strtoll(arena_dup(a, text.p, text.n), &end, 10);
	return *end == 's' ? n * 1000 : n;
}

static bool ended_by(const struct attempt_row *t, const char *code)
{
	CLEANUP_BUF struct buf head = {0};
	buf_printf(&head, "{\"code\":\"%s\"", code);
	return str_starts(t->error, buf_str(&head));
}

/* A time-out came after its time, and counted what it should. */
static void judge_timeout(struct sim *s, const struct attempt_row *t, const char *code,
			  int64_t since_ms, int64_t least_ms, bool began, size_t *n)
{
	if (!ended_by(t, code))
		return;
	++*n;
	if (least_ms == 0)
		sim_wrong(s, "%s of a node that has none", code);
	if (!began && t->started_ms)
		sim_wrong(s, "%s of an attempt that had started", code);
	if (began && !t->started_ms)
		sim_wrong(s, "%s of an attempt that had not started", code);
	if (!s->jumped && t->finished_ms - since_ms < least_ms)
		sim_wrong(s, "%s after %lld of %lld ms", code,
			  (long long)(t->finished_ms - since_ms), (long long)least_ms);
}

static void judge_attempt(struct sim *s, struct arena *a, const struct value *node,
			  const struct attempt_row *t, int64_t first_ms)
{
	int64_t total_ms = ms_of(a, node, "total");
	int64_t ready_ms = t->queued_ms > t->not_before_ms ? t->queued_ms : t->not_before_ms;
	bool bank = str_eqz(value_text(value_getz(node, "agent")), "bank");
	judge_timeout(s, t, "queue_timeout", ready_ms, ms_of(a, node, "queue"), false, &seen.queue);
	judge_timeout(s, t, "start_timeout", t->started_ms, ms_of(a, node, "start"), true,
		      &seen.start);
	judge_timeout(s, t, "heartbeat_timeout", t->started_ms, ms_of(a, node, "heartbeat"), true,
		      &seen.heartbeat);
	judge_timeout(s, t, "total_timeout", bank ? 0 : first_ms, total_ms, t->started_ms != 0,
		      &seen.total);
	if (total_ms && t->started_ms && !bank && !s->jumped &&
	    t->started_ms - first_ms >= total_ms)
		sim_wrong(s,
			  "run %.*s: %.*s began an attempt %lld ms after its first, its total is "
			  "%lld",
			  STR_ARG(t->run_id), STR_ARG(t->node_id),
			  (long long)(t->started_ms - first_ms), (long long)total_ms);
}

/* Its place in the definition; an attempt's row keeps the index of the version it was made in. */
static int64_t place_of(const struct value *nodes, struct str id)
{
	for (uint32_t i = 0; i < nodes->n; i++)
		if (str_eq(value_text(value_getz(&nodes->items[i], "id")), id))
			return i;
	return -1;
}

void sim_judge_retries(struct sim *s, struct arena *a, const struct run_detail *d,
		       const struct event_row *events, size_t n)
{
	struct value definition;
	ASSERT(json_parse(a, d->definition, JSON_DEFAULT, &definition, NULL) == 0);
	const struct value *nodes = value_getz(&definition, "nodes");
	int64_t *first_ms = ARENA_NEW_ARRAY(a, int64_t, nodes->n + 1);
	for (size_t i = 0; i < d->n_attempts; i++) {
		const struct attempt_row *t = &d->attempts[i];
		int64_t at = place_of(nodes, t->node_id);
		if (at < 0)
			continue;
		if (t->attempt == 1)
			first_ms[at] = t->queued_ms;
		judge_attempt(s, a, &nodes->items[at], t, first_ms[at]);
	}
	for (size_t i = 0; i < n; i++) {
		const char *data = arena_dup(a, events[i].data.p, events[i].data.n);
		seen.not_retried += strstr(data, "\"notRetried\":\"retryOn\"") ||
				    strstr(data, "\"notRetried\":\"nonRetryable\"");
	}
}
