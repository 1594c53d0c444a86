/*
 * The port to durable storage, owned by the engine and implemented in src/store/{mem,sqlite}.
 *
 * Writing. The engine collects the rows of all events of one turn in a `struct txn` and submits
 * it. The store applies transactions one after another, each wholly or not at all, and calls
 * `done` on the loop thread in the order of submission once the transaction is durable (synced).
 * Several may be under way. Rows are absolute (not increments), so a transaction may be applied
 * again after a failure.
 *
 * Errors of writing, given to done():
 *   0         durable
 *   -ENOSPC   the disk is full: nothing of it was applied, and later transactions were not tried
 *             either (they get -ENOSPC too); the engine submits them again in order
 * Any other fault (a failed sync, a corrupt file) ends the process inside the store: nothing may
 * be acknowledged after it.
 *
 * Reading. A `struct store_reader` is one thread's own view of the committed state; each call
 * sees one consistent snapshot that holds everything whose done() had been called before. Rows
 * and their text live in the given arena. 0, or a positive enum store_outcome, or a negative
 * errno (-EUCLEAN: this row is damaged, others are not).
 *
 * Both ways: a project that is empty means any; rows for a run that is not there are let go; a row
 * that is there already is not added again (RUN, VERSION, ATTEMPT, APPROVAL,
 * EVENT, LOG, SIGNAL).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/rows.h"

enum store_outcome { STORE_NOT_FOUND = 1 };

enum txn_op_kind {
	TXN_AGENT_PUT,	     /* insert or replace by id, with its capabilities */
	TXN_AGENT_DELETE,    /* by agent.id */
	TXN_WORKFLOW_PUT,    /* insert or replace by id */
	TXN_WORKFLOW_DELETE, /* by workflow.id, with versions, runs, schedules and all that hangs on
				them */
	TXN_VERSION_ADD,     /* with its workflow_nodes */
	TXN_RUN_ADD,
	TXN_RUN_SET,  /* status, error, output, stopping, pause, workflow_version, waited_ms,
			 waiting_since_ms, started_ms, finished_ms of the row with this id */
	TXN_RUN_MOVE, /* the run (run.id) belongs to another version (run.workflow_version, which is
			 there) of its workflow (run.workflow_id) now: its nodes, attempts and
			 approvals get the index that their node id has there, if it has one; rows
			 of nodes that wait for approval are deleted */
	TXN_NODE_PUT, /* insert or replace by (run_id, index) */
	TXN_ATTEMPT_ADD,
	TXN_ATTEMPT_SET, /* status, error, input, not_before/started/finished_ms, sandboxed, effect,
			    probe, progress, usage; an empty input leaves the one that stands */
	TXN_APPROVAL_ADD,
	TXN_APPROVAL_SET, /* status, responses, responded_by, notes, responded_ms */
	TXN_EVENT_ADD,
	TXN_LOG_ADD,
	TXN_SIGNAL_ADD,
	TXN_SIGNAL_DELETE,   /* by (run_id, seq); seq 0 = all of the run */
	TXN_KEY_PUT,	     /* insert or replace by (project, key) */
	TXN_SCHEDULE_PUT,    /* insert or replace by id */
	TXN_SCHEDULE_DELETE, /* by schedule.id */
	TXN_KEYS_PRUNE,	     /* delete keys with created_ms < key.created_ms */
	TXN_PRUNE,	     /* delete what retention no longer keeps: see struct prune */
};

/*
 * One step of a purge: looks at runs that were created in [from_ms, before_ms), oldest first, at
 * LIMIT_PRUNE_LOOK of them at most, and deletes those that ended before before_ms,
 * LIMIT_PRUNE_RUNS at most. They are those of a workflow, or those of a project whose workflows
 * are not excepted: neighbours are deleted together, which is what costs least. A run stays while
 * an open run names it as its parent or its caller, or is its caller. Applied again it deletes
 * what the step after it would have.
 */
struct prune {
	enum retained
		what; /* RETAINED_RUNS: with all that hangs on them; RETAINED_LOGS: those alone
		       */
	struct str workflow_id; /* or, when it is empty: */
	struct str project;
	const struct str *except; /* workflow ids, ordered */
	size_t n_except;
	int64_t from_ms, before_ms;
	struct pruned *ret; /* in txn->arena; set when applied */
};

/* Whether the step looks at the runs of this workflow. */
bool prune_looks_at(const struct prune *op, struct str project, struct str workflow_id);

struct pruned {
	const struct str *run_ids; /* in txn->arena: the runs that are gone, or have no logs now */
	size_t n;
	int64_t next_ms; /* from_ms of the step that goes on; INT64_MAX = that was all */
};

struct txn_op {
	enum txn_op_kind kind;
	union {
		struct agent_row agent;
		struct workflow_row workflow;
		struct version_row version;
		struct run_row run;
		struct node_row node;
		struct attempt_row attempt;
		struct approval_row approval;
		struct event_row event;
		struct log_row log;
		struct signal_row signal;
		struct key_row key;
		struct schedule_row schedule;
		struct prune prune;
	};
};

struct txn {
	struct arena arena; /* holds the ops and their text */
	struct txn_op *ops;
	size_t n_ops, cap_ops;
	void (*done)(struct txn *txn, int r); /* loop thread; owns the txn again */
	void *owner;
	struct txn *next; /* the store's queue */
};

struct store_page {
	size_t limit;	  /* 0 = all */
	struct str after; /* the id after which to go on, empty = from the start; in lists by name
			     a name does as well, and outlives its row */
};

/* Where a list stopped: page.after = this goes on; empty = it is full or at its end. */
struct run_list_stop {
	struct str after;
	int64_t created_ms; /* of that run: what is newer was looked at */
};

struct run_filter {
	struct str project;	  /* always set */
	struct str workflow_id;	  /* empty = any */
	struct str caller_run_id; /* empty = any: runs that it called */
	bool has_status;
	enum run_status status;
	int64_t since_ms, until_ms; /* since <= created_ms < until; 0 = open */
	struct str text; /* part of the workflow name, context or error, ASCII case ignored; a
			    context over LIMIT_INLINE_BYTES is not searched; empty = any;
			    over LIMIT_FILTER_TEXT_BYTES = -E2BIG */
	/*
	 * Set: the list may stop before it is full, after LIMIT_SEARCH_MS or when it has looked
	 * at `look_at` runs (0 = any number), and says here where. NULL = it looks on, however
	 * long that takes.
	 */
	struct run_list_stop *stop;
	size_t look_at;
};

struct approval_filter {
	struct str project;		/* always set */
	struct str run_id, workflow_id; /* empty = any */
	bool has_status;
	enum approval_status status;
};

/* What a workflow takes, told from its number of runs and the size of some of them. */
struct storage_row {
	struct str workflow_id, workflow_name;
	int64_t n_runs, oldest_ms; /* when its oldest run was created */
	int64_t bytes, log_bytes;  /* of all rows but logs; of logs */
};

struct storage {
	int64_t bytes, free_bytes; /* of the database; free: would be used before it grows */
	bool shrinks;		   /* what is free is given back to the file system */
	struct storage_row *rows;  /* by workflow id */
	size_t n;
};

/* Everything about one run. */
struct run_detail {
	struct run_row run;
	struct str definition; /* of its version */
	struct node_row *nodes;
	size_t n_nodes;
	struct attempt_row *attempts; /* in the order they were queued, output filled in */
	size_t n_attempts;
	struct approval_row *approvals; /* in the order they were requested */
	size_t n_approvals;
};

/* Rows of a run by the indexes of their nodes: of those from `from` on, below `to`. */
struct run_part {
	int64_t from, to; /* to = 0: the nodes of the definition, no items */
};

/* What became of the nodes in a range, those without any row left out. */
struct node_counts {
	int64_t ended[NODE_TIMED_OUT + 1]; /* by final status */
	int64_t running;		   /* an attempt that runs, or a wait */
	int64_t queued;			   /* an attempt that does not run yet */
	int64_t waiting;		   /* PENDING approvals, UNKNOWN nodes: for people */
};

/* One run as recovery needs it: only attempts that are not final, nodes and approvals as they
 * are. */
struct open_run {
	struct run_row run;
	struct node_row *nodes;
	size_t n_nodes;
	struct attempt_row *attempts;
	size_t n_attempts;
	struct approval_row *approvals;
	size_t n_approvals;
	struct signal_row *signals; /* by seq */
	size_t n_signals;
	int64_t last_event_seq;
	bool damaged; /* its rows are not what drover writes: this is what could be read */
};

struct store;
struct store_reader;

struct store_ops {
	void (*submit)(struct store *s, struct txn *txn);	       /* loop thread */
	int (*reader_new)(struct store *s, struct store_reader **ret); /* loop thread */
	void (*free)(struct store *s); /* waits for what was submitted; loop thread */

	/* below: on the thread that uses the reader */
	void (*reader_free)(struct store_reader *r);
	int (*agent_get)(struct store_reader *r, struct arena *a, struct str project, struct str id,
			 struct agent_row *ret);
	/* project empty = all projects (recovery); ordered by name */
	int (*agent_list)(struct store_reader *r, struct arena *a, struct str project,
			  const struct store_page *page, struct agent_row **ret, size_t *ret_n);
	int (*workflow_get)(struct store_reader *r, struct arena *a, struct str project,
			    struct str id, struct workflow_row *ret);
	/* as agent_list */
	int (*workflow_list)(struct store_reader *r, struct arena *a, struct str project,
			     const struct store_page *page, struct workflow_row **ret,
			     size_t *ret_n);
	/* version 0 = the newest */
	int (*version_get)(struct store_reader *r, struct arena *a, struct str workflow_id,
			   int64_t version, struct version_row *ret);
	/* newest first, without definitions; page.after = a version number in text */
	int (*version_list)(struct store_reader *r, struct arena *a, struct str workflow_id,
			    const struct store_page *page, struct version_row **ret, size_t *ret_n);
	int (*run_get)(struct store_reader *r, struct arena *a, struct str project, struct str id,
		       struct run_detail *ret);
	/* The same with only some of the nodes, attempts and approvals. */
	int (*run_get_part)(struct store_reader *r, struct arena *a, struct str project,
			    struct str id, const struct run_part *part, struct run_detail *ret);
	int (*node_counts)(struct store_reader *r, struct str run_id, const struct run_part *part,
			   struct node_counts *ret);
	/* its row alone, without context and output */
	int (*run_head)(struct store_reader *r, struct arena *a, struct str project, struct str id,
			struct run_row *ret);
	/* newest first: by created_ms, those of one millisecond by their order; without output */
	int (*run_list)(struct store_reader *r, struct arena *a, const struct run_filter *filter,
			const struct store_page *page, struct run_row **ret, size_t *ret_n);
	int (*event_list)(struct store_reader *r, struct arena *a, struct str run_id,
			  int64_t after_seq, size_t limit, struct event_row **ret, size_t *ret_n);
	/* log rows of one node whose lines reach beyond after_line (0 = all) */
	int (*log_list)(struct store_reader *r, struct arena *a, struct str run_id,
			struct str node_id, int64_t after_line, size_t limit, struct log_row **ret,
			size_t *ret_n);
	int (*key_get)(struct store_reader *r, struct arena *a, struct str project, struct str key,
		       struct key_row *ret);
	int (*approval_get)(struct store_reader *r, struct arena *a, struct str project,
			    struct str id, struct approval_row *ret);
	/* newest first; page.after = an id */
	int (*approval_list)(struct store_reader *r, struct arena *a,
			     const struct approval_filter *filter, const struct store_page *page,
			     struct approval_row **ret, size_t *ret_n);
	/* by id */
	int (*schedule_list)(struct store_reader *r, struct arena *a, struct str project,
			     const struct store_page *page, struct schedule_row **ret,
			     size_t *ret_n);
	/* Estimated: its cost grows with the number of workflows and, a little, of runs. */
	int (*storage)(struct store_reader *r, struct arena *a, struct str project,
		       struct storage *ret);
	/* Recovery: calls `each` for every run that is not final, oldest first. Stops and returns
	 * what `each` returns when that is not 0. Memory is bounded: rows live until it returns.
	 * `each` must not use this reader; another one it may. */
	int (*open_runs)(struct store_reader *r,
			 int (*each)(void *arg, struct arena *a, const struct open_run *run),
			 void *arg);
};

/* The adapters embed this as their first member. */
struct store {
	const struct store_ops *ops;
};
struct store_reader {
	const struct store_ops *ops;
};

/* A fresh transaction; freed by txn_free(). */
struct txn *txn_new(void);
void txn_free(struct txn *txn);

/* Appends an op of this kind, zeroed, for the caller to fill; text must live in txn->arena or
 * outlive the transaction. */
struct txn_op *txn_add(struct txn *txn, enum txn_op_kind kind);
