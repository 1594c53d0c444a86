/*
 * What the SQLite store costs: a table of the disk's own sync time, the latency of single
 * commits, and batches of chain3-like workflows (three steps in a row; 19 rows each).
 *
 *   store_bench [FOLDER [WORKFLOWS]]     the folder decides which disk is measured
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "store/sqlite/sqlite.h"

enum { SYNCS = 1000, SINGLES = 1500, BLOCK = 4096, FLIGHT = 256, COHORTS = 2, STAGES = 4 };

static struct id_gen ids;

static int by_ns(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
	return a < b ? -1 : a > b;
}

static int64_t percentile(int64_t *ns, size_t n, size_t percent)
{
	qsort(ns, n, sizeof(*ns), by_ns);
	return ns[(n - 1) * percent / 100];
}

static int64_t now_ns(void)
{
	return clock_mono_ns(clock_system());
}

/* The time of one pwrite of 4 KiB and fdatasync, over a file that is there already. */
static int64_t sync_ns(const char *dir, int64_t *ret_p99)
{
	static char block[BLOCK];
	static int64_t ns[SYNCS];
	CLEANUP_FREE char *path = mem_printf("%s/sync.tmp", dir);
	CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (int i = 0; fd >= 0 && i < 256; i++)
		if (pwrite(fd, block, BLOCK, i * BLOCK) != BLOCK)
			return -1;
	fsync(fd);
	for (int i = 0; i < SYNCS; i++) {
		int64_t start = now_ns();
		block[0]++;
		if (pwrite(fd, block, BLOCK, i % 256 * BLOCK) != BLOCK || fdatasync(fd) != 0)
			return -1;
		ns[i] = now_ns() - start;
	}
	unlink(path);
	*ret_p99 = percentile(ns, SYNCS, 99);
	return percentile(ns, SYNCS, 50);
}

struct workflow {
	struct run_id run;
	struct attempt_id attempt;
	int64_t seq;
};

static void add_event(struct txn *txn, struct workflow *w, const char *type, int64_t now)
{
	struct txn_op *op = txn_add(txn, TXN_EVENT_ADD);
	op->event.run_id = arena_str(&txn->arena, ID_STR(w->run));
	op->event.seq = ++w->seq;
	op->event.time_ms = now;
	op->event.type = str_of(type);
	op->event.data = STR("{\"nodeId\":\"step-2\",\"attempt\":1}");
}

static void add_attempt(struct txn *txn, struct workflow *w, int step, int64_t now)
{
	id_make(&ids, now, w->attempt.text);
	struct attempt_row *row = &txn_add(txn, TXN_ATTEMPT_ADD)->attempt;
	row->id = arena_str(&txn->arena, ID_STR(w->attempt));
	row->run_id = arena_str(&txn->arena, ID_STR(w->run));
	row->project = STR("default");
	row->node_id = str_of(arena_printf(&txn->arena, "step-%d", step));
	row->agent = STR("noop");
	row->action = STR("run");
	row->node_index = step;
	row->attempt = 1;
	row->input = STR("{\"value\":1,\"path\":\"/srv/repository\"}");
	row->queued_ms = row->started_ms = now;
	add_event(txn, w, "node.started", now);
}

static void end_attempt(struct txn *txn, struct workflow *w, int step, int64_t now)
{
	struct attempt_row *row = &txn_add(txn, TXN_ATTEMPT_SET)->attempt;
	row->id = arena_str(&txn->arena, ID_STR(w->attempt));
	row->status = ATTEMPT_SUCCESS;
	row->started_ms = row->finished_ms = now;
	struct node_row *node = &txn_add(txn, TXN_NODE_PUT)->node;
	node->run_id = arena_str(&txn->arena, ID_STR(w->run));
	node->node_id = str_of(arena_printf(&txn->arena, "step-%d", step));
	node->index = step;
	node->status = NODE_SUCCESS;
	node->attempt = 1;
	node->output = STR("{\"value\":1,\"path\":\"/srv/repository\"}");
	node->started_ms = node->finished_ms = now;
	add_event(txn, w, "node.finished", now);
}

static void add_stage(struct txn *txn, struct workflow *w, int stage)
{
	int64_t now = clock_wall_ms(clock_system());
	if (stage == 0) {
		id_make(&ids, now, w->run.text);
		w->seq = 0;
		struct run_row *run = &txn_add(txn, TXN_RUN_ADD)->run;
		run->id = arena_str(&txn->arena, ID_STR(w->run));
		run->project = STR("default");
		run->workflow_id = STR("01890a5d-ac96-774b-bcce-b302099a8057");
		run->workflow_name = STR("chain3");
		run->workflow_version = 1;
		run->status = RUN_RUNNING;
		run->trigger = STR("{\"type\":\"api\"}");
		run->context = STR("{\"value\":1,\"path\":\"/srv/repository\"}");
		run->created_ms = run->started_ms = now;
		add_event(txn, w, "run.started", now);
	} else {
		end_attempt(txn, w, stage - 1, now);
	}
	if (stage < 3) {
		add_attempt(txn, w, stage, now);
		return;
	}
	struct run_row *run = &txn_add(txn, TXN_RUN_SET)->run;
	run->id = arena_str(&txn->arena, ID_STR(w->run));
	run->status = RUN_SUCCESS;
	run->started_ms = run->finished_ms = now;
	add_event(txn, w, "run.finished", now);
}

struct cohort {
	struct store *store;
	struct workflow w[FLIGHT];
	int n, stage;
	long *n_left; /* workflows to be begun */
};

static void go_on(struct cohort *c);

static void stage_done(struct txn *txn, int r)
{
	struct cohort *c = txn->owner;
	txn_free(txn);
	if (r != 0) {
		fprintf(stderr, "commit: %s\n", strerror(-r));
		exit(1);
	}
	c->stage = (c->stage + 1) % STAGES;
	go_on(c);
}

static void go_on(struct cohort *c)
{
	if (c->stage == 0) {
		if (*c->n_left <= 0)
			return;
		*c->n_left -= c->n;
	}
	struct txn *txn = txn_new();
	txn->owner = c;
	txn->done = stage_done;
	for (int i = 0; i < c->n; i++)
		add_stage(txn, &c->w[i], c->stage);
	c->store->ops->submit(c->store, txn);
}

static void drain(struct store *s)
{
	while (sqlite_store_wait(s))
		sqlite_store_drain(s);
}

static void bench_single(struct store *s, int64_t sync_p50)
{
	static int64_t ns[SINGLES];
	static struct cohort c;
	long none = 0;
	c = (struct cohort){.store = s, .n = 1, .n_left = &none};
	for (int i = 0; i < SINGLES; i++) {
		int64_t start = now_ns();
		none = c.stage == 0;
		int stage = c.stage;
		struct txn *txn = txn_new();
		txn->owner = &c;
		add_stage(txn, &c.w[0], stage);
		txn->done = stage_done;
		none = 0;
		c.stage = STAGES - 1; /* so that stage_done() begins nothing */
		s->ops->submit(s, txn);
		drain(s);
		c.stage = (stage + 1) % STAGES;
		ns[i] = now_ns() - start;
	}
	int64_t p99 = percentile(ns, SINGLES, 99), p50 = percentile(ns, SINGLES, 50);
	printf("single commit            p50 %6.0f us   p99 %6.0f us   %.2f x write+fdatasync\n",
	       (double)p50 / 1e3, (double)p99 / 1e3, (double)p50 / (double)sync_p50);
}

static void bench_batch(struct store *s, long n_workflows, int n_flight)
{
	static struct cohort cohorts[COHORTS];
	struct sqlite_store_stats a, b;
	long n_left = n_workflows;
	sqlite_store_stats(s, &a);
	int64_t start = now_ns();
	for (int i = 0; i < COHORTS; i++) {
		cohorts[i] =
			(struct cohort){.store = s, .n = n_flight / COHORTS, .n_left = &n_left};
		go_on(&cohorts[i]);
	}
	drain(s);
	double wall = (double)(now_ns() - start) / 1e9;
	sqlite_store_stats(s, &b);
	double n = (double)(b.n_ops - a.n_ops) / 19;
	printf("chain3, %3d in flight    %6.0f workflows/s %7.0f rows/s   %5.1f us CPU/workflow   "
	       "%4.0f commits/s\n",
	       n_flight, n / wall, (double)(b.n_ops - a.n_ops) / wall,
	       (double)(b.cpu_ns - a.cpu_ns) / 1e3 / n, (double)(b.n_commits - a.n_commits) / wall);
}

int main(int argc, char **argv)
{
	long n_workflows = argc > 2 ? strtol(argv[2], NULL, 10) : 20000;
	CLEANUP_FREE char *dir = mem_printf("%s/store-bench-XXXXXX", argc > 1 ? argv[1] : ".");
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	id_gen_init(&ids, 0);
	int64_t sync_p99 = 0, sync_p50 = sync_ns(dir, &sync_p99);
	printf("write+fdatasync, 4 KiB   p50 %6.0f us   p99 %6.0f us\n", (double)sync_p50 / 1e3,
	       (double)sync_p99 / 1e3);
	CLEANUP_FREE char *path = mem_printf("%s/drover.db", dir);
	CLEANUP_BUF struct buf reason = {0};
	struct store *s;
	struct sqlite_store_config config = {.path = path};
	if (sqlite_store_open(&config, &s, &reason) != 0) {
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&reason)));
		return 1;
	}
	/* the first round lets the WAL reach the size it keeps */
	bench_batch(s, n_workflows / 4, FLIGHT);
	bench_single(s, sync_p50);
	bench_batch(s, n_workflows / 20, 2);
	bench_batch(s, n_workflows / 4, 16);
	bench_batch(s, n_workflows, FLIGHT);
	struct sqlite_store_stats st;
	sqlite_store_stats(s, &st);
	printf("checkpoints              %llu\n", (unsigned long long)st.n_checkpoints);
	s->ops->free(s);
	static const char *const files[] = {"", "-wal", "-shm", ".lock"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP_FREE char *name = mem_printf("%s%s", path, files[i]);
		unlink(name);
	}
	rmdir(dir);
	return 0;
}
