#include "prefilter.h"

#include <string.h>
#include <strings.h>

#include "base/fault.h"
#include "base/mem.h"

enum {
	BITMAP_BITS = 18, /* 32 KiB */
	HEAD_BITS = 12,
	GRAM = 4,
};

struct literal {
	const char *z;
	uint16_t n;
	uint16_t rule;
};

/* A group of four folded bytes that stands `offset` bytes into a literal (it may be -1). */
struct entry {
	uint32_t gram;
	uint16_t literal;
	int16_t offset;
	uint32_t next; /* 1-based; 0 ends */
};

struct prefilter {
	uint8_t bitmap[1 << (BITMAP_BITS - 3)];
	uint32_t head[1 << HEAD_BITS];
	struct literal *literals;
	size_t n_literals;
	struct entry *entries;
	size_t n_entries, cap_entries;
};

static const uint32_t fold_mask = 0x20202020u;

static inline uint32_t gram_at(const char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v | fold_mask;
}

static inline uint32_t gram_hash(uint32_t gram)
{
	return gram * 0x9E3779B1u;
}

static inline unsigned bit_of(const struct prefilter *f, uint32_t gram)
{
	uint32_t h = gram_hash(gram) >> (32 - BITMAP_BITS);
	return (f->bitmap[h >> 3] >> (h & 7)) & 1u;
}

static void add_gram(struct prefilter *f, uint32_t gram, size_t literal, int offset)
{
	if (f->n_entries == f->cap_entries) {
		f->cap_entries = f->cap_entries ? f->cap_entries * 2 : 1024;
		f->entries = mem_grow(f->entries, f->cap_entries * sizeof(*f->entries));
	}
	uint32_t h = gram_hash(gram);
	uint32_t bit = h >> (32 - BITMAP_BITS);
	uint32_t *head = &f->head[h >> (32 - HEAD_BITS)];
	f->entries[f->n_entries] = (struct entry){.gram = gram,
						  .literal = (uint16_t)literal,
						  .offset = (int16_t)offset,
						  .next = *head};
	*head = (uint32_t)++f->n_entries;
	f->bitmap[bit >> 3] = (uint8_t)(f->bitmap[bit >> 3] | 1u << (bit & 7));
}

/* The group whose byte `hole` may be anything. */
static void add_gram_with_hole(struct prefilter *f, const char bytes[GRAM], int hole,
			       size_t literal, int offset)
{
	char b[GRAM];
	memcpy(b, bytes, GRAM);
	for (int v = 0; v < 256; v++) {
		if (!(v & 0x20))
			continue;
		b[hole] = (char)v;
		add_gram(f, gram_at(b), literal, offset);
	}
}

/* How common a byte is in source text, roughly; folded letters. */
static unsigned weight(char c)
{
	static const char common[] = " etaoinsrlcdupmfhg_.,\"()";
	const char *at = strchr(common, c | 0x20);
	return c == 0 || !at ? 1 : (unsigned)(sizeof(common) - (size_t)(at - common)) + 2;
}

/* The place of the two rarest neighbouring groups. */
static size_t rarest(const char *z, size_t n)
{
	size_t best = 0;
	unsigned best_weight = ~0u;
	for (size_t o = 0; o + GRAM + 1 <= n; o++) {
		unsigned w = 1;
		for (size_t i = 0; i < GRAM + 1; i++)
			w *= weight(z[o + i]);
		if (w < best_weight) {
			best_weight = w;
			best = o;
		}
	}
	return best;
}

static void add_literal(struct prefilter *f, const char *z, size_t rule)
{
	size_t n = strlen(z), id = f->n_literals++;
	f->literals[id] = (struct literal){.z = z, .n = (uint16_t)n, .rule = (uint16_t)rule};
	ASSERT(n >= 3);
	if (n > GRAM) {
		size_t o = rarest(z, n);
		add_gram(f, gram_at(z + o), id, (int)o);
		add_gram(f, gram_at(z + o + 1), id, (int)o + 1);
	} else if (n == GRAM) {
		char b[GRAM] = {z[1], z[2], z[3], 0};
		add_gram(f, gram_at(z), id, 0);
		add_gram_with_hole(f, b, 3, id, 1);
	} else {
		char after[GRAM] = {z[0], z[1], z[2], 0}, before[GRAM] = {0, z[0], z[1], z[2]};
		add_gram_with_hole(f, after, 3, id, 0);
		add_gram_with_hole(f, before, 0, id, -1);
	}
}

struct prefilter *prefilter_new(const bool wanted[RULES_MOST])
{
	struct prefilter *f = NEW0(struct prefilter);
	size_t n = 0;
	for (size_t i = 0; i < rules_count; i++)
		for (size_t k = 0; rules_table[i].needs[k]; k++)
			n++;
	f->literals = NEW0_ARRAY(struct literal, n + 1);
	for (size_t i = 0; i < rules_count; i++)
		for (size_t k = 0; wanted[i] && rules_table[i].needs[k]; k++)
			add_literal(f, rules_table[i].needs[k], i);
	return f;
}

struct prefilter *prefilter_free(struct prefilter *f)
{
	if (f) {
		free(f->literals);
		free(f->entries);
		free(f);
	}
	return NULL;
}

static void look(const struct prefilter *f, const char *text, size_t n, size_t at, prefilter_fn *fn,
		 void *ctx)
{
	uint32_t gram = gram_at(text + at);
	uint32_t e = f->head[gram_hash(gram) >> (32 - HEAD_BITS)];
	for (; e != 0; e = f->entries[e - 1].next) {
		const struct entry *entry = &f->entries[e - 1];
		if (entry->gram != gram || (ptrdiff_t)at < entry->offset)
			continue;
		const struct literal *l = &f->literals[entry->literal];
		size_t start = (size_t)((ptrdiff_t)at - entry->offset);
		if (start + l->n <= n && strncasecmp(text + start, l->z, l->n) == 0)
			fn(ctx, start, l->n, l->rule);
	}
}

void prefilter_run(const struct prefilter *f, const char *text, size_t n, prefilter_fn *fn,
		   void *ctx)
{
	size_t at = 0;
	for (; at + 16 <= n; at += 16) {
		const char *p = text + at;
		unsigned hits = bit_of(f, gram_at(p)) | bit_of(f, gram_at(p + 2)) << 1 |
				bit_of(f, gram_at(p + 4)) << 2 | bit_of(f, gram_at(p + 6)) << 3 |
				bit_of(f, gram_at(p + 8)) << 4 | bit_of(f, gram_at(p + 10)) << 5 |
				bit_of(f, gram_at(p + 12)) << 6 | bit_of(f, gram_at(p + 14)) << 7;
		for (; __builtin_expect(hits != 0, 0); hits &= hits - 1)
			look(f, text, n, at + 2 * (size_t)__builtin_ctz(hits), fn, ctx);
	}
	for (; at < n; at += 2)
		if (bit_of(f, gram_at(text + at)))
			look(f, text, n, at, fn, ctx);
}
