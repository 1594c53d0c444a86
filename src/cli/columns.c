#include "cli/columns.h"

#include <stdint.h>

#include "base/attr.h"
#include "base/utf8.h"

struct range {
	uint32_t first, last;
};

/* The blocks that Unicode's EastAsianWidth.txt has as W or F, coarsely. */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},	{0x3041, 0xa4cf},   {0xa960, 0xa97c},
	{0xac00, 0xd7a3},   {0xf900, 0xfaff},	{0xfe30, 0xfe6f},   {0xff00, 0xff60},
	{0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
};

static const struct range marks[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static bool within(const struct range *ranges, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The character at `at`: its bytes, and its columns. */
static size_t step(struct str text, size_t at, size_t *ret_columns)
{
	uint32_t code = 0;
	size_t n = utf8_decode(text.p + at, text.p + text.n, &code);
	*ret_columns = 1;
	if (code >= 0x300 && within(marks, ARRAY_LEN(marks), code))
		*ret_columns = 0;
	else if (code >= 0x1100 && within(wide, ARRAY_LEN(wide), code))
		*ret_columns = 2;
	return n ? n : 1;
}

size_t columns_of(struct str text)
{
	size_t sum = 0, width;
	for (size_t at = 0; at < text.n;) {
		at += step(text, at, &width);
		sum += width;
	}
	return sum;
}

size_t columns_begin(struct str text, size_t columns)
{
	size_t at = 0, sum = 0, width;
	while (at < text.n) {
		size_t n = step(text, at, &width);
		if (sum + width > columns)
			break;
		at += n;
		sum += width;
	}
	return at;
}

size_t columns_end(struct str text, size_t columns)
{
	size_t at = 0, left = columns_of(text), width;
	while (at < text.n && left > columns) {
		at += step(text, at, &width);
		left -= width;
	}
	return text.n - at;
}
