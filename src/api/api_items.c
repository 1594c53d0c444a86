#include "api/api_items.h"

#include <stdlib.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "base/limits.h"
#include "json/parse.h"

static int64_t number(const struct value *object, const char *key)
{
	const struct value *v = value_getz(object, key);
	return value_is(v, VALUE_INT) ? v->i : 0;
}

/* false when the node has not expanded. */
static bool read_detail(struct arena *a, const struct node_row *row, struct item_list *ret)
{
	struct value detail;
	*ret = (struct item_list){.node = row};
	if (!row->detail.n || json_parse(a, row->detail, JSON_BORROW, &detail, NULL) != 0)
		return false;
	const struct value *v = value_getz(&detail, "forEach"), *items = value_getz(v, "items");
	if (!value_is(items, VALUE_ARRAY))
		return false;
	ret->values = *items;
	ret->first = number(v, "first");
	ret->succeeded = number(v, "succeeded");
	ret->failed = number(v, "failed");
	ret->cancelled = number(v, "cancelled");
	return true;
}

static struct run_part part_of(const struct item_list *list, int64_t from, int64_t n)
{
	int64_t left = (int64_t)list->values.n - from;
	return (struct run_part){list->first + from, list->first + from + (n < left ? n : left)};
}

/* A node that has ended knows how its items ended; of another the rows are counted. */
static int count(struct call *c, struct str run_id, struct item_list *list)
{
	struct run_part all = part_of(list, 0, list->values.n);
	struct node_counts n;
	if (node_status_final(list->node->status)) {
		list->skipped = list->values.n - list->succeeded - list->failed - list->cancelled;
		return 0;
	}
	if (list->values.n == 0)
		return 0;
	int r = c->reader->ops->node_counts(c->reader, run_id, &all, &n);
	if (r != 0)
		return r;
	list->succeeded = n.ended[NODE_SUCCESS];
	list->failed = n.ended[NODE_FAILED] + n.ended[NODE_TIMED_OUT];
	list->cancelled = n.ended[NODE_CANCELLED];
	list->running = n.running + n.queued;
	list->waiting = n.waiting;
	list->pending = list->values.n - list->succeeded - list->failed - list->cancelled -
			list->running - list->waiting;
	return 0;
}

static int show(struct call *c, struct str run_id, struct item_list *list, int64_t most)
{
	list->n_shown = list->values.n < most ? list->values.n : most;
	if (list->n_shown == 0)
		return 0;
	struct run_part part = part_of(list, 0, list->n_shown);
	return c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, run_id, &part,
					    &list->shown);
}

static int by_first(const void *a, const void *b)
{
	const struct item_list *x = a, *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

int items_read(struct call *c, const struct run_detail *d, struct run_items *ret)
{
	int64_t left = LIMIT_ITEMS_SHOWN_IN_ALL;
	*ret = (struct run_items){0};
	for (size_t i = 0; i < d->n_nodes; i++)
		ret->n += d->nodes[i].detail.n > 0;
	ret->lists = ARENA_NEW_ARRAY(c->arena, struct item_list, ret->n);
	ret->n = 0;
	for (size_t i = 0; i < d->n_nodes; i++) {
		struct item_list *list = &ret->lists[ret->n];
		if (!d->nodes[i].detail.n || !read_detail(c->arena, &d->nodes[i], list))
			continue;
		ret->n++;
		int r = count(c, d->run.id, list);
		if (r == 0)
			r = show(c, d->run.id, list,
				 left < LIMIT_ITEMS_SHOWN ? left : LIMIT_ITEMS_SHOWN);
		if (r != 0)
			return r;
		left -= list->n_shown;
	}
	qsort(ret->lists, ret->n, sizeof(*ret->lists), by_first);
	return 0;
}

const struct item_list *items_of(const struct run_items *items, int64_t node_index)
{
	for (size_t i = 0; i < items->n; i++)
		if (items->lists[i].node->index == node_index)
			return &items->lists[i];
	return NULL;
}

bool item_list_stopped(const struct item_list *list)
{
	return list->node->status == NODE_CANCELLED || list->node->status == NODE_TIMED_OUT;
}

struct node_view *item_views(struct arena *a, const struct item_list *list, int64_t from, int64_t n)
{
	struct node_view *views = ARENA_NEW_ARRAY(a, struct node_view, n > 0 ? n : 1);
	const struct run_detail *d = &list->shown;
	int64_t base = list->first + from;
	for (int64_t i = 0; i < n; i++)
		views[i] = (struct node_view){.item_of = list, .number = from + i};
	for (size_t i = 0; i < d->n_nodes; i++)
		if (d->nodes[i].index >= base && d->nodes[i].index < base + n)
			views[d->nodes[i].index - base].row = &d->nodes[i];
	for (size_t i = 0; i < d->n_attempts; i++)
		if (d->attempts[i].node_index >= base && d->attempts[i].node_index < base + n)
			views[d->attempts[i].node_index - base].last = &d->attempts[i];
	return views;
}

/* Splits "scan[3]"; false when the text is no such id. */
static bool split(struct str id, struct str *ret_node, int64_t *ret_number)
{
	size_t open = 0;
	int64_t n = 0;
	while (open < id.n && id.p[open] != '[')
		open++;
	if (open + 3 > id.n || id.p[id.n - 1] != ']')
		return false;
	for (size_t i = open + 1; i + 1 < id.n; i++) {
		if (id.p[i] < '0' || id.p[i] > '9' || n > LIMIT_FOREACH_ITEMS)
			return false;
		n = n * 10 + (id.p[i] - '0');
	}
	*ret_node = str_n(id.p, open);
	*ret_number = n;
	return true;
}

bool items_find(struct call *c, const struct run_detail *d, struct str id, bool *ret_final)
{
	struct str node;
	int64_t n;
	struct item_list list;
	struct run_detail one;
	if (!split(id, &node, &n))
		return false;
	for (size_t i = 0; i < d->n_nodes; i++) {
		if (!str_eq(d->nodes[i].node_id, node) ||
		    !read_detail(c->arena, &d->nodes[i], &list) || n >= list.values.n)
			continue;
		struct run_part part = part_of(&list, n, 1);
		int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, d->run.id, &part,
						     &one);
		*ret_final = run_status_final(d->run.status) ||
			     node_status_final(list.node->status) ||
			     (r == 0 && one.n_nodes > 0 && node_status_final(one.nodes[0].status));
		return true;
	}
	return false;
}

/* ---- /api/runs/{runId}/nodes/{nodeId}/items ---- */

static bool read_status(struct call *c, bool *ret_has, enum node_status *ret,
			struct call_done *ret_done)
{
	const struct str *text = call_query(c, "status");
	*ret_has = text != NULL;
	if (!text || node_status_parse(*text, ret))
		return true;
	*ret_done = call_problem_path(c, 400, "status",
				      "must be one of PENDING QUEUED RUNNING WAITING_APPROVAL "
				      "UNKNOWN SUCCESS FAILED SKIPPED CANCELLED TIMED_OUT");
	return false;
}

/* The node of the definition with this id, or NULL. */
static const struct value *find_definition(struct call *c, const struct run_detail *d)
{
	struct value definition;
	if (json_parse(c->arena, d->definition, JSON_BORROW, &definition, NULL) != 0)
		return NULL;
	const struct value *nodes = value_getz(&definition, "nodes");
	for (uint32_t i = 0; value_is(nodes, VALUE_ARRAY) && i < nodes->n; i++)
		if (str_eq(value_text(value_getz(&nodes->items[i], "id")), c->params[1]))
			return &nodes->items[i];
	return NULL;
}

/* The number of the first item of the page; a cursor names the last one of the page before. */
static int64_t page_from(const struct call_page *p)
{
	char text[24];
	snprintf(text, sizeof(text), "%.*s", STR_ARG(p->page.after));
	return p->page.after.n ? strtoll(text, NULL, 10) + 1 : 0;
}

static struct call_done answer_page(struct call *c, struct call_page *p, struct item_list *list,
				    const struct value *node, const struct run_row *run)
{
	struct call_done refused;
	bool filter;
	enum node_status status = NODE_PENDING;
	int64_t from = page_from(p), last = -1, n = 0, at;
	if (!read_status(c, &filter, &status, &refused)) {
		buf_free(&p->body);
		return refused;
	}
	/* those of one status may be anywhere */
	struct run_part part = part_of(list, from, filter ? list->values.n : (int64_t)p->limit);
	int r = from < list->values.n ? c->reader->ops->run_get_part(c->reader, c->arena, PROJECT,
								     run->id, &part, &list->shown)
				      : 0;
	if (r != 0) {
		buf_free(&p->body);
		return call_problem_store(c, r, "There is no such run.");
	}
	struct node_view *views = item_views(c->arena, list, from, part.to - part.from);
	for (at = from; at < part.to - list->first && n < (int64_t)p->limit; at++) {
		if (filter && render_node_status(&views[at - from], run) != status)
			continue;
		render_node(&p->out, node, &views[at - from], run);
		last = at;
		n++;
	}
	return page_end(c, p, at < list->values.n,
			str_of(arena_printf(c->arena, "%lld", (long long)last)));
}

struct call_done items_list(struct call *c)
{
	struct call_done refused;
	struct call_page p;
	struct run_detail d = {0};
	struct run_part nodes = {0};
	struct item_list list = {0};
	int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, c->params[0], &nodes,
					     &d);
	if (r)
		return call_problem_store(c, r, "There is no such run.");
	const struct value *node = find_definition(c, &d);
	if (!node)
		return call_problem(c, 404, "The run has no such node.");
	if (!page_begin(c, &p, &refused))
		return refused;
	for (size_t i = 0; i < d.n_nodes; i++)
		if (str_eq(d.nodes[i].node_id, c->params[1]))
			read_detail(c->arena, &d.nodes[i], &list);
	return answer_page(c, &p, &list, node, &d.run);
}
