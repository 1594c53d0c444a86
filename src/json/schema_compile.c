#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "json/decimal.h"
#include "json/schema_impl.h"

/* Properties below this number are searched one by one. */
enum { INDEX_FROM = 8 };

/* The keyword's value when it is of the kind, else NULL: the meta-schema has judged it. */
static const struct value *get(const struct schema_node *n, const char *key, enum value_kind kind)
{
	const struct value *v = value_getz(n->site->v, key);
	return value_is(v, kind) ? v : NULL;
}

static const struct value *get_number(const struct schema_node *n, const char *key)
{
	const struct value *v = value_getz(n->site->v, key);
	return value_is_number(v) ? v : NULL;
}

/* A count, which may be spelled 2.0 or be beyond 64 bits; `otherwise` when it is absent. */
static uint64_t get_count(const struct schema_node *n, const char *key, uint64_t otherwise)
{
	const struct value *v = get_number(n, key);
	if (!v)
		return otherwise;
	if (v->kind == VALUE_INT)
		return v->i < 0 ? 0 : (uint64_t)v->i;
	if (v->kind == VALUE_UINT)
		return v->u;
	return v->d >= 18446744073709551615.0 ? UINT64_MAX : v->d > 0 ? (uint64_t)v->d : 0;
}

static struct schema_node *node_for(struct schema_build *b, struct schema_site *site)
{
	if (site->node)
		return site->node;
	struct schema_node *n = ARENA_NEW(b->a, struct schema_node);
	n->site = site;
	n->resource = site->resource;
	n->kind = site->v->kind == VALUE_BOOL ? site->v->b ? NODE_ANYTHING : NODE_NOTHING
					      : NODE_RULES;
	site->node = n;
	if (n->kind == NODE_RULES) {
		*b->queue_last = n;
		b->queue_last = &n->next;
	}
	if (!n->resource->reached) {
		n->resource->reached = true;
		for (struct schema_dynamic *d = n->resource->dynamics; d; d = d->next)
			d->node = node_for(b, d->site);
	}
	return n;
}

/* NULL when v is absent or no schema. */
static struct schema_node *sub(struct schema_build *b, const struct value *v)
{
	struct schema_site *site = v ? schema_site_of(b->s, v) : NULL;
	return site ? node_for(b, site) : NULL;
}

static struct schema_node *get_sub(struct schema_build *b, struct schema_node *n, const char *key)
{
	return sub(b, value_getz(n->site->v, key));
}

static struct schema_node **get_list(struct schema_build *b, struct schema_node *n, const char *key,
				     uint32_t *ret_n)
{
	const struct value *v = get(n, key, VALUE_ARRAY);
	if (!v)
		return NULL;
	struct schema_node **list = ARENA_NEW_ARRAY(b->a, struct schema_node *, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		struct schema_node *item = sub(b, &v->items[i]);
		if (item)
			list[(*ret_n)++] = item;
	}
	return list;
}

static struct pattern *get_regex(struct schema_build *b, const struct schema_site *site,
				 const char *key, struct str pattern)
{
	struct pattern *re = NULL;
	char message[200] = "";
	if (b->pattern_bytes > LIMIT_SCHEMA_PATTERN_BYTES)
		return NULL;
	if (pattern_compile(pattern, &re, message, sizeof(message))) {
		schema_refuse(b, site, key,
			      "\"%.*s\" is not a regular expression that works here: %s",
			      (int)(pattern.n > 200 ? 200 : pattern.n), pattern.p, message);
		return NULL;
	}
	struct schema_regex *owner = ARENA_NEW(b->a, struct schema_regex);
	*owner = (struct schema_regex){.re = re, .next = b->s->regexes};
	b->s->regexes = owner;
	b->pattern_bytes += pattern_size_bytes(re);
	if (b->pattern_bytes > LIMIT_SCHEMA_PATTERN_BYTES)
		schema_refuse(b, site, key,
			      "takes the patterns of the schema over %d bytes; use "
			      "fewer or shorter ones",
			      LIMIT_SCHEMA_PATTERN_BYTES);
	return re;
}

static void compile_any(struct schema_node *n)
{
	const struct value *type = value_getz(n->site->v, "type");
	n->types = schema_type_named(value_text(type));
	for (uint32_t i = 0; value_is(type, VALUE_ARRAY) && i < type->n; i++)
		n->types |= schema_type_named(value_text(&type->items[i]));
	if (n->types & TYPE_NUMBER)
		n->types |= TYPE_INTEGER;
	n->choices = get(n, "enum", VALUE_ARRAY);
	n->constant = value_getz(n->site->v, "const");
}

static void compile_numbers(struct schema_build *b, struct schema_node *n)
{
	struct schema_numbers k = {
		.least = get_number(n, "minimum"),
		.most = get_number(n, "maximum"),
		.above = get_number(n, "exclusiveMinimum"),
		.below = get_number(n, "exclusiveMaximum"),
		.multiple = get_number(n, "multipleOf"),
	};
	if (k.multiple) {
		struct decimal divisor;
		decimal_from(&divisor, k.multiple);
		if (divisor.n > DECIMAL_DIVISOR_DIGITS)
			schema_refuse(b, n->site, "multipleOf",
				      "must have at most %d significant digits",
				      DECIMAL_DIVISOR_DIGITS);
		if (divisor.n == 0 || divisor.n > DECIMAL_DIVISOR_DIGITS)
			k.multiple = NULL;
	}
	if (!k.least && !k.most && !k.above && !k.below && !k.multiple)
		return;
	n->numbers = ARENA_NEW(b->a, struct schema_numbers);
	*n->numbers = k;
}

static void compile_strings(struct schema_build *b, struct schema_node *n, bool format)
{
	struct schema_strings k = {.least = get_count(n, "minLength", 0),
				   .most = get_count(n, "maxLength", UINT64_MAX)};
	const struct value *pattern = get(n, "pattern", VALUE_STRING);
	if (pattern) {
		k.pattern_text = value_text(pattern);
		k.pattern = get_regex(b, n->site, "pattern", k.pattern_text);
	}
	if (format)
		k.format = format_of(value_text(get(n, "format", VALUE_STRING)));
	if (k.least == 0 && k.most == UINT64_MAX && !k.pattern && k.format == FORMAT_NONE)
		return;
	n->strings = ARENA_NEW(b->a, struct schema_strings);
	*n->strings = k;
}

static void compile_items(struct schema_build *b, struct schema_node *n, int vocabularies)
{
	struct schema_items k = {
		.least_contains = 1, .most_contains = UINT64_MAX, .most = UINT64_MAX};
	if (vocabularies & VOCABULARY_APPLICATOR) {
		k.prefix = get_list(b, n, "prefixItems", &k.n_prefix);
		k.rest = get_sub(b, n, "items");
		k.contains = get_sub(b, n, "contains");
	}
	if (vocabularies & VOCABULARY_VALIDATION) {
		const struct value *unique = get(n, "uniqueItems", VALUE_BOOL);
		k.unique = unique && unique->b;
		k.least = get_count(n, "minItems", 0);
		k.most = get_count(n, "maxItems", UINT64_MAX);
		k.least_contains = get_count(n, "minContains", 1);
		k.most_contains = get_count(n, "maxContains", UINT64_MAX);
	}
	if (vocabularies & VOCABULARY_UNEVALUATED)
		k.unevaluated = get_sub(b, n, "unevaluatedItems");
	n->wants_marks |= k.unevaluated != NULL;
	if (!k.prefix && !k.rest && !k.contains && !k.unique && k.least == 0 &&
	    k.most == UINT64_MAX && !k.unevaluated)
		return;
	n->items = ARENA_NEW(b->a, struct schema_items);
	*n->items = k;
}

static struct schema_property *find_property(struct schema_members *k, struct str key)
{
	if (!k->index) {
		for (uint32_t i = 0; i < k->n_properties; i++)
			if (str_eq(k->properties[i].key, key))
				return &k->properties[i];
		return NULL;
	}
	for (uint64_t i = map_hash(key);; i++) {
		uint32_t at = k->index[i & k->index_mask];
		if (at == 0)
			return NULL;
		if (str_eq(k->properties[at - 1].key, key))
			return &k->properties[at - 1];
	}
}

static struct schema_property *add_property(struct schema_members *k, struct str key)
{
	struct schema_property *p = find_property(k, key);
	if (p)
		return p;
	p = &k->properties[k->n_properties++];
	*p = (struct schema_property){.key = key};
	if (k->index) {
		uint64_t i = map_hash(key);
		while (k->index[i & k->index_mask] != 0)
			i++;
		k->index[i & k->index_mask] = k->n_properties;
	}
	return p;
}

static void compile_properties(struct schema_build *b, struct schema_node *n,
			       struct schema_members *k, int vocabularies)
{
	const struct value *properties = NULL, *required = NULL;
	if (vocabularies & VOCABULARY_APPLICATOR)
		properties = get(n, "properties", VALUE_OBJECT);
	if (vocabularies & VOCABULARY_VALIDATION)
		required = get(n, "required", VALUE_ARRAY);
	size_t most = (properties ? properties->n : 0) + (required ? required->n : 0);
	if (most == 0)
		return;
	k->properties = ARENA_NEW_ARRAY(b->a, struct schema_property, most);
	if (most >= INDEX_FROM) {
		size_t size = 16;
		while (size < most * 2)
			size *= 2;
		k->index = ARENA_NEW_ARRAY(b->a, uint32_t, size);
		k->index_mask = (uint32_t)size - 1;
	}
	for (uint32_t i = 0; properties && i < properties->n; i++)
		add_property(k, properties->members[i].key)->node =
			sub(b, &properties->members[i].value);
	for (uint32_t i = 0; required && i < required->n; i++) {
		if (required->items[i].kind != VALUE_STRING)
			continue;
		struct schema_property *p = add_property(k, value_text(&required->items[i]));
		k->n_required += !p->required;
		p->required = true;
	}
}

static void compile_patterns(struct schema_build *b, struct schema_node *n,
			     struct schema_members *k)
{
	const struct value *v = get(n, "patternProperties", VALUE_OBJECT);
	if (!v)
		return;
	k->patterns = ARENA_NEW_ARRAY(b->a, struct schema_pattern_property, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		struct schema_pattern_property *p = &k->patterns[k->n_patterns];
		p->text = v->members[i].key;
		p->pattern = get_regex(b, n->site, "patternProperties", p->text);
		p->node = sub(b, &v->members[i].value);
		k->n_patterns += p->pattern && p->node;
	}
}

static void compile_dependents(struct schema_build *b, struct schema_node *n,
			       struct schema_members *k, const char *keyword)
{
	const struct value *v = get(n, keyword, VALUE_OBJECT);
	if (!v)
		return;
	size_t before = k->n_dependents;
	k->dependents = arena_grow(b->a, k->dependents, before * sizeof(*k->dependents),
				   (before + v->n) * sizeof(*k->dependents));
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value *to = &v->members[i].value;
		struct schema_dependent *d = &k->dependents[k->n_dependents++];
		*d = (struct schema_dependent){.key = v->members[i].key};
		if (to->kind != VALUE_ARRAY) {
			d->node = sub(b, to);
			continue;
		}
		d->required = ARENA_NEW_ARRAY(b->a, struct str, to->n);
		for (uint32_t j = 0; j < to->n; j++)
			if (to->items[j].kind == VALUE_STRING)
				d->required[d->n_required++] = value_text(&to->items[j]);
	}
}

static void compile_members(struct schema_build *b, struct schema_node *n, int vocabularies)
{
	struct schema_members k = {.most = UINT64_MAX};
	compile_properties(b, n, &k, vocabularies);
	if (vocabularies & VOCABULARY_APPLICATOR) {
		compile_patterns(b, n, &k);
		compile_dependents(b, n, &k, "dependentSchemas");
		compile_dependents(b, n, &k, "dependencies");
		k.additional = get_sub(b, n, "additionalProperties");
		k.names = get_sub(b, n, "propertyNames");
	}
	if (vocabularies & VOCABULARY_VALIDATION) {
		compile_dependents(b, n, &k, "dependentRequired");
		k.least = get_count(n, "minProperties", 0);
		k.most = get_count(n, "maxProperties", UINT64_MAX);
	}
	if (vocabularies & VOCABULARY_UNEVALUATED)
		k.unevaluated = get_sub(b, n, "unevaluatedProperties");
	n->wants_marks |= k.unevaluated != NULL;
	if (!k.properties && !k.patterns && !k.dependents && !k.additional && !k.names &&
	    !k.unevaluated && k.least == 0 && k.most == UINT64_MAX)
		return;
	n->members = ARENA_NEW(b->a, struct schema_members);
	*n->members = k;
}

static struct schema_node *reference(struct schema_build *b, struct schema_node *n,
				     const char *keyword, struct str *ret_dynamic)
{
	struct str text = value_text(get(n, keyword, VALUE_STRING));
	if (!text.p)
		return NULL;
	struct schema_target to = schema_resolve(b, n->resource, text);
	if (to.problem) {
		if (!b->too_many)
			schema_refuse(b, n->site, keyword, "\"%.*s\" %s",
				      (int)(text.n > 300 ? 300 : text.n), text.p, to.problem);
		return NULL;
	}
	*ret_dynamic = to.dynamic_name;
	return to.node ? to.node : node_for(b, to.site);
}

static void compile_logic(struct schema_build *b, struct schema_node *n, int vocabularies)
{
	struct schema_logic k = {0};
	struct str ignored;
	k.ref = reference(b, n, "$ref", &ignored);
	k.dynamic_ref = reference(b, n, "$dynamicRef", &k.dynamic_name);
	if (vocabularies & VOCABULARY_APPLICATOR) {
		k.all = get_list(b, n, "allOf", &k.n_all);
		k.any = get_list(b, n, "anyOf", &k.n_any);
		k.one = get_list(b, n, "oneOf", &k.n_one);
		k.not = get_sub(b, n, "not");
		k.when = get_sub(b, n, "if");
		if (k.when) {
			k.then = get_sub(b, n, "then");
			k.otherwise = get_sub(b, n, "else");
		}
	}
	if (!k.ref && !k.dynamic_ref && !k.all && !k.any && !k.one && !k.not &&!k.when)
		return;
	n->logic = ARENA_NEW(b->a, struct schema_logic);
	*n->logic = k;
}

static void compile_node(struct schema_build *b, struct schema_node *n)
{
	int vocabularies = n->resource->vocabularies;
	bool format =
		(b->flags & SCHEMA_ASSERT_FORMAT) || (vocabularies & VOCABULARY_FORMAT_ASSERTION);
	if (vocabularies & VOCABULARY_VALIDATION) {
		compile_any(n);
		compile_numbers(b, n);
		compile_strings(b, n, format);
	} else if (format) {
		enum format f = format_of(value_text(get(n, "format", VALUE_STRING)));
		if (f != FORMAT_NONE) {
			n->strings = ARENA_NEW(b->a, struct schema_strings);
			*n->strings = (struct schema_strings){.most = UINT64_MAX, .format = f};
		}
	}
	compile_items(b, n, vocabularies);
	compile_members(b, n, vocabularies);
	compile_logic(b, n, vocabularies);
}

/*
 * Schemas that come back to themselves without a step into the instance would never end. Colours:
 * 0 not seen, 1 on the way down, 2 done. True when a finding was made.
 */
static bool find_loop(struct schema_build *b, struct schema_node *n, int depth);

static bool find_loop_in(struct schema_build *b, struct schema_node **list, uint32_t n, int depth)
{
	for (uint32_t i = 0; i < n; i++)
		if (find_loop(b, list[i], depth))
			return true;
	return false;
}

static bool find_loop(struct schema_build *b, struct schema_node *n, int depth)
{
	/* nodes of the bundle are done, and may be in use by other threads */
	if (!n || n->kind != NODE_RULES || n->colour == 2)
		return false;
	if (n->colour == 1) {
		schema_refuse(b, n->site, NULL,
			      "refers to itself without a step into the instance, so judging would "
			      "never end");
		return true;
	}
	if (depth == LIMIT_SCHEMA_DEPTH) {
		schema_refuse(b, n->site, NULL, "is reached through more than %d references",
			      LIMIT_SCHEMA_DEPTH);
		return true;
	}
	n->colour = 1;
	bool found = false;
	const struct schema_logic *k = n->logic;
	if (k) {
		struct schema_node *single[] = {k->ref, k->not, k->when, k->then, k->otherwise};
		found = find_loop_in(b, single, ARRAY_LEN(single), depth + 1) ||
			find_loop_in(b, k->all, k->n_all, depth + 1) ||
			find_loop_in(b, k->any, k->n_any, depth + 1) ||
			find_loop_in(b, k->one, k->n_one, depth + 1);
	}
	for (uint32_t i = 0; n->members && i < n->members->n_dependents && !found; i++)
		found = find_loop(b, n->members->dependents[i].node, depth + 1);
	n->colour = 2;
	return found;
}

struct schema_node *schema_compile_site(struct schema_build *b, struct schema_site *root)
{
	b->queue_first = NULL;
	b->queue_last = &b->queue_first;
	struct schema_node *node = node_for(b, root);
	/* of the bundle, anything may be referred to */
	for (size_t i = 0; !b->bundle && i < b->s->cap_sites; i++)
		if (b->s->sites[i])
			node_for(b, b->s->sites[i]);
	for (struct schema_node *n = b->queue_first; n; n = n->next)
		compile_node(b, n);
	for (struct schema_node *n = b->queue_first; n; n = n->next)
		if (find_loop(b, n, 0))
			break;
	return node;
}
