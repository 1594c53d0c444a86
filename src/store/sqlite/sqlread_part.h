/* What the files of the reading half share: snapshots, growing lists, pages. */
#pragma once

#include "engine/store.h"
#include "store/sqlite/sqlconn.h"

struct sqlread {
	struct store_reader reader;
	struct sqlconn *conn;
	struct buf folded; /* of one text that is searched */
};

static inline struct sqlconn *conn_of(struct store_reader *r)
{
	return container_of(r, struct sqlread, reader)->conn;
}

/* An approval from the current row, with what stands apart from it. */
int sqlread_approval_row(struct sqlconn *c, struct sqlstmt *st, struct arena *a,
			 struct approval_row *ret);

/* Begins a snapshot. */
static inline int begin(struct sqlconn *c)
{
	return sqlconn_errno(c, sqlconn_run(c, SQL_BEGIN_READ));
}

/* Ends the snapshot; what went wrong before stands. */
static inline int end(struct sqlconn *c, int r)
{
	int rc = sqlconn_run(c, SQL_COMMIT);
	if (rc != SQLITE_OK)
		sqlconn_run(c, SQL_ROLLBACK);
	return r != 0 ? r : sqlconn_errno(c, rc);
}

struct rows {
	char *p;
	size_t n, cap, size_bytes;
};

static inline void *rows_add(struct rows *rows, struct arena *a)
{
	if (rows->n == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 8;
		rows->p = arena_grow(a, rows->p, rows->cap * rows->size_bytes,
				     cap * rows->size_bytes);
		rows->cap = cap;
	}
	return rows->p + rows->n++ * rows->size_bytes;
}

static inline int64_t sql_limit(size_t limit)
{
	return limit == 0 || limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
}

static inline int64_t page_limit(const struct store_page *page)
{
	return sql_limit(page ? page->limit : 0);
}

static inline struct str page_after(const struct store_page *page)
{
	return page ? page->after : (struct str){0};
}

/* What the last sqlstmt_row() means, once the statement is done with. */
static inline int ended(struct sqlconn *c, struct sqlstmt *st, int rc, int r)
{
	int fault = sqlconn_errno(c, rc);
	sqlstmt_reset(st);
	return r != 0 ? r : fault;
}
