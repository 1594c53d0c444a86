/*
 * What survives: kill -9, power loss at every write and sync, failing writes, syncs and opens, a
 * full disk. Acknowledged means there afterwards, always.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/rng.h"
#include "crash.h"

enum { KILLS = 50, HISTORY = 12, NO_STORE_STATUS = 3 };
enum start { EMPTY, MADE }; /* whether the database is there already */

struct place {
	char dir[64];
	char *db, *image_dir, *image_db;
};

static void place_free(struct place *p)
{
	crash_dir_remove(p->dir);
	free(p->db);
	free(p->image_dir);
	free(p->image_db);
}
#define CLEANUP_PLACE __attribute__((cleanup(place_free)))

static void place_new(struct tap *t, struct place *p)
{
	crash_dir(t, p->dir);
	p->db = mem_printf("%s/drover.db", p->dir);
	p->image_dir = mem_printf("%s/image", p->dir);
	p->image_db = mem_printf("%s/drover.db", p->image_dir);
	mkdir(p->image_dir, 0700);
}

TEST(kill_9_at_any_moment_loses_nothing_acknowledged)
{
	CLEANUP_PLACE struct place p = {0};
	place_new(t, &p);
	struct rng rng;
	rng_seed(&rng, 9);
	int m = 0;
	for (int i = 0; i < KILLS; i++) {
		struct crash_writer w = {.path = p.db, .first = m + 1, .n_flying = 3};
		struct crash_result result;
		crash_run(t, &w, 1 + (int)rng_below(&rng, 40), &result);
		CHECK_GOOD();
		CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL);
		crash_judge(t, p.db, result.n_acked, &m);
		CHECK_GOOD();
	}
	CHECK(m >= KILLS);
}

static void begin(struct tap *t, struct place *p, enum start start)
{
	int m;
	place_new(t, p);
	CHECK_GOOD();
	if (start == MADE)
		crash_judge(t, p->db, 0, &m);
}

/* How many writes and syncs, syncs, opens a whole history takes. */
static void measure(struct tap *t, enum start start, struct crash_result *ret)
{
	CLEANUP_PLACE struct place p = {0};
	begin(t, &p, start);
	CHECK_GOOD();
	/* armed with nothing, so that it only counts */
	struct crash_writer w = {.path = p.db, .first = 1, .n = HISTORY, .n_flying = 1, .k = -1};
	crash_run(t, &w, 0, ret);
	CHECK_GOOD();
	CHECK_INT(ret->status, 0);
	CHECK_INT(ret->n_acked, HISTORY);
	CHECK(ret->n_ops > 24);
}

static void one_fault(struct tap *t, enum start start, enum faultfs_what what, int k, uint64_t seed,
		      struct crash_result *ret)
{
	CLEANUP_PLACE struct place p = {0};
	begin(t, &p, start);
	CHECK_GOOD();
	struct crash_writer w = {.path = p.db,
				 .image_dir = p.image_dir,
				 .first = 1,
				 .n = HISTORY,
				 .n_flying = what == FAULTFS_FULL || what == FAULTFS_SHORT ? 3 : 1,
				 .what = what,
				 .k = k,
				 .seed = seed};
	crash_run(t, &w, 0, ret);
	CHECK_GOOD();
	CHECK(WIFEXITED(ret->status));
	int status = WEXITSTATUS(ret->status), m;
	bool power = status == FAULTFS_POWER_STATUS;
	if (status != 0 && !power && status != FAULT_EXIT_STATUS && status != NO_STORE_STATUS)
		tap_fail(t, __FILE__, __LINE__, "ended with %d: %s", status, ret->reason);
	if (status == FAULT_EXIT_STATUS && !strstr(ret->reason, "fatal: store: "))
		tap_fail(t, __FILE__, __LINE__, "no reason: %s", ret->reason);
	if (status == NO_STORE_STATUS && !strstr(ret->reason, "drover.db"))
		tap_fail(t, __FILE__, __LINE__, "no reason: %s", ret->reason);
	if (status == 0 && ret->n_acked != HISTORY)
		tap_fail(t, __FILE__, __LINE__, "ended well with %d", ret->n_acked);
	crash_judge(t, power ? p.image_db : p.db, ret->n_acked, &m);
	if (t->failed)
		printf("# fault %d, k = %d, seed %d\n", (int)what, k, (int)seed);
}

/* The exit statuses seen in a sweep. */
struct tally {
	int n_well, n_power, n_fatal, n_no_store;
};

static void sweep(struct tap *t, enum start start, enum faultfs_what what, int most, int step,
		  struct tally *ret)
{
	*ret = (struct tally){0};
	for (int k = 1; k <= most; k += step) {
		struct crash_result result;
		one_fault(t, start, what, k, (uint64_t)k, &result);
		CHECK_GOOD();
		int status = WEXITSTATUS(result.status);
		ret->n_well += status == 0;
		ret->n_power += status == FAULTFS_POWER_STATUS;
		ret->n_fatal += status == FAULT_EXIT_STATUS;
		ret->n_no_store += status == NO_STORE_STATUS;
	}
}

TEST(power_loss_while_the_database_is_made_leaves_one_that_opens)
{
	struct crash_result whole;
	struct tally tally;
	measure(t, EMPTY, &whole);
	CHECK_GOOD();
	sweep(t, EMPTY, FAULTFS_POWER, whole.n_ops, 4, &tally);
	CHECK_GOOD();
	CHECK(tally.n_power > tally.n_well * 4);
	sweep(t, EMPTY, FAULTFS_POWER_TORN, whole.n_ops, 4, &tally);
}

TEST(power_loss_at_every_write_and_sync_loses_nothing_acknowledged)
{
	struct crash_result whole;
	struct tally tally;
	measure(t, MADE, &whole);
	CHECK_GOOD();
	sweep(t, MADE, FAULTFS_POWER, whole.n_ops, 1, &tally);
	CHECK_GOOD();
	CHECK(tally.n_power > tally.n_well * 4);
}

TEST(power_loss_with_torn_writes_loses_nothing_acknowledged)
{
	struct crash_result whole;
	struct tally tally;
	measure(t, MADE, &whole);
	CHECK_GOOD();
	sweep(t, MADE, FAULTFS_POWER_TORN, whole.n_ops, 1, &tally);
	CHECK_GOOD();
	CHECK(tally.n_power > tally.n_well * 4);
}

/* On a slow machine a quiet moment may bring a checkpoint more. */
enum { SLACK = 3 };

TEST(a_failed_sync_ends_the_process_before_it_acknowledges)
{
	struct crash_result whole;
	struct tally tally;
	measure(t, MADE, &whole);
	CHECK_GOOD();
	sweep(t, MADE, FAULTFS_SYNC, whole.n_syncs - SLACK, 1, &tally);
	CHECK_GOOD();
	CHECK(tally.n_fatal > 0);
	CHECK_INT(tally.n_well, 0);
}

TEST(a_failed_write_ends_the_process_before_it_acknowledges)
{
	struct crash_result whole;
	struct tally tally;
	measure(t, MADE, &whole);
	CHECK_GOOD();
	sweep(t, MADE, FAULTFS_WRITE, (whole.n_ops - whole.n_syncs) / 2, 1, &tally);
	CHECK_GOOD();
	CHECK(tally.n_fatal > 0);
	CHECK_INT(tally.n_well, 0);
}

TEST(a_failed_open_is_refused_with_a_reason)
{
	struct crash_result whole;
	struct tally tally;
	measure(t, MADE, &whole);
	CHECK_GOOD();
	sweep(t, MADE, FAULTFS_OPEN, whole.n_opens, 1, &tally);
	CHECK_GOOD();
	CHECK(tally.n_no_store > 0);
	CHECK_INT(tally.n_well, 0);
}

TEST(a_full_disk_is_survived_and_what_it_refused_comes_again)
{
	static const enum faultfs_what whats[] = {FAULTFS_FULL, FAULTFS_SHORT};
	struct crash_result whole;
	struct tally tally;
	measure(t, MADE, &whole);
	CHECK_GOOD();
	for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
		sweep(t, MADE, whats[i], whole.n_ops - whole.n_syncs, 2, &tally);
		CHECK_GOOD();
		CHECK(tally.n_well > 0);
		CHECK_INT(tally.n_fatal, 0);
	}
}

TAP_MAIN(RUN(kill_9_at_any_moment_loses_nothing_acknowledged),
	 RUN(power_loss_while_the_database_is_made_leaves_one_that_opens),
	 RUN(power_loss_at_every_write_and_sync_loses_nothing_acknowledged),
	 RUN(power_loss_with_torn_writes_loses_nothing_acknowledged),
	 RUN(a_failed_sync_ends_the_process_before_it_acknowledges),
	 RUN(a_failed_write_ends_the_process_before_it_acknowledges),
	 RUN(a_failed_open_is_refused_with_a_reason),
	 RUN(a_full_disk_is_survived_and_what_it_refused_comes_again))
