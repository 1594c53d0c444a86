/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Length of the valid prefix; equals s.n when all of it is valid. */
size_t utf8_valid_prefix(struct str s);

static inline bool utf8_valid(struct str s)
{
	return utf8_valid_prefix(s) == s.n;
}

/* Decodes one code point at p (end > p); its length 1..4, or 0 when it is not valid. */
size_t utf8_decode(const char *p, const char *end, uint32_t *ret_code);

/* Writes code's 1..4 bytes; the length. Code must be a scalar value. */
size_t utf8_encode(uint32_t code, char ret_bytes[4]);

/* Number of code points of valid UTF-8. */
size_t utf8_length(struct str s);
