/*
 * The durable rows of the in-memory store, and how an operation changes them. Every object owns an
 * arena with its text; what an update replaces stays there until the object goes. One thread.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/map.h"
#include "engine/store.h"

struct state_agent {
	struct arena arena;
	struct agent_row row;
};

struct state_workflow {
	struct arena arena; /* of the versions */
	struct arena row_arena;
	bool has_row; /* false: only versions came so far */
	struct workflow_row row;
	struct version_row **versions; /* by version */
	size_t n_versions, cap_versions;
};

struct state_logs { /* of one node */
	struct log_row **rows; /* by seq */
	size_t n, cap;
};

struct state_run {
	struct arena arena;
	struct run_row row;
	struct node_row **nodes; /* [index], NULL = no row */
	size_t n_nodes, cap_nodes;
	struct attempt_row **attempts; /* as they came */
	size_t n_attempts, cap_attempts;
	struct event_row **events; /* by seq */
	size_t n_events, cap_events;
	struct map logs; /* node id → struct state_logs, in arena */
};

struct state {
	struct map agents;    /* id → struct state_agent */
	struct map workflows; /* id → struct state_workflow */
	struct map runs;      /* id → struct state_run */
	struct map attempts;  /* id → struct attempt_row, in its run's arena */
	struct map keys;      /* project NUL key → struct key_row, one block */
	struct state_run **in_order; /* runs by id */
	size_t n_runs, cap_runs;
};

struct state *state_new(void);
void state_free(struct state *s);

void state_apply(struct state *s, const struct txn_op *op);

/* Room for `want` pointers in an array of an arena. */
void *state_vector(struct arena *a, void *p, size_t *cap, size_t want);

/* The key of the map of idempotency keys. */
struct str state_key_name(struct arena *a, struct str project, struct str key);
