/* Rows to the JSON of the contract. Stored JSON is spliced as it is. */
#include <stdio.h>

#include "api/api_items.h"
#include "api/resources.h"
#include "base/limits.h"
#include "json/parse.h"

static void put_raw(struct json_out *o, const char *key, struct str json)
{
	json_out_key(o, key);
	json_out_raw(o, json);
}

static void put_bool(struct json_out *o, const char *key, bool v)
{
	json_out_key(o, key);
	json_out_bool(o, v);
}

static void put_capabilities(struct json_out *o, const struct agent_row *a)
{
	json_out_key(o, "capabilities");
	json_out_array(o);
	for (size_t i = 0; i < a->n_capabilities; i++) {
		const struct capability_row *c = &a->capabilities[i];
		json_out_object(o);
		json_put_str(o, "name", c->name);
		json_put_str(o, "description", c->description);
		put_raw(o, "inputSchema", c->input_schema);
		put_raw(o, "outputSchema", c->output_schema);
		json_put_strz(o, "effect", effect_name(c->effect));
		if (c->probe.n)
			json_put_str(o, "probe", c->probe);
		json_put_strz(o, "riskLevel", risk_level_name(c->risk_level));
		json_out_end(o);
	}
	json_out_end(o);
}

/* concurrency, rateLimit, circuitBreaker as they were given. */
static void put_policy(struct json_out *o, struct arena *a, struct str policy)
{
	struct value v;
	if (policy.n == 0 || json_parse(a, policy, JSON_DEFAULT, &v, NULL) != 0)
		return;
	for (uint32_t i = 0; value_is(&v, VALUE_OBJECT) && i < v.n; i++) {
		json_out_key(o, arena_dup(a, v.members[i].key.p, v.members[i].key.n));
		json_out_value(o, &v.members[i].value);
	}
}

static void put_breaker(struct json_out *o, const struct engine_agent_state *now)
{
	static const char *const names[] = {[BREAKER_CLOSED] = "closed",
					    [BREAKER_HALF_OPEN] = "half-open",
					    [BREAKER_OPEN] = "open"};
	json_out_key(o, "breaker");
	json_out_object(o);
	json_put_strz(o, "state", names[now->state]);
	json_put_time(o, "openedAt", now->since_ms);
	json_put_time(o, "until", now->until_ms);
	json_put_int(o, "opened", now->n_opened);
	json_out_key(o, "lastError");
	if (*now->code) {
		json_out_object(o);
		json_put_strz(o, "code", now->code);
		json_put_strz(o, "message", now->message);
		json_out_end(o);
	} else {
		json_out_null(o);
	}
	json_out_end(o);
}

void render_agent(struct json_out *o, struct arena *arena, const struct agent_row *a,
		  const struct engine_agent_state *now)
{
	json_out_object(o);
	json_put_str(o, "id", a->id);
	json_put_str(o, "project", a->project);
	json_put_str(o, "name", a->name);
	json_put_strz(o, "type", agent_type_name(a->type));
	json_put_str(o, "description", a->description);
	json_put_str(o, "version", a->version);
	json_put_strz(o, "riskLevel", risk_level_name(a->risk_level));
	json_put_or_null(o, "entryPath", a->entry_path);
	put_raw(o, "command", a->command);
	put_raw(o, "limits", a->limits);
	put_policy(o, arena, a->policy);
	if (now && now->has_breaker)
		put_breaker(o, now);
	json_put_or_null(o, "digest", a->digest);
	put_bool(o, "builtin", a->builtin);
	put_capabilities(o, a);
	json_put_time(o, "createdAt", a->created_ms);
	json_put_time(o, "updatedAt", a->updated_ms);
	json_out_end(o);
}

void render_paused(struct json_out *o, struct str pause)
{
	put_raw(o, "paused", pause_is_on(pause) ? pause : (struct str){0});
}

void render_workflow(struct json_out *o, const struct workflow_row *w, bool open)
{
	json_out_object(o);
	json_put_str(o, "id", w->id);
	json_put_str(o, "project", w->project);
	json_put_str(o, "name", w->name);
	json_put_str(o, "description", w->description);
	json_put_strz(o, "status", workflow_status_name(w->status));
	json_put_int(o, "version", w->version);
	render_paused(o, w->pause);
	json_put_time(o, "createdAt", w->created_ms);
	json_put_time(o, "updatedAt", w->updated_ms);
	if (!open)
		json_out_end(o);
}

void render_run_head(struct json_out *o, const struct run_row *r)
{
	json_put_str(o, "id", r->id);
	json_put_str(o, "project", r->project);
	json_put_str(o, "workflowId", r->workflow_id);
	json_put_str(o, "workflowName", r->workflow_name);
	json_put_int(o, "workflowVersion", r->workflow_version);
	json_put_strz(o, "status", run_status_name(r->status));
	put_raw(o, "trigger", r->trigger);
	put_raw(o, "context", r->context);
	put_raw(o, "error", r->error);
	json_put_or_null(o, "parentRunId", r->parent_run_id);
	json_put_or_null(o, "callerRunId", r->caller_run_id);
	json_put_or_null(o, "callerNodeId", r->caller_node);
	json_put_int(o, "depth", r->depth);
	json_put_int(o, "waitedMs", r->waited_ms);
	render_paused(o, r->pause);
	json_put_int(o, "priority", r->priority);
	json_put_or_null(o, "concurrencyKey", r->concurrency_key);
	json_put_time(o, "createdAt", r->created_ms);
	json_put_time(o, "startedAt", r->started_ms);
	json_put_time(o, "finishedAt", r->finished_ms);
}

void render_attempt(struct json_out *o, const struct attempt_row *a)
{
	json_out_object(o);
	json_put_str(o, "id", a->id);
	json_put_str(o, "runId", a->run_id);
	json_put_str(o, "nodeId", a->node_id);
	json_put_str(o, "agent", a->agent);
	json_put_str(o, "action", a->action);
	json_put_int(o, "attempt", a->attempt);
	json_put_strz(o, "status", attempt_status_name(a->status));
	put_raw(o, "input", a->input);
	put_raw(o, "output", a->output);
	put_raw(o, "error", a->error);
	json_put_time(o, "queuedAt", a->queued_ms);
	json_put_time(o, "startedAt", a->started_ms);
	json_put_time(o, "finishedAt", a->finished_ms);
	json_out_key(o, "durationMs");
	if (a->started_ms && a->finished_ms)
		json_out_int(o, a->finished_ms - a->started_ms);
	else
		json_out_null(o);
	if (a->progress.n)
		put_raw(o, "progress", a->progress);
	put_bool(o, "sandboxed", a->sandboxed);
	if (a->started_ms)
		json_put_strz(o, "effect", effect_name(a->effect));
	if (a->probe)
		put_bool(o, "probe", true);
	if (a->cpu_usec)
		json_put_int(o, "cpuMicros", a->cpu_usec);
	if (a->memory_peak_bytes)
		json_put_int(o, "memoryPeakBytes", a->memory_peak_bytes);
	json_out_end(o);
}

void render_approval(struct json_out *o, const struct approval_row *p)
{
	json_out_object(o);
	json_put_str(o, "id", p->id);
	json_put_str(o, "runId", p->run_id);
	json_put_str(o, "workflowId", p->workflow_id);
	json_put_str(o, "workflowName", p->workflow_name);
	json_put_str(o, "nodeId", p->node_id);
	json_put_str(o, "agent", p->agent);
	json_put_str(o, "action", p->action);
	json_put_strz(o, "status", approval_status_name(p->status));
	put_raw(o, "inputs", p->inputs);
	put_raw(o, "subject", p->subject);
	json_put_str(o, "sha256", p->sha256);
	json_out_key(o, "approvers");
	json_out_raw(o, p->approvers.n ? p->approvers : STR("[]"));
	json_put_int(o, "quorum", p->quorum);
	put_bool(o, "allowSelf", p->allow_self);
	json_put_strz(o, "onTimeout", p->expiry_approves ? "approve" : "reject");
	json_out_key(o, "responses");
	json_out_raw(o, p->responses.n ? p->responses : STR("[]"));
	json_put_or_null(o, "respondedBy", p->responded_by);
	json_put_or_null(o, "notes", p->notes);
	json_put_time(o, "requestedAt", p->requested_ms);
	json_put_time(o, "respondedAt", p->responded_ms);
	json_put_time(o, "expiresAt", p->expires_ms);
	json_out_end(o);
}

/* ---- a run with its nodes ---- */

/* Whether the row is older than its last attempt: it waited for approval, or was in doubt. */
static bool row_passed(const struct node_view *v)
{
	return v->last && (v->row->status == NODE_WAITING_APPROVAL ||
			   v->row->status == NODE_QUEUED || v->row->status == NODE_RUNNING);
}

/* A node without a row, or whose row is passed, is what its attempts and the run make of it. */
static enum node_status status_of(const struct node_view *v, const struct run_row *run)
{
	if (v->row && !row_passed(v))
		return v->row->status;
	if (v->item_of && !v->last && node_status_final(v->item_of->node->status))
		return item_list_stopped(v->item_of) ? NODE_CANCELLED : NODE_SKIPPED;
	if (run_status_final(run->status))
		return NODE_SKIPPED;
	if (!v->last)
		return NODE_PENDING;
	return v->last->status == ATTEMPT_RUNNING ? NODE_RUNNING : NODE_QUEUED;
}

static void put_node_times(struct json_out *o, const struct node_view *v)
{
	bool row = v->row && !row_passed(v);
	int64_t attempts = row ? v->row->attempt : v->last ? v->last->attempt : 0;
	int64_t started = row ? v->row->started_ms : v->last ? v->last->started_ms : 0;
	json_put_int(o, "attempt", attempts);
	json_put_time(o, "startedAt", started);
	json_put_time(o, "finishedAt", row ? v->row->finished_ms : 0);
}

/* {"given": …} of a node that was given its result by hand, as the engine wrote it. */
static void put_given(struct json_out *o, const struct node_row *row)
{
	static const char head[] = "{\"given\":";
	size_t n = sizeof(head) - 1;
	if (row && str_starts(row->detail, STR("{\"given\":")))
		put_raw(o, "given", str_n(row->detail.p + n, row->detail.n - n - 1));
}

enum node_status render_node_status(const struct node_view *v, const struct run_row *run)
{
	return status_of(v, run);
}

static void put_node_id(struct json_out *o, const struct value *node, const struct node_view *v)
{
	struct str id = value_text(value_getz(node, "id"));
	char text[LIMIT_NODE_ID_BYTES + 1];
	if (!v->item_of) {
		json_put_str(o, "id", id);
		return;
	}
	snprintf(text, sizeof(text), "%.*s[%lld]", STR_ARG(id), (long long)v->number);
	json_put_strz(o, "id", text);
	json_put_str(o, "itemOf", id);
	json_put_int(o, "index", v->number);
	json_out_key(o, "item");
	json_out_value(o, &v->item_of->values.items[v->number]);
}

static void put_item_counts(struct json_out *o, const struct item_list *list)
{
	json_out_key(o, "items");
	json_out_object(o);
	json_put_int(o, "total", list->values.n);
	json_put_int(o, "succeeded", list->succeeded);
	json_put_int(o, "failed", list->failed);
	json_put_int(o, "cancelled", list->cancelled);
	json_put_int(o, "skipped", list->skipped);
	json_put_int(o, "running", list->running);
	json_put_int(o, "waiting", list->waiting);
	json_put_int(o, "pending", list->pending);
	json_put_int(o, "shown", list->n_shown);
	json_out_end(o);
}

/* The workflow that the node runs, and the run it was called by last. */
static void put_child(struct json_out *o, struct str workflow, const struct node_row *row)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value detail = VALUE_NULL_INIT;
	if (row && row->detail.n)
		json_parse(&a, row->detail, JSON_BORROW, &detail, NULL);
	json_put_str(o, "workflow", workflow);
	json_put_or_null(o, "childRunId", value_text(value_getz(&detail, "childRunId")));
}

/* The timer of a node whose child runs is its time-out. */
static bool sleeps_until(const struct node_view *v, struct str workflow, enum node_status status)
{
	return v->row && v->row->wake_ms && v->row->status == status &&
	       !node_status_final(status) && !(workflow.n && status == NODE_RUNNING);
}

void render_node(struct json_out *o, const struct value *node, const struct node_view *v,
		 const struct run_row *run)
{
	struct str workflow = value_text(value_getz(node, "workflow"));
	const struct value *agent = value_getz(node, "agent");
	const struct value *depends = v->item_of ? NULL : value_getz(node, "dependsOn");
	json_out_object(o);
	put_node_id(o, node, v);
	if (v->items)
		put_item_counts(o, v->items);
	json_put_or_null(o, "agent", value_text(agent ? agent : value_getz(node, "agentId")));
	json_put_or_null(o, "action", value_text(value_getz(node, "action")));
	if (value_getz(node, "forEach") && !v->item_of) {
		json_out_key(o, "forEach");
		json_out_value(o, value_getz(node, "forEach"));
	}
	if (value_getz(node, "wait")) {
		json_out_key(o, "wait");
		json_out_value(o, value_getz(node, "wait"));
	}
	if (value_getz(node, "sleep"))
		json_put_str(o, "sleep", value_text(value_getz(node, "sleep")));
	if (workflow.n)
		put_child(o, workflow, v->items ? NULL : v->row);
	json_put_strz(o, "status", node_status_name(status_of(v, run)));
	json_out_key(o, "dependsOn");
	if (depends)
		json_out_value(o, depends);
	else
		json_out_raw(o, STR("[]"));
	put_node_times(o, v);
	if (sleeps_until(v, workflow, status_of(v, run)))
		json_put_time(o, "wakeAt", v->row->wake_ms);
	put_raw(o, "output", v->row ? v->row->output : STR(""));
	put_raw(o, "error", v->row ? v->row->error : STR(""));
	put_given(o, v->row);
	if (v->row && str_starts(v->row->detail, STR("{\"effect\":")))
		put_raw(o, "doubt", v->row->detail);
	if (v->row && v->row->copied_from.n)
		json_put_str(o, "copiedFrom", v->row->copied_from);
	json_out_end(o);
}

static void put_nodes(struct json_out *o, struct arena *a, const struct run_detail *d,
		      const struct run_items *items)
{
	struct value definition;
	const struct value *nodes = NULL;
	if (json_parse(a, d->definition, JSON_BORROW, &definition, NULL) == 0)
		nodes = value_getz(&definition, "nodes");
	uint32_t n = value_is(nodes, VALUE_ARRAY) ? nodes->n : 0;
	struct node_view *views = ARENA_NEW_ARRAY(a, struct node_view, n + 1);
	for (size_t i = 0; i < d->n_nodes; i++)
		if (d->nodes[i].index >= 0 && d->nodes[i].index < n)
			views[d->nodes[i].index].row = &d->nodes[i];
	for (size_t i = 0; i < d->n_attempts; i++)
		if (d->attempts[i].node_index >= 0 && d->attempts[i].node_index < n)
			views[d->attempts[i].node_index].last = &d->attempts[i];
	json_out_key(o, "nodes");
	json_out_array(o);
	for (uint32_t i = 0; i < n; i++) {
		views[i].items = items_of(items, i);
		render_node(o, &nodes->items[i], &views[i], &d->run);
		if (!views[i].items)
			continue;
		struct node_view *shown = item_views(a, views[i].items, 0, views[i].items->n_shown);
		for (int64_t k = 0; k < views[i].items->n_shown; k++)
			render_node(o, &nodes->items[i], &shown[k], &d->run);
	}
	json_out_end(o);
}

static void put_attempts(struct json_out *o, const struct run_detail *d)
{
	for (size_t i = 0; i < d->n_attempts; i++)
		render_attempt(o, &d->attempts[i]);
}

static void put_approvals(struct json_out *o, const struct run_detail *d)
{
	for (size_t i = 0; i < d->n_approvals; i++)
		render_approval(o, &d->approvals[i]);
}

void render_run(struct json_out *o, struct arena *a, const struct run_detail *d,
		const struct run_items *items)
{
	json_out_object(o);
	render_run_head(o, &d->run);
	put_raw(o, "output", d->run.output);
	put_nodes(o, a, d, items);
	json_out_key(o, "agentRuns");
	json_out_array(o);
	put_attempts(o, d);
	for (size_t i = 0; i < items->n; i++)
		put_attempts(o, &items->lists[i].shown);
	json_out_end(o);
	json_out_key(o, "approvals");
	json_out_array(o);
	put_approvals(o, d);
	for (size_t i = 0; i < items->n; i++)
		put_approvals(o, &items->lists[i].shown);
	json_out_end(o);
	json_out_end(o);
}
