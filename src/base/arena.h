/*
 * A bump allocator for what has an obvious end: one request, one engine step, one evaluation.
 * Nothing is freed on its own; arena_free() or arena_reset() ends everything at once. One thread
 * at a time.
 *
 * Budget: an arena made with a budget never fails in arena_alloc(), but once more than
 * `budget` bytes were handed out arena_over() is true for good. Code that works in proportion to
 * input asks arena_over() in its loops and stops with an error of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* newest first */
	char *at, *end;		   /* free space in the newest chunk */
	size_t used_bytes;	   /* handed out in all */
	size_t budget_bytes;	   /* 0 = none */
};

/* Zero-initialising an arena is as good as arena_init(a, 0). */
void arena_init(struct arena *a, size_t budget_bytes);

/* Frees everything and leaves the arena usable. */
void arena_free(struct arena *a);

/* Forgets everything but keeps the newest chunk for the next round. */
void arena_reset(struct arena *a);

static inline bool arena_over(const struct arena *a)
{
	return a->budget_bytes != 0 && a->used_bytes > a->budget_bytes;
}

/* n bytes aligned for any type, not zeroed, never NULL. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));

/* The same, zeroed. */
void *arena_alloc0(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));

/* Grows the block at p from old_n to n bytes, in place when it is the newest block. */
void *arena_grow(struct arena *a, void *p, size_t old_n, size_t n) __attribute__((returns_nonnull));

/* Copies; the result is NUL-terminated one byte past its length. */
struct str arena_str(struct arena *a, struct str s);
char *arena_dup(struct arena *a, const char *p, size_t n) __attribute__((returns_nonnull));
char *arena_dupz(struct arena *a, const char *z) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3)
	__attribute__((returns_nonnull));

#define ARENA_NEW(a, type) ((type *)arena_alloc0((a), sizeof(type)))
#define ARENA_NEW_ARRAY(a, type, n) ((type *)arena_alloc0((a), sizeof(type) * (size_t)(n)))

#define CLEANUP_ARENA CLEANUP(arena_free)
