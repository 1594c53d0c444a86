/* SHA-256 (FIPS 180-4, by libsodium). Any thread. */
#pragma once

#include <stddef.h>

#include "base/str.h"

enum { SHA256_HEX_BYTES = 65 }; /* with the NUL */

void sha256_hex(struct str data, char ret_hex[SHA256_HEX_BYTES]);
