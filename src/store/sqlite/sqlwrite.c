#include "store/sqlite/sqlwrite.h"

#include "store/sqlite/sqlblob.h"
#include "store/sqlite/sqlprune.h"

enum { N_RUNS_REMEMBERED = 2048, N_ATTEMPTS_REMEMBERED = 4096 };

int sqlwrite_init(struct sqlwrite *w, struct sqlconn *conn)
{
	*w = (struct sqlwrite){.conn = conn};
	sqlids_init(&w->runs, N_RUNS_REMEMBERED);
	sqlids_init(&w->attempts, N_ATTEMPTS_REMEMBERED);
	int rc = sqlstmt_number(sqlconn_stmt(conn, SQL_LAST_RID), "n", &w->last_rid);
	if (rc == SQLITE_ROW)
		rc = sqlstmt_number(sqlconn_stmt(conn, SQL_LAST_AID), "n", &w->last_aid);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

void sqlwrite_fini(struct sqlwrite *w)
{
	arena_free(&w->scratch);
	sqlids_fini(&w->runs);
	sqlids_fini(&w->attempts);
}

void sqlwrite_rolled_back(struct sqlwrite *w)
{
	sqlids_clear(&w->runs);
	sqlids_clear(&w->attempts);
}

/* The row number of an id: SQLITE_OK with 0 when there is none. */
static int row_of(struct sqlwrite *w, struct sqlids *ids, enum sql_query q, const char *column,
		  struct str id, int64_t *ret)
{
	*ret = sqlids_get(ids, id);
	if (*ret)
		return SQLITE_OK;
	struct sqlstmt *st = sqlconn_stmt(w->conn, q);
	sqlstmt_text(st, id);
	int rc = sqlstmt_number(st, column, ret);
	if (rc == SQLITE_ROW)
		sqlids_put(ids, id, *ret);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int rid_of(struct sqlwrite *w, struct str id, int64_t *ret)
{
	return row_of(w, &w->runs, SQL_RUN_RID, "rid", id, ret);
}

static int aid_of(struct sqlwrite *w, struct str id, int64_t *ret)
{
	return row_of(w, &w->attempts, SQL_ATTEMPT_AID, "aid", id, ret);
}

/* ---- agents ---- */

static int capabilities_delete(struct sqlwrite *w, struct str agent_id)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_CAPABILITIES_DELETE);
	sqlstmt_text(st, agent_id);
	return sqlstmt_exec(st);
}

static int capabilities_add(struct sqlwrite *w, const struct agent_row *row)
{
	int rc = SQLITE_OK;
	for (size_t i = 0; rc == SQLITE_OK && i < row->n_capabilities; i++) {
		const struct capability_row *c = &row->capabilities[i];
		struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_CAPABILITY_ADD);
		sqlstmt_text(st, row->id);
		sqlstmt_i64(st, (int64_t)i);
		sqlstmt_text_or_empty(st, c->name);
		sqlstmt_text(st, c->description);
		sqlstmt_text(st, c->input_schema);
		sqlstmt_text(st, c->output_schema);
		sqlstmt_z(st, effect_name(c->effect));
		sqlstmt_text(st, c->probe);
		sqlstmt_z(st, risk_level_name(c->risk_level));
		rc = sqlstmt_exec(st);
	}
	return rc;
}

static int agent_put(struct sqlwrite *w, const struct agent_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_AGENT_PUT);
	sqlstmt_text(st, row->id);
	sqlstmt_text_or_empty(st, row->project);
	sqlstmt_text_or_empty(st, row->name);
	sqlstmt_text(st, row->version);
	sqlstmt_text(st, row->description);
	sqlstmt_z(st, agent_type_name(row->type));
	sqlstmt_z(st, risk_level_name(row->risk_level));
	sqlstmt_text(st, row->entry_path);
	sqlstmt_text(st, row->command);
	sqlstmt_text(st, row->limits);
	sqlstmt_text(st, row->digest);
	sqlstmt_text(st, row->policy);
	sqlstmt_i64(st, row->builtin);
	sqlstmt_i64(st, row->created_ms);
	sqlstmt_i64(st, row->updated_ms);
	int rc = sqlstmt_exec(st);
	if (rc == SQLITE_OK)
		rc = capabilities_delete(w, row->id);
	return rc == SQLITE_OK ? capabilities_add(w, row) : rc;
}

static int agent_delete(struct sqlwrite *w, struct str id)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_AGENT_DELETE);
	sqlstmt_text(st, id);
	int rc = sqlstmt_exec(st);
	return rc == SQLITE_OK ? capabilities_delete(w, id) : rc;
}

/* ---- workflows ---- */

static int workflow_put(struct sqlwrite *w, const struct workflow_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_WORKFLOW_PUT);
	sqlstmt_text(st, row->id);
	sqlstmt_text_or_empty(st, row->project);
	sqlstmt_text_or_empty(st, row->name);
	sqlstmt_text(st, row->description);
	sqlstmt_z(st, workflow_status_name(row->status));
	sqlstmt_i64(st, row->version);
	sqlstmt_text(st, row->pause);
	sqlstmt_text(st, row->deleting);
	sqlstmt_i64(st, row->created_ms);
	sqlstmt_i64(st, row->updated_ms);
	return sqlstmt_exec(st);
}

static int workflow_unref(struct sqlwrite *w, struct str id)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_WORKFLOW_REFS);
	sqlstmt_text(st, id);
	int rc, r = SQLITE_OK;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == SQLITE_OK)
		r = sqlblob_unref(w->conn, sqlstmt_col_view(st, "ref"));
	sqlstmt_reset(st);
	if (r != SQLITE_OK)
		return r;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int workflow_delete(struct sqlwrite *w, struct str id)
{
	static const enum sql_query order[] = {
		SQL_WORKFLOW_DELETE_SIGNALS,  SQL_WORKFLOW_DELETE_EVENTS,
		SQL_WORKFLOW_DELETE_LOGS,     SQL_WORKFLOW_DELETE_APPROVALS,
		SQL_WORKFLOW_DELETE_ATTEMPTS, SQL_WORKFLOW_DELETE_RUN_NODES,
		SQL_WORKFLOW_DELETE_RUNS,     SQL_WORKFLOW_DELETE_NODES,
		SQL_WORKFLOW_DELETE_VERSIONS, SQL_WORKFLOW_DELETE_SCHEDULES,
		SQL_WORKFLOW_DELETE,
	};
	int rc = workflow_unref(w, id);
	for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(order); i++) {
		struct sqlstmt *st = sqlconn_stmt(w->conn, order[i]);
		sqlstmt_text(st, id);
		rc = sqlstmt_exec(st);
	}
	sqlids_clear(&w->runs);
	sqlids_clear(&w->attempts);
	return rc;
}

static int version_nodes_add(struct sqlwrite *w, const struct version_row *row)
{
	int rc = SQLITE_OK;
	for (size_t i = 0; rc == SQLITE_OK && i < row->n_nodes; i++) {
		struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_VERSION_NODE_ADD);
		sqlstmt_text(st, row->workflow_id);
		sqlstmt_i64(st, row->version);
		sqlstmt_i64(st, (int64_t)i);
		sqlstmt_text_or_empty(st, row->nodes[i].node_id);
		sqlstmt_text(st, row->nodes[i].agent);
		sqlstmt_text(st, row->nodes[i].action);
		rc = sqlstmt_exec(st);
	}
	return rc;
}

static int version_add(struct sqlwrite *w, const struct version_row *row)
{
	struct str definition;
	int rc = sqlblob_put(w->conn, &w->scratch, row->definition, &definition);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_VERSION_ADD);
	sqlstmt_text(st, row->workflow_id);
	sqlstmt_i64(st, row->version);
	sqlstmt_text(st, definition);
	sqlstmt_text(st, row->sha256);
	sqlstmt_i64(st, row->created_ms);
	rc = sqlstmt_exec(st);
	if (rc != SQLITE_OK || sqlite3_changes(w->conn->db) == 0)
		return rc;
	return version_nodes_add(w, row);
}

/* ---- runs ---- */

static const char *const stopping_names[] = {
	[STOP_NONE] = NULL,
	[STOP_CANCEL] = "CANCEL",
	[STOP_TIMEOUT] = "TIMEOUT",
};

static int run_add(struct sqlwrite *w, const struct run_row *row)
{
	struct str context, output;
	int rc = sqlblob_put(w->conn, &w->scratch, row->context, &context);
	if (rc == SQLITE_OK)
		rc = sqlblob_put(w->conn, &w->scratch, row->output, &output);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_RUN_ADD);
	sqlstmt_i64(st, w->last_rid + 1);
	sqlstmt_text(st, row->id);
	sqlstmt_text_or_empty(st, row->project);
	sqlstmt_text(st, row->workflow_id);
	sqlstmt_text(st, row->workflow_name);
	sqlstmt_i64(st, row->workflow_version);
	sqlstmt_z(st, run_status_name(row->status));
	sqlstmt_text(st, row->trigger);
	sqlstmt_text(st, context);
	sqlstmt_text(st, row->error);
	sqlstmt_text(st, row->parent_run_id);
	sqlstmt_text(st, row->caller_run_id);
	sqlstmt_text(st, row->caller_node);
	sqlstmt_i64(st, row->depth);
	sqlstmt_text(st, output);
	sqlstmt_z(st, stopping_names[row->stopping]);
	sqlstmt_text(st, row->pause);
	sqlstmt_text(st, row->concurrency_key);
	sqlstmt_i64(st, row->priority);
	sqlstmt_i64(st, row->waited_ms);
	sqlstmt_i64(st, row->waiting_since_ms);
	sqlstmt_i64(st, row->created_ms);
	sqlstmt_i64(st, row->started_ms);
	sqlstmt_i64(st, row->finished_ms);
	rc = sqlstmt_exec(st);
	if (rc == SQLITE_OK && sqlite3_changes(w->conn->db) > 0)
		sqlids_put(&w->runs, row->id, ++w->last_rid);
	return rc;
}

static int run_set(struct sqlwrite *w, const struct run_row *row)
{
	int64_t rid;
	struct str output;
	int rc = rid_of(w, row->id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	rc = sqlblob_put(w->conn, &w->scratch, row->output, &output);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_RUN_SET);
	sqlstmt_z(st, run_status_name(row->status));
	sqlstmt_text(st, row->error);
	sqlstmt_text(st, output);
	sqlstmt_z(st, stopping_names[row->stopping]);
	sqlstmt_text(st, row->pause);
	sqlstmt_i64(st, row->workflow_version);
	sqlstmt_i64(st, row->waited_ms);
	sqlstmt_i64(st, row->waiting_since_ms);
	sqlstmt_i64(st, row->started_ms);
	sqlstmt_i64(st, row->finished_ms);
	sqlstmt_i64(st, rid);
	return sqlstmt_exec(st);
}

static int run_move_rows(struct sqlwrite *w, enum sql_query q, const struct run_row *row,
			 int64_t rid)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, q);
	sqlstmt_text(st, row->workflow_id);
	sqlstmt_i64(st, row->workflow_version);
	sqlstmt_i64(st, rid);
	return sqlstmt_exec(st);
}

static int run_exec(struct sqlwrite *w, enum sql_query q, int64_t rid)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, q);
	sqlstmt_i64(st, rid);
	return sqlstmt_exec(st);
}

static int run_move(struct sqlwrite *w, const struct run_row *row)
{
	int64_t rid;
	int rc = rid_of(w, row->id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_RUN_MOVE_VERSION);
	sqlstmt_i64(st, row->workflow_version);
	sqlstmt_i64(st, rid);
	rc = sqlstmt_exec(st);
	if (rc == SQLITE_OK)
		rc = run_exec(w, SQL_RUN_MOVE_DROP_WAITING, rid);
	if (rc == SQLITE_OK)
		rc = run_move_rows(w, SQL_RUN_MOVE_PARK_NODES, row, rid);
	if (rc == SQLITE_OK)
		rc = run_exec(w, SQL_RUN_MOVE_NODES, rid);
	if (rc == SQLITE_OK)
		rc = run_move_rows(w, SQL_RUN_MOVE_ATTEMPTS, row, rid);
	return rc == SQLITE_OK ? run_move_rows(w, SQL_RUN_MOVE_APPROVALS, row, rid) : rc;
}

static int node_put(struct sqlwrite *w, const struct node_row *row)
{
	int64_t rid;
	struct str output, detail;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	rc = sqlblob_put(w->conn, &w->scratch, row->output, &output);
	if (rc == SQLITE_OK)
		rc = sqlblob_put(w->conn, &w->scratch, row->detail, &detail);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_NODE_PUT);
	sqlstmt_i64(st, rid);
	sqlstmt_i64(st, row->index);
	sqlstmt_text_or_empty(st, row->node_id);
	sqlstmt_z(st, node_status_name(row->status));
	sqlstmt_i64(st, row->attempt);
	sqlstmt_text(st, output);
	sqlstmt_text(st, row->error);
	sqlstmt_text(st, detail);
	sqlstmt_text(st, row->copied_from);
	sqlstmt_i64(st, row->wake_ms);
	sqlstmt_i64(st, row->started_ms);
	sqlstmt_i64(st, row->finished_ms);
	return sqlstmt_exec(st);
}

static int attempt_add(struct sqlwrite *w, const struct attempt_row *row)
{
	int64_t rid;
	struct str input;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	rc = sqlblob_put(w->conn, &w->scratch, row->input, &input);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_ATTEMPT_ADD);
	sqlstmt_i64(st, w->last_aid + 1);
	sqlstmt_text(st, row->id);
	sqlstmt_i64(st, rid);
	sqlstmt_i64(st, row->node_index);
	sqlstmt_text_or_empty(st, row->node_id);
	sqlstmt_text(st, row->agent);
	sqlstmt_text(st, row->action);
	sqlstmt_i64(st, row->attempt);
	sqlstmt_z(st, attempt_status_name(row->status));
	sqlstmt_text(st, input);
	sqlstmt_text(st, row->error);
	sqlstmt_i64(st, row->queued_ms);
	sqlstmt_i64(st, row->not_before_ms);
	sqlstmt_i64(st, row->started_ms);
	sqlstmt_i64(st, row->finished_ms);
	sqlstmt_i64(st, row->sandboxed);
	sqlstmt_z(st, effect_name(row->effect));
	sqlstmt_i64(st, row->probe);
	sqlstmt_text(st, row->progress);
	sqlstmt_i64(st, row->cpu_usec);
	sqlstmt_i64(st, row->memory_peak_bytes);
	rc = sqlstmt_exec(st);
	if (rc == SQLITE_OK && sqlite3_changes(w->conn->db) > 0)
		sqlids_put(&w->attempts, row->id, ++w->last_aid);
	return rc;
}

static int attempt_set_input(struct sqlwrite *w, int64_t aid, struct str value)
{
	struct str input;
	int rc = sqlblob_put(w->conn, &w->scratch, value, &input);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_ATTEMPT_SET_INPUT);
	sqlstmt_text(st, input);
	sqlstmt_i64(st, aid);
	return sqlstmt_exec(st);
}

static int attempt_set(struct sqlwrite *w, const struct attempt_row *row)
{
	int64_t aid;
	int rc = aid_of(w, row->id, &aid);
	if (rc != SQLITE_OK || aid == 0)
		return rc;
	if (row->input.n > 0)
		rc = attempt_set_input(w, aid, row->input);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_ATTEMPT_SET);
	sqlstmt_z(st, attempt_status_name(row->status));
	sqlstmt_text(st, row->error);
	sqlstmt_i64(st, row->not_before_ms);
	sqlstmt_i64(st, row->started_ms);
	sqlstmt_i64(st, row->finished_ms);
	sqlstmt_i64(st, row->sandboxed);
	sqlstmt_z(st, effect_name(row->effect));
	sqlstmt_i64(st, row->probe);
	sqlstmt_text(st, row->progress);
	sqlstmt_i64(st, row->cpu_usec);
	sqlstmt_i64(st, row->memory_peak_bytes);
	sqlstmt_i64(st, aid);
	return sqlstmt_exec(st);
}

static int approval_add(struct sqlwrite *w, const struct approval_row *row)
{
	int64_t rid;
	struct str inputs;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	rc = sqlblob_put(w->conn, &w->scratch, row->inputs, &inputs);
	if (rc != SQLITE_OK)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_APPROVAL_ADD);
	sqlstmt_text(st, row->id);
	sqlstmt_i64(st, rid);
	sqlstmt_text(st, row->run_id);
	sqlstmt_text_or_empty(st, row->project);
	sqlstmt_text(st, row->workflow_id);
	sqlstmt_text(st, row->workflow_name);
	sqlstmt_i64(st, row->node_index);
	sqlstmt_text_or_empty(st, row->node_id);
	sqlstmt_text(st, row->agent);
	sqlstmt_text(st, row->action);
	sqlstmt_z(st, approval_status_name(row->status));
	sqlstmt_text(st, inputs);
	sqlstmt_text(st, row->subject);
	sqlstmt_text(st, row->sha256);
	sqlstmt_text(st, row->approvers);
	sqlstmt_i64(st, row->quorum);
	sqlstmt_i64(st, row->allow_self);
	sqlstmt_i64(st, row->expiry_approves);
	sqlstmt_text(st, row->responses);
	sqlstmt_text(st, row->responded_by);
	sqlstmt_text(st, row->notes);
	sqlstmt_i64(st, row->requested_ms);
	sqlstmt_i64(st, row->responded_ms);
	sqlstmt_i64(st, row->expires_ms);
	return sqlstmt_exec(st);
}

static int approval_set(struct sqlwrite *w, const struct approval_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_APPROVAL_SET);
	sqlstmt_z(st, approval_status_name(row->status));
	sqlstmt_text(st, row->responses);
	sqlstmt_text(st, row->responded_by);
	sqlstmt_text(st, row->notes);
	sqlstmt_i64(st, row->responded_ms);
	sqlstmt_text(st, row->id);
	return sqlstmt_exec(st);
}

static int event_add(struct sqlwrite *w, const struct event_row *row)
{
	int64_t rid;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_EVENT_ADD);
	sqlstmt_i64(st, rid);
	sqlstmt_i64(st, row->seq);
	sqlstmt_i64(st, row->time_ms);
	sqlstmt_text_or_empty(st, row->type);
	sqlstmt_text(st, row->data);
	return sqlstmt_exec(st);
}

static int log_add(struct sqlwrite *w, const struct log_row *row)
{
	int64_t rid;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_LOG_ADD);
	sqlstmt_i64(st, rid);
	sqlstmt_text_or_empty(st, row->node_id);
	sqlstmt_i64(st, row->seq);
	sqlstmt_i64(st, row->n_lines);
	sqlstmt_i64(st, row->attempt);
	sqlstmt_text(st, row->attempt_id);
	sqlstmt_i64(st, row->time_ms);
	sqlstmt_text(st, row->text);
	return sqlstmt_exec(st);
}

static int signal_add(struct sqlwrite *w, const struct signal_row *row)
{
	int64_t rid;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_SIGNAL_ADD);
	sqlstmt_i64(st, rid);
	sqlstmt_i64(st, row->seq);
	sqlstmt_text_or_empty(st, row->name);
	sqlstmt_text(st, row->data);
	sqlstmt_i64(st, row->time_ms);
	return sqlstmt_exec(st);
}

static int signal_delete(struct sqlwrite *w, const struct signal_row *row)
{
	int64_t rid;
	int rc = rid_of(w, row->run_id, &rid);
	if (rc != SQLITE_OK || rid == 0)
		return rc;
	struct sqlstmt *st =
		sqlconn_stmt(w->conn, row->seq ? SQL_SIGNAL_DELETE : SQL_SIGNALS_DELETE);
	sqlstmt_i64(st, rid);
	if (row->seq)
		sqlstmt_i64(st, row->seq);
	return sqlstmt_exec(st);
}

static int key_put(struct sqlwrite *w, const struct key_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_KEY_PUT);
	sqlstmt_text_or_empty(st, row->project);
	sqlstmt_text_or_empty(st, row->key);
	sqlstmt_text(st, row->body_sha256);
	sqlstmt_text(st, row->run_id);
	sqlstmt_i64(st, row->created_ms);
	return sqlstmt_exec(st);
}

static int schedule_put(struct sqlwrite *w, const struct schedule_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_SCHEDULE_PUT);
	sqlstmt_text(st, row->id);
	sqlstmt_text_or_empty(st, row->project);
	sqlstmt_text_or_empty(st, row->workflow_id);
	sqlstmt_text_or_empty(st, row->workflow_name);
	sqlstmt_i64(st, row->position);
	sqlstmt_text_or_empty(st, row->cron);
	sqlstmt_text_or_empty(st, row->timezone);
	sqlstmt_z(st, schedule_overlap_name(row->overlap));
	sqlstmt_i64(st, row->catchup_ms);
	sqlstmt_i64(st, row->anchor_ms);
	sqlstmt_i64(st, row->done_ms);
	sqlstmt_i64(st, row->next_ms);
	sqlstmt_text(st, row->upcoming);
	sqlstmt_text(st, row->waiting);
	sqlstmt_text(st, row->last_run_id);
	sqlstmt_i64(st, row->last_fire_ms);
	sqlstmt_i64(st, row->n_started);
	sqlstmt_i64(st, row->n_skipped);
	sqlstmt_i64(st, row->n_missed);
	sqlstmt_text(st, row->error);
	sqlstmt_i64(st, row->paused);
	sqlstmt_i64(st, row->created_ms);
	sqlstmt_i64(st, row->updated_ms);
	return sqlstmt_exec(st);
}

static int schedule_delete(struct sqlwrite *w, struct str id)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_SCHEDULE_DELETE);
	sqlstmt_text(st, id);
	return sqlstmt_exec(st);
}

static int keys_prune(struct sqlwrite *w, int64_t before_ms)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_KEYS_PRUNE);
	sqlstmt_i64(st, before_ms);
	return sqlstmt_exec(st);
}

static int apply(struct sqlwrite *w, struct arena *a, const struct txn_op *op)
{
	switch (op->kind) {
	case TXN_AGENT_PUT:
		return agent_put(w, &op->agent);
	case TXN_AGENT_DELETE:
		return agent_delete(w, op->agent.id);
	case TXN_WORKFLOW_PUT:
		return workflow_put(w, &op->workflow);
	case TXN_WORKFLOW_DELETE:
		return workflow_delete(w, op->workflow.id);
	case TXN_VERSION_ADD:
		return version_add(w, &op->version);
	case TXN_RUN_ADD:
		return run_add(w, &op->run);
	case TXN_RUN_SET:
		return run_set(w, &op->run);
	case TXN_RUN_MOVE:
		return run_move(w, &op->run);
	case TXN_NODE_PUT:
		return node_put(w, &op->node);
	case TXN_ATTEMPT_ADD:
		return attempt_add(w, &op->attempt);
	case TXN_ATTEMPT_SET:
		return attempt_set(w, &op->attempt);
	case TXN_APPROVAL_ADD:
		return approval_add(w, &op->approval);
	case TXN_APPROVAL_SET:
		return approval_set(w, &op->approval);
	case TXN_EVENT_ADD:
		return event_add(w, &op->event);
	case TXN_LOG_ADD:
		return log_add(w, &op->log);
	case TXN_SIGNAL_ADD:
		return signal_add(w, &op->signal);
	case TXN_SIGNAL_DELETE:
		return signal_delete(w, &op->signal);
	case TXN_KEY_PUT:
		return key_put(w, &op->key);
	case TXN_SCHEDULE_PUT:
		return schedule_put(w, &op->schedule);
	case TXN_SCHEDULE_DELETE:
		return schedule_delete(w, op->schedule.id);
	case TXN_KEYS_PRUNE:
		return keys_prune(w, op->key.created_ms);
	case TXN_PRUNE:
		return sqlprune_step(w, a, &op->prune);
	}
	return SQLITE_MISUSE;
}

int sqlwrite_txn(struct sqlwrite *w, struct txn *txn)
{
	int rc = SQLITE_OK;
	for (size_t i = 0; rc == SQLITE_OK && i < txn->n_ops; i++)
		rc = apply(w, &txn->arena, &txn->ops[i]);
	arena_reset(&w->scratch);
	return rc;
}
