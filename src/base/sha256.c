#include "base/sha256.h"

#include <sodium.h>

void sha256_hex(struct str data, char hex[SHA256_HEX_BYTES])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(digest, (const unsigned char *)data.p, data.n);
	sodium_bin2hex(hex, SHA256_HEX_BYTES, digest, sizeof(digest));
}
