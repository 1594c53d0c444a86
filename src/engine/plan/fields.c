#include "engine/plan/fields.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/timefmt.h"

bool fields_open(struct fields *f, const struct value *v, struct diag *d, const char *path)
{
	f->object = v;
	f->diag = d;
	snprintf(f->path, sizeof(f->path), "%s", path);
	if (value_is(v, VALUE_OBJECT))
		return true;
	diag_add(d, path, "must be an object, not %s", v ? value_kind_name(v) : "nothing");
	return false;
}

/* Whether key can stand after a dot. */
static bool plain_key(struct str key)
{
	if (key.n == 0 || key.n > LIMIT_NAME_BYTES)
		return false;
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
		      c == '$' || (c >= '0' && c <= '9')))
			return false;
	}
	return true;
}

void fields_place(char ret[FIELDS_PATH_BYTES], const char *path, struct str key)
{
	char text[FIELDS_PATH_BYTES];
	if (plain_key(key))
		snprintf(text, sizeof(text), "%s%s%.*s", path, *path ? "." : "", STR_ARG(key));
	else
		snprintf(text, sizeof(text), "%s[\"%.*s\"]", path,
			 (int)(key.n > LIMIT_NAME_BYTES ? LIMIT_NAME_BYTES : key.n),
			 key.n ? key.p : "");
	memcpy(ret, text, sizeof(text));
}

void fields_place_item(char ret[FIELDS_PATH_BYTES], const char *path, size_t index)
{
	char text[FIELDS_PATH_BYTES];
	snprintf(text, sizeof(text), "%s[%zu]", path, index);
	memcpy(ret, text, sizeof(text));
}

void fields_bad(const struct fields *f, const char *key, const char *fmt, ...)
{
	char place[FIELDS_PATH_BYTES], text[1024];
	fields_place(place, f->path, str_of(key));
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(f->diag, place, "%s", text);
}

const struct value *fields_get(const struct fields *f, const char *key)
{
	const struct value *v = value_getz(f->object, key);
	return value_is(v, VALUE_NULL) ? NULL : v;
}

enum { NEAREST_BYTES = 32, NEAREST_EDITS = 3 };

/* Edits between two short texts; letter case is free. */
static size_t distance(struct str a, struct str b)
{
	size_t row[NEAREST_BYTES + 1];
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t same = (a.p[i - 1] | 32) == (b.p[j - 1] | 32) ? 0 : 1;
			size_t best = diagonal + same;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.n];
}

const char *fields_nearest(struct str text, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t least = NEAREST_EDITS;
	if (text.n == 0 || text.n > NEAREST_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);
		if (name.n > NEAREST_BYTES)
			continue;
		size_t d = distance(text, name);
		if (d < least && d * 2 <= name.n) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

static const struct field_spec *find_spec(struct str key, const struct field_spec *specs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqz(key, specs[i].name))
			return &specs[i];
	return NULL;
}

enum { SPECS_MOST = 48 };

void fields_known(const struct fields *f, const struct field_spec *specs, size_t n)
{
	const char *names[SPECS_MOST];
	size_t n_names = 0;
	for (size_t i = 0; i < n && n_names < SPECS_MOST; i++)
		if (!specs[i].later)
			names[n_names++] = specs[i].name;
	for (uint32_t i = 0; i < f->object->n; i++) {
		struct str key = f->object->members[i].key;
		const struct field_spec *spec = find_spec(key, specs, n);
		if (spec && !spec->later)
			continue;
		char place[FIELDS_PATH_BYTES];
		fields_place(place, f->path, key);
		const char *nearest = fields_nearest(key, names, n_names);
		if (spec)
			diag_add(f->diag, place, "%s", spec->later);
		else if (nearest)
			diag_add(f->diag, place, "unknown field; did you mean \"%s\"?", nearest);
		else
			diag_add(f->diag, place, "unknown field; remove it");
	}
}

const struct value *fields_kind(const struct fields *f, const char *key, enum value_kind kind,
				bool required)
{
	const struct value *v = fields_get(f, key);
	if (v && v->kind == kind)
		return v;
	struct value want = {.kind = kind};
	if (v)
		fields_bad(f, key, "must be %s %s, not %s",
			   kind == VALUE_ARRAY || kind == VALUE_OBJECT || kind == VALUE_INT ? "an"
											    : "a",
			   value_kind_name(&want), value_kind_name(v));
	else if (required)
		fields_bad(f, key, "is missing; it must be given");
	return NULL;
}

bool fields_str(const struct fields *f, const char *key, bool required, struct str *ret)
{
	const struct value *v = fields_kind(f, key, VALUE_STRING, required);
	if (!v)
		return false;
	*ret = value_text(v);
	return true;
}

bool fields_bool(const struct fields *f, const char *key, bool *ret)
{
	const struct value *v = fields_kind(f, key, VALUE_BOOL, false);
	if (!v)
		return false;
	*ret = v->b;
	return true;
}

bool fields_int(const struct fields *f, const char *key, int64_t least, int64_t most, int64_t *ret)
{
	const struct value *v = fields_get(f, key);
	if (!v)
		return false;
	if (v->kind != VALUE_INT || v->i < least || v->i > most) {
		fields_bad(f, key, "must be a whole number from %lld to %lld", (long long)least,
			   (long long)most);
		return false;
	}
	*ret = v->i;
	return true;
}

bool fields_number(const struct fields *f, const char *key, double least, double most, double *ret)
{
	const struct value *v = fields_get(f, key);
	if (!v)
		return false;
	double d = v->kind == VALUE_INT ? (double)v->i : v->kind == VALUE_DOUBLE ? v->d : -1;
	if (!value_is_number(v) || v->kind == VALUE_UINT || d < least || d > most) {
		fields_bad(f, key, "must be a number from %g to %g", least, most);
		return false;
	}
	*ret = d;
	return true;
}

bool fields_duration(const struct fields *f, const char *key, int64_t least_ms, int64_t most_ms,
		     int64_t *ret_ms)
{
	const struct value *v = fields_get(f, key);
	if (!v)
		return false;
	int64_t ms = -1;
	if (v->kind != VALUE_STRING || timefmt_duration_parse(value_text(v), &ms) != 0) {
		fields_bad(f, key,
			   "must be a duration such as \"10ms\", \"30s\", \"5m\" or \"24h\"");
		return false;
	}
	if (ms < least_ms || ms > most_ms) {
		CLEANUP_BUF struct buf range = {0};
		timefmt_duration(&range, least_ms);
		buf_puts(&range, " to ");
		timefmt_duration(&range, most_ms);
		fields_bad(f, key, "must be from %s", range.p);
		return false;
	}
	*ret_ms = ms;
	return true;
}

bool fields_size(const struct fields *f, const char *key, int64_t least, int64_t most,
		 int64_t *ret_bytes)
{
	const struct value *v = fields_get(f, key);
	if (!v)
		return false;
	int64_t bytes = -1;
	bool good = v->kind == VALUE_STRING ? timefmt_size_parse(value_text(v), &bytes) == 0
					    : v->kind == VALUE_INT;
	if (v->kind == VALUE_INT)
		bytes = v->i;
	if (!good || bytes < least || bytes > most) {
		fields_bad(f, key,
			   "must be a size such as \"64Mi\" or \"1Gi\", from %lld to %lld "
			   "bytes",
			   (long long)least, (long long)most);
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

bool fields_name_valid(struct str name)
{
	if (name.n == 0 || name.n > LIMIT_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}

bool fields_name(const struct fields *f, const char *key, bool required, struct str *ret)
{
	struct str name;
	if (!fields_str(f, key, required, &name))
		return false;
	if (!fields_name_valid(name)) {
		fields_bad(f, key,
			   "must begin with a letter or digit, go on with letters, digits, '.', "
			   "'_' or '-', and have at most %d characters",
			   LIMIT_NAME_BYTES);
		return false;
	}
	*ret = name;
	return true;
}
