/*
 * Text forms of times, durations and sizes. Pure. Times are milliseconds since 1970 UTC.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { TIMEFMT_RFC3339_BYTES = 25 }; /* "2026-11-24T16:56:37.611Z" and its NUL */

/* RFC 3339 UTC with milliseconds; years 0 to 9999. */
void timefmt_rfc3339(char ret_text[TIMEFMT_RFC3339_BYTES], int64_t time_ms);

/*
 * Reads RFC 3339 with any fraction and offset. 0, or -EINVAL. Leap second 60 reads as the
 * following second. *ret_nanos (may be NULL) gets the nanoseconds within the second.
 */
int timefmt_rfc3339_parse(struct str text, int64_t *ret_time_ms, int32_t *ret_nanos);

/* "10ms", "1s", "5m", "24h", "7d", also sums "1h30m" and fractions "1.5h". 0, -EINVAL, -ERANGE. */
int timefmt_duration_parse(struct str text, int64_t *ret_ms);

/* The shortest exact form: "1h30m", "250ms", "0s". */
void timefmt_duration(struct buf *out, int64_t ms);

/* "512", "64Ki", "512Mi", "1Gi", "5M" (decimal k M G T, binary Ki Mi Gi Ti). */
int timefmt_size_parse(struct str text, int64_t *ret_bytes);

/* Days from 1970-01-01 of a Gregorian date, and back. month 1..12, day 1..31. */
int64_t timefmt_days(int64_t year, int month, int day);
void timefmt_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
