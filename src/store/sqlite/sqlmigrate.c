#include "store/sqlite/sqlmigrate.h"

#include <errno.h>

#include "base/clock.h"

enum { APPLICATION_ID = 0x64727672 }; /* "drvr" */

static int fail(struct sqlconn *c, int rc, struct buf *ret_reason)
{
	buf_printf(ret_reason, "%s: %s", c->path, sqlite3_errmsg(c->db));
	return sqlconn_errno(c, rc);
}

static int pragma_number(struct sqlconn *c, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

/* Whether the file is drover's or empty. */
static int check_owner(struct sqlconn *c, bool *ret_empty, struct buf *ret_reason)
{
	int64_t id = 0, n_objects = 0;
	int rc = pragma_number(c, "PRAGMA application_id", &id);
	if (rc == SQLITE_OK)
		rc = pragma_number(c, "SELECT count(*) FROM sqlite_master", &n_objects);
	if (rc != SQLITE_OK)
		return fail(c, rc, ret_reason);
	*ret_empty = n_objects == 0;
	if (id == APPLICATION_ID || *ret_empty)
		return 0;
	buf_printf(ret_reason, "%s: is the database of another program", c->path);
	return -EPROTO;
}

static int check_row(struct sqlconn *c, sqlite3_stmt *s, int want, struct buf *ret_reason)
{
	int version = sqlite3_column_int(s, 0);
	const char *sha256 = (const char *)sqlite3_column_text(s, 1);
	const char *name = (const char *)sqlite3_column_text(s, 2);
	if (version > SQL_N_MIGRATIONS) {
		buf_printf(ret_reason,
			   "%s: was written by a newer drover (its schema is %d, this one knows "
			   "%d); use the newer program",
			   c->path, version, SQL_N_MIGRATIONS);
		return -EPROTO;
	}
	if (version != want) {
		buf_printf(ret_reason, "%s: migration %d is missing from schema_migrations",
			   c->path, want);
		return -EPROTO;
	}
	if (!str_eq(str_of(sha256), str_of(sql_migrations[version - 1].sha256))) {
		buf_printf(ret_reason,
			   "%s: migration %d (%s) is not the one this program has: it was changed "
			   "after it was applied",
			   c->path, version, name ? name : "?");
		return -EPROTO;
	}
	return 0;
}

/* Newest first, so that a newer schema is named as such. */
static int check_rows(struct sqlconn *c, int *ret_version, struct buf *ret_reason)
{
	int64_t newest = 0;
	int rc = pragma_number(c, "SELECT coalesce(max(version), 0) FROM schema_migrations",
			       &newest);
	sqlite3_stmt *s = NULL;
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(c->db,
					"SELECT version, sha256, name FROM schema_migrations "
					"ORDER BY version DESC",
					-1, &s, NULL);
	if (rc != SQLITE_OK)
		return fail(c, rc, ret_reason);
	int r = 0, want = (int)newest;
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW)
		r = check_row(c, s, want--, ret_reason);
	if (r == 0 && rc != SQLITE_DONE)
		r = fail(c, rc, ret_reason);
	sqlite3_finalize(s);
	*ret_version = (int)newest;
	return r;
}

int sqlmigrate_check(struct sqlconn *c, int *ret_version, struct buf *ret_reason)
{
	bool empty = false;
	*ret_version = 0;
	int r = check_owner(c, &empty, ret_reason);
	return r != 0 || empty ? r : check_rows(c, ret_version, ret_reason);
}

static int record(struct sqlconn *c, const struct sql_migration *m)
{
	sqlite3_stmt *s;
	int rc = sqlite3_prepare_v2(
		c->db,
		"INSERT INTO schema_migrations (version, name, sha256, applied_ms)"
		" VALUES (?1, ?2, ?3, ?4)",
		-1, &s, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int(s, 1, m->version);
	sqlite3_bind_text(s, 2, m->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, m->sha256, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, clock_wall_ms(clock_system()));
	rc = sqlite3_step(s);
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static const char first_sql[] =
	"PRAGMA application_id = 1685223026;"
	"CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
	" sha256 TEXT NOT NULL, applied_ms INTEGER NOT NULL)";
_Static_assert(APPLICATION_ID == 1685223026, "the pragma says the same");

static int apply(struct sqlconn *c, const struct sql_migration *m)
{
	int rc = sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK && m->version == 1)
		rc = sqlite3_exec(c->db, first_sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, m->sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = record(c, m);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int sqlmigrate_run(struct sqlconn *c, struct buf *ret_reason)
{
	int version;
	int r = sqlmigrate_check(c, &version, ret_reason);
	if (r != 0)
		return r;
	for (; version < SQL_N_MIGRATIONS; version++) {
		const struct sql_migration *m = &sql_migrations[version];
		int rc = apply(c, m);
		if (rc == SQLITE_OK)
			continue;
		buf_printf(ret_reason, "migration %d (%s): ", m->version, m->name);
		r = fail(c, rc, ret_reason);
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	return 0;
}
