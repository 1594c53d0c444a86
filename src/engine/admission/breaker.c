#include "engine/admission/breaker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/admission/admission.h"
#include "engine/run/error_codes.h"

enum { KEY_BYTES = 2 * LIMIT_NAME_BYTES + 2 };

static struct str key_of(char key[KEY_BYTES], struct str project, struct str agent)
{
	int n = snprintf(key, KEY_BYTES, "%.*s\n%.*s", STR_ARG(project), STR_ARG(agent));
	return str_n(key, (size_t)n);
}

struct breaker *breaker_find(const struct engine *e, struct str project, struct str agent)
{
	char key[KEY_BYTES];
	return map_get(&e->breakers, key_of(key, project, agent));
}

int64_t breaker_until_ms(const struct breaker *b)
{
	const struct engine *e = b->engine;
	int64_t left_ms = b->timer.due_ms - e->now_ms;
	return timer_armed(&b->timer) ? e->wall_ms + (left_ms > 0 ? left_ms : 0) : 0;
}

/* What the agent's policy says now; NULL when it has no breaker. */
static const struct policy *policy_of(const struct engine *e, struct str project, struct str name)
{
	const struct agent *agent = catalog_agent(&e->catalog, project, name);
	return agent && agent->policy.breaker_failures > 0 ? &agent->policy : NULL;
}

static struct breaker *breaker_get(struct engine *e, struct str project, struct str agent)
{
	char key[KEY_BYTES];
	struct breaker *b = breaker_find(e, project, agent);
	if (b)
		return b;
	b = mem_new0(sizeof(*b) + project.n + agent.n);
	char *text = (char *)(b + 1);
	memcpy(text, project.p, project.n);
	memcpy(text + project.n, agent.p, agent.n);
	b->engine = e;
	b->project = str_n(text, project.n);
	b->agent = str_n(text + project.n, agent.n);
	b->timer.kind = TIMER_BREAKER;
	map_put(&e->breakers, key_of(key, project, agent), b);
	return b;
}

static void tell(const struct breaker *b, bool opened)
{
	const struct engine_config *c = &b->engine->config;
	if (c->on_breaker)
		c->on_breaker(c->watcher, b->project, b->agent, b->state, opened);
}

static bool holds(const struct breaker *b)
{
	return b->state == BREAKER_OPEN || b->probe;
}

static void hold(struct breaker *b)
{
	admission_hold(b->engine, b->project, b->agent, holds(b));
}

static void move(struct breaker *b, enum breaker_state to)
{
	static const unsigned moves[] = {
		[BREAKER_CLOSED] = 1U << BREAKER_OPEN,
		[BREAKER_HALF_OPEN] = 1U << BREAKER_CLOSED | 1U << BREAKER_OPEN,
		[BREAKER_OPEN] = 1U << BREAKER_HALF_OPEN | 1U << BREAKER_CLOSED,
	};
	ASSERT(moves[b->state] & (1U << to));
	b->state = to;
	b->probe = NULL;
	if (to != BREAKER_OPEN)
		timer_disarm(&b->engine->timers, &b->timer);
	hold(b);
	tell(b, to == BREAKER_OPEN);
}

static void open_for(struct breaker *b, const struct policy *policy)
{
	struct engine *e = b->engine;
	b->opened_ms = e->wall_ms;
	b->n_opened++;
	b->n_failed = 0;
	timer_arm(&e->timers, &b->timer, e->now_ms + policy->breaker_cooldown_ms);
	move(b, BREAKER_OPEN);
}

static void close_now(struct breaker *b)
{
	b->n_failed = 0;
	if (b->state != BREAKER_CLOSED)
		move(b, BREAKER_CLOSED);
}

/* ---- starts ---- */

void breaker_began(struct attempt *a)
{
	const struct agent_row *agent = &a->agent->row;
	struct breaker *b = breaker_find(a->run->engine, agent->project, agent->name);
	if (!b || b->state != BREAKER_HALF_OPEN || b->probe)
		return;
	b->probe = a;
	hold(b);
}

/* ---- ends ---- */

static void keep_error(struct breaker *b, const char *code, struct str message)
{
	size_t n = message.n < sizeof(b->message) - 1 ? message.n : sizeof(b->message) - 1;
	snprintf(b->code, sizeof(b->code), "%s", code);
	n = utf8_valid_prefix(str_n(message.p, n));
	if (n > 0)
		memcpy(b->message, message.p, n);
	b->message[n] = '\0';
}

/* Whether so many failures lie within the window now. */
static bool too_many(const struct breaker *b, const struct policy *policy)
{
	uint32_t most = (uint32_t)policy->breaker_failures;
	if (b->n_failed < most)
		return false;
	uint32_t oldest = (b->next + LIMIT_BREAKER_FAILURES - most) % LIMIT_BREAKER_FAILURES;
	return b->engine->now_ms - b->failed_ms[oldest] <= policy->breaker_window_ms;
}

static void count(struct breaker *b)
{
	b->failed_ms[b->next] = b->engine->now_ms;
	b->next = (b->next + 1) % LIMIT_BREAKER_FAILURES;
	if (b->n_failed < LIMIT_BREAKER_FAILURES)
		b->n_failed++;
}

/* Another attempt might have gone better, and it was no wish of the agent to be asked later. */
static bool is_failure(const struct verdict *end)
{
	if (!end->code || end->final || end->retry_later)
		return false;
	const struct error_code *known = error_code_find(str_of(end->code));
	return !known || known->kind == ERROR_RETRIED;
}

void breaker_ended(struct attempt *a, const struct verdict *end)
{
	struct engine *e = a->run->engine;
	const struct agent_row *agent = &a->agent->row;
	const struct policy *policy = policy_of(e, agent->project, agent->name);
	if (!policy)
		return;
	struct breaker *b = breaker_get(e, agent->project, agent->name);
	bool probe = b->probe == a;
	if (!end->code && probe)
		close_now(b);
	if (!is_failure(end))
		return;
	keep_error(b, end->code, end->message);
	if (b->state == BREAKER_CLOSED)
		count(b);
	if (probe || (b->state == BREAKER_CLOSED && too_many(b, policy)))
		open_for(b, policy);
}

void breaker_forget(struct attempt *a)
{
	if (!a->agent)
		return;
	const struct agent_row *agent = &a->agent->row;
	struct breaker *b = breaker_find(a->run->engine, agent->project, agent->name);
	if (!b || b->probe != a)
		return;
	b->probe = NULL; /* it told nothing: the next one is asked */
	hold(b);
}

void breaker_cooled(struct breaker *b)
{
	move(b, BREAKER_HALF_OPEN);
}

void breaker_reset(struct engine *e, struct str project, struct str agent)
{
	struct breaker *b = breaker_find(e, project, agent);
	if (b)
		close_now(b);
}

/* ---- requests ---- */

void engine_agent_reset(struct engine *e, struct str project, struct str name, engine_reply_fn fn,
			void *arg)
{
	engine_enter(e);
	const struct breaker *b = breaker_find(e, project, name);
	struct engine_reply reply = {.outcome = ENGINE_UNCHANGED, .id = name};
	if (!policy_of(e, project, name))
		reply.outcome = ENGINE_NOT_FOUND;
	else if (b && b->state != BREAKER_CLOSED)
		reply.outcome = ENGINE_OK;
	breaker_reset(e, project, name);
	fn(arg, &reply);
	engine_leave(e);
}

void engine_agent_state(struct engine *e, struct str project, struct str name,
			struct engine_agent_state *ret)
{
	const struct breaker *b = breaker_find(e, project, name);
	*ret = (struct engine_agent_state){.code = "", .message = ""};
	engine_enter(e);
	ret->has_breaker = policy_of(e, project, name) != NULL;
	if (b && ret->has_breaker) {
		ret->state = b->state;
		ret->since_ms = b->state == BREAKER_CLOSED ? 0 : b->opened_ms;
		ret->until_ms = breaker_until_ms(b);
		ret->n_opened = b->n_opened;
		ret->code = b->code;
		ret->message = b->message;
	}
	engine_leave(e);
}

/* ---- the invariant ---- */

void breaker_check(const struct engine *e)
{
	size_t at = 0;
	void *p;
	while (map_next(&e->breakers, &at, NULL, &p)) {
		const struct breaker *b = p;
		ASSERT(timer_armed(&b->timer) == (b->state == BREAKER_OPEN));
		ASSERT(!b->probe || b->state == BREAKER_HALF_OPEN);
		ASSERT(admission_held(e, b->project, b->agent) == holds(b));
	}
}

void breaker_free_all(struct engine *e)
{
	size_t at = 0;
	void *p;
	while (map_next(&e->breakers, &at, NULL, &p))
		free(p);
	map_free(&e->breakers);
}
