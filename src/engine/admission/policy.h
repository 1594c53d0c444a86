/*
 * An agent's policy: what holds for all its attempts together, whichever run they belong to. The
 * members `concurrency`, `rateLimit` and `circuitBreaker` of an agent's document. Pure.
 */
#pragma once

#include "base/arena.h"
#include "engine/plan/fields.h"

struct policy {
	int64_t concurrency; /* attempts at once; 0 = no limit of its own */
	int64_t rate_limit;  /* starts in rate_per_ms; 0 = no limit */
	int64_t rate_per_ms;
	int64_t rate_burst;	  /* so many may start at once, at most */
	int64_t breaker_failures; /* in breaker_window_ms; 0 = no circuit breaker */
	int64_t breaker_window_ms;
	int64_t breaker_cooldown_ms;
};

/* Judges the members and gives those that are there as one JSON object; "" when there is none. */
struct str policy_judge(struct arena *a, const struct fields *agent);

/* What that object says; all 0 for "". */
struct policy policy_read(struct str json);
