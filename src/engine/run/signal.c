#include "engine/run/signal.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/emit.h"
#include "engine/run/run.h"
#include "engine/run/subject.h"
#include "engine/run/wait.h"
#include "json/parse.h"

enum { RETRY_AFTER_MS = 1000 };

/* ---- signals that are kept ---- */

static struct signal *signal_put(struct run *r, int64_t seq, struct str name, struct str data)
{
	struct signal *s = mem_new0(sizeof(*s) + name.n + data.n);
	char *text = (char *)(s + 1);
	s->seq = seq;
	s->name = str_n(text, name.n);
	s->data = str_n(text + name.n, data.n);
	memcpy(text, name.p, name.n);
	if (data.n)
		memcpy(text + name.n, data.p, data.n);
	list_push_back(&r->signals, &s->link);
	r->last_signal = seq;
	r->n_signals++;
	r->signal_bytes += name.n + data.n;
	return s;
}

static void signal_remove(struct run *r, struct signal *s)
{
	list_remove(&s->link);
	r->n_signals--;
	r->signal_bytes -= s->name.n + s->data.n;
	free(s);
}

void signal_free(struct run *r)
{
	LIST_FOREACH (it, &r->signals)
		signal_remove(r, container_of(it, struct signal, link));
}

void signal_recover(struct run *r, const struct signal_row *row)
{
	signal_put(r, row->seq, row->name, row->data);
}

static void emit_delete(struct run *r, int64_t seq)
{
	txn_add(pump_txn(&r->engine->pump), TXN_SIGNAL_DELETE)->signal =
		(struct signal_row){.run_id = ID_STR(r->id), .seq = seq};
}

void signal_drop(struct run *r)
{
	if (r->n_signals > 0)
		emit_delete(r, 0);
	signal_free(r);
}

static void keep(struct run *r, struct str name, struct str data)
{
	struct engine *e = r->engine;
	struct txn *txn = pump_txn(&e->pump);
	struct signal *s = signal_put(r, r->last_signal + 1, name, data);
	txn_add(txn, TXN_SIGNAL_ADD)->signal = (struct signal_row){
		.run_id = ID_STR(r->id),
		.seq = s->seq,
		.name = arena_str(&txn->arena, name),
		.data = arena_str(&txn->arena, data),
		.time_ms = e->wall_ms,
	};
}

/* What a filter sees of a signal. */
static struct value event_of(struct arena *a, struct str name, const struct value *data)
{
	struct value event = value_object(a, 2);
	value_putz(a, &event, "type", value_str(name));
	value_putz(a, &event, "data", *data);
	return event;
}

static bool fits(const struct wait *w, const struct signal *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value data = VALUE_NULL_INIT;
	json_parse(&a, s->data, JSON_BORROW, &data, NULL);
	struct value event = event_of(&a, s->name, &data);
	return wait_wants(w, s->name, &event);
}

bool signal_take(struct wait *w)
{
	struct run *r = w->run;
	LIST_FOREACH (it, &r->signals) {
		struct signal *s = container_of(it, struct signal, link);
		if (!fits(w, s))
			continue;
		emit_delete(r, s->seq);
		wait_deliver(w, arena_str(&pump_txn(&r->engine->pump)->arena, s->data));
		signal_remove(r, s);
		return true;
	}
	return false;
}

/* ---- a signal comes ---- */

/* The first node, as the definition orders them, that waits for it; or NULL. */
static struct wait *find_wait(struct run *r, struct str name, const struct value *event)
{
	struct wait *first = NULL;
	LIST_FOREACH (it, &r->waits) {
		struct wait *w = container_of(it, struct wait, in_run);
		if ((!first || w->index < first->index) && wait_wants(w, name, event))
			first = w;
	}
	return first;
}

static void tell_signal(struct run *r, struct str name, struct str node_id)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "name");
	json_out_str(&o, name);
	if (node_id.n) {
		json_out_key(&o, "nodeId");
		json_out_str(&o, node_id);
	}
	emit_event_end(r, "run.signal", &o);
}

/* Why the run can't take it, or OK. */
static enum engine_outcome judge(const struct run *r, const struct run_signal *x, struct str data,
				 struct diag *d)
{
	if (!subject_valid(x->name, false)) {
		diag_add(d, "name",
			 "must be tokens with dots between, such as \"order.paid\", of "
			 "at most %d bytes in all, without '*' and '>'",
			 LIMIT_SUBJECT_BYTES);
		return ENGINE_INVALID;
	}
	if (data.n > LIMIT_SIGNAL_BYTES) {
		diag_add(d, "data", "is longer than %d bytes", LIMIT_SIGNAL_BYTES);
		return ENGINE_INVALID;
	}
	if (r->stopping != STOP_NONE || run_status_final(r->status)) {
		diag_add(d, "", "the run is ending");
		return ENGINE_CONFLICT;
	}
	return r->engine->pump.full ? ENGINE_UNAVAILABLE : ENGINE_OK;
}

static void take(struct run *r, const struct run_signal *x, const struct value *data,
		 struct str text, engine_reply_fn fn, void *arg)
{
	struct engine *e = r->engine;
	struct value event = event_of(&e->scratch, x->name, data);
	struct wait *w = find_wait(r, x->name, &event);
	struct str node_id = w ? run_node_id(r, w->index) : (struct str){0};
	if (!w && (r->n_signals >= LIMIT_RUN_SIGNALS ||
		   r->signal_bytes + text.n + x->name.n > LIMIT_RUN_SIGNALS_BYTES)) {
		fn(arg, &(struct engine_reply){.outcome = ENGINE_BUSY,
					       .retry_after_ms = RETRY_AFTER_MS});
		return;
	}
	tell_signal(r, x->name, node_id);
	if (w)
		wait_deliver(w, arena_str(&pump_txn(&e->pump)->arena, text));
	else
		keep(r, x->name, text);
	run_settle(r);
	emit_reply(e, fn, arg,
		   &(struct engine_reply){.outcome = ENGINE_OK, .id = node_id, .status = r->status},
		   (struct str){0});
}

void engine_run_signal(struct engine *e, const struct run_signal *x, engine_reply_fn fn, void *arg)
{
	static const struct value null = VALUE_NULL_INIT;
	const struct value *data = x->data ? x->data : &null;
	CLEANUP_BUF struct buf text = {0};
	struct diag d;
	engine_enter(e);
	diag_init(&d, &e->scratch);
	json_write(&text, data);
	struct run *r = map_get(&e->runs, x->run_id);
	enum engine_outcome no = ENGINE_NOT_FOUND;
	if (r && str_eq(r->plan->project, x->project))
		no = judge(r, x, buf_str(&text), &d);
	if (no == ENGINE_OK)
		take(r, x, data, buf_str(&text), fn, arg);
	else
		fn(arg, &(struct engine_reply){.outcome = no,
					       .diag = d.n ? &d : NULL,
					       .retry_after_ms = RETRY_AFTER_MS});
	engine_leave(e);
}

/* ---- an event comes ---- */

struct target {
	struct run *run;
	uint32_t index;
	struct target *next;
};

/* All are chosen before any is told: what begins to wait because of this event waits for another
 * one. */
static struct target *find_targets(struct engine *e, struct str project, const struct value *event)
{
	struct str type = value_text(value_getz(event, "type"));
	struct target *first = NULL, **last = &first;
	LIST_FOREACH (it, &e->waits) {
		struct wait *w = container_of(it, struct wait, link);
		if (!str_eq(w->run->plan->project, project) || !wait_wants(w, type, event))
			continue;
		*last = ARENA_NEW(&e->scratch, struct target);
		**last = (struct target){w->run, w->index, NULL};
		last = &(*last)->next;
	}
	return first;
}

static int64_t deliver(struct engine *e, const struct event_delivery *x)
{
	struct txn *txn = pump_txn(&e->pump);
	const struct value *data = value_getz(x->event, "data");
	CLEANUP_BUF struct buf text = {0};
	int64_t n = 0;
	json_write(&text, data ? data : &(struct value)VALUE_NULL_INIT);
	struct str output = arena_str(&txn->arena, buf_str(&text));
	for (struct target *t = find_targets(e, x->project, x->event); t; t = t->next) {
		if (!t->run->nodes[t->index].wait)
			continue;
		wait_deliver(t->run->nodes[t->index].wait, output);
		run_settle(t->run);
		n++;
	}
	txn_add(txn, TXN_KEY_PUT)->key = (struct key_row){
		.project = arena_str(&txn->arena, x->project),
		.key = arena_str(&txn->arena, x->key),
		.created_ms = e->wall_ms,
	};
	engine_key_written(e);
	return n;
}

void engine_event_deliver(struct engine *e, const struct event_delivery *x, engine_reply_fn fn,
			  void *arg)
{
	const int64_t live_ms = LIMIT_IDEMPOTENCY_HOURS * INT64_C(3600000);
	struct engine_reply reply = {.outcome = ENGINE_OK};
	engine_enter(e);
	if (x->known_key && x->known_key->created_ms > e->wall_ms - live_ms)
		reply.outcome = ENGINE_REPLAYED;
	else if (e->pump.full)
		reply = (struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					      .retry_after_ms = RETRY_AFTER_MS};
	else
		reply.version = deliver(e, x);
	if (reply.outcome == ENGINE_OK) {
		char *claim = arena_printf(&e->scratch, "%.*s\n%.*s", STR_ARG(x->project),
					   STR_ARG(x->key));
		emit_reply(e, fn, arg, &reply, str_of(claim));
	} else {
		engine_key_release(e, x->project, x->key);
		fn(arg, &reply);
	}
	engine_leave(e);
}
