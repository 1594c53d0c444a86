#include "store/sqlite/sqlread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/sqlblob.h"
#include "store/sqlite/sqlread_part.h"
#include "store/sqlite/sqlrow.h"

int sqlread_new(const struct store_ops *ops, const char *path, const char *vfs,
		struct store_reader **ret)
{
	struct sqlconn *conn;
	int rc = sqlconn_open(path, vfs, SQLCONN_READER, &conn, NULL);
	if (rc != SQLITE_OK)
		return sqlconn_errno(NULL, rc);
	struct sqlread *r = NEW0(struct sqlread);
	r->reader.ops = ops;
	r->conn = conn;
	*ret = &r->reader;
	return 0;
}

void sqlread_free(struct store_reader *reader)
{
	struct sqlread *r = container_of(reader, struct sqlread, reader);
	sqlconn_close(r->conn);
	buf_free(&r->folded);
	free(r);
}

/* ---- agents ---- */

static int capabilities(struct sqlconn *c, struct arena *a, struct agent_row *agent)
{
	struct rows rows = {.size_bytes = sizeof(struct capability_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_CAPABILITY_LIST);
	sqlstmt_text(st, agent->id);
	int rc, r = 0;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct capability_row *cap = rows_add(&rows, a);
		cap->name = sqlstmt_col_text(st, "name", a);
		cap->description = sqlstmt_col_text(st, "description", a);
		cap->input_schema = sqlstmt_col_text(st, "input_schema", a);
		cap->output_schema = sqlstmt_col_text(st, "output_schema", a);
		cap->probe = sqlstmt_col_text(st, "probe", a);
		if (!effect_parse(sqlstmt_col_view(st, "effect"), &cap->effect) ||
		    !risk_level_parse(sqlstmt_col_view(st, "risk_level"), &cap->risk_level))
			r = -EUCLEAN;
	}
	agent->capabilities = (struct capability_row *)(void *)rows.p;
	agent->n_capabilities = rows.n;
	return ended(c, st, rc, r);
}

static int agent_get(struct sqlconn *c, struct arena *a, struct str project, struct str id,
		     struct agent_row *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_AGENT_GET);
	sqlstmt_text(st, id);
	sqlstmt_text_or_empty(st, project);
	int rc = sqlstmt_row(st);
	int r = rc == SQLITE_ROW ? sqlrow_agent(st, a, ret)
				 : (rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
	r = ended(c, st, rc, r);
	return r != 0 ? r : capabilities(c, a, ret);
}

int sqlread_agent_get(struct store_reader *reader, struct arena *a, struct str project,
		      struct str id, struct agent_row *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, agent_get(c, a, project, id, ret));
}

/* Where a list by name goes on: behind the row with the id `after`, or behind that name. */
static int named_after(struct sqlconn *c, struct arena *a, enum sql_query q, struct str after,
		       struct str *ret_name, struct str *ret_id)
{
	*ret_name = *ret_id = (struct str){0};
	if (after.n == 0)
		return 0;
	struct sqlstmt *st = sqlconn_stmt(c, q);
	sqlstmt_text(st, after);
	int rc = sqlstmt_row(st);
	*ret_name = after;
	*ret_id = STR("\xff\xff"); /* behind every id */
	if (rc == SQLITE_ROW) {
		*ret_name = sqlstmt_col_text(st, "name", a);
		*ret_id = after;
	}
	return ended(c, st, rc, 0);
}

/* A list by name, ready to step. */
static struct sqlstmt *named_list(struct sqlconn *c, enum sql_query one, enum sql_query all,
				  struct str project, struct str name, struct str id,
				  const struct store_page *page)
{
	struct sqlstmt *st = sqlconn_stmt(c, project.n ? one : all);
	sqlstmt_text_or_empty(st, project);
	sqlstmt_text_or_empty(st, name);
	sqlstmt_text_or_empty(st, id);
	sqlstmt_i64(st, page_limit(page));
	return st;
}

static int agent_list(struct sqlconn *c, struct arena *a, struct str project,
		      const struct store_page *page, struct agent_row **ret, size_t *ret_n)
{
	struct str name, id;
	struct rows rows = {.size_bytes = sizeof(struct agent_row)};
	int r = named_after(c, a, SQL_AGENT_NAME, page_after(page), &name, &id), rc;
	if (r != 0)
		return r;
	struct sqlstmt *st =
		named_list(c, SQL_AGENT_LIST, SQL_AGENT_LIST_ALL, project, name, id, page);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0)
		r = sqlrow_agent(st, a, rows_add(&rows, a));
	r = ended(c, st, rc, r);
	*ret = (struct agent_row *)(void *)rows.p;
	*ret_n = rows.n;
	for (size_t i = 0; r == 0 && i < rows.n; i++)
		r = capabilities(c, a, &(*ret)[i]);
	return r;
}

int sqlread_agent_list(struct store_reader *reader, struct arena *a, struct str project,
		       const struct store_page *page, struct agent_row **ret, size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, agent_list(c, a, project, page, ret, ret_n));
}

/* ---- workflows ---- */

int sqlread_workflow_get(struct store_reader *reader, struct arena *a, struct str project,
			 struct str id, struct workflow_row *ret)
{
	struct sqlconn *c = conn_of(reader);
	struct sqlstmt *st = sqlconn_stmt(c, SQL_WORKFLOW_GET);
	sqlstmt_text(st, id);
	sqlstmt_text_or_empty(st, project);
	int rc = sqlstmt_row(st);
	int r = rc == SQLITE_ROW ? sqlrow_workflow(st, a, ret)
				 : (rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
	return ended(c, st, rc, r);
}

static int workflow_list(struct sqlconn *c, struct arena *a, struct str project,
			 const struct store_page *page, struct workflow_row **ret, size_t *ret_n)
{
	struct str name, id;
	struct rows rows = {.size_bytes = sizeof(struct workflow_row)};
	int r = named_after(c, a, SQL_WORKFLOW_NAME, page_after(page), &name, &id), rc;
	if (r != 0)
		return r;
	struct sqlstmt *st =
		named_list(c, SQL_WORKFLOW_LIST, SQL_WORKFLOW_LIST_ALL, project, name, id, page);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0)
		r = sqlrow_workflow(st, a, rows_add(&rows, a));
	*ret = (struct workflow_row *)(void *)rows.p;
	*ret_n = rows.n;
	return ended(c, st, rc, r);
}

int sqlread_workflow_list(struct store_reader *reader, struct arena *a, struct str project,
			  const struct store_page *page, struct workflow_row **ret, size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, workflow_list(c, a, project, page, ret, ret_n));
}

static int schedule_list(struct sqlconn *c, struct arena *a, struct str project,
			 const struct store_page *page, struct schedule_row **ret, size_t *ret_n)
{
	struct rows rows = {.size_bytes = sizeof(struct schedule_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_SCHEDULE_LIST);
	int r = 0, rc;
	sqlstmt_text_or_empty(st, project);
	sqlstmt_text_or_empty(st, page_after(page));
	sqlstmt_i64(st, page_limit(page));
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0)
		r = sqlrow_schedule(st, a, rows_add(&rows, a));
	*ret = (struct schedule_row *)(void *)rows.p;
	*ret_n = rows.n;
	return ended(c, st, rc, r);
}

int sqlread_schedule_list(struct store_reader *reader, struct arena *a, struct str project,
			  const struct store_page *page, struct schedule_row **ret, size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, schedule_list(c, a, project, page, ret, ret_n));
}

static int version_nodes(struct sqlconn *c, struct arena *a, struct version_row *version)
{
	struct rows rows = {.size_bytes = sizeof(struct workflow_node_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_VERSION_NODES);
	sqlstmt_text(st, version->workflow_id);
	sqlstmt_i64(st, version->version);
	int rc;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct workflow_node_row *node = rows_add(&rows, a);
		node->node_id = sqlstmt_col_text(st, "node_id", a);
		node->agent = sqlstmt_col_text(st, "agent", a);
		node->action = sqlstmt_col_text(st, "action", a);
	}
	version->nodes = (struct workflow_node_row *)(void *)rows.p;
	version->n_nodes = rows.n;
	return ended(c, st, rc, 0);
}

static int version_get(struct sqlconn *c, struct arena *a, struct str workflow_id, int64_t version,
		       struct version_row *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, version ? SQL_VERSION_GET : SQL_VERSION_NEWEST);
	sqlstmt_text(st, workflow_id);
	if (version)
		sqlstmt_i64(st, version);
	int rc = sqlstmt_row(st);
	if (rc == SQLITE_ROW)
		*ret = (struct version_row){
			.workflow_id = sqlstmt_col_text(st, "workflow_id", a),
			.version = sqlstmt_col_i64(st, "version"),
			.definition = sqlstmt_col_text(st, "definition", a),
			.sha256 = sqlstmt_col_text(st, "sha256", a),
			.created_ms = sqlstmt_col_i64(st, "created_ms"),
		};
	int r = ended(c, st, rc, rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
	return r != 0 ? r : sqlblob_get(c, a, &ret->definition);
}

int sqlread_version_get(struct store_reader *reader, struct arena *a, struct str workflow_id,
			int64_t version, struct version_row *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	if (r != 0)
		return r;
	r = version_get(c, a, workflow_id, version, ret);
	if (r == 0)
		r = version_nodes(c, a, ret);
	return end(c, r);
}

int sqlread_version_list(struct store_reader *reader, struct arena *a, struct str workflow_id,
			 const struct store_page *page, struct version_row **ret, size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	struct rows rows = {.size_bytes = sizeof(struct version_row)};
	struct str after = page_after(page);
	struct sqlstmt *st = sqlconn_stmt(c, SQL_VERSION_LIST);
	sqlstmt_text(st, workflow_id);
	sqlstmt_i64(st, after.n ? strtoll(arena_dup(a, after.p, after.n), NULL, 10) : INT64_MAX);
	sqlstmt_i64(st, page_limit(page));
	int rc;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct version_row *row = rows_add(&rows, a);
		*row = (struct version_row){
			.workflow_id = sqlstmt_col_text(st, "workflow_id", a),
			.version = sqlstmt_col_i64(st, "version"),
			.sha256 = sqlstmt_col_text(st, "sha256", a),
			.created_ms = sqlstmt_col_i64(st, "created_ms"),
		};
	}
	*ret = (struct version_row *)(void *)rows.p;
	*ret_n = rows.n;
	return ended(c, st, rc, 0);
}

/* ---- runs ---- */

static const struct run_part whole = {.to = INT64_MAX};

static void bind_part(struct sqlstmt *st, int64_t rid, const struct run_part *part)
{
	sqlstmt_i64(st, rid);
	sqlstmt_i64(st, part->from);
	sqlstmt_i64(st, part->to);
}

static int nodes_of(struct sqlconn *c, struct arena *a, int64_t rid, const struct run_row *run,
		    const struct run_part *part, struct node_row **ret, size_t *ret_n)
{
	struct rows rows = {.size_bytes = sizeof(struct node_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_NODE_LIST);
	bind_part(st, rid, part);
	int rc, r = 0;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0) {
		struct node_row *node = rows_add(&rows, a);
		r = sqlrow_node(st, a, node);
		node->run_id = run->id;
		if (r == 0)
			r = sqlblob_get(c, a, &node->output);
		if (r == 0)
			r = sqlblob_get(c, a, &node->detail);
	}
	*ret = (struct node_row *)(void *)rows.p;
	*ret_n = rows.n;
	return ended(c, st, rc, r);
}

static int by_index(const void *key, const void *member)
{
	int64_t want = *(const int64_t *)key, have = ((const struct node_row *)member)->index;
	return want < have ? -1 : want > have;
}

/* The node's output when this attempt made it. */
static struct str attempt_output(const struct attempt_row *attempt, const struct node_row *nodes,
				 size_t n_nodes)
{
	if (n_nodes == 0 || attempt->status != ATTEMPT_SUCCESS)
		return (struct str){0};
	const struct node_row *node =
		bsearch(&attempt->node_index, nodes, n_nodes, sizeof(*nodes), by_index);
	bool made = node && node->status == NODE_SUCCESS && node->attempt == attempt->attempt &&
		    node->copied_from.n == 0;
	return made ? node->output : (struct str){0};
}

static int attempts_of(struct sqlconn *c, struct arena *a, int64_t rid, const struct run_row *run,
		       const struct run_part *part, bool with_final, struct attempt_row **ret,
		       size_t *ret_n)
{
	struct rows rows = {.size_bytes = sizeof(struct attempt_row)};
	struct sqlstmt *st = sqlconn_stmt(c, with_final ? SQL_ATTEMPT_LIST : SQL_ATTEMPT_LIST_OPEN);
	bind_part(st, rid, part);
	int rc, r = 0;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && (r == 0 || !with_final)) {
		struct attempt_row *row = rows_add(&rows, a);
		int now = sqlrow_attempt(st, a, row);
		row->run_id = run->id;
		row->project = run->project;
		if (now == 0)
			now = sqlblob_get(c, a, &row->input);
		if (now != 0)
			row->input = (struct str){0};
		r = r ? r : now;
	}
	*ret = (struct attempt_row *)(void *)rows.p;
	*ret_n = rows.n;
	return ended(c, st, rc, r);
}

int sqlread_approval_row(struct sqlconn *c, struct sqlstmt *st, struct arena *a,
			 struct approval_row *ret)
{
	int r = sqlrow_approval(st, a, ret);
	return r == 0 ? sqlblob_get(c, a, &ret->inputs) : r;
}

static int approvals_of(struct sqlconn *c, struct arena *a, int64_t rid,
			const struct run_part *part, struct approval_row **ret, size_t *ret_n)
{
	struct rows rows = {.size_bytes = sizeof(struct approval_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_APPROVALS_OF_RUN);
	bind_part(st, rid, part);
	int rc, r = 0;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0)
		r = sqlread_approval_row(c, st, a, rows_add(&rows, a));
	*ret = (struct approval_row *)(void *)rows.p;
	*ret_n = rows.n;
	return ended(c, st, rc, r);
}

/* Where the nodes of the definition end and items begin. */
static int end_of_nodes(struct sqlconn *c, const struct run_row *run, int64_t *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_VERSION_NODES_COUNT);
	sqlstmt_text(st, run->workflow_id);
	sqlstmt_i64(st, run->workflow_version);
	return sqlconn_errno(c, sqlstmt_number(st, "n", ret));
}

static int run_get(struct sqlconn *c, struct arena *a, struct str project, struct str id,
		   const struct run_part *want, struct run_detail *ret)
{
	struct run_part part = *want;
	*ret = (struct run_detail){0};
	int64_t rid = 0;
	struct sqlstmt *st = sqlconn_stmt(c, SQL_RUN_GET);
	sqlstmt_text(st, id);
	sqlstmt_text_or_empty(st, project);
	int rc = sqlstmt_row(st);
	int r = rc == SQLITE_ROW ? sqlrow_run(st, a, &ret->run, &rid)
				 : (rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
	r = ended(c, st, rc, r);
	if (r == 0)
		r = sqlblob_get(c, a, &ret->run.context);
	if (r == 0)
		r = sqlblob_get(c, a, &ret->run.output);
	struct version_row version = {0};
	if (r == 0 && ret->run.workflow_version > 0)
		r = version_get(c, a, ret->run.workflow_id, ret->run.workflow_version, &version);
	if (r == STORE_NOT_FOUND && ret->run.id.n > 0)
		r = 0; /* the run is there, its version is not */
	ret->definition = version.definition;
	if (r == 0 && part.to == 0)
		r = end_of_nodes(c, &ret->run, &part.to);
	if (r == 0)
		r = nodes_of(c, a, rid, &ret->run, &part, &ret->nodes, &ret->n_nodes);
	if (r == 0)
		r = attempts_of(c, a, rid, &ret->run, &part, true, &ret->attempts,
				&ret->n_attempts);
	if (r == 0)
		r = approvals_of(c, a, rid, &part, &ret->approvals, &ret->n_approvals);
	for (size_t i = 0; r == 0 && i < ret->n_attempts; i++)
		ret->attempts[i].output =
			attempt_output(&ret->attempts[i], ret->nodes, ret->n_nodes);
	return r;
}

int sqlread_run_get(struct store_reader *reader, struct arena *a, struct str project, struct str id,
		    struct run_detail *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, run_get(c, a, project, id, &whole, ret));
}

int sqlread_run_get_part(struct store_reader *reader, struct arena *a, struct str project,
			 struct str id, const struct run_part *part, struct run_detail *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, run_get(c, a, project, id, part, ret));
}

static int count_rows(struct sqlconn *c, int64_t rid, const struct run_part *part,
		      struct node_counts *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_NODE_COUNTS);
	int rc, r = 0;
	bind_part(st, rid, part);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0) {
		enum node_status status;
		int64_t n = sqlstmt_col_i64(st, "n");
		if (!node_status_parse(sqlstmt_col_view(st, "status"), &status))
			r = -EUCLEAN;
		else if (node_status_final(status))
			ret->ended[status] = n;
		else if (status == NODE_RUNNING || status == NODE_QUEUED)
			ret->running += n;
		else if (status == NODE_UNKNOWN)
			ret->waiting += n;
	}
	return ended(c, st, rc, r);
}

static int count_attempts(struct sqlconn *c, int64_t rid, const struct run_part *part,
			  struct node_counts *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_ATTEMPT_COUNTS);
	int rc;
	bind_part(st, rid, part);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		if (str_eqz(sqlstmt_col_view(st, "status"), "RUNNING"))
			ret->running += sqlstmt_col_i64(st, "n");
		else
			ret->queued = sqlstmt_col_i64(st, "n");
	}
	return ended(c, st, rc, 0);
}

static int node_counts(struct sqlconn *c, struct str run_id, const struct run_part *part,
		       struct node_counts *ret)
{
	int64_t rid = 0;
	*ret = (struct node_counts){0};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_RUN_RID);
	sqlstmt_text(st, run_id);
	int rc = sqlstmt_number(st, "rid", &rid);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? STORE_NOT_FOUND : sqlconn_errno(c, rc);
	int r = count_rows(c, rid, part, ret);
	if (r == 0)
		r = count_attempts(c, rid, part, ret);
	if (r != 0)
		return r;
	int64_t n = 0;
	st = sqlconn_stmt(c, SQL_APPROVAL_COUNTS);
	bind_part(st, rid, part);
	rc = sqlstmt_number(st, "n", &n);
	ret->waiting += n;
	return sqlconn_errno(c, rc);
}

int sqlread_node_counts(struct store_reader *reader, struct str run_id, const struct run_part *part,
			struct node_counts *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, node_counts(c, run_id, part, ret));
}

int sqlread_run_head(struct store_reader *reader, struct arena *a, struct str project,
		     struct str id, struct run_row *ret)
{
	struct sqlconn *c = conn_of(reader);
	int64_t rid;
	struct sqlstmt *st = sqlconn_stmt(c, SQL_RUN_GET);
	sqlstmt_text(st, id);
	sqlstmt_text_or_empty(st, project);
	int rc = sqlstmt_row(st);
	int r = rc == SQLITE_ROW ? sqlrow_run(st, a, ret, &rid)
				 : (rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
	if (rc == SQLITE_ROW)
		ret->context = ret->output = (struct str){0};
	return ended(c, st, rc, r);
}

/* Row number of a run; 0 when it is not there. */
static int rid_of(struct sqlconn *c, struct str run_id, int64_t *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_RUN_RID);
	sqlstmt_text(st, run_id);
	*ret = 0;
	return sqlconn_errno(c, sqlstmt_number(st, "rid", ret));
}

static int event_list(struct sqlconn *c, struct arena *a, struct str run_id, int64_t after_seq,
		      size_t limit, struct rows *rows)
{
	int64_t rid;
	int r = rid_of(c, run_id, &rid), rc;
	if (r != 0 || rid == 0)
		return r;
	struct str id = arena_str(a, run_id);
	struct sqlstmt *st = sqlconn_stmt(c, SQL_EVENT_LIST);
	sqlstmt_i64(st, rid);
	sqlstmt_i64(st, after_seq);
	sqlstmt_i64(st, sql_limit(limit));
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct event_row *row = rows_add(rows, a);
		*row = (struct event_row){
			.run_id = id,
			.seq = sqlstmt_col_i64(st, "seq"),
			.time_ms = sqlstmt_col_i64(st, "time_ms"),
			.type = sqlstmt_col_text(st, "type", a),
			.data = sqlstmt_col_text(st, "data", a),
		};
	}
	return ended(c, st, rc, 0);
}

int sqlread_event_list(struct store_reader *reader, struct arena *a, struct str run_id,
		       int64_t after_seq, size_t limit, struct event_row **ret, size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	struct rows rows = {.size_bytes = sizeof(struct event_row)};
	int r = begin(c);
	if (r == 0)
		r = end(c, event_list(c, a, run_id, after_seq, limit, &rows));
	*ret = (struct event_row *)(void *)rows.p;
	*ret_n = rows.n;
	return r;
}

static int log_list(struct sqlconn *c, struct arena *a, struct str run_id, struct str node_id,
		    int64_t after_line, size_t limit, struct rows *rows)
{
	int64_t rid;
	int r = rid_of(c, run_id, &rid), rc;
	if (r != 0 || rid == 0)
		return r;
	struct str run = arena_str(a, run_id), node = arena_str(a, node_id);
	struct sqlstmt *st = sqlconn_stmt(c, SQL_LOG_LIST);
	sqlstmt_i64(st, rid);
	sqlstmt_text_or_empty(st, node);
	sqlstmt_i64(st, after_line);
	sqlstmt_i64(st, sql_limit(limit));
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct log_row *row = rows_add(rows, a);
		*row = (struct log_row){
			.run_id = run,
			.node_id = node,
			.seq = sqlstmt_col_i64(st, "seq"),
			.n_lines = sqlstmt_col_i64(st, "n_lines"),
			.attempt = sqlstmt_col_i64(st, "attempt"),
			.attempt_id = sqlstmt_col_text(st, "attempt_id", a),
			.time_ms = sqlstmt_col_i64(st, "time_ms"),
			.text = sqlstmt_col_text(st, "text", a),
		};
	}
	return ended(c, st, rc, 0);
}

int sqlread_log_list(struct store_reader *reader, struct arena *a, struct str run_id,
		     struct str node_id, int64_t after_line, size_t limit, struct log_row **ret,
		     size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	struct rows rows = {.size_bytes = sizeof(struct log_row)};
	int r = begin(c);
	if (r == 0)
		r = end(c, log_list(c, a, run_id, node_id, after_line, limit, &rows));
	*ret = (struct log_row *)(void *)rows.p;
	*ret_n = rows.n;
	return r;
}

int sqlread_key_get(struct store_reader *reader, struct arena *a, struct str project,
		    struct str key, struct key_row *ret)
{
	struct sqlconn *c = conn_of(reader);
	struct sqlstmt *st = sqlconn_stmt(c, SQL_KEY_GET);
	sqlstmt_text_or_empty(st, project);
	sqlstmt_text_or_empty(st, key);
	int rc = sqlstmt_row(st);
	if (rc == SQLITE_ROW)
		*ret = (struct key_row){
			.project = sqlstmt_col_text(st, "project", a),
			.key = sqlstmt_col_text(st, "key", a),
			.body_sha256 = sqlstmt_col_text(st, "body_sha256", a),
			.run_id = sqlstmt_col_text(st, "run_id", a),
			.created_ms = sqlstmt_col_i64(st, "created_ms"),
		};
	return ended(c, st, rc, rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
}

/* ---- approvals ---- */

static int approval_get(struct sqlconn *c, struct arena *a, struct str project, struct str id,
			struct approval_row *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_APPROVAL_GET);
	sqlstmt_text(st, id);
	sqlstmt_text_or_empty(st, project);
	int rc = sqlstmt_row(st);
	int r = rc == SQLITE_ROW ? sqlread_approval_row(c, st, a, ret)
				 : (rc == SQLITE_DONE ? STORE_NOT_FOUND : 0);
	return ended(c, st, rc, r);
}

int sqlread_approval_get(struct store_reader *reader, struct arena *a, struct str project,
			 struct str id, struct approval_row *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, approval_get(c, a, project, id, ret));
}

/* ---- recovery ---- */

static int signals_of(struct sqlconn *c, struct arena *a, int64_t rid, struct open_run *run)
{
	struct rows rows = {.size_bytes = sizeof(struct signal_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_SIGNAL_LIST);
	int rc;
	sqlstmt_i64(st, rid);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct signal_row *row = rows_add(&rows, a);
		*row = (struct signal_row){
			.run_id = run->run.id,
			.seq = sqlstmt_col_i64(st, "seq"),
			.name = sqlstmt_col_text(st, "name", a),
			.data = sqlstmt_col_text(st, "data", a),
			.time_ms = sqlstmt_col_i64(st, "time_ms"),
		};
	}
	run->signals = (struct signal_row *)(void *)rows.p;
	run->n_signals = rows.n;
	return ended(c, st, rc, 0);
}

/* A damaged row harms only its own run, of which the rest is read. */
static int spare(struct open_run *run, int r)
{
	run->damaged = run->damaged || r == -EUCLEAN;
	return r == -EUCLEAN ? 0 : r;
}

static int open_run(struct sqlconn *c, struct sqlstmt *st, struct arena *a, struct open_run *ret)
{
	int64_t rid;
	*ret = (struct open_run){0};
	int r = spare(ret, sqlrow_run(st, a, &ret->run, &rid));
	if (r == 0)
		r = spare(ret, sqlblob_get(c, a, &ret->run.context));
	if (r == 0)
		r = spare(ret, nodes_of(c, a, rid, &ret->run, &whole, &ret->nodes, &ret->n_nodes));
	if (r == 0)
		r = spare(ret, attempts_of(c, a, rid, &ret->run, &whole, false, &ret->attempts,
					   &ret->n_attempts));
	if (r == 0)
		r = spare(ret, approvals_of(c, a, rid, &whole, &ret->approvals, &ret->n_approvals));
	if (r == 0)
		r = signals_of(c, a, rid, ret);
	if (r != 0)
		return r;
	struct sqlstmt *last = sqlconn_stmt(c, SQL_EVENT_LAST);
	sqlstmt_i64(last, rid);
	return sqlconn_errno(c, sqlstmt_number(last, "n", &ret->last_event_seq));
}

int sqlread_open_runs(struct store_reader *reader,
		      int (*each)(void *arg, struct arena *a, const struct open_run *run),
		      void *arg)
{
	struct sqlconn *c = conn_of(reader);
	CLEANUP_ARENA struct arena a = {0};
	int r = begin(c), rc;
	if (r != 0)
		return r;
	struct sqlstmt *st = sqlconn_stmt(c, SQL_RUN_OPEN);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0) {
		struct open_run run;
		r = open_run(c, st, &a, &run);
		if (r == 0 && run.damaged)
			log_event(ERROR, "store.run_damaged", LOG_STR("run_id", run.run.id));
		if (r == 0)
			r = each(arg, &a, &run);
		arena_reset(&a);
	}
	return end(c, ended(c, st, rc, r));
}
