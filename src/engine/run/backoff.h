/*
 * Whether a failed attempt is tried again, when, and why: the node's `retry` against how the
 * attempt ended. Private to src/engine.
 */
#pragma once

#include "engine/run/attempt_end.h"

struct backoff {
	int64_t delay_ms;   /* -1 = there is no other attempt */
	const char *reason; /* what decided, for events */
};

/* How long to wait after the n-th failure. */
int64_t backoff_delay(struct run *r, uint32_t index, uint32_t n, int64_t at_least_ms);

/* Decides, and counts the failure. */
struct backoff backoff_judge(struct run *r, uint32_t index, const struct verdict *f);

/* node.retrying, and the watcher's count. `number` is that of the attempt that failed. */
void backoff_tell(struct run *r, uint32_t index, uint32_t number, const struct backoff *b,
		  const struct verdict *f);
