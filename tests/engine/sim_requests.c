/* What the simulated people ask for. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

const char *const sim_agents[] = {
	"{\"name\":\"rule\",\"type\":\"RULE\",\"capabilities\":[{\"name\":\"run\"}]}",
	"{\"name\":\"script\",\"type\":\"SCRIPT\",\"entryPath\":\"/x\",\"command\":[\"x\"],"
	"\"circuitBreaker\":{\"failures\":2,\"window\":\"20s\",\"cooldown\":\"2s\"},"
	"\"capabilities\":[{\"name\":\"run\"}]}",
	"{\"name\":\"risky\",\"type\":\"RULE\",\"riskLevel\":\"APPROVAL_REQUIRED\","
	"\"capabilities\":[{\"name\":\"run\"}]}",
	"{\"name\":\"bank\",\"type\":\"RULE\",\"concurrency\":2,\"rateLimit\":{\"limit\":9,"
	"\"per\":\"2s\"},\"capabilities\":["
	"{\"name\":\"pay\",\"effect\":\"irreversible\"},{\"name\":\"look\",\"effect\":\"pure\"},"
	"{\"name\":\"sync\",\"effect\":\"reconcilable\",\"probe\":\"look\"}]}"};

static void acknowledge(struct sim *s, const char *id)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (strcmp(s->runs[i], id) == 0)
			return;
	if (s->n_runs < RUNS_MOST)
		snprintf(s->runs[s->n_runs++], ID_TEXT_BYTES, "%s", id);
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (!sim_read_run(s, &a, id, &d))
		sim_wrong(s, "run %s was acknowledged before it was durable", id);
}

static void judge_key(struct sim *s, const struct request *q, const char *id)
{
	if (s->keys[q->key].run[0] == 0) {
		snprintf(s->keys[q->key].run, ID_TEXT_BYTES, "%s", id);
		s->keys[q->key].body = q->body;
	} else if (strcmp(s->keys[q->key].run, id) != 0) {
		sim_wrong(s, "key %d gave run %s, then %s", q->key, s->keys[q->key].run, id);
	} else if (s->keys[q->key].body != q->body) {
		sim_wrong(s, "key %d answered another body", q->key);
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
	struct store_reader *r = sim_reader(s);
	int f = r->ops->approval_get(r, &a, STR("default"), str_of(q->approval), &row);
	r->ops->reader_free(r);
	if (map_put(&s->winners, str_of(q->approval), q))
		sim_wrong(s, "approval %s was decided twice", q->approval);
	if (reply->approval != q->decision)
		sim_wrong(s, "approval %s was decided otherwise than asked", q->approval);
	if (f != 0 || row.status != q->decision)
		sim_wrong(s, "approval %s was acknowledged before it was durable", q->approval);
}

void sim_on_reply(void *arg, const struct engine_reply *reply)
{
	struct request *q = arg;
	struct sim *s = q->sim;
	char id[ID_TEXT_BYTES];
	snprintf(id, sizeof(id), "%.*s", STR_ARG(reply->id));
	if (q->answered)
		sim_wrong(s, "a request was answered twice");
	q->answered = true;
	sim_say(s, "reply to %c: %d %s", q->kind, (int)reply->outcome, id);
	if (reply->outcome == ENGINE_INVALID || reply->outcome == ENGINE_KEY_IN_FLIGHT)
		sim_wrong(s, "a request got %d", (int)reply->outcome);
	if (q->kind == 'p' && reply->outcome == ENGINE_CREATED)
		sim_wrong(s, "a planned retry was made");
	met.planned += q->kind == 'p' && reply->outcome == ENGINE_OK && reply->json.n > 0;
	if (q->kind == 'e' && reply->outcome <= ENGINE_REPLAYED)
		s->event_known[q->key] = true;
	if (q->kind == 'd')
		judge_decision(s, q, reply);
	if (q->kind == 'n')
		sim_judge_given(s, q, reply);
	if (q->kind == 'm' || q->kind == 'q')
		sim_judge_move(s, q, reply);
	if ((q->kind == 't' || q->kind == 'r') &&
	    (reply->outcome == ENGINE_CREATED || reply->outcome == ENGINE_REPLAYED)) {
		acknowledge(s, id);
		if (q->key >= 0)
			judge_key(s, q, id);
	}
	if (reply->outcome == ENGINE_KEY_REUSED && s->keys[q->key].run[0] &&
	    s->keys[q->key].body == q->body)
		sim_wrong(s, "key %d was refused to its own body", q->key);
}

struct request *sim_request(struct sim *s, char kind)
{
	struct request *q = NEW0(struct request);
	*q = (struct request){.sim = s, .kind = kind, .key = -1, .next = s->requests};
	s->requests = q;
	return q;
}

struct value sim_parse(struct arena *a, const char *text)
{
	struct value v;
	ASSERT(json_parse(a, str_of(text), JSON_DEFAULT, &v, NULL) == 0);
	return v;
}

static void trigger_with_key(struct sim *s, struct run_trigger *t, struct request *q,
			     struct arena *a)
{
	struct store_reader *r = sim_reader(s);
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
	engine_run_trigger(s->engine, t, sim_on_reply, q);
	r->ops->reader_free(r);
}

static struct value any_context(struct sim *s, struct arena *a)
{
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{\"x\":0");
	for (int i = 0; i < SIM_FLAGS; i++)
		buf_printf(&text, ",\"w%d\":%s", i, sim_chance(s, 60) ? "true" : "false");
	buf_puts(&text, "}");
	return sim_parse(a, arena_dupz(a, text.p));
}

void sim_act_trigger(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	char workflow[8];
	if (s->n_triggers >= RUNS_MOST)
		return;
	s->n_triggers++;
	struct value context = any_context(s, &a);
	snprintf(workflow, sizeof(workflow), "w%zu", (size_t)rng_below(&s->rng, s->n_workflows));
	int64_t priority = (int64_t)rng_below(&s->rng, 10);
	struct run_trigger t = {
		.project = STR("default"), .workflow = str_of(workflow), .context = &context};
	if (sim_chance(s, 30))
		t.priority = &priority;
	struct request *q = sim_request(s, 't');
	sim_say(s, "trigger %s", workflow);
	if (sim_chance(s, 40)) {
		q->key = (int)rng_below(&s->rng, KEYS);
		q->body = sim_chance(s, 90) ? 0 : 1;
		trigger_with_key(s, &t, q, &a);
	} else {
		engine_run_trigger(s->engine, &t, sim_on_reply, q);
	}
}

void sim_act_cancel(struct sim *s)
{
	if (s->n_runs == 0)
		return;
	const char *run = s->runs[rng_below(&s->rng, s->n_runs)];
	sim_say(s, "cancel %s", run);
	engine_run_cancel(s->engine,
			  &(struct run_control){.project = STR("default"), .run_id = str_of(run)},
			  sim_on_reply, sim_request(s, 'c'));
}

void sim_act_retry(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail old;
	if (s->n_runs == 0 || s->n_triggers >= RUNS_MOST)
		return;
	const char *run = s->runs[rng_below(&s->rng, s->n_runs)];
	if (!sim_read_run(s, &a, run, &old)) {
		sim_wrong(s, "run %s is lost", run);
		return;
	}
	static const char *const from[] = {"failed", "failed", "start", "n0"};
	struct run_retry retry = {.project = STR("default"), .old = &old};
	retry.from = str_of(from[rng_below(&s->rng, 4)]);
	retry.plan = sim_chance(s, 20);
	struct value context;
	if (str_eqz(retry.from, "start") && sim_chance(s, 50)) {
		context = any_context(s, &a);
		retry.context = &context;
	}
	s->n_triggers += !retry.plan;
	sim_say(s, "%s %s", retry.plan ? "plan a retry of" : "retry", run);
	engine_run_retry(s->engine, &retry, sim_on_reply, sim_request(s, retry.plan ? 'p' : 'r'));
}

static void send_decision(struct sim *s, struct str id, enum approval_status decision)
{
	static const char *const names[] = {"a", "b", "c"};
	struct request *q = sim_request(s, 'd');
	snprintf(q->approval, sizeof(q->approval), "%.*s", STR_ARG(id));
	q->decision = decision;
	sim_say(s, "decide %s: %s", q->approval, approval_status_name(decision));
	engine_approval_decide(s->engine,
			       &(struct approval_decision){
				       .project = STR("default"),
				       .id = str_of(q->approval),
				       .decision = decision,
				       .responded_by = str_of(names[rng_below(&s->rng, 3)]),
				       .sha256 = sim_chance(s, 5) ? STR("00") : (struct str){0}},
			       sim_on_reply, q);
}

/* Decides something that waits (or did), now and then twice at once; whether there was any. */
bool sim_act_decide(struct sim *s, bool pending)
{
	struct arena a CLEANUP_ARENA = {0};
	struct approval_row *rows;
	size_t n;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->approval_list(
		       r, &a,
		       &(struct approval_filter){.project = STR("default"), .has_status = pending},
		       &(struct store_page){.limit = 20}, &rows, &n) == 0);
	r->ops->reader_free(r);
	if (n == 0)
		return false;
	struct str id = rows[rng_below(&s->rng, n)].id;
	send_decision(s, id, sim_chance(s, 75) ? APPROVAL_APPROVED : APPROVAL_REJECTED);
	if (sim_chance(s, 30))
		send_decision(s, id, sim_chance(s, 50) ? APPROVAL_APPROVED : APPROVAL_REJECTED);
	return true;
}

/* Another folder behind the same agent: what was approved of it is void. */
void sim_act_agent(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value doc = sim_parse(&a, sim_agents[rng_below(&s->rng, SIM_AGENTS)]);
	char digest[16];
	snprintf(digest, sizeof(digest), "%d", ++s->digest);
	sim_say(s, "agent, digest %s", digest);
	engine_agent_save(
		s->engine,
		&(struct agent_save){.doc = &doc, .upsert = true, .digest = str_of(digest)},
		sim_on_reply, sim_request(s, 'a'));
}

void sim_act_signal(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	static const char *const names[] = {"s.a", "s.b", "s.c"};
	if (s->n_runs == 0 || s->n_sent == SENT_MOST)
		return;
	char *run = arena_dupz(&a, s->runs[rng_below(&s->rng, s->n_runs)]);
	struct value data = sim_parse(&a, arena_printf(&a, "{\"n\":%zu}", s->n_sent));
	s->sent[s->n_sent].id = -1;
	snprintf(s->sent[s->n_sent++].run, ID_TEXT_BYTES, "%s", run);
	struct run_signal x = {STR("default"), str_of(run),
			       str_of(names[rng_below(&s->rng, ARRAY_LEN(names))]), &data};
	sim_say(s, "signal %.*s to %s", STR_ARG(x.name), run);
	engine_run_signal(s->engine, &x, sim_on_reply, sim_request(s, 's'));
}

void sim_act_event(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct key_row row;
	if (s->n_sent == SENT_MOST)
		return;
	int id = (int)rng_below(&s->rng, EVENT_IDS);
	struct str key = str_of(arena_printf(&a, "event-%d", id));
	if (!engine_key_claim(s->engine, STR("default"), key))
		return;
	struct value event =
		sim_parse(&a, arena_printf(&a, "{\"type\":\"e.%c\",\"data\":{\"n\":%zu}}",
					   sim_chance(s, 50) ? 'a' : 'b', s->n_sent));
	s->sent[s->n_sent].id = id;
	s->sent[s->n_sent++].void_ = s->event_known[id];
	struct store_reader *r = sim_reader(s);
	struct event_delivery x = {.project = STR("default"), .key = key, .event = &event};
	if (r->ops->key_get(r, &a, x.project, key, &row) == 0)
		x.known_key = &row;
	struct request *q = sim_request(s, 'e');
	q->key = id;
	sim_say(s, "event %d", id);
	engine_event_deliver(s->engine, &x, sim_on_reply, q);
	r->ops->reader_free(r);
}

void sim_ask_resolve(struct sim *s, const struct node_resolve *x)
{
	engine_node_resolve(s->engine, x, sim_on_reply, sim_request(s, 'k'));
}
