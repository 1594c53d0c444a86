#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

static atomic_ulong fail_countdown;

void mem_fail_at(unsigned long k)
{
	atomic_store(&fail_countdown, k);
}

static bool injected_failure(void)
{
	if (__builtin_expect(atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0, 1))
		return false;
	return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

static void *checked(void *p, size_t n)
{
	if (__builtin_expect(!p, 0))
		fault_fatal("out of memory (%zu bytes asked for); restart drover with more "
			    "memory, all acknowledged work is on disk",
			    n);
	return p;
}

void *mem_new0(size_t n)
{
	return checked(injected_failure() ? NULL : calloc(1, n ? n : 1), n);
}

void *mem_grow(void *p, size_t n)
{
	return checked(injected_failure() ? NULL : realloc(p, n ? n : 1), n);
}

char *mem_dup(const char *p, size_t n)
{
	char *copy = mem_new0(n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *mem_dupz(const char *z)
{
	return mem_dup(z, strlen(z));
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = NULL;
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		s = NULL;
	return checked(s, 0);
}
