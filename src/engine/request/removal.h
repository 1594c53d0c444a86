/*
 * Workflows that go: archived, where everything stays and nothing starts, or deleted with all their
 * runs. Private to src/engine.
 *
 *    (is there) --delete, no open run--------------------> (going) --step: that was all--> gone
 *        |                                                 ^  |  ^
 *        +--delete, cascade--> (leaving) --last run ended--+  +--+ step, pause: more are left
 *
 * A workflow that is leaving or going has `deleting` in its row, which is durable before anybody is
 * told: its open runs are being cancelled, nothing of it starts or is saved any more, and a restart
 * goes on with it. Its ended runs go a few at a time, between the commits of others; few of them
 * are gone with the answer.
 */
#pragma once

#include "engine/state.h"

static inline bool removal_under_way(const struct workflow *w)
{
	return w->row.deleting.n > 0;
}

/* A finding that says that the workflow is being deleted, and since when. */
void removal_refuse(const struct workflow *w, struct diag *d);

/* The next step of a workflow that is going. */
void removal_step(struct engine *e, struct workflow *w);

/* A run of the workflow (NULL is fine) is gone from memory: maybe it was the last one. */
void removal_run_gone(struct engine *e, struct workflow *w);

/* Recovery, when all runs are there. */
void removal_recover(struct engine *e);
