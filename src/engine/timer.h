/*
 * Timers: a binary heap of moments, earliest first. Times are the engine's own milliseconds (see
 * engine/state.h), which never jump. A timer is embedded in what it wakes. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum timer_kind {
	TIMER_BACKOFF,	     /* of a struct attempt: its retry time has come */
	TIMER_ATTEMPT_LIMIT, /* of a struct attempt: the node's time-out */
	TIMER_DEADLINE,	   /* of a struct attempt: its other time-outs, see engine/run/deadline.h */
	TIMER_BREAKER,	   /* of a struct breaker: its cool-down */
	TIMER_RUN_LIMIT,   /* of a struct run: its time-out */
	TIMER_WAIT,	   /* of a struct wait: the node wakes */
	TIMER_CHILD,	   /* of a struct child: its retry time, or its time-out */
	TIMER_APPROVAL,	   /* of a struct approval: nobody decided in time */
	TIMER_REMINDER,	   /* of a struct approval: who may decide is reminded */
	TIMER_STORE_RETRY, /* the store was full: try again */
	TIMER_REPLIES_LIMIT, /* the store is still full: who waits is told */
	TIMER_SCHEDULES,     /* the nearest fire, or a look at the clock */
	TIMER_LANE,	     /* of a struct lane: its rate allows another attempt */
	TIMER_FLOW,	     /* of a struct flow: its rate allows another run */
	TIMER_SHARE,	     /* a project has waited long enough for a slot */
	TIMER_KEYS_PRUNE,    /* old idempotency keys */
	TIMER_RETENTION,     /* the next step of a purge */
	TIMER_REMOVAL,	     /* of a struct workflow: the next step of its deletion */
};

struct timer {
	int64_t due_ms;
	enum timer_kind kind;
	size_t slot; /* place in the heap, from 1; 0 = not armed */
};

struct timer_heap {
	struct timer **slots; /* from 1 */
	size_t n, cap;
};

static inline bool timer_armed(const struct timer *t)
{
	return t->slot != 0;
}

/* Arms, or moves an armed one. */
void timer_arm(struct timer_heap *h, struct timer *t, int64_t due_ms);
void timer_disarm(struct timer_heap *h, struct timer *t);

/* The earliest, or NULL. */
struct timer *timer_first(const struct timer_heap *h);

/* The earliest that is due at now_ms, disarmed; or NULL. */
struct timer *timer_pop_due(struct timer_heap *h, int64_t now_ms);

void timer_heap_free(struct timer_heap *h);
