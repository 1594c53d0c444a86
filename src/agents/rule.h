/*
 * The RULE agents: built into the service, run on the loop thread. `noop` (action `run`) answers
 * at once with what it was given; `notifier` (action `send`) delivers a message. Their manifests
 * lie in agents/NAME/agent.yaml like everybody's.
 *
 * Input and output are JSON text, so that what need not be parsed is not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct clock;
struct uv_loop_s;
struct rules;
struct rule_call; /* one attempt under way */

/* Zero means the default in brackets. */
struct rules_config {
	struct uv_loop_s *loop;
	struct clock *clock;	  /* [clock_system()] */
	bool allow_private;	  /* deliver to loopback and private addresses too; link-local ones
				     (cloud metadata) are always refused */
	int64_t try_timeout_ms;	  /* of one try to deliver [10,000] */
	int64_t first_pause_ms;	  /* before the second try, doubled for each further [500] */
	int64_t longest_pause_ms; /* a Retry-After above it ends the attempt instead [30,000] */
	int tries;		  /* in one attempt [4] */
};

struct rule_start { /* borrowed for the call */
	struct str agent, action;
	struct str input; /* JSON object */
	struct str run_id, node_id, project, workflow;
	int64_t attempt;
	struct str idempotency_key; /* stable per run and node */
};

/* Borrowed for the callback. */
struct rule_result {
	struct str output;	/* JSON; when code is NULL */
	const char *code;	/* NULL, "delivery_failed", "invalid_input", "unknown_rule" */
	struct str message;	/* one sentence for people; no secrets */
	bool retryable;		/* trying again later may help */
	int64_t retry_after_ms; /* not before that; 0 = as you like */
};

/* One line (without a newline) for the attempt's log. */
typedef void (*rule_log_fn)(void *user, struct str line);
typedef void (*rule_done_fn)(void *user, const struct rule_result *result);

/* 0, or a negative errno. */
int rules_new(const struct rules_config *config, struct rules **ret);

/* Ends all calls without a word: what was under way is unfinished, as after a crash. The loop must
 * run on once for the rest of the memory. NULL is fine. */
void rules_free(struct rules *r);

/* Whether this version has such a rule; with an empty action, whether it has the agent at all. */
bool rule_known(struct str agent, struct str action);

/*
 * Begins an attempt. `done` is called exactly once, possibly before this returns, unless the call
 * is cancelled; `log` any number of times before that. Returns the call to cancel, good until
 * done is called; NULL when that happened already.
 */
struct rule_call *rule_start(struct rules *r, const struct rule_start *start, rule_log_fn log,
			     rule_done_fn done, void *user);

/* Ends the call; neither log nor done is called any more. */
void rule_cancel(struct rule_call *call);
