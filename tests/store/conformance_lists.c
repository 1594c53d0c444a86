/* What every store promises of lists of runs. Linked with one fixture_*.c per adapter. */
#include <stdlib.h>

#include "base/buf.h"
#include "fixture.h"
#include "rows.h"
#include "tap.h"

TEST(runs_are_paged_newest_first)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 1; i <= 5; i++)
		put_run(txn, i);
	CHECK(commit(&f, txn));
	struct run_filter all = {.project = STR("default")};
	CHECK_STR(run_ids(&f, &a, &all, 2, ""), STR("run-0005 run-0004"));
	CHECK_STR(run_ids(&f, &a, &all, 2, "run-0004"), STR("run-0003 run-0002"));
	CHECK_STR(run_ids(&f, &a, &all, 2, "run-0002"), STR("run-0001"));
	CHECK_STR(run_ids(&f, &a, &all, 2, "run-0001"), STR(""));
	CHECK_STR(run_ids(&f, &a, &all, 2, "run-0003x"), STR("run-0003 run-0002"));
	CHECK_STR(run_ids(&f, &a, &all, 2, "a"), STR(""));
}

TEST(runs_are_filtered_by_everything_at_once)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 1; i <= 6; i++) {
		struct run_row *run = put_run(txn, i);
		run->workflow_id = i % 2 ? STR("wf-1") : STR("wf-2");
		run->status = i <= 2 ? RUN_SUCCESS : i <= 4 ? RUN_FAILED : RUN_WAITING_APPROVAL;
		run->context = i == 3 ? STR("{\"path\":\"/srv/100%_sure\"}") : STR("{}");
		run->error = i == 4 ? STR("{\"message\":\"Out Of Memory\"}") : (struct str){0};
		run->caller_run_id = i > 4 ? STR("run-0001") : (struct str){0};
	}
	CHECK(commit(&f, txn));
	struct run_filter filter = {.project = STR("default"), .has_status = true};
	filter.status = RUN_FAILED;
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0004 run-0003"));
	filter.status = RUN_WAITING_APPROVAL;
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0006 run-0005"));
	filter.workflow_id = STR("wf-2");
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0006"));
	filter.status = RUN_SUCCESS;
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0002"));
	filter.has_status = false;
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0006 run-0004 run-0002"));
	filter.since_ms = 1004;
	filter.until_ms = 1006;
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0004"));
	filter = (struct run_filter){.project = STR("default"), .caller_run_id = STR("run-0001")};
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0006 run-0005"));
	CHECK_STR(run_ids(&f, &a, &filter, 9, "run-0006"), STR("run-0005"));
	filter.workflow_id = STR("wf-2");
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0006"));
	filter = (struct run_filter){.project = STR("default"), .text = STR("out of mem")};
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0004"));
	filter.text = STR("100%_s");
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR("run-0003"));
	filter.text = STR("0%s");
	CHECK_STR(run_ids(&f, &a, &filter, 9, ""), STR(""));
	filter.text = STR("SCAN");
	CHECK_STR(run_ids(&f, &a, &filter, 2, ""), STR("run-0006 run-0005"));
	filter.text = STR("sc\0n");
	CHECK_STR(run_ids(&f, &a, &filter, 2, ""), STR(""));
}

/* The ids of a whole list, with a bar where it stopped. */
static struct str in_parts(struct fixture *f, struct arena *a, struct run_filter filter,
			   size_t limit, size_t look_at)
{
	CLEANUP_BUF struct buf out = {0};
	struct run_list_stop stop = {0};
	struct store_page page = {.limit = limit};
	struct run_row *rows;
	size_t n = limit;
	filter.stop = &stop;
	filter.look_at = look_at;
	while (n == limit || stop.after.n > 0) {
		int r = f->store->ops->run_list(f->reader, a, &filter, &page, &rows, &n);
		if (r != 0 || n > limit)
			return STR("error");
		for (size_t i = 0; i < n; i++)
			buf_printf(&out, "%.*s ",
				   STR_ARG(str_n(rows[i].id.p + 7, rows[i].id.n - 7)));
		if (stop.after.n > 0)
			buf_printf(&out, "| ");
		page.after = stop.after.n > 0 ? stop.after : n > 0 ? rows[n - 1].id : page.after;
	}
	return arena_str(a, buf_str(&out));
}

TEST(a_search_stops_after_so_many_runs_and_goes_on_from_there)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	struct txn *txn = txn_new();
	for (int i = 1; i <= 8; i++)
		put_run(txn, i)->error = i % 3 ? STR("\"cold\"") : STR("\"WARM\"");
	CHECK(commit(&f, txn));
	struct run_filter warm = {.project = STR("default"), .text = STR("warm")};
	CHECK_STR(in_parts(&f, &a, warm, 5, 0), STR("6 3 "));
	CHECK_STR(in_parts(&f, &a, warm, 5, 2), STR("| 6 | 3 | | "));
	CHECK_STR(in_parts(&f, &a, warm, 5, 3), STR("6 | 3 | "));
	/* full at the moment that it would stop: that is no stop */
	CHECK_STR(in_parts(&f, &a, warm, 1, 3), STR("6 3 "));
	warm.workflow_id = STR("wf-1");
	CHECK_STR(in_parts(&f, &a, warm, 5, 4), STR("6 | 3 | "));
	warm.has_status = true;
	warm.status = RUN_RUNNING;
	CHECK_STR(in_parts(&f, &a, warm, 5, 4), STR("6 | 3 | "));
}

TEST(runs_are_in_the_order_of_their_time_also_when_the_clock_went_back)
{
	CLEANUP_FIXTURE struct fixture f;
	CLEANUP_ARENA struct arena a = {0};
	fixture_open(&f);
	static const int64_t times[] = {1000, 5000, 2000, 2000, 3000, 6000};
	struct txn *txn = txn_new();
	for (int i = 0; i < (int)ARRAY_LEN(times); i++)
		put_run(txn, i)->created_ms = times[i];
	CHECK(commit(&f, txn));
	struct run_filter all = {.project = STR("default")};
	CHECK_STR(run_ids(&f, &a, &all, 9, ""),
		  STR("run-0005 run-0001 run-0004 run-0003 run-0002 run-0000"));
	CHECK_STR(run_ids(&f, &a, &all, 2, "run-0001"), STR("run-0004 run-0003"));
	CHECK_STR(run_ids(&f, &a, &all, 2, "run-0003"), STR("run-0002 run-0000"));
	all.since_ms = 2000;
	all.until_ms = 5000;
	CHECK_STR(run_ids(&f, &a, &all, 9, ""), STR("run-0004 run-0003 run-0002"));
	CHECK_STR(run_ids(&f, &a, &all, 9, "run-0001"), STR("run-0004 run-0003 run-0002"));
	CHECK_STR(run_ids(&f, &a, &all, 9, "run-0003"), STR("run-0002"));
	all.workflow_id = STR("wf-1");
	CHECK_STR(run_ids(&f, &a, &all, 1, "run-0004"), STR("run-0003"));
}

TAP_MAIN(RUN(runs_are_paged_newest_first), RUN(runs_are_filtered_by_everything_at_once),
	 RUN(a_search_stops_after_so_many_runs_and_goes_on_from_there),
	 RUN(runs_are_in_the_order_of_their_time_also_when_the_clock_went_back))
