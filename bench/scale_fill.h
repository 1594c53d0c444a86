/*
 * A database as it looks after years: finished runs of 50 workflows, each with three nodes, their
 * attempts and events, some with logs, some with approvals. The same count gives the same rows.
 */
#pragma once

#include "engine/store.h"

enum { SCALE_WORKFLOWS = 50, SCALE_STEP_MS = 30000 };

struct scale {
	struct store *store;
	int64_t first_ms; /* when the oldest run was created; the next each SCALE_STEP_MS later */
	long n_runs;
};

/* The id of a workflow, run, … of that number: a UUIDv7 of the time that such a run has. */
struct str scale_workflow_id(struct arena *a, int workflow);
struct str scale_run_id(struct arena *a, const struct scale *s, long run);

/* Writes the workflows and runs 0 … n_runs - 1, the rare ones among them too: workflow 49 has one
 * run in 10,000, TIMED_OUT is one in 20,000 and never of workflow 7. Ends the program on a fault.
 */
void scale_fill(const struct scale *s);
