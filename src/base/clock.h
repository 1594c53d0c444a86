/*
 * The clock as a vtable, so that tests hold the time. wall_ms may jump either way; mono_ns never
 * goes back and is for measuring only.
 */
#pragma once

#include <stdint.h>

struct clock {
	int64_t (*wall_ms)(struct clock *c);
	int64_t (*mono_ns)(struct clock *c);
};

/* The machine's clock. Any thread. */
struct clock *clock_system(void);

/* A clock that stands until it is moved. One thread at a time. */
struct clock_test {
	struct clock clock;
	int64_t now_ms;
};

void clock_test_init(struct clock_test *c, int64_t start_ms);

static inline int64_t clock_wall_ms(struct clock *c)
{
	return c->wall_ms(c);
}

static inline int64_t clock_mono_ns(struct clock *c)
{
	return c->mono_ns(c);
}
