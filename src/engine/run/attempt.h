/* Attempts: from the row to the end. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* The next attempt of a node: started, queued, or to be started after delay_ms (0 = now). */
void attempt_make(struct run *r, uint32_t index, int64_t delay_ms);

/*
 * What an attempt would be started with, as things are now, whether or not it needs approval; text
 * in the current transaction, a reference of the agent. False when it would fail at once.
 */
struct attempt_preview {
	struct agent *agent;
	struct str input, workspace;
};
bool attempt_preview(struct run *r, uint32_t index, struct attempt_preview *ret);

/* The action it runs: the node's, or that action's probe. Text as long as node and run live. */
struct str attempt_action(const struct attempt *a);

/* Its retry time has come, or its run is paused no more. */
void attempt_ready(struct attempt *a);

/* Its run is paused: it leaves the queue. Nothing when it is at another place. */
void attempt_hold(struct attempt *a);

/* It has not been started and need not be: its node is given a result by hand. Freed. */
void attempt_give_up(struct attempt *a);

/* Starts those that wait and may. */
void attempt_admit(struct engine *e);

/* A time-out of a running attempt, NULL = that of its run: the executor is asked to stop it. */
void attempt_time_out(struct attempt *a, const char *code);

/* A time-out of one that was not started: it ends. */
void attempt_expire(struct attempt *a, const char *code);

/* The run stops: ends what was not started, asks the executor to stop what was. */
void attempt_cancel(struct attempt *a);

/* Recovery: an attempt whose row says QUEUED goes on; one that was RUNNING is lost. */
void attempt_recover(struct run *r, uint32_t index, const struct attempt_row *row);

/* The state machine's invariant. */
void attempt_check(const struct attempt *a);

void attempt_free(struct attempt *a);
