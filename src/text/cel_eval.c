#include <stdio.h>

#include "base/fault.h"
#include "base/utf8.h"
#include "text/cel_parse.h"
#include "text/cel_run.h"

/* NULL with the error filled when there is no such root. */
static const struct value *find_root(struct cel_run *r, struct str name)
{
	for (size_t i = 0; i < r->n_roots; i++)
		if (str_eq(r->roots[i].name, name))
			return r->roots[i].value;
	struct value asked;
	const struct value *found = NULL;
	if (r->env->root && r->env->root(r->env->ctx, name, &asked)) {
		struct value *kept = cel_make(r, sizeof(*kept));
		if (!kept)
			return NULL;
		*kept = asked;
		found = kept;
	}
	if (!found)
		found = value_get(r->env->roots, name);
	if (!found) {
		cel_fail(r, CEL_ERROR_MISSING, "no such variable '%.*s'", STR_ARG(name));
		return NULL;
	}
	if (r->n_roots < CEL_ROOT_CACHE) {
		r->roots[r->n_roots].name = name;
		r->roots[r->n_roots++].value = found;
	}
	return found;
}

/* One that failed for a limit stays failed; any other lets the other operands decide. */
static bool eval_logic(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	bool decides = n->kind == CEL_NODE_OR;
	struct cel_error first = {0};
	for (uint32_t i = 0; i < n->n; i++) {
		struct cel_value v;
		bool ok = cel_eval_node(r, &n->args[i], &v);
		if (ok && v.kind != CEL_BOOL) {
			r->at = n->args[i].at;
			ok = cel_no_overload(r, decides ? "||" : "&&", &v, 1);
		}
		if (ok && v.b == decides) {
			*r->error = (struct cel_error){0};
			*ret = cel_bool(decides);
			return true;
		}
		if (ok)
			continue;
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

static bool eval_cond(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	struct cel_value test;
	if (!cel_eval_node(r, &n->args[0], &test))
		return false;
	if (test.kind == CEL_BOOL)
		return cel_eval_node(r, &n->args[test.b ? 1 : 2], ret);
	r->at = n->at;
	return cel_no_overload(r, "_?_:_", &test, 1);
}

static bool eval_chain(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	struct cel_value left, right;
	if (!cel_eval_node(r, &n->args[0], &left))
		return false;
	for (uint32_t i = 1; i < n->n; i++) {
		const struct cel_node *arg = &n->args[i];
		if (!cel_eval_node(r, arg, &right))
			return false;
		r->at = arg->join_at;
		if (!cel_spend(r, 1) ||
		    !cel_join_values(r, (enum cel_join)arg->join, &left, &right, &left))
			return false;
	}
	*ret = left;
	return true;
}

static bool eval_unary(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	struct cel_value v;
	if (!cel_eval_node(r, &n->args[0], &v))
		return false;
	r->at = n->at;
	if (n->kind == CEL_NODE_NOT) {
		if (v.kind != CEL_BOOL)
			return cel_no_overload(r, "!", &v, 1);
		*ret = cel_bool(v.b != (n->slot % 2 == 1));
		return true;
	}
	if (!cel_spend(r, n->slot))
		return false;
	for (uint32_t i = 0; i < n->slot; i++)
		if (!cel_negate(r, &v, &v))
			return false;
	*ret = v;
	return true;
}

static bool eval_list(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	struct cel_value *items = cel_make(r, n->n * sizeof(*items));
	if (!items)
		return false;
	for (uint32_t i = 0; i < n->n; i++)
		if (!cel_eval_node(r, &n->args[i], &items[i]))
			return false;
	*ret = cel_list(items, n->n);
	return true;
}

static bool eval_map(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	struct cel_entries entries = {0};
	for (uint32_t i = 0; i < n->n; i += 2) {
		struct cel_value key, value;
		if (!cel_eval_node(r, &n->args[i], &key) ||
		    !cel_eval_node(r, &n->args[i + 1], &value))
			return false;
		r->at = n->args[i].at;
		if (!cel_entries_push(r, &entries, key, value))
			return false;
	}
	*ret = cel_map(entries.p, entries.n);
	return true;
}

/* before: what stands before the dot, or NULL. */
static bool eval_call(struct cel_run *r, const struct cel_node *n, const struct cel_value *before,
		      struct cel_value *ret)
{
	struct cel_value args[LIMIT_CEL_ARGS];
	uint32_t count = 0;
	if (before)
		args[count++] = *before;
	ASSERT(count + n->n <= LIMIT_CEL_ARGS);
	for (uint32_t i = 0; i < n->n; i++)
		if (!cel_eval_node(r, &n->args[i], &args[count++]))
			return false;
	r->at = n->at;
	r->regex = n->regex;
	return n->fn->call(r, args, count, ret);
}

static bool eval_step(struct cel_run *r, const struct cel_node *step, const struct cel_value *v,
		      struct cel_value *ret)
{
	struct cel_value key;
	r->at = step->at;
	if (!cel_spend(r, 1))
		return false;
	switch ((enum cel_node_kind)step->kind) {
	case CEL_NODE_SELECT:
		return cel_select(r, v, step->name, ret);
	case CEL_NODE_INDEX:
		if (!cel_eval_node(r, &step->args[0], &key))
			return false;
		r->at = step->at;
		return cel_index(r, v, &key, ret);
	case CEL_NODE_CALL:
		return eval_call(r, step, v, ret);
	case CEL_NODE_MACRO:
		return cel_eval_macro(r, step, v, ret);
	case CEL_NODE_CONST:
	case CEL_NODE_ROOT:
	case CEL_NODE_VAR:
	case CEL_NODE_LIST:
	case CEL_NODE_MAP:
	case CEL_NODE_CHAIN:
	case CEL_NODE_AND:
	case CEL_NODE_OR:
	case CEL_NODE_COND:
	case CEL_NODE_NOT:
	case CEL_NODE_NEGATE:
	case CEL_NODE_HAS:
	case CEL_NODE_DEFAULT:
	case CEL_NODE_PATH:
		break;
	}
	ASSERT(!"a path has steps");
	return false;
}

static size_t put_text(char *out, size_t used, const char *before, struct str text,
		       const char *after)
{
	if (used >= LIMIT_CEL_ERROR_BYTES)
		return used;
	return used + (size_t)snprintf(out + used, LIMIT_CEL_ERROR_BYTES - used, "%s%.*s%s", before,
				       STR_ARG(text), after);
}

/* "nodes.scan.output[0]" up to step `last`; a key that is no constant shows as […]. */
static void name_path(struct cel_error *e, const struct cel_node *path, uint32_t last)
{
	const struct cel_node *base = &path->args[0];
	if (e->path[0] != '\0' || (base->kind != CEL_NODE_ROOT && base->kind != CEL_NODE_VAR))
		return;
	char *out = e->path;
	size_t used = put_text(out, 0, "", base->name, "");
	for (uint32_t i = 1; i <= last; i++) {
		const struct cel_node *step = &path->args[i];
		const struct cel_node *key = step->args;
		if (step->kind == CEL_NODE_SELECT)
			used = put_text(out, used, ".", step->name, "");
		else if (step->kind != CEL_NODE_INDEX)
			return;
		else if (key->kind == CEL_NODE_CONST && key->constant.kind == CEL_STRING)
			used = put_text(out, used, "['", cel_text(&key->constant), "']");
		else if (key->kind == CEL_NODE_CONST && key->constant.kind == CEL_INT) {
			char number[24];
			snprintf(number, sizeof(number), "%lld", (long long)key->constant.i);
			used = put_text(out, used, "[", str_of(number), "]");
		} else {
			used = put_text(out, used, "[", STR("…"), "]");
		}
	}
	out[utf8_valid_prefix(str_of(out))] = '\0';
}

/* All steps but the last `leave` ones. */
static bool eval_path(struct cel_run *r, const struct cel_node *n, uint32_t leave,
		      struct cel_value *ret)
{
	struct cel_value v;
	if (!cel_eval_node(r, &n->args[0], &v))
		return false;
	for (uint32_t i = 1; i + leave < n->n; i++) {
		if (eval_step(r, &n->args[i], &v, &v))
			continue;
		if (r->at == n->args[i].at)
			name_path(r->error, n, i);
		return false;
	}
	*ret = v;
	return true;
}

static bool eval_has(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	const struct cel_node *path = &n->args[0], *last = &path->args[path->n - 1];
	struct cel_value v, found;
	if (!eval_path(r, path, 1, &v))
		return false;
	r->at = last->at;
	if (v.kind != CEL_MAP)
		return cel_no_overload(r, "has", &v, 1);
	struct cel_value key = cel_string(last->name);
	*ret = cel_bool(cel_map_find(&v, &key, &found));
	return cel_spend(r, v.origin ? 0 : v.n / 16);
}

static bool eval_default(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	if (cel_eval_node(r, &n->args[0], ret))
		return true;
	if (r->error->code != CEL_ERROR_MISSING)
		return false;
	*r->error = (struct cel_error){0};
	return cel_eval_node(r, &n->args[1], ret);
}

static bool eval_root(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	r->at = n->at;
	const struct value *found = find_root(r, n->name);
	if (!found) {
		put_text(r->error->path, 0, "", n->name, "");
		return false;
	}
	*ret = cel_of_json(found);
	return true;
}

bool cel_eval_node(struct cel_run *r, const struct cel_node *n, struct cel_value *ret)
{
	r->at = n->at;
	if (!cel_spend(r, 1))
		return false;
	switch ((enum cel_node_kind)n->kind) {
	case CEL_NODE_CONST:
		*ret = n->constant;
		return true;
	case CEL_NODE_ROOT:
		return eval_root(r, n, ret);
	case CEL_NODE_VAR:
		*ret = r->vars[n->slot];
		return true;
	case CEL_NODE_LIST:
		return eval_list(r, n, ret);
	case CEL_NODE_MAP:
		return eval_map(r, n, ret);
	case CEL_NODE_CHAIN:
		return eval_chain(r, n, ret);
	case CEL_NODE_AND:
	case CEL_NODE_OR:
		return eval_logic(r, n, ret);
	case CEL_NODE_COND:
		return eval_cond(r, n, ret);
	case CEL_NODE_NOT:
	case CEL_NODE_NEGATE:
		return eval_unary(r, n, ret);
	case CEL_NODE_CALL:
		return eval_call(r, n, NULL, ret);
	case CEL_NODE_HAS:
		return eval_has(r, n, ret);
	case CEL_NODE_DEFAULT:
		return eval_default(r, n, ret);
	case CEL_NODE_PATH:
		return eval_path(r, n, 0, ret);
	case CEL_NODE_SELECT:
	case CEL_NODE_INDEX:
	case CEL_NODE_MACRO:
		break;
	}
	ASSERT(!"a step stands in a path");
	return false;
}

int cel_eval(const struct cel_program *p, const struct cel_env *env, struct cel_budget *budget,
	     struct arena *a, struct cel_value *ret, struct cel_error *ret_error)
{
	struct cel_run r; /* vars are written before they are read */
	r.env = env;
	r.budget = budget;
	r.arena = a;
	r.error = ret_error;
	r.at = 0;
	r.regex = NULL;
	r.n_roots = 0;
	r.last_regex.regex = NULL;
	r.scratch = NULL;
	ret_error->code = 0;
	ret_error->position = 0;
	ret_error->path[0] = ret_error->message[0] = '\0';
	struct cel_value v;
	if (!cel_eval_node(&r, p->node, &v))
		return (int)ret_error->code;
	*ret = v;
	return 0;
}
