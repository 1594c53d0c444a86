#include "store/sqlite/sqlblob.h"

#include <errno.h>
#include <zlib.h>

#include "base/limits.h"
#include "base/sha256.h"

#define PREFIX STR("sha256:")
enum { HASH_BYTES = SHA256_HEX_BYTES - 1, MOST_BYTES = 1 << 30 };

bool sqlblob_large(struct str value)
{
	return value.n > LIMIT_INLINE_BYTES || str_starts(value, PREFIX);
}

static bool is_ref(struct str column)
{
	return column.n == PREFIX.n + HASH_BYTES && str_starts(column, PREFIX);
}

static struct str hash_of(struct str ref)
{
	return str_n(ref.p + PREFIX.n, HASH_BYTES);
}

/* One more reference to a blob that is there; *ret_there says whether it was. */
static int add_ref(struct sqlconn *c, struct str hash, bool *ret_there)
{
	struct sqlstmt *st = sqlconn_stmt(c, SQL_BLOB_REF);
	sqlstmt_text(st, hash);
	int rc = sqlstmt_exec(st);
	*ret_there = rc == SQLITE_OK && sqlite3_changes(c->db) > 0;
	return rc;
}

int sqlblob_put(struct sqlconn *c, struct arena *a, struct str value, struct str *ret)
{
	*ret = value;
	if (!sqlblob_large(value))
		return SQLITE_OK;
	if (value.n > MOST_BYTES)
		return SQLITE_TOOBIG;
	char hex[SHA256_HEX_BYTES];
	sha256_hex(value, hex);
	char *column = arena_printf(a, "%s%s", PREFIX.p, hex);
	*ret = str_n(column, PREFIX.n + HASH_BYTES);
	bool there;
	int rc = add_ref(c, hash_of(*ret), &there);
	if (rc != SQLITE_OK || there)
		return rc;
	CLEANUP_BUF struct buf packed = {0};
	uLongf n_packed = compressBound(value.n);
	buf_reserve(&packed, n_packed);
	if (compress2((Bytef *)packed.p, &n_packed, (const Bytef *)value.p, value.n, 1) != Z_OK)
		return SQLITE_NOMEM;
	struct sqlstmt *st = sqlconn_stmt(c, SQL_BLOB_ADD);
	sqlstmt_text(st, hash_of(*ret));
	sqlstmt_i64(st, (int64_t)value.n);
	sqlstmt_blob(st, str_n(packed.p, n_packed));
	return sqlstmt_exec(st);
}

static int unpack(struct sqlstmt *st, struct arena *a, struct str *ret)
{
	int64_t n = sqlstmt_col_i64(st, "n_bytes");
	struct str packed = sqlstmt_col_view(st, "bytes");
	if (n <= 0 || n > MOST_BYTES)
		return -EUCLEAN;
	char *p = arena_alloc(a, (size_t)n + 1);
	uLongf n_got = (uLongf)n;
	if (uncompress((Bytef *)p, &n_got, (const Bytef *)packed.p, packed.n) != Z_OK ||
	    n_got != (uLongf)n)
		return -EUCLEAN;
	p[n] = '\0';
	*ret = str_n(p, (size_t)n);
	return 0;
}

int sqlblob_get(struct sqlconn *c, struct arena *a, struct str *value)
{
	if (!is_ref(*value))
		return 0;
	struct sqlstmt *st = sqlconn_stmt(c, SQL_BLOB_GET);
	sqlstmt_text(st, hash_of(*value));
	int rc = sqlstmt_row(st);
	int r = rc == SQLITE_ROW    ? unpack(st, a, value)
		: rc == SQLITE_DONE ? -EUCLEAN
				    : sqlconn_errno(c, rc);
	sqlstmt_reset(st);
	return r;
}

int sqlblob_unref(struct sqlconn *c, struct str column)
{
	if (!is_ref(column))
		return SQLITE_OK;
	struct sqlstmt *st = sqlconn_stmt(c, SQL_BLOB_UNREF);
	sqlstmt_text(st, hash_of(column));
	int rc = sqlstmt_exec(st);
	if (rc != SQLITE_OK)
		return rc;
	st = sqlconn_stmt(c, SQL_BLOB_DROP);
	sqlstmt_text(st, hash_of(column));
	return sqlstmt_exec(st);
}
