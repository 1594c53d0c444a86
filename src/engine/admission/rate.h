/*
 * So many in so long: a token bucket, kept as one number (the generic cell rate algorithm). Pure;
 * times are the engine's own.
 *
 * What was started before the process is not known, so a bucket holds one token at the start of
 * the engine and fills from there: a restart never allows more than the rate does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
	int64_t limit; /* 0 = no limit */
	int64_t per_ms;
	int64_t burst; /* so many at once after a pause; at least 1 */
};

struct rate {
	int64_t full_us; /* when the bucket is full again, if nothing more is taken */
};

void rate_begin(struct rate *r, const struct rate_limit *limit, int64_t start_ms);

/* When the next may go: now_ms or earlier = now. */
int64_t rate_next_ms(const struct rate *r, const struct rate_limit *limit, int64_t now_ms);
void rate_take(struct rate *r, const struct rate_limit *limit, int64_t now_ms);
