/*
 * The rows of the store as plain structs. All text is borrowed: from the transaction's arena when
 * written, from the reader's arena when read. JSON columns hold JSON text that was checked before
 * it got here; an empty view is NULL in the database and null in the API. Times are milliseconds
 * since 1970 UTC, 0 = not yet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/names.h"

struct capability_row { /* agent_capabilities */
	struct str name, description;
	struct str input_schema, output_schema; /* JSON Schema, JSON text */
	enum effect effect;
	struct str probe; /* RECONCILABLE: the action of the same agent that finds out */
	enum risk_level risk_level;
};

struct agent_row { /* agents */
	struct str id, project, name, version, description;
	enum agent_type type;
	enum risk_level risk_level;
	struct str entry_path; /* SCRIPT: the agent's folder */
	struct str command;    /* SCRIPT: JSON array of strings */
	struct str limits;     /* JSON object, as in the manifest */
	struct str policy;     /* JSON object: concurrency, rateLimit, circuitBreaker */
	struct str digest;     /* SHA-256 of the folder, hex; empty for RULE */
	bool builtin;	       /* came with drover */
	int64_t created_ms, updated_ms;
	const struct capability_row *capabilities;
	size_t n_capabilities;
};

struct workflow_row { /* workflows */
	struct str id, project, name, description;
	enum workflow_status status;
	int64_t version;     /* the newest */
	struct str pause;    /* JSON {by, reason, at}; empty = not paused */
	struct str deleting; /* the same; empty = it is not */
	int64_t created_ms, updated_ms;
};

struct workflow_node_row { /* workflow_nodes: one per node of a version, for questions like "who
			      uses this agent" */
	struct str node_id, agent, action;
};

struct version_row { /* workflow_versions, immutable */
	struct str workflow_id;
	int64_t version;
	struct str definition; /* JSON text, section 3 of the contract */
	struct str sha256;     /* of the canonical definition */
	int64_t created_ms;
	const struct workflow_node_row *nodes;
	size_t n_nodes;
};

/* Whether a column `pause` says that it is paused: {by, reason, at}, of a run also {with,
 * pausedMs}. A run that was paused keeps {pausedMs} alone. */
static inline bool pause_is_on(struct str pause)
{
	return str_starts(pause, STR("{\"by\":"));
}

/* What brings a run to an end before its nodes are done; kept so that a restart goes on with it. */
enum stop_reason { STOP_NONE, STOP_CANCEL, STOP_TIMEOUT };

struct run_row { /* workflow_runs */
	struct str id, project, workflow_id, workflow_name;
	int64_t workflow_version;
	enum run_status status;
	struct str trigger;		       /* JSON: {"type": "manual"|"retry"|…, …} */
	struct str context;		       /* JSON object */
	struct str error;		       /* JSON {code, message, nodeId?} */
	struct str parent_run_id;	       /* that this one does again */
	struct str caller_run_id, caller_node; /* sub-workflow: the node that waits for this */
	int64_t depth;			       /* 0 = nobody called it */
	struct str output;		       /* JSON, of a run that ended well */
	struct str pause;		       /* JSON; see pause_is_on() */
	struct str concurrency_key;
	int64_t priority;
	int64_t waited_ms;	  /* in WAITING_APPROVAL, without the time now */
	int64_t waiting_since_ms; /* WAITING_APPROVAL: since when */
	enum stop_reason stopping;
	int64_t created_ms, started_ms, finished_ms;
};

/*
 * run_nodes: one row per node that ended, or that waits for something else than an attempt. A
 * node without a row is what its attempts and its dependencies make of it.
 */
struct node_row {
	struct str run_id, node_id;
	int64_t index; /* position in the definition */
	enum node_status status;
	int64_t attempt;	/* attempts made so far */
	struct str output;	/* JSON */
	struct str error;	/* JSON {code, message} */
	struct str detail;	/* JSON object: what it is about beyond its attempts */
	struct str copied_from; /* run id whose result this is (retry keeps results), or empty */
	int64_t wake_ms;	/* a durable timer of a waiting node */
	int64_t started_ms, finished_ms;
};

struct attempt_row { /* agent_runs */
	struct str id, run_id, project, node_id, agent, action;
	int64_t node_index;
	int64_t attempt; /* 1, 2, … */
	enum attempt_status status;
	struct str input;  /* JSON, templates resolved */
	struct str output; /* read side only: the node's output when this attempt made it */
	struct str error;  /* JSON {code, message} */
	int64_t queued_ms, not_before_ms, started_ms, finished_ms;
	bool sandboxed;
	enum effect effect;		     /* of its action when it was started */
	bool probe;			     /* it finds out what came of a lost one */
	struct str progress;		     /* JSON, the newest that it told */
	int64_t cpu_usec, memory_peak_bytes; /* 0 = not measured */
};

/*
 * One question to people: may this node run? `subject` says what would run (all but the inputs),
 * `sha256` is that of the canonical JSON of the subject with the inputs as its member "inputs".
 */
struct approval_row { /* workflow_approvals */
	struct str id, run_id, project, workflow_id, workflow_name, node_id, agent, action;
	int64_t node_index;
	enum approval_status status;
	struct str inputs;    /* JSON object, templates resolved */
	struct str subject;   /* JSON object */
	struct str sha256;    /* hex */
	struct str approvers; /* JSON array of names, empty = anybody */
	int64_t quorum;	      /* so many must approve */
	bool allow_self;      /* whoever triggered the run may */
	bool expiry_approves; /* onTimeout: approve */
	struct str responses; /* JSON array of {decision, respondedBy, notes, respondedAt} */
	struct str responded_by, notes; /* of the response that decided */
	int64_t requested_ms, responded_ms, expires_ms;
};

struct event_row { /* run_events: history for people, gapless per run from seq 1 */
	struct str run_id;
	int64_t seq;
	int64_t time_ms;
	struct str type; /* "run.started", "node.finished", … */
	struct str data; /* JSON object */
};

struct log_row { /* agent_logs: consecutive stderr lines of one attempt */
	struct str run_id, attempt_id, node_id;
	int64_t attempt;
	int64_t seq; /* number of the first line, from 1 over the node's whole life */
	int64_t n_lines;
	int64_t time_ms;
	struct str text; /* lines joined by \n, the last without one */
};

struct signal_row { /* run_signals: came before a node of the run waited for it */
	struct str run_id;
	int64_t seq; /* from 1 */
	struct str name;
	struct str data; /* JSON */
	int64_t time_ms;
};

struct key_row { /* idempotency_keys */
	struct str project, key;
	struct str body_sha256;
	struct str run_id;
	int64_t created_ms;
};

struct schedule_row { /* schedules: one per schedule trigger of an ACTIVE workflow */
	struct str id, project, workflow_id, workflow_name;
	int64_t position; /* in the workflow's list of triggers */
	struct str cron, timezone;
	enum schedule_overlap overlap;
	int64_t catchup_ms;
	int64_t anchor_ms;	/* where @every counts from */
	int64_t done_ms;	/* fires up to here are dealt with: none of them comes again */
	int64_t next_ms;	/* the next fire; 0 = none */
	struct str upcoming;	/* JSON array of times, next_ms first */
	struct str waiting;	/* JSON array of fires (ms) that wait for the end of a run */
	struct str last_run_id; /* of the newest fire that started one */
	int64_t last_fire_ms;	/* that fire */
	int64_t n_started, n_skipped, n_missed; /* skipped: overlap; missed: older than catchup */
	struct str error; /* why the newest fire could start no run; empty = it could */
	bool paused;
	int64_t created_ms, updated_ms;
};
