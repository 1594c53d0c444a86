/*
 * The time-outs of a node beside that of one attempt's run, and the silence after which an attempt
 * counts as dead:
 *
 *   queue      from coming into the queue to the start; back-off is not counted
 *   start      from the hand-over to the executor until that says that the program runs
 *   heartbeat  since the last sign of life: the start, a line that it logged, progress
 *   total      from the first attempt's row, over all attempts and back-offs, to the end
 *
 * Probes (engine/run/doubt.h) have neither a queue nor a total time-out: the question must be
 * answered.
 *
 * An attempt has one timer for the nearest of them. All run on the engine's own time; after a
 * restart what is left of queue and total is counted from the rows. Private to src/engine.
 */
#pragma once

#include "engine/run/attempt_end.h"

/* Arms or disarms the timer; after each change of the attempt's state. */
void deadline_arm(struct attempt *a);

/* The timer's time has come. May end the attempt; the caller settles the run. */
void deadline_fire(struct attempt *a);

/* It came into the queue, ago_ms before now. */
void deadline_queued(struct attempt *a, int64_t ago_ms);

/* It was handed over. */
void deadline_handed(struct attempt *a);

/* It showed a sign of life. */
void deadline_alive(struct attempt *a);

/* The node's first attempt was made, ago_ms before now. */
void deadline_total(struct run *r, uint32_t index, int64_t ago_ms);

/* Whether no other attempt may start delay_ms from now. */
bool deadline_total_over(const struct run *r, uint32_t index, int64_t delay_ms);

/* Which one has passed by now, or NULL. */
const char *deadline_passed(const struct attempt *a);

/* Which comes first, the timeout of a running attempt among them, and when (engine time); code
 * NULL: none. */
int64_t deadline_next(const struct attempt *a, const char **ret_code);

/* What it means for the attempt that this one passed; code NULL: its timeout. */
void deadline_verdict(const struct attempt *a, const char *code, struct verdict *ret);

void deadline_check(const struct attempt *a);
