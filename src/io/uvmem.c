#include "io/uvmem.h"

#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"

static void *allocate(size_t n)
{
	return mem_grow(NULL, n);
}

static void *allocate_zeroed(size_t n, size_t size)
{
	return mem_new0(n * size);
}

void uvmem_install(void)
{
	uv_replace_allocator(allocate, mem_grow, allocate_zeroed, free);
}
