#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_FIRST_BYTES = 4096, CHUNK_MOST_BYTES = 1 << 20, ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *older;
	size_t size_bytes;
	_Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t budget_bytes)
{
	*a = (struct arena){.budget_bytes = budget_bytes};
}

static void free_chunks(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *older = c->older;
		free(c);
		c = older;
	}
}

void arena_free(struct arena *a)
{
	free_chunks(a->chunk);
	*a = (struct arena){.budget_bytes = a->budget_bytes};
}

void arena_reset(struct arena *a)
{
	if (!a->chunk)
		return;
	free_chunks(a->chunk->older);
	a->chunk->older = NULL;
	a->at = a->chunk->data;
	a->end = a->chunk->data + a->chunk->size_bytes;
	a->used_bytes = 0;
}

static void add_chunk(struct arena *a, size_t n)
{
	size_t size = a->chunk ? a->chunk->size_bytes * 2 : CHUNK_FIRST_BYTES;
	if (size > CHUNK_MOST_BYTES)
		size = CHUNK_MOST_BYTES;
	if (size < n)
		size = n;
	struct arena_chunk *c = mem_grow(NULL, sizeof(*c) + size);
	c->older = a->chunk;
	c->size_bytes = size;
	a->chunk = c;
	a->at = c->data;
	a->end = c->data + size;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t need = (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
	if (need == 0)
		need = ALIGN;
	if ((size_t)(a->end - a->at) < need)
		add_chunk(a, need);
	void *p = a->at;
	a->at += need;
	a->used_bytes += need;
	return p;
}

void *arena_alloc0(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);
	memset(p, 0, n);
	return p;
}

void *arena_grow(struct arena *a, void *p, size_t old_n, size_t n)
{
	size_t old_need = (old_n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
	if (p && old_need > 0 && (char *)p + old_need == a->at &&
	    (size_t)(a->end - (char *)p) >= n + ALIGN && n >= old_n) {
		size_t need = (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
		a->at = (char *)p + need;
		a->used_bytes += need - old_need;
		return p;
	}
	void *fresh = arena_alloc(a, n);
	if (p && old_n > 0)
		memcpy(fresh, p, old_n < n ? old_n : n);
	return fresh;
}

char *arena_dup(struct arena *a, const char *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

char *arena_dupz(struct arena *a, const char *z)
{
	return arena_dup(a, z, strlen(z));
}

struct str arena_str(struct arena *a, struct str s)
{
	return str_n(arena_dup(a, s.p, s.n), s.n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	s[0] = '\0';
	vsnprintf(s, (size_t)(n < 0 ? 0 : n) + 1, fmt, again);
	va_end(again);
	return s;
}
