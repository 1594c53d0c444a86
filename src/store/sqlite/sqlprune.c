#include "store/sqlite/sqlprune.h"

#include "base/limits.h"
#include "store/sqlite/sqlblob.h"

/* What a step found: runs to be deleted, by row number. */
struct found {
	int64_t rids[LIMIT_PRUNE_RUNS];
	struct str ids[LIMIT_PRUNE_RUNS];
	size_t n, n_looked_at;
	int64_t last_ms;
};

static int asks(struct sqlwrite *w, struct sqlstmt *st, bool *ret)
{
	int64_t n = 0;
	int rc = sqlstmt_number(st, "n", &n);
	*ret = n > 0;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Whether an open run has something to do with it. */
static int is_needed(struct sqlwrite *w, struct str id, struct str caller, bool *ret)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_PRUNE_NEEDED);
	sqlstmt_text(st, id);
	sqlstmt_text(st, caller);
	return asks(w, st, ret);
}

static int has_logs(struct sqlwrite *w, int64_t rid, bool *ret)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_PRUNE_HAS_LOGS);
	sqlstmt_i64(st, rid);
	return asks(w, st, ret);
}

/* Judges the run of the current row. */
static int look_at(struct sqlwrite *w, struct arena *a, const struct prune *op, struct sqlstmt *st,
		   struct found *x)
{
	int64_t rid = sqlstmt_col_i64(st, "rid");
	struct str id = sqlstmt_col_view(st, "id");
	enum run_status status;
	bool stays = false, some = true;
	struct str project = sqlstmt_col_view(st, "project");
	bool looked_at = prune_looks_at(op, project, sqlstmt_col_view(st, "workflow_id"));
	x->last_ms = sqlstmt_col_i64(st, "created_ms");
	x->n_looked_at++;
	if (!looked_at)
		return SQLITE_OK;
	/* a damaged row is nobody's: it may go, once its time is over */
	if (run_status_parse(sqlstmt_col_view(st, "status"), &status) && !run_status_final(status))
		return SQLITE_OK;
	struct str caller = sqlstmt_col_view(st, "caller_run_id");
	if (sqlstmt_col_i64(st, "finished_ms") >= op->before_ms)
		return SQLITE_OK;
	int rc = is_needed(w, id, caller, &stays);
	if (rc == SQLITE_OK && op->what == RETAINED_LOGS)
		rc = has_logs(w, rid, &some);
	if (rc != SQLITE_OK || stays || !some)
		return rc;
	x->rids[x->n] = rid;
	x->ids[x->n++] = arena_str(a, id);
	return SQLITE_OK;
}

static int look(struct sqlwrite *w, struct arena *a, const struct prune *op, struct found *x)
{
	bool one = op->workflow_id.n > 0;
	struct sqlstmt *st = sqlconn_stmt(w->conn, one ? SQL_PRUNE_LOOK : SQL_PRUNE_LOOK_PROJECT);
	int rc, r = SQLITE_OK;
	sqlstmt_text(st, one ? op->workflow_id : op->project);
	sqlstmt_i64(st, op->from_ms);
	sqlstmt_i64(st, op->before_ms);
	sqlstmt_i64(st, LIMIT_PRUNE_LOOK);
	while (r == SQLITE_OK && x->n < LIMIT_PRUNE_RUNS && (rc = sqlstmt_row(st)) == SQLITE_ROW)
		r = look_at(w, a, op, st, x);
	if (r == SQLITE_OK && x->n < LIMIT_PRUNE_RUNS && rc != SQLITE_DONE)
		r = rc;
	sqlstmt_reset(st);
	return r;
}

static int delete_by_rid(struct sqlwrite *w, enum sql_query q, int64_t rid)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, q);
	sqlstmt_i64(st, rid);
	return sqlstmt_exec(st);
}

/* Takes back the run's references to large values. */
static int unref_blobs(struct sqlwrite *w, int64_t rid)
{
	struct sqlstmt *st = sqlconn_stmt(w->conn, SQL_RUN_REFS);
	int rc, r = SQLITE_OK;
	sqlstmt_i64(st, rid);
	while (r == SQLITE_OK && (rc = sqlstmt_row(st)) == SQLITE_ROW)
		r = sqlblob_unref(w->conn, sqlstmt_col_view(st, "ref"));
	sqlstmt_reset(st);
	return r != SQLITE_OK ? r : rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int delete_run(struct sqlwrite *w, int64_t rid)
{
	static const enum sql_query order[] = {
		SQL_RUN_DELETE_SIGNALS,	  SQL_RUN_DELETE_EVENTS,   SQL_RUN_DELETE_LOGS,
		SQL_RUN_DELETE_APPROVALS, SQL_RUN_DELETE_ATTEMPTS, SQL_RUN_DELETE_NODES,
		SQL_RUN_DELETE,
	};
	int rc = unref_blobs(w, rid);
	for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(order); i++)
		rc = delete_by_rid(w, order[i], rid);
	return rc;
}

static void tell(struct arena *a, const struct prune *op, const struct found *x)
{
	bool more = x->n == LIMIT_PRUNE_RUNS || x->n_looked_at == LIMIT_PRUNE_LOOK;
	/* so many of one millisecond that all stay: go on behind them */
	int64_t next_ms = x->n == 0 && x->last_ms == op->from_ms ? x->last_ms + 1 : x->last_ms;
	struct str *ids = ARENA_NEW_ARRAY(a, struct str, x->n);
	for (size_t i = 0; i < x->n; i++)
		ids[i] = x->ids[i];
	*op->ret = (struct pruned){ids, x->n, more ? next_ms : INT64_MAX};
}

int sqlprune_step(struct sqlwrite *w, struct arena *a, const struct prune *op)
{
	struct found x = {0};
	int rc = look(w, a, op, &x);
	for (size_t i = 0; rc == SQLITE_OK && i < x.n; i++)
		rc = op->what == RETAINED_LOGS ? delete_by_rid(w, SQL_RUN_DELETE_LOGS, x.rids[i])
					       : delete_run(w, x.rids[i]);
	if (rc != SQLITE_OK)
		return rc;
	w->n_pruned += x.n;
	if (x.n > 0 && op->what == RETAINED_RUNS) {
		sqlids_clear(&w->runs);
		sqlids_clear(&w->attempts);
	}
	tell(a, op, &x);
	return SQLITE_OK;
}
