/* Nodes: readiness, ends and what they mean for dependents. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* Looks whether the node may start, is to be skipped, or waits. */
void node_judge(struct run *r, uint32_t index);

/* It may run: what its definition says it does before, or in place of, an attempt; the wait, the
 * question to people, node_go(). */
void node_start(struct run *r, uint32_t index);

/* It may run and nothing stands before it: the work itself. */
void node_go(struct run *r, uint32_t index);

/* Attempt ended well: the output is JSON text and lives in the current transaction. */
void node_succeed(struct run *r, uint32_t index, struct str output);

/* The same, of a node that also has something to tell: an error (JSON text), or "". */
void node_succeed_with(struct run *r, uint32_t index, struct str output, struct str error);

/* Ends FAILED or TIMED_OUT. error: JSON text. */
void node_fail(struct run *r, uint32_t index, enum node_status status, struct str error,
	       const char *code);
void node_cancel(struct run *r, uint32_t index, enum node_status status, bool tell);

/* Ends an item that was never started, without a row: its node's row says what became of it. */
void node_drop(struct run *r, uint32_t index, enum node_status status);

/* Why the node may not go on: its run stops, or the node whose item it is has failed. */
enum stop_reason node_stopping(const struct run *r, uint32_t index);

/* It may not go on: ends what was not started, asks what runs to stop. */
void node_stop(struct run *r, uint32_t index);

/* Ends by hand: SUCCESS with the output, or SKIPPED when that is empty. detail: who and why, JSON.
 * Both live in the current transaction; its attempt is gone. */
void node_give(struct run *r, uint32_t index, struct str output, struct str detail);

/* Recovery and retry: a node that has ended already; its dependents are not judged yet. */
void node_restore(struct run *r, uint32_t index, enum node_status status, struct str output,
		  struct str error);

/* Whether a live attempt, a timer, the queue or an unfinished dependency moves it on. */
bool node_moves(const struct run *r, uint32_t index);

/* What the node's rows say in `detail` from now on: JSON. */
void node_set_detail(struct node *n, struct str detail);

/* Moves status; bug when the table does not allow it. */
void node_move(struct node *n, enum node_status to);
