#include "text/cel_lex.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/utf8.h"
#include "text/cel_run.h"

bool cel_lex_fail(struct cel_lexer *l, size_t at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cel_error_format(l->error, CEL_ERROR_SYNTAX, at, fmt, ap);
	va_end(ap);
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
	return is_name_start(c) || is_digit(c);
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The character `ahead` of the cursor; NUL past the end. */
static char peek(const struct cel_lexer *l, size_t ahead)
{
	size_t at = l->at + ahead;
	return at < l->source.n ? l->source.p[at] : '\0';
}

static void skip_space(struct cel_lexer *l)
{
	for (;;) {
		char c = peek(l, 0);
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
			l->at++;
		} else if (c == '/' && peek(l, 1) == '/') {
			while (l->at < l->source.n && l->source.p[l->at] != '\n')
				l->at++;
		} else {
			return;
		}
	}
}

static bool lex_hex(struct cel_lexer *l, struct cel_token *t)
{
	l->at += 2;
	size_t first = l->at;
	for (int d; (d = hex_digit(peek(l, 0))) >= 0; l->at++) {
		if (t->u >> 60)
			return cel_lex_fail(l, t->at, "the number does not fit 64 bits");
		t->u = t->u << 4 | (uint64_t)d;
	}
	if (l->at == first)
		return cel_lex_fail(l, t->at, "expected hexadecimal digits after 0x");
	return true;
}

static bool lex_double(struct cel_lexer *l, struct cel_token *t)
{
	char text[64];
	size_t n = l->at - t->at;
	if (n >= sizeof(text))
		return cel_lex_fail(l, t->at, "the number is longer than %zu characters",
				    sizeof(text) - 1);
	memcpy(text, l->source.p + t->at, n);
	text[n] = '\0';
	t->kind = CEL_TOKEN_DOUBLE;
	t->d = strtod(text, NULL);
	if (!isfinite(t->d))
		return cel_lex_fail(l, t->at, "the number does not fit a double");
	return true;
}

static bool lex_decimal(struct cel_lexer *l, struct cel_token *t)
{
	bool real = false, fits = true;
	for (; is_digit(peek(l, 0)); l->at++) {
		uint64_t d = (uint64_t)(peek(l, 0) - '0');
		fits = fits && t->u <= (UINT64_MAX - d) / 10;
		t->u = t->u * 10 + d;
	}
	if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
		real = true;
		for (l->at++; is_digit(peek(l, 0)); l->at++)
			;
	}
	if (peek(l, 0) == 'e' || peek(l, 0) == 'E') {
		size_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';
		if (!is_digit(peek(l, 1 + sign)))
			return cel_lex_fail(l, l->at, "expected the digits of an exponent");
		real = true;
		for (l->at += 1 + sign; is_digit(peek(l, 0)); l->at++)
			;
	}
	if (real)
		return lex_double(l, t);
	if (!fits)
		return cel_lex_fail(l, t->at, "the number does not fit 64 bits");
	return true;
}

static bool lex_number(struct cel_lexer *l, struct cel_token *t)
{
	t->kind = CEL_TOKEN_INT;
	bool hex = peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X');
	if (!(hex ? lex_hex(l, t) : lex_decimal(l, t)))
		return false;
	if (t->kind == CEL_TOKEN_INT && (peek(l, 0) == 'u' || peek(l, 0) == 'U')) {
		t->kind = CEL_TOKEN_UINT;
		l->at++;
	}
	if (is_name(peek(l, 0)))
		return cel_lex_fail(l, l->at, "a name cannot follow a number directly");
	return true;
}

struct literal {
	bool raw, bytes, triple;
	char quote;
	char *out; /* as long as the source: no escape grows */
	size_t n;
};

static void put_code(struct literal *s, uint32_t code)
{
	if (s->bytes)
		s->out[s->n++] = (char)code;
	else
		s->n += utf8_encode(code, s->out + s->n);
}

static bool lex_hex_escape(struct cel_lexer *l, struct literal *s, int digits)
{
	size_t at = l->at;
	uint32_t code = 0;
	l->at += 2;
	for (int i = 0; i < digits; i++, l->at++) {
		int d = hex_digit(peek(l, 0));
		if (d < 0)
			return cel_lex_fail(l, at, "the escape \\%c needs %d hexadecimal digits",
					    l->source.p[at + 1], digits);
		code = code << 4 | (uint32_t)d;
	}
	if (s->bytes && digits > 2)
		return cel_lex_fail(l, at, "bytes have no \\u and \\U escapes");
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return cel_lex_fail(l, at, "the escape is not a Unicode character");
	put_code(s, code);
	return true;
}

static bool lex_octal_escape(struct cel_lexer *l, struct literal *s)
{
	uint32_t code = 0;
	for (size_t i = 1; i <= 3; i++) {
		char c = peek(l, i);
		if (c < '0' || c > (i == 1 ? '3' : '7'))
			return cel_lex_fail(l, l->at, "an octal escape is \\000 to \\377");
		code = code << 3 | (uint32_t)(c - '0');
	}
	l->at += 4;
	put_code(s, code);
	return true;
}

static bool lex_escape(struct cel_lexer *l, struct literal *s)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	char c = peek(l, 1);
	const char *simple = c ? strchr(from, c) : NULL;
	if (simple) {
		s->out[s->n++] = to[simple - from];
		l->at += 2;
		return true;
	}
	if (c == 'x' || c == 'X')
		return lex_hex_escape(l, s, 2);
	if (c == 'u')
		return lex_hex_escape(l, s, 4);
	if (c == 'U')
		return lex_hex_escape(l, s, 8);
	if (is_digit(c))
		return lex_octal_escape(l, s);
	return cel_lex_fail(l, l->at, "unknown escape; a backslash itself is written \\\\");
}

static bool at_quotes(const struct cel_lexer *l, const struct literal *s)
{
	if (peek(l, 0) != s->quote)
		return false;
	return !s->triple || (peek(l, 1) == s->quote && peek(l, 2) == s->quote);
}

/* Bytes up to the closing quote, at least. */
static size_t literal_room(const struct cel_lexer *l, const struct literal *s)
{
	struct cel_lexer ahead = *l;
	while (ahead.at < l->source.n && !at_quotes(&ahead, s))
		ahead.at += peek(&ahead, 0) == '\\' && !s->raw ? 2 : 1;
	return ahead.at - l->at;
}

static bool lex_literal_body(struct cel_lexer *l, struct cel_token *t, struct literal *s)
{
	while (!at_quotes(l, s)) {
		if (l->at >= l->source.n)
			return cel_lex_fail(l, t->at, "the string has no closing quote");
		char c = peek(l, 0);
		if (!s->triple && (c == '\n' || c == '\r'))
			return cel_lex_fail(l, t->at,
					    "a string over several lines needs "
					    "triple quotes");
		if (c == '\\' && !s->raw) {
			if (!lex_escape(l, s))
				return false;
			continue;
		}
		if ((unsigned char)c < 0x80) {
			s->out[s->n++] = c;
			l->at++;
			continue;
		}
		uint32_t code;
		const char *p = l->source.p + l->at;
		size_t n = utf8_decode(p, l->source.p + l->source.n, &code);
		if (n == 0)
			return cel_lex_fail(l, l->at, "the string is not valid UTF-8");
		memcpy(s->out + s->n, p, n);
		s->n += n;
		l->at += n;
	}
	return true;
}

static bool lex_literal(struct cel_lexer *l, struct cel_token *t, bool raw, bool bytes)
{
	struct literal s = {.raw = raw, .bytes = bytes, .quote = peek(l, 0)};
	s.triple = peek(l, 1) == s.quote && peek(l, 2) == s.quote;
	l->at += s.triple ? 3 : 1;
	s.out = arena_alloc(l->arena, literal_room(l, &s) + 1);
	if (!lex_literal_body(l, t, &s))
		return false;
	l->at += s.triple ? 3 : 1;
	s.out[s.n] = '\0';
	t->kind = bytes ? CEL_TOKEN_BYTES : CEL_TOKEN_STRING;
	t->text = str_n(s.out, s.n);
	return true;
}

/* Whether a literal with a prefix (r'' b'' br'') begins here; then takes the prefix. */
static bool take_prefix(struct cel_lexer *l, bool *ret_raw, bool *ret_bytes)
{
	size_t n = 0;
	bool bytes = peek(l, n) == 'b' || peek(l, n) == 'B';
	n += bytes;
	bool raw = peek(l, n) == 'r' || peek(l, n) == 'R';
	n += raw;
	if (peek(l, n) != '\'' && peek(l, n) != '"')
		return false;
	l->at += n;
	*ret_raw = raw;
	*ret_bytes = bytes;
	return true;
}

static void lex_name(struct cel_lexer *l, struct cel_token *t)
{
	static const struct {
		const char *name;
		int kind;
	} words[] = {
		{"true", CEL_TOKEN_TRUE},
		{"false", CEL_TOKEN_FALSE},
		{"null", CEL_TOKEN_NULL},
		{"in", CEL_TOKEN_IN},
	};
	static const char *const reserved[] = {
		"as",	     "break",  "const",	 "continue", "else",  "for",
		"function",  "if",     "import", "let",	     "loop",  "package",
		"namespace", "return", "var",	 "void",     "while",
	};
	while (is_name(peek(l, 0)))
		l->at++;
	struct str name = str_n(l->source.p + t->at, l->at - t->at);
	t->kind = CEL_TOKEN_IDENT;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eqz(name, words[i].name))
			t->kind = words[i].kind;
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		t->reserved = t->reserved || str_eqz(name, reserved[i]);
	t->text = name;
}

static bool lex_quoted_name(struct cel_lexer *l, struct cel_token *t)
{
	size_t first = ++l->at;
	for (char c; (c = peek(l, 0)) != '`'; l->at++)
		if (!is_name(c) && (c == '\0' || !strchr("-./ ", c)))
			return cel_lex_fail(l, t->at,
					    "a name in backquotes holds letters, digits "
					    "and _ - . / and space");
	if (l->at == first)
		return cel_lex_fail(l, t->at, "the name in backquotes is empty");
	t->kind = CEL_TOKEN_QUOTED;
	t->text = str_n(l->source.p + first, l->at - first);
	l->at++;
	return true;
}

static bool lex_operator(struct cel_lexer *l, struct cel_token *t)
{
	static const struct {
		char text[3];
		int kind;
	} pairs[] = {
		{"==", CEL_TOKEN_EQ}, {"!=", CEL_TOKEN_NE},  {"<=", CEL_TOKEN_LE},
		{">=", CEL_TOKEN_GE}, {"&&", CEL_TOKEN_AND}, {"||", CEL_TOKEN_OR},
	};
	char c = peek(l, 0);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (c == pairs[i].text[0] && peek(l, 1) == pairs[i].text[1]) {
			t->kind = pairs[i].kind;
			l->at += 2;
			return true;
		}
	if (c != '\0' && strchr("+-*/%<>!?:.,()[]{}", c)) {
		t->kind = c;
		l->at++;
		return true;
	}
	if (c == '=')
		return cel_lex_fail(l, t->at, "'=' is not an operator; equality is written ==");
	if (c == '&' || c == '|')
		return cel_lex_fail(l, t->at, "'%c' is not an operator; write %c%c", c, c, c);
	if (c > ' ' && c < 0x7f)
		return cel_lex_fail(l, t->at, "unexpected character '%c'", c);
	return cel_lex_fail(l, t->at, "unexpected character 0x%02x", (unsigned)(unsigned char)c);
}

static bool lex_token(struct cel_lexer *l, struct cel_token *t)
{
	char c = peek(l, 0);
	bool raw = false, bytes = false;
	if (take_prefix(l, &raw, &bytes))
		return lex_literal(l, t, raw, bytes);
	if (is_name_start(c)) {
		lex_name(l, t);
		return true;
	}
	if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
		return lex_number(l, t);
	if (c == '`')
		return lex_quoted_name(l, t);
	return lex_operator(l, t);
}

bool cel_lex(struct cel_lexer *l, struct cel_token *t)
{
	skip_space(l);
	*t = (struct cel_token){.at = l->at, .end = l->at};
	if (l->at - l->start > LIMIT_CEL_SOURCE_BYTES) {
		cel_lex_fail(l, l->at, "the expression is longer than %d bytes",
			     LIMIT_CEL_SOURCE_BYTES);
		l->error->code = CEL_ERROR_LIMIT;
		return false;
	}
	if (l->at >= l->source.n)
		return true;
	if (!lex_token(l, t))
		return false;
	t->end = l->at;
	if (t->kind == CEL_TOKEN_IDENT || t->kind == CEL_TOKEN_QUOTED)
		t->text = arena_str(l->arena, t->text);
	return true;
}
