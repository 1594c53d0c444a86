/*
 * Join rules: when a node may start, given how its direct dependencies ended. They are the
 * trigger rules that Airflow documents, decided as early as the verdict can no longer change, so
 * that it never depends on the order in which dependencies end. Pure.
 *
 *   all_success   every dependency succeeded            a failure: UPSTREAM, else a skip: SKIP
 *   all_failed    every one failed                      a success or a plain skip: SKIP
 *   all_done      every one ended, however
 *   one_success   the first success starts it           all ended, none succeeded: UPSTREAM, or
 *                                                       SKIP when all were plain skips
 *   one_failed    the first failure starts it           all ended, none failed: SKIP
 *   one_done      the first success or failure starts   all ended by skips: SKIP
 *   none_failed   all ended, none failed                a failure: UPSTREAM
 *   none_skipped  all ended, none by a plain skip       a plain skip: SKIP
 *   always        at once, whatever the dependencies do
 *
 * A node that was skipped because something before it failed (UPSTREAM) counts as failed for the
 * nodes after it, as Airflow's upstream_failed does, but for one_done it counts as skipped. A
 * failure that is tolerated (continueOnError) counts as a success for the rules that ask for
 * success and as a failure for those that ask for failure.
 *
 * Short forms: runOn success = all_success, failure = one_failed, always = all_done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum join_rule {
	JOIN_ALL_SUCCESS,
	JOIN_ALL_FAILED,
	JOIN_ALL_DONE,
	JOIN_ONE_SUCCESS,
	JOIN_ONE_FAILED,
	JOIN_ONE_DONE,
	JOIN_NONE_FAILED,
	JOIN_NONE_SKIPPED,
	JOIN_ALWAYS,
};

/* How one dependency ended. */
enum join_end {
	JOIN_END_SUCCESS,
	JOIN_END_FAILED,
	JOIN_END_TOLERATED, /* failed with continueOnError */
	JOIN_END_SKIPPED,
	JOIN_END_UPSTREAM, /* skipped because something before it failed */
};

struct join_counts {
	uint32_t n; /* dependencies in all */
	uint32_t success, failed, tolerated, skipped, upstream;
};

enum join_verdict { JOIN_WAIT, JOIN_RUN, JOIN_SKIP, JOIN_UPSTREAM };

void join_count(struct join_counts *c, enum join_end end);
enum join_verdict join_judge(enum join_rule rule, const struct join_counts *c);

/* Whether a node with this rule that ran handles the failure of its dependency: the paths that
 * were made for failure (all_failed, one_failed); clean-up that runs always is not among them. */
bool join_handles_failure(enum join_rule rule);

const char *join_rule_name(enum join_rule rule);
bool join_rule_parse(struct str text, enum join_rule *ret);
/* success, failure, always */
bool join_run_on_parse(struct str text, enum join_rule *ret);
