/*
 * The durable rows of the in-memory store, and how an operation changes them. Every object owns an
 * arena with its text; what an update replaces stays there until the object goes. One thread.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/map.h"
#include "engine/store.h"

struct memdb_agent {
	struct arena arena;
	struct agent_row row;
};

struct memdb_workflow {
	struct arena arena; /* of the versions */
	struct arena row_arena;
	bool has_row; /* false: only versions came so far */
	struct workflow_row row;
	struct version_row **versions; /* by version */
	size_t n_versions, cap_versions;
};

struct memdb_logs {	       /* of one node */
	struct log_row **rows; /* by seq */
	size_t n, cap;
};

struct memdb_run {
	struct arena arena;
	struct run_row row;
	struct node_row **nodes; /* [index], NULL = no row */
	size_t n_nodes, cap_nodes;
	struct attempt_row **attempts; /* as they came */
	size_t n_attempts, cap_attempts;
	struct approval_row **approvals; /* as they came */
	size_t n_approvals, cap_approvals;
	struct event_row **events; /* by seq */
	size_t n_events, cap_events;
	struct signal_row **signals; /* by seq */
	size_t n_signals, cap_signals;
	struct map logs; /* node id → struct memdb_logs, in arena */
};

struct memdb_schedule {
	struct arena arena;
	struct schedule_row row;
};

struct memdb {
	struct map agents;	     /* id → struct memdb_agent */
	struct map workflows;	     /* id → struct memdb_workflow */
	struct map runs;	     /* id → struct memdb_run */
	struct map attempts;	     /* id → struct attempt_row, in its run's arena */
	struct map approvals;	     /* id → struct approval_row, in its run's arena */
	struct map schedules;	     /* id → struct memdb_schedule */
	struct map keys;	     /* project NUL key → struct key_row, one block */
	struct memdb_run **in_order; /* runs by created_ms and id */
	size_t n_runs, cap_runs;
};

struct memdb *memdb_new(void);
void memdb_free(struct memdb *s);

/* What the op tells goes into `a`. */
void memdb_apply(struct memdb *s, struct arena *a, const struct txn_op *op);

/* Takes the run at a place of the order away, with all that hangs on it. */
void memdb_run_remove(struct memdb *s, size_t place);

/* How many runs come before this one in the order of lists. */
size_t memdb_run_place(const struct memdb *s, const struct run_row *row);

/* Room for `want` pointers in an array of an arena. */
void *memdb_vector(struct arena *a, void *p, size_t *cap, size_t want);

/* The key of the map of idempotency keys. */
struct str memdb_key_name(struct arena *a, struct str project, struct str key);
