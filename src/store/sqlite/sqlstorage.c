/* How much room the runs of each workflow take: counted by an index, weighed by some of them. */
#include "store/sqlite/sqlread.h"
#include "store/sqlite/sqlread_part.h"

enum { PAGE_BYTES = 4096, SAMPLE_EACH_END = 20, INCREMENTAL = 2 };

static int read_pages(struct sqlconn *c, struct storage *ret)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_STORAGE_PAGES);
	int rc = sqlstmt_row(st);
	if (rc == SQLITE_ROW) {
		ret->bytes = sqlstmt_col_i64(st, "page_count") * PAGE_BYTES;
		ret->free_bytes = sqlstmt_col_i64(st, "freelist_count") * PAGE_BYTES;
		ret->shrinks = sqlstmt_col_i64(st, "auto_vacuum") == INCREMENTAL;
	}
	return ended(c, st, rc, 0);
}

static int read_workflows(struct sqlconn *c, struct arena *a, struct str project,
			  struct storage *ret)
{
	struct rows rows = {.size_bytes = sizeof(struct storage_row)};
	struct sqlstmt *st = sqlconn_stmt(c, SQL_STORAGE_WORKFLOWS);
	int rc;
	sqlstmt_text_or_empty(st, project);
	while ((rc = sqlstmt_row(st)) == SQLITE_ROW) {
		struct storage_row *row = rows_add(&rows, a);
		*row = (struct storage_row){
			.workflow_id = sqlstmt_col_text(st, "id", a),
			.workflow_name = sqlstmt_col_text(st, "name", a),
		};
	}
	ret->rows = (struct storage_row *)(void *)rows.p;
	ret->n = rows.n;
	return ended(c, st, rc, 0);
}

static int count_runs(struct sqlconn *c, struct storage_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_STORAGE_COUNT);
	sqlstmt_text(st, row->workflow_id);
	int rc = sqlstmt_row(st);
	if (rc == SQLITE_ROW) {
		row->n_runs = sqlstmt_col_i64(st, "n");
		row->oldest_ms = sqlstmt_col_i64(st, "oldest_ms");
	}
	return ended(c, st, rc, 0);
}

static int weigh_run(struct sqlconn *c, int64_t rid, struct storage_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_STORAGE_OF_RUN);
	sqlstmt_i64(st, rid);
	int rc = sqlstmt_row(st);
	if (rc == SQLITE_ROW) {
		row->bytes += sqlstmt_col_i64(st, "bytes");
		row->log_bytes += sqlstmt_col_i64(st, "log_bytes");
	}
	return ended(c, st, rc, 0);
}

static int weigh(struct sqlconn *c, struct storage_row *row)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_STORAGE_SAMPLE);
	int64_t n = 0;
	int rc, r = 0;
	sqlstmt_text(st, row->workflow_id);
	sqlstmt_i64(st, SAMPLE_EACH_END);
	while (r == 0 && (rc = sqlstmt_row(st)) == SQLITE_ROW) {
		r = weigh_run(c, sqlstmt_col_i64(st, "rid"), row);
		n++;
	}
	if (n > 0) {
		row->bytes = row->bytes * row->n_runs / n;
		row->log_bytes = row->log_bytes * row->n_runs / n;
	}
	return ended(c, st, r ? SQLITE_DONE : rc, r);
}

static int read_storage(struct sqlconn *c, struct arena *a, struct str project, struct storage *ret)
{
	*ret = (struct storage){0};
	int r = read_pages(c, ret);
	if (r == 0)
		r = read_workflows(c, a, project, ret);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		r = count_runs(c, &ret->rows[i]);
		if (r == 0 && ret->rows[i].n_runs > 0)
			r = weigh(c, &ret->rows[i]);
	}
	return r;
}

int sqlread_storage(struct store_reader *reader, struct arena *a, struct str project,
		    struct storage *ret)
{
	struct sqlconn *c = conn_of(reader);
	int r = begin(c);
	return r != 0 ? r : end(c, read_storage(c, a, project, ret));
}
