/*
 * Nodes that wait instead of having an attempt. Such a node is RUNNING with a row whose wake_ms is
 * the time of its timer; after a restart the timer is armed again with what is left of it, and one
 * that was missed fires at once. Private to src/engine.
 */
#pragma once

#include "engine/state.h"

/* PENDING -> RUNNING: the node begins to wait. */
void wait_begin(struct run *r, uint32_t index);

/* Its time has come. */
void wait_fire(struct wait *w);

/* Recovery: a node whose row says that it waits. */
void wait_recover(struct run *r, uint32_t index, const struct node_row *row);

/* Whether it waits for an event of this type and its filter is true of it. A filter that can't be
 * evaluated (a member that is not there) is not true. */
bool wait_wants(const struct wait *w, struct str type, const struct value *event);

/* What it waited for has come: the node ends well with this output (JSON in the current
 * transaction). The caller settles the run. */
void wait_deliver(struct wait *w, struct str output);

/* Whether such a row fits the node. */
bool wait_row_fits(const struct plan_node *pn, const struct node_row *row);

/* The node waits no more; nothing when it did not. */
void wait_end(struct node *n, struct engine *e);

/* The invariant: whether something will wake it. */
bool wait_moves(const struct node *n);
