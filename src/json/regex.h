/*
 * Patterns as JSON Schema has them: ECMA-262 regular expressions in unicode mode, run by PCRE2.
 * What ECMA-262 doesn't have (possessive repeats, \A, \Q, inline options, verbs) is refused, so a
 * pattern means the same here as elsewhere. Two things PCRE2 can't do are refused as well:
 * look-behind of unbounded length, and \S \W \D together with other characters in a class where
 * \S stands for the ASCII white space only.
 *
 * A match has a bound on its steps and on the length of its subject. A compiled pattern is
 * immutable: any thread.
 */
#pragma once

#include <stddef.h>

#include "base/str.h"

struct regex;
struct regex_scratch; /* memory of a match, kept between matches; one thread at a time */

/* 0, or -EINVAL with a message of what is wrong. Free with regex_free(). */
int regex_compile(struct str pattern, struct regex **ret, char *ret_message, size_t message_size);
void regex_free(struct regex *re);

enum regex_result {
	REGEX_NO = 0,
	REGEX_YES = 1,
	REGEX_TOO_COSTLY = 2, /* a bound was reached */
};

/*
 * Looks for the pattern anywhere in text. *scratch starts as NULL and is freed with
 * regex_scratch_free(). *steps grows by what the match cost, about one for 50 ns.
 */
enum regex_result regex_match(const struct regex *re, struct str text,
			      struct regex_scratch **scratch, size_t *steps);
void regex_scratch_free(struct regex_scratch *scratch);
