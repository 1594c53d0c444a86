#include "engine/plan/schemas.h"

#include "json/schema.h"

/* Moves findings below path. */
static void place(const struct diag *from, struct diag *to, const char *path)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *below = from->findings[i].path;
		char *full = arena_printf(from->arena, "%s%s%s", path,
					  *below && *below != '[' && *path ? "." : "", below);
		diag_add(to, full, "%s", from->findings[i].message);
	}
	to->n_dropped += from->n_dropped;
}

struct schema *schemas_compile(const struct value *document, struct diag *d, const char *path)
{
	struct arena a CLEANUP_ARENA = {0};
	struct schema *s = NULL;
	struct diag own;
	diag_init(&own, &a);
	if (schema_compile(document, SCHEMA_DEFAULT, &own, &s) == 0)
		return s;
	place(&own, d, path);
	return NULL;
}

void schemas_free(struct schema *s)
{
	schema_free(s);
}

bool schemas_check(const struct schema *s, const struct value *v, struct diag *d, const char *path)
{
	if (!s || schema_valid(s, v))
		return true;
	struct arena a CLEANUP_ARENA = {0};
	struct diag own;
	diag_init(&own, &a);
	schema_check(s, v, &own);
	place(&own, d, path);
	if (own.n == 0)
		diag_add(d, path, "does not satisfy its schema");
	return false;
}

/* What a literal of the tree will be. A string that begins and ends as a template may become a
 * value of any type; other strings with templates stay strings. */
static enum schema_known known(void *arg UNUSED, const struct value *v)
{
	struct str s = value_text(v);
	if (v->kind != VALUE_STRING || !s.n || !memmem(s.p, s.n, "{{", 2))
		return SCHEMA_KNOWN;
	return str_starts(s, STR("{{")) && str_ends(s, STR("}}")) ? SCHEMA_UNKNOWN
								  : SCHEMA_UNKNOWN_TEXT;
}

bool schemas_check_partial(const struct schema *s, const struct resolve *inputs, struct diag *d,
			   const char *path)
{
	if (!s)
		return true;
	struct arena a CLEANUP_ARENA = {0};
	struct diag own;
	diag_init(&own, &a);
	if (schema_check_partial(s, resolve_tree(inputs), known, NULL, &own))
		return true;
	place(&own, d, path);
	if (own.n == 0)
		diag_add(d, path, "cannot satisfy the schema of the action's input");
	return false;
}
