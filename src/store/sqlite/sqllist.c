/*
 * The lists that grow without end: runs and approvals. Each is a range of one index; what the
 * index does not decide is judged row by row, and a search stops after a while.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "store/search.h"
#include "store/sqlite/sqlblob.h"
#include "store/sqlite/sqlread.h"
#include "store/sqlite/sqlread_part.h"
#include "store/sqlite/sqlrow.h"

/* ---- runs ---- */

enum { LOOK_AT_CLOCK = 32 };

/* Lists are in the order of (created_ms, rid), newest first; one begins below such a place. */
struct place {
	int64_t created_ms, rid;
};

/* Below the run `after`, or, when it is gone, below where it was. */
static int begin_below(struct sqlconn *c, struct str after, struct place *ret)
{
	static const enum sql_query queries[] = {SQL_RUN_PLACE, SQL_RUN_PLACE_BELOW};
	*ret = (struct place){INT64_MAX, INT64_MAX};
	if (after.n == 0)
		return 0;
	for (int64_t i = 0; i < 2; i++) {
		struct sqlstmt *st = sqlconn_stmt(c, queries[i]);
		sqlstmt_text(st, after);
		int rc = sqlstmt_row(st);
		if (rc == SQLITE_ROW) {
			ret->rid = sqlstmt_col_i64(st, "rid") + i;
			ret->created_ms = sqlstmt_col_i64(st, "created_ms");
		}
		sqlstmt_reset(st);
		if (rc != SQLITE_DONE)
			return sqlconn_errno(c, rc);
	}
	*ret = (struct place){INT64_MIN, INT64_MIN};
	return 0;
}

/* The statement whose index fits the filter best. */
static struct sqlstmt *run_list_stmt(struct sqlconn *c, const struct run_filter *f)
{
	bool badly = f->has_status && run_status_final(f->status) && f->status != RUN_SUCCESS;
	enum sql_query q = SQL_RUN_LIST_PROJECT;
	struct str key = f->project;
	if (f->caller_run_id.n > 0) {
		q = SQL_RUN_LIST_CALLED;
		key = f->caller_run_id;
	} else if (f->has_status && !run_status_final(f->status)) {
		q = SQL_RUN_LIST_OPEN;
		key = (struct str){0};
	} else if (f->workflow_id.n > 0) {
		q = badly ? SQL_RUN_LIST_WORKFLOW_ENDED_BADLY : SQL_RUN_LIST_WORKFLOW;
		key = f->workflow_id;
	} else if (f->project.n == 0) {
		q = SQL_RUN_LIST_ALL;
	} else if (badly) {
		q = SQL_RUN_LIST_ENDED_BADLY;
	}
	struct sqlstmt *st = sqlconn_stmt(c, q);
	sqlstmt_text_or_empty(st, key);
	return st;
}

static struct sqlstmt *run_list_begin(struct sqlconn *c, const struct run_filter *f,
				      struct place below)
{
	struct sqlstmt *st = run_list_stmt(c, f);
	if (f->until_ms && below.created_ms >= f->until_ms)
		below = (struct place){f->until_ms - 1, INT64_MAX};
	sqlstmt_i64(st, f->since_ms ? f->since_ms : INT64_MIN);
	sqlstmt_i64(st, below.created_ms);
	sqlstmt_i64(st, below.rid);
	if (sqlite3_bind_parameter_count(st->s) > st->n_bound)
		sqlstmt_z(st, run_status_name(f->status));
	return st;
}

struct run_search {
	const struct run_filter *filter;
	struct search text;
	int64_t stop_ns;
	size_t n_looked_at;
};

/* Columns in the order of the statement: that is fastest. */
static bool run_hit(struct run_search *x, struct sqlstmt *st)
{
	const struct run_filter *f = x->filter;
	if (f->project.n > 0 && !str_eq(sqlstmt_col_view(st, "project"), f->project))
		return false;
	if (f->workflow_id.n > 0 && !str_eq(sqlstmt_col_view(st, "workflow_id"), f->workflow_id))
		return false;
	struct str name = sqlstmt_col_view(st, "workflow_name");
	if (f->has_status && !str_eqz(sqlstmt_col_view(st, "status"), run_status_name(f->status)))
		return false;
	if (f->text.n == 0 || search_in(&x->text, name))
		return true;
	struct str context = sqlstmt_col_view(st, "context");
	return (!sqlblob_large(context) && search_in(&x->text, context)) ||
	       search_in(&x->text, sqlstmt_col_view(st, "error"));
}

/* A search that its caller can go on with stops here. */
static bool enough(struct run_search *x)
{
	if (!x->filter->stop)
		return false;
	x->n_looked_at++;
	if (x->n_looked_at == x->filter->look_at)
		return true;
	return x->n_looked_at % LOOK_AT_CLOCK == 0 && clock_mono_ns(clock_system()) > x->stop_ns;
}

static int run_list(struct sqlconn *c, struct arena *a, struct run_search *x,
		    const struct store_page *page, struct rows *rows)
{
	struct place below;
	int64_t rid;
	size_t limit = (size_t)page_limit(page);
	int r = begin_below(c, page_after(page), &below), rc = SQLITE_DONE;
	if (r != 0)
		return r;
	struct sqlstmt *st = run_list_begin(c, x->filter, below);
	while (rows->n < limit && r == 0 && (rc = sqlstmt_row(st)) == SQLITE_ROW) {
		if (run_hit(x, st)) {
			struct run_row *row = rows_add(rows, a);
			r = sqlrow_run(st, a, row, &rid);
			row->output = (struct str){0};
			if (r == 0)
				r = sqlblob_get(c, a, &row->context);
		}
		if (!enough(x) || rows->n == limit)
			continue;
		*x->filter->stop = (struct run_list_stop){
			.after = sqlstmt_col_text(st, "id", a),
			.created_ms = sqlstmt_col_i64(st, "created_ms"),
		};
		break;
	}
	return ended(c, st, rc, r);
}

int sqlread_run_list(struct store_reader *reader, struct arena *a, const struct run_filter *f,
		     const struct store_page *page, struct run_row **ret, size_t *ret_n)
{
	struct sqlread *own = container_of(reader, struct sqlread, reader);
	struct rows rows = {.size_bytes = sizeof(struct run_row)};
	struct run_search x = {
		.filter = f,
		.stop_ns = clock_mono_ns(clock_system()) + LIMIT_SEARCH_MS * INT64_C(1000000),
	};
	*ret = NULL;
	*ret_n = 0;
	if (f->stop)
		*f->stop = (struct run_list_stop){0};
	/* no searched column holds a NUL */
	if (f->text.n > 0 && memchr(f->text.p, '\0', f->text.n))
		return 0;
	if (f->text.n > LIMIT_FILTER_TEXT_BYTES)
		return -E2BIG;
	search_begin(&x.text, a, f->text, &own->folded);
	int r = begin(own->conn);
	if (r == 0)
		r = end(own->conn, run_list(own->conn, a, &x, page, &rows));
	*ret = (struct run_row *)(void *)rows.p;
	*ret_n = rows.n;
	return r;
}

/* ---- approvals ---- */

/* The statement whose index fits the filter best. */
static enum sql_query approval_list_query(const struct approval_filter *f)
{
	if (f->has_status && f->status == APPROVAL_PENDING)
		return SQL_APPROVAL_LIST_PENDING;
	if (f->run_id.n > 0)
		return SQL_APPROVAL_LIST_RUN;
	if (f->workflow_id.n > 0)
		return f->has_status ? SQL_APPROVAL_LIST_WORKFLOW_STATUS
				     : SQL_APPROVAL_LIST_WORKFLOW;
	return f->has_status && f->project.n > 0 ? SQL_APPROVAL_LIST_STATUS : SQL_APPROVAL_LIST;
}

static int approval_list(struct sqlconn *c, struct arena *a, const struct approval_filter *f,
			 const struct store_page *page, struct rows *rows)
{
	struct str after = page_after(page);
	struct sqlstmt *st = sqlconn_stmt(c, approval_list_query(f));
	sqlstmt_text_or_empty(st, f->project);
	sqlstmt_text_or_empty(st, after.n ? after : STR("\xff\xff"));
	sqlstmt_text_or_empty(st, f->run_id);
	sqlstmt_text_or_empty(st, f->workflow_id);
	sqlstmt_text_or_empty(st, str_of(f->has_status ? approval_status_name(f->status) : ""));
	sqlstmt_i64(st, page_limit(page));
	int rc, r = 0;
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW && r == 0)
		r = sqlread_approval_row(c, st, a, rows_add(rows, a));
	return ended(c, st, rc, r);
}

int sqlread_approval_list(struct store_reader *reader, struct arena *a,
			  const struct approval_filter *f, const struct store_page *page,
			  struct approval_row **ret, size_t *ret_n)
{
	struct sqlconn *c = conn_of(reader);
	struct rows rows = {.size_bytes = sizeof(struct approval_row)};
	int r = begin(c);
	if (r == 0)
		r = end(c, approval_list(c, a, f, page, &rows));
	*ret = (struct approval_row *)(void *)rows.p;
	*ret_n = rows.n;
	return r;
}
