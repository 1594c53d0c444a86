/*
 * Runs that are paused. Private to src/engine.
 *
 *              pause
 *    (goes on) -----> (paused) --- resume ---> goes on: held attempts in the order of the queue,
 *                         |                    then every node that may start
 *                         +------- cancel ---> stops as ever, the pause is forgotten
 *
 * While a run is paused no node of it is judged: one that could start, or would be skipped, stays
 * PENDING; a run that waits for its start is left out of the queue. An attempt in the queue, or one
 * whose retry time comes, is HELD (see engine/state.h). Attempts that run, sleeps, waits and
 * approvals go on to their end, which is recorded. The run's time-out stands still: its row keeps
 * for how long it has been paused in all.
 */
#pragma once

#include "engine/state.h"

/* What a run was paused with: it is resumed with it, or by itself. */
enum pause_with { PAUSE_ITSELF, PAUSE_WORKFLOW, PAUSE_CALLER };

struct pause {
	enum pause_with with;
	int64_t at_ms;	       /* wall clock */
	struct str by, reason; /* behind this struct */
};

/* Nothing when it is paused or stops. */
void pause_begin(struct run *r, enum pause_with with, struct str by, struct str reason);

/* Nothing when it is not paused. The run may have ended after it. */
void pause_end(struct run *r, struct str by, struct str reason);

/* The run stops or is freed: what was held is others' business. */
void pause_forget(struct run *r);

/* The row's column: JSON in the current transaction; empty when there is nothing to keep. */
struct str pause_column(const struct run *r);

/* Recovery, before anything of the run is driven. */
void pause_recover(struct run *r, struct str column);

/* {"by", "reason", "at"} of a workflow that is to be paused, in the arena. */
struct str pause_note(struct arena *a, struct str by, struct str reason, int64_t at_ms);

static inline bool workflow_paused(const struct workflow *w)
{
	return w->row.pause.n > 0;
}

/* A finding that says that it is paused, since when and by whom, and what resumes it. */
void pause_refuse(const struct workflow *w, struct diag *d);
