/* Nodes that run once for each item of a list. */
#include "base/limits.h"
#include "engine/plan/plan_build.h"

/* A template that gives the list, or the list itself, which may hold templates. */
static const struct resolve *read_list(struct plan_build *b, const struct fields *f)
{
	const struct value *v = fields_get(f, "forEach");
	if (v->kind == VALUE_STRING) {
		size_t before = b->diag->n;
		const struct resolve *list = plan_build_text(b, f, "forEach");
		if (b->diag->n == before && resolve_constant(list))
			fields_bad(f, "forEach",
				   "is text without a template; write \"{{ … }}\" or a list");
		return list;
	}
	if (v->kind != VALUE_ARRAY) {
		fields_bad(f, "forEach", "must be a template that gives a list, or a list, not %s",
			   value_kind_name(v));
		return NULL;
	}
	if (v->n > LIMIT_FOREACH_ITEMS) {
		fields_bad(f, "forEach", "has %u items, %d at most", v->n, LIMIT_FOREACH_ITEMS);
		return NULL;
	}
	char place[FIELDS_PATH_BYTES];
	fields_place(place, f->path, STR("forEach"));
	struct value *copy = ARENA_NEW(&b->plan->arena, struct value);
	*copy = value_copy(&b->plan->arena, v);
	return resolve_compile(&b->plan->arena, copy, place, b->diag);
}

static void need_for_each(const struct fields *f, const char *key)
{
	if (fields_get(f, key))
		fields_bad(f, key, "means something only together with forEach; remove it");
}

void plan_build_each(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	struct str text;
	int64_t parallel = LIMIT_FOREACH_PARALLEL;
	if (!fields_get(f, "forEach")) {
		need_for_each(f, "maxParallel");
		need_for_each(f, "onItemFailure");
		return;
	}
	n->for_each = read_list(b, f);
	fields_int(f, "maxParallel", 1, LIMIT_FOREACH_ITEMS, &parallel);
	n->max_parallel = (uint32_t)parallel;
	if (!fields_str(f, "onItemFailure", false, &text) || str_eqz(text, "fail"))
		return;
	n->items_may_fail = str_eqz(text, "continue");
	if (!n->items_may_fail)
		fields_bad(f, "onItemFailure",
			   "must be \"fail\" (the first failed item ends the others and fails the "
			   "node) or \"continue\" (all run, null stands for what failed)");
}
