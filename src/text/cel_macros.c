/* Comprehensions: all, exists, exists_one, map, filter and the transforms. */
#include "base/fault.h"
#include "text/cel_run.h"

/* Sets the macro's variables for round i. Of one variable a map gives its keys. */
static void bind(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		 uint32_t i)
{
	bool map = range->kind == CEL_MAP;
	if (n->n_vars == 1) {
		r->vars[n->slot] = map ? cel_map_key(range, i) : cel_list_at(range, i);
		return;
	}
	r->vars[n->slot] = map ? cel_map_key(range, i) : cel_int(i);
	r->vars[n->slot + 1] = map ? cel_map_value(range, i) : cel_list_at(range, i);
}

static bool eval_test(struct cel_run *r, const struct cel_node *body, bool *ret)
{
	struct cel_value v;
	if (!cel_eval_node(r, body, &v))
		return false;
	r->at = body->at;
	if (v.kind != CEL_BOOL)
		return cel_fail(r, CEL_ERROR_VALUE, "no such overload: the test gave %s, not bool",
				cel_kind_name(v.kind));
	*ret = v.b;
	return true;
}

/* all and exists: as && and || over the items, errors absorbed alike. */
static bool quantify(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		     struct cel_value *ret)
{
	bool decides = n->macro == CEL_MACRO_EXISTS, yes = false;
	struct cel_error first = {0};
	for (uint32_t i = 0; i < range->n; i++) {
		bind(r, n, range, i);
		if (eval_test(r, &n->args[0], &yes)) {
			if (yes != decides)
				continue;
			*ret = cel_bool(decides);
			return true;
		}
		if (r->error->code == CEL_ERROR_LIMIT)
			return false;
		if (first.code == 0)
			first = *r->error;
		*r->error = (struct cel_error){0};
	}
	*ret = cel_bool(!decides);
	if (first.code == 0)
		return true;
	*r->error = first;
	return false;
}

static bool exists_one(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		       struct cel_value *ret)
{
	uint32_t n_found = 0;
	for (uint32_t i = 0; i < range->n; i++) {
		bool yes = false;
		bind(r, n, range, i);
		if (!eval_test(r, &n->args[0], &yes))
			return false;
		n_found += yes;
	}
	*ret = cel_bool(n_found == 1);
	return true;
}

/* The test of the three- and four-argument forms; true when there is none. */
static bool passes(struct cel_run *r, const struct cel_node *n, bool *ret)
{
	*ret = true;
	return n->n == 1 || eval_test(r, &n->args[0], ret);
}

static bool map(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		struct cel_value *ret)
{
	struct cel_items items = {0};
	for (uint32_t i = 0; i < range->n; i++) {
		struct cel_value v;
		bool yes = false;
		bind(r, n, range, i);
		if (!passes(r, n, &yes))
			return false;
		if (!yes)
			continue;
		if (!cel_eval_node(r, &n->args[n->n - 1], &v) || !cel_items_push(r, &items, v))
			return false;
	}
	*ret = cel_list(items.p, items.n);
	return true;
}

static bool filter(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		   struct cel_value *ret)
{
	struct cel_items items = {0};
	for (uint32_t i = 0; i < range->n; i++) {
		bool yes = false;
		bind(r, n, range, i);
		struct cel_value item = r->vars[n->slot];
		if (!eval_test(r, &n->args[0], &yes) || (yes && !cel_items_push(r, &items, item)))
			return false;
	}
	*ret = cel_list(items.p, items.n);
	return true;
}

static bool transform_map(struct cel_run *r, const struct cel_node *n,
			  const struct cel_value *range, struct cel_value *ret)
{
	struct cel_entries entries = {0};
	for (uint32_t i = 0; i < range->n; i++) {
		struct cel_value v;
		bool yes = false;
		bind(r, n, range, i);
		struct cel_value key = r->vars[n->slot];
		if (!passes(r, n, &yes))
			return false;
		if (!yes)
			continue;
		if (!cel_eval_node(r, &n->args[n->n - 1], &v) ||
		    !cel_entries_push(r, &entries, key, v))
			return false;
	}
	*ret = cel_map(entries.p, entries.n);
	return true;
}

bool cel_eval_macro(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		    struct cel_value *ret)
{
	struct cel_value copy = *range; /* ret may be range */
	if (copy.kind != CEL_LIST && copy.kind != CEL_MAP)
		return cel_fail(r, CEL_ERROR_VALUE,
				"no such overload: %s is no list and no map to go through",
				cel_kind_name(copy.kind));
	switch ((enum cel_macro)n->macro) {
	case CEL_MACRO_ALL:
	case CEL_MACRO_EXISTS:
		return quantify(r, n, &copy, ret);
	case CEL_MACRO_EXISTS_ONE:
		return exists_one(r, n, &copy, ret);
	case CEL_MACRO_MAP:
	case CEL_MACRO_TRANSFORM_LIST:
		return map(r, n, &copy, ret);
	case CEL_MACRO_FILTER:
		return filter(r, n, &copy, ret);
	case CEL_MACRO_TRANSFORM_MAP:
		return transform_map(r, n, &copy, ret);
	}
	ASSERT(!"unknown macro");
	return false;
}
