#include "base/base64.h"

#include <sodium.h>

void base64_encode(char *ret_text, struct str octets)
{
	sodium_bin2base64(ret_text, base64_size(octets.n), (const unsigned char *)octets.p,
			  octets.n, sodium_base64_VARIANT_ORIGINAL);
}

bool base64_decode(char *ret_octets, size_t *ret_n, struct str text)
{
	int variant = text.n % 4 == 0 ? sodium_base64_VARIANT_ORIGINAL
				      : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	size_t n = 0;
	if (text.n > 0 && sodium_base642bin((unsigned char *)ret_octets, text.n, text.p, text.n,
					    NULL, &n, NULL, variant) != 0)
		return false;
	*ret_n = n;
	return true;
}
