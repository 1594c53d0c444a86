#include "text/template.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/utf8.h"

enum template_kind {
	TEMPLATE_CONSTANT, /* source as it is */
	TEMPLATE_VALUE,	   /* parts[0].program alone */
	TEMPLATE_TEXT,	   /* parts joined */
	TEMPLATE_ARRAY,	   /* children, like source */
	TEMPLATE_OBJECT,
};

struct part {
	struct str text; /* when program is NULL */
	const struct cel_program *program;
};

struct template
{
	enum template_kind kind;
	uint32_t n;
	const struct value *source;
	const char *place; /* of VALUE and TEXT */
	size_t size_bytes; /* of a CONSTANT as JSON, about */
	union {
		struct part *parts;
		struct template *children;
	};
};

struct compiler {
	struct arena *arena;
	struct diag *diag;
	struct buf place;
};

/* Adds what v takes as JSON to *size; false when it is too deep or more than `most`. */
static bool measure(const struct value *v, size_t most, int depth, size_t *size)
{
	*size += v->kind == VALUE_STRING ? (size_t)v->n + 2 : 8;
	if (depth > LIMIT_JSON_DEPTH)
		return false;
	if (v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT)
		return *size <= most;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value *item =
			v->kind == VALUE_ARRAY ? &v->items[i] : &v->members[i].value;
		*size += v->kind == VALUE_ARRAY ? 1 : v->members[i].key.n + 3;
		if (*size > most || !measure(item, most, depth + 1, size))
			return false;
	}
	return *size <= most;
}

/* size_bytes is of the value without its children. */
static void constant(struct template *t, const struct value *source)
{
	*t = (struct template){.kind = TEMPLATE_CONSTANT,
			       .source = source,
			       .size_bytes = source->kind == VALUE_STRING ? source->n + 2u : 8};
}

static void push_part(struct compiler *c, struct template *t, uint32_t *cap, struct part part)
{
	if (part.program == NULL && part.text.n == 0)
		return;
	if (t->n == *cap) {
		uint32_t more = *cap ? *cap * 2 : 4;
		t->parts = arena_grow(c->arena, t->parts, *cap * sizeof(part), more * sizeof(part));
		*cap = more;
	}
	t->parts[t->n++] = part;
}

static bool complain(struct compiler *c, size_t position, const char *message)
{
	diag_add(c->diag, buf_str(&c->place).p, "expression at byte %zu: %s", position, message);
	return false;
}

/* The expression behind the {{ at `at`; *ret_end is behind its }}. */
static bool compile_expression(struct compiler *c, struct str s, size_t at, size_t *ret_end,
			       struct part *ret)
{
	struct cel_error err;
	size_t end;
	*ret = (struct part){0};
	if (cel_compile_part(c->arena, s, at + 2, &end, &ret->program, &err) != 0)
		return complain(c, err.position, err.message);
	if (end + 1 >= s.n || memcmp(s.p + end, "}}", 2) != 0)
		return complain(c, end,
				end >= s.n ? "the expression has no closing }}"
					   : "expected an operator or the closing }}");
	*ret_end = end + 2;
	return true;
}

static bool compile_parts(struct compiler *c, struct str s, struct template *t)
{
	uint32_t cap = 0;
	size_t at = 0;
	for (const char *open; (open = memmem(s.p + at, s.n - at, "{{", 2));) {
		size_t start = (size_t)(open - s.p);
		bool literal = s.n - start >= 4 && memcmp(open, "{{{{", 4) == 0;
		struct part part;
		push_part(c, t, &cap,
			  (struct part){.text = str_n(s.p + at, start - at + (literal ? 2 : 0))});
		at = start + 4;
		if (literal)
			continue;
		if (!compile_expression(c, s, start, &at, &part))
			return false;
		push_part(c, t, &cap, part);
	}
	push_part(c, t, &cap, (struct part){.text = str_n(s.p + at, s.n - at)});
	return true;
}

static bool has_program(const struct template *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->parts[i].program)
			return true;
	return false;
}

static struct str join_parts(struct arena *a, const struct part *parts, uint32_t n)
{
	size_t size = 0;
	for (uint32_t i = 0; i < n; i++)
		size += parts[i].text.n;
	char *p = arena_alloc(a, size + 1), *to = p;
	for (uint32_t i = 0; i < n; i++)
		if (parts[i].text.n > 0)
			to = mempcpy(to, parts[i].text.p, parts[i].text.n);
	*to = '\0';
	return str_n(p, size);
}

static void compile_string(struct compiler *c, const struct value *v, struct template *ret)
{
	struct str s = value_text(v);
	if (s.n < 2 || !memmem(s.p, s.n, "{{", 2)) {
		constant(ret, v);
		return;
	}
	*ret = (struct template){.kind = TEMPLATE_TEXT, .source = v};
	if (!compile_parts(c, s, ret))
		return;
	if (!has_program(ret)) {
		struct value *text = ARENA_NEW(c->arena, struct value);
		*text = value_str(join_parts(c->arena, ret->parts, ret->n));
		constant(ret, text);
		return;
	}
	ret->kind = ret->n == 1 ? TEMPLATE_VALUE : TEMPLATE_TEXT;
	ret->place = arena_dup(c->arena, c->place.p ? c->place.p : "", c->place.n);
}

static void compile_value(struct compiler *c, const struct value *v, int depth,
			  struct template *ret);

static void compile_children(struct compiler *c, const struct value *v, int depth,
			     struct template *ret)
{
	bool array = v->kind == VALUE_ARRAY, all_constant = true;
	size_t size = 8;
	*ret = (struct template){
		.kind = array ? TEMPLATE_ARRAY : TEMPLATE_OBJECT, .source = v, .n = v->n};
	ret->children = ARENA_NEW_ARRAY(c->arena, struct template, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		size_t before = c->place.n;
		if (array) {
			buf_printf(&c->place, "[%u]", i);
		} else {
			buf_puts(&c->place, before > 0 ? "." : "");
			buf_put_str(&c->place, v->members[i].key);
		}
		compile_value(c, array ? &v->items[i] : &v->members[i].value, depth + 1,
			      &ret->children[i]);
		all_constant =
			all_constant && ret->children[i].kind == TEMPLATE_CONSTANT &&
			ret->children[i].source == (array ? &v->items[i] : &v->members[i].value);
		size += ret->children[i].size_bytes + (array ? 1 : v->members[i].key.n + 3);
		c->place.n = before;
		c->place.p[before] = '\0';
	}
	if (!all_constant)
		return;
	constant(ret, v);
	ret->size_bytes = size;
}

static void compile_value(struct compiler *c, const struct value *v, int depth,
			  struct template *ret)
{
	if (depth > LIMIT_JSON_DEPTH) {
		diag_add(c->diag, buf_str(&c->place).p, "nested deeper than %d levels",
			 LIMIT_JSON_DEPTH);
		*ret = (struct template){.kind = TEMPLATE_CONSTANT, .source = v};
	} else if (v->kind == VALUE_STRING) {
		compile_string(c, v, ret);
	} else if (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) {
		compile_children(c, v, depth, ret);
	} else {
		constant(ret, v);
	}
}

const struct template *template_compile(struct arena *a, const struct value *tree,
					const char *place, struct diag *d)
{
	CLEANUP_BUF struct buf text = {0};
	size_t before = d->n + d->n_dropped;
	struct compiler c = {.arena = a, .diag = d};
	struct template *t = ARENA_NEW(a, struct template);
	buf_puts(&c.place, place);
	compile_value(&c, tree, 0, t);
	text = c.place;
	return d->n + d->n_dropped == before ? t : NULL;
}

bool template_is_constant(const struct template *t)
{
	return t->kind == TEMPLATE_CONSTANT;
}

struct resolver {
	const struct cel_env *env;
	struct arena *arena;
	struct cel_budget budget;
	size_t size_bytes; /* made so far */
	struct template_error *error;
};

static bool fail_at(struct resolver *r, const char *place)
{
	char *to = r->error->place;
	snprintf(to, sizeof(r->error->place), "%s", place);
	to[utf8_valid_prefix(str_of(to))] = '\0';
	return false;
}

static bool too_large(struct resolver *r, const char *place)
{
	r->error->cel = (struct cel_error){.code = CEL_ERROR_LIMIT};
	snprintf(r->error->cel.message, sizeof(r->error->cel.message),
		 "the resolved document is larger than %d bytes or nests deeper than %d levels",
		 LIMIT_TEMPLATE_OUTPUT_BYTES, LIMIT_JSON_DEPTH);
	return fail_at(r, place);
}

static bool resolve_value(struct resolver *r, const struct template *t, int depth,
			  struct value *ret)
{
	struct cel_value v;
	struct cel_error *err = &r->error->cel;
	if (cel_eval(t->parts[0].program, r->env, &r->budget, r->arena, &v, err) != 0 ||
	    cel_to_json(&v, &r->budget, r->arena, ret, err) != 0)
		return fail_at(r, t->place);
	if (!measure(ret, LIMIT_TEMPLATE_OUTPUT_BYTES, depth, &r->size_bytes))
		return too_large(r, t->place);
	return true;
}

static bool resolve_text(struct resolver *r, const struct template *t, struct value *ret)
{
	struct part *parts = arena_alloc(r->arena, t->n * sizeof(*parts));
	struct cel_error *err = &r->error->cel;
	for (uint32_t i = 0; i < t->n; i++) {
		struct cel_value v;
		parts[i].text = t->parts[i].text;
		if (t->parts[i].program &&
		    (cel_eval(t->parts[i].program, r->env, &r->budget, r->arena, &v, err) != 0 ||
		     cel_to_text(&v, &r->budget, r->arena, &parts[i].text, err) != 0))
			return fail_at(r, t->place);
		r->size_bytes += parts[i].text.n;
		if (r->size_bytes > LIMIT_TEMPLATE_OUTPUT_BYTES)
			return too_large(r, t->place);
	}
	*ret = value_str(join_parts(r->arena, parts, t->n));
	return true;
}

static bool resolve(struct resolver *r, const struct template *t, int depth, struct value *ret);

static bool resolve_array(struct resolver *r, const struct template *t, int depth,
			  struct value *ret)
{
	struct value made = value_array(r->arena, t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		struct value item;
		if (!resolve(r, &t->children[i], depth + 1, &item))
			return false;
		value_push(r->arena, &made, item);
	}
	*ret = made;
	return true;
}

static bool resolve_object(struct resolver *r, const struct template *t, int depth,
			   struct value *ret)
{
	struct value made = value_object(r->arena, t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		struct value item;
		if (!resolve(r, &t->children[i], depth + 1, &item))
			return false;
		struct str key = t->source->members[i].key;
		r->size_bytes += key.n + 3;
		value_put(r->arena, &made, key, item);
	}
	*ret = made;
	return true;
}

static bool resolve(struct resolver *r, const struct template *t, int depth, struct value *ret)
{
	switch (t->kind) {
	case TEMPLATE_CONSTANT:
		r->size_bytes += t->size_bytes;
		*ret = *t->source;
		return true;
	case TEMPLATE_VALUE:
		return resolve_value(r, t, depth, ret);
	case TEMPLATE_TEXT:
		return resolve_text(r, t, ret);
	case TEMPLATE_ARRAY:
		return resolve_array(r, t, depth, ret);
	case TEMPLATE_OBJECT:
		return resolve_object(r, t, depth, ret);
	}
	ASSERT(!"unknown kind of template");
	return false;
}

int template_resolve(const struct template *t, const struct cel_env *env, struct arena *a,
		     struct value *ret, struct template_error *ret_error)
{
	struct value made;
	if (t->kind == TEMPLATE_CONSTANT) {
		*ret = *t->source;
		return 0;
	}
	struct resolver r = {
		.env = env, .arena = a, .budget = cel_budget_full(), .error = ret_error};
	if (!resolve(&r, t, 0, &made))
		return (int)ret_error->cel.code;
	if (r.size_bytes > LIMIT_TEMPLATE_OUTPUT_BYTES) {
		too_large(&r, "");
		return (int)ret_error->cel.code;
	}
	*ret = made;
	return 0;
}

void template_error_text(struct buf *out, const struct template_error *e)
{
	if (e->place[0] != '\0')
		buf_printf(out, "%s: ", e->place);
	if (e->cel.path[0] != '\0')
		buf_printf(out, "%s: ", e->cel.path);
	buf_printf(out, "%s (byte %zu)", e->cel.message, e->cel.position);
}

struct place_refs {
	void (*ref)(void *ctx, const char *place, const struct cel_ref *ref);
	void *ctx;
	const char *place;
};

static void with_place(void *ctx, const struct cel_ref *ref)
{
	const struct place_refs *p = ctx;
	p->ref(p->ctx, p->place, ref);
}

void template_refs(const struct template *t,
		   void (*ref)(void *ctx, const char *place, const struct cel_ref *ref), void *ctx)
{
	struct place_refs p = {ref, ctx, t->place};
	switch (t->kind) {
	case TEMPLATE_CONSTANT:
		return;
	case TEMPLATE_VALUE:
	case TEMPLATE_TEXT:
		for (uint32_t i = 0; i < t->n; i++)
			if (t->parts[i].program)
				cel_refs(t->parts[i].program, with_place, &p);
		return;
	case TEMPLATE_ARRAY:
	case TEMPLATE_OBJECT:
		for (uint32_t i = 0; i < t->n; i++)
			template_refs(&t->children[i], ref, ctx);
		return;
	}
}
