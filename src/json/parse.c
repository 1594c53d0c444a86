#include "json/parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/utf8.h"

/* A member on the parser's stack. */
struct pending {
	struct value_member member;
	const char *at; /* where its key stands */
};

enum { STACK_INLINE_BYTES = 2048 };

/*
 * Items and members wait on a stack until their array or object is whole, and are then moved to
 * the arena in one piece of the right size. An array's part of the stack holds struct value, an
 * object's struct pending.
 */
struct parser {
	struct arena *arena;
	const char *start, *at, *end;
	int flags;
	int depth;
	struct json_error *error;
	char *stack;
	size_t stack_n, stack_cap;
	_Alignas(16) char stack_inline[STACK_INLINE_BYTES];
};

static int fail(struct parser *p, enum json_error_code code, const char *at, const char *message)
{
	struct json_error *e = p->error;
	if (!e)
		return (int)code;
	*e = (struct json_error){.code = code, .offset = (size_t)(at - p->start), .line = 1};
	const char *line = p->start;
	for (const char *q = p->start; q < at; q++) {
		if (*q == '\n') {
			e->line++;
			line = q + 1;
		}
	}
	e->column = (int)(at - line) + 1;
	snprintf(e->message, sizeof(e->message), "%s", message);
	return (int)code;
}

static int syntax(struct parser *p, const char *at, const char *message)
{
	return fail(p, JSON_ERROR_SYNTAX, at, message);
}

static int out_of_budget(struct parser *p)
{
	return fail(p, JSON_ERROR_BUDGET, p->at, "the document needs too much memory");
}

static int stack_grow(struct parser *p)
{
	size_t cap = p->stack_cap * 2;
	const struct arena *a = p->arena;
	if (a->budget_bytes != 0 && a->used_bytes + cap > a->budget_bytes)
		return out_of_budget(p);
	bool inlined = p->stack == p->stack_inline;
	char *grown = mem_grow(inlined ? NULL : p->stack, cap);
	if (inlined)
		memcpy(grown, p->stack_inline, p->stack_n);
	p->stack = grown;
	p->stack_cap = cap;
	return 0;
}

/* Room for n more bytes at stack + stack_n. */
static inline int stack_reserve(struct parser *p, size_t n)
{
	return p->stack_n + n <= p->stack_cap ? 0 : stack_grow(p);
}

static void skip_space(struct parser *p)
{
	while (p->at < p->end &&
	       (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
		p->at++;
}

static int hex4(struct parser *p, const char *at, uint32_t *ret)
{
	if (p->end - at < 4)
		return syntax(p, at, "a \\u escape needs four hexadecimal digits");
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;
		if (d < 0)
			return syntax(p, at, "a \\u escape needs four hexadecimal digits");
		v = v << 4 | (uint32_t)d;
	}
	*ret = v;
	return 0;
}

/* At the backslash; writes the character to *out and moves both on. */
static int unescape(struct parser *p, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *esc = p->at;
	if (p->end - esc < 2)
		return syntax(p, esc, "the string is not closed");
	const char *hit = memchr(from, esc[1], sizeof(from) - 1);
	if (hit) {
		*(*out)++ = to[hit - from];
		p->at += 2;
		return 0;
	}
	if (esc[1] != 'u')
		return syntax(
			p, esc,
			"unknown escape; allowed are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
	uint32_t code, low;
	int r = hex4(p, esc + 2, &code);
	if (r)
		return r;
	p->at += 6;
	if (code >= 0xdc00 && code <= 0xdfff)
		return syntax(p, esc, "a low surrogate escape without the high one before it");
	if (code >= 0xd800 && code <= 0xdbff) {
		if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
			return syntax(p, esc, "a high surrogate escape without its low one");
		r = hex4(p, p->at + 2, &low);
		if (r)
			return r;
		if (low < 0xdc00 || low > 0xdfff)
			return syntax(p, esc, "a high surrogate escape without its low one");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		p->at += 6;
	}
	*out += utf8_encode(code, *out);
	return 0;
}

/* Moves over bytes that stand for themselves, up to a quote, backslash or control character. */
static int skip_plain(struct parser *p)
{
	const char *at = p->at, *end = p->end;
	for (;;) {
		at = scan_plain(at, end, 0x80);
		if (at == end) {
			p->at = at;
			return syntax(p, at, "the string is not closed");
		}
		unsigned char c = (unsigned char)*at;
		if (c >= 0x80) {
			uint32_t code;
			size_t n = utf8_decode(at, end, &code);
			if (n == 0)
				return syntax(p, at, "not valid UTF-8");
			at += n;
			continue;
		}
		if (c < 0x20)
			return syntax(p, at, "a control character in a string must be escaped");
		p->at = at;
		return 0;
	}
}

static int parse_string(struct parser *p, struct str *ret)
{
	const char *start = ++p->at;
	int r = skip_plain(p);
	if (r)
		return r;
	if (*p->at == '"') {
		struct str s = str_n(start, (size_t)(p->at++ - start));
		*ret = p->flags & JSON_BORROW ? s : arena_str(p->arena, s);
		return 0;
	}
	/* Escapes only shrink text, so the rest of the document bounds the string; find its end
	 * first to ask for no more than it needs. */
	const char *close = p->at;
	while (close < p->end && *close != '"')
		close += *close == '\\' ? 2 : 1;
	if (close >= p->end)
		return syntax(p, start - 1, "the string is not closed");
	char *text = arena_alloc(p->arena, (size_t)(close - start) + 1), *out = text;
	memcpy(out, start, (size_t)(p->at - start));
	out += p->at - start;
	while (*p->at != '"') {
		r = unescape(p, &out);
		if (r)
			return r;
		const char *plain = p->at;
		r = skip_plain(p);
		if (r)
			return r;
		memcpy(out, plain, (size_t)(p->at - plain));
		out += p->at - plain;
	}
	p->at++;
	*out = '\0';
	*ret = str_n(text, (size_t)(out - text));
	return 0;
}

static bool is_digit(const struct parser *p)
{
	return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static bool skip_digits(struct parser *p)
{
	const char *start = p->at;
	while (is_digit(p))
		p->at++;
	return p->at > start;
}

/* An exponent that is at most 15 characters long, cut at 1000. */
static int read_exponent(const char *at, const char *end)
{
	bool negative = *at == '-';
	int e = 0;
	for (at += negative || *at == '+'; at < end; at++)
		e = e >= 1000 ? e : e * 10 + (*at - '0');
	return negative ? -e : e;
}

/*
 * Up to 15 digits and a small power of ten are both exact doubles, so one multiplication or
 * division gives the nearest double. false: the library has to do it.
 */
static bool simple_double(const char *at, const char *end, double *ret)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,	1e4,  1e5,  1e6,  1e7,
					1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	bool negative = *at == '-';
	uint64_t mantissa = 0;
	int exponent = 0;
	at += negative;
	if (end - at > 16)
		return false;
	bool fraction = false;
	for (; at < end && *at != 'e' && *at != 'E'; at++) {
		if (*at == '.') {
			fraction = true;
			continue;
		}
		mantissa = mantissa * 10 + (uint64_t)(*at - '0');
		exponent -= fraction;
	}
	if (at < end)
		exponent += read_exponent(at + 1, end);
	if (exponent < -22 || exponent > 22 || mantissa > 1ULL << 53)
		return false;
	double d = (double)mantissa;
	d = exponent < 0 ? d / powers[-exponent] : d * powers[exponent];
	*ret = negative ? -d : d;
	return true;
}

static int parse_double(struct parser *p, const char *start, struct value *ret)
{
	size_t n = (size_t)(p->at - start);
	bool borrow = p->flags & JSON_BORROW;
	const char *raw = borrow ? start : arena_dup(p->arena, start, n);
	double d;
	if (!simple_double(start, p->at, &d))
		d = strtod(borrow ? arena_dup(p->arena, start, n) : raw, NULL);
	if (!isfinite(d))
		return syntax(p, start, "the number is too large");
	*ret = value_double(d);
	ret->n = (uint32_t)n;
	ret->raw = raw;
	return 0;
}

/* Digits to an integer; false when it does not fit 64 bits. */
static bool parse_integer(const char *at, const char *end, bool negative, struct value *ret)
{
	uint64_t u = 0;
	for (; at < end; at++)
		if (__builtin_mul_overflow(u, 10u, &u) ||
		    __builtin_add_overflow(u, (uint64_t)(*at - '0'), &u))
			return false;
	if (!negative) {
		*ret = value_uint(u);
		return true;
	}
	if (u > (uint64_t)INT64_MAX + 1)
		return false;
	*ret = value_int((int64_t)(0 - u));
	return u != 0; /* -0 is a double */
}

static int parse_number(struct parser *p, struct value *ret)
{
	const char *start = p->at;
	bool negative = *p->at == '-', integer = true;
	p->at += negative;
	const char *digits = p->at;
	if (!skip_digits(p))
		return syntax(p, p->at, "a number needs a digit here");
	if (*digits == '0' && p->at - digits > 1)
		return syntax(p, digits, "a number can't begin with 0");
	const char *digits_end = p->at;
	if (p->at < p->end && *p->at == '.') {
		integer = false;
		p->at++;
		if (!skip_digits(p))
			return syntax(p, p->at, "a number needs a digit after the point");
	}
	if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
		integer = false;
		p->at++;
		if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
			p->at++;
		if (!skip_digits(p))
			return syntax(p, p->at, "a number needs a digit in its exponent");
	}
	if (integer && parse_integer(digits, digits_end, negative, ret))
		return 0;
	return parse_double(p, start, ret);
}

static int parse_word(struct parser *p, struct str word, struct value v, struct value *ret)
{
	if (!str_starts(str_n(p->at, (size_t)(p->end - p->at)), word))
		return syntax(
			p, p->at,
			"expected a value: object, array, string, number, true, false or null");
	p->at += word.n;
	*ret = v;
	return 0;
}

static int parse_value(struct parser *p, struct value *ret);

static int close_array(struct parser *p, size_t bottom, struct value *ret)
{
	size_t n = (p->stack_n - bottom) / sizeof(struct value);
	p->at++;
	*ret = value_array_of(p->arena, (const struct value *)(void *)(p->stack + bottom), n);
	p->stack_n = bottom;
	return arena_over(p->arena) ? out_of_budget(p) : 0;
}

static int parse_array(struct parser *p, struct value *ret)
{
	size_t bottom = p->stack_n;
	p->at++;
	skip_space(p);
	if (p->at < p->end && *p->at == ']')
		return close_array(p, bottom, ret);
	for (;;) {
		struct value item;
		int r = parse_value(p, &item);
		if (r == 0)
			r = stack_reserve(p, sizeof(item));
		if (r)
			return r;
		memcpy(p->stack + p->stack_n, &item, sizeof(item));
		p->stack_n += sizeof(item);
		if (p->at < p->end && *p->at == ',') {
			p->at++;
			continue;
		}
		if (p->at == p->end || *p->at != ']')
			return syntax(p, p->at, "expected ',' or ']'");
		return close_array(p, bottom, ret);
	}
}

static int parse_member(struct parser *p)
{
	skip_space(p);
	if (p->at == p->end || *p->at != '"')
		return syntax(p, p->at, "expected a key in double quotes");
	struct pending m = {.at = p->at};
	int r = parse_string(p, &m.member.key);
	if (r)
		return r;
	skip_space(p);
	if (p->at == p->end || *p->at != ':')
		return syntax(p, p->at, "expected ':' after the key");
	p->at++;
	r = parse_value(p, &m.member.value);
	if (r == 0)
		r = stack_reserve(p, sizeof(m));
	if (r)
		return r;
	memcpy(p->stack + p->stack_n, &m, sizeof(m));
	p->stack_n += sizeof(m);
	return 0;
}

/* Builds the object member by member, so that of a duplicate key the last value counts. */
static int close_duplicates(struct parser *p, const struct pending *members, size_t n,
			    size_t duplicate, struct value *ret)
{
	struct str key = members[duplicate].member.key;
	if (p->flags & JSON_UNIQUE_KEYS) {
		char message[160];
		snprintf(message, sizeof(message), "the key \"%.*s\" stands twice in one object",
			 (int)(key.n > 100 ? 100 : key.n), key.p);
		return fail(p, JSON_ERROR_DUPLICATE, members[duplicate].at, message);
	}
	*ret = value_object(p->arena, 0);
	for (size_t i = 0; i < n; i++)
		value_put(p->arena, ret, members[i].member.key, members[i].member.value);
	return 0;
}

static int close_object(struct parser *p, size_t bottom, struct value *ret)
{
	const struct pending *members = (const struct pending *)(void *)(p->stack + bottom);
	size_t n = (p->stack_n - bottom) / sizeof(struct pending);
	p->at++;
	*ret = value_object_room(p->arena, n);
	for (size_t i = 0; i < n; i++)
		ret->members[i] = members[i].member;
	size_t duplicate = value_object_close(p->arena, ret);
	p->stack_n = bottom;
	if (duplicate < n) {
		int r = close_duplicates(p, members, n, duplicate, ret);
		if (r)
			return r;
	}
	return arena_over(p->arena) ? out_of_budget(p) : 0;
}

static int parse_object(struct parser *p, struct value *ret)
{
	size_t bottom = p->stack_n;
	p->at++;
	skip_space(p);
	if (p->at < p->end && *p->at == '}')
		return close_object(p, bottom, ret);
	for (;;) {
		int r = parse_member(p);
		if (r)
			return r;
		if (p->at < p->end && *p->at == ',') {
			p->at++;
			continue;
		}
		if (p->at == p->end || *p->at != '}')
			return syntax(p, p->at, "expected ',' or '}'");
		return close_object(p, bottom, ret);
	}
}

static int parse_nested(struct parser *p, struct value *ret)
{
	if (p->depth == LIMIT_JSON_DEPTH)
		return fail(p, JSON_ERROR_DEPTH, p->at, "nested too deeply (512 levels at most)");
	if (arena_over(p->arena))
		return out_of_budget(p);
	p->depth++;
	int r = *p->at == '[' ? parse_array(p, ret) : parse_object(p, ret);
	p->depth--;
	return r;
}

/* One value with the white space around it. */
static int parse_value(struct parser *p, struct value *ret)
{
	skip_space(p);
	if (p->at == p->end)
		return syntax(p, p->at, "the document ends where a value should stand");
	int r;
	struct str s;
	switch (*p->at) {
	case '{':
	case '[':
		r = parse_nested(p, ret);
		break;
	case '"':
		r = parse_string(p, &s);
		if (r == 0)
			*ret = value_str(s);
		break;
	case 't':
		r = parse_word(p, STR("true"), value_bool(true), ret);
		break;
	case 'f':
		r = parse_word(p, STR("false"), value_bool(false), ret);
		break;
	case 'n':
		r = parse_word(p, STR("null"), value_null(), ret);
		break;
	case '-':
	case '0' ... '9':
		r = parse_number(p, ret);
		break;
	default:
		r = parse_word(p, STR("null"), value_null(), ret);
		break;
	}
	if (r == 0)
		skip_space(p);
	return r;
}

static int parse_document(struct parser *p, struct value *ret)
{
	if (p->end - p->start > (ptrdiff_t)UINT32_MAX)
		return fail(p, JSON_ERROR_BUDGET, p->at, "the document is larger than 4 GiB");
	struct value v;
	int r = parse_value(p, &v);
	if (r)
		return r;
	if (p->at != p->end)
		return syntax(p, p->at, "text after the end of the document");
	*ret = v;
	return 0;
}

int json_parse(struct arena *a, struct str text, int flags, struct value *ret,
	       struct json_error *ret_error)
{
	struct parser p;
	p.arena = a;
	p.start = p.at = text.p ? text.p : "";
	p.end = p.start + text.n;
	p.flags = flags;
	p.depth = 0;
	p.error = ret_error;
	p.stack = p.stack_inline;
	p.stack_n = 0;
	p.stack_cap = sizeof(p.stack_inline);
	int r = parse_document(&p, ret);
	if (p.stack != p.stack_inline)
		free(p.stack);
	return r;
}
