/*
 * Nodes that run another workflow. In place of an attempt the node has a struct child; what it does
 * is a run of its own, the callee, which knows its caller. Private to src/engine.
 *
 *    (begin) ----> RUNNING ----> (the callee ended: the node ends)
 *      |    |       ^   |  \                          ^
 *      |    |       |   |   +-- time-out --> STOPPING +
 *      |    |       |   v                        |
 *      |    |     BACKOFF <----------------------+   (failed, and is tried again)
 *      |    |       |
 *      |    +----> HELD ---> RUNNING   (the run is paused when a callee would start)
 *      +--> (the node fails: no callee could be started)
 *
 * The callee's start and the row of the node that names it are one transaction, and so are the
 * callee's end and what it means for the node: there is no moment in which a crash could start a
 * second callee or leave a node without one. After a restart both are joined again by the id in the
 * node's row.
 *
 * The node's time-out is of one callee. It stands still while the run is paused and while the
 * callee waits for people; the row's wake_ms is when it is due, counted from there on.
 *
 * The node counts itself in the run's n_busy, or in its n_waiting while the callee waits for
 * people: so a run is WAITING_APPROVAL, too, when all that it does is to wait for such a callee.
 *
 * Callees are always admitted, whatever max_open_runs says: a caller holds a place already, so a
 * callee that waited for one could wait for ever. What bounds them is their depth and the number
 * of open runs below one that nobody called (LIMIT_RUN_DEPTH, LIMIT_RUN_TREE).
 */
#pragma once

#include "engine/run/attempt_end.h"
#include "engine/state.h"

/* The node may run now. */
void child_begin(struct run *r, uint32_t index);

/* Its timer: the retry time has come, or the callee took too long. */
void child_fire(struct child *c);

/* The caller stops. */
void child_stop(struct child *c);

/* The run ended: tells the node that waits for it, if there is one, and settles its run. error and
 * output: JSON in the current transaction, or "". */
void child_run_ended(struct run *callee, struct str error, struct str output);

/* The run began or ceased to wait for people. */
void child_run_waits(struct run *callee);

/* The node's run is paused, and so is the callee; and goes on. */
void child_pause(struct child *c);
void child_resume(struct child *c, struct str by, struct str reason);

/*
 * What a callee would be started with, as things are now; the context as JSON in the current
 * transaction. False with the end of the node when it would fail at once.
 */
struct child_call {
	struct workflow *workflow;
	struct str context;
};
bool child_preview(struct run *r, uint32_t index, struct child_call *ret, struct verdict *end);

/* What people are told of the callee, and what their decision is bound to. */
struct value child_subject(struct arena *a, const struct workflow *w);

/* Links the node to the run that it calls, before that has rows. */
void child_link(struct child *c, struct run *callee);

/* ---- recovery: nodes come with their runs, the links when all runs are there ---- */

/* Whether the row names a run that the node called. */
bool child_row_is(const struct plan_node *pn, const struct node_row *row);
/* Whether such a row, which has not ended, fits the node. */
bool child_row_fits(const struct plan_node *pn, const struct node_row *row);
void child_recover(struct run *r, uint32_t index, const struct node_row *row);
void child_link_all(struct engine *e);
/* A node whose callee is no more fails; a callee whose caller is no more is cancelled. The runs
 * are settled later. */
void child_resume_all(struct engine *e);

/* The node has none any more; nothing when it had none. */
void child_end(struct node *n);

/* Freed, and nothing else changes. */
void child_free(struct child *c);

/* The invariant: whether something will move the node. */
bool child_moves(const struct node *n);
