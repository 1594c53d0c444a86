#include "redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "limits.h"
#include "prefilter.h"

enum {
	RUN_LEAST = 40,	 /* bytes of base64 or hexadecimal in a row that are hidden */
	LEAD_BYTES = 60, /* of a long line, shown before the place */
};

struct span {
	size_t start, end;
};

struct redact {
	struct patterns *patterns;
	struct prefilter *filter; /* all secret rules, whatever the language */
	bool hit[RULES_MOST];
	struct span spans[LIMIT_SCAN_SPANS];
	size_t n;
	bool all; /* hide the whole line */
};

struct redact *redact_new(struct patterns *p)
{
	struct redact *r = NEW0(struct redact);
	bool wanted[RULES_MOST] = {false};
	for (size_t i = 0; i < rules_count; i++)
		wanted[i] = rules_table[i].category == CATEGORY_SECRETS;
	r->patterns = p;
	r->filter = prefilter_new(wanted);
	return r;
}

struct redact *redact_free(struct redact *r)
{
	if (r) {
		prefilter_free(r->filter);
		free(r);
	}
	return NULL;
}

static void hide(struct redact *r, size_t start, size_t end)
{
	if (r->n == LIMIT_SCAN_SPANS) {
		r->all = true;
		return;
	}
	r->spans[r->n++] = (struct span){start, end};
}

static void on_hit(void *ctx, size_t at, size_t n, size_t rule)
{
	struct redact *r = ctx;
	r->hit[rule] = true;
}

static void hide_matches(struct redact *r, size_t rule, const struct patterns_subject *s)
{
	size_t from = 0;
	while (from <= s->text.n && !r->all) {
		struct patterns_match m;
		switch (patterns_find(r->patterns, rule, s, from, &m)) {
		case PATTERNS_NONE:
			return;
		case PATTERNS_GAVE_UP:
			r->all = true;
			return;
		case PATTERNS_FOUND:
			break;
		}
		hide(r, m.secret_start, m.secret_end);
		from = m.end > m.start ? m.end : m.start + 1;
		/* an overlapping second value of the same kind starts inside the first match */
		if (m.secret_end < m.end && m.secret_end > m.start)
			from = m.secret_end;
	}
}

static bool is_run_byte(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("+/_-=", c) != NULL);
}

static void hide_runs(struct redact *r, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t start = i;
		bool digit = false, letter = false;
		for (; i < s.n && is_run_byte(s.p[i]); i++) {
			digit |= isdigit((unsigned char)s.p[i]) != 0;
			letter |= isalpha((unsigned char)s.p[i]) != 0;
		}
		if (i - start >= RUN_LEAST && digit && letter)
			hide(r, start, i);
		i += i == start;
	}
}

static const char *const secret_words[] = {
	"password", "passwd", "passphrase", "passwort",	   "pwd",	 "secret",   "token",
	"api_key",  "apikey", "api-key",    "private_key", "access_key", "auth_key", "credential",
};

/* The length of a word at s[at ..] that names a secret, or 0. */
static size_t secret_word(struct str s, size_t at)
{
	for (size_t i = 0; i < ARRAY_LEN(secret_words); i++) {
		size_t n = strlen(secret_words[i]);
		if (n <= s.n - at && strncasecmp(s.p + at, secret_words[i], n) == 0)
			return n;
	}
	return 0;
}

static size_t skip(struct str s, size_t at, const char *bytes)
{
	while (at < s.n && s.p[at] != '\0' && strchr(bytes, s.p[at]))
		at++;
	return at;
}

/* Where an unquoted value ends when it looks like one, else `at`. */
static size_t bare_value_end(struct str s, size_t at)
{
	size_t end = at;
	bool digit = false;
	for (; end < s.n && !isspace((unsigned char)s.p[end]) && !strchr(",;\"'`&", s.p[end]);
	     end++) {
		if (strchr("()[]{}<>", s.p[end]))
			return at;
		digit |= isdigit((unsigned char)s.p[end]) != 0;
	}
	return digit ? end : at;
}

/*
 * What is put into something called password, token and the like, more generously than the rules
 * do: their patterns ask for what may not stand on this line (an end, a quote).
 */
static void hide_assigned(struct redact *r, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t n = secret_word(s, i);
		if (n == 0)
			continue;
		size_t at = i + n;
		while (at < s.n && (isalnum((unsigned char)s.p[at]) || s.p[at] == '_'))
			at++;
		at = skip(s, at, "\"'] \t");
		size_t sign = skip(s, at, ":=>");
		if (sign == at)
			continue;
		at = skip(s, sign, " \t");
		size_t quote = skip(s, at, "ubrfUBRFL@");
		if (quote < s.n && s.p[quote] && strchr("\"'`", s.p[quote])) {
			const char *end = memchr(s.p + quote + 1, s.p[quote], s.n - quote - 1);
			hide(r, quote + 1, end ? (size_t)(end - s.p) : s.n);
		} else if (bare_value_end(s, at) >= at + 4) {
			hide(r, at, bare_value_end(s, at));
		}
		i = sign - 1;
	}
}

/* Whether the line lies in the body of a private key that began above it. */
static bool in_key_block(const char *text, size_t line_start)
{
	size_t from = line_start > LIMIT_SCAN_PEM_BYTES ? line_start - LIMIT_SCAN_PEM_BYTES : 0;
	const char *p = text + from, *end = text + line_start, *last = NULL;
	while ((p = memmem(p, (size_t)(end - p), "-----BEGIN", 10)) != NULL) {
		last = p;
		p += 10;
	}
	if (!last)
		return false;
	const char *nl = memchr(last, '\n', (size_t)(end - last));
	size_t head_n = (size_t)((nl ? nl : end) - last);
	return memmem(last, head_n, "PRIVATE KEY", 11) &&
	       !memmem(last, (size_t)(end - last), "-----END", 8);
}

static size_t hidden_until(const struct redact *r, size_t at)
{
	size_t until = at;
	for (size_t i = 0; i < r->n; i++)
		if (r->spans[i].start <= at && r->spans[i].end > until)
			until = r->spans[i].end;
	return until;
}

/* One character of s at i into out; how many bytes of s it took. */
static size_t put_char(struct buf *out, struct str s, size_t i)
{
	uint32_t code;
	size_t len = utf8_decode(s.p + i, s.p + s.n, &code);
	if (len == 0) {
		buf_puts(out, "\xEF\xBF\xBD");
		return 1;
	}
	buf_put(out, s.p + i, len);
	return len;
}

static void write_excerpt(struct redact *r, struct buf *out, struct str s, size_t from)
{
	static const char mark[] = "[redacted]";
	while (from < s.n) {
		size_t until = hidden_until(r, from), before = out->n;
		if (until > from) {
			bool adjoins = out->n >= sizeof(mark) - 1 &&
				       memcmp(out->p + out->n - (sizeof(mark) - 1), mark,
					      sizeof(mark) - 1) == 0;
			if (!adjoins)
				buf_puts(out, mark);
			from = until;
		} else {
			from += put_char(out, s, from);
		}
		if (out->n > LIMIT_SCAN_EXCERPT_BYTES) {
			out->n = before;
			out->p[before] = '\0';
			return;
		}
	}
}

/* Where the excerpt starts: behind the indent, or a little before the place in a long line. */
static size_t excerpt_start(struct str s, size_t at)
{
	size_t start = 0;
	while (start < at && isspace((unsigned char)s.p[start]))
		start++;
	if (s.n - start > LIMIT_SCAN_EXCERPT_BYTES && at - start > LEAD_BYTES)
		start = at - LEAD_BYTES;
	while (start < at && ((unsigned char)s.p[start] & 0xC0) == 0x80)
		start++;
	return start;
}

char *redact_excerpt(struct redact *r, const char *text, size_t line_start, size_t line_end,
		     size_t at)
{
	size_t reach = 2 * LIMIT_SCAN_WINDOW_BYTES;
	size_t from = at - line_start > reach ? at - reach : line_start;
	size_t to = line_end - at > reach ? at + reach : line_end;
	struct str s = str_n(text + from, to - from);
	struct patterns_subject subject = {
		.text = s, .cut_start = from > line_start, .cut_end = to < line_end};
	r->n = 0;
	r->all = in_key_block(text, line_start);
	memset(r->hit, 0, sizeof(r->hit));
	prefilter_run(r->filter, s.p, s.n, on_hit, r);
	for (size_t i = 0; i < rules_count; i++)
		if (r->hit[i])
			hide_matches(r, i, &subject);
	hide_runs(r, s);
	hide_assigned(r, s);
	struct buf out = {0};
	if (r->all)
		buf_puts(&out, "[redacted]");
	else
		write_excerpt(r, &out, s, excerpt_start(s, at - from));
	while (out.n > 0 && isspace((unsigned char)out.p[out.n - 1]))
		out.p[--out.n] = '\0';
	return buf_take(&out);
}
