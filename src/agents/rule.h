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
	struct clock *clock;
	bool allow_private;	  /* deliver to loopback and private addresses too; link-local
				     ones (cloud metadata) are always refused */
	int64_t try_timeout_ms;	  /* of one try to deliver [10,000] */
	int64_t first_pause_ms;	  /* before the second try, doubled for each further [500] */
	int64_t longest_pause_ms; /* a Retry-After above it ends the attempt instead [30,000] */
	int tries;		  /* in one attempt [4] */
};

struct rule_context { /* borrowed for the call */
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

typedef void (*rule_done_fn)(void *user, const struct rule_result *result);

/* 0, or a negative errno. */
int rules_new(const struct rules_config *config, struct rules **ret);

/* Ends all calls without a word: what was under way is unfinished, as after a crash. The memory
 * goes once the loop has run on. Leaves NULL. */
void rules_close(struct rules **r);

/* Whether this version has such a rule; with an empty action, whether it has the agent at all. */
bool rule_known(struct str agent, struct str action);

/*
 * Begins an attempt. `done` is called exactly once, possibly before this returns, unless the call
 * is cancelled. *ret (may be NULL) is the call to cancel, good until done is called; NULL when
 * that happened already.
 */
void rule_start(struct rules *r, struct str agent, struct str action, struct str input,
		const struct rule_context *context, rule_done_fn done, void *user,
		struct rule_call **ret);

/* Ends the call; done is not called any more. */
void rule_cancel(struct rule_call *call);
