/* Runs: start, settling, stop and end. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* Memory for a run of the plan, in the engine's tables; takes a reference of the plan. */
struct run *run_new(struct engine *e, struct plan *plan, struct workflow *w, struct str id,
		    struct str context, struct str trigger);

/* A PENDING run's turn has come: RUNNING, with its rows; judges its nodes. */
void run_start(struct run *r);

/* The event. */
void run_tell_started(struct run *r);

/* Judges every node once. */
void run_begin(struct run *r);

/* Recovery: judges the nodes that wait for nothing; a stopping run's nodes end. */
void run_resume(struct run *r);

/* Arms the run's time-out, measured from started_ms. */
void run_arm(struct run *r);

/* Whether it only waits for approvals, which have an end of their own. */
static inline bool run_waits(const struct run *r)
{
	return r->status == RUN_WAITING_APPROVAL && r->n_unknown == 0;
}

/* The time-out goes on, or stands still while the run is paused or waits for people. */
void run_clock(struct run *r);

/* Tells the ends of nodes to their dependents; ends the run when no node is left. Called while it
 * is at that already, it leaves the rest to that call. */
void run_settle(struct run *r);

/* Queues the end of a node for run_settle(). */
void run_node_ended(struct run *r, uint32_t index);

/* Cancel or time-out. Nothing when it is stopping already. */
void run_stop(struct run *r, enum stop_reason why, struct str reason);
/* Cancelled by somebody. */
void run_stop_by(struct run *r, struct str by, struct str reason);

/* A run that was never told of and has no row is no more. */
void run_forget(struct run *r);

/* Out of all tables and freed; nothing in the store changes. */
void run_free(struct run *r);
