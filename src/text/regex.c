#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/utf8.h"

struct regex {
	pcre2_code *code;
};

/* Memory of PCRE2 from an arena: nothing is freed on its own. */
struct memory {
	struct arena *arena;
	size_t left;
};

static void *memory_alloc(size_t n, void *ctx)
{
	struct memory *m = ctx;
	if (n > m->left)
		return NULL;
	m->left -= n;
	return arena_alloc(m->arena, n);
}

static void memory_free(void *p, void *ctx)
{
	(void)p;
	(void)ctx;
}

/* Rewrites RE2's syntax to PCRE2's where the two read the same text differently. */
struct scan {
	struct str in;
	size_t at;
	struct buf out;
	char *message;
	bool repeated; /* what came last was a quantifier, or there is nothing to repeat */
};

static bool refuse(struct scan *s, const char *what)
{
	snprintf(s->message, REGEX_ERROR_BYTES, "bad regular expression at byte %zu: %s", s->at,
		 what);
	return false;
}

static char peek(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->in.n ? s->in.p[s->at + ahead] : '\0';
}

static void copy(struct scan *s, size_t n)
{
	buf_put(&s->out, s->in.p + s->at, n);
	s->at += n;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static bool scan_octal(struct scan *s)
{
	unsigned code = 0;
	size_t n = 1;
	for (; n <= 3 && is_octal(peek(s, n)); n++)
		code = code * 8 + (unsigned)(peek(s, n) - '0');
	if (n == 2 && peek(s, 1) != '0')
		return refuse(s, "back references are not supported");
	buf_printf(&s->out, "\\x{%x}", code);
	s->at += n;
	return true;
}

static bool scan_braced(struct scan *s, size_t from)
{
	size_t n = from;
	while (peek(s, n) != '}') {
		if (s->at + n >= s->in.n)
			return refuse(s, "missing }");
		n++;
	}
	copy(s, n + 1);
	return true;
}

/* \Q…\E: every character stands for itself. */
static bool scan_quoted(struct scan *s)
{
	for (s->at += 2; s->at < s->in.n;) {
		if (peek(s, 0) == '\\' && peek(s, 1) == 'E') {
			s->at += 2;
			return true;
		}
		unsigned char c = (unsigned char)peek(s, 0);
		if (c < 0x80 && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z'))
			buf_printf(&s->out, "\\x{%x}", c);
		else
			buf_putc(&s->out, (char)c);
		s->at++;
	}
	return true;
}

static bool scan_escape(struct scan *s, bool in_class)
{
	char c = peek(s, 1);
	if (c == '\0' && s->at + 1 >= s->in.n)
		return refuse(s, "a backslash at the end");
	if (is_octal(c))
		return scan_octal(s);
	if (c == 'v') {
		buf_puts(&s->out, "\\x0b");
		s->at += 2;
		return true;
	}
	if ((c == 's' || c == 'S') && !in_class) {
		buf_puts(&s->out, c == 's' ? "[\\t\\n\\f\\r ]" : "[^\\t\\n\\f\\r ]");
		s->at += 2;
		return true;
	}
	if (c == 's') {
		buf_puts(&s->out, "\\t\\n\\f\\r\\x20");
		s->at += 2;
		return true;
	}
	if (c == 'p' || c == 'P' || c == 'x') {
		if (peek(s, 2) == '{')
			return scan_braced(s, 3);
		copy(s, 2);
		return true;
	}
	if (c == 'Q' && !in_class)
		return scan_quoted(s);
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if ((letter && !strchr(in_class ? "adDfnrtSwW" : "aAbBdDfnrtwWz", c)) ||
	    (c >= '8' && c <= '9') || (unsigned char)c >= 0x80)
		return refuse(s, "this escape is not supported");
	copy(s, 2);
	return true;
}

static bool scan_posix_class(struct scan *s)
{
	static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
					    "digit", "graph", "lower", "print", "punct",
					    "space", "upper", "word",  "xdigit"};
	size_t skip = peek(s, 2) == '^' ? 3 : 2;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);
		if (s->at + skip + n + 2 <= s->in.n &&
		    memcmp(s->in.p + s->at + skip, names[i], n) == 0 &&
		    memcmp(s->in.p + s->at + skip + n, ":]", 2) == 0) {
			copy(s, skip + n + 2);
			return true;
		}
	}
	return refuse(s, "unknown class of characters");
}

static bool scan_class(struct scan *s)
{
	copy(s, 1);
	if (peek(s, 0) == '^')
		copy(s, 1);
	for (bool first = true; s->at < s->in.n; first = false) {
		char c = peek(s, 0);
		if (c == ']' && !first) {
			copy(s, 1);
			return true;
		}
		if (c == ']') {
			buf_puts(&s->out, "\\]");
			s->at++;
		} else if (c == '\\') {
			if (!scan_escape(s, true))
				return false;
		} else if (c == '[' && peek(s, 1) == ':') {
			if (!scan_posix_class(s))
				return false;
		} else if (c == '[') {
			buf_puts(&s->out, "\\[");
			s->at++;
		} else {
			copy(s, 1);
		}
	}
	return refuse(s, "missing ]");
}

static bool scan_group_name(struct scan *s, size_t from)
{
	size_t n = from;
	for (char c; (c = peek(s, n)) != '>'; n++)
		if (c != '_' && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z'))
			return refuse(s, "a group's name holds letters, digits and _");
	/* names serve nothing here, and RE2 lets them be longer than PCRE2 does */
	buf_puts(&s->out, "(");
	s->at += n + 1;
	return n > from || refuse(s, "a group's name is empty");
}

static bool scan_group(struct scan *s)
{
	if (peek(s, 1) == '*') {
		return refuse(s, "nothing to repeat");
	} else if (peek(s, 1) != '?') {
		copy(s, 1);
		return true;
	}
	if (peek(s, 2) == 'P' && peek(s, 3) == '<')
		return scan_group_name(s, 4);
	if (peek(s, 2) == '<' && peek(s, 3) != '=' && peek(s, 3) != '!')
		return scan_group_name(s, 3);
	size_t n = 2;
	while (peek(s, n) != '\0' && strchr("imsU-", peek(s, n)))
		n++;
	if (peek(s, n) != ':' && (peek(s, n) != ')' || n == 2))
		return refuse(s, "look-around and other special groups are not supported");
	copy(s, n + 1);
	return true;
}

/* {3}, {3,}, {3,5}: its length, or 0 when the brace is an ordinary character. */
static size_t repeat_length(const struct scan *s, int *ret_most)
{
	size_t n = 1, digits = 0;
	int value = 0;
	*ret_most = 0;
	for (;; n++) {
		char c = peek(s, n);
		if (c >= '0' && c <= '9') {
			value = value > LIMIT_REGEX_REPEAT ? value : value * 10 + (c - '0');
			digits++;
			*ret_most = value > *ret_most ? value : *ret_most;
		} else if (c == ',' && digits > 0 && !memchr(s->in.p + s->at, ',', n)) {
			value = 0;
		} else {
			return c == '}' && digits > 0 ? n + 1 : 0;
		}
	}
}

static bool scan_quantifier(struct scan *s, size_t n)
{
	if (s->repeated)
		return refuse(s, "nothing to repeat");
	copy(s, n);
	if (peek(s, 0) == '?')
		copy(s, 1);
	s->repeated = true;
	return true;
}

static bool scan_item(struct scan *s)
{
	char c = peek(s, 0);
	int most;
	size_t n = c == '*' || c == '+' || c == '?' ? 1 : 0;
	if (c == '{')
		n = repeat_length(s, &most);
	if (c == '{' && n > 0 && most > LIMIT_REGEX_REPEAT)
		return refuse(s, "a repetition counts up to 1000");
	if (n > 0)
		return scan_quantifier(s, n);
	bool opens = c == '(' || c == '|';
	s->repeated = opens;
	if (c == '\\')
		return scan_escape(s, false);
	if (c == '[')
		return scan_class(s);
	if (c == '(')
		return scan_group(s);
	if (c == '{') {
		buf_puts(&s->out, "\\{");
		s->at++;
		return true;
	}
	copy(s, 1);
	return true;
}

static bool translate(struct scan *s)
{
	if (s->in.n > LIMIT_REGEX_PATTERN_BYTES)
		return refuse(s, "the pattern is too long");
	if (!utf8_valid(s->in))
		return refuse(s, "the pattern is not valid UTF-8");
	while (s->at < s->in.n)
		if (!scan_item(s))
			return false;
	return true;
}

static pcre2_code *compile(struct memory *m, struct str pattern, char message[REGEX_ERROR_BYTES])
{
	pcre2_general_context *general = pcre2_general_context_create(memory_alloc, memory_free, m);
	pcre2_compile_context *ctx = general ? pcre2_compile_context_create(general) : NULL;
	int code = PCRE2_ERROR_NOMEMORY;
	size_t at = 0;
	pcre2_code *ret = NULL;
	if (ctx) {
		pcre2_set_newline(ctx, PCRE2_NEWLINE_LF);
		pcre2_set_parens_nest_limit(ctx, LIMIT_REGEX_NESTING);
		ret = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
				    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
					    PCRE2_AUTO_CALLOUT | PCRE2_NO_AUTO_CAPTURE,
				    &code, &at, ctx);
	}
	if (!ret) {
		PCRE2_UCHAR text[120] = "";
		pcre2_get_error_message(code, text, sizeof(text));
		snprintf(message, REGEX_ERROR_BYTES, "bad regular expression: %s",
			 (const char *)text);
	}
	return ret;
}

int regex_compile(struct arena *a, struct str pattern, const struct regex **ret,
		  char message[REGEX_ERROR_BYTES])
{
	CLEANUP_BUF struct buf out = {0};
	struct scan s = {.in = pattern, .message = message, .repeated = true};
	bool ok = translate(&s);
	out = s.out;
	if (!ok)
		return REGEX_BAD;
	struct memory m = {.arena = a, .left = LIMIT_REGEX_CODE_BYTES};
	struct str pcre = buf_str(&out);
	pcre2_code *code = compile(&m, pcre, message);
	if (!code)
		return REGEX_BAD;
	struct regex *re = ARENA_NEW(a, struct regex);
	re->code = code;
	*ret = re;
	return 0;
}

static int count_item(pcre2_callout_block *block, void *ctx)
{
	(void)block;
	uint64_t *items = ctx;
	if (*items == 0)
		return PCRE2_ERROR_CALLOUT;
	--*items;
	return 0;
}

/* PCRE2 keeps the heap of the largest match so far in the match data: what is made is bounded. */
struct regex_scratch {
	struct memory memory;
	pcre2_match_context *ctx;
	pcre2_match_data *data;
};

struct regex_scratch *regex_scratch_new(struct arena *a)
{
	struct regex_scratch *s = ARENA_NEW(a, struct regex_scratch);
	s->memory = (struct memory){.arena = a, .left = (LIMIT_REGEX_HEAP_KIB << 10) * 2 + 65536};
	pcre2_general_context *general =
		pcre2_general_context_create(memory_alloc, memory_free, &s->memory);
	ASSERT(general);
	s->ctx = pcre2_match_context_create(general);
	s->data = pcre2_match_data_create(1, general);
	ASSERT(s->ctx && s->data);
	pcre2_set_heap_limit(s->ctx, LIMIT_REGEX_HEAP_KIB);
	return s;
}

int regex_search(const struct regex *re, struct regex_scratch *scratch, struct str text,
		 uint64_t *items, bool *ret_found)
{
	pcre2_set_callout(scratch->ctx, count_item, items);
	int n = pcre2_match(re->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0,
			    PCRE2_NO_UTF_CHECK, scratch->data, scratch->ctx);
	if (n < 0 && n != PCRE2_ERROR_NOMATCH)
		return REGEX_COSTLY;
	*ret_found = n >= 0;
	return 0;
}
