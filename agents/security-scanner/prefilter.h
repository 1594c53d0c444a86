/*
 * Finds, in one pass over a file, every place where a literal that some rule needs may stand.
 * Each literal is entered by two neighbouring groups of four bytes, so that the pass looks at
 * every second byte only; a group is folded to lower case, hashed, and looked up in a bitmap that
 * fits the first-level cache. A hit is then compared byte for byte. Pure after building.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules.h"

enum { PREFILTER_PAD = 8 }; /* readable bytes behind the text */

struct prefilter;

/* A filter of the rules for which wanted[i] is true. */
struct prefilter *prefilter_new(const bool wanted[RULES_MOST]);
struct prefilter *prefilter_free(struct prefilter *f);

/* A literal that `rule` needs stands at text[at .. at + n); letter case was not compared. */
typedef void prefilter_fn(void *ctx, size_t at, size_t n, size_t rule);

/* Calls fn for every hit, nearly in ascending order (within 32 bytes). */
void prefilter_run(const struct prefilter *f, const char *text, size_t n, prefilter_fn *fn,
		   void *ctx);
