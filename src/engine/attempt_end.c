#include "engine/attempt_end.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "engine/attempt.h"
#include "engine/doubt.h"
#include "engine/emit.h"
#include "engine/plan/schemas.h"
#include "json/parse.h"

bool verdict_refuse(struct verdict *end, const char *code, struct engine *e, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end->status = ATTEMPT_FAILED;
	end->code = arena_dupz(&e->scratch, code);
	end->final = true;
	end->message = str_of(arena_dupz(&e->scratch, text));
	return false;
}

const char *verdict_findings(struct arena *a, const struct diag *d)
{
	CLEANUP_BUF struct buf text = {0};
	for (size_t i = 0; i < d->n && i < 3; i++)
		buf_printf(&text, "%s%s: %s", i ? "; " : "", d->findings[i].path,
			   d->findings[i].message);
	if (d->n + d->n_dropped > 3)
		buf_printf(&text, "; and %zu more", d->n + d->n_dropped - 3);
	return arena_dup(a, text.p ? text.p : "", text.n);
}

int64_t verdict_retry_delay(struct run *r, uint32_t index, uint32_t n, int64_t at_least_ms)
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

int64_t verdict_count_failure(struct run *r, uint32_t index, const struct verdict *end)
{
	struct node *n = &r->nodes[index];
	const struct plan_retry *retry = &run_plan_node(r, index)->retry;
	n->lost = 0;
	if (end->final)
		return -1;
	if (end->retry_later && n->later < LIMIT_ATTEMPTS_LATER)
		return verdict_retry_delay(r, index, ++n->later, end->retry_after_ms);
	n->tries++;
	if ((int64_t)n->tries >= retry->max_attempts)
		return -1;
	return verdict_retry_delay(r, index, n->tries, end->retry_after_ms);
}

void verdict_tell_retrying(struct run *r, uint32_t index, uint32_t number, int64_t delay_ms,
			   const struct verdict *v)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, index));
	json_out_key(&o, "attempt");
	json_out_int(&o, number);
	json_out_key(&o, "delayMs");
	json_out_int(&o, delay_ms);
	json_out_key(&o, "code");
	json_out_strz(&o, v->code);
	json_out_key(&o, "message");
	json_out_str(&o, v->message);
	emit_event_end(r, "node.retrying", &o);
}

enum node_status verdict_node_status(const struct verdict *v)
{
	return v->status == ATTEMPT_TIMED_OUT	? NODE_TIMED_OUT
	       : v->status == ATTEMPT_CANCELLED ? NODE_CANCELLED
						: NODE_FAILED;
}

static void stopped_end(const struct attempt *a, struct verdict *end)
{
	bool not_begun =
		end->result->end == ATTEMPT_END_ERROR && end->result->fate == FATE_NOT_BEGUN;
	bool timeout = a->why == ATTEMPT_STOP_TIMEOUT;
	end->status = timeout ? ATTEMPT_TIMED_OUT : ATTEMPT_CANCELLED;
	end->code = !timeout			       ? "cancelled"
		    : a->run->stopping == STOP_TIMEOUT ? "run_timeout"
						       : "timeout";
	end->message = !timeout && a->run->stopping == STOP_NONE ? STR("another item failed")
		       : !timeout				 ? STR("the run was cancelled")
		       : a->run->stopping == STOP_TIMEOUT	 ? STR("the run took too long")
							  : STR("the attempt took longer than "
								"its timeout");
	end->fate = not_begun ? FATE_NOT_BEGUN : FATE_CUT_OFF;
}

/* What a probe prints is an answer. */
static bool answers(const struct attempt *a, const struct value *output, struct diag *d)
{
	if (a->probe)
		doubt_judge_answer(a, output, d);
	return diag_ok(d);
}

static void judge_output(struct attempt *a, struct str text, struct verdict *end)
{
	struct engine *e = a->run->engine;
	struct value v;
	struct json_error error;
	struct diag d;
	diag_init(&d, &e->scratch);
	const struct agent_action *action = agent_find_action(a->agent, attempt_action(a));
	if (text.n > LIMIT_AGENT_OUTPUT_BYTES)
		verdict_refuse(end, "output_too_large", e, "the output is longer than %d bytes",
			       LIMIT_AGENT_OUTPUT_BYTES);
	else if (json_parse(&e->scratch, text, JSON_BORROW, &v, &error) != 0)
		verdict_refuse(end, "invalid_output", e,
			       "the output is not one JSON document: %s at "
			       "line %d, column %d",
			       error.message, error.line, error.column);
	else if (!schemas_check(action->output, &v, &d, "output"))
		verdict_refuse(end, "invalid_output", e, "%s", verdict_findings(&e->scratch, &d));
	else if (!answers(a, &v, &d))
		verdict_refuse(end, "invalid_output", e, "%s", verdict_findings(&e->scratch, &d));
	else {
		buf_clear(&e->text);
		json_write(&e->text, &v);
		end->output = arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
		end->status = ATTEMPT_SUCCESS;
		return;
	}
	end->final = false; /* another try may print something better */
	end->fate = FATE_BAD_OUTPUT;
}

static void error_end(const struct attempt_result *x, struct verdict *end)
{
	const char *code = x->code && *x->code ? x->code : "failed";
	end->status = strcmp(code, "timeout") == 0 ? ATTEMPT_TIMED_OUT : ATTEMPT_FAILED;
	end->code = code;
	end->message = str_n(x->message.p,
			     utf8_valid_prefix(str_n(x->message.p, x->message.n < LIMIT_ERROR_BYTES
									   ? x->message.n
									   : LIMIT_ERROR_BYTES)));
	end->final = x->final;
	end->fate = end->status == ATTEMPT_TIMED_OUT ? FATE_CUT_OFF : x->fate;
	end->retry_later = x->retry_later;
	end->retry_after_ms = x->retry_after_ms;
}

void verdict_of_result(struct attempt *a, const struct attempt_result *result, struct verdict *ret)
{
	*ret = (struct verdict){.result = result};
	if (a->state == ATT_STOPPING)
		stopped_end(a, ret);
	else if (result->end == ATTEMPT_END_OUTPUT)
		judge_output(a, result->output, ret);
	else
		error_end(result, ret);
}
