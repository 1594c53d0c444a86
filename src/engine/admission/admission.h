/*
 * Which attempt starts next. Private to src/engine.
 *
 *    shares of the projects  <-- lanes of their SCRIPT agents  <-- attempts       need a slot
 *                                lanes of all other agents     <-- attempts       need none
 *
 * A share goes first when it holds the fewest slots, then when it was served the longest ago; in a
 * project the attempt of the run with the highest priority, then the oldest. A lane whose agent
 * has reached its limits is shut and holds up nobody else. A project that has no slot at all for
 * LIMIT_SHARE_WAIT_MS gets one beyond max_scripts (extra_scripts of them at most): attempts are
 * not interrupted, so this is what keeps one project's long scripts from holding up another.
 */
#pragma once

#include "engine/state.h"

/* A project's share of what is limited. Lives as long as the engine, like a lane. */
struct share {
	struct engine *engine;
	struct queue
		flows; /* of its workflows: see engine/admission/gate.h; stands in starts.shares */
	size_t n_open, n_pending, n_running; /* runs */
	struct queue attempts; /* lanes of agents that need slots; stands in admission.shares */
	size_t n_slots;	       /* that its attempts hold */
	size_t n_queued;       /* its attempts that wait, of all lanes */
	int64_t since_ms;      /* now_ms: without a slot and waiting since then */
	char project[];
};

/* Why a lane is shut. */
enum lane_shut { LANE_OPEN, LANE_CONCURRENCY, LANE_RATE, LANE_HELD };

/* The attempts of one agent of a project. */
struct lane {
	struct share *share;
	struct queue attempts; /* stands in its share, or in admission.others */
	bool script;
	bool held;	     /* by somebody else: see admission_hold() */
	size_t n_running;    /* attempts that began and have not ended */
	int64_t concurrency; /* 0 = no limit */
	struct rate_limit limit;
	struct rate rate;
	struct timer timer; /* shut until the rate allows another */
	char agent[];
};

void admission_init(struct engine *e);
void admission_fini(struct engine *e);

struct share *admission_share(struct engine *e, struct str project);

/* The attempt's lane, as its agent is now. */
void admission_assign(struct attempt *a);

/* Whether it may begin at once: nobody who could go waits before it. */
bool admission_open(struct attempt *a);

void admission_enqueue(struct attempt *a);
/* Out of the queue, wherever it goes; harmless when it is in none. */
void admission_dequeue(struct attempt *a);

/* The next attempt that may begin, still in its queue; or NULL. */
struct attempt *admission_next(struct engine *e);

/* It begins: takes what it needs. It has ended: gives it back. */
void admission_take(struct attempt *a);
void admission_give_back(struct attempt *a);

/* The agent was saved or deleted: its limits may be others. */
void admission_agent_changed(struct engine *e, struct str project, struct str name);

/* Nothing of the agent begins while it is held (a circuit breaker); what runs goes on. */
void admission_hold(struct engine *e, struct str project, struct str agent, bool hold);
bool admission_held(const struct engine *e, struct str project, struct str agent);

enum lane_shut admission_shut(const struct engine *e, const struct lane *l);

/* The lane's timer. */
void admission_lane_timer(struct lane *l);

/* The queues and counts agree with the runs. */
void admission_check(const struct engine *e);
