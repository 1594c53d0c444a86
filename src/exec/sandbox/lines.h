/* Splits a stream of bytes into log lines with the limits of base/limits.h. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct lines {
	struct buf partial;
	bool cut; /* the current line is over its limit: the rest is skipped */
	uint64_t n_lines, n_bytes, n_bytes_dropped;
};

typedef void (*lines_fn)(void *arg, struct str line, bool truncated);

/* Zero-initialise to make one. */
void lines_free(struct lines *l);

/* fn may be NULL. */
void lines_feed(struct lines *l, const char *p, size_t n, lines_fn fn, void *arg);

/* The stream ended: what is left without a line end is a line too. */
void lines_end(struct lines *l, lines_fn fn, void *arg);
