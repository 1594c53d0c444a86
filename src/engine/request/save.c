/* Saving and deleting agents and workflows. */
#include "base/limits.h"
#include "engine/admission/admission.h"
#include "engine/admission/breaker.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/retention.h"
#include "engine/request/removal.h"
#include "engine/request/save.h"
#include "engine/schedule.h"
#include "engine/state.h"

enum { RETRY_AFTER_MS = 1000 };

struct request {
	struct engine *engine;
	engine_reply_fn fn;
	void *arg;
	struct arena arena;
	struct diag diag;
};

static void request_open(struct request *q, struct engine *e, engine_reply_fn fn, void *arg)
{
	*q = (struct request){.engine = e, .fn = fn, .arg = arg};
	diag_init(&q->diag, &q->arena);
	engine_enter(e);
}

static void request_close(struct request *q)
{
	arena_free(&q->arena);
	engine_leave(q->engine);
}
#define CLEANUP_REQUEST CLEANUP(request_close)

static void refuse(struct request *q, enum engine_outcome outcome)
{
	q->fn(q->arg, &(struct engine_reply){
			      .outcome = outcome,
			      .diag = q->diag.n ? &q->diag : NULL,
			      .retry_after_ms = outcome == ENGINE_UNAVAILABLE ? RETRY_AFTER_MS : 0,
		      });
}

/* Whether the store takes rows now; refuses the request otherwise. */
static bool store_ready(struct request *q)
{
	if (!q->engine->pump.full)
		return true;
	refuse(q, ENGINE_UNAVAILABLE);
	return false;
}

static void reply(struct request *q, enum engine_outcome outcome, struct str id, int64_t version)
{
	emit_reply(q->engine, q->fn, q->arg,
		   &(struct engine_reply){.outcome = outcome, .id = id, .version = version},
		   (struct str){0});
}

/* ---- agents ---- */

static struct str copy(struct arena *a, struct str s)
{
	return s.n ? arena_str(a, s) : (struct str){0};
}

static void agent_row_emit(struct engine *e, const struct agent *agent)
{
	struct txn *txn = pump_txn(&e->pump);
	struct arena *a = &txn->arena;
	struct agent_row row = agent->row;
	struct capability_row *caps = ARENA_NEW_ARRAY(a, struct capability_row, row.n_capabilities);
	for (size_t i = 0; i < row.n_capabilities; i++)
		caps[i] = (struct capability_row){
			.name = copy(a, row.capabilities[i].name),
			.description = copy(a, row.capabilities[i].description),
			.input_schema = copy(a, row.capabilities[i].input_schema),
			.output_schema = copy(a, row.capabilities[i].output_schema),
			.effect = row.capabilities[i].effect,
			.probe = copy(a, row.capabilities[i].probe),
			.risk_level = row.capabilities[i].risk_level,
		};
	row.capabilities = caps;
	row.id = copy(a, row.id);
	row.project = copy(a, row.project);
	row.name = copy(a, row.name);
	row.version = copy(a, row.version);
	row.description = copy(a, row.description);
	row.entry_path = copy(a, row.entry_path);
	row.command = copy(a, row.command);
	row.limits = copy(a, row.limits);
	row.digest = copy(a, row.digest);
	row.policy = copy(a, row.policy);
	txn_add(txn, TXN_AGENT_PUT)->agent = row;
}

/* The agent that the save replaces, in *ret (NULL = a new one); false when it was refused. */
static bool agent_target(struct request *q, const struct agent_save *save,
			 const struct agent *fresh, struct agent **ret)
{
	const struct catalog *c = &q->engine->catalog;
	struct agent *named = catalog_agent(c, fresh->row.project, fresh->row.name);
	*ret = named;
	if (save->id.n) {
		*ret = catalog_agent_by_id(c, fresh->row.project, save->id);
		if (!*ret) {
			refuse(q, ENGINE_NOT_FOUND);
			return false;
		}
	}
	if (named && (save->id.n ? named != *ret : !save->upsert)) {
		diag_add(&q->diag, "name", "there is an agent \"%.*s\" already",
			 STR_ARG(fresh->row.name));
		refuse(q, ENGINE_CONFLICT);
		return false;
	}
	if (*ret && !str_eq((*ret)->row.name, fresh->row.name)) {
		struct str user = catalog_agent_user(c, *ret);
		if (user.n) {
			diag_add(&q->diag, "name",
				 "cannot change: workflow \"%.*s\" uses agent "
				 "\"%.*s\"",
				 STR_ARG(user), STR_ARG((*ret)->row.name));
			refuse(q, ENGINE_CONFLICT);
			return false;
		}
	}
	return true;
}

static void agent_store(struct request *q, struct agent *fresh, const struct agent *old)
{
	struct engine *e = q->engine;
	char id[ID_TEXT_BYTES];
	if (!old)
		id_make(&e->ids, e->wall_ms, id);
	fresh->row.id = arena_str(&fresh->arena, old ? old->row.id : str_of(id));
	fresh->row.created_ms = old ? old->row.created_ms : e->wall_ms;
	fresh->row.updated_ms = e->wall_ms;
	bool made = !old;
	catalog_agent_put(&e->catalog, fresh);
	breaker_reset(e, fresh->row.project, fresh->row.name);
	admission_agent_changed(e, fresh->row.project, fresh->row.name);
	agent_row_emit(e, fresh);
	reply(q, made ? ENGINE_CREATED : ENGINE_OK, fresh->row.id, 0);
}

void engine_agent_save(struct engine *e, const struct agent_save *save, engine_reply_fn fn,
		       void *arg)
{
	struct request q CLEANUP_REQUEST;
	request_open(&q, e, fn, arg);
	if (!store_ready(&q))
		return;
	struct agent *old, *fresh = agent_compile(save->doc, save->project, &q.diag);
	if (!fresh) {
		refuse(&q, ENGINE_INVALID);
		return;
	}
	fresh->row.builtin = save->builtin;
	fresh->row.digest = copy(&fresh->arena, save->digest);
	if (!agent_target(&q, save, fresh, &old)) {
		agent_unref(fresh);
	} else if (old && agent_same(&old->row, &fresh->row)) {
		agent_unref(fresh);
		reply(&q, ENGINE_UNCHANGED, old->row.id, 0);
	} else {
		agent_store(&q, fresh, old);
	}
}

/* An open run of an older version that has yet to run the agent, or NULL. */
static const struct run *run_user(const struct engine *e, const struct agent *agent)
{
	const struct plan *unused = NULL; /* the last one that was seen not to use it */
	LIST_FOREACH (it, &e->open) {
		const struct run *r = container_of(it, struct run, link);
		bool uses = false;
		if (r->plan == unused || !str_eq(r->plan->project, agent->row.project))
			continue;
		for (uint32_t i = 0; i < r->plan->n_nodes; i++) {
			if (!str_eq(r->plan->nodes[i].agent, agent->row.name))
				continue;
			uses = true;
			if (!node_status_final(r->nodes[i].status))
				return r;
		}
		if (!uses)
			unused = r->plan;
	}
	return NULL;
}

void engine_agent_delete(struct engine *e, struct str project, struct str id, engine_reply_fn fn,
			 void *arg)
{
	struct request q CLEANUP_REQUEST;
	request_open(&q, e, fn, arg);
	if (!store_ready(&q))
		return;
	struct agent *agent = catalog_agent_by_id(&e->catalog, project, id);
	if (!agent) {
		refuse(&q, ENGINE_NOT_FOUND);
		return;
	}
	struct str user = catalog_agent_user(&e->catalog, agent);
	if (user.n) {
		diag_add(&q.diag, "",
			 "workflow \"%.*s\" uses agent \"%.*s\"; change or delete it "
			 "first",
			 STR_ARG(user), STR_ARG(agent->row.name));
		refuse(&q, ENGINE_CONFLICT);
		return;
	}
	const struct run *run = run_user(e, agent);
	if (run) {
		diag_add(&q.diag, "",
			 "run %s (workflow \"%.*s\", version %lld) still needs agent \"%.*s\"; "
			 "wait for its end or cancel it (drover cancel %s)",
			 run->id.text, STR_ARG(run->plan->name), (long long)run->plan->version,
			 STR_ARG(agent->row.name), run->id.text);
		refuse(&q, ENGINE_CONFLICT);
		return;
	}
	struct txn_op *op = txn_add(pump_txn(&e->pump), TXN_AGENT_DELETE);
	op->agent.id = copy(&pump_txn(&e->pump)->arena, agent->row.id);
	op->agent.project = copy(&pump_txn(&e->pump)->arena, agent->row.project);
	breaker_reset(e, agent->row.project, agent->row.name);
	const char *name = arena_dup(&e->scratch, agent->row.name.p, agent->row.name.n);
	catalog_agent_remove(&e->catalog, agent);
	admission_agent_changed(e, project, str_of(name));
	reply(&q, ENGINE_OK, id, 0);
}

/* ---- workflows ---- */

static bool workflow_target(struct request *q, const struct workflow_save *save,
			    const struct plan *plan, struct workflow **ret)
{
	const struct catalog *c = &q->engine->catalog;
	struct workflow *named = catalog_workflow(c, plan->project, plan->name);
	*ret = named;
	if (save->id.n) {
		*ret = catalog_workflow_by_id(c, plan->project, save->id);
		if (!*ret) {
			refuse(q, ENGINE_NOT_FOUND);
			return false;
		}
	}
	if (named && (save->id.n ? named != *ret : !save->upsert)) {
		diag_add(&q->diag, "name", "there is a workflow \"%.*s\" already",
			 STR_ARG(plan->name));
		refuse(q, ENGINE_CONFLICT);
		return false;
	}
	if (*ret && !str_eq((*ret)->row.name, plan->name)) {
		struct str caller = catalog_workflow_caller(c, *ret);
		if (caller.n) {
			diag_add(&q->diag, "name",
				 "cannot change: workflow \"%.*s\" calls workflow \"%.*s\"",
				 STR_ARG(caller), STR_ARG((*ret)->row.name));
			refuse(q, ENGINE_CONFLICT);
			return false;
		}
	}
	if (*ret && removal_under_way(*ret)) {
		removal_refuse(*ret, &q->diag);
		refuse(q, ENGINE_CONFLICT);
		return false;
	}
	return true;
}

static void version_emit(struct engine *e, const struct plan *plan)
{
	struct txn *txn = pump_txn(&e->pump);
	struct arena *a = &txn->arena;
	struct workflow_node_row *rows =
		ARENA_NEW_ARRAY(a, struct workflow_node_row, plan->n_nodes);
	for (size_t i = 0; i < plan->n_nodes; i++)
		rows[i] = (struct workflow_node_row){
			.node_id = copy(a, plan->nodes[i].id),
			.agent = copy(a, plan->nodes[i].agent),
			.action = copy(a, plan->nodes[i].action),
		};
	txn_add(txn, TXN_VERSION_ADD)->version = (struct version_row){
		.workflow_id = copy(a, plan->workflow_id),
		.version = plan->version,
		.definition = copy(a, plan->definition_json),
		.sha256 = copy(a, str_of(plan->sha256)),
		.created_ms = e->wall_ms,
		.nodes = rows,
		.n_nodes = plan->n_nodes,
	};
}

void workflow_emit(struct engine *e, const struct workflow_row *row)
{
	struct txn *txn = pump_txn(&e->pump);
	struct workflow_row r = *row;
	r.id = copy(&txn->arena, row->id);
	r.project = copy(&txn->arena, row->project);
	r.name = copy(&txn->arena, row->name);
	r.description = copy(&txn->arena, row->description);
	r.pause = copy(&txn->arena, row->pause);
	r.deleting = copy(&txn->arena, row->deleting);
	txn_add(txn, TXN_WORKFLOW_PUT)->workflow = r;
}

void workflow_save_plan(struct engine *e, struct plan *plan, const struct workflow *old)
{
	char id[ID_TEXT_BYTES];
	if (!old)
		id_make(&e->ids, e->wall_ms, id);
	plan->workflow_id = arena_str(&plan->arena, old ? old->row.id : str_of(id));
	plan->version = old ? old->row.version + 1 : 1;
	struct workflow_row row = {
		.id = plan->workflow_id,
		.project = plan->project,
		.name = plan->name,
		.description = plan->description,
		.status = plan->status,
		.version = plan->version,
		.pause = old ? copy(&e->scratch, old->row.pause) : (struct str){0},
		.created_ms = old ? old->row.created_ms : e->wall_ms,
		.updated_ms = e->wall_ms,
	};
	catalog_workflow_put(&e->catalog, &row, plan_ref(plan));
	workflow_emit(e, &row);
	version_emit(e, plan);
	struct workflow *w = catalog_workflow_by_id(&e->catalog, plan->project, plan->workflow_id);
	schedule_sync(e, w);
	gate_workflow_saved(e, w);
	retention_changed(e);
}

static void workflow_store(struct request *q, struct plan *plan, const struct workflow *old)
{
	bool made = !old;
	workflow_save_plan(q->engine, plan, old);
	reply(q, made ? ENGINE_CREATED : ENGINE_OK, plan->workflow_id, plan->version);
}

void engine_workflow_save(struct engine *e, const struct workflow_save *save, engine_reply_fn fn,
			  void *arg)
{
	struct request q CLEANUP_REQUEST;
	struct workflow *old;
	request_open(&q, e, fn, arg);
	if (!store_ready(&q))
		return;
	CLEANUP_PLAN struct plan *plan = NULL;
	if (plan_compile(&e->catalog, save->project, save->doc, &q.diag, &plan) != 0) {
		refuse(&q, ENGINE_INVALID);
		return;
	}
	if (!workflow_target(&q, save, plan, &old))
		return;
	if (old && old->plan && strcmp(old->plan->sha256, plan->sha256) == 0)
		reply(&q, ENGINE_UNCHANGED, old->row.id, old->row.version);
	else
		workflow_store(&q, plan, old);
}

void engine_workflow_check(struct engine *e, struct str project, const struct value *doc,
			   engine_reply_fn fn, void *arg)
{
	struct request q CLEANUP_REQUEST;
	request_open(&q, e, fn, arg);
	CLEANUP_PLAN struct plan *plan = NULL;
	int r = plan_compile(&e->catalog, project, doc, &q.diag, &plan);
	if (r == 0)
		fn(arg,
		   &(struct engine_reply){.outcome = ENGINE_OK, .json = plan->definition_json});
	else
		refuse(&q, ENGINE_INVALID);
}
