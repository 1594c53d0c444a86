#include "base/id.h"

#include <string.h>

void id_gen_init(struct id_gen *g, uint64_t seed)
{
	*g = (struct id_gen){0};
	if (seed == 0)
		rng_system(&seed, sizeof(seed));
	rng_seed(&g->rng, seed);
}

void id_make(struct id_gen *g, int64_t now_ms, char text[ID_TEXT_BYTES])
{
	uint64_t ms = now_ms < 0 ? 0 : (uint64_t)now_ms;
	uint64_t noise = rng_next(&g->rng);
	if (ms > g->last_ms) {
		g->last_ms = ms;
		g->counter = (uint32_t)(noise >> 56);
	} else if (++g->counter > 0xfff) {
		g->last_ms++;
		g->counter = 0;
	}
	uint64_t hi = (g->last_ms << 16) | 0x7000 | g->counter;
	uint64_t lo = (noise & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
	static const char hex[] = "0123456789abcdef";
	char *at = text;
	for (int i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*at++ = '-';
		uint64_t word = i < 16 ? hi : lo;
		*at++ = hex[(word >> (60 - 4 * (i & 15))) & 15];
	}
	*at = '\0';
}

bool id_valid(struct str s)
{
	if (s.n != ID_TEXT_BYTES - 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return false;
		} else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return false;
		}
	}
	return true;
}

uint64_t id_age(struct str id)
{
	uint64_t age = 0;
	for (size_t i = 0, n = 0; i < id.n && n < 16; i++) {
		char c = id.p[i];
		if (c == '-')
			continue;
		age = age << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		n++;
	}
	return age;
}

int64_t id_time_ms(struct str s)
{
	int64_t ms = 0;
	for (size_t i = 0, n = 0; n < 12; i++) {
		if (s.p[i] == '-')
			continue;
		ms = ms << 4 | (s.p[i] <= '9' ? s.p[i] - '0' : s.p[i] - 'a' + 10);
		n++;
	}
	return ms;
}
