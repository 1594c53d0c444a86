/* The in-memory and the SQLite store say the same after the same transactions. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/dump.h"
#include "store/mem/mem.h"
#include "store/sqlite/sqlite.h"
#include "stream.h"
#include "tap.h"

struct pair {
	struct store *mem, *sqlite;
	struct store_reader *mem_reader, *sqlite_reader;
	char dir[64];
	char *path;
};

/* What the transactions of one store came to. */
struct outcome {
	int n_bad, n_pruned;
	struct buf told; /* by the steps of purges */
};

static void done(struct txn *txn, int r)
{
	struct outcome *x = txn->owner;
	x->n_bad += r != 0;
	for (size_t i = 0; i < txn->n_ops; i++) {
		if (txn->ops[i].kind != TXN_PRUNE)
			continue;
		const struct pruned *p = txn->ops[i].prune.ret;
		buf_printf(&x->told, "next %lld:", (long long)p->next_ms);
		for (size_t k = 0; k < p->n; k++)
			buf_printf(&x->told, " %.*s", STR_ARG(p->run_ids[k]));
		buf_putc(&x->told, '\n');
		x->n_pruned += p->n > 0;
	}
	txn_free(txn);
}

static void pair_open(struct tap *t, struct pair *p)
{
	CLEANUP_BUF struct buf reason = {0};
	struct sqlite_store_config config = {.path = p->path};
	CHECK_INT(sqlite_store_open(&config, &p->sqlite, &reason), 0);
	CHECK_INT(p->sqlite->ops->reader_new(p->sqlite, &p->sqlite_reader), 0);
}

static void pair_close(struct pair *p)
{
	if (p->sqlite_reader)
		p->sqlite->ops->reader_free(p->sqlite_reader);
	if (p->sqlite)
		p->sqlite->ops->free(p->sqlite);
	p->sqlite = NULL;
	p->sqlite_reader = NULL;
}

static void pair_fini(struct pair *p)
{
	static const char *const files[] = {"", "-wal", "-shm", ".lock"};
	pair_close(p);
	p->mem->ops->reader_free(p->mem_reader);
	p->mem->ops->free(p->mem);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP_FREE char *path = mem_printf("%s%s", p->path, files[i]);
		unlink(path);
	}
	rmdir(p->dir);
	free(p->path);
}

static void same(struct tap *t, const char *what, struct str a, struct str b)
{
	if (str_eq(a, b))
		return;
	size_t at = 0;
	while (at < a.n && at < b.n && a.p[at] == b.p[at])
		at++;
	size_t from = at > 200 ? at - 200 : 0;
	tap_fail(t, __FILE__, __LINE__, "%s differ at %zu:\nmem    …%.*s\nsqlite …%.*s", what, at,
		 (int)(a.n - from > 300 ? 300 : a.n - from), a.p + from,
		 (int)(b.n - from > 300 ? 300 : b.n - from), b.p + from);
}

static void same_content(struct tap *t, struct pair *p)
{
	CLEANUP_BUF struct buf a = {0}, b = {0};
	CHECK_INT(dump_store(p->mem_reader, &a), 0);
	CHECK_INT(dump_store(p->sqlite_reader, &b), 0);
	same(t, "contents", buf_str(&a), buf_str(&b));
}

static int put_open(void *arg, struct arena *a, const struct open_run *run)
{
	struct buf *out = arg;
	buf_printf(out, "%.*s %zu nodes %zu attempts %lld events:", STR_ARG(run->run.id),
		   run->n_nodes, run->n_attempts, (long long)run->last_event_seq);
	for (size_t i = 0; i < run->n_nodes; i++)
		buf_printf(out, " %lld", (long long)run->nodes[i].index);
	for (size_t i = 0; i < run->n_attempts; i++)
		buf_printf(out, " %.*s", STR_ARG(run->attempts[i].id));
	buf_putc(out, '\n');
	return 0;
}

static void same_open_runs(struct tap *t, struct pair *p)
{
	CLEANUP_BUF struct buf a = {0}, b = {0};
	CHECK_INT(p->mem->ops->open_runs(p->mem_reader, put_open, &a), 0);
	CHECK_INT(p->sqlite->ops->open_runs(p->sqlite_reader, put_open, &b), 0);
	CHECK(a.n > 0);
	same(t, "open runs", buf_str(&a), buf_str(&b));
}

/* Page after page; `look_at` lets pages stop early, which changes nothing of the whole. */
static void put_runs(struct store_reader *r, struct run_filter *f, size_t limit, size_t look_at,
		     struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct store_page page = {.limit = limit};
	struct run_list_stop stop = {0};
	f->stop = look_at ? &stop : NULL;
	f->look_at = look_at;
	for (;;) {
		struct run_row *rows;
		size_t n;
		int rc = r->ops->run_list(r, &a, f, &page, &rows, &n);
		if (rc != 0)
			buf_printf(out, "error %d", rc);
		for (size_t i = 0; i < n; i++)
			buf_printf(out, " %.*s", STR_ARG(rows[i].id));
		if (rc != 0 || (n < limit && stop.after.n == 0))
			return;
		page.after = stop.after.n ? stop.after : rows[n - 1].id;
	}
}

static void same_lists(struct tap *t, struct pair *p, struct stream *s)
{
	static const char *const texts[] = {"",	 "workflow-1", "GR",	 "50%_of\\",
					    "%", "_",	       "nothing"};
	for (int i = 0; i < 60; i++) {
		struct run_filter f = {.project = i % 3 ? STR("default") : STR("other")};
		if (rng_below(&s->rng, 2))
			f.workflow_id = ID_STR(s->workflows[rng_below(&s->rng, STREAM_WORKFLOWS)]);
		if (rng_below(&s->rng, 4) == 0)
			f.caller_run_id = ID_STR(s->workflows[0]); /* as the stream has it */
		f.has_status = rng_below(&s->rng, 2);
		f.status = (enum run_status)rng_below(&s->rng, 7);
		if (rng_below(&s->rng, 3) == 0)
			f.since_ms = s->now_ms - (int64_t)rng_below(&s->rng, 2000);
		if (rng_below(&s->rng, 3) == 0)
			f.until_ms = s->now_ms - (int64_t)rng_below(&s->rng, 1000);
		f.text = str_of(texts[rng_below(&s->rng, ARRAY_LEN(texts))]);
		CLEANUP_BUF struct buf a = {0}, b = {0}, parts = {0};
		put_runs(p->mem_reader, &f, 1 + (size_t)i % 7, 0, &a);
		put_runs(p->sqlite_reader, &f, 1 + (size_t)i % 7, 0, &b);
		put_runs(p->sqlite_reader, &f, 1 + (size_t)i % 7, 1 + (size_t)i % 5, &parts);
		same(t, "lists of runs", buf_str(&a), buf_str(&b));
		same(t, "lists of runs in parts", buf_str(&b), buf_str(&parts));
		CHECK_GOOD();
	}
}

static void put_keys(struct store_reader *r, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	for (int i = 0; i < 40; i++) {
		struct key_row row = {0};
		struct str project = i % 2 ? STR("default") : STR("other");
		int rc = r->ops->key_get(r, &a, project, str_of(arena_printf(&a, "key-%d", i / 2)),
					 &row);
		buf_printf(out, "%d %.*s %.*s %lld\n", rc, STR_ARG(row.key), STR_ARG(row.run_id),
			   (long long)row.created_ms);
	}
}

static void same_keys(struct tap *t, struct pair *p)
{
	CLEANUP_BUF struct buf a = {0}, b = {0};
	put_keys(p->mem_reader, &a);
	put_keys(p->sqlite_reader, &b);
	same(t, "keys", buf_str(&a), buf_str(&b));
}

static void drain(struct pair *p)
{
	while (mem_store_run(p->mem) > 0)
		;
	while (sqlite_store_wait(p->sqlite))
		sqlite_store_drain(p->sqlite);
}

static void run_seed(struct tap *t, struct pair *p, uint64_t seed, int *n_pruned)
{
	/* two streams of one seed: each store gets a transaction of its own */
	struct stream one, two;
	stream_init(&one, seed);
	stream_init(&two, seed);
	struct outcome x = {0}, y = {0};
	for (int i = 0; i < 400; i++) {
		struct txn *a = stream_next(&one), *b = stream_next(&two);
		a->done = b->done = done;
		a->owner = &x;
		b->owner = &y;
		p->mem->ops->submit(p->mem, a);
		p->sqlite->ops->submit(p->sqlite, b);
		if (i % 133 == 132) {
			drain(p);
			same_content(t, p);
			CHECK_GOOD();
		}
		if (i == 200) {
			pair_close(p);
			pair_open(t, p);
			CHECK_GOOD();
		}
	}
	drain(p);
	same(t, "what purges told", buf_str(&x.told), buf_str(&y.told));
	*n_pruned += x.n_pruned;
	int n_bad = x.n_bad + y.n_bad;
	buf_free(&x.told);
	buf_free(&y.told);
	CHECK_INT(n_bad, 0);
	CHECK_GOOD();
	same_content(t, p);
	CHECK_GOOD();
	same_open_runs(t, p);
	CHECK_GOOD();
	same_keys(t, p);
	CHECK_GOOD();
	same_lists(t, p, &one);
}

static void with_seed(struct tap *t, uint64_t seed, int *n_pruned)
{
	struct pair p = {0};
	snprintf(p.dir, sizeof(p.dir), "/tmp/drover-store-XXXXXX");
	CHECK(mkdtemp(p.dir));
	p.path = mem_printf("%s/drover.db", p.dir);
	mem_store_new(&p.mem);
	p.mem->ops->reader_new(p.mem, &p.mem_reader);
	pair_open(t, &p);
	if (!t->failed)
		run_seed(t, &p, seed, n_pruned);
	pair_fini(&p);
	if (t->failed)
		printf("# seed %llu\n", (unsigned long long)seed);
}

TEST(mem_and_sqlite_say_the_same_after_random_transactions)
{
	int n_pruned = 0;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		with_seed(t, seed, &n_pruned);
		CHECK_GOOD();
	}
	CHECK(n_pruned > 5);
}

TAP_MAIN(RUN(mem_and_sqlite_say_the_same_after_random_transactions))
