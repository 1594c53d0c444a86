#include "engine/run/attempt_end.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "engine/run/agent_error.h"
#include "engine/run/attempt.h"
#include "engine/run/deadline.h"
#include "engine/run/doubt.h"
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
	if (!timeout) {
		end->code = "cancelled";
		end->message = a->run->stopping == STOP_NONE ? STR("another item failed")
							     : STR("the run was cancelled");
	} else if (a->run->stopping == STOP_TIMEOUT) {
		end->code = "run_timeout";
		end->message = STR("the run took too long");
	} else {
		deadline_verdict(a, a->stop_code, end);
	}
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

static struct str cut(struct str message)
{
	size_t n = message.n < LIMIT_ERROR_BYTES ? message.n : LIMIT_ERROR_BYTES;
	return str_n(message.p, utf8_valid_prefix(str_n(message.p, n)));
}

/* The agent may say itself what its exit status means. */
static void take_agents_error(struct attempt *a, const struct attempt_result *x,
			      struct verdict *end)
{
	struct agent_error own;
	if (!str_starts(str_of(end->code), STR("exit_")) ||
	    !agent_error_read(&a->run->engine->scratch, x->output, &own))
		return;
	if (own.code)
		end->code = own.code;
	if (own.message.n)
		end->message = cut(own.message);
	end->final = end->final || own.final;
	if (own.retry_after_ms > end->retry_after_ms)
		end->retry_after_ms = own.retry_after_ms;
}

static void error_end(struct attempt *a, const struct attempt_result *x, struct verdict *end)
{
	const char *code = x->code && *x->code ? x->code : "failed";
	end->status = strcmp(code, "timeout") == 0 ? ATTEMPT_TIMED_OUT : ATTEMPT_FAILED;
	end->code = code;
	end->message = cut(x->message);
	end->final = x->final;
	end->fate = end->status == ATTEMPT_TIMED_OUT ? FATE_CUT_OFF : x->fate;
	end->retry_later = x->retry_later;
	end->retry_after_ms = x->retry_after_ms;
	take_agents_error(a, x, end);
}

void verdict_of_result(struct attempt *a, const struct attempt_result *result, struct verdict *ret)
{
	*ret = (struct verdict){.result = result};
	if (a->state == ATT_STOPPING)
		stopped_end(a, ret);
	else if (result->end == ATTEMPT_END_OUTPUT)
		judge_output(a, result->output, ret);
	else
		error_end(a, result, ret);
}
