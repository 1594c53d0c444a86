#include "engine/attempt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/approval.h"
#include "engine/emit.h"
#include "engine/node.h"
#include "engine/roots.h"
#include "engine/run.h"
#include "engine/plan/schemas.h"
#include "json/parse.h"

#define MAY(state) (1u << (state))

static const unsigned moves[] = {
	[ATT_WAITING] = MAY(ATT_STARTING) | MAY(ATT_ENDED),
	[ATT_BACKOFF] = MAY(ATT_WAITING) | MAY(ATT_STARTING) | MAY(ATT_ENDED),
	[ATT_STARTING] = MAY(ATT_RUNNING) | MAY(ATT_ENDED),
	[ATT_RUNNING] = MAY(ATT_STOPPING) | MAY(ATT_ENDED),
	[ATT_STOPPING] = MAY(ATT_ENDED),
	[ATT_ENDED] = 0,
};

void attempt_check(const struct attempt *a)
{
	const struct node *n = &a->run->nodes[a->index];
	ASSERT(n->attempt == a);
	switch (a->state) {
	case ATT_WAITING:
		ASSERT(n->status == NODE_QUEUED && !list_empty(&a->link) && !a->has_slot);
		ASSERT(!timer_armed(&a->timer) && a->has_row);
		break;
	case ATT_BACKOFF:
		ASSERT(n->status == NODE_QUEUED && timer_armed(&a->timer) && !a->has_slot);
		ASSERT(list_empty(&a->link) && a->has_row);
		break;
	case ATT_STARTING:
		ASSERT(n->status == NODE_RUNNING && !timer_armed(&a->timer) && a->agent);
		ASSERT(list_empty(&a->link) && a->has_row && a->has_slot == a->script);
		break;
	case ATT_RUNNING:
		ASSERT(n->status == NODE_RUNNING && a->agent && list_empty(&a->link));
		ASSERT(a->has_slot == a->script);
		break;
	case ATT_STOPPING:
		ASSERT(n->status == NODE_RUNNING && a->agent && !timer_armed(&a->timer));
		break;
	case ATT_ENDED:
		ASSERT(0);
	}
}

static void move(struct attempt *a, enum attempt_state to)
{
	ASSERT(moves[a->state] & MAY(to));
	a->state = to;
	if (to != ATT_ENDED)
		attempt_check(a);
}

/* ---- making and queueing ---- */

static struct attempt *attempt_alloc(struct run *r, uint32_t index)
{
	struct attempt *a = NEW0(struct attempt);
	a->run = r;
	a->index = index;
	list_init(&a->link);
	ASSERT(!r->nodes[index].attempt);
	r->nodes[index].attempt = a;
	r->n_busy++;
	return a;
}

static void leave_queue(struct attempt *a)
{
	struct engine *e = a->run->engine;
	if (a->state == ATT_WAITING && !list_empty(&a->link))
		e->n_queued--;
	list_remove(&a->link);
	timer_disarm(&e->timers, &a->timer);
}

static bool needs_slot(const struct attempt *a)
{
	const struct plan *p = a->run->plan;
	const struct agent *agent =
		catalog_agent(&a->run->engine->catalog, p->project, p->nodes[a->index].agent);
	return agent && agent->row.type == AGENT_SCRIPT;
}

static void emit_queued(struct attempt *a)
{
	emit_attempt(a, &(struct attempt_rest){.status = ATTEMPT_QUEUED});
}

static void enqueue(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct node *n = &a->run->nodes[a->index];
	if (!a->has_row)
		emit_queued(a);
	if (n->status != NODE_QUEUED)
		node_move(n, NODE_QUEUED);
	list_push_back(&e->queue, &a->link);
	e->n_queued++;
	if (a->state == ATT_BACKOFF)
		move(a, ATT_WAITING);
	else
		attempt_check(a);
}

static void begin(struct attempt *a);

void attempt_ready(struct attempt *a)
{
	struct engine *e = a->run->engine;
	a->script = needs_slot(a);
	if (a->script && (e->n_scripts >= e->config.max_scripts || !list_empty(&e->queue)))
		enqueue(a);
	else
		begin(a);
}

static void back_off(struct attempt *a, int64_t delay_ms)
{
	struct engine *e = a->run->engine;
	struct node *n = &a->run->nodes[a->index];
	a->state = ATT_BACKOFF;
	a->timer.kind = TIMER_BACKOFF;
	timer_arm(&e->timers, &a->timer, e->now_ms + delay_ms);
	if (!a->has_row)
		emit_queued(a);
	if (n->status != NODE_QUEUED)
		node_move(n, NODE_QUEUED);
	attempt_check(a);
}

void attempt_make(struct run *r, uint32_t index, int64_t delay_ms)
{
	struct engine *e = r->engine;
	struct attempt *a = attempt_alloc(r, index);
	id_make(&e->ids, e->wall_ms, a->id.text);
	a->number = ++r->nodes[index].attempts;
	a->queued_ms = e->wall_ms;
	map_put(&e->attempts, ID_STR(a->id), a);
	if (delay_ms > 0) {
		a->not_before_ms = e->wall_ms + delay_ms;
		back_off(a, delay_ms);
	} else {
		attempt_ready(a);
	}
}

void attempt_free(struct attempt *a)
{
	struct engine *e = a->run->engine;
	leave_queue(a);
	if (a->has_slot)
		e->n_scripts--;
	if (a->state == ATT_STARTING || a->state == ATT_RUNNING || a->state == ATT_STOPPING)
		e->n_running--;
	map_remove(&e->attempts, ID_STR(a->id));
	a->run->nodes[a->index].attempt = NULL;
	a->run->n_busy--;
	agent_unref(a->agent);
	free(a);
}

/* ---- ends ---- */

/* What is known of an attempt's end. */
struct end {
	enum attempt_status status;
	const char *code; /* NULL = success */
	struct str message;
	struct str input;  /* when it ends before it was started */
	struct str output; /* of a success; in the current transaction */
	bool final, retry_later;
	int64_t retry_after_ms;
	const struct attempt_result *result; /* NULL = the executor had no part in it */
};

/* Delay before the retry that follows the n-th failure. */
static int64_t retry_delay(struct run *r, const struct plan_retry *retry, uint32_t n,
			   int64_t at_least_ms)
{
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

/* Counts the failure; the delay of the retry, or -1 when it was the last attempt. */
static int64_t count_failure(struct run *r, uint32_t index, const struct end *end)
{
	struct node *n = &r->nodes[index];
	const struct plan_retry *retry = &r->plan->nodes[index].retry;
	n->lost = 0;
	if (end->final)
		return -1;
	if (end->retry_later && n->later < LIMIT_ATTEMPTS_LATER)
		return retry_delay(r, retry, ++n->later, end->retry_after_ms);
	n->tries++;
	if ((int64_t)n->tries >= retry->max_attempts)
		return -1;
	return retry_delay(r, retry, n->tries, end->retry_after_ms);
}

static void tell_retrying(struct run *r, uint32_t index, uint32_t number, int64_t delay_ms,
			  const char *code, struct str message)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, r->plan->nodes[index].id);
	json_out_key(&o, "attempt");
	json_out_int(&o, number);
	json_out_key(&o, "delayMs");
	json_out_int(&o, delay_ms);
	json_out_key(&o, "code");
	json_out_strz(&o, code);
	json_out_key(&o, "message");
	json_out_str(&o, message);
	emit_event_end(r, "node.retrying", &o);
}

static void emit_end(struct attempt *a, const struct end *end, struct str error)
{
	const struct attempt_result *x = end->result;
	emit_attempt(a, &(struct attempt_rest){
				.status = end->status,
				.input = end->input,
				.error = error,
				.finished_ms = a->run->engine->wall_ms < a->started_ms
						       ? a->started_ms
						       : a->run->engine->wall_ms,
				.sandboxed = x && x->sandboxed,
				.cpu_usec = x ? x->cpu_usec : 0,
				.memory_peak_bytes = x ? x->memory_peak_bytes : 0,
				.error_code = end->code,
			});
}

static enum node_status node_end_of(enum attempt_status status)
{
	return status == ATTEMPT_TIMED_OUT   ? NODE_TIMED_OUT
	       : status == ATTEMPT_CANCELLED ? NODE_CANCELLED
					     : NODE_FAILED;
}

/* Frees the attempt; moves its node on. */
static void finish(struct attempt *a, const struct end *end)
{
	struct run *r = a->run;
	uint32_t index = a->index, number = a->number;
	struct str error = {0};
	if (end->code)
		error = emit_error(r->engine, end->code, end->message, (struct str){0},
				   end->retry_later);
	emit_end(a, end, error);
	attempt_free(a);
	if (!end->code) {
		node_succeed(r, index, end->output);
		return;
	}
	if (r->stopping != STOP_NONE) {
		node_cancel(r, index, node_end_of(end->status), true);
		return;
	}
	int64_t delay_ms = count_failure(r, index, end);
	if (delay_ms < 0) {
		node_fail(r, index, node_end_of(end->status), error, end->code);
		return;
	}
	tell_retrying(r, index, number, delay_ms, end->code, end->message);
	attempt_make(r, index, delay_ms);
}

/* ---- starting ---- */

struct start {
	struct attempt *attempt;
	struct str input, workspace;
};

static bool refuse(struct end *end, const char *code, struct engine *e, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static bool refuse(struct end *end, const char *code, struct engine *e, const char *fmt, ...)
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

/* The first findings of a diag as one sentence. */
static const char *findings_text(struct arena *a, const struct diag *d)
{
	CLEANUP_BUF struct buf text = {0};
	for (size_t i = 0; i < d->n && i < 3; i++)
		buf_printf(&text, "%s%s: %s", i ? "; " : "", d->findings[i].path,
			   d->findings[i].message);
	if (d->n + d->n_dropped > 3)
		buf_printf(&text, "; and %zu more", d->n + d->n_dropped - 3);
	return arena_dup(a, text.p ? text.p : "", text.n);
}

static bool find_agent(struct attempt *a, const struct agent_action **ret, struct end *end)
{
	struct engine *e = a->run->engine;
	const struct plan_node *pn = &a->run->plan->nodes[a->index];
	struct agent *agent = catalog_agent(&e->catalog, a->run->plan->project, pn->agent);
	if (!agent)
		return refuse(end, "agent_missing", e, "agent \"%.*s\" is not registered",
			      STR_ARG(pn->agent));
	*ret = agent_find_action(agent, pn->action);
	if (!*ret)
		return refuse(end, "action_missing", e, "agent \"%.*s\" has no action \"%.*s\"",
			      STR_ARG(pn->agent), STR_ARG(pn->action));
	a->agent = agent_ref(agent);
	return true;
}

static bool resolve_input(struct attempt *a, const struct agent_action *action,
			  const struct resolve_roots *env, struct start *start, struct end *end)
{
	struct engine *e = a->run->engine;
	const struct plan_node *pn = &a->run->plan->nodes[a->index];
	struct resolve_error error;
	struct value input;
	if (resolve_run(pn->inputs, env, &e->scratch, &input, &error) != 0)
		return refuse(end, error.code, e, "%s", error.message);
	buf_clear(&e->text);
	json_write(&e->text, &input);
	start->input = arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
	end->input = start->input;
	struct diag d;
	diag_init(&d, &e->scratch);
	if (!schemas_check(action->input, &input, &d, "inputs"))
		return refuse(end, "invalid_input", e, "%s", findings_text(&e->scratch, &d));
	return true;
}

static bool resolve_workspace(struct attempt *a, const struct resolve_roots *env,
			      struct start *start, struct end *end)
{
	struct engine *e = a->run->engine;
	const struct plan_node *pn = &a->run->plan->nodes[a->index];
	struct resolve_error error;
	struct value v;
	if (!pn->workspace)
		return true;
	if (resolve_run(pn->workspace, env, &e->scratch, &v, &error) != 0)
		return refuse(end, error.code, e, "%s", error.message);
	if (v.kind != VALUE_STRING || v.n == 0)
		return refuse(end, "template_error", e,
			      "workspace: must give the path of a folder, not %s",
			      value_kind_name(&v));
	start->workspace = arena_str(&pump_txn(&e->pump)->arena, value_text(&v));
	return true;
}

/* What was approved is what runs, or nothing does. */
static bool take_approved(struct attempt *a, const struct approval *p,
			  const struct agent_action *action, struct start *start, struct end *end)
{
	struct engine *e = a->run->engine;
	struct arena *text = &pump_txn(&e->pump)->arena;
	struct value input;
	struct diag d;
	diag_init(&d, &e->scratch);
	start->input = end->input = arena_str(text, str_of(p->inputs));
	if (!approval_holds(p, a->agent))
		return refuse(end, "approval_void", e,
			      "what would run is not what was approved: "
			      "agent \"%.*s\" was registered anew; run it again to ask again",
			      STR_ARG(a->agent->row.name));
	if (p->workspace[0])
		start->workspace = arena_str(text, str_of(p->workspace));
	if (json_parse(&e->scratch, start->input, JSON_DEFAULT, &input, NULL) != 0 ||
	    !schemas_check(action->input, &input, &d, "inputs"))
		return refuse(end, "invalid_input", e, "%s", findings_text(&e->scratch, &d));
	return true;
}

static bool resolve_all(struct attempt *a, const struct agent_action *action, struct start *start,
			struct end *end)
{
	struct roots roots = {a->run, a->index, &a->run->engine->scratch};
	struct resolve_roots env = roots_env(&roots);
	return resolve_input(a, action, &env, start, end) && resolve_workspace(a, &env, start, end);
}

bool attempt_preview(struct run *r, uint32_t index, struct attempt_preview *ret)
{
	struct attempt a = {.run = r, .index = index};
	struct start start = {.attempt = &a};
	struct end end = {0};
	const struct agent_action *action;
	if (!find_agent(&a, &action, &end))
		return false;
	if (!resolve_all(&a, action, &start, &end)) {
		agent_unref(a.agent);
		return false;
	}
	*ret = (struct attempt_preview){a.agent, start.input, start.workspace};
	return true;
}

static bool prepare(struct attempt *a, struct start *start, struct end *end)
{
	struct engine *e = a->run->engine;
	const struct approval *p = a->run->nodes[a->index].approval;
	const struct agent_action *action;
	if (!find_agent(a, &action, end))
		return false;
	if (p)
		return take_approved(a, p, action, start, end);
	if (!resolve_all(a, action, start, end))
		return false;
	if (approval_needed(a->run, a->index))
		return refuse(end, "approval_missing", e,
			      "agent \"%.*s\" needs approval since "
			      "the node was queued; run it again to ask",
			      STR_ARG(a->agent->row.name));
	return true;
}

/* The node's time-out, or the agent's default. */
static int64_t limit_of(const struct attempt *a)
{
	int64_t own_ms = a->run->plan->nodes[a->index].timeout_ms;
	return own_ms > 0 ? own_ms : a->agent->timeout_ms;
}

static void hand_over(struct attempt *a, const struct start *start)
{
	struct engine *e = a->run->engine;
	const struct plan *p = a->run->plan;
	const struct plan_node *pn = &p->nodes[a->index];
	char key[ID_TEXT_BYTES + LIMIT_NAME_BYTES + 1];
	int n = snprintf(key, sizeof(key), "%s:%.*s", a->run->id.text, STR_ARG(pn->id));
	struct attempt_start s = {
		.id = a->id,
		.run_id = a->run->id,
		.project = p->project,
		.workflow = p->name,
		.node_id = pn->id,
		.agent = pn->agent,
		.action = pn->action,
		.agent_type = a->agent->row.type,
		.entry_path = a->agent->row.entry_path,
		.command = a->agent->row.command,
		.agent_limits = a->agent->row.limits,
		.node_limits = pn->limits,
		.input = start->input,
		.workspace = start->workspace,
		.attempt = a->number,
		.idempotency_key = str_n(key, (size_t)n),
		.approved_digest =
			a->run->nodes[a->index].approval ? a->agent->row.digest : (struct str){0},
		.timeout_ms = limit_of(a),
	};
	e->config.executor->ops->start(e->config.executor, &s);
}

/* The row is durable: now it may start, unless the run was stopped meanwhile. */
static void start_effect(void *ctx, struct txn *txn UNUSED, void *arg, int64_t n UNUSED)
{
	struct engine *e = ctx;
	const struct start *start = arg;
	struct attempt *a = start->attempt;
	struct run *r = a->run;
	engine_enter(e);
	if (r->stopping != STOP_NONE) {
		finish(a,
		       &(struct end){
			       .status = r->stopping == STOP_TIMEOUT ? ATTEMPT_TIMED_OUT
								     : ATTEMPT_CANCELLED,
			       .code = r->stopping == STOP_TIMEOUT ? "run_timeout" : "cancelled",
			       .message = STR("the run was stopped before the attempt was started"),
		       });
		run_settle(r);
	} else {
		move(a, ATT_RUNNING);
		int64_t limit_ms = limit_of(a);
		a->timer.kind = TIMER_ATTEMPT_LIMIT;
		if (limit_ms > 0)
			timer_arm(&e->timers, &a->timer, e->now_ms + limit_ms);
		hand_over(a, start);
	}
	engine_leave(e);
}

static void tell_started(struct attempt *a)
{
	struct run *r = a->run;
	const struct plan_node *pn = &r->plan->nodes[a->index];
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, pn->id);
	json_out_key(&o, "attempt");
	json_out_int(&o, a->number);
	json_out_key(&o, "agent");
	json_out_str(&o, pn->agent);
	json_out_key(&o, "action");
	json_out_str(&o, pn->action);
	emit_event_end(r, "node.started", &o);
}

/* Takes the slot and the RUNNING row; the start itself follows when that is durable. */
static void begin(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct node *n = &a->run->nodes[a->index];
	struct start start = {.attempt = a};
	struct end end = {0};
	leave_queue(a);
	if (!prepare(a, &start, &end)) {
		finish(a, &end);
		return;
	}
	a->started_ms = e->wall_ms;
	a->has_slot = a->script;
	e->n_scripts += a->script;
	e->n_running++;
	if (n->started_ms == 0)
		n->started_ms = e->wall_ms;
	emit_attempt(a, &(struct attempt_rest){.status = ATTEMPT_RUNNING, .input = start.input});
	tell_started(a);
	if (n->status != NODE_RUNNING)
		node_move(n, NODE_RUNNING);
	move(a, ATT_STARTING);
	struct start *kept = ARENA_NEW(pump_arena(&e->pump), struct start);
	*kept = start;
	pump_effect(&e->pump, start_effect, kept, 0);
}

void attempt_admit(struct engine *e)
{
	while (e->n_scripts < e->config.max_scripts && !list_empty(&e->queue)) {
		struct attempt *a = container_of(e->queue.next, struct attempt, link);
		struct run *r = a->run;
		begin(a);
		run_settle(r);
	}
}

/* ---- stopping ---- */

void attempt_time_out(struct attempt *a)
{
	a->why = ATTEMPT_STOP_TIMEOUT;
	a->stop_ms = a->run->engine->wall_ms;
	move(a, ATT_STOPPING);
	list_push_back(&a->run->engine->stops, &a->link);
}

static void stop_effect(void *ctx, struct txn *txn UNUSED, void *arg, int64_t why)
{
	struct engine *e = ctx;
	const struct attempt_id *id = arg;
	if (map_get(&e->attempts, ID_STR(*id)))
		e->config.executor->ops->stop(e->config.executor, id, (enum attempt_stop)why);
}

static void stop_later(struct attempt *a, enum attempt_stop why)
{
	struct engine *e = a->run->engine;
	struct attempt_id *id = ARENA_NEW(pump_arena(&e->pump), struct attempt_id);
	*id = a->id;
	timer_disarm(&e->timers, &a->timer);
	a->why = why;
	a->stop_ms = e->wall_ms;
	move(a, ATT_STOPPING);
	pump_effect(&e->pump, stop_effect, id, why);
}

static void cancel_queued(struct attempt *a)
{
	finish(a, &(struct end){
			  .status = ATTEMPT_CANCELLED,
			  .code = "cancelled",
			  .message = STR("the run was stopped before the attempt was started"),
		  });
}

void attempt_cancel(struct attempt *a)
{
	switch (a->state) {
	case ATT_WAITING:
	case ATT_BACKOFF:
		cancel_queued(a);
		break;
	case ATT_RUNNING:
		stop_later(a, a->run->stopping == STOP_TIMEOUT ? ATTEMPT_STOP_TIMEOUT
							       : ATTEMPT_STOP_CANCEL);
		break;
	case ATT_STARTING: /* start_effect() sees that the run stops */
	case ATT_STOPPING:
	case ATT_ENDED:
		break;
	}
}

/* ---- from the executor ---- */

static void stopped_end(const struct attempt *a, struct end *end)
{
	bool timeout = a->why == ATTEMPT_STOP_TIMEOUT;
	end->status = timeout ? ATTEMPT_TIMED_OUT : ATTEMPT_CANCELLED;
	end->code = !timeout			       ? "cancelled"
		    : a->run->stopping == STOP_TIMEOUT ? "run_timeout"
						       : "timeout";
	end->message = !timeout				  ? STR("the run was cancelled")
		       : a->run->stopping == STOP_TIMEOUT ? STR("the run took too long")
							  : STR("the attempt took longer than "
								"its timeout");
}

static bool judge_output(struct attempt *a, struct str text, struct end *end)
{
	struct engine *e = a->run->engine;
	struct value v;
	struct json_error error;
	struct diag d;
	diag_init(&d, &e->scratch);
	const struct agent_action *action =
		agent_find_action(a->agent, a->run->plan->nodes[a->index].action);
	if (text.n > LIMIT_AGENT_OUTPUT_BYTES)
		refuse(end, "output_too_large", e, "the output is longer than %d bytes",
		       LIMIT_AGENT_OUTPUT_BYTES);
	else if (json_parse(&e->scratch, text, JSON_BORROW, &v, &error) != 0)
		refuse(end, "invalid_output", e,
		       "the output is not one JSON document: %s at "
		       "line %d, column %d",
		       error.message, error.line, error.column);
	else if (!schemas_check(action->output, &v, &d, "output"))
		refuse(end, "invalid_output", e, "%s", findings_text(&e->scratch, &d));
	else {
		buf_clear(&e->text);
		json_write(&e->text, &v);
		end->output = arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
		end->status = ATTEMPT_SUCCESS;
		return true;
	}
	end->final = false; /* another try may print something better */
	return false;
}

static void error_end(const struct attempt_result *x, struct end *end)
{
	const char *code = x->code && *x->code ? x->code : "failed";
	end->status = strcmp(code, "timeout") == 0 ? ATTEMPT_TIMED_OUT : ATTEMPT_FAILED;
	end->code = code;
	end->message = str_n(x->message.p,
			     utf8_valid_prefix(str_n(x->message.p, x->message.n < LIMIT_ERROR_BYTES
									   ? x->message.n
									   : LIMIT_ERROR_BYTES)));
	end->final = x->final;
	end->retry_later = x->retry_later;
	end->retry_after_ms = x->retry_after_ms;
}

void engine_attempt_done(struct engine *e, const struct attempt_id *id,
			 const struct attempt_result *result)
{
	engine_enter(e);
	struct attempt *a = map_get(&e->attempts, ID_STR(*id));
	if (a && (a->state == ATT_RUNNING || a->state == ATT_STOPPING)) {
		struct run *r = a->run;
		struct end end = {.result = result};
		if (a->state == ATT_STOPPING)
			stopped_end(a, &end);
		else if (result->end == ATTEMPT_END_OUTPUT)
			judge_output(a, result->output, &end);
		else
			error_end(result, &end);
		finish(a, &end);
		run_settle(r);
	}
	engine_leave(e);
}

/* ---- recovery ---- */

static void lose(struct attempt *a)
{
	struct run *r = a->run;
	struct engine *e = r->engine;
	uint32_t index = a->index, number = a->number;
	struct end end = {.status = ATTEMPT_FAILED,
			  .code = "lost",
			  .message = STR("drover ended while the attempt ran")};
	struct str error = emit_error(e, end.code, end.message, (struct str){0}, false);
	emit_end(a, &end, error);
	attempt_free(a);
	struct node *n = &r->nodes[index];
	if (r->stopping != STOP_NONE) {
		node_cancel(r, index, r->stopping == STOP_TIMEOUT ? NODE_TIMED_OUT : NODE_CANCELLED,
			    true);
	} else if (++n->lost > LIMIT_ATTEMPTS_LOST) {
		node_fail(r, index, NODE_FAILED, error, end.code);
	} else {
		tell_retrying(r, index, number, 0, end.code, end.message);
		attempt_make(r, index, 0);
	}
}

void attempt_recover(struct run *r, uint32_t index, const struct attempt_row *row)
{
	struct engine *e = r->engine;
	struct attempt *a = attempt_alloc(r, index);
	memcpy(a->id.text, row->id.p, ID_TEXT_BYTES - 1);
	a->number = (uint32_t)row->attempt;
	a->has_row = true;
	a->queued_ms = row->queued_ms;
	a->not_before_ms = row->not_before_ms;
	a->started_ms = row->started_ms;
	map_put(&e->attempts, ID_STR(a->id), a);
	int64_t delay_ms = row->not_before_ms - e->wall_ms;
	if (row->status == ATTEMPT_RUNNING) {
		r->nodes[index].status = NODE_RUNNING;
		lose(a);
	} else if (r->stopping != STOP_NONE) {
		r->nodes[index].status = NODE_QUEUED;
		cancel_queued(a);
	} else if (delay_ms > 0) {
		int64_t longest = row->not_before_ms - row->queued_ms;
		back_off(a, delay_ms < longest || longest <= 0 ? delay_ms : longest);
	} else {
		r->nodes[index].status = NODE_QUEUED;
		attempt_ready(a);
	}
}
