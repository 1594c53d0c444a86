#include "base/escape.h"

#include "base/scan.h"
#include "base/utf8.h"

static const char hex[] = "0123456789abcdef";

static void put_u16(struct buf *out, uint32_t code)
{
	char text[6] = {
		'\\',	       'u', hex[code >> 12 & 15], hex[code >> 8 & 15], hex[code >> 4 & 15],
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

/* Length of a character beyond ASCII that stands for itself; 0: it is to be escaped. */
static size_t plain_beyond(const char *p, const char *end)
{
	uint32_t code;
	size_t n = utf8_decode(p, end, &code);
	return n > 0 && code >= 0xa0 ? n : 0;
}

/* At a byte that can't stand for itself; the length of what it stands for. */
static size_t put_escaped(struct buf *out, const char *p, const char *end)
{
	if ((unsigned char)*p < 0x80) {
		put_ascii(out, (unsigned char)*p);
		return 1;
	}
	uint32_t code;
	size_t n = utf8_decode(p, end, &code);
	if (n == 0) {
		buf_puts(out, "\xef\xbf\xbd");
		return 1;
	}
	put_u16(out, code);
	return n;
}

void escape_json(struct buf *out, struct str s)
{
	const char *p = s.p ? s.p : "", *end = p + s.n, *start = p;
	buf_reserve(out, s.n + 2);
	buf_putc(out, '"');
	for (;;) {
		p = scan_plain(p, end, 0x7f);
		if (p == end)
			break;
		size_t n = (unsigned char)*p < 0x80 ? 0 : plain_beyond(p, end);
		if (n > 0) {
			p += n;
			continue;
		}
		buf_put(out, start, (size_t)(p - start));
		p += put_escaped(out, p, end);
		start = p;
	}
	buf_put(out, start, (size_t)(p - start));
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
