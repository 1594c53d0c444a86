#include "text/cel_ast.h"

struct walk {
	void (*ref)(void *ctx, const struct cel_ref *ref);
	void *ctx;
};

static void walk_node(const struct walk *w, const struct cel_node *n, bool soft);

static void walk_args(const struct walk *w, const struct cel_node *n, uint32_t from, bool soft)
{
	for (uint32_t i = from; i < n->n; i++)
		walk_node(w, &n->args[i], soft);
}

/* The constant name of a step, if it has one. */
static bool step_name(const struct cel_node *step, struct str *ret)
{
	if (step->kind == CEL_NODE_SELECT) {
		*ret = step->name;
		return true;
	}
	if (step->kind != CEL_NODE_INDEX || step->args[0].kind != CEL_NODE_CONST ||
	    step->args[0].constant.kind != CEL_STRING)
		return false;
	*ret = cel_text(&step->args[0].constant);
	return true;
}

enum { MOST_PARTS = 16 };

static void walk_path(const struct walk *w, const struct cel_node *n, bool soft)
{
	const struct cel_node *base = &n->args[0];
	if (base->kind == CEL_NODE_ROOT) {
		struct str parts[MOST_PARTS] = {base->name};
		size_t n_parts = 1;
		while (n_parts < n->n && n_parts < MOST_PARTS &&
		       step_name(&n->args[n_parts], &parts[n_parts]))
			n_parts++;
		w->ref(w->ctx, &(struct cel_ref){parts, n_parts, base->at, soft});
	} else {
		walk_node(w, base, soft);
	}
	for (uint32_t i = 1; i < n->n; i++)
		walk_args(w, &n->args[i], 0, soft);
}

static void walk_node(const struct walk *w, const struct cel_node *n, bool soft)
{
	struct str name;
	switch ((enum cel_node_kind)n->kind) {
	case CEL_NODE_ROOT:
		name = n->name;
		w->ref(w->ctx, &(struct cel_ref){&name, 1, n->at, soft});
		return;
	case CEL_NODE_PATH:
		walk_path(w, n, soft);
		return;
	case CEL_NODE_HAS:
		walk_args(w, n, 0, true);
		return;
	case CEL_NODE_DEFAULT:
		walk_node(w, &n->args[0], true);
		walk_args(w, n, 1, soft);
		return;
	case CEL_NODE_CONST:
	case CEL_NODE_VAR:
	case CEL_NODE_LIST:
	case CEL_NODE_MAP:
	case CEL_NODE_CHAIN:
	case CEL_NODE_AND:
	case CEL_NODE_OR:
	case CEL_NODE_COND:
	case CEL_NODE_NOT:
	case CEL_NODE_NEGATE:
	case CEL_NODE_CALL:
	case CEL_NODE_SELECT:
	case CEL_NODE_INDEX:
	case CEL_NODE_MACRO:
		walk_args(w, n, 0, soft);
		return;
	}
}

void cel_refs(const struct cel_program *p, void (*ref)(void *ctx, const struct cel_ref *ref),
	      void *ctx)
{
	walk_node(&(struct walk){ref, ctx}, p->node, false);
}
