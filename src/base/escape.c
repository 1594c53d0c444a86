#include "base/escape.h"

#include "base/utf8.h"

static const char hex[] = "0123456789abcdef";

/* Printable ASCII that needs no escape in JSON. */
static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_u16(struct buf *out, uint32_t code)
{
	char text[6] = {'\\', 'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15],
			hex[code & 15]};
	buf_put(out, text, sizeof(text));
}

static void put_ascii(struct buf *out, unsigned char c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
		if ((unsigned char)shorts[i] == c) {
			char text[2] = {'\\', shorts[i + 1]};
			buf_put(out, text, 2);
			return;
		}
	}
	put_u16(out, c);
}

void escape_json(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;
	buf_reserve(out, s.n + 2);
	buf_putc(out, '"');
	while (p < end) {
		const char *start = p;
		while (p < end && plain((unsigned char)*p))
			p++;
		if (p > start)
			buf_put(out, start, (size_t)(p - start));
		if (p == end)
			break;
		if ((unsigned char)*p < 0x80) {
			put_ascii(out, (unsigned char)*p++);
			continue;
		}
		uint32_t code;
		size_t n = utf8_decode(p, end, &code);
		if (n == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (code < 0xa0)
			put_u16(out, code);
		else
			buf_put(out, p, n);
		p += n ? n : 1;
	}
	buf_putc(out, '"');
}

/* Overrides that make text read otherwise than it is (UAX #9), and the line separators. */
static bool misleading(uint32_t code)
{
	return (code >= 0x80 && code < 0xa0) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void escape_terminal(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		uint32_t code = c;
		size_t n = c < 0x80 ? 1 : utf8_decode(p, end, &code);
		if (n == 0 || (n == 1 && (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n'))))
			buf_printf(out, "\\x%02x", c);
		else if (n > 1 && misleading(code))
			buf_printf(out, "\\u{%x}", code);
		else
			buf_put(out, p, n);
		p += n ? n : 1;
	}
}
