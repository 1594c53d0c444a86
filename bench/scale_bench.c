/*
 * How drover's database does when it is large.
 *
 *   scale_bench fill FILE RUNS      makes a database of finished runs (see scale_fill.h)
 *   scale_bench lists FILE RUNS     the lists of the API over it, each page timed
 *   scale_bench purge FILE RUNS     deletes three tenths of it as retention does, while single runs
 * are committed and timed; then waits for the file to become smaller
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "bench/scale_fill.h"
#include "store/sqlite/sqlite.h"

enum { REPEATS = 300, MOST_MS = 2000 };

static const int64_t first_ms = 1750000000000;

static int64_t now_ns(void)
{
	return clock_mono_ns(clock_system());
}

static struct store *open_store(const char *path)
{
	CLEANUP_BUF struct buf reason = {0};
	struct store *s;
	struct sqlite_store_config config = {.path = path};
	if (sqlite_store_open(&config, &s, &reason) == 0)
		return s;
	fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&reason)));
	exit(1);
}

static int64_t file_bytes(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : 0;
}

static int by_ns(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
	return a < b ? -1 : a > b;
}

/* ---- lists ---- */

struct lists {
	struct store_reader *reader;
	struct arena names; /* of the whole bench */
	struct arena arena; /* of one page */
	struct scale scale;
	struct rng rng;
};

enum from { NEWEST, ANYWHERE, OLDEST }; /* where pages begin */

struct timing {
	int64_t ns[REPEATS];
	size_t n, n_rows;
	bool partial; /* one of the pages stopped before it was full */
};

static void print_timing(const char *name, struct timing *t)
{
	qsort(t->ns, t->n, sizeof(*t->ns), by_ns);
	printf("| %-44s | %7.2f | %7.2f | %5zu | %s |\n", name, (double)t->ns[t->n / 2] / 1e6,
	       (double)t->ns[(t->n - 1) * 99 / 100] / 1e6, t->n_rows, t->partial ? "yes" : "   ");
	fflush(stdout);
}

static struct str begin_after(struct lists *l, enum from from)
{
	long n = l->scale.n_runs;
	long at = from == OLDEST ? (n > 30 ? 30 : n) : (long)rng_below(&l->rng, (uint64_t)n);
	return from == NEWEST ? (struct str){0} : scale_run_id(&l->arena, &l->scale, at);
}

static void fail(const char *name, int r)
{
	fprintf(stderr, "%s: %d\n", name, r);
	exit(1);
}

static void time_runs(struct lists *l, const char *name, enum from from, struct run_filter f)
{
	struct timing t = {0};
	int64_t first = now_ns();
	f.project = STR("default");
	while (t.n < REPEATS && now_ns() - first < MOST_MS * INT64_C(1000000)) {
		arena_reset(&l->arena);
		struct run_list_stop stop;
		struct store_page page = {.limit = LIMIT_PAGE_DEFAULT + 1,
					  .after = begin_after(l, from)};
		struct run_row *rows;
		int64_t start = now_ns();
		f.stop = &stop;
		int r = l->reader->ops->run_list(l->reader, &l->arena, &f, &page, &rows, &t.n_rows);
		t.ns[t.n++] = now_ns() - start;
		t.partial = t.partial || stop.after.n > 0;
		if (r != 0)
			fail(name, r);
	}
	print_timing(name, &t);
}

static void time_approvals(struct lists *l, const char *name, struct approval_filter f)
{
	struct timing t = {0};
	int64_t first = now_ns();
	f.project = STR("default");
	while (t.n < REPEATS && now_ns() - first < MOST_MS * INT64_C(1000000)) {
		arena_reset(&l->arena);
		struct store_page page = {.limit = LIMIT_PAGE_DEFAULT + 1};
		struct approval_row *rows;
		int64_t start = now_ns();
		int r = l->reader->ops->approval_list(l->reader, &l->arena, &f, &page, &rows,
						      &t.n_rows);
		t.ns[t.n++] = now_ns() - start;
		if (r != 0)
			fail(name, r);
	}
	print_timing(name, &t);
}

static void by_workflow_and_status(struct lists *l)
{
	struct str common = scale_workflow_id(&l->names, 7),
		   rare = scale_workflow_id(&l->names, 49);
#define STATUS(s) .has_status = true, .status = (s)
	time_runs(l, "all, newest", NEWEST, (struct run_filter){0});
	time_runs(l, "all, cursor anywhere", ANYWHERE, (struct run_filter){0});
	time_runs(l, "all, last page", OLDEST, (struct run_filter){0});
	time_runs(l, "a workflow", ANYWHERE, (struct run_filter){.workflow_id = common});
	time_runs(l, "a rare workflow", ANYWHERE, (struct run_filter){.workflow_id = rare});
	time_runs(l, "status SUCCESS", ANYWHERE, (struct run_filter){STATUS(RUN_SUCCESS)});
	time_runs(l, "status FAILED", ANYWHERE, (struct run_filter){STATUS(RUN_FAILED)});
	time_runs(l, "status TIMED_OUT, 1 in 20,000", NEWEST,
		  (struct run_filter){STATUS(RUN_TIMED_OUT)});
	time_runs(l, "status RUNNING, none", NEWEST, (struct run_filter){STATUS(RUN_RUNNING)});
	time_runs(l, "workflow and status FAILED", ANYWHERE,
		  (struct run_filter){.workflow_id = common, STATUS(RUN_FAILED)});
	time_runs(l, "workflow and status TIMED_OUT, none", NEWEST,
		  (struct run_filter){.workflow_id = common, STATUS(RUN_TIMED_OUT)});
	time_runs(l, "rare workflow and status SUCCESS", NEWEST,
		  (struct run_filter){.workflow_id = rare, STATUS(RUN_SUCCESS)});
}

static void by_time_and_text(struct lists *l)
{
	struct str common = scale_workflow_id(&l->names, 7);
	int64_t all_ms = l->scale.n_runs * SCALE_STEP_MS, day = 86400000;
	time_runs(l, "since the last day", NEWEST,
		  (struct run_filter){.since_ms = first_ms + all_ms - day});
	time_runs(l, "until the first day", NEWEST,
		  (struct run_filter){.until_ms = first_ms + day});
	time_runs(l, "a day in the middle", NEWEST,
		  (struct run_filter){.since_ms = first_ms + all_ms / 2,
				      .until_ms = first_ms + all_ms / 2 + day});
	time_runs(l, "a day before the first run, none", NEWEST,
		  (struct run_filter){.since_ms = first_ms - 2 * day, .until_ms = first_ms - day});
	time_runs(l, "a day in the middle, workflow and TIMED_OUT", NEWEST,
		  (struct run_filter){.since_ms = first_ms + all_ms / 2,
				      .until_ms = first_ms + all_ms / 2 + day,
				      .workflow_id = common,
				      STATUS(RUN_TIMED_OUT)});
	time_runs(l, "text in most runs", ANYWHERE, (struct run_filter){.text = STR("frankfurt")});
	time_runs(l, "text in 1 of 10,000 runs", ANYWHERE,
		  (struct run_filter){.text = STR("t-0042")});
	time_runs(l, "text in no run", NEWEST, (struct run_filter){.text = STR("zebra crossing")});
	time_runs(l, "text in no run, of a workflow", NEWEST,
		  (struct run_filter){.text = STR("zebra crossing"), .workflow_id = common});
	time_runs(l, "text in no run, status FAILED", NEWEST,
		  (struct run_filter){.text = STR("zebra crossing"), STATUS(RUN_FAILED)});
}

static void approvals(struct lists *l)
{
	struct str common = scale_workflow_id(&l->names, 7),
		   rare = scale_workflow_id(&l->names, 49);
	struct str run = scale_run_id(&l->names, &l->scale, 40);
	time_approvals(l, "approvals, all", (struct approval_filter){0});
	time_approvals(l, "approvals of a run", (struct approval_filter){.run_id = run});
	time_approvals(l, "approvals of a workflow",
		       (struct approval_filter){.workflow_id = common});
	time_approvals(l, "approvals of a workflow without any",
		       (struct approval_filter){.workflow_id = rare});
	time_approvals(l, "approvals APPROVED",
		       (struct approval_filter){STATUS(APPROVAL_APPROVED)});
	time_approvals(l, "approvals EXPIRED, none",
		       (struct approval_filter){STATUS(APPROVAL_EXPIRED)});
	time_approvals(l, "approvals PENDING, none",
		       (struct approval_filter){STATUS(APPROVAL_PENDING)});
	time_approvals(l, "approvals of a workflow, EXPIRED, none",
		       (struct approval_filter){.workflow_id = common, STATUS(APPROVAL_EXPIRED)});
}

static int bench_lists(const char *path, long n_runs)
{
	struct store *s = open_store(path);
	struct lists l = {.scale = {s, first_ms, n_runs}};
	rng_seed(&l.rng, 7);
	int r = s->ops->reader_new(s, &l.reader);
	if (r != 0)
		fail(path, r);
	printf("| %-44s | p50, ms | p99, ms | rows  | cut |\n|---|---|---|---|---|\n",
	       "a page of 50");
	by_workflow_and_status(&l);
	by_time_and_text(&l);
	approvals(&l);
	l.reader->ops->reader_free(l.reader);
	s->ops->free(s);
	arena_free(&l.arena);
	arena_free(&l.names);
	return 0;
}

/* ---- a purge, and what it does to others ---- */

enum { COMMITS = 3000, PAUSE_NS = 10 * 1000000, MOST_WAIT_S = 60 };

struct purge {
	struct store *store;
	int64_t from_ms, before_ms, next_ns; /* when the next step is due; 0 = one is under way */
	long n_runs;
	bool ended;
};

static void purge_stepped(struct txn *txn, int r)
{
	struct purge *x = txn->owner;
	const struct pruned *done = txn->ops[0].prune.ret;
	if (r != 0)
		fail("purge", r);
	x->n_runs += (long)done->n;
	x->from_ms = done->next_ms;
	x->ended = done->next_ms == INT64_MAX;
	x->next_ns = now_ns() + (done->n > 0 ? PAUSE_NS : 0);
	txn_free(txn);
}

static void purge_step(struct purge *x)
{
	struct txn *txn = txn_new();
	txn_add(txn, TXN_PRUNE)->prune = (struct prune){
		.what = RETAINED_RUNS,
		.project = STR("default"),
		.from_ms = x->from_ms,
		.before_ms = x->before_ms,
		.ret = ARENA_NEW(&txn->arena, struct pruned),
	};
	txn->done = purge_stepped;
	txn->owner = x;
	x->next_ns = 0;
	x->store->ops->submit(x->store, txn);
}

static void committed(struct txn *txn, int r)
{
	if (r != 0)
		fail("commit", r);
	*(bool *)txn->owner = true;
	txn_free(txn);
}

/* A small commit, as a step of a run makes, and how long it took. */
static int64_t time_commit(struct store *s, long number)
{
	bool done = false;
	struct txn *txn = txn_new();
	struct event_row *row = &txn_add(txn, TXN_EVENT_ADD)->event;
	row->run_id = scale_run_id(&txn->arena, &(struct scale){.first_ms = first_ms}, number);
	row->seq = 1000 + now_ns() % 1000000;
	row->type = STR("node.started");
	row->data = STR("{\"nodeId\":\"check\",\"attempt\":1}");
	txn->done = committed;
	txn->owner = &done;
	int64_t start = now_ns();
	s->ops->submit(s, txn);
	while (!done) {
		sqlite_store_wait(s);
		sqlite_store_drain(s);
	}
	return now_ns() - start;
}

static void print_commits(const char *name, int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), by_ns);
	printf("| %-44s | p50 %.2f ms, p99 %.2f ms, most %.1f ms |\n", name,
	       (double)ns[n / 2] / 1e6, (double)ns[(n - 1) * 99 / 100] / 1e6,
	       (double)ns[n - 1] / 1e6);
	fflush(stdout);
}

static void wait_for_space(struct store *s, const char *path)
{
	int64_t start = now_ns(), before = (int64_t)file_bytes(path), now = before, last = start;
	while (now_ns() - last < 3000000000 && now_ns() - start < MOST_WAIT_S * 1000000000LL) {
		usleep(50000);
		if (file_bytes(path) != now)
			last = now_ns();
		now = file_bytes(path);
	}
	printf("| %-44s | %lld MB to %lld MB in %.1f s |\n", "the file, after that",
	       (long long)before / 1000000, (long long)now / 1000000, (double)(last - start) / 1e9);
}

static int bench_purge(const char *path, long n_runs)
{
	static int64_t ns[1000000];
	struct store *s = open_store(path);
	struct purge x = {.store = s, .before_ms = first_ms + n_runs * 3 / 10 * SCALE_STEP_MS};
	printf("| what | measured |\n|---|---|\n");
	for (int i = 0; i < COMMITS; i++)
		ns[i] = time_commit(s, n_runs - 1 - i);
	print_commits("a commit, before", ns, COMMITS);
	size_t n = 0;
	int64_t start = now_ns();
	purge_step(&x);
	while (!x.ended && n < ARRAY_LEN(ns)) {
		ns[n] = time_commit(s, n_runs - 1 - (long)n);
		n++;
		if (x.next_ns && now_ns() >= x.next_ns && !x.ended)
			purge_step(&x);
	}
	double took = (double)(now_ns() - start) / 1e9;
	print_commits("a commit, while runs are deleted", ns, n);
	printf("| %-44s | %ld in %.1f s: %.0f a second |\n", "runs deleted", x.n_runs, took,
	       (double)x.n_runs / took);
	wait_for_space(s, path);
	s->ops->free(s);
	return 0;
}

static int fill(const char *path, long n_runs)
{
	struct store *s = open_store(path);
	struct scale scale = {s, first_ms, n_runs};
	int64_t start = now_ns();
	scale_fill(&scale);
	printf("%ld runs written in %.1f s\n", n_runs, (double)(now_ns() - start) / 1e9);
	s->ops->free(s);
	return 0;
}

int main(int argc, char **argv)
{
	long n_runs = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	if (n_runs > 0 && strcmp(argv[1], "fill") == 0)
		return fill(argv[2], n_runs);
	if (n_runs > 0 && strcmp(argv[1], "lists") == 0)
		return bench_lists(argv[2], n_runs);
	if (n_runs > 0 && strcmp(argv[1], "purge") == 0)
		return bench_purge(argv[2], n_runs);
	fprintf(stderr, "usage: scale_bench fill|lists|purge FILE RUNS\n");
	return 2;
}
