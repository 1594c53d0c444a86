/* What every store promises of deleting by age. Linked with one fixture_*.c per adapter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fixture.h"
#include "rows.h"
#include "store/dump.h"
#include "tap.h"

struct step {
	int n_bad;
	struct buf told;
};

static void tell(struct txn *txn, int r)
{
	struct step *x = txn->owner;
	const struct pruned *p = txn->ops[0].prune.ret;
	x->n_bad += r != 0;
	buf_clear(&x->told);
	for (size_t i = 0; r == 0 && i < p->n; i++)
		buf_printf(&x->told, "%.*s ", STR_ARG(p->run_ids[i]));
	if (r == 0 && p->next_ms == INT64_MAX)
		buf_puts(&x->told, "all");
	else
		buf_printf(&x->told, "next %lld", (long long)p->next_ms);
	txn_free(txn);
}

/* What one step told; in the arena. */
static struct str prune(struct fixture *f, struct arena *a, enum retained what, int64_t from_ms,
			int64_t before_ms)
{
	struct step x = {0};
	struct txn *txn = txn_new();
	txn_add(txn, TXN_PRUNE)->prune = (struct prune){
		.what = what,
		.workflow_id = STR("wf-1"),
		.from_ms = from_ms,
		.before_ms = before_ms,
		.ret = ARENA_NEW(&txn->arena, struct pruned),
	};
	txn->done = tell;
	txn->owner = &x;
	f->store->ops->submit(f->store, txn);
	fixture_drain(f);
	struct str told = arena_str(a, buf_str(&x.told));
	buf_free(&x.told);
	return x.n_bad ? STR("error") : told;
}

/* Ended at 2000 + i. */
static struct run_row *put_ended(struct txn *txn, int i)
{
	struct run_row *run = put_run(txn, i);
	run->status = RUN_SUCCESS;
	run->finished_ms = 2000 + i;
	return run;
}

static void put_log(struct txn *txn, int run)
{
	struct log_row *row = &txn_add(txn, TXN_LOG_ADD)->log;
	row->run_id = numbered(&txn->arena, "run-", run);
	row->node_id = STR("node-0000");
	row->seq = 1;
	row->n_lines = 1;
	row->text = STR("a line");
}

static struct str dump_text(struct fixture *f, struct arena *a)
{
	CLEANUP_BUF struct buf out = {0};
	if (dump_store(f->reader, &out) != 0)
		buf_puts(&out, "could not be read");
	return arena_str(a, buf_str(&out));
}

TEST(ended_runs_go_with_all_that_hangs_on_them_and_others_stay)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 1; i <= 4; i++) {
		put_ended(txn, i);
		put_node(txn, i, 0);
		put_attempt(txn, i, 0, 1);
		put_approval(txn, i, i);
		put_log(txn, i);
		struct event_row *event = &txn_add(txn, TXN_EVENT_ADD)->event;
		*event = (struct event_row){numbered(&txn->arena, "run-", i), 1, 1, STR("x"), {0}};
	}
	put_run(txn, 5);
	put_ended(txn, 6)->workflow_id = STR("wf-2");
	CHECK(commit(&f, txn));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 0, 2003), STR("run-0001 run-0002 all"));
	struct run_filter all = {.project = STR("default")};
	CHECK_STR(run_ids(&f, &a, &all, 9, ""), STR("run-0006 run-0005 run-0004 run-0003"));
	struct str text = dump_text(&f, &a);
	CHECK(memmem(text.p, text.n, "run-0003", 8) && !memmem(text.p, text.n, "run-0002", 8));
	CHECK(!memmem(text.p, text.n, "approval-0001", 13));
	struct str before = dump_text(&f, &a);
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 0, 2003), STR("all"));
	CHECK_STR(dump_text(&f, &a), before);
	fixture_reopen(&f);
	CHECK_STR(dump_text(&f, &a), before);
	/* what went may come again */
	txn = txn_new();
	put_ended(txn, 2);
	put_node(txn, 2, 1);
	CHECK(commit(&f, txn));
	struct run_detail d;
	CHECK_INT(f.store->ops->run_get(f.reader, &a, STR("default"), STR("run-0002"), &d), 0);
	CHECK_INT(d.n_nodes, 1);
	CHECK_INT(d.n_attempts, 0);
}

TEST(a_run_stays_while_an_open_one_has_to_do_with_it)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 1; i <= 4; i++)
		put_ended(txn, i);
	put_ended(txn, 5)->caller_run_id = STR("run-0008"); /* its caller is open */
	put_run(txn, 6)->parent_run_id = STR("run-0001");
	put_run(txn, 7)->caller_run_id = STR("run-0002");
	put_run(txn, 8);
	put_ended(txn, 9)->parent_run_id = STR("run-0003"); /* that one has ended */
	CHECK(commit(&f, txn));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 0, 9000), STR("run-0003 run-0004 run-0009 all"));
	txn = txn_new();
	for (int i = 6; i <= 8; i++) {
		struct run_row *run = &txn_add(txn, TXN_RUN_SET)->run;
		run->id = numbered(&txn->arena, "run-", i);
		run->status = RUN_FAILED;
		run->finished_ms = 8000;
	}
	CHECK(commit(&f, txn));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 0, 9000),
		  STR("run-0001 run-0002 run-0005 run-0006 run-0007 run-0008 all"));
}

TEST(logs_go_alone)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 1; i <= 4; i++) {
		if (i == 4)
			put_run(txn, i);
		else
			put_ended(txn, i);
		if (i != 2)
			put_log(txn, i);
	}
	CHECK(commit(&f, txn));
	CHECK_STR(prune(&f, &a, RETAINED_LOGS, 0, 9000), STR("run-0001 run-0003 all"));
	CHECK_STR(prune(&f, &a, RETAINED_LOGS, 0, 9000), STR("all"));
	struct log_row *rows;
	size_t n[5];
	for (int i = 1; i <= 4; i++)
		CHECK_INT(f.store->ops->log_list(f.reader, &a, numbered(&a, "run-", i),
						 STR("node-0000"), 0, 0, &rows, &n[i]),
			  0);
	CHECK(n[1] == 0 && n[3] == 0 && n[4] == 1);
	struct run_filter all = {.project = STR("default")};
	CHECK_STR(run_ids(&f, &a, &all, 9, ""), STR("run-0004 run-0003 run-0002 run-0001"));
}

TEST(a_step_is_small_and_says_where_the_next_begins)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	enum { N = LIMIT_PRUNE_RUNS * 2 + 7 };
	struct txn *txn = txn_new();
	for (int i = 0; i < N; i++)
		put_ended(txn, i);
	CHECK(commit(&f, txn));
	int64_t from_ms = 0;
	size_t n = 0, n_steps = 0;
	while (from_ms >= 0) {
		struct str told = prune(&f, &a, RETAINED_RUNS, from_ms, 9000);
		for (size_t i = 0; i + 4 <= told.n; i++)
			n += memcmp(told.p + i, "run-", 4) == 0;
		const char *next = memmem(told.p, told.n, "next ", 5);
		from_ms = next ? strtoll(next + 5, NULL, 10) : -1;
		CHECK(++n_steps < 9);
	}
	CHECK_INT(n, N);
	CHECK_INT(n_steps, 3);
}

TEST(a_step_looks_at_so_many_runs_only)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 0; i < LIMIT_PRUNE_LOOK + 5; i++)
		put_run(txn, i); /* open: none goes */
	CHECK(commit(&f, txn));
	char want[32];
	snprintf(want, sizeof(want), "next %d", 1000 + LIMIT_PRUNE_LOOK - 1);
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 0, 9000), str_of(want));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 1000 + LIMIT_PRUNE_LOOK - 1, 9000), STR("all"));
}

TEST(so_many_runs_of_one_moment_that_stay_are_passed_by)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 0; i < LIMIT_PRUNE_LOOK; i++)
		put_run(txn, i)->created_ms = 5000;
	CHECK(commit(&f, txn));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 0, 9000), STR("next 5000"));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 5000, 9000), STR("next 5001"));
	CHECK_STR(prune(&f, &a, RETAINED_RUNS, 5001, 9000), STR("all"));
}

TAP_MAIN(RUN(ended_runs_go_with_all_that_hangs_on_them_and_others_stay),
	 RUN(a_run_stays_while_an_open_one_has_to_do_with_it), RUN(logs_go_alone),
	 RUN(a_step_is_small_and_says_where_the_next_begins),
	 RUN(a_step_looks_at_so_many_runs_only),
	 RUN(so_many_runs_of_one_moment_that_stay_are_passed_by))
