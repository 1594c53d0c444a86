#include "text/redact.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { ALIGNMENTS = 3 };

struct secret {
	struct str bytes;
	/* The characters of its base64 that depend on nothing around it, by alignment. */
	struct str base64[ALIGNMENTS];
};

struct redactor {
	struct secret *secrets;
	size_t n;
	bool starts[256]; /* bytes with which some form of some secret can begin */
};

static const char base64_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct redactor *redactor_new(void)
{
	return NEW0(struct redactor);
}

static void wipe(struct str s)
{
	if (s.p)
		explicit_bzero((void *)(uintptr_t)s.p, s.n);
	free((void *)(uintptr_t)s.p);
}

void redactor_free(struct redactor **ret)
{
	struct redactor *r = *ret;
	if (!r)
		return;
	*ret = NULL;
	for (size_t i = 0; i < r->n; i++) {
		wipe(r->secrets[i].bytes);
		for (int k = 0; k < ALIGNMENTS; k++)
			wipe(r->secrets[i].base64[k]);
	}
	free(r->secrets);
	free(r);
}

static unsigned bit_at(struct str bytes, size_t before, size_t bit)
{
	size_t at = bit / 8;
	if (at < before || at - before >= bytes.n)
		return 0;
	return (unsigned char)bytes.p[at - before] >> (7 - bit % 8) & 1;
}

/* Base64 of the secret with `before` other bytes in front, whole characters of its own only. */
static struct str base64_core(struct str bytes, size_t before)
{
	size_t first = (before * 8 + 5) / 6, end = (before + bytes.n) * 8 / 6;
	char *p = NEW0_ARRAY(char, end - first + 1);
	for (size_t i = first; i < end; i++) {
		unsigned v = 0;
		for (size_t k = 0; k < 6; k++)
			v = v << 1 | bit_at(bytes, before, i * 6 + k);
		p[i - first] = base64_alphabet[v];
	}
	return str_n(p, end - first);
}

static void can_start(struct redactor *r, char c)
{
	r->starts[(unsigned char)c] = true;
}

static void note_starts(struct redactor *r, const struct secret *s)
{
	static const char hex[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	unsigned char first = (unsigned char)s->bytes.p[0];
	can_start(r, s->bytes.p[0]);
	can_start(r, '%');
	can_start(r, '\\');
	can_start(r, hex[first >> 4]);
	can_start(r, upper[first >> 4]);
	if (first == ' ')
		can_start(r, '+');
	for (int k = 0; k < ALIGNMENTS; k++) {
		if (!s->base64[k].n)
			continue;
		char c = s->base64[k].p[0];
		can_start(r, c);
		can_start(r, c == '+' ? '-' : c == '/' ? '_' : c);
	}
}

bool redactor_add(struct redactor *r, struct str secret)
{
	if (secret.n < REDACT_LEAST_BYTES)
		return false;
	r->secrets = mem_grow(r->secrets, (r->n + 1) * sizeof(*r->secrets));
	struct secret *s = &r->secrets[r->n++];
	*s = (struct secret){.bytes = str_n(mem_dup(secret.p, secret.n), secret.n)};
	if (secret.n >= REDACT_LEAST_BASE64)
		for (size_t k = 0; k < ALIGNMENTS; k++)
			s->base64[k] = base64_core(secret, k);
	note_starts(r, s);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of n hex digits at p, or -1. */
static int hex_value(const char *p, const char *end, int n)
{
	int v = 0;
	if (end - p < n)
		return -1;
	for (int i = 0; i < n; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* One code point of a \uXXXX or a pair of them; its length in the text, or 0. */
static size_t json_code(const char *p, const char *end, uint32_t *ret)
{
	int high = end - p >= 6 && p[1] == 'u' ? hex_value(p + 2, end, 4) : -1;
	if (high < 0)
		return 0;
	*ret = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	int low = end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex_value(p + 8, end, 4) : -1;
	if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
	return 12;
}

/* Decodes one JSON escape at p; its length in the text, or 0. */
static size_t json_escape(const char *p, const char *end, char bytes[4], size_t *ret_n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (end - p < 2)
		return 0;
	const char *simple = p[1] ? strchr(from, p[1]) : NULL;
	if (simple) {
		bytes[0] = to[simple - from];
		*ret_n = 1;
		return 2;
	}
	uint32_t code;
	size_t n = json_code(p, end, &code);
	if (n)
		*ret_n = utf8_encode(code, bytes);
	return n;
}

/* Length of the text at p that spells the secret with each byte as it is or escaped; 0: none. */
static size_t match_escaped(struct str s, const char *p, const char *end)
{
	const char *at = p;
	for (size_t i = 0; i < s.n;) {
		char bytes[4];
		size_t n = 1, used = 0;
		if (at == end)
			return 0;
		if (*at == '%' && hex_value(at + 1, end, 2) == (unsigned char)s.p[i])
			used = 3;
		else if (*at == '\\' && (used = json_escape(at, end, bytes, &n)) != 0 &&
			 (n > s.n - i || memcmp(bytes, s.p + i, n) != 0))
			used = 0;
		if (!used) {
			if (*at != s.p[i] && !(*at == '+' && s.p[i] == ' '))
				return 0;
			used = n = 1;
		}
		at += used;
		i += n;
	}
	return (size_t)(at - p);
}

static size_t match_hex(struct str s, const char *p, const char *end)
{
	if ((size_t)(end - p) < s.n * 2)
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(p + 2 * i, end, 2) != (unsigned char)s.p[i])
			return 0;
	return s.n * 2;
}

static bool is_base64(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

static size_t match_base64(struct str core, const char *p, const char *end)
{
	const char *at = p;
	for (size_t i = 0; i < core.n; at++) {
		if (at == end)
			return 0;
		if (i > 0 && (*at == '\n' || *at == '\r'))
			continue;
		char c = *at == '-' ? '+' : *at == '_' ? '/' : *at;
		if (c != core.p[i++])
			return 0;
	}
	/* the next character may hold its last bits */
	while (at < end && is_base64(*at) && at - p < (ptrdiff_t)core.n + 2)
		at++;
	return core.n ? (size_t)(at - p) : 0;
}

/* The longest text at p that spells any secret. */
static size_t longest(const struct redactor *r, const char *p, const char *end)
{
	size_t most = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct secret *s = &r->secrets[i];
		size_t n[2 + ALIGNMENTS] = {match_escaped(s->bytes, p, end),
					    match_hex(s->bytes, p, end)};
		for (int k = 0; k < ALIGNMENTS; k++)
			n[2 + k] = match_base64(s->base64[k], p, end);
		for (size_t k = 0; k < ARRAY_LEN(n); k++)
			most = n[k] > most ? n[k] : most;
	}
	return most;
}

bool redact(const struct redactor *r, struct str text, struct buf *out)
{
	if (!r || r->n == 0) {
		buf_put_str(out, text);
		return false;
	}
	const char *end = text.p + text.n, *kept = text.p, *covered = text.p;
	bool found = false;
	for (const char *p = text.p; p < end; p++) {
		size_t n = r->starts[(unsigned char)*p] ? longest(r, p, end) : 0;
		if (n == 0)
			continue;
		if (p > covered || !found) {
			buf_put(out, kept, (size_t)(p - kept));
			buf_puts(out, REDACT_MARK);
		}
		found = true;
		covered = p + n > covered ? p + n : covered;
		kept = covered;
	}
	buf_put(out, kept, (size_t)(end - kept));
	return found;
}
