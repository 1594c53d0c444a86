/* Nodes with forEach as rows have them: recovery. */
#include "engine/run/each.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "json/parse.h"

static bool read_list(const struct plan *plan, const struct node_row *row, struct arena *a,
		      struct each_list *ret)
{
	struct value detail;
	if (row->index < 0 || (size_t)row->index >= plan->n_nodes ||
	    !plan->nodes[row->index].for_each ||
	    json_parse(a, row->detail, JSON_BORROW, &detail, NULL) != 0)
		return false;
	const struct value *v = value_getz(&detail, "forEach");
	const struct value *first = value_getz(v, "first"), *items = value_getz(v, "items");
	if (!value_is(first, VALUE_INT) || !value_is(items, VALUE_ARRAY) || first->i < 0 ||
	    first->i > LIMIT_RUN_NODES || items->n > LIMIT_FOREACH_ITEMS)
		return false;
	*ret = (struct each_list){(uint32_t)row->index, (uint32_t)first->i, items->n,
				  node_status_final(row->status), *items};
	return true;
}

/* A node that was given its output in place of its items has none. */
static bool has_list(const struct plan *plan, const struct node_row *row)
{
	return row->index >= 0 && (size_t)row->index < plan->n_nodes &&
	       plan->nodes[row->index].for_each && row->detail.n > 0 &&
	       !str_starts(row->detail, STR("{\"given\":"));
}

static int by_first(const void *a, const void *b)
{
	const struct each_list *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n; /* empty ones before what begins there */
}

/* The items of all nodes follow one another, without a gap. */
static bool lay_out(struct each_rows *rows)
{
	qsort(rows->lists, rows->n_lists, sizeof(*rows->lists), by_first);
	for (size_t i = 0; i < rows->n_lists; i++) {
		if (rows->lists[i].first != rows->n_nodes ||
		    rows->lists[i].n > LIMIT_RUN_NODES - rows->n_nodes)
			return false;
		rows->n_nodes += rows->lists[i].n;
	}
	return true;
}

bool each_rows_read(struct each_rows *rows, const struct plan *plan, const struct node_row *nodes,
		    size_t n_nodes, struct arena *a)
{
	size_t n = 0;
	*rows = (struct each_rows){.plan = plan, .n_nodes = (uint32_t)plan->n_nodes};
	for (size_t i = 0; i < n_nodes; i++)
		n += nodes[i].detail.n > 0;
	if (n == 0)
		return true;
	rows->lists = ARENA_NEW_ARRAY(a, struct each_list, n);
	for (size_t i = 0; i < n_nodes; i++)
		if (has_list(plan, &nodes[i]) &&
		    !read_list(plan, &nodes[i], a, &rows->lists[rows->n_lists++]))
			return false;
	return lay_out(rows);
}

/* "scan[3]" */
static bool is_item_id(struct str id, struct str node_id, uint32_t number)
{
	char text[LIMIT_NODE_ID_BYTES + 1];
	int n = snprintf(text, sizeof(text), "%.*s[%u]", STR_ARG(node_id), number);
	return str_eq(id, str_n(text, (size_t)n));
}

const struct plan_node *each_rows_node(const struct each_rows *rows, int64_t index, struct str id,
				       bool live)
{
	const struct plan *plan = rows->plan;
	size_t low = 0, high = rows->n_lists;
	if (index < 0 || index >= rows->n_nodes)
		return NULL;
	if ((size_t)index < plan->n_nodes)
		return str_eq(plan->nodes[index].id, id) ? &plan->nodes[index] : NULL;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (rows->lists[mid].first <= index)
			low = mid;
		else
			high = mid;
	}
	const struct each_list *list = &rows->lists[low];
	const struct plan_node *pn = &plan->nodes[list->index];
	if ((live && list->ended) || !is_item_id(id, pn->id, (uint32_t)index - list->first))
		return NULL;
	return pn;
}

bool each_row_fits(const struct plan_node *pn, const struct node_row *row)
{
	return row->status == NODE_RUNNING && pn->for_each && row->detail.n > 0;
}

void each_restore(struct run *r, const struct each_rows *rows)
{
	for (size_t i = 0; i < rows->n_lists; i++) {
		struct each *x = each_new(r, rows->lists[i].index, rows->lists[i].n);
		x->list = value_copy(&x->values, &rows->lists[i].items);
		ASSERT(x->first == rows->lists[i].first);
		/* until each_resume(): as if all had been started */
		x->next = x->n_started = x->n;
	}
}
