#include "engine/run/doubt.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/run/attempt.h"
#include "engine/run/backoff.h"
#include "engine/run/effect.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/plan/schemas.h"
#include "json/parse.h"

static struct doubt *doubt_new(struct run *r, uint32_t index)
{
	struct doubt *d = NEW0(struct doubt);
	d->run = r;
	d->index = index;
	list_init(&d->link);
	return d;
}

void doubt_free(struct node *n)
{
	struct doubt *d = n->doubt;
	if (!d)
		return;
	doubt_leave(n);
	arena_free(&d->arena);
	free(d);
	n->doubt = NULL;
}

static const struct agent_action *action_of(const struct run *r, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(r, index);
	const struct agent *agent = catalog_agent(&r->engine->catalog, r->plan->project, pn->agent);
	return agent ? agent_find_action(agent, pn->action) : NULL;
}

struct doubt *doubt_of(const struct attempt *a, const struct verdict *v)
{
	if (a->probe || !v->code || !effect_uncertain(a->effect, v->fate))
		return NULL;
	struct doubt *d = doubt_new(a->run, a->index);
	d->effect = a->effect;
	d->attempt = a->id;
	d->number = a->number;
	d->status = v->status;
	d->code = str_of(arena_dupz(&d->arena, v->code));
	d->message = arena_str(&d->arena, v->message);
	d->lost = v->fate == FATE_LOST;
	d->since_ms = a->run->engine->wall_ms;
	const struct agent_action *action = action_of(a->run, a->index);
	if (d->effect == EFFECT_RECONCILABLE && action) {
		d->probe = arena_str(&d->arena, action->probe);
		d->input = arena_str(&d->arena, str_n(a->input, a->input_n));
	}
	return d;
}

void doubt_keep(struct node *n, struct doubt *d)
{
	if (!d)
		return;
	doubt_free(n);
	n->doubt = d;
}

bool doubt_probes(const struct node *n)
{
	return n->doubt && n->doubt->probe.n && !n->doubt->why.n && !n->doubt->settled.n;
}

bool doubt_remains(const struct node *n)
{
	return n->doubt && !n->doubt->settled.n;
}

/* ---- what is stored and told ---- */

static void put_head(struct json_out *o, const struct doubt *d)
{
	json_out_key(o, "effect");
	json_out_strz(o, effect_name(d->effect));
	json_out_key(o, "attempt");
	json_out_int(o, d->number);
	json_out_key(o, "attemptId");
	json_out_str(o, ID_STR(d->attempt));
	json_put_str(o, "code", d->code);
}

struct str doubt_detail(struct engine *e, const struct node *n)
{
	const struct doubt *d = n->doubt;
	if (!d)
		return (struct str){0};
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	put_head(&o, d);
	json_put_str(&o, "message", d->message);
	json_out_key(&o, "ended");
	json_out_strz(&o, attempt_status_name(d->status));
	json_out_key(&o, "since");
	json_out_time(&o, d->since_ms);
	json_out_key(&o, "triesLeft");
	json_out_bool(&o, d->retry);
	if (d->probe.n)
		json_put_str(&o, "probe", d->probe);
	if (d->why.n)
		json_put_str(&o, "why", d->why);
	if (d->settled.n) {
		json_out_key(&o, "settled");
		json_out_raw(&o, d->settled);
	}
	json_out_end(&o);
	return arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
}

static struct json_out event_begin(const struct doubt *d)
{
	struct json_out o = emit_event_begin(d->run->engine);
	json_put_str(&o, "nodeId", run_node_id(d->run, d->index));
	return o;
}

/* The node's row while it is probed or waits for people. */
static void emit_state(struct run *r, uint32_t index)
{
	emit_node(r, index, (struct str){0}, (struct str){0}, (struct str){0});
}

/* ---- UNKNOWN ---- */

static void wait_for_people(struct doubt *d)
{
	struct engine *e = d->run->engine;
	list_push_back(&e->unknown, &d->link);
	e->n_unknown++;
	d->run->n_waiting++;
	d->run->n_unknown++;
}

void doubt_leave(struct node *n)
{
	struct doubt *d = n->doubt;
	if (!d || list_empty(&d->link))
		return;
	list_remove(&d->link);
	d->run->engine->n_unknown--;
	d->run->n_waiting--;
	d->run->n_unknown--;
}

bool doubt_waits(const struct node *n)
{
	const struct doubt *d = n->doubt;
	return d && !list_empty(&d->link) && d->why.n && !d->settled.n && !n->attempt && !n->wait &&
	       d->run->stopping == STOP_NONE;
}

static void ask(struct run *r, uint32_t index, const char *why)
{
	struct node *n = &r->nodes[index];
	struct doubt *d = n->doubt;
	d->why = str_of(arena_dupz(&d->arena, why));
	node_move(n, NODE_UNKNOWN);
	wait_for_people(d);
	emit_state(r, index);
	struct json_out o = event_begin(d);
	put_head(&o, d);
	json_put_str(&o, "why", d->why);
	emit_event_end(r, "node.unknown", &o);
}

/* ---- probing ---- */

void doubt_begin(struct run *r, uint32_t index, struct doubt *d, bool retry)
{
	struct node *n = &r->nodes[index];
	doubt_keep(n, d);
	d->retry = retry;
	if (d->effect != EFFECT_RECONCILABLE) {
		ask(r, index, "the action is irreversible");
		return;
	}
	if (!d->probe.n) {
		ask(r, index, "the agent has no probe for the action any more");
		return;
	}
	attempt_make(r, index, 0);
	if (doubt_probes(n))
		emit_state(r, index);
}

enum answer { ANSWER_DONE, ANSWER_ABSENT, ANSWER_UNKNOWN };
static const char *const answers[] = {"done", "absent", "unknown"};

static bool read_answer(const struct value *output, enum answer *ret)
{
	struct str state = value_text(value_getz(output, "state"));
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		if (!str_eqz(state, answers[i]))
			continue;
		*ret = (enum answer)i;
		return true;
	}
	return false;
}

void doubt_judge_answer(const struct attempt *a, const struct value *output, struct diag *d)
{
	enum answer answer;
	const struct value *result = value_getz(output, "output");
	const struct agent_action *action =
		agent_find_action(a->agent, run_plan_node(a->run, a->index)->action);
	if (!read_answer(output, &answer))
		diag_add(d, "output.state", "must be done, absent or unknown");
	else if (answer == ANSWER_DONE && !result)
		diag_add(d, "output.output",
			 "is missing: what the action gave, as its "
			 "outputSchema says");
	else if (answer == ANSWER_DONE && action)
		schemas_check(action->output, result, d, "output.output");
}

static void tell_probed(struct run *r, uint32_t index, uint32_t number, const struct value *answer)
{
	struct json_out o = event_begin(r->nodes[index].doubt);
	struct str message = value_text(value_getz(answer, "message"));
	json_out_key(&o, "attempt");
	json_out_int(&o, number);
	json_put_str(&o, "state", value_text(value_getz(answer, "state")));
	if (message.n)
		json_put_str(&o, "message", message);
	emit_event_end(r, "node.probed", &o);
}

/* It happened: the probe gives the result. */
static void settle_done(struct run *r, uint32_t index, const struct value *answer)
{
	struct engine *e = r->engine;
	struct doubt *d = r->nodes[index].doubt;
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	json_put_str(&o, "as", STR("succeeded"));
	json_put_str(&o, "probe", d->probe);
	json_out_key(&o, "at");
	json_out_time(&o, e->wall_ms);
	json_out_end(&o);
	d->settled = arena_str(&d->arena, buf_str(&e->text));
	buf_clear(&e->text);
	json_write(&e->text, value_getz(answer, "output"));
	node_succeed(r, index, arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text)));
}

static void tell_retrying(struct run *r, uint32_t index, uint32_t number, int64_t delay_ms,
			  struct str code, struct str message)
{
	struct engine *e = r->engine;
	struct verdict v = {.code = arena_dup(&e->scratch, code.p, code.n), .message = message};
	backoff_tell(r, index, number, &(struct backoff){delay_ms, "absent"}, &v);
}

/* It did not happen: the attempt was a failure like any other, or lost. */
static void settle_absent(struct run *r, uint32_t index)
{
	struct engine *e = r->engine;
	struct node *n = &r->nodes[index];
	struct doubt *d = n->doubt;
	if (d->retry) {
		tell_retrying(r, index, d->number, 0, d->code, d->message);
		doubt_free(n);
		attempt_make(r, index, 0);
		if (!node_status_final(n->status))
			emit_state(r, index);
		return;
	}
	char *code = arena_dup(&e->scratch, d->code.p, d->code.n);
	struct str error = emit_error(e, code, d->message, (struct str){0}, false);
	enum node_status status = verdict_node_status(&(struct verdict){.status = d->status});
	doubt_free(n);
	node_fail(r, index, status, error, code);
}

static void take_answer(struct run *r, uint32_t index, uint32_t number, struct str output)
{
	struct engine *e = r->engine;
	struct value v = VALUE_NULL_INIT;
	enum answer answer = ANSWER_UNKNOWN;
	json_parse(&e->scratch, output, JSON_DEFAULT, &v, NULL);
	read_answer(&v, &answer);
	struct str message = value_text(value_getz(&v, "message"));
	tell_probed(r, index, number, &v);
	switch (answer) {
	case ANSWER_DONE:
		settle_done(r, index, &v);
		break;
	case ANSWER_ABSENT:
		settle_absent(r, index);
		break;
	case ANSWER_UNKNOWN:
		ask(r, index,
		    arena_printf(&e->scratch, "the probe could not find out%s%.*s",
				 message.n ? ": " : "", STR_ARG(message)));
		break;
	}
}

/* Another probe, or, when there were enough, people. */
static void probe_again(struct run *r, uint32_t index, uint32_t number, const struct verdict *v)
{
	struct doubt *d = r->nodes[index].doubt;
	bool lost = v->fate == FATE_LOST;
	bool again = lost ? ++d->n_lost <= LIMIT_ATTEMPTS_LOST
			  : ++d->n_failed < LIMIT_PROBE_TRIES && !v->final;
	if (!again) {
		ask(r, index,
		    arena_printf(&r->engine->scratch,
				 "the probe failed; the last error was %s: %.*s", v->code,
				 STR_ARG(v->message)));
		return;
	}
	int64_t delay_ms = lost ? 0 : backoff_delay(r, index, d->n_failed, v->retry_after_ms);
	backoff_tell(r, index, number, &(struct backoff){delay_ms, "probe"}, v);
	attempt_make(r, index, delay_ms);
}

void doubt_probed(struct run *r, uint32_t index, uint32_t number, const struct verdict *v)
{
	if (node_stopping(r, index) != STOP_NONE)
		node_cancel(r, index, NODE_CANCELLED, true);
	else if (v->code)
		probe_again(r, index, number, v);
	else
		take_answer(r, index, number, v->output);
}

/* ---- recovery ---- */

static bool read_detail(struct arena *a, struct str detail, struct value *ret)
{
	return detail.n && json_parse(a, detail, JSON_DEFAULT, ret, NULL) == 0 &&
	       value_text(value_getz(ret, "attemptId")).n == ID_TEXT_BYTES - 1;
}

bool doubt_row_fits(const struct node_row *row)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	enum effect effect;
	return read_detail(&a, row->detail, &v) &&
	       effect_parse(value_text(value_getz(&v, "effect")), &effect) &&
	       (row->status == NODE_UNKNOWN) == (value_text(value_getz(&v, "why")).n > 0);
}

static struct str member(struct doubt *d, const struct value *v, const char *key)
{
	return arena_str(&d->arena, value_text(value_getz(v, key)));
}

void doubt_recover(struct run *r, uint32_t index, const struct node_row *row)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	struct node *n = &r->nodes[index];
	if (!read_detail(&a, row->detail, &v))
		return;
	struct doubt *d = doubt_new(r, index);
	const struct value *number = value_getz(&v, "attempt"),
			   *retry = value_getz(&v, "triesLeft");
	effect_parse(value_text(value_getz(&v, "effect")), &d->effect);
	attempt_status_parse(value_text(value_getz(&v, "ended")), &d->status);
	timefmt_rfc3339_parse(value_text(value_getz(&v, "since")), &d->since_ms, NULL);
	memcpy(d->attempt.text, value_text(value_getz(&v, "attemptId")).p, ID_TEXT_BYTES - 1);
	d->number = value_is(number, VALUE_INT) ? (uint32_t)number->i : 0;
	d->retry = value_is(retry, VALUE_BOOL) && retry->b;
	d->code = member(d, &v, "code");
	d->message = member(d, &v, "message");
	d->probe = member(d, &v, "probe");
	d->why = member(d, &v, "why");
	d->lost = str_eqz(d->code, "lost");
	doubt_keep(n, d);
	if (row->status != NODE_UNKNOWN)
		return;
	n->status = NODE_UNKNOWN;
	wait_for_people(d);
}

void doubt_recover_input(struct node *n, struct str input)
{
	if (n->doubt)
		n->doubt->input = arena_str(&n->doubt->arena, input);
}

void doubt_recover_probe(struct node *n, const struct attempt_row *row)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value error = VALUE_NULL_INIT;
	struct doubt *d = n->doubt;
	if (!d || row->attempt <= d->number)
		return;
	if (row->error.n)
		json_parse(&a, row->error, JSON_DEFAULT, &error, NULL);
	if (str_eqz(value_text(value_getz(&error, "code")), "lost"))
		d->n_lost++;
	else
		d->n_failed++;
}
