/* Retry-After (RFC 9110, 10.2.3): seconds or a date. Pure. */
#pragma once

#include <stdint.h>

/* Milliseconds from now_ms (wall clock) that the header asks for; 0 when NULL, past or unreadable.
 */
int64_t http_retry_after(const char *value, int64_t now_ms);
