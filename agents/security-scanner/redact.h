/*
 * Excerpts that give no secret away: whatever any secret rule recognises on the line, asked for or
 * not, and any long run that looks like key material is replaced before a byte is kept.
 */
#pragma once

#include <stddef.h>

#include "patterns.h"

struct redact;

struct redact *redact_new(struct patterns *p);
struct redact *redact_free(struct redact *r);

/*
 * The line text[line_start .. line_end) around `at` as valid UTF-8 of at most
 * LIMIT_SCAN_EXCERPT_BYTES; the caller frees it. text has PREFILTER_PAD bytes behind line_end.
 */
char *redact_excerpt(struct redact *r, const char *text, size_t line_start, size_t line_end,
		     size_t at);
