/* Base64 (RFC 4648, section 4). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Bytes of the text of n octets, its NUL included. */
static inline size_t base64_size(size_t n)
{
	return (n + 2) / 3 * 4 + 1;
}

/* Writes base64_size(octets.n) bytes: padded text and a NUL. */
void base64_encode(char *ret_text, struct str octets);

/* Reads padded or unpadded text without spaces into text.n bytes at most; false when it is none. */
bool base64_decode(char *ret_octets, size_t *ret_n, struct str text);
