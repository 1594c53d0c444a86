#include "base/clock.h"

#include <time.h>

#include "base/attr.h"

static int64_t system_wall_ms(struct clock *c UNUSED)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_mono_ns(struct clock *c UNUSED)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct clock *clock_system(void)
{
	static struct clock system = {system_wall_ms, system_mono_ns};
	return &system;
}

static int64_t test_wall_ms(struct clock *c)
{
	return container_of(c, struct clock_test, clock)->now_ms;
}

static int64_t test_mono_ns(struct clock *c)
{
	return container_of(c, struct clock_test, clock)->now_ms * 1000000;
}

void clock_test_init(struct clock_test *c, int64_t start_ms)
{
	*c = (struct clock_test){{test_wall_ms, test_mono_ns}, start_ms};
}
