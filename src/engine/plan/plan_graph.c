#include "base/limits.h"
#include "engine/plan/plan_build.h"

static uint32_t *read_depends(struct plan_build *b, const struct fields *f,
			      const struct value *list, const struct plan_node *n, uint32_t *ret_n)
{
	struct plan *p = b->plan;
	uint32_t *depends = ARENA_NEW_ARRAY(&p->arena, uint32_t, list->n);
	char base[FIELDS_PATH_BYTES], place[FIELDS_PATH_BYTES];
	fields_place(base, f->path, STR("dependsOn"));
	for (uint32_t i = 0; i < list->n; i++) {
		struct str id = value_text(&list->items[i]);
		fields_place_item(place, base, i);
		int64_t at = plan_find(p, id);
		if (list->items[i].kind != VALUE_STRING)
			diag_add(b->diag, place, "must be the id of a node, a string");
		else if (at < 0)
			diag_add(b->diag, place, "there is no node \"%.*s\"", STR_ARG(id));
		else if (&p->nodes[at] == n)
			diag_add(b->diag, place, "a node cannot depend on itself");
		else
			depends[(*ret_n)++] = (uint32_t)at;
	}
	return depends;
}

/* The same dependency twice is said once to be superfluous; `seen` marks by node. */
static void judge_duplicates(struct plan_build *b, const struct fields *f,
			     const struct plan_node *n, uint32_t *seen)
{
	uint32_t mark = plan_index(b->plan, n) + 1;
	for (uint32_t i = 0; i < n->n_depends; i++) {
		if (seen[n->depends[i]] == mark)
			fields_bad(f, "dependsOn", "names \"%.*s\" twice",
				   STR_ARG(b->plan->nodes[n->depends[i]].id));
		seen[n->depends[i]] = mark;
	}
}

static void link_dependents(struct plan *p, size_t n_edges)
{
	uint32_t *all = ARENA_NEW_ARRAY(&p->arena, uint32_t, n_edges + 1);
	for (size_t i = 0; i < p->n_nodes; i++)
		for (uint32_t k = 0; k < p->nodes[i].n_depends; k++)
			p->nodes[p->nodes[i].depends[k]].n_dependents++;
	uint32_t **at = ARENA_NEW_ARRAY(&p->arena, uint32_t *, p->n_nodes);
	for (size_t i = 0; i < p->n_nodes; i++) {
		p->nodes[i].dependents = at[i] = all;
		all += p->nodes[i].n_dependents;
	}
	for (size_t i = 0; i < p->n_nodes; i++)
		for (uint32_t k = 0; k < p->nodes[i].n_depends; k++)
			*at[p->nodes[i].depends[k]]++ = (uint32_t)i;
}

struct sorter {
	struct plan *plan;
	uint32_t *waiting; /* unfinished dependencies */
	uint32_t *queue;
	size_t n_queue, at;
};

static void release(struct sorter *s, uint32_t index)
{
	s->queue[s->n_queue++] = index;
}

static void drain(struct sorter *s)
{
	while (s->at < s->n_queue) {
		const struct plan_node *n = &s->plan->nodes[s->queue[s->at++]];
		for (uint32_t k = 0; k < n->n_dependents; k++) {
			struct plan_node *d = &s->plan->nodes[n->dependents[k]];
			if (d->level < n->level + 1)
				d->level = n->level + 1;
			uint32_t *waiting = &s->waiting[n->dependents[k]];
			if (*waiting > 0 && --*waiting == 0)
				release(s, n->dependents[k]);
		}
	}
}

/* Walks unfinished dependencies from `start` until a node comes again; that node. `step` marks the
 * walk. */
static uint32_t find_cycle(const struct sorter *s, uint32_t start, uint32_t *step)
{
	uint32_t at = start, n = 0;
	while (step[at] == 0) {
		step[at] = ++n;
		const struct plan_node *node = &s->plan->nodes[at];
		for (uint32_t k = 0; k < node->n_depends; k++) {
			if (s->waiting[node->depends[k]] > 0) {
				at = node->depends[k];
				break;
			}
		}
	}
	return at;
}

static uint32_t next_unfinished(const struct sorter *s, uint32_t at)
{
	const struct plan_node *n = &s->plan->nodes[at];
	for (uint32_t k = 0; k < n->n_depends; k++)
		if (s->waiting[n->depends[k]] > 0)
			return n->depends[k];
	return at;
}

enum { CYCLE_TEXT_BYTES = 400 };

static void report_cycle(struct plan_build *b, struct sorter *s, uint32_t start)
{
	CLEANUP_BUF struct buf text = {0};
	char place[FIELDS_PATH_BYTES];
	plan_build_place(place, start);
	fields_place(place, place, STR("dependsOn"));
	buf_put_str(&text, s->plan->nodes[start].id);
	uint32_t at = start;
	do {
		at = next_unfinished(s, at);
		if (text.n < CYCLE_TEXT_BYTES) {
			buf_puts(&text, " -> ");
			buf_put_str(&text, s->plan->nodes[at].id);
		}
	} while (at != start);
	diag_add(b->diag, place, "cycle: %s%s; a node cannot wait for itself, remove one of these",
		 text.p, text.n < CYCLE_TEXT_BYTES ? "" : " …");
	s->waiting[start] = 0; /* cut here and go on */
	release(s, start);
}

static void sort(struct plan_build *b)
{
	struct plan *p = b->plan;
	struct arena scratch CLEANUP_ARENA = {0};
	struct sorter s = {.plan = p,
			   .waiting = ARENA_NEW_ARRAY(&scratch, uint32_t, p->n_nodes),
			   .queue = ARENA_NEW_ARRAY(&scratch, uint32_t, p->n_nodes)};
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		s.waiting[i] = p->nodes[i].n_depends;
		if (s.waiting[i] == 0)
			release(&s, i);
	}
	drain(&s);
	uint32_t *step = ARENA_NEW_ARRAY(&scratch, uint32_t, p->n_nodes);
	for (uint32_t i = 0; i < p->n_nodes && b->diag->n < LIMIT_DIAG_FINDINGS; i++) {
		if (s.waiting[i] == 0)
			continue;
		memset(step, 0, sizeof(*step) * p->n_nodes);
		report_cycle(b, &s, find_cycle(&s, i, step));
		drain(&s);
		i--; /* the node may hang behind another cycle */
	}
}

void plan_build_graph(struct plan_build *b, const struct value *nodes)
{
	struct plan *p = b->plan;
	size_t n_edges = 0;
	struct arena scratch CLEANUP_ARENA = {0};
	uint32_t *seen = ARENA_NEW_ARRAY(&scratch, uint32_t, p->n_nodes);
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		struct fields f;
		if (!value_is(&nodes->items[i], VALUE_OBJECT))
			continue;
		char place[FIELDS_PATH_BYTES];
		plan_build_place(place, i);
		fields_open(&f, &nodes->items[i], b->diag, place);
		const struct value *list = fields_kind(&f, "dependsOn", VALUE_ARRAY, false);
		if (!list)
			continue;
		n_edges += list->n;
		if (n_edges > LIMIT_PLAN_DEPENDS) {
			fields_bad(&f, "dependsOn", "the workflow has more than %d dependencies",
				   LIMIT_PLAN_DEPENDS);
			return;
		}
		struct plan_node *n = &p->nodes[i];
		n->depends = read_depends(b, &f, list, n, &n->n_depends);
		judge_duplicates(b, &f, n, seen);
	}
	link_dependents(p, n_edges);
	sort(b);
}
