#include "engine/admission/rate.h"

/* Longer than any life of the process. */
static const int64_t most_us = INT64_MAX / 8;

/* Between two, in the long run; rounded up, so that the rate is never exceeded. */
static int64_t interval_us(const struct rate_limit *l)
{
	return (l->per_ms * 1000 + l->limit - 1) / l->limit;
}

/* How far ahead of now the bucket may be and still have a token. */
static int64_t slack_us(const struct rate_limit *l)
{
	int64_t interval = interval_us(l);
	return l->burst - 1 > most_us / interval ? most_us : (l->burst - 1) * interval;
}

void rate_begin(struct rate *r, const struct rate_limit *l, int64_t start_ms)
{
	r->full_us = l->limit ? start_ms * 1000 + slack_us(l) : 0;
}

int64_t rate_next_ms(const struct rate *r, const struct rate_limit *l, int64_t now_ms)
{
	if (l->limit == 0)
		return now_ms;
	int64_t next_us = r->full_us - slack_us(l);
	return next_us <= now_ms * 1000 ? now_ms : (next_us + 999) / 1000;
}

void rate_take(struct rate *r, const struct rate_limit *l, int64_t now_ms)
{
	if (l->limit == 0)
		return;
	int64_t now_us = now_ms * 1000;
	r->full_us = (r->full_us > now_us ? r->full_us : now_us) + interval_us(l);
}
