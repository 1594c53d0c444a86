#include "store/sqlite/sqlconn.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/sqlite/sqlwal.h"

enum { BUSY_MS = 10000 };

static void setup_once(void)
{
	/* statistics cost a mutex on every allocation */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_initialize();
}

static const char *const pragmas[] = {
	/* secure_delete: where it costs no writes of its own */
	[SQLCONN_WRITER] = "PRAGMA page_size = 4096; PRAGMA secure_delete = FAST;"
			   "PRAGMA synchronous = FULL;"
			   "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
			   "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
			   "PRAGMA foreign_keys = 0; PRAGMA cache_size = -4096;"
			   "PRAGMA cell_size_check = 1;",
	[SQLCONN_READER] = "PRAGMA query_only = 1; PRAGMA wal_autocheckpoint = 0;"
			   "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
			   "PRAGMA cache_size = -1024; PRAGMA cell_size_check = 1;",
};

/* Decided once, before there is a page. */
static int setup_fresh(struct sqlconn *c)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->db, "PRAGMA page_count", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	bool fresh = rc == SQLITE_ROW && sqlite3_column_int64(s, 0) == 0;
	sqlite3_finalize(s);
	if (rc == SQLITE_ROW)
		rc = SQLITE_OK;
	return fresh ? sqlite3_exec(c->db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL)
		     : rc;
}

static int setup(struct sqlconn *c, enum sqlconn_role role)
{
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, BUSY_MS);
	int rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK && role == SQLCONN_WRITER)
		rc = setup_fresh(c);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, pragmas[role], NULL, NULL, NULL);
	/* reads the first page: an unreadable file shows here */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	return rc;
}

int sqlconn_open(const char *path, const char *vfs, enum sqlconn_role role, struct sqlconn **ret,
		 struct buf *ret_reason)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, setup_once);
	struct sqlconn *c = NEW0(struct sqlconn);
	if (role == SQLCONN_WRITER)
		vfs = sqlwal_vfs(vfs);
	int rc = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
	if (rc == SQLITE_OK)
		rc = setup(c, role);
	if (rc != SQLITE_OK) {
		if (ret_reason)
			buf_printf(ret_reason, "%s: %s", path,
				   c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc));
		sqlconn_close(c);
		return rc;
	}
	c->path = sqlite3_db_filename(c->db, "main");
	*ret = c;
	return SQLITE_OK;
}

void sqlconn_close(struct sqlconn *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SQL_N_QUERIES; i++)
		sqlite3_finalize(c->stmts[i].s);
	int rc = sqlite3_close(c->db);
	ASSERT(rc == SQLITE_OK);
	free(c);
}

struct sqlstmt *sqlconn_stmt(struct sqlconn *c, enum sql_query q)
{
	struct sqlstmt *st = &c->stmts[q];
	st->n_bound = st->col_at = 0;
	if (st->s) {
		sqlite3_reset(st->s);
		return st;
	}
	st->db = c->db;
	const struct sql_text *text = &sql_queries[q];
	if (sqlite3_prepare_v3(c->db, text->sql, (int)text->n_sql + 1, SQLITE_PREPARE_PERSISTENT,
			       &st->s, NULL) == SQLITE_OK)
		st->n_cols = sqlite3_column_count(st->s);
	return st;
}

int sqlconn_run(struct sqlconn *c, enum sql_query q)
{
	return sqlstmt_exec(sqlconn_stmt(c, q));
}

int sqlconn_errno(struct sqlconn *c, int rc)
{
	int os = c && c->db ? sqlite3_system_errno(c->db) : 0;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		/* a failed sync is never a full disk: what it lost is unknown */
		if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
			return -EIO;
		return os == ENOSPC || os == EDQUOT ? -ENOSPC : -EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

void sqlstmt_text(struct sqlstmt *st, struct str s)
{
	st->n_bound++;
	if (s.n == 0)
		sqlite3_bind_null(st->s, st->n_bound);
	else
		sqlite3_bind_text64(st->s, st->n_bound, s.p, s.n, SQLITE_STATIC, SQLITE_UTF8);
}

void sqlstmt_text_or_empty(struct sqlstmt *st, struct str s)
{
	sqlite3_bind_text64(st->s, ++st->n_bound, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

void sqlstmt_z(struct sqlstmt *st, const char *z)
{
	sqlstmt_text(st, str_of(z));
}

void sqlstmt_blob(struct sqlstmt *st, struct str s)
{
	sqlite3_bind_blob64(st->s, ++st->n_bound, s.p, s.n, SQLITE_STATIC);
}

void sqlstmt_i64(struct sqlstmt *st, int64_t v)
{
	sqlite3_bind_int64(st->s, ++st->n_bound, v);
}

int sqlstmt_row(struct sqlstmt *st)
{
	st->col_at = 0;
	if (!st->s)
		return sqlite3_extended_errcode(st->db);
	return sqlite3_step(st->s);
}

int sqlstmt_exec(struct sqlstmt *st)
{
	int rc = sqlstmt_row(st);
	if (st->s)
		sqlite3_reset(st->s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

void sqlstmt_reset(struct sqlstmt *st)
{
	if (st->s)
		sqlite3_reset(st->s);
}

/* Looks from where the last one was found: in order, each is found at once. */
static int column(struct sqlstmt *st, const char *name)
{
	for (int i = 0; i < st->n_cols; i++) {
		int at = st->col_at;
		st->col_at = at + 1 == st->n_cols ? 0 : at + 1;
		if (strcmp(sqlite3_column_name(st->s, at), name) == 0)
			return at;
	}
	fault_bug(__FILE__, __LINE__, name);
}

int64_t sqlstmt_col_i64(struct sqlstmt *st, const char *name)
{
	return sqlite3_column_int64(st->s, column(st, name));
}

struct str sqlstmt_col_view(struct sqlstmt *st, const char *name)
{
	int at = column(st, name);
	const char *p = sqlite3_column_blob(st->s, at); /* of a text: its bytes as they are */
	size_t n = (size_t)sqlite3_column_bytes(st->s, at);
	return p && n > 0 ? str_n(p, n) : (struct str){0};
}

struct str sqlstmt_col_text(struct sqlstmt *st, const char *name, struct arena *a)
{
	struct str view = sqlstmt_col_view(st, name);
	return view.n ? arena_str(a, view) : (struct str){0};
}

int sqlstmt_number(struct sqlstmt *st, const char *name, int64_t *ret)
{
	int rc = sqlstmt_row(st);
	if (rc == SQLITE_ROW)
		*ret = sqlstmt_col_i64(st, name);
	sqlstmt_reset(st);
	return rc;
}
