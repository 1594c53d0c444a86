#define PCRE2_CODE_UNIT_WIDTH 8
#include "json/pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/utf8.h"

struct pattern {
	pcre2_code *code;
	bool anchored;
};

struct pattern_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
};

/* The white space of ECMA-262, for inside a class. */
#define SPACE "\\t\\n\\x{b}\\f\\r \\x{a0}\\x{feff}\\x{2028}\\x{2029}\\p{Zs}"

/* Rewrites a pattern for PCRE2, refusing what is not ECMA-262. */
struct rewrite {
	const char *start, *at, *end;
	struct buf *out;
	const char *error;
	bool repeatable; /* the last thing may be followed by a repeat */
};

static bool refuse(struct rewrite *w, const char *error)
{
	w->error = error;
	return false;
}

static size_t left(const struct rewrite *w)
{
	return (size_t)(w->end - w->at);
}

static bool starts(const struct rewrite *w, const char *text)
{
	return str_starts(str_n(w->at, left(w)), str_of(text));
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool read_hex(struct rewrite *w, size_t n, uint32_t *ret)
{
	if (left(w) < n)
		return false;
	uint32_t v = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_hex(w->at[i]))
			return false;
		char digit[2] = {w->at[i], '\0'};
		v = v << 4 | (uint32_t)strtoul(digit, NULL, 16);
	}
	w->at += n;
	*ret = v;
	return true;
}

static bool put_code(struct rewrite *w, uint32_t code)
{
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return refuse(w, "an escape names no character");
	buf_printf(w->out, "\\x{%x}", code);
	return true;
}

/* After "\u". */
static bool unicode_escape(struct rewrite *w)
{
	uint32_t code = 0, low = 0;
	if (w->at < w->end && *w->at == '{') {
		size_t n = 0;
		w->at++;
		while (n < left(w) && n < 8 && is_hex(w->at[n]))
			n++;
		if (n == 0 || !read_hex(w, n, &code) || w->at == w->end || *w->at++ != '}')
			return refuse(w, "\\u{ needs hexadecimal digits and }");
		return put_code(w, code);
	}
	if (!read_hex(w, 4, &code))
		return refuse(w, "\\u needs four hexadecimal digits");
	if (code >= 0xd800 && code <= 0xdbff && starts(w, "\\u")) {
		w->at += 2;
		if (!read_hex(w, 4, &low) || low < 0xdc00 || low > 0xdfff)
			return refuse(w, "a high surrogate needs its low one");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_code(w, code);
}

/* General categories by the long names that ECMA-262 knows. */
static const char *category(struct str name)
{
	static const char *const names[][2] = {
		{"Letter", "L"},
		{"Cased_Letter", "L&"},
		{"Uppercase_Letter", "Lu"},
		{"Lowercase_Letter", "Ll"},
		{"Titlecase_Letter", "Lt"},
		{"Modifier_Letter", "Lm"},
		{"Other_Letter", "Lo"},
		{"Mark", "M"},
		{"Combining_Mark", "M"},
		{"Nonspacing_Mark", "Mn"},
		{"Spacing_Mark", "Mc"},
		{"Enclosing_Mark", "Me"},
		{"Number", "N"},
		{"Decimal_Number", "Nd"},
		{"digit", "Nd"},
		{"Letter_Number", "Nl"},
		{"Other_Number", "No"},
		{"Punctuation", "P"},
		{"punct", "P"},
		{"Connector_Punctuation", "Pc"},
		{"Dash_Punctuation", "Pd"},
		{"Open_Punctuation", "Ps"},
		{"Close_Punctuation", "Pe"},
		{"Initial_Punctuation", "Pi"},
		{"Final_Punctuation", "Pf"},
		{"Other_Punctuation", "Po"},
		{"Symbol", "S"},
		{"Math_Symbol", "Sm"},
		{"Currency_Symbol", "Sc"},
		{"Modifier_Symbol", "Sk"},
		{"Other_Symbol", "So"},
		{"Separator", "Z"},
		{"Space_Separator", "Zs"},
		{"Line_Separator", "Zl"},
		{"Paragraph_Separator", "Zp"},
		{"Other", "C"},
		{"Control", "Cc"},
		{"cntrl", "Cc"},
		{"Format", "Cf"},
		{"Surrogate", "Cs"},
		{"Private_Use", "Co"},
		{"Unassigned", "Cn"},
		{"LC", "L&"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eqz(name, names[i][0]))
			return names[i][1];
	return NULL;
}

/* After "\p" or "\P". */
static bool property(struct rewrite *w, char letter)
{
	if (w->at == w->end || *w->at != '{')
		return refuse(w, "\\p needs a property in { }");
	const char *name = ++w->at, *value = name;
	while (w->at < w->end && (is_alnum(*w->at) || *w->at == '_' || *w->at == '=')) {
		if (*w->at == '=')
			value = w->at + 1;
		w->at++;
	}
	if (w->at == w->end || *w->at != '}' || w->at == value)
		return refuse(w, "\\p needs a property in { }");
	struct str key = str_n(name, value > name ? (size_t)(value - name - 1) : 0);
	struct str of = str_n(value, (size_t)(w->at++ - value));
	const char *known = category(of);
	const char *prefix = "";
	if (str_eqz(key, "Script") || str_eqz(key, "sc"))
		prefix = "sc:";
	else if (str_eqz(key, "Script_Extensions") || str_eqz(key, "scx"))
		prefix = "scx:";
	else if (key.n > 0 && !str_eqz(key, "General_Category") && !str_eqz(key, "gc"))
		return refuse(w, "\\p names a property that is not known");
	if (known && *prefix == '\0')
		of = str_of(known);
	buf_printf(w->out, "\\%c{%s%.*s}", letter, prefix, STR_ARG(of));
	return true;
}

/* \S and its like are also fine within a class, where \S only leaves ASCII white space out. */
static bool class_escape(struct rewrite *w, char c, bool in_class)
{
	if (c == 's')
		buf_puts(w->out, in_class ? SPACE : "[" SPACE "]");
	else if (c == 'S' && !in_class)
		buf_puts(w->out, "[^" SPACE "]");
	else
		buf_printf(w->out, "\\%c", c);
	return true;
}

static bool name_reference(struct rewrite *w)
{
	const char *start = w->at;
	while (w->at < w->end && *w->at != '>')
		w->at++;
	if (start == w->end || *start != '<' || w->at == w->end)
		return refuse(w, "\\k needs a group's name in < >");
	w->at++;
	buf_puts(w->out, "\\k");
	buf_put(w->out, start, (size_t)(w->at - start));
	return true;
}

static bool digit_escape(struct rewrite *w, char c, bool in_class)
{
	bool more = w->at < w->end && *w->at >= '0' && *w->at <= '9';
	if (c == '0' && !more) {
		buf_puts(w->out, "\\x{0}");
		return true;
	}
	if (c == '0' || in_class)
		return refuse(w, "octal escapes are not allowed; write \\xHH");
	buf_printf(w->out, "\\g{%c", c);
	while (w->at < w->end && *w->at >= '0' && *w->at <= '9')
		buf_putc(w->out, *w->at++);
	buf_putc(w->out, '}');
	return true;
}

/* At the backslash. */
static bool escape(struct rewrite *w, bool in_class)
{
	w->at++;
	if (w->at == w->end)
		return refuse(w, "a backslash at the end");
	char c = *w->at++;
	uint32_t code = 0;
	w->repeatable = true;
	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 's':
	case 'S':
		return class_escape(w, c, in_class);
	case 'b':
	case 'B':
		if (in_class) {
			buf_puts(w->out, "\\x{8}");
			return c == 'b' || refuse(w, "\\B in a class");
		}
		w->repeatable = false;
		buf_printf(w->out, "\\%c", c);
		return true;
	case 't':
	case 'n':
	case 'f':
	case 'r':
		buf_printf(w->out, "\\%c", c);
		return true;
	case 'v':
		buf_puts(w->out, "\\x{b}");
		return true;
	case 'c':
		if (w->at == w->end || !is_alnum(*w->at) || *w->at <= '9')
			return refuse(w, "\\c needs a letter");
		return put_code(w, (uint32_t)*w->at++ % 32);
	case 'x':
		if (!read_hex(w, 2, &code))
			return refuse(w, "\\x needs two hexadecimal digits");
		return put_code(w, code);
	case 'u':
		return unicode_escape(w);
	case 'p':
	case 'P':
		return property(w, c);
	case 'k':
		return in_class ? refuse(w, "\\k in a class") : name_reference(w);
	case '0' ... '9':
		return digit_escape(w, c, in_class);
	default:
		break;
	}
	if (is_alnum(c))
		return refuse(w, "an escape that ECMA-262 doesn't know");
	if ((unsigned char)c < 0x80) {
		buf_putc(w->out, '\\');
		buf_putc(w->out, c);
		return true;
	}
	w->at--; /* the character beyond ASCII stands for itself */
	return true;
}

/* At the '['. */
static bool class(struct rewrite *w)
{
	w->at++;
	bool negated = w->at < w->end && *w->at == '^';
	w->at += negated;
	w->repeatable = true;
	if (w->at < w->end && *w->at == ']') {
		w->at++;
		buf_puts(w->out, negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)");
		return true;
	}
	buf_puts(w->out, negated ? "[^" : "[");
	while (w->at < w->end && *w->at != ']') {
		if (*w->at == '\\') {
			if (!escape(w, true))
				return false;
			continue;
		}
		if (*w->at == '[')
			buf_putc(w->out, '\\');
		buf_putc(w->out, *w->at++);
	}
	if (w->at == w->end)
		return refuse(w, "a class is not closed with ]");
	buf_putc(w->out, *w->at++);
	w->repeatable = true;
	return true;
}

/* Length of {n}, {n,} or {n,m} at p; 0 when it is none. */
static size_t braces(const char *p, const char *end)
{
	const char *at = p + 1;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	if (at == p + 1)
		return 0;
	if (at < end && *at == ',')
		at++;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at < end && *at == '}' ? (size_t)(at + 1 - p) : 0;
}

static bool repeat(struct rewrite *w, size_t n)
{
	if (!w->repeatable)
		return refuse(w, "a repeat follows nothing that can be repeated");
	buf_put(w->out, w->at, n);
	w->at += n;
	if (w->at < w->end && *w->at == '?')
		buf_putc(w->out, *w->at++);
	w->repeatable = false;
	return true;
}

/* At the '('. */
static bool group(struct rewrite *w)
{
	static const char *const openers[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<"};
	w->repeatable = false;
	for (size_t i = 0; i < sizeof(openers) / sizeof(openers[0]); i++) {
		if (starts(w, openers[i])) {
			buf_puts(w->out, openers[i]);
			w->at += str_of(openers[i]).n;
			return true;
		}
	}
	if (starts(w, "(?") || starts(w, "(*"))
		return refuse(w, "a group that ECMA-262 doesn't know");
	buf_putc(w->out, *w->at++);
	return true;
}

static bool rewrite_one(struct rewrite *w)
{
	size_t n;
	switch (*w->at) {
	case '\\':
		return escape(w, false);
	case '[':
		return class(w);
	case '(':
		return group(w);
	case '*':
	case '+':
	case '?':
		return repeat(w, 1);
	case '{':
		n = braces(w->at, w->end);
		if (n > 0)
			return repeat(w, n);
		buf_puts(w->out, "\\{");
		w->at++;
		break;
	case '.':
		buf_puts(w->out, "[^\\n\\r\\x{2028}\\x{2029}]");
		w->at++;
		break;
	case '^':
	case '|':
		buf_putc(w->out, *w->at++);
		w->repeatable = false;
		return true;
	case '$':
		buf_puts(w->out, "$");
		w->at++;
		w->repeatable = false;
		return true;
	default:
		buf_putc(w->out, *w->at++);
		break;
	}
	w->repeatable = true;
	return true;
}

static int rewrite_all(struct str pattern, struct buf *out, char *message, size_t size)
{
	struct rewrite w = {.at = pattern.p, .out = out};
	w.start = pattern.p;
	w.end = pattern.p + pattern.n;
	while (w.at < w.end) {
		const char *before = w.at;
		if (!rewrite_one(&w)) {
			snprintf(message, size, "%s, at character %zu", w.error,
				 utf8_length(str_n(w.start, (size_t)(before - w.start))) + 1);
			return -EINVAL;
		}
	}
	return 0;
}

int pattern_compile(struct str pattern, struct pattern **ret, char *message, size_t size)
{
	if (pattern.n > LIMIT_PATTERN_SOURCE_BYTES) {
		snprintf(message, size, "is longer than %d bytes", LIMIT_PATTERN_SOURCE_BYTES);
		return -EINVAL;
	}
	if (!utf8_valid(pattern)) {
		snprintf(message, size, "is not valid UTF-8");
		return -EINVAL;
	}
	CLEANUP_BUF struct buf text = {0};
	buf_reserve(&text, pattern.n);
	if (rewrite_all(pattern, &text, message, size))
		return -EINVAL;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_set_parens_nest_limit(context, LIMIT_PATTERN_NESTING);
	int error;
	size_t offset;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)text.p, text.n,
			      PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
				      PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES,
			      &error, &offset, context);
	pcre2_compile_context_free(context);
	if (!code) {
		PCRE2_UCHAR8 text_of_error[120] = "";
		pcre2_get_error_message(error, text_of_error, sizeof(text_of_error));
		snprintf(message, size, "%s", (char *)text_of_error);
		return -EINVAL;
	}
	uint32_t options = 0;
	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	struct pattern *re = NEW0(struct pattern);
	re->code = code;
	re->anchored = options & PCRE2_ANCHORED;
	*ret = re;
	return 0;
}

void pattern_free(struct pattern *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	free(re);
}

size_t pattern_size_bytes(const struct pattern *re)
{
	size_t n = 0;
	pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &n);
	return n;
}

static struct pattern_scratch *scratch_new(void)
{
	struct pattern_scratch *s = NEW0(struct pattern_scratch);
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	pcre2_set_heap_limit(s->context, LIMIT_PATTERN_HEAP_KIB);
	return s;
}

void pattern_scratch_free(struct pattern_scratch *s)
{
	if (!s)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	free(s);
}

/*
 * PCRE2 counts its steps anew at each place where a match may start, and a step may run over the
 * whole text. So a pattern that may start anywhere is charged for the square of the length, and
 * the step limit grows only as it is needed, charging what was spent in vain.
 */
enum pattern_result pattern_match(const struct pattern *re, struct str text,
				  struct pattern_scratch **scratch, size_t *steps)
{
	if (text.n > LIMIT_PATTERN_SUBJECT_BYTES)
		return PATTERN_TOO_COSTLY;
	if (!*scratch)
		*scratch = scratch_new();
	*steps += 2 + text.n / 64 + (re->anchored ? 0 : text.n * text.n / 4096);
	for (uint32_t limit = 1000; limit <= LIMIT_PATTERN_STEPS; limit *= 10) {
		pcre2_set_match_limit((*scratch)->context, limit);
		int r = pcre2_match(re->code, (PCRE2_SPTR)text.p, text.n, 0, 0, (*scratch)->data,
				    (*scratch)->context);
		if (r >= 0)
			return PATTERN_YES;
		if (r != PCRE2_ERROR_MATCHLIMIT)
			return r == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_TOO_COSTLY;
		*steps += limit;
	}
	return PATTERN_TOO_COSTLY;
}
