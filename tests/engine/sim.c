/*
 * The simulation: a seed makes workflows, requests, executor answers, clock moves, full disks and
 * crashes; then everything drains and the model judges what is stored.
 *
 *   test_engine_sim                a quick number of seeds, as TAP
 *   test_engine_sim --seeds N      that many
 *   test_engine_sim --seed S       one, with a trace
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "json/parse.h"
#include "model.h"
#include "sim_graph.h"
#include "store/mem/mem.h"

enum { RUNS_MOST = 24, LIVE_MOST = 256, KEYS = 4, WORKFLOWS_MOST = 3, OLD_IDS = 8 };
enum { SENT_MOST = 4096, EVENT_IDS = 40 };
enum { SEEDS_DEFAULT = 2000, DRAIN_MOST = 20000 };

/* One step of time; all steps of a seed stay below the life of an idempotency key. */
enum { TIME_MOST_MS = 60000 };

/* What all seeds together met, so that one sees that they met it. */
static struct {
	size_t runs[RUN_TIMED_OUT + 1], nodes[NODE_TIMED_OUT + 1], attempts, lost, crashes, copied,
		slept, planned, fired, told;
	size_t approvals[APPROVAL_EXPIRED + 1], voided, lost_races;
} met;

struct live {
	struct attempt_id id;
	char run_node[96];
	bool hangs; /* answers only when it is asked to stop */
	bool stop_asked;
	bool limited; /* the node has a time-out: it will be asked */
};

struct request {
	struct sim *sim;
	char kind; /* 't'rigger, 'c'ancel, 'r'etry, 'p'lan, 'd'ecision, 'a'gent, 's'ignal, 'e'vent
		    */
	char approval[ID_TEXT_BYTES];
	enum approval_status decision;
	int key; /* index, or -1 */
	int body;
	bool answered;
	struct request *next;
};

struct sim {
	uint64_t seed;
	bool trace;
	struct rng rng;
	struct clock clock;
	int64_t wall_ms, mono_ms;
	struct store *store;
	struct engine *engine;
	struct executor executor;
	uint64_t boot;
	struct arena arena;
	size_t n_workflows;
	struct live live[LIVE_MOST];
	size_t n_live;
	struct attempt_id old[OLD_IDS]; /* of attempts that are no more */
	size_t n_old;
	char runs[RUNS_MOST][ID_TEXT_BYTES]; /* acknowledged */
	size_t n_runs, n_triggers;
	struct {
		char run[ID_TEXT_BYTES];
		int body;
	} keys[KEYS];
	struct map finals;  /* "run/node", attempt or approval id -> what was final once */
	struct map winners; /* approval id -> the request that decided it */
	int digest;
	struct request *requests;
	bool draining, jumped; /* the wall clock, ever */
	int64_t n_output;
	/* what was sent to waiting nodes: {"n": index} */
	struct {
		int id;			 /* of the event, -1 = a signal */
		char run[ID_TEXT_BYTES]; /* of the signal */
		bool void_;		 /* its id was answered for before: must reach nobody */
		size_t n_told;
	} sent[SENT_MOST];
	size_t n_sent;
	bool event_known[EVENT_IDS];
	bool failed;
	char why[600];
};

/* ---- saying ---- */

static void say(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct sim *s, const char *fmt, ...)
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

static void wrong(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void wrong(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (s->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	s->failed = true;
	say(s, "WRONG: %s", s->why);
}

static void check(struct sim *s)
{
	size_t n = engine_check(s->engine);
	if (n != 0)
		wrong(s, "%zu nodes are stuck", n);
}

static bool chance(struct sim *s, uint64_t percent)
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

static struct store_reader *reader(struct sim *s)
{
	struct store_reader *r;
	ASSERT(s->store->ops->reader_new(s->store, &r) == 0);
	return r;
}

static bool read_run(struct sim *s, struct arena *a, const char *id, struct run_detail *ret)
{
	struct store_reader *r = reader(s);
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

static void answer(struct sim *s, size_t at, bool good)
{
	struct live l = s->live[at];
	char output[64];
	struct attempt_result x = {.end = ATTEMPT_END_ERROR, .message = STR("no")};
	uint64_t dice = good ? 0 : rng_below(&s->rng, 100);
	forget(s, at);
	if (dice < 60) {
		snprintf(output, sizeof(output), "{\"n\":%lld}", (long long)++s->n_output);
		x = (struct attempt_result){.output = str_of(output)};
	} else if (dice < 64) {
		x = (struct attempt_result){.output = STR("{\"n\":")};
	} else {
		x.code = dice < 68 ? "final" : dice < 71 ? "timeout" : "exit_1";
		x.final = dice < 68;
		x.retry_later = dice >= 71 && dice < 76;
		x.retry_after_ms = dice < 73 ? 7000 : 0;
	}
	say(s, "answer %s: %s", l.run_node, x.code ? x.code : "output");
	engine_attempt_done(s->engine, &l.id, &x);
}

/* The row must be durable before the attempt is started. */
static void judge_start(struct sim *s, const struct attempt_start *start)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!read_run(s, &a, start->run_id.text, &d)) {
		wrong(s, "an attempt was started of a run that is not durable");
		return;
	}
	for (size_t i = 0; i < d.n_attempts; i++)
		if (str_eqz(d.attempts[i].id, start->id.text) &&
		    d.attempts[i].status == ATTEMPT_RUNNING)
			return;
	wrong(s, "attempt %s was started before it was durable", start->id.text);
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
			wrong(s, "%s was started twice at once", l->run_node);
	if (!str_eqz(start->idempotency_key, l->run_node))
		wrong(s, "%s has key %.*s", l->run_node, STR_ARG(start->idempotency_key));
	say(s, "start %s attempt %lld", l->run_node, (long long)start->attempt);
	judge_start(s, start);
	s->n_live++;
	l->hangs = !s->draining && chance(s, 10);
	if (chance(s, 25))
		answer(s, s->n_live - 1, s->draining);
}

static void stop(struct executor *x, const struct attempt_id *id, enum attempt_stop why)
{
	struct sim *s = container_of(x, struct sim, executor);
	for (size_t i = 0; i < s->n_live; i++) {
		if (strcmp(s->live[i].id.text, id->text) != 0)
			continue;
		say(s, "stop %s (%d)", s->live[i].run_node, (int)why);
		s->live[i].stop_asked = true;
		if (chance(s, 30))
			answer(s, i, false);
		return;
	}
}

static const struct executor_ops executor_ops = {start, stop};

/* ---- requests ---- */

static const char *const agents[] = {
	"{\"name\":\"rule\",\"type\":\"RULE\",\"capabilities\":[{\"name\":\"run\"}]}",
	"{\"name\":\"script\",\"type\":\"SCRIPT\",\"entryPath\":\"/x\",\"command\":[\"x\"],"
	"\"capabilities\":[{\"name\":\"run\"}]}",
	"{\"name\":\"risky\",\"type\":\"RULE\",\"riskLevel\":\"APPROVAL_REQUIRED\","
	"\"capabilities\":[{\"name\":\"run\"}]}"};

static void acknowledge(struct sim *s, const char *id)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (strcmp(s->runs[i], id) == 0)
			return;
	if (s->n_runs < RUNS_MOST)
		snprintf(s->runs[s->n_runs++], ID_TEXT_BYTES, "%s", id);
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!read_run(s, &a, id, &d))
		wrong(s, "run %s was acknowledged before it was durable", id);
}

static void judge_key(struct sim *s, const struct request *q, const char *id)
{
	if (s->keys[q->key].run[0] == 0) {
		snprintf(s->keys[q->key].run, ID_TEXT_BYTES, "%s", id);
		s->keys[q->key].body = q->body;
	} else if (strcmp(s->keys[q->key].run, id) != 0) {
		wrong(s, "key %d gave run %s, then %s", q->key, s->keys[q->key].run, id);
	} else if (s->keys[q->key].body != q->body) {
		wrong(s, "key %d answered another body", q->key);
	}
}

/* One decision wins, and it is durable when that is said. */
static void judge_decision(struct sim *s, struct request *q, const struct engine_reply *reply)
{
	met.lost_races += reply->outcome == ENGINE_CONFLICT;
	if (reply->outcome != ENGINE_OK || reply->approval == APPROVAL_PENDING)
		return;
	struct arena a CLEANUP_ARENA = {0};
	struct approval_row row;
	struct store_reader *r = reader(s);
	int f = r->ops->approval_get(r, &a, STR("default"), str_of(q->approval), &row);
	r->ops->reader_free(r);
	if (map_put(&s->winners, str_of(q->approval), q))
		wrong(s, "approval %s was decided twice", q->approval);
	if (reply->approval != q->decision)
		wrong(s, "approval %s was decided otherwise than asked", q->approval);
	if (f != 0 || row.status != q->decision)
		wrong(s, "approval %s was acknowledged before it was durable", q->approval);
}

static void on_reply(void *arg, const struct engine_reply *reply)
{
	struct request *q = arg;
	struct sim *s = q->sim;
	char id[ID_TEXT_BYTES];
	snprintf(id, sizeof(id), "%.*s", STR_ARG(reply->id));
	if (q->answered)
		wrong(s, "a request was answered twice");
	q->answered = true;
	say(s, "reply to %c: %d %s", q->kind, (int)reply->outcome, id);
	if (reply->outcome == ENGINE_INVALID || reply->outcome == ENGINE_KEY_IN_FLIGHT)
		wrong(s, "a request got %d", (int)reply->outcome);
	if (q->kind == 'p' && reply->outcome == ENGINE_CREATED)
		wrong(s, "a planned retry was made");
	met.planned += q->kind == 'p' && reply->outcome == ENGINE_OK && reply->json.n > 0;
	if (q->kind == 'e' && reply->outcome <= ENGINE_REPLAYED)
		s->event_known[q->key] = true;
	if (q->kind == 'd')
		judge_decision(s, q, reply);
	if ((q->kind == 't' || q->kind == 'r') &&
	    (reply->outcome == ENGINE_CREATED || reply->outcome == ENGINE_REPLAYED)) {
		acknowledge(s, id);
		if (q->key >= 0)
			judge_key(s, q, id);
	}
	if (reply->outcome == ENGINE_KEY_REUSED && s->keys[q->key].run[0] &&
	    s->keys[q->key].body == q->body)
		wrong(s, "key %d was refused to its own body", q->key);
}

static struct request *request(struct sim *s, char kind)
{
	struct request *q = NEW0(struct request);
	*q = (struct request){.sim = s, .kind = kind, .key = -1, .next = s->requests};
	s->requests = q;
	return q;
}

static struct value parse(struct arena *a, const char *text)
{
	struct value v;
	ASSERT(json_parse(a, str_of(text), JSON_DEFAULT, &v, NULL) == 0);
	return v;
}

static void trigger_with_key(struct sim *s, struct run_trigger *t, struct request *q,
			     struct arena *a)
{
	struct store_reader *r = reader(s);
	struct key_row row;
	t->idempotency_key = str_of(arena_printf(a, "key-%d", q->key));
	t->body_sha256 = str_of(arena_printf(a, "%d", q->body));
	if (!engine_key_claim(s->engine, STR("default"), t->idempotency_key)) {
		q->answered = true; /* 409: somebody else's is in flight */
		r->ops->reader_free(r);
		return;
	}
	int f = r->ops->key_get(r, a, STR("default"), t->idempotency_key, &row);
	if (f == 0)
		t->known_key = &row;
	engine_run_trigger(s->engine, t, on_reply, q);
	r->ops->reader_free(r);
}

static struct value any_context(struct sim *s, struct arena *a)
{
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{\"x\":0");
	for (int i = 0; i < SIM_FLAGS; i++)
		buf_printf(&text, ",\"w%d\":%s", i, chance(s, 60) ? "true" : "false");
	buf_puts(&text, "}");
	return parse(a, arena_dupz(a, text.p));
}

static void act_trigger(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	char workflow[8];
	if (s->n_triggers >= RUNS_MOST)
		return;
	s->n_triggers++;
	struct value context = any_context(s, &a);
	snprintf(workflow, sizeof(workflow), "w%zu", (size_t)rng_below(&s->rng, s->n_workflows));
	struct run_trigger t = {
		.project = STR("default"), .workflow = str_of(workflow), .context = &context};
	struct request *q = request(s, 't');
	say(s, "trigger %s", workflow);
	if (chance(s, 40)) {
		q->key = (int)rng_below(&s->rng, KEYS);
		q->body = chance(s, 90) ? 0 : 1;
		trigger_with_key(s, &t, q, &a);
	} else {
		engine_run_trigger(s->engine, &t, on_reply, q);
	}
}

static void act_cancel(struct sim *s)
{
	if (s->n_runs == 0)
		return;
	const char *run = s->runs[rng_below(&s->rng, s->n_runs)];
	say(s, "cancel %s", run);
	engine_run_cancel(s->engine, STR("default"), str_of(run), STR("sim"), on_reply,
			  request(s, 'c'));
}

static void act_retry(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail old;
	if (s->n_runs == 0 || s->n_triggers >= RUNS_MOST)
		return;
	const char *run = s->runs[rng_below(&s->rng, s->n_runs)];
	if (!read_run(s, &a, run, &old)) {
		wrong(s, "run %s is lost", run);
		return;
	}
	static const char *const from[] = {"failed", "failed", "start", "n0"};
	struct run_retry retry = {.project = STR("default"), .old = &old};
	retry.from = str_of(from[rng_below(&s->rng, 4)]);
	retry.plan = chance(s, 20);
	struct value context;
	if (str_eqz(retry.from, "start") && chance(s, 50)) {
		context = any_context(s, &a);
		retry.context = &context;
	}
	s->n_triggers += !retry.plan;
	say(s, "%s %s", retry.plan ? "plan a retry of" : "retry", run);
	engine_run_retry(s->engine, &retry, on_reply, request(s, retry.plan ? 'p' : 'r'));
}

static void send_decision(struct sim *s, struct str id, enum approval_status decision)
{
	static const char *const names[] = {"a", "b", "c"};
	struct request *q = request(s, 'd');
	snprintf(q->approval, sizeof(q->approval), "%.*s", STR_ARG(id));
	q->decision = decision;
	say(s, "decide %s: %s", q->approval, approval_status_name(decision));
	engine_approval_decide(
		s->engine,
		&(struct approval_decision){.project = STR("default"),
					    .id = str_of(q->approval),
					    .decision = decision,
					    .responded_by = str_of(names[rng_below(&s->rng, 3)]),
					    .sha256 = chance(s, 5) ? STR("00") : (struct str){0}},
		on_reply, q);
}

/* Decides something that waits (or did), now and then twice at once; whether there was any. */
static bool act_decide(struct sim *s, bool pending)
{
	struct arena a CLEANUP_ARENA = {0};
	struct approval_row *rows;
	size_t n;
	struct store_reader *r = reader(s);
	ASSERT(r->ops->approval_list(
		       r, &a,
		       &(struct approval_filter){.project = STR("default"), .has_status = pending},
		       &(struct store_page){.limit = 20}, &rows, &n) == 0);
	r->ops->reader_free(r);
	if (n == 0)
		return false;
	struct str id = rows[rng_below(&s->rng, n)].id;
	send_decision(s, id, chance(s, 75) ? APPROVAL_APPROVED : APPROVAL_REJECTED);
	if (chance(s, 30))
		send_decision(s, id, chance(s, 50) ? APPROVAL_APPROVED : APPROVAL_REJECTED);
	return true;
}

/* Another folder behind the same agent: what was approved of it is void. */
static void act_agent(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc = parse(&a, agents[rng_below(&s->rng, ARRAY_LEN(agents))]);
	char digest[16];
	snprintf(digest, sizeof(digest), "%d", ++s->digest);
	say(s, "agent, digest %s", digest);
	engine_agent_save(
		s->engine,
		&(struct agent_save){.doc = &doc, .upsert = true, .digest = str_of(digest)},
		on_reply, request(s, 'a'));
}

static void act_signal(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	static const char *const names[] = {"s.a", "s.b", "s.c"};
	if (s->n_runs == 0 || s->n_sent == SENT_MOST)
		return;
	char *run = arena_dupz(&a, s->runs[rng_below(&s->rng, s->n_runs)]);
	struct value data = parse(&a, arena_printf(&a, "{\"n\":%zu}", s->n_sent));
	s->sent[s->n_sent].id = -1;
	snprintf(s->sent[s->n_sent++].run, ID_TEXT_BYTES, "%s", run);
	struct run_signal x = {STR("default"), str_of(run),
			       str_of(names[rng_below(&s->rng, ARRAY_LEN(names))]), &data};
	say(s, "signal %.*s to %s", STR_ARG(x.name), run);
	engine_run_signal(s->engine, &x, on_reply, request(s, 's'));
}

static void act_event(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct key_row row;
	if (s->n_sent == SENT_MOST)
		return;
	int id = (int)rng_below(&s->rng, EVENT_IDS);
	struct str key = str_of(arena_printf(&a, "event-%d", id));
	if (!engine_key_claim(s->engine, STR("default"), key))
		return;
	struct value event = parse(&a, arena_printf(&a, "{\"type\":\"e.%c\",\"data\":{\"n\":%zu}}",
						    chance(s, 50) ? 'a' : 'b', s->n_sent));
	s->sent[s->n_sent].id = id;
	s->sent[s->n_sent++].void_ = s->event_known[id];
	struct store_reader *r = reader(s);
	struct event_delivery x = {.project = STR("default"), .key = key, .event = &event};
	if (r->ops->key_get(r, &a, x.project, key, &row) == 0)
		x.known_key = &row;
	struct request *q = request(s, 'e');
	q->key = id;
	say(s, "event %d", id);
	engine_event_deliver(s->engine, &x, on_reply, q);
	r->ops->reader_free(r);
}

/* ---- faults and time ---- */

/* What is final stays as it is. */
static void remember(struct sim *s, struct str key, struct str what)
{
	char *before = map_get(&s->finals, key);
	if (!before)
		map_put(&s->finals, key, arena_dup(&s->arena, what.p, what.n));
	else if (!str_eqz(what, before))
		wrong(s, "%.*s was %s and became %.*s", STR_ARG(key), before, STR_ARG(what));
}

static void remember_finals(struct sim *s, const char *run)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!read_run(s, &a, run, &d)) {
		wrong(s, "run %s is lost", run);
		return;
	}
	for (size_t i = 0; i < d.n_nodes; i++) {
		if (!node_status_final(d.nodes[i].status))
			continue;
		char *key = arena_printf(&a, "%s/%lld", run, (long long)d.nodes[i].index);
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
	};
	ASSERT(engine_new(&config, &s->engine) == 0);
	check(s);
}

static void crash(struct sim *s)
{
	say(s, "CRASH");
	met.crashes++;
	s->store = mem_store_crash(s->store);
	engine_free(s->engine);
	while (s->n_live > 0)
		forget(s, s->n_live - 1);
	mem_store_set_manual(s->store, true);
	for (size_t i = 0; i < s->n_runs; i++)
		remember_finals(s, s->runs[i]);
	s->mono_ms = (int64_t)rng_below(&s->rng, 1000000);
	boot(s);
}

static void pass(struct sim *s, int64_t ms)
{
	s->wall_ms += ms;
	s->mono_ms += ms;
}

static void act_time(struct sim *s)
{
	int64_t next = engine_next_tick(s->engine);
	if (next - s->wall_ms < TIME_MOST_MS && chance(s, 70))
		pass(s, next > s->wall_ms ? next - s->wall_ms : 0);
	else
		pass(s, (int64_t)rng_below(&s->rng, 3000));
	engine_tick(s->engine);
}

static void act_answer(struct sim *s)
{
	if (s->n_live == 0)
		return;
	size_t at = rng_below(&s->rng, s->n_live);
	if (!s->live[at].hangs || s->live[at].stop_asked)
		answer(s, at, false);
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
	s->wall_ms += chance(s, 50) ? 3600000 : -3600000;
	s->jumped = true;
}

static void pause_schedules(struct sim *s, bool all);
static void put_schedule(struct sim *s, struct buf *text);

static void step(struct sim *s)
{
	uint64_t dice = rng_below(&s->rng, 1000);
	if (dice < 60)
		act_trigger(s);
	else if (dice < 75)
		act_cancel(s);
	else if (dice < 100)
		act_retry(s);
	else if (dice < 155)
		act_decide(s, chance(s, 85));
	else if (dice < 158)
		act_agent(s);
	else if (dice < 190)
		act_signal(s);
	else if (dice < 210)
		act_event(s);
	else if (dice < 350)
		act_answer(s);
	else if (dice < 370)
		act_late(s);
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
		pause_schedules(s, false);
	else if (dice < 985)
		mem_store_fail_next(s->store, 1 + rng_below(&s->rng, 4));
	else
		crash(s);
}

/* ---- schedules ---- */

static size_t read_schedules(struct sim *s, struct arena *a, struct schedule_row **ret)
{
	size_t n = 0;
	struct store_reader *r = reader(s);
	ASSERT(r->ops->schedule_list(r, a, STR("default"), &(struct store_page){0}, ret, &n) == 0);
	r->ops->reader_free(r);
	return n;
}

static void paused(void *arg, const struct engine_reply *reply)
{
	if (reply->outcome == ENGINE_NOT_FOUND)
		wrong(arg, "a schedule is lost");
}

/* All stop, or one stops or goes on. */
static void pause_schedules(struct sim *s, bool all)
{
	struct arena a CLEANUP_ARENA = {0};
	struct schedule_row *rows;
	size_t n = read_schedules(s, &a, &rows);
	for (size_t i = 0; i < n; i++)
		if (all ? !rows[i].paused : chance(s, 20))
			engine_schedule_pause(s->engine, STR("default"), rows[i].id,
					      all || !rows[i].paused, paused, s);
}

/* The text of a schedule trigger, put in front of a workflow's members. */
static void put_schedule(struct sim *s, struct buf *text)
{
	static const char *const overlaps[] = {"skip", "queue", "cancel"};
	buf_printf(text,
		   "\"trigger\":{\"schedule\":\"%s\",\"overlap\":\"%s\",\"catchup\":\"%s\","
		   "\"context\":{\"x\":0",
		   chance(s, 50) ? "@every 7s" : "* * * * *", overlaps[rng_below(&s->rng, 3)],
		   chance(s, 50) ? "10s" : "1m");
	for (int i = 0; i < SIM_FLAGS; i++)
		buf_printf(text, ",\"w%d\":%s", i, chance(s, 60) ? "true" : "false");
	buf_puts(text, "}},");
}

static int by_trigger(const void *x, const void *y)
{
	const struct run_row *a = x, *b = y;
	return str_cmp(a->trigger, b->trigger);
}

/* Each fire started one run, and the counts say the same. Sorts the rows. */
static void judge_schedules(struct sim *s, struct run_row *runs, size_t n_runs)
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
			wrong(s, "fired twice: %.*s", STR_ARG(runs[i].trigger));
	}
	for (size_t i = 0; i < n; i++)
		n_started += rows[i].n_started;
	if (n_started != n_fired)
		wrong(s, "%lld fires are told, %lld runs are there", (long long)n_started,
		      (long long)n_fired);
	met.fired += (size_t)n_fired;
}

/* ---- the end ---- */

static size_t n_open(struct sim *s)
{
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	return stats.n_open_runs + stats.n_txns_in_flight + stats.store_full;
}

/* Answers one attempt; those that hang with a time-out are left to it. */
static bool drain_one(struct sim *s)
{
	for (size_t i = 0; i < s->n_live; i++) {
		if (s->live[i].hangs && s->live[i].limited && !s->live[i].stop_asked)
			continue;
		answer(s, i, true);
		return true;
	}
	return false;
}

static void drain(struct sim *s)
{
	s->draining = true;
	for (int i = 0; i < DRAIN_MOST && !s->failed; i++) {
		engine_flush(s->engine);
		while (mem_store_commit_one(s->store))
			;
		size_t n = mem_store_run(s->store);
		check(s);
		if (n == 0)
			pause_schedules(s, true);
		if (n > 0)
			continue;
		if (drain_one(s)) {
			check(s);
			continue;
		}
		if (n_open(s) == 0)
			return;
		if (chance(s, 70) && act_decide(s, true))
			continue;
		int64_t next = engine_next_tick(s->engine);
		if (next == INT64_MAX) {
			wrong(s, "%zu runs are open and nothing will happen", n_open(s));
			return;
		}
		pass(s, next > s->wall_ms ? next - s->wall_ms : 0);
		engine_tick(s->engine);
	}
	if (!s->failed)
		wrong(s, "does not drain");
}

/* What a retry kept is what the old run had. */
static void judge_copies(struct sim *s, struct arena *a, const struct run_detail *d)
{
	struct run_detail old;
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *n = &d->nodes[i];
		if (!n->copied_from.n)
			continue;
		if (!read_run(s, a, arena_dup(a, n->copied_from.p, n->copied_from.n), &old)) {
			wrong(s, "copied from no run");
			return;
		}
		for (size_t k = 0; k < old.n_nodes; k++)
			if (old.nodes[k].index == n->index &&
			    (old.nodes[k].status != n->status ||
			     !str_eq(old.nodes[k].output, n->output)))
				wrong(s, "a kept result is not the old one");
	}
}

/* Nobody slept for less than was asked; what the wall says of it is true while it did not jump. */
static void judge_sleeps(struct sim *s, struct arena *a, const struct run_detail *d)
{
	struct value definition;
	ASSERT(json_parse(a, d->definition, JSON_DEFAULT, &definition, NULL) == 0);
	const struct value *nodes = value_getz(&definition, "nodes");
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *n = &d->nodes[i];
		struct str text = value_text(value_getz(&nodes->items[n->index], "sleep"));
		if (!text.n || n->status != NODE_SUCCESS || n->copied_from.n)
			continue;
		met.slept++;
		int64_t ms = strtoll(arena_dup(a, text.p, text.n), NULL, 10);
		if (!s->jumped && n->finished_ms - n->started_ms < ms)
			wrong(s, "slept %lld of %lld ms",
			      (long long)(n->finished_ms - n->started_ms), (long long)ms);
	}
}

/* What a waiting node was given is what somebody sent, to it, and no signal came twice. */
static void judge_told(struct sim *s, struct arena *a, const struct run_detail *d)
{
	struct value definition, output;
	ASSERT(json_parse(a, d->definition, JSON_DEFAULT, &definition, NULL) == 0);
	const struct value *nodes = value_getz(&definition, "nodes");
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *row = &d->nodes[i];
		if (!value_getz(&nodes->items[row->index], "wait") || row->status != NODE_SUCCESS ||
		    row->copied_from.n)
			continue;
		ASSERT(json_parse(a, row->output, JSON_DEFAULT, &output, NULL) == 0);
		const struct value *v = value_getz(&output, "n");
		size_t n = v ? (size_t)v->i : SENT_MOST;
		met.told++;
		if (n >= s->n_sent || s->sent[n].void_)
			wrong(s, "a node got %.*s, which nobody sent", STR_ARG(row->output));
		else if (s->sent[n].id < 0 &&
			 (s->sent[n].n_told++ > 0 || !str_eqz(d->run.id, s->sent[n].run)))
			wrong(s, "signal %zu came twice, or to another run", n);
	}
}

static void judge_run(struct sim *s, struct store_reader *r, const struct run_row *row)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	struct event_row *events;
	size_t n;
	ASSERT(r->ops->run_get(r, &a, STR("default"), row->id, &d) == 0);
	ASSERT(r->ops->event_list(r, &a, row->id, 0, 100000, &events, &n) == 0);
	const char *why = model_judge(&a, &d, events, n);
	if (why)
		wrong(s, "%s", why);
	judge_copies(s, &a, &d);
	judge_sleeps(s, &a, &d);
	judge_told(s, &a, &d);
	for (size_t i = 0; i < d.n_approvals; i++)
		met.approvals[d.approvals[i].status]++;
	met.runs[d.run.status]++;
	met.attempts += d.n_attempts;
	for (size_t i = 0; i < d.n_nodes; i++) {
		met.nodes[d.nodes[i].status]++;
		met.copied += d.nodes[i].copied_from.n > 0;
	}
	for (size_t i = 0; i < d.n_attempts; i++)
		met.voided += str_starts(d.attempts[i].error, STR("{\"code\":\"approval_void\""));
	for (size_t i = 0; i < d.n_attempts; i++)
		met.lost += str_starts(d.attempts[i].error, STR("{\"code\":\"lost\""));
}

static void judge(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_row *rows;
	size_t n;
	struct store_reader *r = reader(s);
	ASSERT(r->ops->run_list(r, &a, &(struct run_filter){.project = STR("default")},
				&(struct store_page){.limit = 1000}, &rows, &n) == 0);
	for (size_t i = 0; i < n && !s->failed; i++)
		judge_run(s, r, &rows[i]);
	judge_schedules(s, rows, n);
	r->ops->reader_free(r);
	for (size_t i = 0; i < s->n_runs; i++)
		remember_finals(s, s->runs[i]);
}

/* ---- one seed ---- */

static void setup_reply(void *arg, const struct engine_reply *reply)
{
	struct sim *s = arg;
	if (reply->outcome != ENGINE_CREATED)
		wrong(s, "set-up got %d: %s %s", (int)reply->outcome,
		      reply->diag ? reply->diag->findings[0].path : "",
		      reply->diag ? reply->diag->findings[0].message : "");
}

static void set_up(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
		struct value doc = parse(&a, agents[i]);
		engine_agent_save(s->engine, &(struct agent_save){.doc = &doc}, setup_reply, s);
	}
	s->n_workflows = 1 + rng_below(&s->rng, WORKFLOWS_MOST);
	for (size_t i = 0; i < s->n_workflows; i++) {
		CLEANUP_BUF struct buf text = {0};
		char name[8];
		snprintf(name, sizeof(name), "w%zu", i);
		sim_graph(&s->rng, name, &text);
		say(s, "%s", text.p);
		CLEANUP_BUF struct buf timed = {0};
		buf_putc(&timed, '{');
		if (chance(s, 30))
			put_schedule(s, &timed);
		buf_puts(&timed, text.p + 1);
		struct value doc = parse(&a, timed.p);
		engine_workflow_save(s->engine, &(struct workflow_save){.doc = &doc}, setup_reply,
				     s);
	}
	engine_flush(s->engine);
	mem_store_run(s->store);
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
		check(s);
	}
	drain(s);
	s->n_triggers = RUNS_MOST - 4; /* room for some retries of what has ended */
	for (int i = 0; i < 3 && !s->failed; i++)
		act_retry(s);
	drain(s);
	if (!s->failed)
		judge(s);
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
	       "fired %zu, told %zu; runs:",
	       met.crashes, met.attempts, met.lost, met.copied, met.slept, met.planned, met.fired,
	       met.told);
	for (int i = RUN_SUCCESS; i <= RUN_TIMED_OUT; i++)
		printf(" %s %zu", run_status_name((enum run_status)i), met.runs[i]);
	printf("; nodes:");
	for (int i = NODE_SUCCESS; i <= NODE_TIMED_OUT; i++)
		printf(" %s %zu", node_status_name((enum node_status)i), met.nodes[i]);
	printf("; approvals:");
	for (int i = APPROVAL_APPROVED; i <= APPROVAL_EXPIRED; i++)
		printf(" %s %zu", approval_status_name((enum approval_status)i), met.approvals[i]);
	printf(", void %zu, conflicts %zu\n", met.voided, met.lost_races);
}

int main(int argc, char **argv)
{
	uint64_t first = 1, n = SEEDS_DEFAULT;
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
