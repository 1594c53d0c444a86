/* What the SQLite store promises beyond the port: one process, migrations, damaged files, a full
 * disk for real, and rest when there is nothing to do. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "crash.h"
#include "store/sqlite/sqlconn.h"
#include "store/sqlite/sqlite.h"

struct place {
	char dir[64];
	char *db;
};

static void place_free(struct place *p)
{
	crash_dir_remove(p->dir);
	free(p->db);
}
#define CLEANUP_PLACE __attribute__((cleanup(place_free)))

static void place_new(struct tap *t, struct place *p)
{
	crash_dir(t, p->dir);
	p->db = mem_printf("%s/drover.db", p->dir);
}

static int open_it(const char *path, struct store **ret, struct buf *reason)
{
	struct sqlite_store_config config = {.path = path};
	buf_clear(reason);
	return sqlite_store_open(&config, ret, reason);
}

static bool says(const struct buf *reason, const char *what)
{
	bool good = reason->p && strstr(reason->p, what);
	if (!good)
		printf("# reason: %.*s\n", STR_ARG(buf_str(reason)));
	return good;
}

/* Opens, closes: a file with the schema. */
static void make(struct tap *t, const char *path)
{
	CLEANUP_BUF struct buf reason = {0};
	struct store *s;
	CHECK_INT(open_it(path, &s, &reason), 0);
	s->ops->free(s);
}

static void run_sql(struct tap *t, const char *path, const char *sql)
{
	sqlite3 *db;
	int rc = sqlite3_open(path, &db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	CHECK_INT(rc, SQLITE_OK);
}

/* ---- one process ---- */

TEST(a_second_process_is_refused_and_told_who_has_it)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	struct store *s, *other;
	CHECK_INT(open_it(p.db, &s, &reason), 0);
	CHECK_INT(open_it(p.db, &other, &reason), -EBUSY);
	char pid[32];
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	CHECK(says(&reason, pid));
	CHECK(says(&reason, p.db));
	s->ops->free(s);
	CHECK_INT(open_it(p.db, &s, &reason), 0);
	s->ops->free(s);
}

TEST(the_file_is_its_owners_only)
{
	CLEANUP_PLACE struct place p = {0};
	place_new(t, &p);
	CHECK_GOOD();
	make(t, p.db);
	CHECK_GOOD();
	struct stat st;
	CHECK_INT(stat(p.db, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
}

TEST(a_clean_close_leaves_one_file_with_everything)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	make(t, p.db);
	CHECK_GOOD();
	CLEANUP_FREE char *wal = mem_printf("%s-wal", p.db);
	struct stat st;
	CHECK(stat(wal, &st) != 0 || st.st_size == 0);
	run_sql(t, p.db,
		"SELECT count(*) FROM workflow_runs, agents, agent_capabilities, workflows,"
		" workflow_nodes, agent_runs, schema_migrations");
}

TEST(a_folder_that_is_not_there_is_an_error_with_a_reason)
{
	CLEANUP_BUF struct buf reason = {0};
	struct store *s;
	CHECK_INT(open_it("/nonexistent/drover.db", &s, &reason), -ENOENT);
	CHECK(says(&reason, "/nonexistent/drover.db"));
}

/* ---- schema ---- */

TEST(every_statement_prepares_with_its_parameters_in_order)
{
	CLEANUP_PLACE struct place p = {0};
	place_new(t, &p);
	CHECK_GOOD();
	make(t, p.db);
	CHECK_GOOD();
	struct sqlconn *c;
	CHECK_INT(sqlconn_open(p.db, NULL, SQLCONN_READER, &c, NULL), SQLITE_OK);
	for (int q = 0; q < SQL_N_QUERIES; q++) {
		struct sqlstmt *st = sqlconn_stmt(c, (enum sql_query)q);
		if (!st->s) {
			tap_fail(t, __FILE__, __LINE__, "%s: %s", sql_queries[q].name,
				 sqlite3_errmsg(c->db));
			break;
		}
		for (int i = 1; i <= sqlite3_bind_parameter_count(st->s); i++) {
			char want[8];
			snprintf(want, sizeof(want), "$%d", i);
			if (strcmp(sqlite3_bind_parameter_name(st->s, i), want) != 0)
				tap_fail(t, __FILE__, __LINE__, "%s: parameter %d is %s",
					 sql_queries[q].name, i,
					 sqlite3_bind_parameter_name(st->s, i));
		}
	}
	sqlconn_close(c);
}

/* Lists that must not walk the whole table. */
TEST(lists_use_an_index)
{
	static const enum sql_query queries[] = {
		SQL_RUN_GET,
		SQL_RUN_RID,
		SQL_RUN_OPEN,
		SQL_RUN_LIST_PROJECT,
		SQL_RUN_LIST_OPEN,
		SQL_RUN_LIST_WORKFLOW,
		SQL_RUN_LIST_ENDED_BADLY,
		SQL_EVENT_LIST,
		SQL_LOG_LIST,
		SQL_NODE_LIST,
		SQL_ATTEMPT_LIST,
		SQL_ATTEMPT_AID,
		SQL_KEY_GET,
		SQL_VERSION_GET,
		SQL_AGENT_LIST,
		SQL_WORKFLOW_LIST,
	};
	CLEANUP_PLACE struct place p = {0};
	place_new(t, &p);
	CHECK_GOOD();
	make(t, p.db);
	CHECK_GOOD();
	struct sqlconn *c;
	CHECK_INT(sqlconn_open(p.db, NULL, SQLCONN_READER, &c, NULL), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		CLEANUP_FREE char *sql =
			mem_printf("EXPLAIN QUERY PLAN %s", sql_queries[queries[i]].sql);
		sqlite3_stmt *s = NULL;
		CHECK_INT(sqlite3_prepare_v2(c->db, sql, -1, &s, NULL), SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW) {
			const char *detail = (const char *)sqlite3_column_text(s, 3);
			bool scans = strncmp(detail, "SCAN", 4) == 0 &&
				     !strstr(detail, "USING INDEX workflow_runs_open");
			if (scans || strstr(detail, "TEMP B-TREE"))
				tap_fail(t, __FILE__, __LINE__, "%s: %s",
					 sql_queries[queries[i]].name, detail);
		}
		sqlite3_finalize(s);
	}
	sqlconn_close(c);
}

TEST(migrations_are_listed_without_being_applied)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	CLEANUP_ARENA struct arena a = {0};
	place_new(t, &p);
	CHECK_GOOD();
	struct sqlite_store_migration *list;
	size_t n;
	CHECK_INT(sqlite_store_migrations(p.db, &a, &list, &n, &reason), 0);
	CHECK_INT(n, SQL_N_MIGRATIONS);
	CHECK(!list[0].applied);
	CHECK(access(p.db, F_OK) != 0);
	make(t, p.db);
	CHECK_GOOD();
	CHECK_INT(sqlite_store_migrations(p.db, &a, &list, &n, &reason), 0);
	for (size_t i = 0; i < n; i++)
		CHECK(list[i].applied);
	CHECK_Z(list[0].name, "first");
	CHECK_INT(list[0].version, 1);
}

TEST(a_newer_schema_is_refused_and_left_alone)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	make(t, p.db);
	CHECK_GOOD();
	run_sql(t, p.db, "INSERT INTO schema_migrations VALUES (9000, 'future', 'ff', 1)");
	CHECK_GOOD();
	struct store *s;
	CHECK_INT(open_it(p.db, &s, &reason), -EPROTO);
	CHECK(says(&reason, "newer drover"));
	CHECK(says(&reason, "9000"));
	run_sql(t, p.db, "DELETE FROM schema_migrations WHERE version = 9000");
	CHECK_GOOD();
	make(t, p.db);
}

TEST(a_migration_changed_since_is_refused)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	make(t, p.db);
	CHECK_GOOD();
	run_sql(t, p.db, "UPDATE schema_migrations SET sha256 = 'ff' WHERE version = 1");
	CHECK_GOOD();
	struct store *s;
	CHECK_INT(open_it(p.db, &s, &reason), -EPROTO);
	CHECK(says(&reason, "changed"));
}

TEST(another_programs_database_is_refused_and_left_alone)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	run_sql(t, p.db, "CREATE TABLE bookmarks (url TEXT)");
	CHECK_GOOD();
	struct store *s;
	CHECK_INT(open_it(p.db, &s, &reason), -EPROTO);
	CHECK(says(&reason, "another program"));
	run_sql(t, p.db, "SELECT url FROM bookmarks");
}

/* ---- damage ---- */

static void forget(struct txn *txn, int r)
{
	txn_free(txn);
}

TEST(a_file_that_is_no_database_is_refused)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	CLEANUP_FD int fd = open(p.db, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	static char page[8192];
	memset(page, 'x', sizeof(page));
	CHECK(pwrite(fd, page, sizeof(page), 0) == sizeof(page));
	struct store *s;
	CHECK_INT(open_it(p.db, &s, &reason), -EBADMSG);
	CHECK(says(&reason, "not a database"));
	CHECK(pread(fd, page, 4, 0) == 4 && memcmp(page, "xxxx", 4) == 0);
}

TEST(a_damaged_file_is_refused_or_read_as_damaged_but_never_crashes)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	struct rng rng;
	rng_seed(&rng, 3);
	int n_refused = 0;
	for (int i = 0; i < 30; i++) {
		unlink(p.db);
		make(t, p.db);
		CHECK_GOOD();
		CLEANUP_FD int fd = open(p.db, O_RDWR | O_CLOEXEC);
		off_t size = lseek(fd, 0, SEEK_END);
		uint64_t noise[64];
		for (size_t k = 0; k < ARRAY_LEN(noise); k++)
			noise[k] = rng_next(&rng);
		/* every third hits the root of the schema */
		off_t at = i % 3 ? (off_t)rng_below(&rng, (uint64_t)size - sizeof(noise))
				 : 100 + (off_t)rng_below(&rng, 60);
		CHECK(pwrite(fd, noise, sizeof(noise), at) == sizeof(noise));
		struct store *s;
		int r = open_it(p.db, &s, &reason);
		if (r != 0) {
			CHECK(reason.n > 0);
			n_refused++;
			continue;
		}
		CLEANUP_ARENA struct arena a = {0};
		struct store_reader *reader;
		struct run_row *rows;
		size_t n;
		r = s->ops->reader_new(s, &reader);
		if (r == 0) {
			struct run_filter all = {.project = STR("default")};
			s->ops->run_list(reader, &a, &all, &(struct store_page){0}, &rows, &n);
			s->ops->reader_free(reader);
		}
		s->ops->free(s);
	}
	CHECK(n_refused > 0);
}

/* Writes n ended runs with 20 KB each, or prunes them. */
static void fill_or_prune(struct store *s, int n, bool prune)
{
	static char text[20000];
	memset(text, 'x', sizeof(text));
	int64_t from_ms = 0;
	for (int i = 0; i < n; i += LIMIT_PRUNE_RUNS) {
		struct txn *txn = txn_new();
		for (int k = i; !prune && k < i + LIMIT_PRUNE_RUNS; k++) {
			struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
			run->id = str_of(arena_printf(&txn->arena, "run-%06d", k));
			run->project = STR("default");
			run->workflow_id = STR("wf-1");
			run->status = RUN_SUCCESS;
			run->context = str_n(text, sizeof(text));
			run->created_ms = run->finished_ms = k;
		}
		struct pruned *ret = ARENA_NEW(&txn->arena, struct pruned);
		if (prune)
			txn_add(txn, TXN_PRUNE)->prune = (struct prune){
				.workflow_id = STR("wf-1"),
				.from_ms = from_ms,
				.before_ms = 1000000,
				.ret = ret,
			};
		txn->done = forget;
		s->ops->submit(s, txn);
		from_ms = i;
	}
	while (sqlite_store_wait(s))
		sqlite_store_drain(s);
}

static int64_t file_bytes(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

TEST(deleted_runs_give_their_space_back_to_the_file_system)
{
	enum { RUNS = 3000, MEGABYTE = 1 << 20, MOST_WAITS = 2000 };
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	struct store *s;
	CHECK_INT(open_it(p.db, &s, &reason), 0);
	fill_or_prune(s, RUNS, false);
	s->ops->free(s);
	int64_t full = file_bytes(p.db);
	CHECK(full > 50 * MEGABYTE);
	CHECK_INT(open_it(p.db, &s, &reason), 0);
	fill_or_prune(s, RUNS, true);
	/* quiet moments come by themselves */
	int n = 0;
	while (n++ < MOST_WAITS && file_bytes(p.db) > 20 * MEGABYTE)
		usleep(10000);
	struct sqlite_store_stats stats;
	sqlite_store_stats(s, &stats);
	s->ops->free(s);
	CHECK(file_bytes(p.db) <= 20 * MEGABYTE);
	CHECK(stats.n_pages > 0 && stats.n_free_pages <= 4096);
	run_sql(t, p.db,
		"SELECT abs(iif(integrity_check = 'ok', 0, -9223372036854775808))"
		" FROM pragma_integrity_check");
}

static void put_open_run(struct store *s, const char *id)
{
	struct txn *txn = txn_new();
	struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
	run->id = str_of(id);
	run->project = STR("default");
	run->status = RUN_RUNNING;
	struct attempt_row *attempt = &txn_add(txn, TXN_ATTEMPT_ADD)->attempt;
	attempt->id = str_of(id);
	attempt->run_id = str_of(id);
	txn->done = forget;
	s->ops->submit(s, txn);
}

static int put_id(void *arg, struct arena *a, const struct open_run *run)
{
	buf_printf(arg, "%.*s%s ", STR_ARG(run->run.id), run->damaged ? " damaged" : "");
	return 0;
}

TEST(one_poisoned_row_harms_only_its_own_run)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0}, ids = {0};
	CLEANUP_ARENA struct arena a = {0};
	place_new(t, &p);
	CHECK_GOOD();
	struct store *s;
	CHECK_INT(open_it(p.db, &s, &reason), 0);
	put_open_run(s, "run-1");
	put_open_run(s, "run-2");
	put_open_run(s, "run-3");
	s->ops->free(s);
	run_sql(t, p.db,
		"UPDATE run_nodes SET status = 'x';"
		"UPDATE agent_runs SET input = 'sha256:"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'"
		" WHERE id = 'run-1'; UPDATE workflow_runs SET stopping = 'PERHAPS'"
		" WHERE id = 'run-2'");
	CHECK_GOOD();
	CHECK_INT(open_it(p.db, &s, &reason), 0);
	struct store_reader *r;
	struct run_detail d;
	log_setup(LOG_LEVEL_OFF, false);
	int got = s->ops->reader_new(s, &r);
	int rc = s->ops->open_runs(r, put_id, &ids);
	int rc1 = s->ops->run_get(r, &a, STR("default"), STR("run-1"), &d);
	int rc3 = s->ops->run_get(r, &a, STR("default"), STR("run-3"), &d);
	s->ops->reader_free(r);
	s->ops->free(s);
	CHECK_INT(got, 0);
	CHECK_INT(rc, 0);
	CHECK_STR(buf_str(&ids), STR("run-1 damaged run-2 damaged run-3 "));
	CHECK_INT(rc1, -EUCLEAN);
	CHECK_INT(rc3, 0);
}

/* ---- a full disk ---- */

struct filling {
	struct store *store;
	int n_good, n_full, next;
};

static void filled(struct txn *txn, int r)
{
	struct filling *f = txn->owner;
	f->n_good += r == 0;
	f->n_full += r == -ENOSPC;
	txn_free(txn);
}

static void fill(struct filling *f)
{
	struct txn *txn = txn_new();
	struct rng rng;
	rng_seed(&rng, (uint64_t)f->next);
	char *noise = arena_alloc(&txn->arena, 60000);
	for (size_t i = 0; i < 60000; i++)
		noise[i] = (char)('a' + rng_below(&rng, 26));
	struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
	run->id = str_of(arena_printf(&txn->arena, "run-%04d", f->next++));
	run->project = STR("default");
	run->context = str_n(noise, 60000);
	txn->owner = f;
	txn->done = filled;
	f->store->ops->submit(f->store, txn);
	while (sqlite_store_wait(f->store))
		sqlite_store_drain(f->store);
}

static size_t count_runs(struct store *s)
{
	CLEANUP_ARENA struct arena a = {0};
	struct store_reader *r;
	struct run_row *rows;
	size_t n = 0;
	if (s->ops->reader_new(s, &r) != 0)
		return SIZE_MAX;
	struct run_filter all = {.project = STR("default")};
	s->ops->run_list(r, &a, &all, &(struct store_page){0}, &rows, &n);
	s->ops->reader_free(r);
	return n;
}

static void on_small_disk(struct tap *t, const char *dir)
{
	CLEANUP_BUF struct buf reason = {0};
	CLEANUP_FREE char *db = mem_printf("%s/drover.db", dir);
	CLEANUP_FREE char *ballast = mem_printf("%s/ballast", dir);
	static char zeros[1 << 20];
	CLEANUP_FD int fd = open(ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write(fd, zeros, sizeof(zeros)) == sizeof(zeros));
	struct filling f = {0};
	CHECK_INT(open_it(db, &f.store, &reason), 0);
	for (int i = 0; i < 400 && f.n_full < 3; i++)
		fill(&f);
	int n_good = f.n_good;
	bool refused = f.n_full == 3 && n_good > 5;
	size_t n_runs = count_runs(f.store);
	unlink(ballast);
	int freed = ftruncate(fd, 0);
	for (int i = 0; i < 5; i++)
		fill(&f);
	bool again = f.n_good == n_good + 5;
	f.store->ops->free(f.store);
	CHECK(refused && freed == 0);
	CHECK_INT(n_runs, n_good);
	CHECK(again);
	CHECK_INT(open_it(db, &f.store, &reason), 0);
	n_runs = count_runs(f.store);
	f.store->ops->free(f.store);
	CHECK_INT(n_runs, n_good + 5);
}

TEST(a_disk_that_is_really_full_is_survived)
{
	CLEANUP_PLACE struct place p = {0};
	place_new(t, &p);
	CHECK_GOOD();
	if (geteuid() != 0 || mount("tmpfs", p.dir, "tmpfs", 0, "size=4m") != 0)
		SKIP("needs to be root to mount a small disk");
	on_small_disk(t, p.dir);
	umount2(p.dir, MNT_DETACH);
}

/* ---- rest ---- */

static int64_t cpu_us(void)
{
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 + ru.ru_utime.tv_usec +
	       ru.ru_stime.tv_usec;
}

/* The test's own thread waits here, not for an event but for the lack of one. */
static void let_pass(int64_t ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&ts, NULL);
}

TEST(an_idle_store_checkpoints_once_and_then_rests)
{
	CLEANUP_PLACE struct place p = {0};
	CLEANUP_BUF struct buf reason = {0};
	place_new(t, &p);
	CHECK_GOOD();
	struct filling f = {0};
	CHECK_INT(open_it(p.db, &f.store, &reason), 0);
	fill(&f);
	struct sqlite_store_stats st;
	for (int i = 0; i < 200; i++) {
		sqlite_store_stats(f.store, &st);
		if (st.n_checkpoints > 0)
			break;
		let_pass(20);
	}
	CHECK_INT(st.n_checkpoints, 1);
	struct stat before, after;
	CLEANUP_FREE char *wal = mem_printf("%s-wal", p.db);
	CHECK(stat(wal, &before) == 0);
	int64_t cpu = cpu_us();
	let_pass(700);
	cpu = cpu_us() - cpu;
	sqlite_store_stats(f.store, &st);
	CHECK(stat(wal, &after) == 0);
	f.store->ops->free(f.store);
	CHECK_INT(st.n_checkpoints, 1);
	CHECK_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	CHECK(cpu < 20000);
}

TAP_MAIN(RUN(a_second_process_is_refused_and_told_who_has_it), RUN(the_file_is_its_owners_only),
	 RUN(a_clean_close_leaves_one_file_with_everything),
	 RUN(a_folder_that_is_not_there_is_an_error_with_a_reason),
	 RUN(every_statement_prepares_with_its_parameters_in_order), RUN(lists_use_an_index),
	 RUN(migrations_are_listed_without_being_applied),
	 RUN(a_newer_schema_is_refused_and_left_alone), RUN(a_migration_changed_since_is_refused),
	 RUN(another_programs_database_is_refused_and_left_alone),
	 RUN(a_file_that_is_no_database_is_refused),
	 RUN(a_damaged_file_is_refused_or_read_as_damaged_but_never_crashes),
	 RUN(deleted_runs_give_their_space_back_to_the_file_system),
	 RUN(one_poisoned_row_harms_only_its_own_run), RUN(a_disk_that_is_really_full_is_survived),
	 RUN(an_idle_store_checkpoints_once_and_then_rests))
