#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "json/schema_impl.h"
#include "json/uri.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define VOCABULARY "https://json-schema.org/draft/2020-12/vocab/"

enum shape { SHAPE_NONE, SHAPE_ONE, SHAPE_LIST, SHAPE_MAP };

/* Where keywords hold subschemas. */
static enum shape shape_of(struct str key)
{
	static const struct {
		struct str key;
		enum shape shape;
	} shapes[] = {
		{STR("$defs"), SHAPE_MAP},
		{STR("additionalProperties"), SHAPE_ONE},
		{STR("allOf"), SHAPE_LIST},
		{STR("anyOf"), SHAPE_LIST},
		{STR("contains"), SHAPE_ONE},
		{STR("contentSchema"), SHAPE_ONE},
		{STR("definitions"), SHAPE_MAP},
		{STR("dependencies"), SHAPE_MAP},
		{STR("dependentSchemas"), SHAPE_MAP},
		{STR("else"), SHAPE_ONE},
		{STR("if"), SHAPE_ONE},
		{STR("items"), SHAPE_ONE},
		{STR("not"), SHAPE_ONE},
		{STR("oneOf"), SHAPE_LIST},
		{STR("patternProperties"), SHAPE_MAP},
		{STR("prefixItems"), SHAPE_LIST},
		{STR("properties"), SHAPE_MAP},
		{STR("propertyNames"), SHAPE_ONE},
		{STR("then"), SHAPE_ONE},
		{STR("unevaluatedItems"), SHAPE_ONE},
		{STR("unevaluatedProperties"), SHAPE_ONE},
	};
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (str_eq(key, shapes[i].key))
			return shapes[i].shape;
	return SHAPE_NONE;
}

/* The steps of a site's place from its document, put in order. */
static void put_place(struct buf *out, const struct schema_site *site)
{
	CLEANUP_BUF struct buf order = {0};
	size_t n = 0;
	for (; site; site = site->parent) {
		for (const struct schema_step *s = site->up; s; s = s->up, n++)
			buf_put(&order, &s, sizeof(s));
	}
	const struct schema_step **steps = (const struct schema_step **)(void *)order.p;
	for (; n > 0; n--) {
		const struct schema_step *s = steps[n - 1];
		if (s->key.p)
			schema_path_key(out, s->key);
		else
			schema_path_index(out, s->index);
	}
}

void schema_refuse(struct schema_build *b, const struct schema_site *site, const char *key,
		   const char *fmt, ...)
{
	CLEANUP_BUF struct buf path = {0};
	buf_reserve(&path, 1);
	put_place(&path, site);
	if (key)
		schema_path_key(&path, str_of(key));
	char text[900];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(b->d, path.p, "%s", text);
}

void schema_refuse_below(struct schema_build *b, const struct schema_site *site, const char *below,
			 const char *message)
{
	CLEANUP_BUF struct buf path = {0};
	buf_reserve(&path, 1);
	put_place(&path, site);
	if (path.n > 0 && *below != '\0' && *below != '[')
		buf_putc(&path, '.');
	buf_puts(&path, below);
	diag_add(b->d, path.p, "%s", message);
}

static size_t slot_of(const struct schema *s, const struct value *v)
{
	size_t mask = s->cap_sites - 1;
	size_t i = (size_t)(((uintptr_t)v >> 4) * 0x9e3779b97f4a7c15ULL >> 20) & mask;
	while (s->sites[i] && s->sites[i]->v != v)
		i = (i + 1) & mask;
	return i;
}

struct schema_site *schema_site_of(const struct schema *s, const struct value *v)
{
	return s->cap_sites ? s->sites[slot_of(s, v)] : NULL;
}

static void grow_sites(struct schema *s)
{
	struct schema_site **old = s->sites;
	size_t n = s->cap_sites;
	s->cap_sites = n ? n * 2 : 64;
	s->sites = ARENA_NEW_ARRAY(&s->arena, struct schema_site *, s->cap_sites);
	for (size_t i = 0; i < n; i++)
		if (old[i])
			s->sites[slot_of(s, old[i]->v)] = old[i];
}

struct schema_site *schema_site_add(struct schema_build *b, const struct value *v,
				    struct schema_site *parent, const struct schema_step *up)
{
	if (b->s->n_sites == LIMIT_SCHEMA_SITES) {
		if (!b->too_many)
			diag_add(b->d, "", "has more than %d subschemas; make it smaller",
				 LIMIT_SCHEMA_SITES);
		b->too_many = true;
		return NULL;
	}
	if ((b->s->n_sites + 1) * 2 > b->s->cap_sites)
		grow_sites(b->s);
	struct schema_site *site = ARENA_NEW(b->a, struct schema_site);
	*site = (struct schema_site){
		.v = v, .parent = parent, .up = up, .resource = parent ? parent->resource : NULL};
	b->s->sites[slot_of(b->s, v)] = site;
	b->s->n_sites++;
	return site;
}

static void register_uri(struct schema_build *b, struct schema_site *site, struct str uri)
{
	if (!map_get(&b->s->by_uri, uri)) {
		map_put(&b->s->by_uri, uri, site->resource);
		return;
	}
	if (!site->resource->foreign)
		schema_refuse(b, site, "$id",
			      "names \"%.*s\", as another schema here does; give it its own",
			      STR_ARG(uri));
}

static struct schema_resource *new_resource(struct schema_build *b, struct schema_site *site,
					    struct str uri, bool foreign)
{
	struct schema_resource *r = ARENA_NEW(b->a, struct schema_resource);
	*r = (struct schema_resource){.uri = uri, .root = site, .foreign = foreign};
	*b->s->resources_last = r;
	b->s->resources_last = &r->next;
	site->resource = r;
	return r;
}

static void load_anchor(struct schema_build *b, struct schema_site *site, const char *keyword)
{
	struct str name = value_text(value_getz(site->v, keyword));
	if (!name.p)
		return;
	struct schema_resource *r = site->resource;
	struct schema_site *before = map_put(&r->anchors, name, site);
	if (before && before != site)
		schema_refuse(b, site, keyword,
			      "\"%.*s\" names another place already; use another name",
			      STR_ARG(name));
	if (strcmp(keyword, "$anchor") == 0)
		return;
	struct schema_dynamic *dynamic = ARENA_NEW(b->a, struct schema_dynamic);
	*dynamic = (struct schema_dynamic){.name = name, .site = site, .next = r->dynamics};
	r->dynamics = dynamic;
}

static struct schema_step *step_key(struct schema_build *b, const struct schema_step *up,
				    struct str key)
{
	struct schema_step *s = ARENA_NEW(b->a, struct schema_step);
	*s = (struct schema_step){.up = up, .key = key};
	return s;
}

static struct schema_step *step_index(struct schema_build *b, const struct schema_step *up,
				      uint32_t index)
{
	struct schema_step *s = ARENA_NEW(b->a, struct schema_step);
	*s = (struct schema_step){.up = up, .index = index};
	return s;
}

static void load_site(struct schema_build *b, struct schema_site *site, int depth);

static void load_sub(struct schema_build *b, struct schema_site *parent, const struct value *v,
		     const struct schema_step *up, int depth)
{
	if (v->kind != VALUE_OBJECT && v->kind != VALUE_BOOL)
		return;
	struct schema_site *site = schema_site_add(b, v, parent, up);
	if (site)
		load_site(b, site, depth + 1);
}

static void load_keyword(struct schema_build *b, struct schema_site *site,
			 const struct value_member *m, int depth)
{
	enum shape shape = shape_of(m->key);
	if (shape == SHAPE_NONE)
		return;
	const struct value *v = &m->value;
	struct schema_step *step = step_key(b, NULL, m->key);
	if (shape == SHAPE_ONE)
		load_sub(b, site, v, step, depth);
	if (shape == SHAPE_LIST && v->kind == VALUE_ARRAY)
		for (uint32_t i = 0; i < v->n; i++)
			load_sub(b, site, &v->items[i], step_index(b, step, i), depth);
	if (shape == SHAPE_MAP && v->kind == VALUE_OBJECT)
		for (uint32_t i = 0; i < v->n; i++)
			load_sub(b, site, &v->members[i].value,
				 step_key(b, step, v->members[i].key), depth);
}

/* site->resource is the parent's, or the document's own. */
static void load_site(struct schema_build *b, struct schema_site *site, int depth)
{
	if (site->v->kind != VALUE_OBJECT)
		return;
	if (depth > LIMIT_JSON_DEPTH) {
		schema_refuse(b, site, NULL, "is nested too deeply (%d levels at most)",
			      LIMIT_JSON_DEPTH);
		return;
	}
	struct str id = value_text(value_getz(site->v, "$id"));
	if (id.p && site->parent) {
		struct str uri = uri_without_fragment(uri_resolve(b->a, site->resource->uri, id));
		new_resource(b, site, uri, site->resource->foreign);
		register_uri(b, site, uri);
	}
	load_anchor(b, site, "$anchor");
	load_anchor(b, site, "$dynamicAnchor");
	for (uint32_t i = 0; i < site->v->n && !b->too_many; i++)
		load_keyword(b, site, &site->v->members[i], depth);
}

struct schema_site *schema_load(struct schema_build *b, const struct value *document,
				struct str base, bool foreign)
{
	struct schema_site *site = schema_site_add(b, document, NULL, NULL);
	if (!site)
		return NULL;
	base = uri_without_fragment(base);
	struct str id = value_text(value_getz(document, "$id")), uri = base;
	if (id.p)
		uri = uri_without_fragment(uri_resolve(b->a, base, id));
	new_resource(b, site, uri, foreign);
	register_uri(b, site, uri);
	/* an extra is also found where it was got from */
	if (!str_eq(uri, base) && base.n > 0)
		map_put(&b->s->by_uri, base, site->resource);
	load_site(b, site, 0);
	return b->too_many ? NULL : site;
}

struct schema_resource *schema_resource_by_uri(const struct schema_build *b, struct str uri)
{
	struct schema_resource *r = map_get(&b->s->by_uri, uri);
	if (!r && b->bundle)
		r = map_get(&b->bundle->by_uri, uri);
	return r;
}

static int vocabularies_of(struct schema_build *b, const struct schema_site *site,
			   const struct value *list)
{
	static const struct {
		const char *uri;
		int bit;
	} known[] = {
		{VOCABULARY "core", 0},
		{VOCABULARY "applicator", VOCABULARY_APPLICATOR},
		{VOCABULARY "unevaluated", VOCABULARY_UNEVALUATED},
		{VOCABULARY "validation", VOCABULARY_VALIDATION},
		{VOCABULARY "format-assertion", VOCABULARY_FORMAT_ASSERTION},
		{VOCABULARY "format-annotation", 0},
		{VOCABULARY "meta-data", 0},
		{VOCABULARY "content", 0},
	};
	if (!value_is(list, VALUE_OBJECT))
		return VOCABULARY_STANDARD;
	int bits = 0;
	for (uint32_t i = 0; i < list->n; i++) {
		const struct value_member *m = &list->members[i];
		size_t k = 0;
		while (k < ARRAY_LEN(known) && !str_eqz(m->key, known[k].uri))
			k++;
		if (k < ARRAY_LEN(known))
			bits |= known[k].bit;
		else if (m->value.kind == VALUE_BOOL && m->value.b)
			schema_refuse(b, site, "$schema",
				      "asks for the vocabulary \"%.*s\", which is not known here",
				      STR_ARG(m->key));
	}
	return bits;
}

static void decide_dialect(struct schema_build *b, struct schema_resource *r)
{
	const struct schema_site *parent = r->root->parent;
	r->vocabularies = parent ? parent->resource->vocabularies : VOCABULARY_STANDARD;
	struct str dialect = value_text(value_getz(r->root->v, "$schema"));
	if (!dialect.p)
		return;
	dialect = uri_without_fragment(dialect);
	r->vocabularies = VOCABULARY_STANDARD;
	if (str_eqz(dialect, DIALECT))
		return;
	struct schema_resource *meta = schema_resource_by_uri(b, dialect);
	if (meta)
		r->vocabularies =
			vocabularies_of(b, r->root, value_getz(meta->root->v, "$vocabulary"));
	else if (!r->foreign)
		schema_refuse(b, r->root, "$schema",
			      "\"%.*s\" is a dialect that is not known here; write \"" DIALECT
			      "\" or leave it out",
			      STR_ARG(dialect));
}

void schema_load_dialects(struct schema_build *b)
{
	for (struct schema_resource *r = b->s->resources; r; r = r->next)
		decide_dialect(b, r);
}

/* Replaces ~1 and ~0 of a pointer's token. */
static struct str untilde(struct arena *a, struct str token)
{
	char *out = arena_alloc(a, token.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < token.n; i++) {
		bool tilde = token.p[i] == '~' && i + 1 < token.n;
		if (tilde && (token.p[i + 1] == '0' || token.p[i + 1] == '1'))
			out[n++] = token.p[++i] == '0' ? '~' : '/';
		else
			out[n++] = token.p[i];
	}
	return str_n(out, n);
}

static const struct value *item_at(const struct value *array, struct str token, uint32_t *ret_index)
{
	uint64_t index = 0;
	if (token.n == 0 || token.n > 10 || (token.n > 1 && token.p[0] == '0'))
		return NULL;
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] < '0' || token.p[i] > '9')
			return NULL;
		index = index * 10 + (uint64_t)(token.p[i] - '0');
	}
	if (index >= array->n)
		return NULL;
	*ret_index = (uint32_t)index;
	return &array->items[index];
}

/* Follows a JSON pointer (RFC 6901) from a resource's root. */
static struct schema_site *follow(struct schema_build *b, const struct schema *s,
				  struct schema_resource *r, struct str pointer)
{
	struct schema_site *site = r->root;
	const struct value *v = site->v;
	const struct schema_step *up = NULL;
	while (pointer.n > 0) {
		pointer = str_n(pointer.p + 1, pointer.n - 1);
		const char *slash = memchr(pointer.p, '/', pointer.n);
		size_t n = slash ? (size_t)(slash - pointer.p) : pointer.n;
		struct str token = untilde(b->a, str_n(pointer.p, n));
		pointer = str_n(pointer.p + n, pointer.n - n);
		uint32_t index = 0;
		bool array = v->kind == VALUE_ARRAY;
		v = array ? item_at(v, token, &index) : value_get(v, token);
		if (!v)
			return NULL;
		up = array ? step_index(b, up, index) : step_key(b, up, token);
		struct schema_site *here = schema_site_of(s, v);
		if (here) {
			site = here;
			up = NULL;
		}
	}
	if (site->v == v)
		return site;
	if (s != b->s || (v->kind != VALUE_OBJECT && v->kind != VALUE_BOOL))
		return NULL;
	struct schema_site *added = schema_site_add(b, v, site, up);
	if (added && b->bundle && !added->resource->foreign)
		schema_meta_check(b, added);
	return added;
}

struct schema_target schema_resolve(struct schema_build *b, struct schema_resource *from,
				    struct str reference)
{
	struct str full = uri_resolve(b->a, from->uri, reference);
	struct str uri = uri_without_fragment(full), fragment = uri_fragment(full);
	const struct schema *s = b->s;
	struct schema_resource *r = map_get(&s->by_uri, uri);
	if (!r && b->bundle) {
		s = b->bundle;
		r = map_get(&s->by_uri, uri);
	}
	struct schema_target target = {0};
	if (!r) {
		target.problem = "leads to a document that is not here, and nothing is fetched; "
				 "put it under $defs with its $id";
		return target;
	}
	fragment = fragment.p ? uri_unescape(b->a, fragment) : STR("");
	if (fragment.n == 0 || fragment.p[0] == '/')
		target.site = fragment.n == 0 ? r->root : follow(b, s, r, fragment);
	else
		target.site = map_get(&r->anchors, fragment);
	for (struct schema_dynamic *d = r->dynamics; d; d = d->next)
		if (target.site && str_eq(d->name, fragment))
			target.dynamic_name = d->name;
	if (!target.site)
		target.problem = fragment.n > 0 && fragment.p[0] != '/'
					 ? "names an $anchor that is not there"
					 : "leads to nothing, or to what is not a schema";
	else if (s != b->s)
		target.node = target.site->node;
	return target;
}
