#include "engine/emit.h"

#include "engine/run/attempt.h"
#include "engine/run/doubt.h"
#include "engine/admission/gate.h"
#include "engine/run/each.h"
#include "engine/run/pause.h"

struct str emit_text(struct engine *e, struct str s)
{
	return s.n ? arena_str(&pump_txn(&e->pump)->arena, s) : (struct str){0};
}

struct str emit_error(struct engine *e, const char *code, struct str message, struct str node_id,
		      bool retry_later)
{
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	json_out_key(&o, "code");
	json_out_strz(&o, code);
	json_out_key(&o, "message");
	json_out_str(&o, message);
	if (node_id.n) {
		json_out_key(&o, "nodeId");
		json_out_str(&o, node_id);
	}
	if (retry_later) {
		json_out_key(&o, "retryLater");
		json_out_bool(&o, true);
	}
	json_out_end(&o);
	return emit_text(e, buf_str(&e->text));
}

static struct run_row run_row(const struct run *r)
{
	const struct child *caller = r->caller;
	return (struct run_row){
		.id = ID_STR(r->id),
		.project = r->plan->project,
		.workflow_id = r->plan->workflow_id,
		.workflow_name = r->plan->name,
		.workflow_version = r->plan->version,
		.status = r->status,
		.trigger = r->trigger,
		.context = r->context,
		.pause = pause_column(r),
		.priority = r->priority,
		.caller_run_id = caller ? ID_STR(caller->run->id) : (struct str){0},
		.caller_node = caller ? run_node_id(caller->run, caller->index) : (struct str){0},
		.depth = r->depth,
		.waited_ms = r->waited_ms,
		.waiting_since_ms = r->waiting_since_ms,
		.stopping = r->stopping,
		.created_ms = r->created_ms,
		.started_ms = r->started_ms,
	};
}

void emit_run_add(struct run *r, struct str parent_run_id)
{
	struct run_row row = run_row(r);
	row.parent_run_id = emit_text(r->engine, parent_run_id);
	row.concurrency_key = gate_key(r);
	txn_add(pump_txn(&r->engine->pump), TXN_RUN_ADD)->run = row;
}

void emit_run_set(struct run *r, struct str error, int64_t finished_ms)
{
	emit_run_end(r, error, (struct str){0}, finished_ms);
}

void emit_run_end(struct run *r, struct str error, struct str output, int64_t finished_ms)
{
	struct run_row row = run_row(r);
	row.error = error;
	row.output = output;
	row.finished_ms = finished_ms;
	txn_add(pump_txn(&r->engine->pump), TXN_RUN_SET)->run = row;
}

void emit_node(struct run *r, uint32_t index, struct str output, struct str error,
	       struct str copied_from)
{
	const struct node *n = &r->nodes[index];
	struct engine *e = r->engine;
	txn_add(pump_txn(&e->pump), TXN_NODE_PUT)->node = (struct node_row){
		.run_id = ID_STR(r->id),
		.node_id = run_node_id(r, index),
		.index = index,
		.status = n->status,
		.attempt = n->attempts,
		.output = output,
		.error = error,
		.detail = n->each     ? each_detail(r, index)
			  : n->detail ? emit_text(e, str_n(n->detail, n->detail_n))
				      : doubt_detail(e, n),
		.copied_from = emit_text(e, copied_from),
		.wake_ms = n->wait    ? n->wait->wake_ms
			   : n->child ? n->child->wake_ms
				      : 0,
		.started_ms = n->started_ms,
		.finished_ms = !node_status_final(n->status) ? 0
			       : e->wall_ms < n->started_ms  ? n->started_ms
							     : e->wall_ms,
	};
}

void emit_node_detail(struct run *r, struct str detail)
{
	struct txn *txn = pump_txn(&r->engine->pump);
	struct txn_op *op = &txn->ops[txn->n_ops - 1];
	ASSERT(op->kind == TXN_NODE_PUT);
	op->node.detail = detail;
}

static void tell_attempt_end(void *ctx, struct txn *txn, void *arg, int64_t index)
{
	struct engine *e = ctx;
	e->config.on_attempt_end(e->config.watcher, &txn->ops[index].attempt, arg);
}

void emit_attempt(struct attempt *a, const struct attempt_rest *rest)
{
	struct run *r = a->run;
	struct engine *e = r->engine;
	const struct plan_node *pn = run_plan_node(r, a->index);
	struct txn *txn = pump_txn(&e->pump);
	txn_add(txn, a->has_row ? TXN_ATTEMPT_SET : TXN_ATTEMPT_ADD)->attempt =
		(struct attempt_row){
			.id = emit_text(e, ID_STR(a->id)),
			.run_id = ID_STR(r->id),
			.project = r->plan->project,
			.node_id = run_node_id(r, a->index),
			.agent = pn->agent,
			.action = a->probe ? emit_text(e, attempt_action(a)) : pn->action,
			.node_index = a->index,
			.attempt = a->number,
			.status = rest->status,
			.input = rest->input,
			.error = rest->error,
			.progress = emit_text(e, str_n(a->progress, a->progress_n)),
			.queued_ms = a->queued_ms,
			.not_before_ms = a->not_before_ms,
			.started_ms = a->started_ms,
			.finished_ms = rest->finished_ms,
			.sandboxed = rest->sandboxed,
			.effect = a->effect,
			.probe = a->probe,
			.cpu_usec = rest->cpu_usec,
			.memory_peak_bytes = rest->memory_peak_bytes,
		};
	a->has_row = true;
	if (!attempt_status_final(rest->status) || !e->config.on_attempt_end)
		return;
	char *code = rest->error_code ? arena_dupz(pump_arena(&e->pump), rest->error_code) : NULL;
	pump_effect(&e->pump, tell_attempt_end, code, (int64_t)txn->n_ops - 1);
}

struct events_note {
	struct str run_id;
	int64_t last_seq;
};

static void tell_events(void *ctx, struct txn *txn UNUSED, void *arg, int64_t n UNUSED)
{
	struct engine *e = ctx;
	const struct events_note *note = arg;
	e->config.on_events(e->config.watcher, note->run_id, note->last_seq);
}

/* One call per run and transaction, with the last number. */
static void note_events(struct run *r)
{
	struct engine *e = r->engine;
	if (!e->config.on_events)
		return;
	if (r->note_batch != e->pump.sequence) {
		r->note_batch = e->pump.sequence;
		r->note = ARENA_NEW(pump_arena(&e->pump), struct events_note);
		r->note->run_id = arena_str(pump_arena(&e->pump), ID_STR(r->id));
		pump_effect(&e->pump, tell_events, r->note, 0);
	}
	r->note->last_seq = r->n_events;
}

struct json_out emit_event_begin(struct engine *e)
{
	buf_clear(&e->text);
	struct json_out o = json_out_to(&e->text);
	json_out_object(&o);
	return o;
}

void emit_event_end(struct run *r, const char *type, struct json_out *o)
{
	struct engine *e = r->engine;
	json_out_end(o);
	txn_add(pump_txn(&e->pump), TXN_EVENT_ADD)->event = (struct event_row){
		.run_id = ID_STR(r->id),
		.seq = ++r->n_events,
		.time_ms = e->wall_ms,
		.type = str_of(type),
		.data = emit_text(e, buf_str(&e->text)),
	};
	note_events(r);
}

enum { RETRY_AFTER_MS = 1000 };

struct reply_effect {
	engine_reply_fn fn; /* NULL when it was given as UNDECIDED */
	struct list link;   /* engine.replies */
	void *arg;
	struct engine_reply reply;
	struct str claim;
};

static void give_reply(void *ctx, struct txn *txn UNUSED, void *arg, int64_t n UNUSED)
{
	struct engine *e = ctx;
	struct reply_effect *x = arg;
	if (x->claim.n)
		map_remove(&e->claims, x->claim);
	list_remove(&x->link);
	if (x->fn)
		x->fn(x->arg, &x->reply);
}

void emit_reply(struct engine *e, engine_reply_fn fn, void *arg, const struct engine_reply *reply,
		struct str claim)
{
	struct arena *a = pump_arena(&e->pump);
	struct reply_effect *x = ARENA_NEW(a, struct reply_effect);
	*x = (struct reply_effect){
		.fn = fn, .arg = arg, .reply = *reply, .claim = arena_str(a, claim)};
	x->reply.id = arena_str(a, reply->id);
	list_push_back(&e->replies, &x->link);
	pump_effect(&e->pump, give_reply, x, 0);
}

void emit_replies_undecided(struct engine *e)
{
	const struct engine_reply reply = {.outcome = ENGINE_UNDECIDED,
					   .retry_after_ms = RETRY_AFTER_MS};
	struct list *link;
	while ((link = list_pop_front(&e->replies))) {
		struct reply_effect *x = container_of(link, struct reply_effect, link);
		engine_reply_fn fn = x->fn;
		x->fn = NULL;
		fn(x->arg, &reply);
	}
}
