#include "http/retry_after.h"

#include <curl/curl.h>
#include <string.h>

enum { MOST_DIGITS = 9 };

int64_t http_retry_after(const char *value, int64_t now_ms)
{
	if (!value)
		return 0;
	size_t n = strspn(value, "0123456789");
	if (n > 0 && value[n] == '\0') {
		int64_t seconds = 0;
		for (size_t i = 0; i < n && i < MOST_DIGITS; i++)
			seconds = seconds * 10 + (value[i] - '0');
		return seconds * 1000;
	}
	int64_t at = (int64_t)curl_getdate(value, NULL);
	return at > 0 && at * 1000 > now_ms ? at * 1000 - now_ms : 0;
}
