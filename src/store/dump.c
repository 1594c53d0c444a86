#include "store/dump.h"

#include <stdlib.h>

#include "base/escape.h"

enum { PAGE = 200 };

static void put_text(struct buf *out, const char *name, struct str s)
{
	if (s.n == 0)
		return;
	buf_printf(out, " %s=%zu:", name, s.n);
	escape_json(out, s);
}

static void put_int(struct buf *out, const char *name, int64_t v)
{
	if (v != 0)
		buf_printf(out, " %s=%lld", name, (long long)v);
}

static void put_agent(struct buf *out, const struct agent_row *row)
{
	buf_puts(out, "agent");
	put_text(out, "id", row->id);
	put_text(out, "project", row->project);
	put_text(out, "name", row->name);
	put_text(out, "version", row->version);
	put_text(out, "description", row->description);
	put_text(out, "type", str_of(agent_type_name(row->type)));
	put_text(out, "risk", str_of(risk_level_name(row->risk_level)));
	put_text(out, "entry", row->entry_path);
	put_text(out, "command", row->command);
	put_text(out, "limits", row->limits);
	put_text(out, "digest", row->digest);
	put_text(out, "policy", row->policy);
	put_int(out, "builtin", row->builtin);
	put_int(out, "created", row->created_ms);
	put_int(out, "updated", row->updated_ms);
	buf_putc(out, '\n');
	for (size_t i = 0; i < row->n_capabilities; i++) {
		const struct capability_row *c = &row->capabilities[i];
		buf_puts(out, "  capability");
		put_text(out, "name", c->name);
		put_text(out, "description", c->description);
		put_text(out, "input", c->input_schema);
		put_text(out, "output", c->output_schema);
		put_text(out, "effect", str_of(effect_name(c->effect)));
		put_text(out, "probe", c->probe);
		put_text(out, "risk", str_of(risk_level_name(c->risk_level)));
		buf_putc(out, '\n');
	}
}

static void put_version(struct buf *out, const struct version_row *row)
{
	buf_puts(out, "  version");
	put_int(out, "n", row->version);
	put_text(out, "definition", row->definition);
	put_text(out, "sha256", row->sha256);
	put_int(out, "created", row->created_ms);
	for (size_t i = 0; i < row->n_nodes; i++) {
		put_text(out, "node", row->nodes[i].node_id);
		put_text(out, "agent", row->nodes[i].agent);
		put_text(out, "action", row->nodes[i].action);
	}
	buf_putc(out, '\n');
}

static void put_run(struct buf *out, const struct run_row *row)
{
	buf_puts(out, "run");
	put_text(out, "id", row->id);
	put_text(out, "project", row->project);
	put_text(out, "workflow", row->workflow_id);
	put_text(out, "name", row->workflow_name);
	put_int(out, "version", row->workflow_version);
	put_text(out, "status", str_of(run_status_name(row->status)));
	put_text(out, "trigger", row->trigger);
	put_text(out, "context", row->context);
	put_text(out, "error", row->error);
	put_text(out, "parent", row->parent_run_id);
	put_text(out, "caller", row->caller_run_id);
	put_text(out, "caller_node", row->caller_node);
	put_int(out, "depth", row->depth);
	put_text(out, "output", row->output);
	put_text(out, "pause", row->pause);
	put_text(out, "concurrency_key", row->concurrency_key);
	put_int(out, "priority", row->priority);
	put_int(out, "waited", row->waited_ms);
	put_int(out, "waiting_since", row->waiting_since_ms);
	put_int(out, "stopping", row->stopping);
	put_int(out, "created", row->created_ms);
	put_int(out, "started", row->started_ms);
	put_int(out, "finished", row->finished_ms);
	buf_putc(out, '\n');
}

static void put_node(struct buf *out, const struct node_row *row)
{
	buf_puts(out, "  node");
	put_text(out, "id", row->node_id);
	put_int(out, "index", row->index);
	put_text(out, "status", str_of(node_status_name(row->status)));
	put_int(out, "attempt", row->attempt);
	put_text(out, "output", row->output);
	put_text(out, "error", row->error);
	put_text(out, "detail", row->detail);
	put_text(out, "copied", row->copied_from);
	put_int(out, "wake", row->wake_ms);
	put_int(out, "started", row->started_ms);
	put_int(out, "finished", row->finished_ms);
	buf_putc(out, '\n');
}

static void put_attempt(struct buf *out, const struct attempt_row *row)
{
	buf_puts(out, "  attempt");
	put_text(out, "id", row->id);
	put_text(out, "project", row->project);
	put_text(out, "node", row->node_id);
	put_text(out, "agent", row->agent);
	put_text(out, "action", row->action);
	put_int(out, "index", row->node_index);
	put_int(out, "n", row->attempt);
	put_text(out, "status", str_of(attempt_status_name(row->status)));
	put_text(out, "input", row->input);
	put_text(out, "output", row->output);
	put_text(out, "error", row->error);
	put_int(out, "queued", row->queued_ms);
	put_int(out, "not_before", row->not_before_ms);
	put_int(out, "started", row->started_ms);
	put_int(out, "finished", row->finished_ms);
	put_int(out, "sandboxed", row->sandboxed);
	put_text(out, "effect", str_of(effect_name(row->effect)));
	put_int(out, "probe", row->probe);
	put_text(out, "progress", row->progress);
	put_int(out, "cpu", row->cpu_usec);
	put_int(out, "memory", row->memory_peak_bytes);
	buf_putc(out, '\n');
}

static void put_approval(struct buf *out, const struct approval_row *row)
{
	buf_puts(out, "  approval");
	put_text(out, "id", row->id);
	put_text(out, "project", row->project);
	put_text(out, "workflow", row->workflow_id);
	put_text(out, "name", row->workflow_name);
	put_int(out, "index", row->node_index);
	put_text(out, "node", row->node_id);
	put_text(out, "agent", row->agent);
	put_text(out, "action", row->action);
	put_text(out, "status", str_of(approval_status_name(row->status)));
	put_text(out, "inputs", row->inputs);
	put_text(out, "subject", row->subject);
	put_text(out, "sha256", row->sha256);
	put_text(out, "approvers", row->approvers);
	put_int(out, "quorum", row->quorum);
	put_int(out, "allow_self", row->allow_self);
	put_int(out, "expiry_approves", row->expiry_approves);
	put_text(out, "responses", row->responses);
	put_text(out, "responded_by", row->responded_by);
	put_text(out, "notes", row->notes);
	put_int(out, "requested", row->requested_ms);
	put_int(out, "responded", row->responded_ms);
	put_int(out, "expires", row->expires_ms);
	buf_putc(out, '\n');
}

static void put_log(struct buf *out, const struct log_row *row)
{
	buf_puts(out, "  log");
	put_text(out, "attempt_id", row->attempt_id);
	put_text(out, "node", row->node_id);
	put_int(out, "attempt", row->attempt);
	put_int(out, "seq", row->seq);
	put_int(out, "lines", row->n_lines);
	put_int(out, "time", row->time_ms);
	put_text(out, "text", row->text);
	buf_putc(out, '\n');
}

static void put_schedule(struct buf *out, const struct schedule_row *row)
{
	buf_puts(out, "schedule");
	put_text(out, "id", row->id);
	put_text(out, "project", row->project);
	put_text(out, "workflow_id", row->workflow_id);
	put_text(out, "workflow_name", row->workflow_name);
	put_int(out, "position", row->position);
	put_text(out, "cron", row->cron);
	put_text(out, "timezone", row->timezone);
	put_text(out, "overlap", str_of(schedule_overlap_name(row->overlap)));
	put_int(out, "catchup_ms", row->catchup_ms);
	put_int(out, "anchor_ms", row->anchor_ms);
	put_int(out, "done_ms", row->done_ms);
	put_int(out, "next_ms", row->next_ms);
	put_text(out, "upcoming", row->upcoming);
	put_text(out, "waiting", row->waiting);
	put_text(out, "last_run_id", row->last_run_id);
	put_int(out, "last_fire_ms", row->last_fire_ms);
	put_int(out, "n_started", row->n_started);
	put_int(out, "n_skipped", row->n_skipped);
	put_int(out, "n_missed", row->n_missed);
	put_text(out, "error", row->error);
	put_int(out, "paused", row->paused);
	put_int(out, "created_ms", row->created_ms);
	put_int(out, "updated_ms", row->updated_ms);
	buf_putc(out, '\n');
}

static int dump_agents(struct store_reader *r, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct agent_row *rows;
	size_t n;
	int rc = r->ops->agent_list(r, &a, (struct str){0}, &(struct store_page){0}, &rows, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		put_agent(out, &rows[i]);
	return rc;
}

static int dump_versions(struct store_reader *r, struct str workflow_id, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct version_row *rows;
	size_t n;
	int rc = r->ops->version_list(r, &a, workflow_id, &(struct store_page){0}, &rows, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct version_row row;
		rc = r->ops->version_get(r, &a, workflow_id, rows[i].version, &row);
		if (rc == 0)
			put_version(out, &row);
	}
	return rc;
}

static int dump_workflows(struct store_reader *r, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct workflow_row *rows;
	size_t n;
	int rc = r->ops->workflow_list(r, &a, (struct str){0}, &(struct store_page){0}, &rows, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct workflow_row *row = &rows[i];
		buf_puts(out, "workflow");
		put_text(out, "id", row->id);
		put_text(out, "project", row->project);
		put_text(out, "name", row->name);
		put_text(out, "description", row->description);
		put_text(out, "status", str_of(workflow_status_name(row->status)));
		put_int(out, "version", row->version);
		put_text(out, "pause", row->pause);
		put_text(out, "deleting", row->deleting);
		put_int(out, "created", row->created_ms);
		put_int(out, "updated", row->updated_ms);
		buf_putc(out, '\n');
		rc = dump_versions(r, row->id, out);
	}
	return rc;
}

static int by_text(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* The ids of all nodes that can have logs, each once; their number. */
static size_t log_nodes(struct arena *a, const struct run_detail *d, struct str **ret)
{
	size_t n = 0, n_once = 0;
	struct str *ids = ARENA_NEW_ARRAY(a, struct str, d->n_nodes + d->n_attempts);
	for (size_t i = 0; i < d->n_nodes; i++)
		ids[n++] = d->nodes[i].node_id;
	for (size_t i = 0; i < d->n_attempts; i++)
		ids[n++] = d->attempts[i].node_id;
	if (n > 0)
		qsort(ids, n, sizeof(*ids), by_text);
	for (size_t i = 0; i < n; i++)
		if (n_once == 0 || !str_eq(ids[n_once - 1], ids[i]))
			ids[n_once++] = ids[i];
	*ret = ids;
	return n_once;
}

static int dump_logs(struct store_reader *r, struct arena *a, const struct run_detail *d,
		     struct buf *out)
{
	struct str *ids;
	size_t n_ids = log_nodes(a, d, &ids);
	for (size_t i = 0; i < n_ids; i++) {
		struct log_row *rows;
		size_t n;
		int rc = r->ops->log_list(r, a, d->run.id, ids[i], 0, 0, &rows, &n);
		if (rc != 0)
			return rc;
		for (size_t k = 0; k < n; k++)
			put_log(out, &rows[k]);
	}
	return 0;
}

static int dump_run(struct store_reader *r, struct str id, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct run_detail d;
	int rc = r->ops->run_get(r, &a, (struct str){0}, id, &d);
	if (rc != 0)
		return rc;
	put_run(out, &d.run);
	for (size_t i = 0; i < d.n_nodes; i++)
		put_node(out, &d.nodes[i]);
	for (size_t i = 0; i < d.n_attempts; i++)
		put_attempt(out, &d.attempts[i]);
	for (size_t i = 0; i < d.n_approvals; i++)
		put_approval(out, &d.approvals[i]);
	struct event_row *events;
	size_t n;
	rc = r->ops->event_list(r, &a, id, 0, 0, &events, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		buf_puts(out, "  event");
		put_int(out, "seq", events[i].seq);
		put_int(out, "time", events[i].time_ms);
		put_text(out, "type", events[i].type);
		put_text(out, "data", events[i].data);
		buf_putc(out, '\n');
	}
	return rc ? rc : dump_logs(r, &a, &d, out);
}

static int dump_runs(struct store_reader *r, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct str after = {0};
	for (;;) {
		struct run_row *rows;
		size_t n;
		int rc = r->ops->run_list(r, &a, &(struct run_filter){0},
					  &(struct store_page){.limit = PAGE, .after = after},
					  &rows, &n);
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = dump_run(r, rows[i].id, out);
		if (rc != 0 || n < PAGE)
			return rc;
		after = rows[n - 1].id;
	}
}

static int dump_schedules(struct store_reader *r, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct schedule_row *rows;
	size_t n;
	int rc = r->ops->schedule_list(r, &a, (struct str){0}, &(struct store_page){0}, &rows, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		put_schedule(out, &rows[i]);
	return rc;
}

/* Only of runs that are open: recovery is who reads them. */
static int dump_signals_of(void *arg, struct arena *a UNUSED, const struct open_run *run)
{
	struct buf *out = arg;
	for (size_t i = 0; i < run->n_signals; i++) {
		buf_puts(out, "signal");
		put_text(out, "run", run->run.id);
		put_int(out, "seq", run->signals[i].seq);
		put_text(out, "name", run->signals[i].name);
		put_text(out, "data", run->signals[i].data);
		put_int(out, "time", run->signals[i].time_ms);
		buf_putc(out, '\n');
	}
	return 0;
}

int dump_store(struct store_reader *r, struct buf *out)
{
	int rc = dump_agents(r, out);
	if (rc == 0)
		rc = dump_workflows(r, out);
	if (rc == 0)
		rc = dump_schedules(r, out);
	if (rc == 0)
		rc = dump_runs(r, out);
	return rc ? rc : r->ops->open_runs(r, dump_signals_of, out);
}
