/*
 * Progress that agents tell, a line of JSON on stderr:
 *
 *   {"progress": 0.42, "message": "scanned 42 of 100 files", "details": {"file": 42}}
 *
 * Such a line is taken out of the log. The newest is kept with the attempt, written at most once in
 * LIMIT_PROGRESS_MS and at the end, each time with an event; the node's next attempt is given it.
 * Private to src/engine.
 */
#pragma once

#include "base/buf.h"
#include "engine/state.h"

/* Takes lines of progress out of log lines; true when there were any, then what is left is in
 * *ret, *ret_n lines. */
bool progress_take(struct attempt *a, struct str lines, struct buf *ret, int64_t *ret_n);

/* Engine time at which what was told is to be written; INT64_MAX = there is nothing. */
int64_t progress_due(const struct attempt *a);

/* Writes it, with its event. */
void progress_write(struct attempt *a);

/* The attempt ends: what was not written is told; its row follows. What it told stays with the
 * node. */
void progress_end(struct attempt *a);

/* What an earlier attempt of the node told, as JSON; "" = nothing. */
struct str progress_of_node(const struct node *n);

/* Recovery: an attempt's row has it. */
void progress_recover(struct node *n, struct str json);
