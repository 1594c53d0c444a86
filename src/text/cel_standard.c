/* The standard functions that are neither conversions nor about time; drover's own. */
#include "base/utf8.h"
#include "text/cel_parse.h"
#include "text/cel_run.h"
#include "text/regex.h"

static bool call_size(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	if (v->kind == CEL_STRING) {
		*ret = cel_int((int64_t)utf8_length(cel_text(v)));
		return cel_spend_bytes(r, v->n);
	}
	if (v->kind != CEL_BYTES && v->kind != CEL_LIST && v->kind != CEL_MAP)
		return cel_no_overload(r, "size", args, n);
	*ret = cel_int(v->n);
	return true;
}

static bool two_strings(struct cel_run *r, const char *name, const struct cel_value *args,
			uint32_t n)
{
	if (args[0].kind != CEL_STRING || args[1].kind != CEL_STRING)
		return cel_no_overload(r, name, args, n);
	return cel_spend_bytes(r, (size_t)args[0].n + args[1].n);
}

static bool call_contains(struct cel_run *r, const struct cel_value *args, uint32_t n,
			  struct cel_value *ret)
{
	if (!two_strings(r, "contains", args, n))
		return false;
	*ret = cel_bool(memmem(args[0].s, args[0].n, args[1].s, args[1].n) != NULL);
	return true;
}

static bool call_starts_with(struct cel_run *r, const struct cel_value *args, uint32_t n,
			     struct cel_value *ret)
{
	if (!two_strings(r, "startsWith", args, n))
		return false;
	*ret = cel_bool(str_starts(cel_text(&args[0]), cel_text(&args[1])));
	return true;
}

static bool call_ends_with(struct cel_run *r, const struct cel_value *args, uint32_t n,
			   struct cel_value *ret)
{
	if (!two_strings(r, "endsWith", args, n))
		return false;
	*ret = cel_bool(str_ends(cel_text(&args[0]), cel_text(&args[1])));
	return true;
}

/* A pattern made at run time; the last one is kept, for it usually comes again in a loop. */
static bool find_regex(struct cel_run *r, struct str pattern, const struct regex **ret)
{
	char message[REGEX_ERROR_BYTES];
	if (r->last_regex.regex && str_eq(r->last_regex.pattern, pattern)) {
		*ret = r->last_regex.regex;
		return true;
	}
	size_t before = r->arena->used_bytes;
	int code = regex_compile(r->arena, pattern, ret, message);
	size_t made = r->arena->used_bytes - before;
	r->budget->bytes -= made < r->budget->bytes ? made : r->budget->bytes;
	if (!cel_spend(r, 100 + pattern.n))
		return false;
	if (code != 0)
		return cel_fail(r, CEL_ERROR_VALUE, "%s", message);
	r->last_regex.pattern = pattern;
	r->last_regex.regex = *ret;
	return true;
}

bool cel_call_matches(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	if (!two_strings(r, "matches", args, n))
		return false;
	const struct regex *re = r->regex;
	if (!re && !find_regex(r, cel_text(&args[1]), &re))
		return false;
	bool found = false;
	size_t before = r->arena->used_bytes;
	uint64_t had = (uint64_t)r->budget->steps * LIMIT_REGEX_STEP_ITEMS, items = had;
	if (!r->scratch)
		r->scratch = regex_scratch_new(r->arena);
	int code = regex_search(re, r->scratch, cel_text(&args[0]), &items, &found);
	if (!cel_spend(r, 4 + (had - items) / LIMIT_REGEX_STEP_ITEMS))
		return false;
	if (code != 0)
		return cel_fail(r, CEL_ERROR_LIMIT, "the regular expression is too costly here");
	size_t made = r->arena->used_bytes - before;
	if (made > r->budget->bytes)
		return cel_fail(r, CEL_ERROR_LIMIT, "the expression needs too much memory");
	r->budget->bytes -= made;
	*ret = cel_bool(found);
	return true;
}

static bool call_type(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	(void)r;
	(void)n;
	*ret = cel_type(args[0].kind);
	return true;
}

static bool call_dyn(struct cel_run *r, const struct cel_value *args, uint32_t n,
		     struct cel_value *ret)
{
	(void)r;
	(void)n;
	*ret = args[0];
	return true;
}

static bool call_json(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	(void)n;
	struct value v;
	size_t at = r->at;
	if (cel_to_json(&args[0], r->budget, r->arena, &v, r->error) != 0) {
		r->error->position = at;
		return false;
	}
	struct str text;
	if (!cel_write_json(r, &v, &text))
		return false;
	*ret = cel_string(text);
	return true;
}

static bool call_join(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	if (args[0].kind != CEL_LIST || (n == 2 && args[1].kind != CEL_STRING))
		return cel_no_overload(r, "join", args, n);
	const struct cel_value *list = &args[0];
	struct str separator = n == 2 ? cel_text(&args[1]) : (struct str){0};
	size_t total = 0;
	for (uint32_t i = 0; i < list->n; i++) {
		struct cel_value item = cel_list_at(list, i);
		if (item.kind != CEL_STRING)
			return cel_fail(r, CEL_ERROR_VALUE,
					"no such overload: join() of a list with %s in it",
					cel_kind_name(item.kind));
		total += item.n + (i > 0 ? separator.n : 0);
	}
	if (!cel_spend(r, list->n / 16))
		return false;
	char *p = cel_make(r, total + 1);
	if (!p)
		return false;
	char *to = p;
	for (uint32_t i = 0; i < list->n; i++) {
		struct cel_value item = cel_list_at(list, i);
		if (i > 0 && separator.n > 0)
			to = mempcpy(to, separator.p, separator.n);
		to = mempcpy(to, item.s, item.n);
	}
	*to = '\0';
	*ret = cel_string(str_n(p, total));
	return true;
}

enum { EITHER = CEL_CALL_GLOBAL | CEL_CALL_METHOD };

const struct cel_function cel_standard_functions[] = {
	{"size", EITHER, 1, 1, call_size},
	{"contains", CEL_CALL_METHOD, 2, 2, call_contains},
	{"startsWith", CEL_CALL_METHOD, 2, 2, call_starts_with},
	{"endsWith", CEL_CALL_METHOD, 2, 2, call_ends_with},
	{"matches", EITHER, 2, 2, cel_call_matches},
	{"type", CEL_CALL_GLOBAL, 1, 1, call_type},
	{"dyn", CEL_CALL_GLOBAL, 1, 1, call_dyn},
	{"json", CEL_CALL_GLOBAL, 1, 1, call_json},
	{"join", EITHER, 1, 2, call_join},
	{0},
};
