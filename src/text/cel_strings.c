/* The "strings" extension. Offsets count code points. */
#include "base/utf8.h"
#include "text/cel_parse.h"
#include "text/cel_run.h"

/* Checks the kinds of arguments: 's' string, 'i' int, for as many as there are. */
static bool takes(struct cel_run *r, const char *name, const char *kinds,
		  const struct cel_value *args, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (args[i].kind != (kinds[i] == 's' ? CEL_STRING : CEL_INT))
			return cel_no_overload(r, name, args, n);
	return cel_spend_bytes(r, args[0].n);
}

static size_t code_bytes(const char *p)
{
	unsigned char c = (unsigned char)*p;
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Byte offset of code point `index`; false when the string is shorter. */
static bool byte_offset(struct str s, int64_t index, size_t *ret)
{
	size_t at = 0;
	for (int64_t i = 0; i < index; i++) {
		if (at >= s.n)
			return false;
		at += code_bytes(s.p + at);
	}
	*ret = at;
	return index >= 0;
}

static bool no_index(struct cel_run *r, int64_t index)
{
	return cel_fail(r, CEL_ERROR_VALUE, "index %lld is out of range of the string",
			(long long)index);
}

static bool call_char_at(struct cel_run *r, const struct cel_value *args, uint32_t n,
			 struct cel_value *ret)
{
	size_t at;
	if (!takes(r, "charAt", "si", args, n))
		return false;
	struct str s = cel_text(&args[0]);
	if (!byte_offset(s, args[1].i, &at))
		return no_index(r, args[1].i);
	*ret = cel_string(at == s.n ? (struct str){0} : str_n(s.p + at, code_bytes(s.p + at)));
	return true;
}

static size_t saturating_product(size_t a, size_t b)
{
	size_t z;
	return __builtin_mul_overflow(a, b, &z) ? SIZE_MAX : z;
}

static bool call_index_of(struct cel_run *r, const struct cel_value *args, uint32_t n,
			  struct cel_value *ret)
{
	size_t from = 0;
	if (!takes(r, "indexOf", "ssi", args, n))
		return false;
	struct str s = cel_text(&args[0]);
	if (n == 3 && !byte_offset(s, args[2].i, &from))
		return no_index(r, args[2].i);
	const char *found = memmem(s.p + from, s.n - from, args[1].s, args[1].n);
	*ret = cel_int(found ? (int64_t)utf8_length(str_n(s.p, (size_t)(found - s.p))) : -1);
	return true;
}

static bool call_last_index_of(struct cel_run *r, const struct cel_value *args, uint32_t n,
			       struct cel_value *ret)
{
	if (!takes(r, "lastIndexOf", "ssi", args, n))
		return false;
	struct str s = cel_text(&args[0]), want = cel_text(&args[1]);
	if (!cel_spend_bytes(r, saturating_product(s.n, want.n)))
		return false;
	size_t from = s.n;
	if (n == 3 && !byte_offset(s, args[2].i, &from))
		return no_index(r, args[2].i);
	*ret = cel_int(-1);
	if (want.n > s.n)
		return true;
	if (from > s.n - want.n)
		from = s.n - want.n;
	for (size_t at = from + 1; at > 0; at--)
		if (want.n == 0 || memcmp(s.p + at - 1, want.p, want.n) == 0) {
			*ret = cel_int((int64_t)utf8_length(str_n(s.p, at - 1)));
			return true;
		}
	return true;
}

static bool change_case(struct cel_run *r, const struct cel_value *v, char from, char to,
			struct cel_value *ret)
{
	if (!cel_make_string(r, cel_text(v), ret))
		return false;
	char *p = (char *)(uintptr_t)ret->s;
	for (uint32_t i = 0; i < ret->n; i++)
		if (p[i] >= from && p[i] < from + 26)
			p[i] = (char)(p[i] - from + to);
	return true;
}

static bool call_lower(struct cel_run *r, const struct cel_value *args, uint32_t n,
		       struct cel_value *ret)
{
	return takes(r, "lowerAscii", "s", args, n) && change_case(r, args, 'A', 'a', ret);
}

static bool call_upper(struct cel_run *r, const struct cel_value *args, uint32_t n,
		       struct cel_value *ret)
{
	return takes(r, "upperAscii", "s", args, n) && change_case(r, args, 'a', 'A', ret);
}

/* Where the next separator stands; an empty one stands after every code point. */
static const char *next_cut(struct str rest, struct str separator)
{
	if (separator.n > 0)
		return memmem(rest.p, rest.n, separator.p, separator.n);
	return rest.n > 0 && code_bytes(rest.p) < rest.n ? rest.p + code_bytes(rest.p) : NULL;
}

static bool call_split(struct cel_run *r, const struct cel_value *args, uint32_t n,
		       struct cel_value *ret)
{
	if (!takes(r, "split", "ssi", args, n))
		return false;
	struct cel_items items = {0};
	struct str rest = cel_text(&args[0]), separator = cel_text(&args[1]);
	int64_t most = n == 3 ? args[2].i : -1;
	bool nothing = most == 0 || (rest.n == 0 && separator.n == 0);
	for (const char *cut; !nothing && (most < 0 || (int64_t)items.n + 1 < most);) {
		cut = next_cut(rest, separator);
		if (!cut)
			break;
		struct cel_value part = cel_string(str_n(rest.p, (size_t)(cut - rest.p)));
		if (!cel_items_push(r, &items, part))
			return false;
		size_t skip = (size_t)(cut - rest.p) + separator.n;
		rest = str_n(rest.p + skip, rest.n - skip);
	}
	if (!nothing && !cel_items_push(r, &items, cel_string(rest)))
		return false;
	*ret = cel_list(items.p, items.n);
	return cel_spend(r, items.n / 16);
}

/* Counts the places, then fills: the result's size is known before it is made. */
static size_t replace_into(char *out, struct str s, const struct cel_value *args, int64_t most)
{
	struct str from = cel_text(&args[1]), to = cel_text(&args[2]);
	size_t n = 0, at = 0;
	for (int64_t done = 0; most < 0 || done < most; done++) {
		const char *hit =
			from.n == 0 ? s.p + at : memmem(s.p + at, s.n - at, from.p, from.n);
		if (!hit)
			break;
		size_t keep = (size_t)(hit - s.p) - at;
		if (out)
			memcpy(mempcpy(out + n, s.p + at, keep), to.p ? to.p : "", to.n);
		n += keep + to.n;
		at += keep + from.n;
		if (from.n > 0)
			continue;
		if (at >= s.n)
			break;
		size_t one = code_bytes(s.p + at);
		if (out)
			memcpy(out + n, s.p + at, one);
		n += one;
		at += one;
	}
	if (out)
		memcpy(out + n, s.p + at, s.n - at);
	return n + (s.n - at);
}

static bool call_replace(struct cel_run *r, const struct cel_value *args, uint32_t n,
			 struct cel_value *ret)
{
	if (!takes(r, "replace", "sssi", args, n))
		return false;
	struct str s = cel_text(&args[0]);
	int64_t most = n == 4 ? args[3].i : -1;
	size_t size = replace_into(NULL, s, args, most);
	char *p = cel_make(r, size + 1);
	if (!p)
		return false;
	replace_into(p, s, args, most);
	p[size] = '\0';
	*ret = cel_string(str_n(p, size));
	return true;
}

static bool call_reverse(struct cel_run *r, const struct cel_value *args, uint32_t n,
			 struct cel_value *ret)
{
	if (!takes(r, "reverse", "s", args, n))
		return false;
	struct str s = cel_text(&args[0]);
	char *p = cel_make(r, s.n + 1);
	if (!p)
		return false;
	p[s.n] = '\0';
	for (size_t at = 0; at < s.n;) {
		size_t one = code_bytes(s.p + at);
		memcpy(p + s.n - at - one, s.p + at, one);
		at += one;
	}
	*ret = cel_string(str_n(p, s.n));
	return true;
}

static bool call_substring(struct cel_run *r, const struct cel_value *args, uint32_t n,
			   struct cel_value *ret)
{
	size_t from, to;
	if (!takes(r, "substring", "sii", args, n))
		return false;
	struct str s = cel_text(&args[0]);
	if (!byte_offset(s, args[1].i, &from))
		return no_index(r, args[1].i);
	to = s.n;
	if (n == 3 && (!byte_offset(s, args[2].i, &to) || to < from))
		return no_index(r, args[2].i);
	*ret = cel_string(str_n(s.p + from, to - from));
	return true;
}

/* Unicode's White_Space. */
static bool is_space(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

static bool call_trim(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	if (!takes(r, "trim", "s", args, n))
		return false;
	const char *p = args[0].s, *end = p + args[0].n, *first = NULL, *last = p;
	while (p < end) {
		uint32_t code;
		size_t one = utf8_decode(p, end, &code);
		one = one ? one : 1;
		if (!is_space(code)) {
			first = first ? first : p;
			last = p + one;
		}
		p += one;
	}
	*ret = cel_string(first ? str_n(first, (size_t)(last - first)) : (struct str){0});
	return true;
}

const struct cel_function cel_string_functions[] = {
	{"charAt", CEL_CALL_METHOD, 2, 2, call_char_at},
	{"indexOf", CEL_CALL_METHOD, 2, 3, call_index_of},
	{"lastIndexOf", CEL_CALL_METHOD, 2, 3, call_last_index_of},
	{"lowerAscii", CEL_CALL_METHOD, 1, 1, call_lower},
	{"upperAscii", CEL_CALL_METHOD, 1, 1, call_upper},
	{"replace", CEL_CALL_METHOD, 3, 4, call_replace},
	{"reverse", CEL_CALL_METHOD, 1, 1, call_reverse},
	{"split", CEL_CALL_METHOD, 2, 3, call_split},
	{"substring", CEL_CALL_METHOD, 2, 3, call_substring},
	{"trim", CEL_CALL_METHOD, 1, 1, call_trim},
	{0},
};
