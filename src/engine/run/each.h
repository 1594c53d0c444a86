/*
 * Nodes with forEach: they run once for each item of a list that is known only when the run gets
 * there. Private to src/engine.
 *
 *    PENDING --expands--> RUNNING --> SUCCESS   all items ended; with onItemFailure: continue
 *                           |                   whatever they ended as
 *                           +-------> FAILED    an item failed, or the outputs got too large;
 *                           |                   the other items were stopped before
 *                           +-------> CANCELLED, TIMED_OUT   with the last item, the run stops
 *
 * The items are nodes, appended to run->nodes behind those of the plan; they share the plan's
 * definition of their node and are called "scan[3]". They start in order, at most maxParallel at
 * once, and from then on are like any node: attempts, retries, approvals, waits. What differs is
 * only that they have no dependencies and no dependents but their node, and that an item which was
 * never started has no row: the row of its node says what became of it.
 *
 * The list is resolved once and stands in the `detail` of the node's row, with the index of the
 * first item, so that the items are the same after a restart.
 *
 * Adding items moves run->nodes: no struct node * lives over each_begin().
 */
#pragma once

#include "engine/state.h"

/* PENDING -> RUNNING, or FAILED: resolves the list, adds the items and starts the first ones. */
void each_begin(struct run *r, uint32_t index);

/* An item is about to end (its status, output and error are set): counts it. */
void each_count(struct run *r, uint32_t item);

/* An item has ended: others start or are stopped, the node ends. */
void each_go_on(struct run *r, uint32_t item);

/* A PENDING item is about to be given its end by hand: it counts as started. */
void each_given(struct run *r, uint32_t item);

/* Whether nothing but a pause of the run keeps a PENDING item from its start. */
bool each_turn_has_come(const struct run *r, uint32_t item);

/* The run stops: the node's items are stopped, the node ends with the last of them. */
void each_stop(struct run *r, uint32_t index);

/* Whether the item's node has failed already and waits only for what still runs. */
bool each_stops(const struct run *r, uint32_t item);

/* The invariants: whether items move the node on, and whether an unstarted item's turn comes. */
bool each_moves(const struct run *r, uint32_t index);
bool each_item_moves(const struct run *r, uint32_t item);

/* The item's "item" and "index" in templates. */
const struct value *each_item(const struct run *r, uint32_t item);
uint32_t each_number(const struct run *r, uint32_t item);

/* The index of the node or item with this id ("scan", "scan[3]"), or -1. */
int64_t run_find(const struct run *r, struct str id);

/* The `detail` of the row of a node that has expanded, in the current transaction. */
struct str each_detail(const struct run *r, uint32_t index);

/* Adds n items of the node, all PENDING. */
struct each *each_new(struct run *r, uint32_t index, uint32_t n);
void each_free(struct each *x);

/* ---- recovery: each_rows.c ---- */

/* The items that the rows of a run tell of. */
struct each_rows {
	const struct plan *plan;
	struct each_list {
		uint32_t index, first, n; /* of the node; of its first item; items */
		bool ended;		  /* the node has, and so have its items */
		struct value items;
	} * lists; /* by first */
	size_t n_lists;
	uint32_t n_nodes; /* of the plan and all items */
};

/* false when the rows make no sense. */
bool each_rows_read(struct each_rows *rows, const struct plan *plan, const struct node_row *nodes,
		    size_t n_nodes, struct arena *a);

/* The definition of the node or item that has this index and this id, or NULL: there is none, or
 * it should be live and its node has ended. */
const struct plan_node *each_rows_node(const struct each_rows *rows, int64_t index, struct str id,
				       bool live);

/* Whether such a row, which has not ended, is that of a node that has expanded. */
bool each_row_fits(const struct plan_node *pn, const struct node_row *row);

/* Recovery: adds the items; then come the nodes' rows, the attempts, and each_resume(). */
void each_restore(struct run *r, const struct each_rows *rows);

/* Recovery, all rows having been read, or the end of a pause: the node goes on. */
void each_resume(struct run *r, uint32_t index);
