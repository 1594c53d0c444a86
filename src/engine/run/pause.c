#include "engine/run/pause.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/run/attempt.h"
#include "engine/run/child.h"
#include "engine/run/each.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/run/run.h"
#include "json/parse.h"

static const char *const with_names[] = {
	[PAUSE_ITSELF] = "itself",
	[PAUSE_WORKFLOW] = "workflow",
	[PAUSE_CALLER] = "caller",
};

static enum pause_with with_parse(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(with_names); i++)
		if (str_eqz(name, with_names[i]))
			return (enum pause_with)i;
	return PAUSE_ITSELF;
}

/* ---- rows and events ---- */

static void put_note(struct json_out *o, struct str by, struct str reason, int64_t at_ms)
{
	json_put_or_null(o, "by", by); /* first: see pause_is_on() */
	json_put_or_null(o, "reason", reason);
	json_out_key(o, "at");
	json_out_time(o, at_ms);
}

struct str pause_note(struct arena *a, struct str by, struct str reason, int64_t at_ms)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	put_note(&o, by, reason, at_ms);
	json_out_end(&o);
	return arena_str(a, buf_str(&text));
}

struct str pause_column(const struct run *r)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	const struct pause *p = r->pause;
	if (!p && r->paused_ms == 0)
		return (struct str){0};
	json_out_object(&o);
	if (p) {
		put_note(&o, p->by, p->reason, p->at_ms);
		json_out_key(&o, "with");
		json_out_strz(&o, with_names[p->with]);
	}
	json_out_key(&o, "pausedMs");
	json_out_int(&o, r->paused_ms);
	json_out_end(&o);
	return arena_str(&pump_txn(&r->engine->pump)->arena, buf_str(&text));
}

static void tell(struct run *r, const char *type, struct str by, struct str reason)
{
	struct json_out o = emit_event_begin(r->engine);
	json_put_or_null(&o, "by", by);
	json_put_or_null(&o, "reason", reason);
	emit_event_end(r, type, &o);
}

/* ---- in memory ---- */

static struct pause *pause_new(enum pause_with with, struct str by, struct str reason)
{
	struct pause *p = mem_new0(sizeof(*p) + by.n + reason.n);
	char *text = (char *)(p + 1);
	p->with = with;
	p->by = str_n(text, by.n);
	p->reason = str_n(text + by.n, reason.n);
	if (by.n)
		memcpy(text, by.p, by.n);
	if (reason.n)
		memcpy(text + by.n, reason.p, reason.n);
	return p;
}

void pause_begin(struct run *r, enum pause_with with, struct str by, struct str reason)
{
	if (r->pause || r->stopping != STOP_NONE || run_status_final(r->status))
		return;
	r->pause = pause_new(with, by, reason);
	r->pause->at_ms = r->engine->wall_ms;
	run_clock(r);
	gate_run_paused(r, true);
	for (uint32_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].attempt)
			attempt_hold(r->nodes[i].attempt);
	emit_run_set(r, (struct str){0}, 0);
	tell(r, "run.paused", by, reason);
	for (uint32_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].child)
			child_pause(r->nodes[i].child);
}

void pause_forget(struct run *r)
{
	free(r->pause);
	r->pause = NULL;
}

static int by_age(const void *x, const void *y)
{
	const struct attempt *const *a = x, *const *b = y;
	return str_cmp(ID_STR((*a)->id), ID_STR((*b)->id));
}

/* As they were made, which is the order of the queue. */
static void release_attempts(struct run *r)
{
	struct arena a CLEANUP_ARENA = {0};
	struct attempt **held = ARENA_NEW_ARRAY(&a, struct attempt *, r->n_nodes + 1);
	size_t n = 0;
	for (uint32_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].attempt && r->nodes[i].attempt->state == ATT_HELD)
			held[n++] = r->nodes[i].attempt;
	qsort(held, n, sizeof(*held), by_age);
	for (size_t i = 0; i < n; i++)
		attempt_ready(held[i]);
}

void pause_end(struct run *r, struct str by, struct str reason)
{
	struct engine *e = r->engine;
	if (!r->pause)
		return;
	if (e->wall_ms > r->pause->at_ms)
		r->paused_ms += e->wall_ms - r->pause->at_ms;
	pause_forget(r);
	gate_run_paused(r, false);
	run_clock(r);
	emit_run_set(r, (struct str){0}, 0);
	tell(r, "run.resumed", by, reason);
	release_attempts(r);
	for (uint32_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].child)
			child_resume(r->nodes[i].child, by, reason);
	for (uint32_t i = 0; i < r->plan->n_nodes; i++)
		if (r->nodes[i].each)
			each_resume(r, i);
	run_begin(r);
	run_settle(r);
}

/* ---- recovery ---- */

void pause_recover(struct run *r, struct str column)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	int64_t at_ms;
	if (!column.n || json_parse(&a, column, JSON_DEFAULT, &v, NULL) != 0)
		return;
	const struct value *paused_ms = value_getz(&v, "pausedMs");
	r->paused_ms = value_is(paused_ms, VALUE_INT) ? paused_ms->i : 0;
	if (timefmt_rfc3339_parse(value_text(value_getz(&v, "at")), &at_ms, NULL) != 0)
		return;
	r->pause =
		pause_new(with_parse(value_text(value_getz(&v, "with"))),
			  value_text(value_getz(&v, "by")), value_text(value_getz(&v, "reason")));
	r->pause->at_ms = at_ms;
}

/* ---- workflows ---- */

void pause_refuse(const struct workflow *w, struct diag *d)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	struct str by = {0}, at = {0};
	if (json_parse(&a, w->row.pause, JSON_DEFAULT, &v, NULL) == 0) {
		by = value_text(value_getz(&v, "by"));
		at = value_text(value_getz(&v, "at"));
	}
	diag_add(d, "",
		 "workflow \"%.*s\" is paused since %.*s%s%.*s: drover resume --workflow %.*s",
		 STR_ARG(w->row.name), STR_ARG(at), by.n ? " by " : "", STR_ARG(by),
		 STR_ARG(w->row.name));
}
