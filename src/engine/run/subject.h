/*
 * Subjects of events, as NATS has them: tokens with dots between. In a pattern `*` stands for any
 * one token and `>`, as the last token, for one or more. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Tokens that are not empty, without white space and control characters, LIMIT_SUBJECT_BYTES at
 * most; `*` and `>` only as whole tokens of a pattern, `>` only as its last. */
bool subject_valid(struct str subject, bool pattern);

/* Whether the pattern (a valid one) covers the text, which may be anything. */
bool subject_match(struct str pattern, struct str text);
