/*
 * A plan: one version of a workflow, validated and compiled for running. Immutable, counted by
 * references (several runs share one), everything in its own arena. Loop thread only.
 *
 * plan_compile() judges a definition (contract section 3) as a whole and reports every finding
 * with its place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/sha256.h"
#include "engine/plan/join.h"
#include "engine/plan/resolve.h"
#include "engine/admission/rate.h"
#include "json/value.h"
#include "model/names.h"
#include "text/cron.h"

struct catalog;
struct schema;

/* Error codes, '*' for any characters, or classes: see engine/run/error_codes.h. */
struct plan_codes {
	const struct str *items;
	size_t n;
};

struct plan_retry {
	int64_t max_attempts;
	int64_t initial_ms, maximum_ms;
	double coefficient;
	double jitter;		    /* the delay is scaled by 1 ± jitter */
	struct plan_codes retry_on; /* empty: all */
	struct plan_codes never;    /* nonRetryable; the stronger of the two */
};

struct plan_approval {
	struct str approvers_json; /* JSON array of names, "" = anybody */
	const struct str *approvers;
	size_t n_approvers;
	int64_t quorum, timeout_ms;
	int64_t remind_ms;    /* remindEvery; 0 = never */
	bool expiry_approves; /* onTimeout: approve */
	bool allow_self;      /* whoever triggered the run may approve */
};

/* A node whose result a template mentions. */
struct plan_ref {
	uint32_t index;
	bool output; /* its output, not only status and error */
};

struct plan_node {
	struct str id, agent, action;
	const uint32_t *depends; /* indexes of nodes, as written */
	uint32_t n_depends;
	const uint32_t *dependents;
	uint32_t n_dependents;
	const struct plan_ref *refs; /* what its templates mention, each node once */
	uint32_t n_refs;
	uint32_t level; /* longest way from a node without dependencies */
	enum join_rule join;
	bool continue_on_error;
	bool keep_output;   /* a template may ask for its output */
	int64_t timeout_ms; /* of an attempt's run; 0 = none */
	int64_t queue_ms, start_ms, total_ms,
		heartbeat_ms;		   /* see engine/run/deadline.h; 0 = none */
	int64_t sleep_ms;		   /* > 0: the node sleeps; it has no agent */
	struct str workflow;		   /* not empty: it runs this one; it has no agent */
	struct str wait_event;		   /* not empty: it waits for this; it has no agent */
	const struct resolve *wait_filter; /* NULL = any such event */
	int64_t wait_ms;		   /* 0 = for ever */
	const struct resolve *for_each;	   /* the list to run once for each item of; or NULL */
	uint32_t max_parallel;		   /* items at once */
	bool items_may_fail;		   /* onItemFailure: continue */
	struct plan_retry retry;
	const struct plan_approval *approval; /* NULL = only when its agent asks for it */
	struct str limits;		      /* JSON object, "" = none */
	const struct resolve *when;	      /* NULL = always */
	const struct resolve *workspace;      /* NULL = none */
	const struct resolve *inputs;	      /* never NULL */
};

/* A trigger by time. */
struct plan_schedule {
	struct str text, timezone; /* as written */
	struct cron cron;
	enum schedule_overlap overlap;
	int64_t catchup_ms;
	struct value context; /* of the runs; an object */
	uint32_t position;    /* in the list of triggers */
};

/* What a run does that is one too many. */
enum on_limit {
	ON_LIMIT_QUEUE,	 /* waits */
	ON_LIMIT_SKIP,	 /* ends at once */
	ON_LIMIT_CANCEL, /* the oldest ones are cancelled, then it starts */
};

/* How many runs with the same key go on at once. */
struct plan_concurrency {
	int64_t limit;		   /* 0 = any number */
	const struct resolve *key; /* NULL = all runs of the workflow together */
	enum on_limit on_limit;
};

struct plan {
	int refs;
	struct arena arena;
	struct str project, name, description;
	enum workflow_status status;
	struct str workflow_id; /* set by whoever gives it its place */
	int64_t version;
	struct schema *context_schema; /* NULL = anything */
	int64_t timeout_ms;	       /* 0 = none */
	/* How long what is left of its ended runs is kept; 0 = for ever, -1 = as the service says
	 */
	int64_t retention_ms[RETAINED_CLASSES];
	bool uses_context; /* a template may ask for it */
	struct plan_concurrency concurrency;
	struct rate_limit rate_limit;	    /* of starts */
	int64_t priority;		    /* of runs that say no other */
	const struct resolve *output;	    /* NULL = none */
	const struct plan_ref *output_refs; /* what it mentions, each node once */
	uint32_t n_output_refs;
	struct plan_schedule *schedules;
	size_t n_schedules;
	struct plan_node *nodes;
	size_t n_nodes;
	struct map by_id;	 /* node id -> struct plan_node */
	struct value definition; /* normal form */
	struct str definition_json;
	char sha256[SHA256_HEX_BYTES]; /* of the canonical definition */
};

/*
 * 0 and a plan with one reference, or 1 with findings. The document is not needed afterwards.
 * `project` is used when the document names none, and must agree with it otherwise.
 * catalog NULL leaves out what depends on the registered agents (a version that was saved before).
 */
int plan_compile(const struct catalog *catalog, struct str project, const struct value *document,
		 struct diag *d, struct plan **ret);

/* "30d", or "off" and "0": 0, for ever. False when it is none of that, or out of bounds. */
bool plan_retention_parse(struct str text, int64_t *ret_ms);

struct plan *plan_ref(struct plan *p);
/* NULL is fine; always returns NULL. */
struct plan *plan_unref(struct plan *p);

static inline void plan_unrefp(struct plan **p)
{
	plan_unref(*p);
}
#define CLEANUP_PLAN CLEANUP(plan_unrefp)

/* Whether the node waits instead of having an agent. */
static inline bool plan_node_waits(const struct plan_node *n)
{
	return n->sleep_ms > 0 || n->wait_event.n > 0;
}

/* The node's index, or -1. */
int64_t plan_find(const struct plan *p, struct str node_id);

static inline uint32_t plan_index(const struct plan *p, const struct plan_node *n)
{
	return (uint32_t)(n - p->nodes);
}
