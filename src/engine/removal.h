/*
 * Workflows that go: archived, where everything stays and nothing starts, or deleted with all their
 * runs. Private to src/engine.
 *
 *    (is there) --delete, no open run----------------------> gone
 *        |                                                     ^
 *        +--delete, cascade--> (leaving) --its last run ended--+
 *
 * A workflow that is leaving has `deleting` in its row, which is durable before anybody is told:
 * its open runs are being cancelled, nothing of it starts or is saved any more, and a restart goes
 * on with it.
 */
#pragma once

#include "engine/state.h"

static inline bool removal_under_way(const struct workflow *w)
{
	return w->row.deleting.n > 0;
}

/* A finding that says that the workflow is being deleted, and since when. */
void removal_refuse(const struct workflow *w, struct diag *d);

/* A run of the workflow (NULL is fine) is gone from memory: maybe it was the last one. */
void removal_run_gone(struct engine *e, struct workflow *w);

/* Recovery, when all runs are there. */
void removal_recover(struct engine *e);
