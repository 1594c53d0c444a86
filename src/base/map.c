#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

struct map_slot {
	uint64_t hash;
	char *key; /* NULL: never used */
	size_t key_n;
	void *p; /* NULL with a key: deleted */
};

static uint64_t seed;

__attribute__((constructor)) static void seed_once(void)
{
	rng_system(&seed, sizeof(seed));
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t r =
		(__uint128_t)(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ seed ^ 0xe7037ed1a0b428dbULL);
	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t map_hash(struct str key)
{
	uint64_t h = seed ^ key.n;
	const char *p = key.p;
	size_t n = key.n;
	while (n >= 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		h = mix(h ^ w, w);
		p += 8;
		n -= 8;
	}
	uint64_t tail = 0;
	if (n > 0)
		memcpy(&tail, p, n);
	return mix(h ^ tail, tail + n + 1);
}

void map_free(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct map){0};
}

/* The slot that holds key, or the first free one on its path. cap > 0. */
static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
	size_t mask = m->cap - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_slot *s = &m->slots[i];
		if (!s->key)
			return s;
		if (s->hash == hash && s->p && str_eq(str_n(s->key, s->key_n), key))
			return s;
	}
}

static void resize(struct map *m, size_t cap)
{
	struct map old = *m;
	m->slots = NEW0_ARRAY(struct map_slot, cap);
	m->cap = cap;
	m->n_filled = m->n;
	for (size_t i = 0; i < old.cap; i++) {
		struct map_slot *s = &old.slots[i];
		if (s->key && s->p)
			*find(m, str_n(s->key, s->key_n), s->hash) = *s;
		else
			free(s->key);
	}
	free(old.slots);
}

void *map_get(const struct map *m, struct str key)
{
	if (m->n == 0)
		return NULL;
	return find(m, key, map_hash(key))->p;
}

void *map_put(struct map *m, struct str key, void *p)
{
	if ((m->n_filled + 1) * 4 > m->cap * 3)
		resize(m, m->n * 2 < 8 ? 16 : m->n * 4 > m->cap ? m->cap * 2 : m->cap);
	uint64_t hash = map_hash(key);
	struct map_slot *s = find(m, key, hash);
	if (s->key) {
		void *before = s->p;
		s->p = p;
		return before;
	}
	*s = (struct map_slot){.hash = hash, .key = mem_dup(key.p, key.n), .key_n = key.n, .p = p};
	m->n++;
	m->n_filled++;
	return NULL;
}

void *map_remove(struct map *m, struct str key)
{
	if (m->n == 0)
		return NULL;
	struct map_slot *s = find(m, key, map_hash(key));
	if (!s->key)
		return NULL;
	void *p = s->p;
	s->p = NULL;
	m->n--;
	return p;
}

bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_p)
{
	for (; *at < m->cap; (*at)++) {
		const struct map_slot *s = &m->slots[*at];
		if (!s->key || !s->p)
			continue;
		if (ret_key)
			*ret_key = str_n(s->key, s->key_n);
		if (ret_p)
			*ret_p = s->p;
		(*at)++;
		return true;
	}
	return false;
}
