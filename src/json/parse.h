/*
 * JSON text to value (RFC 8259, strict). Where the RFC leaves a choice, drover's is:
 *   - UTF-8 only, without a byte order mark; invalid UTF-8 and lone surrogate escapes are refused;
 *   - a number whose value is not finite as a double is refused; one too small becomes 0;
 *   - nesting is bounded by LIMIT_JSON_DEPTH;
 *   - of duplicate keys the last wins, or the document is refused (JSON_UNIQUE_KEYS).
 * No recursion on the C stack deeper than LIMIT_JSON_DEPTH. Any thread.
 */
#pragma once

#include "base/arena.h"
#include "json/value.h"

enum json_flags {
	JSON_DEFAULT = 0,
	JSON_UNIQUE_KEYS = 1, /* a duplicate key is an error, code JSON_ERROR_DUPLICATE */
	JSON_BORROW = 2,      /* strings without escapes point into the text, which must outlive */
};

enum json_error_code {
	JSON_ERROR_SYNTAX = 1,
	JSON_ERROR_DEPTH,
	JSON_ERROR_DUPLICATE,
	JSON_ERROR_BUDGET, /* the arena's budget is used up */
};

struct json_error {
	enum json_error_code code;
	size_t offset;	  /* byte in the text */
	int line, column; /* 1-based; column counts bytes */
	char message[160];
};

/* 0, or a positive json_error_code with *ret_error filled (may be NULL). Nothing is freed: the
 * arena is the caller's. */
int json_parse(struct arena *a, struct str text, int flags, struct value *ret,
	       struct json_error *ret_error);
