/* What waiting nodes are told: signals for one run, kept until a node waits for them, and events
 * for all of a project. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* A node begins to wait: a signal that was kept and fits ends it at once; whether one did. */
bool signal_take(struct wait *w);

/* The run has ended: what it keeps is of no use, in the store neither. */
void signal_drop(struct run *r);

/* Recovery: a kept one, in their order. */
void signal_recover(struct run *r, const struct signal_row *row);

/* Frees what the run keeps; rows stay. */
void signal_free(struct run *r);
