/* What the in-memory store adds to the port: commits by hand, a full disk, crashes. */
#include "store/mem/mem.h"

#include <errno.h>

#include "base/mem.h"
#include "tap.h"

struct seen {
	int n;
	int results[16];
	int64_t order[16];
};

struct mark {
	struct seen *seen;
	int64_t number;
};

static void note(struct txn *txn, int r)
{
	struct mark *m = txn->owner;
	m->seen->results[m->seen->n] = r;
	m->seen->order[m->seen->n++] = m->number;
	txn_free(txn);
}

static void submit_run(struct store *s, struct seen *seen, int number)
{
	struct txn *txn = txn_new();
	struct mark *m = ARENA_NEW(&txn->arena, struct mark);
	*m = (struct mark){seen, number};
	txn->owner = m;
	txn->done = note;
	struct txn_op *op = txn_add(txn, TXN_RUN_ADD);
	op->run.id = str_of(arena_printf(&txn->arena, "run-%04d", number));
	op->run.project = STR("default");
	op->run.created_ms = number;
	s->ops->submit(s, txn);
}

static size_t count_runs(struct store *s)
{
	CLEANUP_ARENA struct arena a = {0};
	struct store_reader *r;
	struct run_row *rows;
	size_t n;
	s->ops->reader_new(s, &r);
	struct run_filter filter = {.project = STR("default")};
	struct store_page page = {.limit = 100};
	s->ops->run_list(r, &a, &filter, &page, &rows, &n);
	s->ops->reader_free(r);
	return n;
}

TEST(done_is_called_only_by_run_and_in_order)
{
	struct seen seen = {0};
	struct store *s;
	CHECK_INT(mem_store_new(&s), 0);
	for (int i = 0; i < 3; i++)
		submit_run(s, &seen, i);
	CHECK_INT(count_runs(s), 0);
	CHECK_INT(seen.n, 0);
	CHECK_INT(mem_store_run(s), 3);
	CHECK_INT(seen.n, 3);
	CHECK_INT(count_runs(s), 3);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(seen.order[i], i);
		CHECK_INT(seen.results[i], 0);
	}
	CHECK_INT(mem_store_run(s), 0);
	s->ops->free(s);
}

TEST(crash_keeps_what_was_durable_and_nothing_else)
{
	struct seen seen = {0};
	struct store *s;
	CHECK_INT(mem_store_new(&s), 0);
	mem_store_set_manual(s, true);
	for (int i = 0; i < 3; i++)
		submit_run(s, &seen, i);
	CHECK(mem_store_commit_one(s));
	CHECK(mem_store_commit_one(s));
	CHECK_INT(count_runs(s), 2);
	s = mem_store_crash(s);
	CHECK_INT(seen.n, 0);
	CHECK_INT(count_runs(s), 2);
	submit_run(s, &seen, 7);
	CHECK_INT(mem_store_run(s), 1);
	CHECK_INT(count_runs(s), 3);
	s->ops->free(s);
}

TEST(full_disk_fails_all_that_wait_and_nothing_overtakes)
{
	struct seen seen = {0};
	struct store *s;
	CHECK_INT(mem_store_new(&s), 0);
	mem_store_set_manual(s, true);
	submit_run(s, &seen, 0);
	submit_run(s, &seen, 1);
	submit_run(s, &seen, 2);
	CHECK(mem_store_commit_one(s));
	mem_store_fail_next(s, 1);
	CHECK(mem_store_commit_one(s));
	submit_run(s, &seen, 3); /* behind the failure */
	CHECK_INT(mem_store_run(s), 4);
	CHECK_INT(seen.results[0], 0);
	for (int i = 1; i < 4; i++) {
		CHECK_INT(seen.order[i], i);
		CHECK_INT(seen.results[i], -ENOSPC);
	}
	CHECK_INT(count_runs(s), 1);
	submit_run(s, &seen, 1);
	CHECK(mem_store_commit_one(s));
	CHECK_INT(mem_store_run(s), 1);
	CHECK_INT(seen.results[4], 0);
	struct mem_store_stats st;
	mem_store_stats(s, &st);
	CHECK_INT(st.n_submitted, 5);
	CHECK_INT(st.n_committed, 2);
	CHECK_INT(st.n_failed, 3);
	CHECK_INT(st.n_told, 5);
	CHECK_INT(st.n_waiting + st.n_untold, 0);
	s->ops->free(s);
}

TEST(same_state_same_dump)
{
	struct seen seen = {0};
	struct store *a, *b;
	CHECK_INT(mem_store_new(&a), 0);
	CHECK_INT(mem_store_new(&b), 0);
	for (int i = 0; i < 3; i++) {
		submit_run(a, &seen, i);
		submit_run(b, &seen, 2 - i);
	}
	mem_store_run(a);
	mem_store_run(b);
	CLEANUP_BUF struct buf one = {0}, two = {0};
	mem_store_dump(a, &one);
	mem_store_dump(b, &two);
	CHECK(one.n > 0);
	CHECK_STR(buf_str(&one), buf_str(&two));
	a->ops->free(a);
	b->ops->free(b);
}

TAP_MAIN(RUN(done_is_called_only_by_run_and_in_order),
	 RUN(crash_keeps_what_was_durable_and_nothing_else),
	 RUN(full_disk_fails_all_that_wait_and_nothing_overtakes), RUN(same_state_same_dump))
