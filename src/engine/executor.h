/*
 * The port to what runs attempts. One executor serves the engine; the composition root routes by
 * agent type (sandbox, built-in rule). Loop thread only.
 *
 * Between start() and engine_attempt_done() it calls engine_attempt_started() once the program runs
 * (not for one that ended at once), and engine_attempt_alive() at any sign of life.
 *
 * The engine starts an attempt only after the row that says so is durable. For each started
 * attempt the executor calls engine_attempt_done() exactly once, never before start() was called,
 * possibly inside start(). stop() asks for an early end (TERM, grace, KILL) and is answered by
 * that same call; it may come after the end and is then ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/str.h"
#include "model/names.h"
#include "model/rows.h"

struct attempt_start { /* borrowed: copy what is needed beyond the call */
	struct attempt_id id;
	struct run_id run_id;
	struct str project, workflow, node_id;
	struct str agent, action;
	enum agent_type agent_type;
	struct str entry_path;	 /* SCRIPT: agent folder */
	struct str command;	 /* SCRIPT: JSON array of strings */
	struct str agent_limits; /* JSON object from the agent, "" = none */
	struct str node_limits;	 /* JSON object from the node, overrides; "" = none */
	struct str input;	 /* JSON */
	struct str workspace;	 /* host folder, "" = none */
	int64_t attempt;
	int64_t probe_of; /* of a probe: the number of the attempt that it asks for; else 0 */
	struct str idempotency_key; /* stable per run and node */
	struct str last_progress;   /* JSON that an earlier attempt told, "" = nothing */
	struct str approved_digest; /* SCRIPT that was approved: what the digest of its folder must
				       be, else the error "approval_void"; "" = any */
	int64_t timeout_ms;	    /* for information; the engine calls stop() itself */
};

/* What is known of an attempt that did not succeed, as far as its effect on the world goes. */
enum attempt_fate {
	FATE_ANSWERED,	 /* it ended by itself and said that it failed */
	FATE_NOT_BEGUN,	 /* its program never ran */
	FATE_BAD_OUTPUT, /* it ended well, but what it gave can't be used */
	FATE_CUT_OFF,	 /* ended in its middle, or nobody knows what became of it */
	FATE_LOST,	 /* drover ended while it ran: never from an executor */
};

enum attempt_end {
	ATTEMPT_END_OUTPUT, /* `output` holds what it printed; the engine judges it */
	ATTEMPT_END_ERROR,
};

struct attempt_result { /* borrowed for the call */
	enum attempt_end end;
	struct str output;	/* bytes as printed: the engine checks that it is JSON; of an error:
				   what it printed before, perhaps an error as JSON */
	const char *code;	/* ERROR: "timeout", "exit_3", "oom", "delivery_failed", … */
	struct str message;	/* ERROR: one sentence for people */
	enum attempt_fate fate; /* ERROR */
	bool retry_later;	/* ERROR: exit 75 or Retry-After: retry although attempts are few */
	bool final;		/* ERROR: trying again can't help (workspace_denied, bad input) */
	int64_t retry_after_ms; /* ERROR: at least this long, 0 = as the node says */
	bool sandboxed;
	int64_t cpu_usec, memory_peak_bytes;
};

enum attempt_stop { ATTEMPT_STOP_TIMEOUT, ATTEMPT_STOP_CANCEL };

struct executor;

struct executor_ops {
	void (*start)(struct executor *x, const struct attempt_start *start);
	void (*stop)(struct executor *x, const struct attempt_id *id, enum attempt_stop why);
};

struct executor {
	const struct executor_ops *ops;
};
