/* Starting and cancelling runs, and the claims on idempotency keys. */
#include "engine/request/trigger.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "engine/admission/admission.h"
#include "engine/run/child.h"
#include "engine/request/dryrun.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/run/pause.h"
#include "engine/request/removal.h"
#include "engine/run/run.h"
#include "engine/plan/schemas.h"

enum { RETRY_AFTER_MS = 1000, CLAIM_BYTES = LIMIT_NAME_BYTES + LIMIT_IDEMPOTENCY_KEY_BYTES + 2 };

static struct str claim_key(char buffer[CLAIM_BYTES], struct str project, struct str key)
{
	if (project.n > LIMIT_NAME_BYTES || key.n > LIMIT_IDEMPOTENCY_KEY_BYTES)
		return (struct str){0};
	memcpy(buffer, project.p, project.n);
	buffer[project.n] = '\n';
	memcpy(buffer + project.n + 1, key.p, key.n);
	return str_n(buffer, project.n + 1 + key.n);
}

bool engine_key_claim(struct engine *e, struct str project, struct str key)
{
	char buffer[CLAIM_BYTES];
	struct str claim = claim_key(buffer, project, key);
	if (claim.n == 0 || map_get(&e->claims, claim))
		return false;
	map_put(&e->claims, claim, e);
	return true;
}

void engine_key_release(struct engine *e, struct str project, struct str key)
{
	char buffer[CLAIM_BYTES];
	map_remove(&e->claims, claim_key(buffer, project, key));
}

/* A refusal: nothing was written, so it is said at once and a claim ends. */
static void refuse(struct engine *e, const struct run_trigger *t, engine_reply_fn fn, void *arg,
		   const struct engine_reply *reply)
{
	if (t->idempotency_key.n)
		engine_key_release(e, t->project, t->idempotency_key);
	fn(arg, reply);
}

static bool key_is_fresh(const struct engine *e, const struct key_row *key)
{
	return key->created_ms > e->wall_ms - LIMIT_IDEMPOTENCY_HOURS * INT64_C(3600000);
}

/* What a trigger answers of a run that has just begun. */
static enum run_status first_status(const struct run *r)
{
	return r->status == RUN_PENDING || r->skipped ? r->status : RUN_RUNNING;
}

/* What the store knows under the key answers the request; true when it did. */
static bool replay(struct engine *e, const struct run_trigger *t, engine_reply_fn fn, void *arg)
{
	if (!t->idempotency_key.n || !t->known_key || !key_is_fresh(e, t->known_key))
		return false;
	bool same = str_eq(t->known_key->body_sha256, t->body_sha256);
	const struct run *r = map_get(&e->runs, t->known_key->run_id);
	refuse(e, t, fn, arg,
	       &(struct engine_reply){
		       .outcome = same ? ENGINE_REPLAYED : ENGINE_KEY_REUSED,
		       .id = same ? t->known_key->run_id : (struct str){0},
		       .status = r ? first_status(r) : RUN_RUNNING,
	       });
	return true;
}

struct workflow *trigger_workflow_named(struct engine *e, struct str project, struct str name)
{
	struct workflow *w = catalog_workflow_by_id(&e->catalog, project, name);
	return w ? w : catalog_workflow(&e->catalog, project, name);
}

/* Whether the workflow can be run now; says why not. */
static bool judge_workflow(const struct workflow *w, struct diag *d)
{
	if (!w->plan)
		diag_add(d, "",
			 "the newest version of workflow \"%.*s\" is not valid in this "
			 "version of drover; save it again",
			 STR_ARG(w->row.name));
	else if (workflow_paused(w))
		pause_refuse(w, d);
	else if (removal_under_way(w))
		removal_refuse(w, d);
	else if (w->plan->status == WORKFLOW_ARCHIVED)
		diag_add(
			d, "",
			"workflow \"%.*s\" is ARCHIVED; set its status to ACTIVE (drover workflows "
			"unarchive %.*s)",
			STR_ARG(w->row.name), STR_ARG(w->row.name));
	return diag_ok(d);
}

bool trigger_judge_context(const struct plan *plan, const struct value *context, struct diag *d)
{
	if (context->kind != VALUE_OBJECT)
		diag_add(d, "context", "must be an object, not %s", value_kind_name(context));
	else
		schemas_check(plan->context_schema, context, d, "context");
	return diag_ok(d);
}

bool trigger_has_room(struct engine *e, struct str project, size_t n, struct diag *d)
{
	size_t of_project = admission_share(e, project)->n_open;
	if (e->n_open_runs + n > e->config.max_open_runs)
		diag_add(d, "", "%zu runs are open, the most that may be: serve --max-open-runs",
			 e->n_open_runs);
	else if (of_project + n > e->config.max_project_open)
		diag_add(d, "",
			 "%zu runs of project \"%.*s\" are open, the most that it may have: serve "
			 "--max-project-open-runs",
			 of_project, STR_ARG(project));
	return diag_ok(d);
}

struct str trigger_text(struct arena *a, struct str type, struct str by, struct str parent_run_id)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "type");
	json_out_str(&o, type.n ? type : STR("manual"));
	if (by.n) {
		json_out_key(&o, "by");
		json_out_str(&o, by);
	}
	if (parent_run_id.n) {
		json_out_key(&o, "runId");
		json_out_str(&o, parent_run_id);
	}
	json_out_end(&o);
	return arena_str(a, buf_str(&text));
}

static void tell_queued(struct run *r)
{
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "workflow");
	json_out_str(&o, r->plan->name);
	json_out_key(&o, "version");
	json_out_int(&o, r->plan->version);
	json_out_key(&o, "priority");
	json_out_int(&o, r->priority);
	if (r->gate->key) {
		json_out_key(&o, "concurrencyKey");
		json_out_strz(&o, r->gate->key);
	}
	emit_event_end(r, "run.queued", &o);
}

/* It starts, waits or is skipped, as its gate says; its first rows. */
void trigger_enter(struct run *r, struct str parent_run_id)
{
	enum gate_verdict verdict = gate_enter(r);
	bool starts = verdict == GATE_START;
	r->status = starts ? RUN_RUNNING : RUN_PENDING;
	r->started_ms = starts ? r->engine->wall_ms : 0;
	emit_run_add(r, parent_run_id);
	if (starts) {
		run_tell_started(r);
		run_arm(r);
	} else {
		tell_queued(r);
	}
	r->skipped = verdict == GATE_SKIP;
	if (r->skipped)
		run_stop(r, STOP_CANCEL, STR("the limit of its concurrency key is reached"));
}

struct run *trigger_run(struct engine *e, const struct new_run *n, struct diag *d)
{
	char id[ID_TEXT_BYTES];
	id_make(&e->ids, e->wall_ms, id);
	struct run *r = run_new(e, n->plan, n->workflow, str_of(id), n->context, n->trigger);
	r->priority = n->priority ? *n->priority : n->plan->priority;
	if (!gate_find(r, d)) {
		run_forget(r);
		return NULL;
	}
	if (n->caller)
		child_link(n->caller, r);
	else
		trigger_enter(r, n->parent_run_id);
	return r;
}

static void put_key(struct engine *e, const struct run_trigger *t, const struct run *r)
{
	struct txn *txn = pump_txn(&e->pump);
	txn_add(txn, TXN_KEY_PUT)->key = (struct key_row){
		.project = arena_str(&txn->arena, t->project),
		.key = arena_str(&txn->arena, t->idempotency_key),
		.body_sha256 = arena_str(&txn->arena, t->body_sha256),
		.run_id = ID_STR(r->id),
		.created_ms = e->wall_ms,
	};
	engine_key_written(e);
}

static void start(struct engine *e, const struct run_trigger *t, struct workflow *w,
		  const struct value *context, struct diag *d, engine_reply_fn fn, void *arg)
{
	CLEANUP_BUF struct buf text = {0};
	char buffer[CLAIM_BYTES];
	struct str claim = {0};
	json_write(&text, context);
	struct run *r = trigger_run(
		e,
		&(struct new_run){
			.plan = w->plan,
			.workflow = w,
			.context = buf_str(&text),
			.trigger = trigger_text(&e->scratch, t->type, t->by, (struct str){0}),
			.priority = t->priority,
		},
		d);
	if (!r) {
		refuse(e, t, fn, arg, &(struct engine_reply){.outcome = ENGINE_INVALID, .diag = d});
		return;
	}
	if (t->idempotency_key.n) {
		put_key(e, t, r);
		claim = claim_key(buffer, t->project, t->idempotency_key);
	}
	run_begin(r);
	run_settle(r);
	emit_reply(e, fn, arg,
		   &(struct engine_reply){.outcome = ENGINE_CREATED,
					  .id = ID_STR(r->id),
					  .status = first_status(r)},
		   claim);
}

static void trigger(struct engine *e, const struct run_trigger *t, engine_reply_fn fn, void *arg,
		    struct arena *a)
{
	static const struct value empty = {.kind = VALUE_OBJECT};
	const struct value *context = t->context ? t->context : &empty;
	struct diag d;
	diag_init(&d, a);
	if (replay(e, t, fn, arg))
		return;
	struct workflow *w = trigger_workflow_named(e, t->project, t->workflow);
	struct engine_reply no = {.outcome = ENGINE_NOT_FOUND, .diag = &d};
	if (!w)
		no.diag = NULL;
	else if (!judge_workflow(w, &d))
		no.outcome = ENGINE_CONFLICT;
	else if (!trigger_judge_context(w->plan, context, &d))
		no.outcome = ENGINE_INVALID;
	else if (t->dry_run)
		no = dryrun(&e->catalog, w->plan, context, e->wall_ms, a);
	else if (e->pump.full)
		no = (struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					   .retry_after_ms = RETRY_AFTER_MS};
	else if (!trigger_has_room(e, w->row.project, 1, &d))
		no = (struct engine_reply){
			.outcome = ENGINE_BUSY, .diag = &d, .retry_after_ms = RETRY_AFTER_MS};
	else {
		start(e, t, w, context, &d, fn, arg);
		return;
	}
	refuse(e, t, fn, arg, &no);
}

void engine_run_trigger(struct engine *e, const struct run_trigger *t, engine_reply_fn fn,
			void *arg)
{
	struct arena a CLEANUP_ARENA = {0};
	engine_enter(e);
	trigger(e, t, fn, arg, &a);
	engine_leave(e);
}

static void cancel(struct engine *e, struct run *r, const struct run_control *x, engine_reply_fn fn,
		   void *arg)
{
	if (run_status_final(r->status)) {
		emit_reply(e, fn, arg,
			   &(struct engine_reply){.outcome = ENGINE_CONFLICT,
						  .id = ID_STR(r->id),
						  .status = r->status},
			   (struct str){0});
		return;
	}
	run_stop_by(r, x->by, x->reason);
	emit_reply(e, fn, arg,
		   &(struct engine_reply){
			   .outcome = ENGINE_OK, .id = ID_STR(r->id), .status = r->status},
		   (struct str){0});
}

void engine_run_cancel(struct engine *e, const struct run_control *x, engine_reply_fn fn, void *arg)
{
	engine_enter(e);
	struct run *r = map_get(&e->runs, x->run_id);
	if (!r || !str_eq(r->plan->project, x->project))
		fn(arg, &(struct engine_reply){.outcome = ENGINE_NOT_FOUND});
	else if (e->pump.full)
		fn(arg, &(struct engine_reply){.outcome = ENGINE_UNAVAILABLE,
					       .retry_after_ms = RETRY_AFTER_MS});
	else
		cancel(e, r, x, fn, arg);
	engine_leave(e);
}
