#include "agents/rule.h"

#include "agents/rule_impl.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"

static struct rule_call *noop_start(const struct rule_call *call, const struct rule_start *start)
{
	struct rule_result result = {.output = STR("{}")};
	CLEANUP_BUF struct buf output = {0};
	if (start->input.n > 2) { /* neither nothing nor {} */
		buf_reserve(&output, start->input.n + 12);
		buf_puts(&output, "{\"input\":");
		buf_put_str(&output, start->input);
		buf_putc(&output, '}');
		result.output = buf_str(&output);
	}
	call->done(call->user, &result);
	return NULL;
}

static const struct rule {
	const char *agent, *action;
	rule_fn start;
} rules_built_in[] = {
	{"noop", "run", noop_start},
	{"notifier", "send", notifier_start},
};

static const struct rule *find(struct str agent, struct str action)
{
	for (size_t i = 0; i < ARRAY_LEN(rules_built_in); i++) {
		const struct rule *rule = &rules_built_in[i];
		if (str_eqz(agent, rule->agent) && (action.n == 0 || str_eqz(action, rule->action)))
			return rule;
	}
	return NULL;
}

bool rule_known(struct str agent, struct str action)
{
	return find(agent, action) != NULL;
}

int rules_new(const struct rules_config *config, struct rules **ret)
{
	struct rules *r = NEW0(struct rules);
	r->config = *config;
	list_init(&r->calls);
	struct rules_config *c = &r->config;
	c->clock = c->clock ? c->clock : clock_system();
	c->try_timeout_ms = c->try_timeout_ms ? c->try_timeout_ms : 10000;
	c->first_pause_ms = c->first_pause_ms ? c->first_pause_ms : 500;
	c->longest_pause_ms = c->longest_pause_ms ? c->longest_pause_ms : 30000;
	c->tries = c->tries ? c->tries : 4;
	uint64_t seed;
	rng_system(&seed, sizeof(seed));
	rng_seed(&r->rng, seed);
	int e = http_client_new(c->loop, &r->http);
	if (e < 0) {
		free(r);
		return e;
	}
	*ret = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	while (!list_empty(&r->calls))
		rule_cancel(container_of(r->calls.next, struct rule_call, node));
	http_client_close(&r->http);
	free(r);
}

struct rule_call *rule_start(struct rules *r, const struct rule_start *start, rule_log_fn log,
			     rule_done_fn done, void *user)
{
	struct rule_call call = {.rules = r, .log = log, .done = done, .user = user};
	const struct rule *rule = start->action.n ? find(start->agent, start->action) : NULL;
	if (rule)
		return rule->start(&call, start);
	struct rule_result result = {
		.code = "unknown_rule",
		.message = STR("this version has no such rule built in"),
	};
	done(user, &result);
	return NULL;
}

void rule_cancel(struct rule_call *call)
{
	call->end(call);
}
