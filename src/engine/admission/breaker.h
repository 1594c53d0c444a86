/*
 * Circuit breakers, one per agent whose policy has `circuitBreaker`. Private to src/engine.
 *
 *            so many failures in the window          the cool-down is over
 *    CLOSED -------------------------------> OPEN -----------------------> HALF_OPEN
 *      ^                                      ^                                |
 *      +---------- its one attempt succeeds --|--------------------------------+
 *                                             +----- its one attempt fails ----+
 *
 * While it is open its agent's lane is held (engine/admission/admission.h), so attempts wait in
 * their queue; half-open it lets one through, the probe, and the others wait for what comes of it.
 * What counts as a failure is what another attempt may do better: not bad input, not what the agent
 * says is not to be tried again, not "later" (exit 75, Retry-After), not a stop.
 *
 * The state is in memory only: a restart closes all breakers.
 */
#pragma once

#include "base/limits.h"
#include "engine/run/attempt_end.h"

struct breaker {
	struct engine *engine;
	struct str project, agent; /* behind this struct */
	enum breaker_state state;
	struct timer timer;    /* OPEN: the cool-down */
	struct attempt *probe; /* HALF_OPEN: the one that was let through, or NULL */
	int64_t failed_ms[LIMIT_BREAKER_FAILURES]; /* a ring of engine times, the newest ones */
	uint32_t n_failed, next;
	int64_t opened_ms; /* wall clock, of the last opening */
	int64_t n_opened;
	char code[LIMIT_AGENT_CODE_BYTES + 1], message[256]; /* of the newest failure */
};

/* It starts: as the probe when one is wanted. */
void breaker_began(struct attempt *a);

/* The executor told its end. */
void breaker_ended(struct attempt *a, const struct verdict *end);

/* It is no more, whatever became of it. */
void breaker_forget(struct attempt *a);

/* The cool-down is over. */
void breaker_cooled(struct breaker *b);

/* The agent was saved or removed: its breaker begins anew. */
void breaker_reset(struct engine *e, struct str project, struct str agent);

struct breaker *breaker_find(const struct engine *e, struct str project, struct str agent);

/* Wall clock: when it lets one attempt through; 0 = it is not open. */
int64_t breaker_until_ms(const struct breaker *b);

/* The invariant: what is held has a timer or a probe that ends that. */
void breaker_check(const struct engine *e);

void breaker_free_all(struct engine *e);
