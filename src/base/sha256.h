/* SHA-256 (FIPS 180-4, by libsodium). Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { SHA256_HEX_BYTES = 65 }; /* with the NUL */

void sha256_hex(struct str data, char ret_hex[SHA256_HEX_BYTES]);

/* Piece by piece: init, add as often as needed, then hex once. */
struct sha256 {
	uint64_t state[16];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t n);
void sha256_end_hex(struct sha256 *h, char ret_hex[SHA256_HEX_BYTES]);
