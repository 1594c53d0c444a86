#include "engine/request/move.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/mem.h"
#include "engine/run/approval.h"
#include "engine/run/deadline.h"
#include "engine/request/diff.h"
#include "engine/run/doubt.h"
#include "engine/run/doubt.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/run/pause.h"
#include "engine/run/run.h"
#include "engine/request/trigger.h"
#include "json/parse.h"

enum { RETRY_AFTER_MS = 1000, SHOWN_FIELDS = 5 };

struct move {
	struct engine *engine;
	const struct run_move *ask;
	struct run *run;
	struct plan *plan;		/* to which it moves */
	int64_t *places;		/* [index now] -> index in plan, or -1 */
	const struct node_row **stored; /* [index now] of what ended, as the caller read it */
	struct arena arena;
	struct diag diag;
};

static void move_close(struct move *x)
{
	plan_unref(x->plan);
	arena_free(&x->arena);
	engine_leave(x->engine);
}
#define CLEANUP_MOVE CLEANUP(move_close)

/* A plan that the run had: rows borrow its text, and node ids live as long as the run. */
struct past {
	struct list link; /* run.past */
	struct plan *plan;
};

void move_forget(struct run *r)
{
	struct list *link;
	while ((link = list_pop_front(&r->past))) {
		struct past *p = container_of(link, struct past, link);
		plan_unref(p->plan);
		free(p);
	}
}

/* ---- whether it may ---- */

/* The plan to move to, a reference in x->plan. */
static bool find_plan(struct move *x)
{
	const struct version_row *to = x->ask->to;
	const struct plan *now = x->run->plan;
	const struct workflow *w = x->run->workflow;
	struct value doc;
	if (w && w->plan && w->plan->version == to->version) {
		x->plan = plan_ref(w->plan);
		return true;
	}
	if (json_parse(&x->arena, to->definition, JSON_DEFAULT, &doc, NULL) != 0) {
		diag_add(&x->diag, "version", "is not JSON in the store");
		return false;
	}
	if (plan_compile(NULL, now->project, &doc, &x->diag, &x->plan) != 0)
		return false;
	x->plan->workflow_id = arena_str(&x->plan->arena, now->workflow_id);
	x->plan->version = to->version;
	return true;
}

static const struct value *definition_of(const struct plan *p, int64_t index)
{
	return &value_getz(&p->definition, "nodes")->items[index];
}

/* It ended, runs, waits or is queued; what waits for people has not, as nobody decided. */
static bool has_begun(const struct node *n)
{
	return n->attempts > 0 || (n->status != NODE_PENDING && n->status != NODE_WAITING_APPROVAL);
}

static bool same_dependencies(const struct move *x, int64_t from, int64_t to)
{
	const struct plan *old = x->run->plan, *new = x->plan;
	const struct plan_node *a = &old->nodes[from], *b = &new->nodes[to];
	CLEANUP_MAP struct map ids = {0};
	if (a->n_depends != b->n_depends)
		return false;
	for (uint32_t k = 0; k < a->n_depends; k++)
		map_put(&ids, old->nodes[a->depends[k]].id, x->run);
	for (uint32_t k = 0; k < b->n_depends; k++)
		if (!map_get(&ids, new->nodes[b->depends[k]].id))
			return false;
	return true;
}

/* Whether a node that has begun may differ in this field. */
static bool is_free(const struct move *x, struct str field, int64_t from, int64_t to)
{
	static const char *const fields[] = {"description", "timeout", "timeouts",
					     "heartbeat",   "retry",   "limits"};
	size_t n = 0;
	while (n < field.n && field.p[n] != '.' && field.p[n] != '[')
		n++;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eqz(str_n(field.p, n), fields[i]))
			return true;
	return str_eqz(field, "dependsOn") && same_dependencies(x, from, to);
}

static const char *path_of(struct move *x, uint32_t index)
{
	return arena_printf(&x->arena, "nodes.%.*s", STR_ARG(x->run->plan->nodes[index].id));
}

static void judge_fields(struct move *x, uint32_t from, int64_t to)
{
	CLEANUP_BUF struct buf names = {0};
	size_t n = 0;
	struct value fields = diff_fields(&x->arena, definition_of(x->run->plan, from),
					  definition_of(x->plan, to));
	for (uint32_t i = 0; i < fields.n; i++) {
		struct str field = value_text(value_getz(&fields.items[i], "field"));
		if (is_free(x, field, from, to) || n++ >= SHOWN_FIELDS)
			continue;
		buf_printf(&names, "%s%.*s", names.n ? ", " : "", STR_ARG(field));
	}
	if (n > 0)
		diag_add(&x->diag, path_of(x, from),
			 "is %s in this run, and version %lld has it otherwise: %.*s%s",
			 node_status_name(x->run->nodes[from].status), (long long)x->plan->version,
			 STR_ARG(buf_str(&names)), n > SHOWN_FIELDS ? ", …" : "");
}

static void judge_node(struct move *x, uint32_t index)
{
	const struct node *n = &x->run->nodes[index];
	if (n->approval && n->approval->status != APPROVAL_PENDING)
		diag_add(&x->diag, path_of(x, index),
			 "was approved for version %lld and has not ended; wait for its end",
			 (long long)x->run->plan->version);
	else if (has_begun(n) && x->places[index] < 0)
		diag_add(&x->diag, path_of(x, index),
			 "is %s in this run, and version %lld has no such node",
			 node_status_name(n->status), (long long)x->plan->version);
	else if (has_begun(n))
		judge_fields(x, index, x->places[index]);
}

/* The run as a whole: its context and its time. */
static void judge_run(struct move *x)
{
	const struct run *r = x->run;
	struct value context;
	int64_t now_ms = r->pause ? r->pause->at_ms : x->engine->wall_ms;
	int64_t left_ms = r->started_ms + r->paused_ms + x->plan->timeout_ms - now_ms;
	if (json_parse(&x->arena, r->context, JSON_DEFAULT, &context, NULL) == 0)
		trigger_judge_context(x->plan, &context, &x->diag);
	if (r->status != RUN_PENDING && x->plan->timeout_ms > 0 && left_ms <= 0)
		diag_add(&x->diag, "timeout",
			 "of version %lld is over already: the run would end at once",
			 (long long)x->plan->version);
}

/* A template asks for it, or the run's caller gets the outputs of all nodes. */
static bool needs_output(const struct move *x, int64_t to)
{
	return x->plan->nodes[to].keep_output || (x->run->called && !x->plan->output);
}

/* What ended must be in what the caller read, where its output is needed. */
static bool is_stale(struct move *x)
{
	const struct run_detail *d = x->ask->stored;
	const struct run *r = x->run;
	if (d->run.workflow_version != r->plan->version)
		return true;
	for (size_t i = 0; i < d->n_nodes; i++)
		if (d->nodes[i].index >= 0 && (size_t)d->nodes[i].index < r->n_nodes)
			x->stored[d->nodes[i].index] = &d->nodes[i];
	for (uint32_t i = 0; i < r->n_nodes; i++) {
		const struct node_row *row = x->stored[i];
		if (row && (!node_status_final(row->status) ||
			    !str_eq(row->node_id, r->plan->nodes[i].id)))
			x->stored[i] = row = NULL;
		if (!row && x->places[i] >= 0 && needs_output(x, x->places[i]) &&
		    node_status_final(r->nodes[i].status) && !r->nodes[i].output)
			return true;
	}
	return false;
}

/* Items stand behind the nodes of the plan and in the row of their node: they hold it there. */
static bool has_items(struct move *x)
{
	const struct run *r = x->run;
	for (uint32_t i = 0; i < r->plan->n_nodes; i++)
		if (r->nodes[i].each)
			diag_add(&x->diag, path_of(x, i),
				 "has begun its items; such a run stays with its version");
	return !diag_ok(&x->diag);
}

static enum engine_outcome judge(struct move *x)
{
	struct run *r = x->run;
	if (run_status_final(r->status))
		return ENGINE_STALE;
	if (r->stopping != STOP_NONE) {
		diag_add(&x->diag, "", "the run is being stopped");
		return ENGINE_CONFLICT;
	}
	if (r->plan->version == x->ask->to->version) {
		diag_add(&x->diag, "version", "the run has version %lld already",
			 (long long)r->plan->version);
		return ENGINE_CONFLICT;
	}
	if (has_items(x) || !find_plan(x))
		return ENGINE_CONFLICT;
	x->places = ARENA_NEW_ARRAY(&x->arena, int64_t, r->n_nodes + 1);
	x->stored = ARENA_NEW_ARRAY(&x->arena, const struct node_row *, r->n_nodes + 1);
	for (uint32_t i = 0; i < r->n_nodes; i++)
		x->places[i] = plan_find(x->plan, r->plan->nodes[i].id);
	if (is_stale(x))
		return ENGINE_STALE;
	for (uint32_t i = 0; i < r->n_nodes; i++)
		judge_node(x, i);
	judge_run(x);
	return diag_ok(&x->diag) ? ENGINE_OK : ENGINE_CONFLICT;
}

/* ---- what it means ---- */

enum group { KEPT, ASKS_AGAIN, CHANGED, REMOVED, N_GROUPS };

static enum group group_of(struct move *x, uint32_t index)
{
	const struct node *n = &x->run->nodes[index];
	if (x->places[index] < 0)
		return REMOVED;
	if (has_begun(n))
		return KEPT;
	if (n->status == NODE_WAITING_APPROVAL)
		return ASKS_AGAIN;
	return value_equal(definition_of(x->run->plan, index),
			   definition_of(x->plan, x->places[index]))
		       ? N_GROUPS
		       : CHANGED;
}

static void put_added(struct move *x, struct json_out *o)
{
	json_out_key(o, "added");
	json_out_array(o);
	for (size_t i = 0; i < x->plan->n_nodes; i++)
		if (plan_find(x->run->plan, x->plan->nodes[i].id) < 0)
			json_out_str(o, x->plan->nodes[i].id);
	json_out_end(o);
}

static struct str describe(struct move *x)
{
	static const char *const names[N_GROUPS] = {
		[KEPT] = "kept",
		[ASKS_AGAIN] = "asksAgain",
		[CHANGED] = "changed",
		[REMOVED] = "removed",
	};
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "from");
	json_out_int(&o, x->run->plan->version);
	json_out_key(&o, "to");
	json_out_int(&o, x->plan->version);
	for (int g = 0; g < N_GROUPS; g++) {
		json_out_key(&o, names[g]);
		json_out_array(&o);
		for (uint32_t i = 0; i < x->run->n_nodes; i++)
			if (group_of(x, i) == (enum group)g)
				json_out_str(&o, x->run->plan->nodes[i].id);
		json_out_end(&o);
	}
	put_added(x, &o);
	json_out_end(&o);
	return arena_str(&x->arena, buf_str(&text));
}

/* ---- moving ---- */

/* What was asked in the old version is void; its node is as if it had not been asked. */
static void void_questions(struct move *x)
{
	struct run *r = x->run;
	for (uint32_t i = 0; i < r->n_nodes; i++) {
		if (!r->nodes[i].approval)
			continue;
		approval_void(r->nodes[i].approval, STR("the run was moved to another version"));
		r->nodes[i].status = NODE_PENDING;
	}
}

/* What hangs on a node knows its index. */
static void set_index(struct node *n, uint32_t index)
{
	if (n->attempt)
		n->attempt->index = index;
	if (n->wait)
		n->wait->index = index;
	if (n->doubt)
		n->doubt->index = index;
	if (n->child)
		n->child->index = index;
	ASSERT(!n->approval && !n->each && n->next_settled == 0);
}

static char *kept_output(const struct node_row *row, uint32_t *ret_n)
{
	*ret_n = (uint32_t)row->output.n;
	return mem_dup(row->output.p, row->output.n);
}

static void carry(struct move *x, struct node *fresh)
{
	const struct run *r = x->run;
	for (uint32_t i = 0; i < r->n_nodes; i++) {
		int64_t to = x->places[i];
		if (to < 0 || !has_begun(&r->nodes[i]))
			continue;
		struct node *n = &fresh[to];
		*n = r->nodes[i];
		n->counts = (struct join_counts){0};
		set_index(n, (uint32_t)to);
		if (!n->output && needs_output(x, to) && x->stored[i] && x->stored[i]->output.n)
			n->output = kept_output(x->stored[i], &n->output_n);
	}
}

/* The counters of the run and of each node's dependencies, from the nodes. */
static void count(struct run *r)
{
	r->n_unfinished = r->n_failed = 0;
	for (uint32_t i = 0; i < r->n_nodes; i++)
		r->nodes[i].counts.n = r->plan->nodes[i].n_depends;
	for (uint32_t i = 0; i < r->n_nodes; i++) {
		const struct node *n = &r->nodes[i];
		const struct plan_node *pn = &r->plan->nodes[i];
		if (!node_status_final(n->status)) {
			r->n_unfinished++;
			continue;
		}
		r->n_failed += n->end == JOIN_END_FAILED;
		for (uint32_t k = 0; k < pn->n_dependents; k++)
			join_count(&r->nodes[pn->dependents[k]].counts, n->end);
	}
}

static void swap_plans(struct move *x)
{
	struct run *r = x->run;
	struct past *past = NEW0(struct past);
	struct node *fresh = mem_new0((x->plan->n_nodes + 1) * sizeof(*fresh));
	carry(x, fresh);
	past->plan = r->plan;
	list_push_back(&r->past, &past->link);
	free(r->nodes);
	r->nodes = fresh;
	r->n_nodes = (uint32_t)x->plan->n_nodes;
	r->plan = plan_ref(x->plan);
	count(r);
	for (uint32_t i = 0; i < r->n_nodes; i++)
		if (r->nodes[i].attempt)
			deadline_arm(r->nodes[i].attempt); /* others may hold now */
	timer_disarm(&x->engine->timers, &r->limit);
	run_arm(r);
}

static void emit_moved(struct move *x, int64_t from)
{
	struct run *r = x->run;
	txn_add(pump_txn(&x->engine->pump), TXN_RUN_MOVE)->run = (struct run_row){
		.id = ID_STR(r->id),
		.workflow_id = r->plan->workflow_id,
		.workflow_version = r->plan->version,
	};
	struct json_out o = emit_event_begin(x->engine);
	json_out_key(&o, "from");
	json_out_int(&o, from);
	json_out_key(&o, "to");
	json_out_int(&o, r->plan->version);
	if (x->ask->by.n) {
		json_out_key(&o, "by");
		json_out_str(&o, x->ask->by);
	}
	if (x->ask->reason.n) {
		json_out_key(&o, "reason");
		json_out_str(&o, x->ask->reason);
	}
	emit_event_end(r, "run.moved", &o);
}

static void go(struct move *x)
{
	struct run *r = x->run;
	ASSERT(r->settled_first == 0);
	int64_t from = r->plan->version;
	pump_turn(&x->engine->pump);
	void_questions(x);
	swap_plans(x);
	emit_moved(x, from);
	run_begin(r);
	run_settle(r);
}

/* Moves, unless it is a plan. */
static void fill_reply(struct move *x, struct engine_reply *reply)
{
	struct str json = describe(x);
	reply->version = x->plan->version;
	reply->id = ID_STR(x->run->id);
	if (!x->ask->plan)
		go(x);
	reply->status = x->run->status;
	reply->json = arena_str(pump_arena(&x->engine->pump), json);
}

void engine_run_move(struct engine *e, const struct run_move *ask, engine_reply_fn fn, void *arg)
{
	struct move x CLEANUP_MOVE = {.engine = e, .ask = ask};
	engine_enter(e);
	diag_init(&x.diag, &x.arena);
	struct engine_reply reply = {.outcome = ENGINE_NOT_FOUND};
	x.run = map_get(&e->runs, ask->stored->run.id);
	if (x.run && str_eq(x.run->plan->project, ask->project)) {
		reply.outcome = e->pump.full && !ask->plan ? ENGINE_UNAVAILABLE : judge(&x);
		reply.diag = x.diag.n ? &x.diag : NULL;
		reply.retry_after_ms = reply.outcome == ENGINE_UNAVAILABLE ? RETRY_AFTER_MS : 0;
	}
	if (reply.outcome == ENGINE_OK)
		fill_reply(&x, &reply);
	if (reply.outcome == ENGINE_STALE || (reply.outcome == ENGINE_OK && !ask->plan))
		emit_reply(e, fn, arg, &reply, (struct str){0});
	else
		fn(arg, &reply);
}
