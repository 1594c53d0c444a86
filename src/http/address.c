#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct range4 {
	uint32_t first;
	int bits;
	enum address_class class;
};

/* The special-purpose registry of IANA, as far as it is not globally reachable. */
static const struct range4 ranges4[] = {
	{0x00000000, 8, ADDRESS_OTHER},	      {0x0a000000, 8, ADDRESS_PRIVATE},
	{0x64400000, 10, ADDRESS_PRIVATE},    {0x7f000000, 8, ADDRESS_LOOPBACK},
	{0xa9fe0000, 16, ADDRESS_LINK_LOCAL}, {0xac100000, 12, ADDRESS_PRIVATE},
	{0xc0000000, 24, ADDRESS_OTHER},      {0xc0000200, 24, ADDRESS_OTHER},
	{0xc0586300, 24, ADDRESS_OTHER},      {0xc0a80000, 16, ADDRESS_PRIVATE},
	{0xc6120000, 15, ADDRESS_PRIVATE},    {0xc6336400, 24, ADDRESS_OTHER},
	{0xcb007100, 24, ADDRESS_OTHER},      {0xe0000000, 4, ADDRESS_OTHER},
	{0xf0000000, 4, ADDRESS_OTHER},
};

static enum address_class classify4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(ranges4) / sizeof(ranges4[0]); i++) {
		uint32_t mask = ~UINT32_C(0) << (32 - ranges4[i].bits);
		if ((address & mask) == ranges4[i].first)
			return ranges4[i].class;
	}
	return ADDRESS_PUBLIC;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum address_class classify6(const uint8_t a[16])
{
	static const uint8_t zero[16] = {0};
	static const uint8_t loopback[16] = {[15] = 1};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const uint8_t metadata[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};
	if (memcmp(a, loopback, 16) == 0)
		return ADDRESS_LOOPBACK;
	if (memcmp(a, zero, 16) == 0)
		return ADDRESS_OTHER;
	if (memcmp(a, metadata, 16) == 0)
		return ADDRESS_LINK_LOCAL;
	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0 || memcmp(a, zero, 12) == 0)
		return classify4(be32(a + 12));
	if (be32(a) == 0x0064ff9b) /* the local-use NAT64 prefix 64:ff9b:1::/48 */
		return ADDRESS_PRIVATE;
	if (a[0] == 0x20 && a[1] == 0x02)
		return classify4(be32(a + 2));
	if (be32(a) == 0x20010000)
		return classify4(~be32(a + 12));
	if (be32(a) == 0x20010db8 || a[0] == 0xff)
		return ADDRESS_OTHER;
	if ((a[0] & 0xfe) == 0xfc)
		return ADDRESS_PRIVATE;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return ADDRESS_LINK_LOCAL;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0) /* site-local, deprecated */
		return ADDRESS_PRIVATE;
	return (a[0] & 0xe0) == 0x20 ? ADDRESS_PUBLIC : ADDRESS_OTHER;
}

enum address_class address_classify(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, a, sizeof(in));
		return classify4(ntohl(in.sin_addr.s_addr));
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, a, sizeof(in6));
		return classify6(in6.sin6_addr.s6_addr);
	}
	return a->sa_family == AF_UNIX ? ADDRESS_UNIX : ADDRESS_OTHER;
}

bool address_reachable(const struct sockaddr *a, enum address_reach reach)
{
	switch (address_classify(a)) {
	case ADDRESS_PUBLIC:
		return true;
	case ADDRESS_LOOPBACK:
	case ADDRESS_PRIVATE:
		return reach == ADDRESS_REACH_PRIVATE;
	case ADDRESS_LINK_LOCAL:
	case ADDRESS_OTHER:
	case ADDRESS_UNIX:
		break;
	}
	return false;
}

bool address_reachable_text(const char *text, enum address_reach reach)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char plain[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "%"); /* a scope may follow */
	if (n >= sizeof(plain))
		return false;
	memcpy(plain, text, n);
	plain[n] = '\0';
	if (inet_pton(AF_INET, plain, &in.sin_addr) == 1)
		return address_reachable((const struct sockaddr *)&in, reach);
	if (inet_pton(AF_INET6, plain, &in6.sin6_addr) == 1)
		return address_reachable((const struct sockaddr *)&in6, reach);
	return false;
}
