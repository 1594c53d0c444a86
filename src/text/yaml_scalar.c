#include "text/yaml_scalar.h"

#include <string.h>

#include "base/buf.h"
#include "json/parse.h"

static bool one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_eqz(s, *words))
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(struct str s, size_t at)
{
	size_t n = 0;
	while (at + n < s.n && is_digit(s.p[at + n]))
		n++;
	return n;
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* 0o17 and 0x1f; false when s is neither. */
static bool based_integer(struct str s, enum yaml_scalar_kind *ret_kind, struct value *ret)
{
	if (s.n < 3 || s.p[0] != '0' || (s.p[1] != 'o' && s.p[1] != 'x'))
		return false;
	unsigned base = s.p[1] == 'o' ? 8 : 16;
	uint64_t v = 0;
	bool over = false;
	for (size_t i = 2; i < s.n; i++) {
		unsigned digit = (unsigned)digit_value(s.p[i]);
		if (digit >= base)
			return false;
		over |= __builtin_mul_overflow(v, base, &v);
		v += digit;
	}
	*ret_kind = over ? YAML_SCALAR_TOO_LARGE : YAML_SCALAR_VALUE;
	*ret = value_uint(v);
	return true;
}

/* Respells [-+]?(.[0-9]+|[0-9]+(.[0-9]*)?)([eE][-+]?[0-9]+)? as JSON has it; false: no number. */
static bool json_spelling(struct str s, struct buf *out)
{
	size_t at = 0;
	if (at < s.n && (s.p[at] == '-' || s.p[at] == '+')) {
		if (s.p[at] == '-')
			buf_putc(out, '-');
		at++;
	}
	size_t whole = digits(s, at), skip = 0;
	while (skip + 1 < whole && s.p[at + skip] == '0')
		skip++;
	buf_put(out, whole ? s.p + at + skip : "0", whole ? whole - skip : 1);
	at += whole;
	if (at < s.n && s.p[at] == '.') {
		size_t part = digits(s, at + 1);
		if (whole == 0 && part == 0)
			return false;
		buf_putc(out, '.');
		buf_put(out, part ? s.p + at + 1 : "0", part ? part : 1);
		at += 1 + part;
	} else if (whole == 0) {
		return false;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		size_t sign = at + 1 < s.n && (s.p[at + 1] == '-' || s.p[at + 1] == '+');
		size_t power = digits(s, at + 1 + sign);
		if (power == 0)
			return false;
		buf_put(out, s.p + at, 1 + sign + power);
		at += 1 + sign + power;
	}
	return at == s.n;
}

enum yaml_scalar_kind yaml_scalar_resolve(struct arena *a, struct str s, struct value *ret)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infinite[] = {".inf",	".Inf",	 ".INF",  "+.inf", "+.Inf",
					       "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
					       ".NaN",	".NAN",	 NULL};
	enum yaml_scalar_kind kind = YAML_SCALAR_VALUE;
	*ret = value_str(s);
	if (one_of(s, nulls)) {
		*ret = value_null();
	} else if (one_of(s, trues) || one_of(s, falses)) {
		*ret = value_bool(one_of(s, trues));
	} else if (one_of(s, infinite)) {
		kind = YAML_SCALAR_NOT_FINITE;
	} else if (s.n && strchr("+-.0123456789", s.p[0]) && !based_integer(s, &kind, ret)) {
		CLEANUP_BUF struct buf spelled = {0};
		if (json_spelling(s, &spelled) &&
		    json_parse(a, buf_str(&spelled), JSON_DEFAULT, ret, NULL) != 0)
			kind = YAML_SCALAR_TOO_LARGE;
	}
	return kind;
}
