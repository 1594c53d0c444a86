#include "engine/run/backoff.h"

#include <math.h>

#include "base/limits.h"
#include "engine/run/deadline.h"
#include "engine/emit.h"
#include "engine/run/error_codes.h"

int64_t backoff_delay(struct run *r, uint32_t index, uint32_t n, int64_t at_least_ms)
{
	const struct plan_retry *retry = &run_plan_node(r, index)->retry;
	const int64_t most = LIMIT_DURATION_DAYS * INT64_C(86400000);
	double ms = (double)retry->initial_ms * pow(retry->coefficient, n > 0 ? n - 1 : 0);
	double cap = (double)retry->maximum_ms;
	if (!(ms < cap))
		ms = cap;
	double unit = (double)(rng_next(&r->engine->rng) >> 11) / 9007199254740992.0;
	ms *= 1 + retry->jitter * (2 * unit - 1);
	int64_t delay = (int64_t)(ms < cap ? ms : cap);
	if (delay < at_least_ms)
		delay = at_least_ms < most ? at_least_ms : most;
	return delay < 1 ? 1 : delay;
}

static bool lists(const struct plan_codes *codes, const char *code)
{
	for (size_t i = 0; i < codes->n; i++)
		if (error_code_matches(codes->items[i], str_of(code)))
			return true;
	return false;
}

static struct backoff no(const char *reason)
{
	return (struct backoff){-1, reason};
}

static struct backoff judge(struct run *r, uint32_t index, const struct verdict *f)
{
	struct node *n = &r->nodes[index];
	const struct plan_retry *retry = &run_plan_node(r, index)->retry;
	if (f->final)
		return no("final");
	if (lists(&retry->never, f->code))
		return no("nonRetryable");
	if (f->retry_later && n->later < LIMIT_ATTEMPTS_LATER)
		return (struct backoff){backoff_delay(r, index, ++n->later, f->retry_after_ms),
					"later"};
	n->tries++;
	if (retry->retry_on.n > 0 && !lists(&retry->retry_on, f->code))
		return no("retryOn");
	if ((int64_t)n->tries >= retry->max_attempts)
		return no("maxAttempts");
	return (struct backoff){backoff_delay(r, index, n->tries, f->retry_after_ms), "retry"};
}

struct backoff backoff_judge(struct run *r, uint32_t index, const struct verdict *f)
{
	r->nodes[index].lost = 0;
	struct backoff b = judge(r, index, f);
	return b.delay_ms >= 0 && deadline_total_over(r, index, b.delay_ms) ? no("total") : b;
}

void backoff_tell(struct run *r, uint32_t index, uint32_t number, const struct backoff *b,
		  const struct verdict *f)
{
	const struct engine_config *c = &r->engine->config;
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, index));
	json_out_key(&o, "attempt");
	json_out_int(&o, number);
	json_out_key(&o, "delayMs");
	json_out_int(&o, b->delay_ms);
	json_out_key(&o, "code");
	json_out_strz(&o, f->code);
	json_out_key(&o, "message");
	json_out_str(&o, f->message);
	json_out_key(&o, "reason");
	json_out_strz(&o, b->reason);
	emit_event_end(r, "node.retrying", &o);
	if (c->on_retry && run_plan_node(r, index)->agent.n)
		c->on_retry(c->watcher, r->plan->project, run_plan_node(r, index)->agent, f->code);
}
