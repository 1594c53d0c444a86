/*
 * Nodes of which nobody knows whether the effect of their last attempt happened. Private to
 * src/engine; which ends leave a node in doubt is said in engine/run/effect.h.
 *
 *    an attempt was lost, cut off in its middle, or gave no usable output
 *       |                              |
 *       | reconcilable                 | irreversible
 *       v                              v
 *    probed ----- unknown, failed --> UNKNOWN --- resolve ---> SUCCESS, FAILED, or runs again
 *       |                              |
 *       +-- done ----> SUCCESS         +--- the run stops ---> CANCELLED, the doubt stays
 *       +-- absent --> runs again, or fails as the attempt did when no tries are left
 *
 * A node that is probed is QUEUED or RUNNING, with attempts that are probes. All that is known of
 * the doubt is in `detail` of the node's row, which also stays with a node that was settled.
 */
#pragma once

#include "engine/run/attempt_end.h"

struct doubt {
	struct arena arena; /* of the text */
	struct list link;   /* UNKNOWN: engine.unknown */
	struct run *run;
	uint32_t index;
	enum effect effect;
	struct attempt_id attempt; /* the one in doubt, and how it ended */
	uint32_t number;
	enum attempt_status status;
	struct str code, message;
	bool lost, retry; /* retry: the node has tries left, should nothing have happened */
	struct str probe, input;
	uint32_t n_failed, n_lost; /* probes */
	struct str why;		   /* UNKNOWN: why people are asked */
	struct str settled;	   /* JSON object: who said what became of it; empty = nobody */
	int64_t since_ms;
};

/* The doubt that the attempt's end leaves, or NULL. The attempt is still there. */
struct doubt *doubt_of(const struct attempt *a, const struct verdict *v);

/* Takes the doubt; the node is probed or becomes UNKNOWN. */
void doubt_begin(struct run *r, uint32_t index, struct doubt *d, bool retry);

/* Takes the doubt of a node that ends now, by the stop of its run. NULL is fine. */
void doubt_keep(struct node *n, struct doubt *d);

/* Whether the node's attempts are probes. */
bool doubt_probes(const struct node *n);

/* Findings of a probe's output, beyond those of its own outputSchema. */
void doubt_judge_answer(const struct attempt *a, const struct value *output, struct diag *d);

/* A probe ended; attempt `number` is no more. */
void doubt_probed(struct run *r, uint32_t index, uint32_t number, const struct verdict *v);

/* `detail` of the node's row, in the current transaction; empty when there is none. */
struct str doubt_detail(struct engine *e, const struct node *n);

/* Whether it ended and nobody knows whether the effect happened. */
bool doubt_remains(const struct node *n);

/* The node ends or runs again: it is UNKNOWN no more. Nothing when it was not. */
void doubt_leave(struct node *n);

void doubt_free(struct node *n);

/* Recovery: whether the row's detail is one of ours, and the doubt that it tells of. */
bool doubt_row_fits(const struct node_row *row);
void doubt_recover(struct run *r, uint32_t index, const struct node_row *row);
/* The input of the attempt in doubt, from the probe that is open. */
void doubt_recover_input(struct node *n, struct str input);
/* A probe that had ended before. */
void doubt_recover_probe(struct node *n, const struct attempt_row *row);

/* The invariant of an UNKNOWN node. */
bool doubt_waits(const struct node *n);
