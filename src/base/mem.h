/*
 * Memory. The plain allocators never return NULL: small fixed allocations that fail end the
 * process through fault_fatal(). What is proportional to somebody's input is budgeted before it
 * gets here (see base/arena.h and base/limits.h). Any thread.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"

/* Zeroed memory of n bytes, never NULL; the caller frees with free(). */
void *mem_new0(size_t n) __attribute__((malloc, returns_nonnull));

/* realloc() that never returns NULL. */
void *mem_grow(void *p, size_t n) __attribute__((returns_nonnull));

/* A NUL-terminated copy of n bytes. */
char *mem_dup(const char *p, size_t n) __attribute__((returns_nonnull));
char *mem_dupz(const char *z) __attribute__((returns_nonnull));

/* printf into fresh memory. */
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));

/*
 * Fault injection for tests: the k-th allocation from now (1 = the next) fails, 0 switches it
 * off. Compiled in always, costs one predictable branch.
 */
void mem_fail_at(unsigned long k);

#define NEW0(type) ((type *)mem_new0(sizeof(type)))
#define NEW0_ARRAY(type, n) ((type *)mem_new0(sizeof(type) * (size_t)(n)))
