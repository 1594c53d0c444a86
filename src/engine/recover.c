#include "engine/recover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/run/child.h"
#include "engine/run/deadline.h"
#include "engine/run/doubt.h"
#include "engine/run/each.h"
#include "engine/emit.h"
#include "engine/admission/gate.h"
#include "engine/run/node.h"
#include "engine/run/pause.h"
#include "engine/run/progress.h"
#include "engine/request/removal.h"
#include "engine/run/run.h"
#include "engine/schedule.h"
#include "engine/run/signal.h"
#include "engine/run/wait.h"
#include "json/parse.h"

enum { LIST_MOST = 1 << 30 };

/* An attempt that was not final, to be driven once all runs are there; or, when it is final, that
 * of an UNKNOWN node, whose history counts when it runs again. */
struct pending {
	struct run *run;
	uint32_t index;
	struct attempt_row row; /* id in the arena; other text is not kept */
	struct pending *next;
};

struct recovery {
	struct engine *engine;
	struct store_reader *reader;
	struct store_reader *lookup; /* for reads while the first one is iterating */
	struct arena arena;
	struct map plans; /* "id:version" -> struct plan, of versions that are not the newest */
	struct pending *first, **last;
	size_t n_pending;
};

static void recovery_close(struct recovery *x)
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(&x->plans, &at, &key, &p))
		plan_unref(p);
	map_free(&x->plans);
	arena_free(&x->arena);
	if (x->reader)
		x->reader->ops->reader_free(x->reader);
	if (x->lookup)
		x->lookup->ops->reader_free(x->lookup);
}

static int as_fault(int r)
{
	return r <= 0 ? r : 0;
}

static int read_agents(struct recovery *x)
{
	struct arena a CLEANUP_ARENA = {0};
	struct agent_row *rows = NULL;
	size_t n = 0;
	int r = x->reader->ops->agent_list(x->reader, &a, (struct str){0},
					   &(struct store_page){.limit = LIST_MOST}, &rows, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct agent *agent = agent_from_row(&rows[i]);
		if (agent)
			catalog_agent_put(&x->engine->catalog, agent);
		else
			log_event(WARN, "engine.agent_unreadable", LOG_STR("agent", rows[i].name),
				  LOG_STR("project", rows[i].project));
	}
	return as_fault(r);
}

/* The plan of a version as it was saved; NULL with *ret_why when it can't be used. */
static struct plan *read_plan(struct recovery *x, struct str project, struct str workflow_id,
			      int64_t version, const char **ret_why, int *ret_fault)
{
	struct arena a CLEANUP_ARENA = {0};
	struct version_row row;
	struct value doc;
	struct diag d;
	struct plan *plan = NULL;
	diag_init(&d, &a);
	int r = x->lookup->ops->version_get(x->lookup, &a, workflow_id, version, &row);
	*ret_fault = r == -EUCLEAN ? 0 : as_fault(r);
	if (r != 0) {
		*ret_why = r == -EUCLEAN ? "the workflow version is damaged in the database"
					 : "the workflow version is not in the store";
	} else if (json_parse(&a, row.definition, JSON_DEFAULT, &doc, NULL) != 0) {
		*ret_why = "the workflow version is not JSON";
	} else if (plan_compile(NULL, project, &doc, &d, &plan) != 0) {
		*ret_why = arena_printf(&x->arena, "the workflow version is not valid: %s: %s",
					d.findings[0].path, d.findings[0].message);
	} else {
		plan->workflow_id = arena_str(&plan->arena, workflow_id);
		plan->version = row.version;
	}
	return plan;
}

static int read_workflows(struct recovery *x)
{
	struct arena a CLEANUP_ARENA = {0};
	struct workflow_row *rows = NULL;
	size_t n = 0;
	int r = x->reader->ops->workflow_list(x->reader, &a, (struct str){0},
					      &(struct store_page){.limit = LIST_MOST}, &rows, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *why = "";
		int fault = 0;
		struct plan *plan = read_plan(x, rows[i].project, rows[i].id, 0, &why, &fault);
		if (fault)
			return fault;
		if (!plan)
			log_event(WARN, "engine.workflow_unreadable",
				  LOG_STR("workflow", rows[i].name), LOG_Z("why", why));
		catalog_workflow_put(&x->engine->catalog, &rows[i], plan);
	}
	return as_fault(r);
}

/* The plan that a run is pinned to, borrowed. */
static struct plan *find_plan(struct recovery *x, const struct run_row *run, struct workflow *w,
			      const char **ret_why, int *ret_fault)
{
	if (w->plan && w->plan->version == run->workflow_version)
		return w->plan;
	char key[64 + ID_TEXT_BYTES];
	int n = snprintf(key, sizeof(key), "%.*s:%lld", ID_TEXT_BYTES, run->workflow_id.p,
			 (long long)run->workflow_version);
	struct plan *plan = map_get(&x->plans, str_n(key, (size_t)n));
	if (plan)
		return plan;
	plan = read_plan(x, run->project, run->workflow_id, run->workflow_version, ret_why,
			 ret_fault);
	if (plan)
		map_put(&x->plans, str_n(key, (size_t)n), plan);
	return plan;
}

/* ---- quarantine ---- */

static void quarantined_effect(void *ctx, struct txn *txn, void *arg UNUSED, int64_t op)
{
	struct engine *e = ctx;
	e->config.on_run_end(e->config.watcher, &txn->ops[op].run);
}

static void quarantine_attempts(struct engine *e, const struct open_run *open, struct str error)
{
	struct txn *txn = pump_txn(&e->pump);
	for (size_t i = 0; i < open->n_attempts; i++) {
		struct attempt_row row = open->attempts[i];
		row.id = arena_str(&txn->arena, row.id);
		row.run_id = arena_str(&txn->arena, row.run_id);
		row.project = arena_str(&txn->arena, row.project);
		row.node_id = arena_str(&txn->arena, row.node_id);
		row.agent = arena_str(&txn->arena, row.agent);
		row.action = arena_str(&txn->arena, row.action);
		row.input = arena_str(&txn->arena, row.input);
		row.output = (struct str){0};
		row.status = ATTEMPT_FAILED;
		row.error = error;
		row.finished_ms = e->wall_ms;
		txn_add(txn, TXN_ATTEMPT_SET)->attempt = row;
	}
}

static void quarantine_approvals(struct engine *e, const struct open_run *open)
{
	struct txn *txn = pump_txn(&e->pump);
	for (size_t i = 0; i < open->n_approvals; i++) {
		const struct approval_row *row = &open->approvals[i];
		if (row->status != APPROVAL_PENDING)
			continue;
		txn_add(txn, TXN_APPROVAL_SET)->approval = (struct approval_row){
			.id = arena_str(&txn->arena, row->id),
			.status = APPROVAL_EXPIRED,
			.responses = arena_str(&txn->arena, row->responses),
			.notes = STR("the run was quarantined"),
			.responded_ms = e->wall_ms,
		};
	}
}

/* Ends a run that can't go on; nothing else is touched. */
static void quarantine(struct engine *e, const struct open_run *open, const char *why)
{
	struct txn *txn = pump_txn(&e->pump);
	struct str error = emit_error(e, "quarantined", str_of(why), (struct str){0}, false);
	struct run_row row = open->run;
	quarantine_attempts(e, open, error);
	quarantine_approvals(e, open);
	row.id = arena_str(&txn->arena, row.id);
	row.project = arena_str(&txn->arena, row.project);
	row.workflow_id = arena_str(&txn->arena, row.workflow_id);
	row.workflow_name = arena_str(&txn->arena, row.workflow_name);
	row.trigger = arena_str(&txn->arena, row.trigger);
	row.context = (struct str){0};
	row.parent_run_id = row.caller_run_id = row.caller_node = (struct str){0};
	row.pause = row.concurrency_key = (struct str){0};
	row.status = RUN_FAILED;
	row.error = error;
	row.finished_ms = e->wall_ms;
	struct json_out o = emit_event_begin(e);
	json_out_key(&o, "status");
	json_out_strz(&o, "FAILED");
	json_out_key(&o, "error");
	json_out_raw(&o, error);
	json_out_end(&o);
	txn_add(txn, TXN_EVENT_ADD)->event = (struct event_row){
		.run_id = row.id,
		.seq = open->last_event_seq + 1,
		.time_ms = e->wall_ms,
		.type = STR("run.finished"),
		.data = arena_str(&txn->arena, buf_str(&e->text)),
	};
	txn_add(txn, TXN_RUN_SET)->run = row;
	if (e->config.on_run_end)
		pump_effect(&e->pump, quarantined_effect, NULL, (int64_t)txn->n_ops - 1);
	log_event(ERROR, "run.quarantined", LOG_STR("run_id", row.id), LOG_Z("why", why));
}

/* ---- runs ---- */

/* Why the rows make no sense for the plan, or NULL. */
static bool approval_fits(const struct each_rows *rows, const struct approval_row *p)
{
	return p->id.n == ID_TEXT_BYTES - 1 && p->sha256.n == SHA256_HEX_BYTES - 1 &&
	       each_rows_node(rows, p->node_index, p->node_id, p->status == APPROVAL_PENDING);
}

/* Every node that waits is asked for once; one that was approved has its attempt. `seen` holds the
 * nodes that ended, sleep or have an attempt. What was denied or void is history: the run may have
 * moved to a version without the node. */
static bool approvals_fit(const struct each_rows *rows, const struct open_run *open,
			  const bool *seen, struct arena *a)
{
	uint32_t *asked = ARENA_NEW_ARRAY(a, uint32_t, rows->n_nodes);
	for (size_t i = 0; i < open->n_approvals; i++) {
		const struct approval_row *p = &open->approvals[i];
		if (p->status != APPROVAL_PENDING && p->status != APPROVAL_APPROVED)
			continue;
		if (!approval_fits(rows, p) || asked[p->node_index]++)
			return false;
		if ((p->status == APPROVAL_PENDING) == seen[p->node_index])
			return false;
	}
	for (size_t i = 0; i < open->n_nodes; i++)
		if (open->nodes[i].status == NODE_WAITING_APPROVAL && !asked[open->nodes[i].index])
			return false;
	return true;
}

/* Whether it is the row of a node that was left in doubt, or runs again after it was. */
static bool doubted_row(const struct each_rows *rows, const struct node_row *n)
{
	const struct plan_node *pn = each_rows_node(rows, n->index, n->node_id, true);
	bool expanded = n->index < (int64_t)rows->plan->n_nodes && pn && each_row_fits(pn, n);
	return (n->status == NODE_QUEUED || n->status == NODE_RUNNING) && pn &&
	       !plan_node_waits(pn) && !pn->workflow.n && !expanded;
}

/* Such a node has an attempt, which is a probe when the doubt is still there. */
static bool doubts_fit(const struct each_rows *rows, const struct open_run *open, const bool *seen,
		       struct arena *a)
{
	bool *probed = ARENA_NEW_ARRAY(a, bool, rows->n_nodes);
	for (size_t i = 0; i < open->n_nodes; i++) {
		const struct node_row *n = &open->nodes[i];
		if (!doubted_row(rows, n))
			continue;
		if (!seen[n->index])
			return false;
		probed[n->index] = doubt_row_fits(n);
	}
	for (size_t i = 0; i < open->n_attempts; i++)
		if (open->attempts[i].probe != probed[open->attempts[i].node_index])
			return false;
	return true;
}

static bool node_fits(const struct each_rows *rows, const struct node_row *n)
{
	bool live = !node_status_final(n->status);
	const struct plan_node *pn = each_rows_node(rows, n->index, n->node_id, live);
	if (!pn || !live || n->status == NODE_WAITING_APPROVAL)
		return pn != NULL;
	return (n->status == NODE_UNKNOWN && doubt_row_fits(n)) || doubted_row(rows, n) ||
	       wait_row_fits(pn, n) || child_row_fits(pn, n) || each_row_fits(pn, n);
}

static const char *judge_rows(const struct each_rows *rows, const struct open_run *open,
			      struct arena *a)
{
	bool *seen = ARENA_NEW_ARRAY(a, bool, rows->n_nodes);
	if (open->run.id.n != ID_TEXT_BYTES - 1 || open->last_event_seq < 0)
		return "the run's row is damaged";
	for (size_t i = 0; i < open->n_nodes; i++) {
		const struct node_row *n = &open->nodes[i];
		if (!node_fits(rows, n) || seen[n->index])
			return "a node's row does not fit the workflow";
		seen[n->index] = n->status != NODE_WAITING_APPROVAL && !doubted_row(rows, n);
	}
	for (size_t i = 0; i < open->n_attempts; i++) {
		const struct attempt_row *t = &open->attempts[i];
		if (!each_rows_node(rows, t->node_index, t->node_id, true) || seen[t->node_index] ||
		    attempt_status_final(t->status) || t->id.n != ID_TEXT_BYTES - 1 ||
		    t->attempt < 1 || t->attempt > INT32_MAX)
			return "an attempt's row does not fit the workflow";
		seen[t->node_index] = true;
	}
	if (!doubts_fit(rows, open, seen, a))
		return "an attempt is missing, or is none that the node's row tells of";
	if (open->run.status == RUN_PENDING && open->n_attempts > 0)
		return "a run that waits for its start has attempts";
	if (!approvals_fit(rows, open, seen, a))
		return "an approval's row does not fit the workflow";
	return NULL;
}

static struct pending *add_pending(struct recovery *x, struct run *r, int64_t index)
{
	struct pending *p = ARENA_NEW(&x->arena, struct pending);
	p->run = r;
	p->index = (uint32_t)index;
	*x->last = p;
	x->last = &p->next;
	x->n_pending++;
	return p;
}

static void restore_doubted(struct recovery *x, struct run *r, const struct node_row *row)
{
	doubt_recover(r, (uint32_t)row->index, row);
	if (row->status != NODE_UNKNOWN)
		return;
	struct pending *p = add_pending(x, r, row->index);
	p->row.status = ATTEMPT_FAILED;
	p->row.attempt = row->attempt;
}

static void restore(struct recovery *x, const struct open_run *open, const struct each_rows *rows,
		    struct plan *plan, struct workflow *w)
{
	const struct run_row *row = &open->run;
	struct run *r = run_new(x->engine, plan, w, row->id, row->context, row->trigger);
	bool stopped = row->status == RUN_PENDING && row->stopping != STOP_NONE;
	r->status = stopped ? RUN_RUNNING : row->status;
	r->priority = row->priority;
	gate_restore(r, row->concurrency_key);
	r->stopping = row->stopping;
	r->created_ms = row->created_ms;
	r->started_ms = row->started_ms;
	r->called = row->caller_run_id.n > 0;
	r->depth = row->depth;
	r->waited_ms = row->waited_ms;
	r->waiting_since_ms = row->waiting_since_ms;
	r->n_events = open->last_event_seq;
	pause_recover(r, row->pause);
	schedule_run_recovered(r);
	each_restore(r, rows);
	for (size_t i = 0; i < open->n_signals; i++)
		signal_recover(r, &open->signals[i]);
	for (size_t i = 0; i < open->n_nodes; i++) {
		const struct node_row *n = &open->nodes[i];
		if (n->status == NODE_WAITING_APPROVAL)
			continue;
		r->nodes[n->index].attempts = (uint32_t)n->attempt;
		r->nodes[n->index].started_ms = n->started_ms;
		r->nodes[n->index].copied = n->copied_from.n > 0;
		if (child_row_is(run_plan_node(r, (uint32_t)n->index), n))
			node_set_detail(&r->nodes[n->index], n->detail);
		if (node_status_final(n->status))
			node_restore(r, (uint32_t)n->index, n->status, n->output, n->error);
		else if (r->nodes[n->index].each)
			r->nodes[n->index].status = NODE_RUNNING;
		else if (run_plan_node(r, (uint32_t)n->index)->workflow.n)
			child_recover(r, (uint32_t)n->index, n);
		else if (n->status == NODE_UNKNOWN || doubted_row(rows, n))
			restore_doubted(x, r, n);
		else
			wait_recover(r, (uint32_t)n->index, n);
	}
	for (size_t i = 0; i < open->n_approvals; i++) {
		const struct approval_row *p = &open->approvals[i];
		if ((p->status == APPROVAL_PENDING || p->status == APPROVAL_APPROVED) &&
		    !node_status_final(r->nodes[p->node_index].status))
			approval_recover(r, p);
	}
	for (size_t i = 0; i < open->n_attempts; i++) {
		struct pending *p = add_pending(x, r, open->attempts[i].node_index);
		p->row = open->attempts[i];
		p->row.id = arena_str(&x->arena, p->row.id);
		p->row.input = (struct str){0};
		if (p->row.probe || p->row.effect == EFFECT_RECONCILABLE)
			p->row.input = arena_str(&x->arena, open->attempts[i].input);
		if (p->row.probe)
			doubt_recover_input(&r->nodes[p->index], p->row.input);
		progress_recover(&r->nodes[p->index], open->attempts[i].progress);
	}
}

static int each_run(void *arg, struct arena *a, const struct open_run *open)
{
	struct recovery *x = arg;
	struct engine *e = x->engine;
	int fault = 0;
	const char *why = "the workflow is not in the store";
	pump_turn(&e->pump);
	if (open->damaged) {
		quarantine(e, open, "rows of the run are damaged in the database");
		return 0;
	}
	struct workflow *w =
		catalog_workflow_by_id(&e->catalog, open->run.project, open->run.workflow_id);
	struct plan *plan = w ? find_plan(x, &open->run, w, &why, &fault) : NULL;
	if (fault)
		return fault;
	struct each_rows rows;
	if (plan && !each_rows_read(&rows, plan, open->nodes, open->n_nodes, a))
		why = "the items of a node do not fit its row";
	else if (plan)
		why = judge_rows(&rows, open, a);
	if (plan && !why)
		restore(x, open, &rows, plan, w);
	else
		quarantine(e, open, why);
	return 0;
}

/* ---- attempts ---- */

static void count_attempt(struct recovery *x, struct node *n, const struct attempt_row *row)
{
	struct value error = VALUE_NULL_INIT;
	if (!attempt_status_final(row->status) || row->status == ATTEMPT_SUCCESS)
		return;
	if (row->probe) {
		doubt_recover_probe(n, row);
		return;
	}
	if (row->error.n)
		json_parse(&x->arena, row->error, JSON_DEFAULT, &error, NULL);
	const struct value *later = value_getz(&error, "retryLater");
	if (str_eqz(value_text(value_getz(&error, "code")), "lost")) {
		n->lost++;
		return;
	}
	n->lost = 0;
	if (value_is(later, VALUE_BOOL) && later->b)
		n->later++;
	else
		n->tries++;
}

/* How the earlier attempts of the run's unfinished nodes ended. */
static int count_attempts(struct recovery *x, struct run *r)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail detail;
	int f = x->reader->ops->run_get(x->reader, &a, r->plan->project, ID_STR(r->id), &detail);
	for (size_t i = 0; f == 0 && i < detail.n_attempts; i++) {
		const struct attempt_row *row = &detail.attempts[i];
		if (row->node_index < 0 || row->node_index >= r->n_nodes)
			continue;
		struct node *n = &r->nodes[row->node_index];
		if (node_status_final(n->status))
			continue;
		if (n->started_ms == 0)
			n->started_ms = row->started_ms;
		if (row->attempt == 1)
			deadline_total(r, (uint32_t)row->node_index,
				       x->engine->wall_ms - row->queued_ms);
		if (!row->probe)
			progress_recover(n, row->progress);
		count_attempt(x, n, row);
	}
	return f == -EUCLEAN ? 0 : as_fault(f); /* what can't be read does not count */
}

/* The number of the node's last line: the least `after` with nothing beyond it. */
static int count_lines(struct recovery *x, const struct pending *p)
{
	struct run *r = p->run;
	int64_t low = 0, high = 1;
	bool growing = true;
	while (growing || low < high) {
		struct arena a CLEANUP_ARENA = {0};
		struct log_row *rows = NULL;
		size_t n = 0;
		int64_t at = growing ? high : low + (high - low) / 2;
		int f = x->reader->ops->log_list(x->reader, &a, ID_STR(r->id),
						 run_node_id(r, p->index), at - growing, 1, &rows,
						 &n);
		if (f != 0)
			return as_fault(f);
		if (n > 0)
			low = rows[0].seq + rows[0].n_lines - 1;
		if (growing && n > 0)
			high = low * 2 + 1;
		else if (growing)
			growing = false, high = at - 1;
		else if (n == 0)
			high = at;
	}
	r->nodes[p->index].log_lines = (uint32_t)low;
	return 0;
}

static int by_queue_order(const void *a, const void *b)
{
	const struct pending *const *x = a, *const *y = b;
	bool run_x = (*x)->row.status == ATTEMPT_RUNNING;
	bool run_y = (*y)->row.status == ATTEMPT_RUNNING;
	if (run_x != run_y)
		return run_x ? -1 : 1;
	return str_cmp((*x)->row.id, (*y)->row.id);
}

static int read_history(struct recovery *x)
{
	struct run *counted = NULL;
	for (struct pending *p = x->first; p; p = p->next) {
		struct node *n = &p->run->nodes[p->index];
		int r = 0;
		bool past = p->row.attempt > 1 || attempt_status_final(p->row.status);
		n->attempts = (uint32_t)p->row.attempt;
		if (p->row.attempt == 1)
			deadline_total(p->run, p->index, x->engine->wall_ms - p->row.queued_ms);
		if (past && p->run != counted) {
			r = count_attempts(x, p->run);
			counted = p->run;
		}
		if (n->started_ms == 0)
			n->started_ms = p->row.started_ms;
		if (r == 0 && (past || p->row.status == ATTEMPT_RUNNING))
			r = count_lines(x, p);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Those that were running come first: they had a slot. Then the queue in its order. */
static void drive_attempts(struct recovery *x)
{
	struct pending **all = ARENA_NEW_ARRAY(&x->arena, struct pending *, x->n_pending + 1);
	size_t n = 0;
	for (struct pending *p = x->first; p; p = p->next)
		if (!attempt_status_final(p->row.status))
			all[n++] = p;
	qsort(all, n, sizeof(*all), by_queue_order);
	for (size_t i = 0; i < n; i++) {
		pump_turn(&x->engine->pump);
		attempt_recover(all[i]->run, all[i]->index, &all[i]->row);
	}
}

static void drive_runs(struct recovery *x)
{
	LIST_FOREACH (it, &x->engine->open) {
		struct run *r = container_of(it, struct run, link);
		if (run_status_final(r->status))
			continue; /* stopped with its caller */
		pump_turn(&x->engine->pump);
		run_arm(r);
		run_resume(r);
	}
}

int recover(struct engine *e)
{
	struct recovery x CLEANUP(recovery_close) = {.engine = e};
	struct store *s = e->config.store;
	x.last = &x.first;
	int r = s->ops->reader_new(s, &x.reader);
	if (r == 0)
		r = s->ops->reader_new(s, &x.lookup);
	if (r == 0)
		r = read_agents(&x);
	if (r == 0)
		r = read_workflows(&x);
	if (r == 0)
		r = schedule_recover(e, x.reader);
	if (r == 0)
		r = x.reader->ops->open_runs(x.reader, each_run, &x);
	if (r == 0)
		r = read_history(&x);
	if (r != 0)
		return as_fault(r) ? r : -EIO;
	child_link_all(e);
	gate_recover(e);
	drive_attempts(&x);
	child_resume_all(e);
	drive_runs(&x);
	removal_recover(e);
	schedule_tick(e);
	return 0;
}
