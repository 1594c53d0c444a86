/* Timestamps (0001-01-01 to 9999-12-31, nanoseconds) and durations of CEL. Private to text/cel*. */
#pragma once

#include "base/buf.h"
#include "text/cel_run.h"

enum { CEL_TIME_TEXT_BYTES = 40 };

/* Whether a JOIN b is an addition or subtraction of times that exists. */
bool cel_time_adds(enum cel_join join, const struct cel_value *a, const struct cel_value *b);

/* a JOIN b, when cel_time_adds(); fails when the result is out of range. */
bool cel_time_arith(struct cel_run *r, enum cel_join join, const struct cel_value *a,
		    const struct cel_value *b, struct cel_value *ret);

bool cel_timestamp_make(struct cel_run *r, int64_t seconds, int32_t nanos, struct cel_value *ret);

/* RFC 3339, and "1h30m", "-1.5s", "10ms", "3us", "7ns". */
bool cel_timestamp_parse(struct cel_run *r, struct str text, struct cel_value *ret);
bool cel_duration_parse(struct cel_run *r, struct str text, struct cel_value *ret);

/* "2026-11-24T16:56:37.611Z" with 0, 3, 6 or 9 digits of fraction; "1.5s" with as few as it
 * takes. The length. */
size_t cel_timestamp_text(char ret_text[CEL_TIME_TEXT_BYTES], const struct cel_value *v);
size_t cel_duration_text(char ret_text[CEL_TIME_TEXT_BYTES], const struct cel_value *v);
