#include "base/limits.h"
#include "engine/plan/plan_build.h"

/* One mention of a node that is no direct dependency: it must be an ancestor. */
struct far_ref {
	uint32_t from, to;
	const char *place;
};

struct refs {
	struct plan_build *build;
	struct arena arena;
	uint32_t index;	   /* of the node whose templates are looked at; n_nodes = the run's
			      output */
	uint32_t *seen;	   /* per node: index + 1 of the last node that mentioned it */
	uint32_t *place;   /* per node: where in the list, when seen */
	uint32_t *depends; /* the same, for direct dependencies */
	struct plan_ref *list;
	uint32_t n_list;
	bool dynamic; /* nodes[x]: any ancestor */
	bool event;   /* the template may ask for the event */
	bool item;    /* the same, for item and index */
	size_t n_total;
	struct far_ref *far;
	size_t n_far, cap_far;
};

static void refs_close(struct refs *x)
{
	arena_free(&x->arena);
}

static void add(struct refs *x, uint32_t to, bool output)
{
	if (x->seen[to] != x->index + 1) {
		x->seen[to] = x->index + 1;
		x->place[to] = x->n_list;
		x->list[x->n_list++] = (struct plan_ref){.index = to};
	}
	x->list[x->place[to]].output |= output;
}

static void add_far(struct refs *x, uint32_t to, const char *place)
{
	if (x->n_far == x->cap_far) {
		size_t cap = x->cap_far ? x->cap_far * 2 : 16;
		x->far = arena_grow(&x->arena, x->far, x->cap_far * sizeof(*x->far),
				    cap * sizeof(*x->far));
		x->cap_far = cap;
	}
	x->far[x->n_far++] = (struct far_ref){x->index, to, arena_dupz(&x->arena, place)};
}

/* ---- one mention ---- */

static bool among(struct str name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqz(name, names[i]))
			return true;
	return false;
}

static void judge_member(struct refs *x, const char *place, const struct cel_ref *ref, size_t at,
			 const char *of, const char *const *names, size_t n)
{
	if (ref->n <= at || among(ref->parts[at], names, n))
		return;
	const char *nearest = fields_nearest(ref->parts[at], names, n);
	diag_add(x->build->diag, place, "%s has no member \"%.*s\"; it has %s%s%s%s%s%s%s%s", of,
		 STR_ARG(ref->parts[at]), names[0], n > 1 ? ", " : "", n > 1 ? names[1] : "",
		 n > 2 ? ", " : "", n > 2 ? names[2] : "", nearest ? " (did you mean " : "",
		 nearest ? nearest : "", nearest ? "?)" : "");
}

/* nodes.my-node subtracts: what stands before the hyphen is the beginning of an id then. */
static const struct plan_node *hyphenated(const struct refs *x, struct str name)
{
	const struct plan *p = x->build->plan;
	if (x->build->diag->n >= LIMIT_DIAG_FINDINGS)
		return NULL;
	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].id.n > name.n + 1 && str_starts(p->nodes[i].id, name) &&
		    p->nodes[i].id.p[name.n] == '-')
			return &p->nodes[i];
	return NULL;
}

static void no_such_node(struct refs *x, const char *place, struct str name)
{
	const struct plan_node *meant = hyphenated(x, name);
	if (meant)
		diag_add(x->build->diag, place,
			 "there is no node \"%.*s\"; '-' subtracts: write nodes[\"%.*s\"]",
			 STR_ARG(name), STR_ARG(meant->id));
	else
		diag_add(x->build->diag, place, "there is no node \"%.*s\"", STR_ARG(name));
}

static void judge_node(struct refs *x, const char *place, const struct cel_ref *ref)
{
	static const char *const members[] = {"output", "status", "error"};
	struct plan *p = x->build->plan;
	if (ref->n == 1) {
		x->dynamic = true;
		return;
	}
	int64_t to = plan_find(p, ref->parts[1]);
	if (to < 0) {
		no_such_node(x, place, ref->parts[1]);
		return;
	}
	if (to == x->index) {
		diag_add(x->build->diag, place, "a node cannot read its own result");
		return;
	}
	judge_member(x, place, ref, 2, "a node", members, ARRAY_LEN(members));
	add(x, (uint32_t)to, ref->n == 2 || str_eqz(ref->parts[2], "output"));
	if (x->index < p->n_nodes && x->depends[to] != x->index + 1)
		add_far(x, (uint32_t)to, place);
}

void plan_build_context_ref(struct plan_build *b, const char *place, const struct cel_ref *ref)
{
	const struct value *known = b->context_properties;
	b->plan->uses_context = true;
	if (known && ref->n > 1 && !value_get(known, ref->parts[1]) && !ref->soft)
		diag_add(b->diag, place,
			 "context can have no member \"%.*s\": contextSchema does not allow it",
			 STR_ARG(ref->parts[1]));
}

static void judge_item(struct refs *x, const char *place, struct str root)
{
	const struct plan *p = x->build->plan;
	bool each = x->index < p->n_nodes && p->nodes[x->index].for_each;
	if (!x->item)
		diag_add(x->build->diag, place, "\"%.*s\" %s", STR_ARG(root),
			 each ? "is not known here: when and forEach are asked once, before there "
				"are items"
			      : "is known only in a node with forEach");
}

static void judge_ref(void *ctx, const char *place, const struct cel_ref *ref)
{
	static const char *const roots[] = {"context", "nodes", "run", "workflow", "project"};
	static const char *const run[] = {"id", "startedAt", "trigger"};
	static const char *const workflow[] = {"name", "version"};
	struct refs *x = ctx;
	struct str root = ref->parts[0];
	if (str_eqz(root, "nodes"))
		judge_node(x, place, ref);
	else if (str_eqz(root, "context"))
		plan_build_context_ref(x->build, place, ref);
	else if (str_eqz(root, "run"))
		judge_member(x, place, ref, 1, "run", run, ARRAY_LEN(run));
	else if (str_eqz(root, "workflow"))
		judge_member(x, place, ref, 1, "workflow", workflow, ARRAY_LEN(workflow));
	else if (str_eqz(root, "event") && x->event)
		return;
	else if (str_eqz(root, "item") || str_eqz(root, "index"))
		judge_item(x, place, root);
	else if (str_eqz(root, "event"))
		diag_add(x->build->diag, place, "\"%.*s\" is not in this version of drover",
			 STR_ARG(root));
	else if (!str_eqz(root, "project"))
		diag_add(x->build->diag, place,
			 "there is no \"%.*s\"; a template knows %s, %s, %s, %s and %s (a node id "
			 "with '-' is written nodes[\"my-node\"])",
			 STR_ARG(root), roots[0], roots[1], roots[2], roots[3], roots[4]);
}

/* ---- one node ---- */

/* Adds every ancestor of the node. */
static void add_ancestors(struct refs *x)
{
	struct plan *p = x->build->plan;
	struct arena a CLEANUP_ARENA = {0};
	bool *met = ARENA_NEW_ARRAY(&a, bool, p->n_nodes);
	uint32_t *stack = ARENA_NEW_ARRAY(&a, uint32_t, p->n_nodes);
	size_t n = 0;
	stack[n++] = x->index;
	while (n > 0) {
		const struct plan_node *node = &p->nodes[stack[--n]];
		for (uint32_t k = 0; k < node->n_depends; k++) {
			uint32_t d = node->depends[k];
			if (met[d])
				continue;
			met[d] = true;
			add(x, d, true);
			stack[n++] = d;
		}
	}
}

/* What was mentioned, as a list in the plan. */
static const struct plan_ref *take_list(struct refs *x, uint32_t *ret_n)
{
	struct plan *p = x->build->plan;
	x->n_total += x->n_list;
	*ret_n = x->n_list;
	if (x->n_list == 0)
		return NULL;
	struct plan_ref *list = ARENA_NEW_ARRAY(&p->arena, struct plan_ref, x->n_list);
	memcpy(list, x->list, sizeof(*list) * x->n_list);
	for (uint32_t i = 0; i < x->n_list; i++)
		p->nodes[list[i].index].keep_output |= list[i].output;
	return list;
}

static void judge_templates(struct refs *x, struct plan_node *n)
{
	for (uint32_t k = 0; k < n->n_depends; k++)
		x->depends[n->depends[k]] = x->index + 1;
	x->n_list = 0;
	x->dynamic = false;
	if (n->when)
		resolve_refs(n->when, judge_ref, x);
	if (n->for_each)
		resolve_refs(n->for_each, judge_ref, x);
	x->item = n->for_each != NULL;
	x->event = true;
	if (n->wait_filter)
		resolve_refs(n->wait_filter, judge_ref, x);
	x->event = false;
	if (n->workspace)
		resolve_refs(n->workspace, judge_ref, x);
	if (n->inputs)
		resolve_refs(n->inputs, judge_ref, x);
	x->item = false;
	if (x->dynamic)
		add_ancestors(x);
	n->refs = take_list(x, &n->n_refs);
}

/* When it is resolved all nodes have ended. */
static void judge_output(struct refs *x)
{
	struct plan *p = x->build->plan;
	if (!p->output)
		return;
	x->index = (uint32_t)p->n_nodes;
	x->n_list = 0;
	x->dynamic = false;
	resolve_refs(p->output, judge_ref, x);
	for (uint32_t i = 0; x->dynamic && i < p->n_nodes; i++)
		add(x, i, true);
	p->output_refs = take_list(x, &p->n_output_refs);
}

/* ---- ancestors ---- */

/* Nodes in an order where dependencies come first. */
static uint32_t *by_level(struct refs *x)
{
	struct plan *p = x->build->plan;
	uint32_t *count = ARENA_NEW_ARRAY(&x->arena, uint32_t, p->n_nodes + 1);
	uint32_t *order = ARENA_NEW_ARRAY(&x->arena, uint32_t, p->n_nodes);
	for (size_t i = 0; i < p->n_nodes; i++)
		count[p->nodes[i].level + 1]++;
	for (size_t i = 1; i <= p->n_nodes; i++)
		count[i] += count[i - 1];
	for (uint32_t i = 0; i < p->n_nodes; i++)
		order[count[p->nodes[i].level]++] = i;
	return order;
}

enum { BATCH = 64 };

/*
 * Judges the far mentions of up to 64 different nodes at once: a bit for each flows down the graph
 * in one pass. Returns how many mentions were judged, all from `first` on.
 */
static size_t judge_batch(struct refs *x, size_t first, const uint32_t *order, uint64_t *below,
			  uint64_t *own)
{
	struct plan *p = x->build->plan;
	size_t n_bits = 0, end = first;
	memset(below, 0, sizeof(*below) * p->n_nodes);
	memset(own, 0, sizeof(*own) * p->n_nodes);
	for (; end < x->n_far; end++) {
		if (own[x->far[end].to])
			continue;
		if (n_bits == BATCH)
			break;
		own[x->far[end].to] = UINT64_C(1) << n_bits++;
	}
	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct plan_node *n = &p->nodes[order[i]];
		for (uint32_t k = 0; k < n->n_depends; k++)
			below[order[i]] |= below[n->depends[k]] | own[n->depends[k]];
	}
	for (size_t i = first; i < end; i++) {
		const struct far_ref *f = &x->far[i];
		if (!(below[f->from] & own[f->to]))
			diag_add(x->build->diag, f->place,
				 "node \"%.*s\" may not have ended by then; add it to dependsOn",
				 STR_ARG(p->nodes[f->to].id));
	}
	return end - first;
}

static void judge_far(struct refs *x)
{
	struct plan *p = x->build->plan;
	if (x->n_far == 0)
		return;
	uint32_t *order = by_level(x);
	uint64_t *below = ARENA_NEW_ARRAY(&x->arena, uint64_t, p->n_nodes);
	uint64_t *own = ARENA_NEW_ARRAY(&x->arena, uint64_t, p->n_nodes);
	for (size_t at = 0; at < x->n_far;)
		at += judge_batch(x, at, order, below, own);
}

void plan_build_refs(struct plan_build *b)
{
	struct refs x CLEANUP(refs_close) = {.build = b};
	bool sorted = diag_ok(b->diag); /* levels mean nothing while there are cycles */
	struct plan *p = b->plan;
	x.seen = ARENA_NEW_ARRAY(&x.arena, uint32_t, p->n_nodes);
	x.depends = ARENA_NEW_ARRAY(&x.arena, uint32_t, p->n_nodes);
	x.place = ARENA_NEW_ARRAY(&x.arena, uint32_t, p->n_nodes);
	x.list = ARENA_NEW_ARRAY(&x.arena, struct plan_ref, p->n_nodes);
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		x.index = i;
		judge_templates(&x, &p->nodes[i]);
		if (x.n_total > LIMIT_PLAN_REFS) {
			diag_add(b->diag, "nodes",
				 "the templates may read more than %d results in all; name the "
				 "nodes instead of nodes[…]",
				 LIMIT_PLAN_REFS);
			return;
		}
	}
	judge_output(&x);
	if (sorted)
		judge_far(&x);
}
