/*
 * Patterns of names as gitignore(5) has them: * and ? stay within a component, a component of two
 * stars crosses them, brackets with ranges, classes and negation, backslash quotes. Matching takes
 * time in proportion to pattern times path, never more. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct glob_token;

struct glob {
	const struct glob_token *tokens;
	size_t n;
	struct str literal; /* no wildcards: this; or, with is_suffix, what follows the only star */
	bool is_literal, is_suffix;
};

/* Compiles into the arena. False when it is longer than LIMIT_SCAN_GLOB_TOKENS. */
bool glob_compile(struct arena *a, struct str pattern, struct glob *ret);

bool glob_match(const struct glob *g, struct str path);
