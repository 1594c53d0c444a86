/*
 * The items of nodes with forEach, as the API tells of them. A run with 20,000 items is answered as
 * fast as one with ten: GET /api/runs/{runId} counts them and shows the first ones, the page
 * /api/runs/{runId}/nodes/{nodeId}/items has them all.
 */
#pragma once

#include "api/resources.h"

/* Of one node that has expanded. */
struct item_list {
	const struct node_row *node;
	int64_t first;	     /* index of the first item */
	struct value values; /* one each */
	int64_t succeeded, failed, cancelled, skipped, running, waiting, pending;
	struct run_detail shown; /* rows of the first n_shown */
	int64_t n_shown;
};

struct run_items { /* by first */
	struct item_list *lists;
	size_t n;
};

/* On a reader: the lists of a run whose nodes of the definition were read. 0 or what a reader's
 * function says. */
int items_read(struct call *c, const struct run_detail *d, struct run_items *ret);

/* The list of the node with this index, or NULL. */
const struct item_list *items_of(const struct run_items *items, int64_t node_index);

/* Whether its items were stopped with the run. */
bool item_list_stopped(const struct item_list *list);

/* The items from number `from` on, with their rows in list->shown. */
struct node_view *item_views(struct arena *a, const struct item_list *list, int64_t from,
			     int64_t n);

/* Whether this is the id of an item, and whether that has ended for good. */
bool items_find(struct call *c, const struct run_detail *d, struct str id, bool *ret_final);
