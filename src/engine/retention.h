/*
 * Retention: ended runs and their logs are deleted when their time is over, for each workflow as
 * its newest version or the service says. Private to src/engine.
 *
 *   idle --timer--> a pass --> idle
 *
 * A pass goes over runs, then over logs, in units: of each project the workflows that leave it to
 * the service, all at once, then each that says its own. It is many small transactions, one at a
 * time with a pause behind each, so that it never stands in the way of what runs. It keeps no state
 * on disk: a restart begins anew. The first pass of a day looks at all ended runs, the others at
 * those that became old since.
 *
 * When the wall clock jumps by more than a day nothing is deleted until it has stood for a pass.
 */
#pragma once

#include "engine/state.h"

void retention_begin(struct engine *e);
void retention_fini(struct engine *e);
/* A workflow was saved: it may keep things for another time. */
void retention_changed(struct engine *e);
void retention_tick(struct engine *e);

/* There will be something to delete one day. */
void retention_run_ended(struct engine *e);
