#include "base/sha256.h"

#include <sodium.h>
#include <string.h>

void sha256_hex(struct str data, char hex[SHA256_HEX_BYTES])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(digest, (const unsigned char *)data.p, data.n);
	sodium_bin2hex(hex, SHA256_HEX_BYTES, digest, sizeof(digest));
}

static crypto_hash_sha256_state *state_of(struct sha256 *h)
{
	_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(h->state), "room for the state");
	return (crypto_hash_sha256_state *)(void *)h->state;
}

void sha256_init(struct sha256 *h)
{
	crypto_hash_sha256_init(state_of(h));
}

void sha256_add(struct sha256 *h, const void *bytes, size_t n)
{
	crypto_hash_sha256_update(state_of(h), bytes, n);
}

void sha256_end_hex(struct sha256 *h, char hex[SHA256_HEX_BYTES])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_final(state_of(h), digest);
	sodium_bin2hex(hex, SHA256_HEX_BYTES, digest, sizeof(digest));
}
