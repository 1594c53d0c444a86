/*
 * What functions that judge people's input collect: all findings, each with its place, a message
 * and the mend. The API turns them into problem+json, the command line into caret lines.
 * Owned by an arena; at most LIMIT_DIAG_FINDINGS are kept, the rest are counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct diag_finding {
	const char *path;    /* "nodes[1].dependsOn[0]"; "" is the document itself */
	const char *message; /* what is wrong and how to mend it, one sentence */
	int line, column;    /* 1-based; 0 when unknown */
};

struct diag {
	struct arena *arena;
	struct diag_finding *findings;
	size_t n, cap;
	size_t n_dropped;
};

static inline void diag_init(struct diag *d, struct arena *arena)
{
	*d = (struct diag){.arena = arena};
}

/* Adds a finding; path is copied. */
void diag_add(struct diag *d, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
void diag_add_at(struct diag *d, const char *path, int line, int column, const char *fmt, ...)
	PRINTF_LIKE(5, 6);

static inline bool diag_ok(const struct diag *d)
{
	return d->n == 0;
}
