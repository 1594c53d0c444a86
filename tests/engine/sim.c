/*
 * The simulation: a seed makes workflows, requests, executor answers, clock moves, full disks and
 * crashes; then everything drains and the model judges what is stored.
 *
 *   test_engine_sim                as many seeds as DROVER_SIM_SEEDS says, or a quick number; as
 * TAP test_engine_sim --seeds N      that many test_engine_sim --seed S       one, with a trace
 */
#include "sim.h"

#include "moves_dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS_DEFAULT = 500 };

struct sim_met met;

/* ---- saying ---- */

void sim_say(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (!s->trace)
		return;
	va_start(ap, fmt);
	printf("# %8lld ", (long long)s->mono_ms);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void sim_wrong(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (s->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	s->failed = true;
	sim_say(s, "WRONG: %s", s->why);
}

void sim_check(struct sim *s)
{
	size_t n = engine_check(s->engine);
	if (n != 0)
		sim_wrong(s, "%zu nodes are stuck", n);
}

bool sim_chance(struct sim *s, uint64_t percent)
{
	return rng_below(&s->rng, 100) < percent;
}

static int64_t wall_ms(struct clock *c)
{
	return container_of(c, struct sim, clock)->wall_ms;
}
static int64_t mono_ns(struct clock *c)
{
	return container_of(c, struct sim, clock)->mono_ms * 1000000;
}

/* ---- reading ---- */

struct store_reader *sim_reader(struct sim *s)
{
	struct store_reader *r;
	ASSERT(s->store->ops->reader_new(s->store, &r) == 0);
	return r;
}

bool sim_read_run(struct sim *s, struct arena *a, const char *id, struct run_detail *ret)
{
	struct store_reader *r = sim_reader(s);
	int f = r->ops->run_get(r, a, STR("default"), str_of(id), ret);
	r->ops->reader_free(r);
	return f == 0;
}

/* ---- the executor ---- */

static void forget(struct sim *s, size_t at)
{
	s->old[s->n_old++ % OLD_IDS] = s->live[at].id;
	s->live[at] = s->live[--s->n_live];
}

void sim_answer(struct sim *s, size_t at, bool good)
{
	struct live l = s->live[at];
	char output[64];
	struct attempt_result x = {.end = ATTEMPT_END_ERROR, .message = STR("no")};
	uint64_t dice = good ? 0 : rng_below(&s->rng, 100);
	forget(s, at);
	if (l.kind) {
		x = sim_effect_answer(s, &l, dice, output);
	} else if (dice < 60) {
		snprintf(output, sizeof(output), "{\"n\":%lld}", (long long)++s->n_output);
		x = (struct attempt_result){.output = str_of(output)};
	} else if (dice < 64) {
		x = (struct attempt_result){.output = STR("{\"n\":")};
	} else {
		x.code = dice < 68   ? "final"
			 : dice < 71 ? "timeout"
			 : dice < 84 ? "exit_1"
			 : dice < 91 ? "exit_2"
			 : dice < 95 ? "signal_9"
				     : "exit_3";
		if (dice >= 98)
			x.output = STR("{\"error\":{\"code\":\"Mine\",\"retryable\":false}}");
		x.final = dice < 68;
		x.retry_later = dice >= 71 && dice < 76;
		x.retry_after_ms = dice < 73 ? 7000 : 0;
	}
	sim_say(s, "answer %s: %s", l.run_node, x.code ? x.code : "output");
	engine_attempt_done(s->engine, &l.id, &x);
}

/* The row must be durable before the attempt is started. */
static void judge_start(struct sim *s, const struct attempt_start *start)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!sim_read_run(s, &a, start->run_id.text, &d)) {
		sim_wrong(s, "an attempt was started of a run that is not durable");
		return;
	}
	for (size_t i = 0; i < d.n_attempts; i++)
		if (str_eqz(d.attempts[i].id, start->id.text) &&
		    d.attempts[i].status == ATTEMPT_RUNNING) {
			sim_judge_approved(s, &d, start);
			return;
		}
	sim_wrong(s, "attempt %s was started before it was durable", start->id.text);
}

static void start(struct executor *x, const struct attempt_start *start)
{
	struct sim *s = container_of(x, struct sim, executor);
	ASSERT(s->n_live < LIVE_MOST);
	struct live *l = &s->live[s->n_live];
	*l = (struct live){.id = start->id, .limited = start->timeout_ms > 0};
	snprintf(l->run_node, sizeof(l->run_node), "%s:%.*s", start->run_id.text,
		 STR_ARG(start->node_id));
	for (size_t i = 0; i < s->n_live; i++)
		if (strcmp(s->live[i].run_node, l->run_node) == 0)
			sim_wrong(s, "%s was started twice at once", l->run_node);
	if (!str_eqz(start->idempotency_key, l->run_node))
		sim_wrong(s, "%s has key %.*s", l->run_node, STR_ARG(start->idempotency_key));
	sim_say(s, "start %s attempt %lld", l->run_node, (long long)start->attempt);
	judge_start(s, start);
	sim_effect_start(s, l, start);
	sim_retry_start(s, l, start);
	l->bank = str_eqz(start->agent, "bank");
	s->n_live++;
	sim_judge_agent(s, start);
	l->hangs = !s->draining && sim_chance(s, 10);
	if (sim_chance(s, 25))
		sim_answer(s, s->n_live - 1, s->draining);
}

static void stop(struct executor *x, const struct attempt_id *id, enum attempt_stop why)
{
	struct sim *s = container_of(x, struct sim, executor);
	for (size_t i = 0; i < s->n_live; i++) {
		if (strcmp(s->live[i].id.text, id->text) != 0)
			continue;
		sim_say(s, "stop %s (%d)", s->live[i].run_node, (int)why);
		s->live[i].stop_asked = true;
		if (sim_chance(s, 30))
			sim_answer(s, i, false);
		return;
	}
}

static const struct executor_ops executor_ops = {start, stop};

/* ---- faults and time ---- */

/* What is final stays as it is. */
static void remember(struct sim *s, struct str key, struct str what)
{
	char *before = map_get(&s->finals, key);
	if (!before)
		map_put(&s->finals, key, arena_dup(&s->arena, what.p, what.n));
	else if (!str_eqz(what, before))
		sim_wrong(s, "%.*s was %s and became %.*s", STR_ARG(key), before, STR_ARG(what));
}

void sim_remember_finals(struct sim *s, const char *run)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!sim_read_run(s, &a, run, &d)) {
		sim_wrong(s, "run %s is lost", run);
		return;
	}
	for (size_t i = 0; i < d.n_nodes; i++) {
		if (!node_status_final(d.nodes[i].status))
			continue;
		char *key = arena_printf(&a, "%s/%.*s", run, STR_ARG(d.nodes[i].node_id));
		remember(s, str_of(key),
			 str_of(arena_printf(&a, "%d %.*s %lld", (int)d.nodes[i].status,
					     STR_ARG(d.nodes[i].output),
					     (long long)d.nodes[i].finished_ms)));
	}
	for (size_t i = 0; i < d.n_attempts; i++)
		if (attempt_status_final(d.attempts[i].status))
			remember(s, d.attempts[i].id,
				 str_of(arena_printf(&a, "%d %.*s %lld", (int)d.attempts[i].status,
						     STR_ARG(d.attempts[i].error),
						     (long long)d.attempts[i].finished_ms)));
	for (size_t i = 0; i < d.n_approvals; i++)
		if (d.approvals[i].status != APPROVAL_PENDING)
			remember(s, d.approvals[i].id,
				 str_of(arena_printf(&a, "%d %.*s %.*s", (int)d.approvals[i].status,
						     STR_ARG(d.approvals[i].responses),
						     STR_ARG(d.approvals[i].notes))));
	if (run_status_final(d.run.status))
		remember(s, str_of(run), str_of(arena_printf(&a, "%d", (int)d.run.status)));
}

static void boot(struct sim *s)
{
	struct engine_config config = {
		.clock = &s->clock,
		.store = s->store,
		.executor = &s->executor,
		.seed = s->seed * 1000 + ++s->boot,
		.max_scripts = 2,
		.watcher = s,
		.on_breaker = sim_on_breaker,
		.extra_scripts = s->seed % 2,
		.max_running = s->seed % 4 == 0 ? 3 : 0,
		.max_project_running = s->seed % 8 == 2 ? 4 : 0,
		.retention_ms = {s->retention_ms, s->retention_ms / 2},
	};
	s->breaker_open = false;
	ASSERT(engine_new(&config, &s->engine) == 0);
	sim_check(s);
}

void sim_crash(struct sim *s)
{
	sim_say(s, "CRASH");
	met.crashes++;
	s->store = mem_store_crash(s->store);
	engine_free(s->engine);
	while (s->n_live > 0) {
		sim_effect_lost(s, &s->live[s->n_live - 1]);
		forget(s, s->n_live - 1);
	}
	mem_store_set_manual(s->store, true);
	for (size_t i = 0; i < s->n_runs && !s->retention_ms; i++)
		sim_remember_finals(s, s->runs[i]);
	s->mono_ms = (int64_t)rng_below(&s->rng, 1000000);
	boot(s);
}

void sim_pass(struct sim *s, int64_t ms)
{
	s->wall_ms += ms;
	s->mono_ms += ms;
}

static void act_time(struct sim *s)
{
	int64_t next = engine_next_tick(s->engine);
	if (next - s->wall_ms < TIME_MOST_MS && sim_chance(s, 70))
		sim_pass(s, next > s->wall_ms ? next - s->wall_ms : 0);
	else
		sim_pass(s, (int64_t)rng_below(&s->rng, 3000));
	engine_tick(s->engine);
}

static void act_answer(struct sim *s)
{
	if (s->n_live == 0)
		return;
	size_t at = rng_below(&s->rng, s->n_live);
	if (!s->live[at].hangs || s->live[at].stop_asked)
		sim_answer(s, at, false);
}

static void act_late(struct sim *s)
{
	if (s->n_old == 0)
		return;
	size_t n = s->n_old < OLD_IDS ? s->n_old : OLD_IDS;
	engine_attempt_done(s->engine, &s->old[rng_below(&s->rng, n)],
			    &(struct attempt_result){.output = STR("{\"n\":-1}")});
}

static void act_jump(struct sim *s)
{
	s->wall_ms += sim_chance(s, 50) ? 3600000 : -3600000;
	s->jumped = true;
}

static void step(struct sim *s)
{
	uint64_t dice = rng_below(&s->rng, 1000);
	if (dice < 60)
		sim_act_trigger(s);
	else if (dice < 75)
		sim_act_cancel(s);
	else if (dice < 100)
		sim_act_retry(s);
	else if (dice < 155)
		sim_act_decide(s, sim_chance(s, 85));
	else if (dice < 158)
		sim_act_agent(s);
	else if (dice < 164)
		sim_act_resolve(s);
	else if (dice < 165)
		sim_act_resolve_blindly(s);
	else if (dice < 190)
		sim_act_signal(s);
	else if (dice < 210)
		sim_act_event(s);
	else if (dice < 350)
		act_answer(s);
	else if (dice < 370)
		act_late(s);
	else if (dice < 380)
		sim_act_version(s);
	else if (dice < 398)
		sim_act_move(s);
	else if (dice < 413)
		sim_act_pause(s);
	else if (dice < 425)
		sim_act_skip(s);
	else if (dice < 445)
		sim_act_life(s);
	else if (dice < 540)
		engine_flush(s->engine);
	else if (dice < 730)
		mem_store_commit_one(s->store);
	else if (dice < 880)
		mem_store_run(s->store);
	else if (dice < 970)
		act_time(s);
	else if (dice < 974)
		act_jump(s);
	else if (dice < 977)
		sim_pause_schedules(s, false);
	else if (dice < 985)
		mem_store_fail_next(s->store, 1 + rng_below(&s->rng, 4));
	else
		sim_crash(s);
}

/* ---- one seed ---- */

static void setup_reply(void *arg, const struct engine_reply *reply)
{
	struct sim *s = arg;
	if (reply->outcome != ENGINE_CREATED)
		sim_wrong(s, "set-up got %d: %s %s", (int)reply->outcome,
			  reply->diag ? reply->diag->findings[0].path : "",
			  reply->diag ? reply->diag->findings[0].message : "");
}

static void set_up(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	for (size_t i = 0; i < SIM_AGENTS; i++) {
		struct value doc = sim_parse(&a, sim_agents[i]);
		engine_agent_save(s->engine, &(struct agent_save){.doc = &doc}, setup_reply, s);
	}
	s->n_workflows = 1 + rng_below(&s->rng, WORKFLOWS_MOST);
	for (size_t i = 0; i < s->n_workflows; i++) {
		CLEANUP_BUF struct buf text = {0};
		char name[8];
		snprintf(name, sizeof(name), "w%zu", i);
		sim_graph(&s->rng, name, i, &text);
		sim_say(s, "%s", text.p);
		CLEANUP_BUF struct buf timed = {0};
		buf_putc(&timed, '{');
		if (sim_chance(s, 30))
			sim_put_schedule(s, &timed);
		if (sim_chance(s, 50))
			sim_put_limits(s, i, &timed);
		buf_puts(&timed, text.p + 1);
		struct value doc = sim_parse(&a, timed.p);
		engine_workflow_save(s->engine, &(struct workflow_save){.doc = &doc}, setup_reply,
				     s);
	}
	engine_flush(s->engine);
	mem_store_run(s->store);
	for (int i = 0; i < 3; i++) {
		if (sim_chance(s, 50))
			sim_act_version(s);
		engine_flush(s->engine);
		mem_store_run(s->store);
	}
}

static void tear_down(struct sim *s)
{
	s->store = mem_store_crash(s->store);
	engine_free(s->engine);
	s->store->ops->free(s->store);
	while (s->requests) {
		struct request *q = s->requests;
		s->requests = q->next;
		free(q);
	}
	map_free(&s->finals);
	map_free(&s->winners);
	map_free(&s->told);
	map_free(&s->deeds);
	arena_free(&s->arena);
}

/* true when all is well; the reason is printed otherwise. */
static bool simulate(uint64_t seed, bool trace)
{
	struct sim *s = NEW0(struct sim);
	*s = (struct sim){.seed = seed, .trace = trace, .clock = {wall_ms, mono_ns}};
	s->wall_ms = 1700000000000;
	s->executor.ops = &executor_ops;
	rng_seed(&s->rng, seed);
	ASSERT(mem_store_new(&s->store) == 0);
	boot(s);
	set_up(s);
	mem_store_set_manual(s->store, true);
	for (uint64_t n = 50 + rng_below(&s->rng, 400); n > 0 && !s->failed; n--) {
		step(s);
		sim_check(s);
		if (sim_chance(s, 5))
			sim_judge_limits(s);
	}
	sim_drain(s);
	s->n_triggers = RUNS_MOST - 4; /* room for some retries of what has ended */
	for (int i = 0; i < 3 && !s->failed; i++)
		sim_act_retry(s);
	sim_drain(s);
	if (!s->failed)
		sim_judge(s);
	if (!s->failed)
		sim_purge(s);
	bool good = !s->failed;
	if (!good)
		printf("# %s\n# repeat with: test_engine_sim --seed %llu\n", s->why,
		       (unsigned long long)seed);
	tear_down(s);
	free(s);
	return good;
}

static void tell_met(void)
{
	printf("# crashes %zu, attempts %zu, lost %zu, copied nodes %zu, slept %zu, planned %zu, "
	       "fired %zu, told %zu, called %zu, purged %zu, expanded %zu, items %zu; runs:",
	       met.crashes, met.attempts, met.lost, met.copied, met.slept, met.planned, met.fired,
	       met.told, met.called, met.purged, met.expanded, met.items);
	for (int i = RUN_SUCCESS; i <= RUN_TIMED_OUT; i++)
		printf(" %s %zu", run_status_name((enum run_status)i), met.runs[i]);
	printf("; nodes:");
	for (int i = NODE_SUCCESS; i <= NODE_TIMED_OUT; i++)
		printf(" %s %zu", node_status_name((enum node_status)i), met.nodes[i]);
	printf("; approvals:");
	for (int i = APPROVAL_APPROVED; i <= APPROVAL_EXPIRED; i++)
		printf(" %s %zu", approval_status_name((enum approval_status)i), met.approvals[i]);
	printf(", void %zu, conflicts %zu; waited %zu; paused %zu, given %zu; versions %zu, moved "
	       "%zu, refused "
	       "%zu, stale %zu\n",
	       met.voided, met.lost_races, met.waited, met.paused, met.given, met.saved, met.moved,
	       met.refused_moves, met.stale_moves);
	sim_tell_effects();
	sim_tell_retries();
}

int main(int argc, char **argv)
{
	const char *wanted = getenv("DROVER_SIM_SEEDS");
	uint64_t first = 1, n = wanted ? strtoull(wanted, NULL, 10) : SEEDS_DEFAULT;
	bool trace = false;
	log_setup(LOG_LEVEL_OFF, false);
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seeds") == 0)
			n = strtoull(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--from") == 0)
			first = strtoull(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--seed") == 0) {
			first = strtoull(argv[i + 1], NULL, 10);
			n = 1;
			trace = true;
		}
	}
	size_t n_bad = 0;
	printf("TAP version 13\n");
	for (uint64_t seed = first; seed < first + n && n_bad < 5; seed++)
		n_bad += !simulate(seed, trace);
	tell_met();
	printf("%s 1 - every_seed_of_%llu_keeps_every_promise\n1..1\n", n_bad ? "not ok" : "ok",
	       (unsigned long long)n);
	return n_bad ? 1 : 0;
}
