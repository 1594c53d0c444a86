/*
 * Which run starts next. Private to src/engine.
 *
 *    shares of the projects <-- flows of their workflows <-- gates of their keys <-- PENDING runs
 *                               gates with called runs   <-- PENDING runs that a node called
 *
 * A run starts when its gate has room (the workflow's `concurrency`), its workflow's rateLimit
 * allows it, and neither its project nor all of drover runs too many already; else it is PENDING.
 * What may start goes by priority, then age, inside a project; the project with the fewest running
 * runs goes first. A gate or flow that is shut holds up nobody else.
 *
 * A run holds its gate from its start to its end, whatever it waits for meanwhile. While it waits
 * for people it does not count as a running one: an answer may take days.
 *
 * A run that a node called waits for its key alone: its caller counts already, so a limit of
 * running runs would let callers wait for callees that wait for callers. For the same reason it
 * passes a gate that one of its callers holds.
 */
#pragma once

#include "base/diag.h"
#include "engine/state.h"

/* The runs of one workflow and key. */
struct gate {
	struct flow *flow;
	struct queue waiting; /* stands in the flow */
	struct queue called;  /* stands in engine.starts */
	struct list runs;     /* that wait for it or hold it, oldest first */
	size_t limit;	      /* SIZE_MAX = none */
	size_t n_holding;
	size_t n_runs; /* with this gate */
	char *key;     /* NULL: of runs without concurrency; else may be empty */
};

/* The runs of one workflow. */
struct flow {
	struct engine *engine;
	struct share *share;
	struct list link;   /* engine.starts.flows */
	struct queue gates; /* stands in the share */
	struct map by_key;
	struct gate open; /* without concurrency */
	struct rate_limit limit;
	struct rate rate;
	struct timer timer; /* shut until the rate allows another */
};

void gate_init(struct engine *e);
void gate_fini(struct engine *e);

/* What a new run does. */
enum gate_verdict { GATE_START, GATE_WAIT, GATE_SKIP };

/* Finds the gate of a new run by its key; false with a finding when the key can't be resolved. */
bool gate_find(struct run *r, struct diag *d);

/* The new run comes to its gate; under onLimit cancel others are stopped. It counts as running, or
 * waits, from here on. */
enum gate_verdict gate_enter(struct run *r);

/* The run has ended; harmless when it has no gate any more. */
void gate_leave(struct run *r);

/* The run begins or ceases to wait for people. */
void gate_run_waits(struct run *r, bool waits);

/* A PENDING run is paused: it leaves the queue. It is resumed: it comes back to its old place. */
void gate_run_paused(struct run *r, bool paused);

/* Starts what waits and may start; whether there was any. */
bool gate_admit(struct engine *e);

/* The flow's timer. */
void gate_flow_timer(struct flow *f);

/* The workflow was saved: its limits may be others. It was deleted. */
void gate_workflow_saved(struct engine *e, struct workflow *w);
void gate_workflow_deleted(struct engine *e, struct workflow *w);

/* Recovery: the gate of a run as its row has the key; then, when all runs are there, who holds and
 * who waits. */
void gate_restore(struct run *r, struct str key);
void gate_recover(struct engine *e);

/* Why a PENDING run waits. */
enum gate_wait { GATE_WAIT_KEY, GATE_WAIT_RATE, GATE_WAIT_PROJECT, GATE_WAIT_ALL };
enum gate_wait gate_why(const struct run *r);

/* Its place among those that wait at the same gate, from 1. */
size_t gate_place(const struct run *r);

/* The oldest run that holds the gate, or NULL. */
const struct run *gate_holder(const struct gate *g);

/* The row's text; lives in the current transaction. */
struct str gate_key(const struct run *r);

void gate_check(const struct engine *e);
