#include "text/cel_run.h"

#include <stdio.h>

#include "base/utf8.h"
#include "text/cel_parse.h"

/* A message is people's reading: it ends at a whole character. */
static void trim_utf8(char *text)
{
	text[utf8_valid_prefix(str_of(text))] = '\0';
}

void cel_error_format(struct cel_error *e, enum cel_error_code code, size_t at, const char *fmt,
		      va_list ap)
{
	e->code = code;
	e->position = at;
	e->path[0] = '\0';
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	trim_utf8(e->message);
}

bool cel_fail(struct cel_run *r, enum cel_error_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cel_error_format(r->error, code, r->at, fmt, ap);
	va_end(ap);
	return false;
}

bool cel_no_overload(struct cel_run *r, const char *name, const struct cel_value *args, uint32_t n)
{
	char kinds[128] = "";
	size_t used = 0;
	for (uint32_t i = 0; i < n && used < sizeof(kinds); i++)
		used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s%s",
					 i > 0 ? ", " : "", cel_kind_name(args[i].kind));
	return cel_fail(r, CEL_ERROR_VALUE, "no such overload: %s(%s)", name, kinds);
}

bool cel_spend(struct cel_run *r, size_t steps)
{
	if (steps > r->budget->steps) {
		r->budget->steps = 0;
		return cel_fail(r, CEL_ERROR_LIMIT, "the expression takes more than %d steps",
				LIMIT_CEL_STEPS);
	}
	r->budget->steps -= (uint32_t)steps;
	return true;
}

bool cel_spend_bytes(struct cel_run *r, size_t n)
{
	return cel_spend(r, n / LIMIT_CEL_STEP_BYTES);
}

void *cel_make(struct cel_run *r, size_t n)
{
	if (n > r->budget->bytes) {
		r->budget->bytes = 0;
		cel_fail(r, CEL_ERROR_LIMIT, "the expression needs more than %d bytes of memory",
			 LIMIT_CEL_BYTES);
		return NULL;
	}
	r->budget->bytes -= n;
	return cel_spend_bytes(r, n) ? arena_alloc(r->arena, n) : NULL;
}

bool cel_make_string(struct cel_run *r, struct str text, struct cel_value *ret)
{
	char *copy = cel_make(r, text.n + 1);
	if (!copy)
		return false;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*ret = cel_string(str_n(copy, text.n));
	return true;
}

/* The old block stays behind in the arena; doubling bounds the waste. */
static bool grow(struct cel_run *r, void **p, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return true;
	uint32_t more = *cap ? *cap * 2 : 4;
	void *fresh = cel_make(r, more * size);
	if (!fresh)
		return false;
	if (n > 0)
		memcpy(fresh, *p, n * size);
	*p = fresh;
	*cap = more;
	return true;
}

bool cel_items_push(struct cel_run *r, struct cel_items *items, struct cel_value v)
{
	void *p = items->p;
	if (!grow(r, &p, items->n, &items->cap, sizeof(v)))
		return false;
	items->p = p;
	items->p[items->n++] = v;
	return true;
}

bool cel_entries_push(struct cel_run *r, struct cel_entries *entries, struct cel_value key,
		      struct cel_value value)
{
	if (key.kind != CEL_INT && key.kind != CEL_UINT && key.kind != CEL_BOOL &&
	    key.kind != CEL_STRING)
		return cel_fail(r, CEL_ERROR_VALUE, "a map's key cannot be of type %s",
				cel_kind_name(key.kind));
	struct cel_value map = cel_map(entries->p, entries->n), other;
	if (!cel_spend(r, entries->n / 16))
		return false;
	if (cel_map_find(&map, &key, &other))
		return cel_fail(r, CEL_ERROR_VALUE, "the map has this key twice");
	void *p = entries->p;
	if (!grow(r, &p, entries->n, &entries->cap, sizeof(struct cel_entry)))
		return false;
	entries->p = p;
	entries->p[entries->n++] = (struct cel_entry){key, value};
	return true;
}

static const struct cel_function *const tables[] = {
	cel_standard_functions, cel_convert_functions, cel_time_functions,
	cel_string_functions,	cel_math_functions,
};

const struct cel_function *cel_function_find(struct str name, int style, uint32_t n_args)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct cel_function *f = tables[i]; f->name; f++)
			if ((f->style & style) && n_args >= f->least && n_args <= f->most &&
			    str_eqz(name, f->name))
				return f;
	return NULL;
}

bool cel_function_known(struct str name, int styles)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct cel_function *f = tables[i]; f->name; f++)
			if ((f->style & styles) && str_eqz(name, f->name))
				return true;
	return false;
}
