#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fault.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/sqlite/sqllock.h"
#include "store/sqlite/sqlmigrate.h"
#include "store/sqlite/sqlread.h"
#include "store/sqlite/sqlwrite.h"

enum {
	CHECKPOINT_PAGES = 4000,  /* of WAL: checkpoint now, 16 MiB */
	CHECKPOINT_IDLE_MS = 300, /* quiet for so long: checkpoint what there is */
	ROOM_PAGES = 4096,	  /* free pages kept for what comes, 16 MiB, ... */
	ROOM_PART = 10,		  /* ... or a tenth of the file; more is given back */
	GIVE_BACK_PAGES = 256,	  /* at once */
};

struct fifo {
	struct txn *first, *last;
};

struct sqlite_store {
	struct store store;
	char *path, *vfs;
	void (*wake)(void *arg);
	void *wake_arg;
	int lock_fd;
	pthread_t thread;

	/* the store thread's */
	struct sqlconn *conn;
	struct sqlwrite writer;
	int wal_pages;	   /* as of the last commit */
	int checkpoint_at; /* when it has so many */
	bool wal_fresh;	   /* something was committed since the last checkpoint */
	bool may_shrink;   /* pages may be free that are worth giving back */

	pthread_mutex_t mutex;
	pthread_cond_t work, told; /* something to write; something to tell */
	/* under the mutex */
	struct fifo waiting;
	struct fifo ok, failed; /* to be told; all of `ok` were submitted before all of `failed` */
	bool failing;		/* a failure waits to be told: nothing may overtake it */
	bool stopping;
	bool woken; /* wake() was called and not yet answered by a drain */
	struct sqlite_store_stats stats;
};

static const struct store_ops sqlite_ops;

static struct sqlite_store *sqlite_of(struct store *s)
{
	ASSERT(s->ops == &sqlite_ops);
	return container_of(s, struct sqlite_store, store);
}

static void fifo_append(struct fifo *to, struct fifo *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	*from = (struct fifo){0};
}

static void fatal(struct sqlite_store *s, int rc, const char *doing)
{
	int os = sqlite3_system_errno(s->conn->db);
	fault_fatal("store: %s: %s failed: %s (%s%s%s); nothing more is acknowledged", s->path,
		    doing, sqlite3_errmsg(s->conn->db), sqlite3_errstr(rc), os ? ", " : "",
		    os ? strerror(os) : "");
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- the store thread ---- */

/* Takes what waits, up to the rows of one commit. Under the mutex. */
static struct fifo take_batch(struct sqlite_store *s)
{
	struct fifo batch = s->waiting;
	size_t n_ops = 0;
	for (struct txn *txn = batch.first; txn; txn = txn->next) {
		n_ops += txn->n_ops;
		if (n_ops < LIMIT_TXN_OPS || !txn->next)
			continue;
		s->waiting.first = txn->next;
		batch.last = txn;
		txn->next = NULL;
		return batch;
	}
	s->waiting = (struct fifo){0};
	return batch;
}

static int write_batch(struct sqlite_store *s, const struct fifo *batch)
{
	int rc = sqlconn_run(s->conn, SQL_BEGIN_WRITE);
	for (struct txn *txn = batch->first; rc == SQLITE_OK && txn; txn = txn->next)
		rc = sqlwrite_txn(&s->writer, txn);
	return rc == SQLITE_OK ? sqlconn_run(s->conn, SQL_COMMIT) : rc;
}

/* 0 or -ENOSPC; does not return from anything else. */
static int commit_batch(struct sqlite_store *s, const struct fifo *batch)
{
	int rc = write_batch(s, batch);
	if (rc == SQLITE_OK)
		return 0;
	if (sqlconn_errno(s->conn, rc) != -ENOSPC)
		fatal(s, rc, "writing");
	if (!sqlite3_get_autocommit(s->conn->db)) {
		rc = sqlconn_run(s->conn, SQL_ROLLBACK);
		if (rc != SQLITE_OK)
			fatal(s, rc, "undoing after a full disk");
	}
	sqlwrite_rolled_back(&s->writer);
	return -ENOSPC;
}

static void checkpoint(struct sqlite_store *s, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(s->conn->db, NULL, mode, NULL, NULL);
	/* a reader in the way or a full disk: the WAL keeps it all, the next time will do */
	if (rc != SQLITE_OK && rc != SQLITE_BUSY && sqlconn_errno(s->conn, rc) != -ENOSPC)
		fatal(s, rc, "checkpoint");
	/* while a reader keeps the WAL from starting anew, not again at every commit */
	s->checkpoint_at = s->wal_pages + CHECKPOINT_PAGES;
	s->wal_fresh = false;
	sqlite3_db_release_memory(s->conn->db);
}

/* A pragma of one number; 0 when it fails. */
static int64_t pragma(struct sqlite_store *s, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	if (sqlite3_prepare_v2(s->conn->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static void count_pages(struct sqlite_store *s)
{
	uint64_t pages = (uint64_t)pragma(s, "PRAGMA page_count");
	uint64_t free_pages = (uint64_t)pragma(s, "PRAGMA freelist_count");
	pthread_mutex_lock(&s->mutex);
	s->stats.n_pages = pages;
	s->stats.n_free_pages = free_pages;
	pthread_mutex_unlock(&s->mutex);
}

/*
 * Cuts free pages off the end of the file, so many at once; false when there are no more than
 * should be kept. A file from before auto_vacuum can't be cut: it uses its free pages again.
 */
static bool give_back(struct sqlite_store *s)
{
	enum { INCREMENTAL = 2 };
	if (!s->may_shrink)
		return false;
	int64_t n_free = pragma(s, "PRAGMA freelist_count");
	int64_t room = pragma(s, "PRAGMA page_count") / ROOM_PART;
	if (n_free <= (room > ROOM_PAGES ? room : ROOM_PAGES) ||
	    pragma(s, "PRAGMA auto_vacuum") != INCREMENTAL) {
		s->may_shrink = false;
		return false;
	}
	_Static_assert(GIVE_BACK_PAGES == 256, "the pragma says the same");
	int rc = sqlite3_exec(s->conn->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return true;
	/* a full disk: the pages stay free */
	if (sqlconn_errno(s->conn, rc) != -ENOSPC)
		fatal(s, rc, "giving space back");
	s->may_shrink = false;
	return false;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int n_pages)
{
	struct sqlite_store *s = arg;
	if (n_pages < s->wal_pages)
		s->checkpoint_at = CHECKPOINT_PAGES;
	s->wal_pages = n_pages;
	s->wal_fresh = true;
	return SQLITE_OK;
}

static void count_batch(struct sqlite_store *s, const struct fifo *batch, uint64_t ns)
{
	for (const struct txn *txn = batch->first; txn; txn = txn->next) {
		s->stats.n_txns++;
		s->stats.n_ops += txn->n_ops;
	}
	s->stats.n_commits++;
	s->stats.commit_ns += ns;
	s->stats.cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Under the mutex. */
static void tell(struct sqlite_store *s)
{
	pthread_cond_signal(&s->told);
	if (s->woken || !s->wake)
		return;
	s->woken = true;
	s->wake(s->wake_arg);
}

/* Sleeps until there is work; false when a quiet moment passed instead. Under the mutex. */
static bool wait_work(struct sqlite_store *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += CHECKPOINT_IDLE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!s->waiting.first && !s->stopping) {
		if (!s->wal_fresh && !s->may_shrink)
			pthread_cond_wait(&s->work, &s->mutex);
		else if (pthread_cond_timedwait(&s->work, &s->mutex, &until) == ETIMEDOUT)
			return false;
	}
	return true;
}

/* One batch, from taken to told. Under the mutex, but not while it writes. */
static void do_batch(struct sqlite_store *s)
{
	if (s->failing) {
		fifo_append(&s->failed, &s->waiting);
		tell(s);
		return;
	}
	struct fifo batch = take_batch(s);
	pthread_mutex_unlock(&s->mutex);
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	uint64_t n_pruned = s->writer.n_pruned;
	int r = commit_batch(s, &batch);
	s->may_shrink = s->may_shrink || s->writer.n_pruned != n_pruned;
	uint64_t ns = now_ns(CLOCK_MONOTONIC) - start;
	pthread_mutex_lock(&s->mutex);
	if (r == 0) {
		count_batch(s, &batch, ns);
		fifo_append(&s->ok, &batch);
	} else {
		s->stats.n_full++;
		s->failing = true;
		fifo_append(&s->failed, &batch);
	}
	tell(s);
}

/* In a quiet moment, until somebody comes. Under the mutex, but not while it writes. */
static void shrink(struct sqlite_store *s)
{
	bool more = true;
	while (more && !s->waiting.first && !s->stopping) {
		pthread_mutex_unlock(&s->mutex);
		more = give_back(s);
		if (more && s->wal_pages >= s->checkpoint_at)
			checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
		pthread_mutex_lock(&s->mutex);
	}
}

static void *run(void *arg)
{
	struct sqlite_store *s = arg;
	s->may_shrink = true;
	count_pages(s);
	pthread_mutex_lock(&s->mutex);
	for (;;) {
		bool quiet = !wait_work(s);
		if (s->stopping && !s->waiting.first)
			break;
		if (!quiet)
			do_batch(s);
		else
			shrink(s);
		if (quiet || s->wal_pages >= s->checkpoint_at) {
			pthread_mutex_unlock(&s->mutex);
			checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
			count_pages(s);
			pthread_mutex_lock(&s->mutex);
			s->stats.n_checkpoints++;
		}
	}
	pthread_mutex_unlock(&s->mutex);
	checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
	return NULL;
}

/* ---- the loop thread ---- */

static void sqlite_submit(struct store *store, struct txn *txn)
{
	struct sqlite_store *s = sqlite_of(store);
	txn->next = NULL;
	struct fifo one = {txn, txn};
	pthread_mutex_lock(&s->mutex);
	bool idle = !s->waiting.first;
	fifo_append(&s->waiting, &one);
	s->stats.n_waiting++;
	if (idle)
		pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mutex);
}

static size_t tell_all(struct txn *txn, int r)
{
	size_t n = 0;
	while (txn) {
		struct txn *next = txn->next;
		txn->next = NULL;
		txn->done(txn, r);
		txn = next;
		n++;
	}
	return n;
}

static size_t fifo_count(const struct fifo *f)
{
	size_t n = 0;
	for (const struct txn *txn = f->first; txn; txn = txn->next)
		n++;
	return n;
}

size_t sqlite_store_drain(struct store *store)
{
	struct sqlite_store *s = sqlite_of(store);
	pthread_mutex_lock(&s->mutex);
	/* what waits behind a failure fails with it; after that nothing is under way and the
	 * engine's next attempt comes first */
	if (s->failing)
		fifo_append(&s->failed, &s->waiting);
	struct fifo ok = s->ok, failed = s->failed;
	s->ok = s->failed = (struct fifo){0};
	s->failing = s->woken = false;
	s->stats.n_waiting -= fifo_count(&ok) + fifo_count(&failed);
	pthread_mutex_unlock(&s->mutex);
	return tell_all(ok.first, 0) + tell_all(failed.first, -ENOSPC);
}

bool sqlite_store_wait(struct store *store)
{
	struct sqlite_store *s = sqlite_of(store);
	pthread_mutex_lock(&s->mutex);
	bool some = s->stats.n_waiting > 0;
	while (some && !s->ok.first && !s->failed.first)
		pthread_cond_wait(&s->told, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	return some;
}

void sqlite_store_stats(struct store *store, struct sqlite_store_stats *ret)
{
	struct sqlite_store *s = sqlite_of(store);
	pthread_mutex_lock(&s->mutex);
	*ret = s->stats;
	pthread_mutex_unlock(&s->mutex);
}

static int sqlite_reader_new(struct store *store, struct store_reader **ret)
{
	struct sqlite_store *s = sqlite_of(store);
	return sqlread_new(&sqlite_ops, s->path, s->vfs, ret);
}

static void release(struct sqlite_store *s)
{
	if (s->conn) {
		sqlwrite_fini(&s->writer);
		sqlconn_close(s->conn);
	}
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_cond_destroy(&s->told);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->mutex);
	free(s->path);
	free(s->vfs);
	free(s);
}

static void sqlite_free(struct store *store)
{
	struct sqlite_store *s = sqlite_of(store);
	while (sqlite_store_wait(store))
		sqlite_store_drain(store);
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	release(s);
}

/* ---- opening ---- */

/* Creates the file private to its owner, and makes its name durable. */
static int touch(const char *path, struct buf *ret_reason)
{
	CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CLEANUP_FREE char *copy = mem_dupz(path);
	CLEANUP_FD int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && dir >= 0 && fsync(dir) == 0)
		return 0;
	int r = -errno;
	buf_printf(ret_reason, "%s: %s", path, strerror(-r));
	return r;
}

static int prepare(struct sqlite_store *s, struct buf *ret_reason)
{
	s->lock_fd = sqllock_take(s->path, ret_reason);
	if (s->lock_fd < 0)
		return s->lock_fd;
	int r = touch(s->path, ret_reason);
	if (r != 0)
		return r;
	int rc = sqlconn_open(s->path, s->vfs, SQLCONN_WRITER, &s->conn, ret_reason);
	if (rc != SQLITE_OK)
		return sqlconn_errno(NULL, rc);
	sqlite3_wal_hook(s->conn->db, on_wal, s);
	r = sqlmigrate_run(s->conn, ret_reason);
	if (r != 0)
		return r;
	rc = sqlwrite_init(&s->writer, s->conn);
	if (rc == SQLITE_OK)
		return 0;
	buf_printf(ret_reason, "%s: %s", s->path, sqlite3_errmsg(s->conn->db));
	return sqlconn_errno(s->conn, rc);
}

int sqlite_store_open(const struct sqlite_store_config *config, struct store **ret,
		      struct buf *ret_reason)
{
	struct sqlite_store *s = NEW0(struct sqlite_store);
	s->store.ops = &sqlite_ops;
	s->path = mem_dupz(config->path);
	s->vfs = config->vfs ? mem_dupz(config->vfs) : NULL;
	s->wake = config->wake;
	s->wake_arg = config->wake_arg;
	s->lock_fd = -1;
	s->checkpoint_at = CHECKPOINT_PAGES;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->told, &attr);
	pthread_condattr_destroy(&attr);
	int r = prepare(s, ret_reason);
	if (r == 0) {
		r = -pthread_create(&s->thread, NULL, run, s);
		if (r != 0)
			buf_printf(ret_reason, "store thread: %s", strerror(-r));
	}
	if (r != 0) {
		release(s);
		return r;
	}
	*ret = &s->store;
	return 0;
}

int sqlite_store_migrations(const char *path, struct arena *a, struct sqlite_store_migration **ret,
			    size_t *ret_n, struct buf *ret_reason)
{
	int version = 0, r = 0;
	struct sqlconn *conn = NULL;
	struct stat st;
	if (stat(path, &st) == 0 && st.st_size > 0) {
		int rc = sqlconn_open(path, NULL, SQLCONN_READER, &conn, ret_reason);
		r = rc == SQLITE_OK ? sqlmigrate_check(conn, &version, ret_reason)
				    : sqlconn_errno(NULL, rc);
	}
	sqlconn_close(conn);
	if (r != 0)
		return r;
	struct sqlite_store_migration *list =
		ARENA_NEW_ARRAY(a, struct sqlite_store_migration, SQL_N_MIGRATIONS);
	for (int i = 0; i < SQL_N_MIGRATIONS; i++)
		list[i] = (struct sqlite_store_migration){
			.version = sql_migrations[i].version,
			.name = sql_migrations[i].name,
			.applied = i < version,
		};
	*ret = list;
	*ret_n = SQL_N_MIGRATIONS;
	return 0;
}

static const struct store_ops sqlite_ops = {
	.submit = sqlite_submit,
	.reader_new = sqlite_reader_new,
	.free = sqlite_free,
	.reader_free = sqlread_free,
	.agent_get = sqlread_agent_get,
	.agent_list = sqlread_agent_list,
	.workflow_get = sqlread_workflow_get,
	.workflow_list = sqlread_workflow_list,
	.version_get = sqlread_version_get,
	.version_list = sqlread_version_list,
	.run_get = sqlread_run_get,
	.run_get_part = sqlread_run_get_part,
	.node_counts = sqlread_node_counts,
	.run_head = sqlread_run_head,
	.run_list = sqlread_run_list,
	.event_list = sqlread_event_list,
	.log_list = sqlread_log_list,
	.key_get = sqlread_key_get,
	.approval_get = sqlread_approval_get,
	.approval_list = sqlread_approval_list,
	.schedule_list = sqlread_schedule_list,
	.storage = sqlread_storage,
	.open_runs = sqlread_open_runs,
};
