/*
 * Regular expressions with RE2's syntax over UTF-8, matched by PCRE2 with every resource bounded:
 * look-around, back references, recursion, conditions, atomic groups, possessive quantifiers and
 * verbs are refused when compiling; matching counts the pattern items it tries and stops at the
 * caller's budget. Compiled patterns live in an arena, are immutable and may be shared by threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct regex;

enum { REGEX_ERROR_BYTES = 200 };

enum regex_outcome {
	REGEX_BAD = 1, /* the pattern is wrong or too large; the message says how */
	REGEX_COSTLY,  /* the match was given up */
};

/* 0 or REGEX_BAD. */
int regex_compile(struct arena *a, struct str pattern, const struct regex **ret,
		  char ret_message[REGEX_ERROR_BYTES]);

/* What matching needs besides the pattern; serves many searches of one thread, one at a time. */
struct regex_scratch;
struct regex_scratch *regex_scratch_new(struct arena *a);

/*
 * Whether the pattern matches anywhere in text, which must be valid UTF-8. *items is what may be
 * tried and is reduced by what was. 0 or REGEX_COSTLY.
 */
int regex_search(const struct regex *re, struct regex_scratch *scratch, struct str text,
		 uint64_t *items, bool *ret_found);
