#include "base/utf8.h"

size_t utf8_decode(const char *p, const char *end, uint32_t *ret_code)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t left = (size_t)(end - p);
	unsigned char c = u[0];
	if (c < 0x80) {
		*ret_code = c;
		return 1;
	}
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4 || left < n)
		return 0;
	uint32_t code = c & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = (code << 6) | (u[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return n;
}

size_t utf8_valid_prefix(struct str s)
{
	const char *p = s.p, *end = s.p + s.n;
	while (p < end) {
		uint64_t w;
		while (end - p >= 8 && (memcpy(&w, p, 8), (w & 0x8080808080808080ULL) == 0))
			p += 8;
		if (p == end)
			break;
		uint32_t code;
		size_t n = utf8_decode(p, end, &code);
		if (n == 0)
			break;
		p += n;
	}
	return (size_t)(p - s.p);
}

size_t utf8_encode(uint32_t code, char b[4])
{
	if (code < 0x80) {
		b[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		b[0] = (char)(0xc0 | (code >> 6));
		b[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		b[0] = (char)(0xe0 | (code >> 12));
		b[1] = (char)(0x80 | ((code >> 6) & 0x3f));
		b[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	b[0] = (char)(0xf0 | (code >> 18));
	b[1] = (char)(0x80 | ((code >> 12) & 0x3f));
	b[2] = (char)(0x80 | ((code >> 6) & 0x3f));
	b[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

size_t utf8_length(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}
