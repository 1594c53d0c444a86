/*
 * One connection to an SQLite file, its prepared statements by name, binding in order and reading
 * columns by name. One thread at a time. Functions give SQLite's result codes unless they say
 * otherwise; sqlconn_errno() makes a fault of one.
 *
 *   struct sqlstmt *st = sqlconn_stmt(c, SQL_RUN_GET);
 *   sqlstmt_text(st, id);
 *   while ((rc = sqlstmt_row(st)) == SQLITE_ROW) ... sqlstmt_col_i64(st, "rid") ...
 *   sqlstmt_reset(st);
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "sql.h"

struct sqlstmt {
	sqlite3_stmt *s; /* NULL until first used */
	sqlite3 *db;
	int n_bound, n_cols, col_at;
};

struct sqlconn {
	sqlite3 *db;
	const char *path; /* borrowed from SQLite */
	struct sqlstmt stmts[SQL_N_QUERIES];
};

enum sqlconn_role { SQLCONN_WRITER, SQLCONN_READER };

/*
 * Opens the file (it must exist; an empty one is a fresh database) through the named VFS (NULL =
 * the system's). Neither role ever checkpoints by itself; the reader can't write. On failure
 * *ret_reason (may be NULL) gets a sentence, and nothing is left open.
 */
int sqlconn_open(const char *path, const char *vfs, enum sqlconn_role role, struct sqlconn **ret,
		 struct buf *ret_reason);
void sqlconn_close(struct sqlconn *c);

/* The statement, prepared on first use, reset, nothing bound. Its functions below cope with one
 * that could not be prepared: they give the error when it is run. */
struct sqlstmt *sqlconn_stmt(struct sqlconn *c, enum sql_query q);

/* Runs a statement without parameters and rows. */
int sqlconn_run(struct sqlconn *c, enum sql_query q);

/* The negative errno that says it best: -ENOSPC, -EBADMSG (not a database, corrupt), -EBUSY,
 * -ENOMEM, -EIO. 0 for SQLITE_OK, ROW and DONE. */
int sqlconn_errno(struct sqlconn *c, int rc);

/* Bind the next parameter. Text must live until the statement is reset; an empty view is NULL,
 * but "" by the second form. */
void sqlstmt_text(struct sqlstmt *st, struct str s);
void sqlstmt_text_or_empty(struct sqlstmt *st, struct str s);
void sqlstmt_z(struct sqlstmt *st, const char *z);
void sqlstmt_blob(struct sqlstmt *st, struct str s);
void sqlstmt_i64(struct sqlstmt *st, int64_t v);

/* SQLITE_ROW, SQLITE_DONE or an error. */
int sqlstmt_row(struct sqlstmt *st);

/* Runs to its end and resets: SQLITE_OK or an error. */
int sqlstmt_exec(struct sqlstmt *st);
void sqlstmt_reset(struct sqlstmt *st);

/* Columns of the current row. Reading them in the order of the statement is fastest. A text is a
 * copy in the arena; NULL is an empty view. */
int64_t sqlstmt_col_i64(struct sqlstmt *st, const char *name);
struct str sqlstmt_col_text(struct sqlstmt *st, const char *name, struct arena *a);
/* The same, borrowed until the next step. */
struct str sqlstmt_col_view(struct sqlstmt *st, const char *name);

/* The whole of a query of one number: SQLITE_ROW with the number, SQLITE_DONE when there is no
 * row, or an error. */
int sqlstmt_number(struct sqlstmt *st, const char *name, int64_t *ret);
