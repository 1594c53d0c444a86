#include "engine/request/removal.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/run/run.h"
#include "engine/request/save.h"
#include "engine/schedule.h"
#include "json/parse.h"

enum {
	RETRY_AFTER_MS = 1000,
	PAUSE_MS = 10, /* behind a step, as in retention */
};

/* ---- leaving ---- */

/* {"by", "reason", "at"}, without what was not said. */
static struct str note(struct arena *a, const struct workflow_removal *x, int64_t at_ms)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	if (x->by.n) {
		json_out_key(&o, "by");
		json_out_str(&o, x->by);
	}
	if (x->reason.n) {
		json_out_key(&o, "reason");
		json_out_str(&o, x->reason);
	}
	json_out_key(&o, "at");
	json_out_time(&o, at_ms);
	json_out_end(&o);
	return arena_str(a, buf_str(&text));
}

void removal_refuse(const struct workflow *w, struct diag *d)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v = VALUE_NULL_INIT;
	json_parse(&a, w->row.deleting, JSON_DEFAULT, &v, NULL);
	struct str by = value_text(value_getz(&v, "by")), at = value_text(value_getz(&v, "at"));
	const char *rest = "it is gone when the last of its runs is";
	if (w->n_open_runs > 0)
		rest = arena_printf(&a, "it is gone when its last of %zu open runs has ended",
				    w->n_open_runs);
	diag_add(d, "", "workflow \"%.*s\" is being deleted since %.*s%s%.*s; %s",
		 STR_ARG(w->row.name), STR_ARG(at), by.n ? " by " : "", STR_ARG(by), rest);
}

/* Who stops a run, and why, as its event tells it. */
static void stop_runs(struct engine *e, struct workflow *w, const char *what, struct str by,
		      struct str reason)
{
	struct arena a CLEANUP_ARENA = {0};
	char *text = arena_printf(&a, "the workflow is %s%s%.*s%s%.*s", what, by.n ? " by " : "",
				  STR_ARG(by), reason.n ? ": " : "", STR_ARG(reason));
	LIST_FOREACH (it, &e->open) {
		struct run *r = container_of(it, struct run, link);
		if (r->workflow == w && r->stopping == STOP_NONE && !run_status_final(r->status)) {
			pump_turn(&e->pump);
			run_stop(r, STOP_CANCEL, str_of(text));
		}
	}
}

static void remove_now(struct engine *e, struct workflow *w)
{
	struct txn *txn = pump_txn(&e->pump);
	struct txn_op *op = txn_add(txn, TXN_WORKFLOW_DELETE);
	op->workflow.id = arena_str(&txn->arena, w->row.id);
	op->workflow.project = arena_str(&txn->arena, w->row.project);
	log_event(INFO, "engine.workflow_deleted", LOG_STR("workflow", w->row.name),
		  LOG_STR("note", w->row.deleting));
	schedule_forget(e, w);
	gate_workflow_deleted(e, w);
	catalog_workflow_remove(&e->catalog, w);
}

/* Those that must stay are few, and go with the workflow. */
static void stepped(void *ctx, struct txn *txn, void *arg, int64_t op)
{
	struct engine *e = ctx;
	struct workflow *w = arg;
	const struct pruned *done = txn->ops[op].prune.ret;
	engine_enter(e);
	if (done->next_ms == INT64_MAX) {
		remove_now(e, w);
	} else {
		w->removal_from_ms = done->next_ms;
		w->removal.kind = TIMER_REMOVAL;
		timer_arm(&e->timers, &w->removal, e->now_ms + PAUSE_MS);
	}
	engine_leave(e);
}

void removal_step(struct engine *e, struct workflow *w)
{
	struct txn *txn = pump_txn(&e->pump);
	struct txn_op *op = txn_add(txn, TXN_PRUNE);
	op->prune = (struct prune){
		.what = RETAINED_RUNS,
		.workflow_id = arena_str(&txn->arena, w->row.id),
		.project = arena_str(&txn->arena, w->row.project),
		.from_ms = w->removal_from_ms,
		.before_ms = INT64_MAX,
		.ret = ARENA_NEW(&txn->arena, struct pruned),
	};
	pump_effect(&e->pump, stepped, w, (int64_t)txn->n_ops - 1);
}

static void set_row(struct engine *e, struct workflow *w, struct str deleting)
{
	struct arena a CLEANUP_ARENA = {0};
	struct workflow_row row = w->row; /* what it borrows is replaced */
	row.id = arena_str(&a, row.id);
	row.project = arena_str(&a, row.project);
	row.name = arena_str(&a, row.name);
	row.description = arena_str(&a, row.description);
	row.pause = arena_str(&a, row.pause);
	row.deleting = deleting;
	row.updated_ms = e->wall_ms;
	catalog_workflow_put(&e->catalog, &row, w->plan ? plan_ref(w->plan) : NULL);
	workflow_emit(e, &w->row);
}

static void begin_leaving(struct engine *e, struct workflow *w, const struct workflow_removal *x)
{
	struct arena a CLEANUP_ARENA = {0};
	log_event(WARN, "engine.workflow_deleting", LOG_STR("workflow", w->row.name),
		  LOG_STR("by", x->by), LOG_STR("reason", x->reason),
		  LOG_INT("runs", (int64_t)w->n_open_runs));
	set_row(e, w, note(&a, x, e->wall_ms));
	schedule_sync(e, w);
	stop_runs(e, w, "deleted", x->by, x->reason);
}

void removal_run_gone(struct engine *e, struct workflow *w)
{
	if (!w || !removal_under_way(w) || w->n_open_runs > 0)
		return;
	engine_enter(e);
	removal_step(e, w);
	engine_leave(e);
}

/* One that is leaving, or NULL. */
static struct workflow *next_leaving(struct engine *e, size_t *at)
{
	struct str key;
	void *p;
	while (map_next(&e->catalog.workflows_by_id, at, &key, &p))
		if (removal_under_way(p))
			return p;
	return NULL;
}

void removal_recover(struct engine *e)
{
	struct workflow *w;
	size_t at = 0;
	while ((w = next_leaving(e, &at))) {
		struct arena a CLEANUP_ARENA = {0};
		struct value v = VALUE_NULL_INIT;
		json_parse(&a, w->row.deleting, JSON_DEFAULT, &v, NULL);
		stop_runs(e, w, "deleted", value_text(value_getz(&v, "by")),
			  value_text(value_getz(&v, "reason")));
		if (w->n_open_runs == 0)
			removal_step(e, w);
	}
}

/* ---- requests ---- */

static const struct engine_reply unavailable = {.outcome = ENGINE_UNAVAILABLE,
						.retry_after_ms = RETRY_AFTER_MS};

/* Who asked for a deletion. */
struct asker {
	struct engine *e;
	engine_reply_fn fn;
	void *arg;
};

/* The first step may have found that there is no more: then the reply waits for that as well. */
static void tell(void *arg, const struct engine_reply *reply)
{
	const struct asker *x = arg;
	struct engine_reply told = *reply;
	told.goes_on = map_get(&x->e->catalog.workflows_by_id, reply->id) != NULL;
	if (reply->outcome != ENGINE_OK || told.goes_on)
		x->fn(x->arg, &told);
	else
		emit_reply(x->e, x->fn, x->arg, &told, (struct str){0});
}

static void delete (struct engine *e, struct workflow *w, const struct workflow_removal *x,
		    engine_reply_fn fn, void *arg, struct diag *d)
{
	struct engine_reply reply = {.outcome = ENGINE_OK,
				     .id = arena_str(&e->scratch, w->row.id),
				     .version = (int64_t)w->n_open_runs};
	struct str caller = catalog_workflow_caller(&e->catalog, w);
	if (caller.n) {
		diag_add(d, "",
			 "workflow \"%.*s\" calls workflow \"%.*s\"; change or delete it first",
			 STR_ARG(caller), STR_ARG(w->row.name));
		fn(arg, &(struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = d});
		return;
	}
	if (w->n_open_runs > 0 && !x->cascade && !removal_under_way(w)) {
		diag_add(d, "",
			 "workflow \"%.*s\" has %zu open runs; wait for their end, cancel them "
			 "(drover cancel --workflow %.*s), or delete it with cascade, which "
			 "cancels them and deletes it with the last one",
			 STR_ARG(w->row.name), w->n_open_runs, STR_ARG(w->row.name));
		fn(arg, &(struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = d});
		return;
	}
	if (!removal_under_way(w)) {
		begin_leaving(e, w, x);
		if (w->n_open_runs == 0)
			removal_step(e, w);
	}
	struct asker *asker = ARENA_NEW(pump_arena(&e->pump), struct asker);
	*asker = (struct asker){e, fn, arg};
	emit_reply(e, tell, asker, &reply, (struct str){0});
}

void engine_workflow_delete(struct engine *e, const struct workflow_removal *x, engine_reply_fn fn,
			    void *arg)
{
	struct arena a CLEANUP_ARENA = {0};
	struct diag d;
	diag_init(&d, &a);
	engine_enter(e);
	struct workflow *w = catalog_workflow_by_id(&e->catalog, x->project, x->id);
	if (!w)
		fn(arg, &(struct engine_reply){.outcome = ENGINE_NOT_FOUND});
	else if (e->pump.full)
		fn(arg, &unavailable);
	else
		delete (e, w, x, fn, arg, &d);
	engine_leave(e);
}

/* The newest definition with another status, as a plan; NULL with findings. */
static struct plan *with_status(struct engine *e, const struct workflow *w,
				enum workflow_status status, struct diag *d)
{
	struct arena a CLEANUP_ARENA = {0};
	struct plan *plan = NULL;
	if (!w->plan) {
		diag_add(d, "",
			 "the newest version of workflow \"%.*s\" is not valid in this "
			 "version of drover; save it again",
			 STR_ARG(w->row.name));
		return NULL;
	}
	struct value doc = value_copy(&a, &w->plan->definition);
	value_putz(&a, &doc, "status", value_strz(workflow_status_name(status)));
	/* what is laid away need not fit the agents of today */
	const struct catalog *c = status == WORKFLOW_ARCHIVED ? NULL : &e->catalog;
	return plan_compile(c, w->row.project, &doc, d, &plan) == 0 ? plan : NULL;
}

static void archive(struct engine *e, struct workflow *w, const struct workflow_removal *x,
		    enum workflow_status to, engine_reply_fn fn, void *arg, struct diag *d)
{
	struct engine_reply reply = {.outcome = ENGINE_UNCHANGED, .id = w->row.id};
	bool archived = w->row.status == WORKFLOW_ARCHIVED;
	CLEANUP_PLAN struct plan *plan = NULL;
	if (removal_under_way(w))
		removal_refuse(w, d);
	else if (archived != (to == WORKFLOW_ARCHIVED))
		plan = with_status(e, w, to, d);
	if (!diag_ok(d)) {
		fn(arg, &(struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = d});
		return;
	}
	if (plan) {
		log_event(INFO, archived ? "engine.workflow_restored" : "engine.workflow_archived",
			  LOG_STR("workflow", w->row.name), LOG_STR("by", x->by),
			  LOG_STR("reason", x->reason), LOG_INT("runs", (int64_t)w->n_open_runs));
		workflow_save_plan(e, plan, w);
		reply = (struct engine_reply){.outcome = ENGINE_OK, .id = plan->workflow_id};
	}
	if (x->cascade && to == WORKFLOW_ARCHIVED)
		stop_runs(e, w, "archived", x->by, x->reason);
	reply.version = w->row.version;
	emit_reply(e, fn, arg, &reply, (struct str){0});
}

void engine_workflow_archive(struct engine *e, const struct workflow_removal *x, bool archived,
			     engine_reply_fn fn, void *arg)
{
	struct arena a CLEANUP_ARENA = {0};
	struct diag d;
	diag_init(&d, &a);
	engine_enter(e);
	struct workflow *w = catalog_workflow_by_id(&e->catalog, x->project, x->id);
	if (!w)
		fn(arg, &(struct engine_reply){.outcome = ENGINE_NOT_FOUND});
	else if (e->pump.full)
		fn(arg, &unavailable);
	else
		archive(e, w, x, archived ? WORKFLOW_ARCHIVED : WORKFLOW_ACTIVE, fn, arg, &d);
	engine_leave(e);
}
