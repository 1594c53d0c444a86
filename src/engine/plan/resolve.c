#include "engine/plan/resolve.h"

#include "engine/catalog.h"

#include <stdio.h>

#include "text/template.h"

struct resolve {
	const struct value *tree;
	const struct template *template;
};

struct resolve *resolve_compile(struct arena *a, const struct value *tree, const char *path,
				struct diag *d)
{
	const struct template *t = template_compile(a, tree, path, d);
	if (!t)
		return NULL;
	struct resolve *r = ARENA_NEW(a, struct resolve);
	*r = (struct resolve){tree, t};
	return r;
}

bool resolve_constant(const struct resolve *r)
{
	return template_is_constant(r->template);
}

const struct value *resolve_tree(const struct resolve *r)
{
	return r->tree;
}

void resolve_refs(const struct resolve *r,
		  void (*ref)(void *ctx, const char *place, const struct cel_ref *ref), void *ctx)
{
	template_refs(r->template, ref, ctx);
}

static bool ask_root(void *ctx, struct str name, struct value *ret)
{
	const struct resolve_roots *roots = ctx;
	return roots->root(roots->ctx, name, ret);
}

static bool ask_zone(void *ctx, struct str name, int64_t unix_seconds, int32_t *ret_offset)
{
	const struct resolve_roots *roots = ctx;
	const struct zone *z = roots->catalog ? catalog_zone(roots->catalog, name) : NULL;
	if (z)
		*ret_offset = zone_offset(z, unix_seconds);
	return z != NULL;
}

int resolve_run(const struct resolve *r, const struct resolve_roots *roots, struct arena *a,
		struct value *ret, struct resolve_error *ret_error)
{
	ret_error->code[0] = 0;
	if (resolve_constant(r)) {
		*ret = *r->tree;
		return 0;
	}
	struct cel_env env = {.root = ask_root, .zone = ask_zone, .ctx = (void *)(uintptr_t)roots};
	struct template_error error;
	if (template_resolve(r->template, &env, a, ret, &error) == 0)
		return 0;
	CLEANUP_BUF struct buf text = {0};
	template_error_text(&text, &error);
	snprintf(ret_error->code, sizeof(ret_error->code), "template_error");
	snprintf(ret_error->message, sizeof(ret_error->message), "%s", text.p);
	return 1;
}
