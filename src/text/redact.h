/*
 * Secrets taken out of text before it goes to any sink. A redactor knows byte strings; redact()
 * puts "[redacted]" in place of each, also where it stands percent-encoded, JSON-escaped (or both
 * mixed, byte by byte), in hex of either case, or in base64 of either alphabet at any of the three
 * alignments, wrapped lines included. Where secrets touch or overlap, one mark covers them all.
 *
 * Pure. One thread adds; any number may redact once that is done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct redactor;

enum {
	REDACT_LEAST_BYTES = 4, /* a shorter one would tear holes in all text: it is ignored */
	REDACT_LEAST_BASE64 = 6,
};

#define REDACT_MARK "[redacted]"

struct redactor *redactor_new(void) __attribute__((returns_nonnull));
/* Zeroes what it knew. Leaves NULL. */
void redactor_free(struct redactor **r);

/* Copies the secret; false when it is too short to be looked for. */
bool redactor_add(struct redactor *r, struct str secret);

/* Appends text without the secrets; whether any was found. r may be NULL: nothing is. */
bool redact(const struct redactor *r, struct str text, struct buf *out);
