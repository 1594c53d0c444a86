/* Looking for special bytes, eight at a time. Pure. */
#pragma once

#include <stdint.h>
#include <string.h>

/* The high bit of each byte of w that is below n (n at most 128), exact up to the first hit. */
static inline uint64_t scan_below(uint64_t w, uint8_t n)
{
	return (w - 0x0101010101010101ULL * n) & ~w & 0x8080808080808080ULL;
}

/*
 * The first byte at or after p that JSON text can't hold as it is, or end: a quote, a backslash,
 * a control character (C0), or a byte from `high` on (0x7f or 0x80).
 */
static inline const char *scan_plain(const char *p, const char *end, uint8_t high)
{
	const uint64_t ones = 0x0101010101010101ULL;
	while (end - p >= 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		uint64_t hit = scan_below(w, 0x20) | scan_below(w ^ ones * '"', 1) |
			       scan_below(w ^ ones * '\\', 1) | (w & ones * 0x80);
		if (high == 0x7f)
			hit |= scan_below(w ^ ones * 0x7f, 1);
		if (hit == 0) {
			p += 8;
			continue;
		}
		return p + (__builtin_ctzll(hit) >> 3);
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < high && *p != '"' &&
	       *p != '\\')
		p++;
	return p;
}
