/*
 * A growable byte buffer. Zero-initialise to make one; buf_free() when done (or CLEANUP_BUF).
 * The bytes at p[0..n) are followed by a NUL that does not count. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
};

void buf_free(struct buf *b);
#define CLEANUP_BUF CLEANUP(buf_free)

/* Keeps the memory, forgets the bytes. */
static inline void buf_clear(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

/* Room for n more bytes; the caller may write them at p + n and then add to n. */
void buf_reserve(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *bytes, size_t n);
static inline void buf_putc(struct buf *b, char c)
{
	if (b->n + 2 > b->cap)
		buf_reserve(b, 1);
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}
void buf_puts(struct buf *b, const char *z);
void buf_put_str(struct buf *b, struct str s);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

/* Hands the memory to the caller (NUL-terminated, free() it) and empties the buffer. */
char *buf_take(struct buf *b) __attribute__((returns_nonnull));

static inline struct str buf_str(const struct buf *b)
{
	return str_n(b->p ? b->p : "", b->n);
}
