#include "json/schema.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/schema_impl.h"

struct schema *schema_new(void)
{
	struct schema *s = NEW0(struct schema);
	s->resources_last = &s->resources;
	return s;
}

struct schema *schema_free(struct schema *s)
{
	if (!s)
		return NULL;
	for (struct schema_regex *r = s->regexes; r; r = r->next)
		pattern_free(r->re);
	for (struct schema_resource *r = s->resources; r; r = r->next)
		map_free(&r->anchors);
	map_free(&s->by_uri);
	arena_free(&s->arena);
	free(s);
	return NULL;
}

static const struct value *keep(struct arena *a, const struct value *v)
{
	struct value *copy = ARENA_NEW(a, struct value);
	*copy = value_copy(a, v);
	return copy;
}

/* Whether the document says it is of 2020-12, or says nothing. */
static bool is_standard(const struct schema_resource *r)
{
	return r->vocabularies == VOCABULARY_STANDARD;
}

int schema_compile_with(const struct value *document, int flags, const struct schema_extra *extras,
			size_t n_extras, struct diag *d, struct schema **ret)
{
	size_t before = d->n + d->n_dropped;
	CLEANUP_SCHEMA struct schema *s = schema_new();
	struct schema_build b = {
		.s = s, .a = &s->arena, .d = d, .flags = flags, .bundle = schema_meta()};
	struct schema_site *root = schema_load(&b, keep(b.a, document), STR(""), false);
	for (size_t i = 0; i < n_extras && root; i++)
		if (!schema_load(&b, keep(b.a, extras[i].document), arena_str(b.a, extras[i].uri),
				 true))
			return SCHEMA_REFUSED;
	if (!root)
		return SCHEMA_REFUSED;
	schema_load_dialects(&b);
	if (is_standard(root->resource))
		schema_meta_check(&b, root);
	s->root = schema_compile_site(&b, root);
	if (d->n + d->n_dropped != before)
		return SCHEMA_REFUSED;
	*ret = s;
	s = NULL;
	return 0;
}

int schema_compile(const struct value *document, int flags, struct diag *d, struct schema **ret)
{
	return schema_compile_with(document, flags, NULL, 0, d, ret);
}
