/*
 * The enumerations of the contract and their spellings. `x_name` gives the spelling, `x_parse`
 * reads it (false when it is none). Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum run_status {
	RUN_PENDING, /* durable, not started: waits for admission */
	RUN_RUNNING,
	RUN_WAITING_APPROVAL,
	RUN_SUCCESS, /* from here on final */
	RUN_FAILED,
	RUN_CANCELLED,
	RUN_TIMED_OUT,
};

enum node_status {
	NODE_PENDING, /* has unfinished dependencies; has no row */
	NODE_QUEUED,  /* ready: waits for a slot or for its retry time */
	NODE_RUNNING,
	NODE_WAITING_APPROVAL,
	NODE_UNKNOWN, /* it may or may not have had its effect: somebody must say */
	NODE_SUCCESS, /* from here on final */
	NODE_FAILED,
	NODE_SKIPPED,
	NODE_CANCELLED,
	NODE_TIMED_OUT,
};

enum attempt_status {
	ATTEMPT_QUEUED,
	ATTEMPT_RUNNING,
	ATTEMPT_SUCCESS, /* from here on final */
	ATTEMPT_FAILED,
	ATTEMPT_CANCELLED,
	ATTEMPT_TIMED_OUT,
};

enum approval_status {
	APPROVAL_PENDING,
	APPROVAL_APPROVED, /* from here on final */
	APPROVAL_REJECTED,
	APPROVAL_EXPIRED, /* nobody decided in time, or the run ended first */
};

enum workflow_status { WORKFLOW_DRAFT, WORKFLOW_ACTIVE, WORKFLOW_ARCHIVED };
enum agent_type { AGENT_SCRIPT, AGENT_RULE, AGENT_API, AGENT_LLM };
enum risk_level { RISK_AUTO, RISK_APPROVAL_REQUIRED };

/* What is kept for a time of its own after a run has ended. */
enum retained {
	RETAINED_RUNS, /* the run and all that hangs on it */
	RETAINED_LOGS,
	RETAINED_ARTIFACTS,
};
enum { RETAINED_CLASSES = RETAINED_ARTIFACTS + 1 };

/* What doing an action twice means. */
enum effect {
	EFFECT_PURE,	     /* it changes nothing */
	EFFECT_IDEMPOTENT,   /* under the same key the second time changes nothing */
	EFFECT_RECONCILABLE, /* it can be found out whether it was done */
	EFFECT_IRREVERSIBLE, /* it must not be done twice */
};

/* What a schedule does when it fires while a run of its is open. */
enum schedule_overlap {
	OVERLAP_SKIP,	/* that fire is left out */
	OVERLAP_QUEUE,	/* it waits for the end of the run */
	OVERLAP_ALLOW,	/* another run starts beside */
	OVERLAP_CANCEL, /* the open run is cancelled */
};

static inline bool run_status_final(enum run_status s)
{
	return s >= RUN_SUCCESS;
}
static inline bool node_status_final(enum node_status s)
{
	return s >= NODE_SUCCESS;
}
static inline bool attempt_status_final(enum attempt_status s)
{
	return s >= ATTEMPT_SUCCESS;
}

const char *run_status_name(enum run_status s);
const char *node_status_name(enum node_status s);
const char *attempt_status_name(enum attempt_status s);
const char *approval_status_name(enum approval_status s);
const char *workflow_status_name(enum workflow_status s);
const char *agent_type_name(enum agent_type t);
const char *risk_level_name(enum risk_level r);
const char *effect_name(enum effect e);
const char *retained_name(enum retained r);
const char *schedule_overlap_name(enum schedule_overlap o);

bool run_status_parse(struct str text, enum run_status *ret);
bool node_status_parse(struct str text, enum node_status *ret);
bool attempt_status_parse(struct str text, enum attempt_status *ret);
bool approval_status_parse(struct str text, enum approval_status *ret);
bool workflow_status_parse(struct str text, enum workflow_status *ret);
bool agent_type_parse(struct str text, enum agent_type *ret);
bool risk_level_parse(struct str text, enum risk_level *ret);
bool effect_parse(struct str text, enum effect *ret);
bool retained_parse(struct str text, enum retained *ret);
bool schedule_overlap_parse(struct str text, enum schedule_overlap *ret);
