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

struct pattern;
struct pattern_scratch; /* memory of a match, kept between matches; one thread at a time */

/* 0, or -EINVAL with a message of what is wrong. Free with pattern_free(). */
int pattern_compile(struct str pattern, struct pattern **ret, char *ret_message,
		    size_t message_size);
void pattern_free(struct pattern *re);

/* Memory that the compiled pattern takes. */
size_t pattern_size_bytes(const struct pattern *re);

enum pattern_result {
	PATTERN_NO = 0,
	PATTERN_YES = 1,
	PATTERN_TOO_COSTLY = 2, /* a bound was reached */
};

/*
 * Looks for the pattern anywhere in text. *scratch starts as NULL and is freed with
 * pattern_scratch_free(). *steps grows by what the match cost, about one for 50 ns.
 */
enum pattern_result pattern_match(const struct pattern *re, struct str text,
				  struct pattern_scratch **scratch, size_t *steps);
void pattern_scratch_free(struct pattern_scratch *scratch);
