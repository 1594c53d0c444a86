#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json/decimal.h"
#include "json/schema_impl.h"

/* Ordered, so that "all of" is the least and "any of" is the greatest. */
enum verdict { BAD, MAYBE, GOOD };

/* Resources entered on the way to where we are, for $dynamicRef. */
struct scope {
	const struct scope *up;
	const struct schema_resource *resource;
};

struct check {
	const struct value *document;
	struct diag *d; /* NULL: nobody asks why */
	schema_known_fn known;
	void *arg;
	const struct scope *scope;
	size_t steps, steps_most;
	int depth;
	bool counted;	      /* the document's size is in steps_most */
	const char *spent;    /* why judging was given up */
	struct arena scratch; /* findings of alternatives */
	struct pattern_scratch *regex;
};

/* Which items or members an object's keywords have evaluated, one bit each. */
struct marks {
	uint64_t *bits;
	uint64_t few;
	size_t words;
};

static void marks_init(struct marks *m, const struct value *v)
{
	bool container = v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT;
	m->words = container ? ((size_t)v->n + 63) / 64 : 0;
	m->few = 0;
	m->bits = m->words > 1 ? NEW0_ARRAY(uint64_t, m->words) : &m->few;
}

static void marks_fini(struct marks *m)
{
	if (m->bits != &m->few)
		free(m->bits);
}

static void mark(struct marks *m, uint32_t i)
{
	if (m)
		m->bits[i / 64] |= 1ULL << (i % 64);
}

static bool marked(const struct marks *m, uint32_t i)
{
	return m->bits[i / 64] >> (i % 64) & 1;
}

static void marks_add(struct marks *to, const struct marks *from)
{
	for (size_t i = 0; to && i < from->words; i++)
		to->bits[i] |= from->bits[i];
}

static enum verdict least(enum verdict a, enum verdict b)
{
	return a < b ? a : b;
}

/* Whether to go on after a BAD: only for somebody who wants all findings and has room. */
static bool enough(const struct check *c, enum verdict v)
{
	return v == BAD && (!c->d || c->d->n == LIMIT_DIAG_FINDINGS || c->spent);
}

static size_t count_values(const struct value *v)
{
	size_t n = 1;
	for (uint32_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
		n += count_values(&v->items[i]);
	for (uint32_t i = 0; v->kind == VALUE_OBJECT && i < v->n; i++)
		n += count_values(&v->members[i].value);
	return n;
}

/* The budget is counted out only when a flat allowance was not enough. */
static bool pay(struct check *c, size_t steps)
{
	c->steps += steps;
	if (c->steps <= c->steps_most)
		return true;
	if (!c->counted) {
		c->counted = true;
		c->steps_most += LIMIT_SCHEMA_STEPS_PER_VALUE * count_values(c->document);
		if (c->steps <= c->steps_most)
			return true;
	}
	if (!c->spent)
		c->spent = "could not be judged in the steps allowed; the schema is too costly";
	return false;
}

/* Always BAD. */
__attribute__((noinline, format(printf, 3, 4))) static enum verdict
say(struct check *c, const struct schema_place *place, const char *fmt, ...)
{
	if (!c->d || c->spent)
		return BAD;
	CLEANUP_BUF struct buf path = {0};
	buf_reserve(&path, 1);
	schema_say_path(&path, place);
	char text[900];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(c->d, path.p, "%s", text);
	return BAD;
}

__attribute__((noinline)) static enum verdict say_type(struct check *c, const struct schema_node *n,
						       const struct value *v,
						       const struct schema_place *place)
{
	CLEANUP_BUF struct buf want = {0};
	CLEANUP_BUF struct buf got = {0};
	schema_say_types(&want, n->types);
	int type = schema_type_of(v);
	schema_say_types(&got, type & TYPE_INTEGER ? TYPE_INTEGER : type);
	return say(c, place, "must be %s, is %s", want.p, got.p);
}

/* fmt holds one %s, for the value. */
__attribute__((noinline)) static enum verdict say_bound(struct check *c,
							const struct schema_place *place,
							const char *must, const struct value *bound,
							const struct value *v)
{
	CLEANUP_BUF struct buf want = {0};
	CLEANUP_BUF struct buf got = {0};
	schema_say_value(&want, bound);
	schema_say_value(&got, v);
	return say(c, place, "must be %s %s, is %s", must, want.p, got.p);
}

__attribute__((noinline)) static enum verdict
say_count(struct check *c, const struct schema_place *place, const char *must, uint64_t want,
	  const char *one, const char *many, uint64_t got)
{
	return say(c, place, "must have at %s %llu %s, has %llu", must, (unsigned long long)want,
		   want == 1 ? one : many, (unsigned long long)got);
}

static enum verdict judge(struct check *c, const struct schema_node *n, const struct value *v,
			  const struct schema_place *place, struct marks *m);

static bool holds_unknown(const struct check *c, const struct value *v)
{
	if (!c->known)
		return false;
	if (c->known(c->arg, v) != SCHEMA_KNOWN)
		return true;
	for (uint32_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
		if (holds_unknown(c, &v->items[i]))
			return true;
	for (uint32_t i = 0; v->kind == VALUE_OBJECT && i < v->n; i++)
		if (holds_unknown(c, &v->members[i].value))
			return true;
	return false;
}

static bool is_choice(const struct value *choices, const struct value *v)
{
	for (uint32_t i = 0; i < choices->n; i++)
		if (value_equal(&choices->items[i], v))
			return true;
	return false;
}

/* A choice of the same kind as a value that is not all known. */
static bool may_be_choice(const struct value *choices, const struct value *v)
{
	for (uint32_t i = 0; i < choices->n; i++)
		if (choices->items[i].kind == v->kind)
			return true;
	return false;
}

static enum verdict judge_choices(struct check *c, const struct value *choices,
				  const struct value *v, const struct schema_place *place)
{
	if (!pay(c, choices->n / 8))
		return BAD;
	if (is_choice(choices, v))
		return GOOD;
	if (holds_unknown(c, v) && may_be_choice(choices, v))
		return MAYBE;
	if (!c->d)
		return BAD;
	CLEANUP_BUF struct buf want = {0};
	CLEANUP_BUF struct buf got = {0};
	schema_say_value(&got, v);
	if (choices->n == 1) {
		schema_say_value(&want, choices->items);
		return say(c, place, "must be %s, is %s", want.p, got.p);
	}
	buf_reserve(&want, 1);
	schema_say_choices(&want, choices);
	return say(c, place, "is not one of: %s; is %s", want.p, got.p);
}

static bool is_multiple(const struct value *v, const struct value *of)
{
	if (v->kind == VALUE_INT && of->kind == VALUE_INT)
		return v->i % of->i == 0;
	struct decimal a, divisor;
	decimal_from(&a, v);
	decimal_from(&divisor, of);
	return decimal_is_multiple(&a, &divisor);
}

static enum verdict judge_number(struct check *c, const struct schema_numbers *k,
				 const struct value *v, const struct schema_place *place)
{
	enum verdict r = GOOD;
	if (v->kind == VALUE_DOUBLE && !pay(c, v->n / 64))
		return BAD;
	if (k->least && value_number_cmp(v, k->least) < 0)
		r = say_bound(c, place, "at least", k->least, v);
	if (k->most && value_number_cmp(v, k->most) > 0)
		r = say_bound(c, place, "at most", k->most, v);
	if (k->above && value_number_cmp(v, k->above) <= 0)
		r = say_bound(c, place, "more than", k->above, v);
	if (k->below && value_number_cmp(v, k->below) >= 0)
		r = say_bound(c, place, "less than", k->below, v);
	if (k->multiple && !is_multiple(v, k->multiple))
		r = say_bound(c, place, "a multiple of", k->multiple, v);
	return r;
}

static enum pattern_result match(struct check *c, const struct pattern *re, struct str text)
{
	size_t steps = 0;
	enum pattern_result r = c->spent ? PATTERN_NO : pattern_match(re, text, &c->regex, &steps);
	if (r == PATTERN_TOO_COSTLY && !c->spent)
		c->spent =
			"holds text on which a pattern takes more steps than allowed, or that is "
			"too long for a pattern; make the pattern simpler";
	pay(c, steps);
	return r;
}

static enum verdict judge_string(struct check *c, const struct schema_strings *k,
				 const struct value *v, const struct schema_place *place)
{
	struct str text = value_text(v);
	enum verdict r = GOOD;
	if (k->least > 0 || v->n > k->most) {
		/* a code point has one to four bytes */
		uint64_t n = v->n < k->least ? 0 : utf8_length(text);
		if (n < k->least)
			r = say_count(c, place, "least", k->least, "character", "characters",
				      utf8_length(text));
		if (n > k->most)
			r = say_count(c, place, "most", k->most, "character", "characters", n);
		if (!pay(c, v->n / 256))
			return BAD;
	}
	if (enough(c, r))
		return r;
	if (k->pattern && match(c, k->pattern, text) != PATTERN_YES)
		r = say(c, place, "must match the pattern %.*s",
			(int)(k->pattern_text.n > 300 ? 300 : k->pattern_text.n),
			k->pattern_text.p);
	if (k->format != FORMAT_NONE && !format_valid(k->format, text))
		r = say(c, place, "is not a valid %s", format_name(k->format));
	return r;
}

/* Index of an item that equals an earlier one, or n. */
static uint32_t repeated_item(const struct check *c, const struct value *v, uint32_t *ret_first)
{
	size_t size = 16;
	while (size < (size_t)v->n * 2)
		size *= 2;
	CLEANUP_FREE uint32_t *table = NEW0_ARRAY(uint32_t, size);
	CLEANUP_FREE uint64_t *hashes = NEW0_ARRAY(uint64_t, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		if (holds_unknown(c, &v->items[i]))
			continue;
		hashes[i] = value_hash(&v->items[i]);
		size_t at = hashes[i] & (size - 1);
		for (; table[at] != 0; at = (at + 1) & (size - 1)) {
			uint32_t other = table[at] - 1;
			if (hashes[other] == hashes[i] &&
			    value_equal(&v->items[other], &v->items[i])) {
				*ret_first = other;
				return i;
			}
		}
		table[at] = i + 1;
	}
	return v->n;
}

/* Few items are compared pairwise, without a table. */
static uint32_t repeated_of_few(const struct check *c, const struct value *v, uint32_t *ret_first)
{
	for (uint32_t i = 1; i < v->n; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (!value_equal(&v->items[i], &v->items[j]))
				continue;
			if (holds_unknown(c, &v->items[i]) || holds_unknown(c, &v->items[j]))
				continue;
			*ret_first = j;
			return i;
		}
	}
	return v->n;
}

static enum verdict judge_unique(struct check *c, const struct value *v,
				 const struct schema_place *place)
{
	uint32_t first = 0, again;
	if (v->n < 2)
		return GOOD;
	if (!pay(c, count_values(v)))
		return BAD;
	bool few = v->n <= 8 && v->items[0].kind != VALUE_OBJECT && v->items[0].kind != VALUE_ARRAY;
	again = few ? repeated_of_few(c, v, &first) : repeated_item(c, v, &first);
	if (again == v->n)
		return holds_unknown(c, v) ? MAYBE : GOOD;
	return say(c, place, "must have no item twice, but items %u and %u are equal", first,
		   again);
}

static enum verdict judge_contains(struct check *c, const struct schema_items *k,
				   const struct value *v, const struct schema_place *place,
				   struct marks *m)
{
	struct diag *d = c->d;
	uint64_t good = 0, maybe = 0;
	c->d = NULL;
	for (uint32_t i = 0; i < v->n && !c->spent; i++) {
		struct schema_place here = {.up = place, .index = i};
		enum verdict r = judge(c, k->contains, &v->items[i], &here, NULL);
		good += r == GOOD;
		maybe += r == MAYBE;
		if (r != BAD)
			mark(m, i);
		if (!m && good >= k->least_contains && k->most_contains == UINT64_MAX)
			break;
	}
	c->d = d;
	if (good + maybe < k->least_contains)
		return k->least_contains == 1
			       ? say(c, place,
				     "must have an item that matches \"contains\"; none does")
			       : say_count(c, place, "least", k->least_contains,
					   "item that matches \"contains\"",
					   "items that match \"contains\"", good);
	if (good > k->most_contains)
		return say_count(c, place, "most", k->most_contains,
				 "item that matches \"contains\"", "items that match \"contains\"",
				 good);
	return good >= k->least_contains && good + maybe <= k->most_contains ? GOOD : MAYBE;
}

static enum verdict judge_each_item(struct check *c, const struct schema_items *k,
				    const struct value *v, const struct schema_place *place,
				    struct marks *m)
{
	enum verdict r = GOOD;
	uint32_t end = k->rest || k->n_prefix > v->n ? v->n : k->n_prefix;
	for (uint32_t i = 0; i < end; i++) {
		struct schema_place here = {.up = place, .index = i};
		bool listed = i < k->n_prefix;
		if (!listed && k->rest->kind == NODE_NOTHING && k->n_prefix > 0)
			return say_count(c, place, "most", k->n_prefix, "item", "items", v->n);
		r = least(r, judge(c, listed ? k->prefix[i] : k->rest, &v->items[i], &here, NULL));
		if (enough(c, r))
			return r;
		mark(m, i);
	}
	return r;
}

static enum verdict judge_items(struct check *c, const struct schema_items *k,
				const struct value *v, const struct schema_place *place,
				struct marks *m)
{
	enum verdict r = GOOD;
	if (v->n < k->least)
		r = say_count(c, place, "least", k->least, "item", "items", v->n);
	if (v->n > k->most)
		r = say_count(c, place, "most", k->most, "item", "items", v->n);
	if (enough(c, r))
		return r;
	r = least(r, judge_each_item(c, k, v, place, m));
	if (enough(c, r))
		return r;
	if (k->contains)
		r = least(r, judge_contains(c, k, v, place, m));
	if (k->unique && !enough(c, r))
		r = least(r, judge_unique(c, v, place));
	return r;
}

static enum verdict judge_rest_items(struct check *c, const struct schema_node *n,
				     const struct value *v, const struct schema_place *place,
				     struct marks *m)
{
	enum verdict r = GOOD;
	for (uint32_t i = 0; i < v->n && !enough(c, r); i++) {
		if (marked(m, i))
			continue;
		struct schema_place here = {.up = place, .index = i};
		mark(m, i);
		if (n->kind == NODE_NOTHING)
			r = say(c, &here,
				"is not allowed: no part of the schema describes this item");
		else
			r = least(r, judge(c, n, &v->items[i], &here, NULL));
	}
	return r;
}

static const struct schema_property *find_property(const struct schema_members *k, struct str key)
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

__attribute__((noinline)) static enum verdict
say_additional(struct check *c, const struct schema_members *k, const struct schema_place *here)
{
	if (!c->d)
		return BAD;
	CLEANUP_BUF struct buf known = {0};
	for (uint32_t i = 0; i < k->n_properties && known.n < 300; i++) {
		if (k->properties[i].node && k->properties[i].node->kind != NODE_NOTHING) {
			buf_puts(&known, known.n > 0 ? ", " : "");
			buf_put_str(&known, k->properties[i].key);
		}
	}
	if (known.n == 0)
		return say(c, here, "is not allowed here");
	return say(c, here, "is not allowed here; known members are: %s", known.p);
}

static enum verdict judge_name(struct check *c, const struct schema_members *k, struct str key,
			       const struct schema_place *here)
{
	struct value name = value_str(key);
	struct diag *d = c->d;
	schema_known_fn known = c->known;
	c->known = NULL; /* names are never templates */
	c->d = NULL;
	enum verdict r = judge(c, k->names, &name, here, NULL);
	c->d = d;
	if (r == BAD && c->d) {
		struct diag why;
		diag_init(&why, &c->scratch);
		c->d = &why;
		judge(c, k->names, &name, here, NULL);
		c->d = d;
		say(c, here, "the name of this member is not allowed: it %s",
		    why.n > 0 ? why.findings[0].message : "breaks \"propertyNames\"");
	}
	c->known = known;
	return r;
}

static enum verdict judge_member(struct check *c, const struct schema_members *k,
				 const struct value_member *m, const struct schema_place *here,
				 bool *ret_mark, uint32_t *required)
{
	enum verdict r = GOOD;
	bool named = false;
	const struct schema_property *p = k->n_properties ? find_property(k, m->key) : NULL;
	if (p) {
		*required += p->required;
		named = p->node != NULL;
		if (named)
			r = judge(c, p->node, &m->value, here, NULL);
	}
	for (uint32_t i = 0; i < k->n_patterns && !enough(c, r); i++) {
		if (match(c, k->patterns[i].pattern, m->key) != PATTERN_YES)
			continue;
		named = true;
		r = least(r, judge(c, k->patterns[i].node, &m->value, here, NULL));
	}
	*ret_mark = named || k->additional;
	if (!named && k->additional) {
		if (k->additional->kind == NODE_NOTHING)
			r = say_additional(c, k, here);
		else
			r = least(r, judge(c, k->additional, &m->value, here, NULL));
	}
	if (k->names && !enough(c, r))
		r = least(r, judge_name(c, k, m->key, here));
	return r;
}

static enum verdict judge_dependent(struct check *c, const struct schema_dependent *k,
				    const struct value *v, const struct schema_place *place,
				    struct marks *m)
{
	if (!value_get(v, k->key))
		return GOOD;
	enum verdict r = GOOD;
	for (uint32_t i = 0; i < k->n_required && !enough(c, r); i++)
		if (!value_get(v, k->required[i]))
			r = say(c, place, "is missing the member \"%.*s\", which \"%.*s\" needs",
				STR_ARG(k->required[i]), STR_ARG(k->key));
	if (k->node && !enough(c, r))
		r = least(r, judge(c, k->node, v, place, m));
	return r;
}

static enum verdict say_missing(struct check *c, const struct schema_members *k,
				const struct value *v, const struct schema_place *place)
{
	for (uint32_t i = 0; i < k->n_properties && c->d; i++)
		if (k->properties[i].required && !value_get(v, k->properties[i].key))
			say(c, place, "is missing the required member \"%.*s\"",
			    STR_ARG(k->properties[i].key));
	return BAD;
}

static enum verdict judge_members(struct check *c, const struct schema_members *k,
				  const struct value *v, const struct schema_place *place,
				  struct marks *m)
{
	enum verdict r = GOOD;
	uint32_t required = 0;
	if (v->n < k->least)
		r = say_count(c, place, "least", k->least, "member", "members", v->n);
	if (v->n > k->most)
		r = say_count(c, place, "most", k->most, "member", "members", v->n);
	bool each = k->n_properties || k->n_patterns || k->additional || k->names;
	for (uint32_t i = 0; each && i < v->n && !enough(c, r); i++) {
		struct schema_place here = {.up = place, .key = v->members[i].key};
		bool evaluated;
		r = least(r, judge_member(c, k, &v->members[i], &here, &evaluated, &required));
		if (evaluated)
			mark(m, i);
	}
	if (!enough(c, r) && required < k->n_required)
		r = say_missing(c, k, v, place);
	for (uint32_t i = 0; i < k->n_dependents && !enough(c, r); i++)
		r = least(r, judge_dependent(c, &k->dependents[i], v, place, m));
	return r;
}

static enum verdict judge_rest_members(struct check *c, const struct schema_node *n,
				       const struct value *v, const struct schema_place *place,
				       struct marks *m)
{
	enum verdict r = GOOD;
	for (uint32_t i = 0; i < v->n && !enough(c, r); i++) {
		if (marked(m, i))
			continue;
		struct schema_place here = {.up = place, .key = v->members[i].key};
		mark(m, i);
		if (n->kind == NODE_NOTHING)
			r = say(c, &here,
				"is not allowed: no part of the schema describes this member");
		else
			r = least(r, judge(c, n, &v->members[i].value, &here, NULL));
	}
	return r;
}

/*
 * Whether an alternative looks like the one that was meant: its type fits, and members that it
 * fixes with const or enum (a discriminator) have that value.
 */
static bool looks_meant(const struct schema_node *n, const struct value *v)
{
	for (int i = 0; i < 8 && n->logic && n->logic->ref; i++)
		n = n->logic->ref;
	if (n->kind != NODE_RULES || (n->types && !(n->types & schema_type_of(v))))
		return false;
	if (n->choices || n->constant)
		return false;
	for (uint32_t i = 0; n->members && i < n->members->n_properties; i++) {
		const struct schema_property *p = &n->members->properties[i];
		const struct value *member = p->node ? value_get(v, p->key) : NULL;
		if (!member)
			continue;
		if (p->node->constant && !value_equal(p->node->constant, member))
			return false;
		if (p->node->choices && !is_choice(p->node->choices, member))
			return false;
	}
	return true;
}

/* Alternatives that were tried, and what each found. */
struct trial {
	struct schema_node **nodes;
	struct diag *why; /* NULL: nobody asks */
	uint32_t n, good, maybe;
};

enum { ALTERNATIVES_SHOWN = 5 };

__attribute__((noinline)) static enum verdict say_alternatives(struct check *c,
							       const struct trial *trial,
							       const struct value *v,
							       const struct schema_place *place)
{
	if (!c->d || !trial->why)
		return say(c, place, "matches none of the %u alternatives", trial->n);
	const struct diag *meant = NULL;
	uint32_t n_meant = 0;
	for (uint32_t i = 0; i < trial->n; i++) {
		if (trial->why[i].n > 0 && looks_meant(trial->nodes[i], v)) {
			meant = &trial->why[i];
			n_meant++;
		}
	}
	if (trial->n == 1 && trial->why[0].n > 0) {
		meant = trial->why;
		n_meant = 1;
	}
	for (size_t i = 0; n_meant == 1 && i < meant->n; i++)
		diag_add(c->d, meant->findings[i].path, "%s", meant->findings[i].message);
	if (n_meant == 1)
		return BAD;
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_BUF struct buf text = {0};
	buf_reserve(&path, 1);
	schema_say_path(&path, place);
	for (uint32_t i = 0; i < trial->n && i < ALTERNATIVES_SHOWN; i++) {
		const struct diag *why = &trial->why[i];
		if (why->n == 0)
			continue;
		const struct diag_finding *f = &why->findings[0];
		bool deeper = strcmp(f->path, path.p) != 0;
		buf_printf(&text, "%s(%u) %s%s%.200s", text.n ? "; " : "", i + 1,
			   deeper ? f->path : "", deeper ? " " : "", f->message);
	}
	if (trial->n > ALTERNATIVES_SHOWN)
		buf_printf(&text, "; and %u more", trial->n - ALTERNATIVES_SHOWN);
	return say(c, place, "matches none of the %u alternatives: %s", trial->n,
		   text.p ? text.p : "");
}

/* One alternative, on its own marks, which count unless it fails. */
static enum verdict judge_apart(struct check *c, const struct schema_node *n, const struct value *v,
				const struct schema_place *place, struct marks *m)
{
	if (!m)
		return judge(c, n, v, place, NULL);
	struct marks own;
	marks_init(&own, v);
	pay(c, own.words);
	enum verdict r = judge(c, n, v, place, &own);
	if (r != BAD)
		marks_add(m, &own);
	marks_fini(&own);
	return r;
}

/* Tries alternatives until `stop` are good. */
static void try_each(struct check *c, struct trial *trial, const struct value *v,
		     const struct schema_place *place, struct marks *m, uint32_t stop)
{
	struct diag *d = c->d;
	if (d && c->scratch.used_bytes < LIMIT_SCHEMA_SCRATCH_BYTES)
		trial->why = ARENA_NEW_ARRAY(&c->scratch, struct diag, trial->n);
	for (uint32_t i = 0; i < trial->n && trial->good < stop && !c->spent; i++) {
		c->d = trial->why ? &trial->why[i] : NULL;
		if (c->d)
			diag_init(c->d, &c->scratch);
		enum verdict r = judge_apart(c, trial->nodes[i], v, place, m);
		trial->good += r == GOOD;
		trial->maybe += r == MAYBE;
	}
	c->d = d;
}

static enum verdict judge_any(struct check *c, const struct schema_logic *k, const struct value *v,
			      const struct schema_place *place, struct marks *m)
{
	struct trial trial = {.nodes = k->any, .n = k->n_any};
	try_each(c, &trial, v, place, m, m ? UINT32_MAX : 1);
	if (trial.good > 0)
		return GOOD;
	return trial.maybe > 0 ? MAYBE : say_alternatives(c, &trial, v, place);
}

static enum verdict judge_one(struct check *c, const struct schema_logic *k, const struct value *v,
			      const struct schema_place *place, struct marks *m)
{
	struct trial trial = {.nodes = k->one, .n = k->n_one};
	try_each(c, &trial, v, place, m, 2);
	if (trial.good > 1)
		return say(c, place,
			   "matches more than one of the %u alternatives of \"oneOf\", and "
			   "must match one only",
			   trial.n);
	if (trial.good + trial.maybe == 0)
		return say_alternatives(c, &trial, v, place);
	return trial.maybe > 0 ? MAYBE : GOOD;
}

static enum verdict judge_not(struct check *c, const struct schema_logic *k, const struct value *v,
			      const struct schema_place *place)
{
	struct diag *d = c->d;
	c->d = NULL;
	enum verdict r = judge(c, k->not, v, place, NULL);
	c->d = d;
	if (r != GOOD)
		return r == MAYBE ? MAYBE : GOOD;
	return say(c, place, "is what \"not\" forbids");
}

static enum verdict judge_if(struct check *c, const struct schema_logic *k, const struct value *v,
			     const struct schema_place *place, struct marks *m)
{
	struct diag *d = c->d;
	c->d = NULL;
	enum verdict r = judge_apart(c, k->when, v, place, m);
	if (r == MAYBE && m) { /* either branch may come to evaluate */
		if (k->then)
			judge_apart(c, k->then, v, place, m);
		if (k->otherwise)
			judge_apart(c, k->otherwise, v, place, m);
	}
	c->d = d;
	if (r == MAYBE)
		return MAYBE;
	const struct schema_node *next = r == GOOD ? k->then : k->otherwise;
	return next ? judge(c, next, v, place, m) : GOOD;
}

/* The outermost resource in scope that has the dynamic anchor, else what is there statically. */
static const struct schema_node *dynamic_target(const struct check *c, const struct schema_logic *k)
{
	const struct schema_node *target = k->dynamic_ref;
	if (!k->dynamic_name.p)
		return target;
	for (const struct scope *s = c->scope; s; s = s->up)
		for (const struct schema_dynamic *d = s->resource->dynamics; d; d = d->next)
			if (d->node && str_eq(d->name, k->dynamic_name))
				target = d->node;
	return target;
}

static enum verdict judge_logic(struct check *c, const struct schema_logic *k,
				const struct value *v, const struct schema_place *place,
				struct marks *m)
{
	enum verdict r = GOOD;
	if (k->ref)
		r = judge(c, k->ref, v, place, m);
	if (k->dynamic_ref && !enough(c, r))
		r = least(r, judge(c, dynamic_target(c, k), v, place, m));
	for (uint32_t i = 0; i < k->n_all && !enough(c, r); i++)
		r = least(r, judge(c, k->all[i], v, place, m));
	if (k->n_any && !enough(c, r))
		r = least(r, judge_any(c, k, v, place, m));
	if (k->n_one && !enough(c, r))
		r = least(r, judge_one(c, k, v, place, m));
	if (k->not &&!enough(c, r))
		r = least(r, judge_not(c, k, v, place));
	if (k->when && !enough(c, r))
		r = least(r, judge_if(c, k, v, place, m));
	return r;
}

/* Text to come: its type is certain, its content is not. */
static enum verdict judge_text_to_come(struct check *c, const struct schema_node *n,
				       const struct value *v, const struct schema_place *place)
{
	struct value text = value_strz("");
	if (n->choices && !may_be_choice(n->choices, &text))
		return say(c, place, "is text, which is not among what is allowed here");
	if (n->constant && n->constant->kind != VALUE_STRING)
		return say(c, place, "is text, which is not what is allowed here");
	enum verdict r = n->logic ? judge_logic(c, n->logic, v, place, NULL) : GOOD;
	return least(r, n->strings || n->choices || n->constant ? MAYBE : GOOD);
}

/* What depends on the kind of the value. */
static enum verdict judge_kind(struct check *c, const struct schema_node *n, const struct value *v,
			       const struct schema_place *place, struct marks *m)
{
	switch (v->kind) {
	case VALUE_INT:
	case VALUE_UINT:
	case VALUE_DOUBLE:
		return n->numbers ? judge_number(c, n->numbers, v, place) : GOOD;
	case VALUE_STRING:
		return n->strings ? judge_string(c, n->strings, v, place) : GOOD;
	case VALUE_ARRAY:
		return n->items ? judge_items(c, n->items, v, place, m) : GOOD;
	case VALUE_OBJECT:
		return n->members ? judge_members(c, n->members, v, place, m) : GOOD;
	case VALUE_NULL:
	case VALUE_BOOL:
		break;
	}
	return GOOD;
}

static enum verdict judge_rest(struct check *c, const struct schema_node *n, const struct value *v,
			       const struct schema_place *place, struct marks *m)
{
	if (v->kind == VALUE_ARRAY && n->items && n->items->unevaluated)
		return judge_rest_items(c, n->items->unevaluated, v, place, m);
	if (v->kind == VALUE_OBJECT && n->members && n->members->unevaluated)
		return judge_rest_members(c, n->members->unevaluated, v, place, m);
	return GOOD;
}

static enum verdict judge_rules(struct check *c, const struct schema_node *n, const struct value *v,
				const struct schema_place *place, struct marks *m)
{
	if (n->types && !(n->types & schema_type_of(v)))
		return say_type(c, n, v, place);
	if (c->known && c->known(c->arg, v) == SCHEMA_UNKNOWN_TEXT)
		return judge_text_to_come(c, n, v, place);
	enum verdict r = GOOD;
	if (n->choices)
		r = judge_choices(c, n->choices, v, place);
	if (n->constant && !enough(c, r)) {
		struct value one = {
			.kind = VALUE_ARRAY, .n = 1, .items = (struct value *)n->constant};
		r = least(r, judge_choices(c, &one, v, place));
	}
	if (n->logic && !enough(c, r))
		r = least(r, judge_logic(c, n->logic, v, place, m));
	if (enough(c, r))
		return r;
	r = least(r, judge_kind(c, n, v, place, m));
	/* after a failure the marks are not whole, and findings from them would mislead */
	return n->wants_marks && r != BAD ? least(r, judge_rest(c, n, v, place, m)) : r;
}

static enum verdict judge(struct check *c, const struct schema_node *n, const struct value *v,
			  const struct schema_place *place, struct marks *m)
{
	if (n->kind == NODE_ANYTHING)
		return GOOD;
	if (n->kind == NODE_NOTHING)
		return say(c, place, "is not allowed");
	if (!pay(c, 1))
		return BAD;
	if (c->depth == LIMIT_SCHEMA_DEPTH) {
		c->spent =
			"could not be judged: the schema leads too deep, or to itself without end";
		return BAD;
	}
	if (c->known && c->known(c->arg, v) == SCHEMA_UNKNOWN)
		return MAYBE;
	struct scope scope = {.up = c->scope, .resource = n->resource};
	if (!scope.up || scope.up->resource != n->resource)
		c->scope = &scope;
	c->depth++;
	enum verdict r;
	bool container = v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT;
	if (n->wants_marks && container) {
		struct marks own;
		marks_init(&own, v);
		pay(c, own.words);
		r = judge_rules(c, n, v, place, &own);
		if (r != BAD)
			marks_add(m, &own);
		marks_fini(&own);
	} else {
		r = judge_rules(c, n, v, place, container ? m : NULL);
	}
	c->depth--;
	c->scope = scope.up;
	return c->spent ? BAD : r;
}

static enum verdict run(const struct schema *s, const struct value *v, schema_known_fn known,
			void *arg, struct diag *d)
{
	struct check c = {.document = v,
			  .d = d,
			  .known = known,
			  .arg = arg,
			  .steps_most = LIMIT_SCHEMA_STEPS};
	enum verdict r = judge(&c, s->root, v, NULL, NULL);
	if (c.spent && d)
		diag_add(d, "", "%s", c.spent);
	arena_free(&c.scratch);
	pattern_scratch_free(c.regex);
	return c.spent ? BAD : r;
}

bool schema_valid(const struct schema *s, const struct value *instance)
{
	return run(s, instance, NULL, NULL, NULL) != BAD;
}

bool schema_check_partial(const struct schema *s, const struct value *instance,
			  schema_known_fn known, void *arg, struct diag *d)
{
	if (run(s, instance, known, arg, NULL) != BAD)
		return true;
	size_t before = d->n;
	run(s, instance, known, arg, d);
	if (d->n == before)
		diag_add(d, "", "is not valid");
	return false;
}

bool schema_check(const struct schema *s, const struct value *instance, struct diag *d)
{
	return schema_check_partial(s, instance, NULL, NULL, d);
}
