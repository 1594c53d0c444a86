/*
 * Approvals: nodes that wait for people. Private to src/engine.
 *
 * A node is gated when its definition says so or its agent is APPROVAL_REQUIRED. What the people
 * see is what runs: inputs and workspace are resolved once, when the question is asked, and hashed
 * together with the agent, its command and digest (or the workflow that is called and its version),
 * and the workflow's own version. Every attempt of the node compares that hash with what would run
 * by then; a difference voids the approval.
 *
 *    (request) --> PENDING --> APPROVED ---> (kept for the node's attempts) --> (freed)
 *                     |           ^
 *                     |           +--- the time is over, onTimeout: approve
 *                     +---> REJECTED, EXPIRED: the node ends, so does this
 *
 * While it is PENDING the run gets an event at each multiple of remindEvery. Which one is next
 * follows from the time that has passed, so nothing is stored, and what was missed is not made up.
 */
#pragma once

#include "base/sha256.h"
#include "engine/state.h"

struct approval {
	struct approval_id id;
	struct run *run;
	uint32_t index;
	enum approval_status status;
	struct timer timer;		      /* PENDING: its expiry */
	struct timer reminder;		      /* PENDING, and another one is to come */
	char *inputs, *workspace, *responses; /* owned, NUL-terminated; responses: JSON array */
	char sha256[SHA256_HEX_BYTES];
	int64_t requested_ms, expires_ms; /* wall clock */
	int64_t n_approved;
};

/* Whether the node may only run approved, as things are now. */
bool approval_needed(const struct run *r, uint32_t index);

/* The node would run now: asks instead. What could not even be asked (bad inputs) becomes an
 * attempt, which fails by the same reason. */
void approval_request(struct run *r, uint32_t index);

/* The time is over. */
void approval_expire(struct approval *p);

/* Another multiple of remindEvery has passed. */
void approval_remind(struct approval *p);

/* The node ended, by whatever: a question that is still open expires. Freed. */
void approval_end(struct approval *p);

/* A question that is still open is void: EXPIRED with these notes. Freed; the node is the caller's
 * business. */
void approval_void(struct approval *p, struct str notes);

/* Whether exactly what was approved would run with this agent. */
bool approval_holds(const struct approval *p, struct agent *agent);
/* The same of a workflow that would be called. */
bool approval_holds_call(const struct approval *p, struct workflow *w);

/* Recovery: a row that is PENDING, or APPROVED of a node that has not ended. */
void approval_recover(struct run *r, const struct approval_row *row);

/* Out of all tables, nothing in the store changes. */
void approval_free(struct approval *p);
