/*
 * The engine's memory: what it knows of every open run. Private to src/engine.
 *
 * Text that rows borrow lives in the plan (held by its runs), in the run (freed only when its last
 * transaction is durable) or in the transaction.
 *
 * Time: now_ms is the engine's own, from the monotonic clock; timers use it, so a jump of the wall
 * clock moves none of them. wall_ms is for rows. Both stand still during one call.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "engine/plan/join.h"
#include "engine/plan/plan.h"
#include "engine/pump.h"
#include "engine/admission/queue.h"
#include "engine/admission/rate.h"
#include "engine/timer.h"

/*
 * An attempt from its row to its end.
 *
 *    (made) ---> WAITING ---> STARTING ---> RUNNING ---> (end)
 *      |            ^             |            |           ^
 *      +-> BACKOFF -+             |            v           |
 *      |                          |         STOPPING ------+
 *      +--> STARTING              +----> (end: stopped before it was started)
 *    (made), WAITING, BACKOFF ---> HELD (the run is paused) ---> WAITING, STARTING
 *    WAITING, BACKOFF, HELD ---> (end: cancelled, or its input was bad)
 */
enum attempt_state {
	ATT_WAITING,  /* QUEUED, in its lane: see engine/admission/admission.h */
	ATT_BACKOFF,  /* QUEUED, its retry timer is armed */
	ATT_HELD,     /* QUEUED, until its run is paused no more */
	ATT_STARTING, /* RUNNING, its row is on its way to the disk */
	ATT_RUNNING,  /* RUNNING, with the executor */
	ATT_STOPPING, /* RUNNING, the executor was told to stop (or will be, once that is durable)
		       */
	ATT_ENDED,
};

struct attempt {
	struct attempt_id id;
	struct run *run;
	uint32_t index;	 /* of the node */
	uint32_t number; /* 1, 2, … */
	enum attempt_state state;
	enum attempt_stop why; /* STOPPING */
	bool script;	       /* needs a slot */
	bool has_row;	       /* its row was added before */
	bool admitted;	       /* counts in its lane, holds a slot when it needs one */
	bool log_cut;
	struct lane *lane;  /* that it waits in or was admitted by; NULL before that */
	struct waiter turn; /* WAITING: its place there */
	bool probe;	    /* it asks what became of another one: see engine/run/doubt.h */
	enum effect effect; /* of its action; from STARTING on */
	char *input;	    /* of a RECONCILABLE one, from STARTING on: its probe will get it */
	uint32_t input_n;
	struct agent *agent;   /* from STARTING on */
	struct list link;      /* STOPPING by time-out: engine.stops */
	struct timer timer;    /* BACKOFF: retry time; RUNNING: time-out */
	struct timer deadline; /* the nearest of its other time-outs: see engine/run/deadline.h */
	const char *stop_code; /* STOPPING by one of those: which; else NULL */
	bool runs;	       /* the executor said that its program does */
	int64_t queue_ms, handed_ms, alive_ms; /* engine time: since when it waits for a slot, is
						  with the executor, shows no sign of life */
	char *progress;			       /* JSON, or NULL: see engine/run/progress.h */
	uint32_t progress_n;
	bool progress_unwritten, progress_untold;
	int64_t progress_ms, progress_told_ms; /* engine time of the last row and event */
	int64_t queued_ms, not_before_ms, started_ms, stop_ms; /* wall clock */
	uint32_t log_lines;
	size_t log_bytes;
};

/* A signal that came before a node waited for it. */
struct signal {
	struct list link; /* run.signals */
	int64_t seq;
	struct str name, data; /* behind this struct */
};

/* What a node without an attempt waits for, while it does: see engine/run/wait.h. */
struct wait {
	struct run *run;
	uint32_t index;	    /* of the node */
	struct timer timer; /* armed unless it waits for an event without time-out */
	int64_t wake_ms;    /* wall clock, 0 = no timer */
	struct list link;   /* waits for an event: engine.waits */
	struct list in_run; /* the same: run.waits */
};

enum each_end { EACH_GOES_ON, EACH_ITEM_FAILED, EACH_TOO_LARGE };

/* The items of a node with forEach, from its expansion to the end of the run: see
 * engine/run/each.h. */
struct each {
	uint32_t index;	   /* of the node */
	uint32_t first, n; /* its items are the nodes from first on */
	uint32_t next;	   /* number of the first item that was not looked at to be started */
	uint32_t n_started, n_ended, n_succeeded, n_failed;
	uint32_t n_dropped; /* SKIPPED: never started, or by hand */
	enum each_end end;  /* beyond GOES_ON no item starts, and those that run are stopped */
	bool stopped;	    /* they were */
	size_t output_bytes;
	struct value list;	     /* until the node ends, in `values` */
	struct value context, nodes; /* what the items' templates see of them, once read */
	bool has_context, has_nodes;
	struct str *ids; /* "scan[3]", each made when somebody asks, in `names` */
	struct arena values, names;
};

/* What a node that runs another workflow has in place of an attempt: see engine/run/child.h. */
enum child_state {
	CHILD_BACKOFF,	/* QUEUED: before its next run */
	CHILD_HELD,	/* QUEUED: the same, and its run is paused */
	CHILD_RUNNING,	/* RUNNING: the run it called goes on */
	CHILD_STOPPING, /* RUNNING: the run took too long and was told to stop */
};

struct child {
	struct run *run;
	uint32_t index; /* of the node */
	enum child_state state;
	struct run_id id;   /* of the run it called, or called before */
	struct run *callee; /* RUNNING, STOPPING */
	int64_t version;    /* its workflow's */
	bool waits;	    /* the callee is WAITING_APPROVAL */
	bool unknown;	    /* and nothing may ever end that */
	struct timer timer; /* BACKOFF: retry time; RUNNING: the node's time-out */
	int64_t wake_ms;    /* wall clock: the same, 0 = no timer */
	int64_t left_ms;    /* RUNNING: of the time-out, while that stands still */
	int64_t begun_ms;   /* wall clock: of its state */
	struct list link;   /* recovery: engine.unlinked */
};

/* A node's status is the model's: PENDING -> QUEUED <-> RUNNING -> final, see engine/run/node.c. */
struct node {
	enum node_status status;
	enum join_end end; /* when final: what it is for its dependents */
	struct join_counts counts;
	struct attempt *attempt;   /* QUEUED, RUNNING: its live one */
	struct wait *wait;	   /* RUNNING without an attempt */
	struct child *child;	   /* QUEUED, RUNNING: of a node that runs a workflow */
	struct approval *approval; /* WAITING_APPROVAL, or approved until the node ends */
	struct each *each;	   /* of a node with forEach that has expanded */
	uint32_t each_of;	   /* of an item: index + 1 of that node */
	struct doubt *doubt;	   /* UNKNOWN, or probed; see engine/run/doubt.h */
	char *output, *error;	   /* JSON text, kept while templates may ask; or NULL */
	char *detail;		   /* JSON text of the row's detail; or NULL */
	uint32_t output_n, error_n, detail_n;
	uint32_t attempts;	 /* number of the newest */
	uint32_t tries;		 /* failures that count against maxAttempts */
	uint32_t lost, later;	 /* lost in a row; "retry later" answers in all */
	const char *not_retried; /* FAILED by an attempt: why there is no other one */
	char *progress;		 /* JSON that its attempts told last, or NULL */
	uint32_t progress_n;
	int64_t first_ms;      /* engine time of its first attempt's row */
	uint32_t log_lines;    /* logged over all attempts */
	uint32_t next_settled; /* the run's list of ends to be told to dependents; index + 1 */
	bool copied;	       /* from the run that this one retries */
	int64_t started_ms;
};

/* A run's states: see engine/run/run.c. */
struct run {
	struct run_id id;
	struct engine *engine;
	struct list link; /* engine.open */
	struct plan *plan;
	struct schedule *schedule; /* that it counts for, or NULL */
	struct workflow *workflow; /* alive: it has this open run */
	struct child *caller;	   /* the node that waits for its end, or NULL */
	struct run *root;	   /* itself, or the one at the top of its callers */
	uint32_t n_below;	   /* of a root: open runs below it */
	int64_t waited_ms;	   /* for approvals alone, without the time now */
	int64_t waiting_since_ms;  /* wall clock: it does since; 0 = it does not */
	int64_t depth;		   /* calls from the root to here */
	bool called;		   /* a node called it: it may be there no more */
	bool settling;		   /* its nodes are gone through: run_settle() comes later */
	enum run_status status;
	enum stop_reason stopping;
	int64_t priority;    /* 0 to 9, the higher goes first */
	struct gate *gate;   /* of its workflow and concurrency key, until it ends:
				engine/admission/gate.h */
	struct list in_gate; /* gate.runs */
	struct waiter turn;  /* PENDING: its place there */
	bool waits_turn;     /* PENDING; in the queue unless it is paused */
	bool holds;	     /* counts at its gate */
	bool counted;	     /* counts as a running run */
	bool skipped;	     /* by onLimit skip */
	int64_t created_ms, started_ms, stop_ms; /* wall clock */
	int64_t n_events;
	struct events_note *note; /* effect that will tell the watcher, in batch note_batch */
	uint64_t note_batch;
	struct timer limit;
	struct pause *pause; /* see engine/run/pause.h; NULL = not paused */
	int64_t paused_ms;   /* in all, before that */
	int64_t left_ms;     /* paused: what was left of `limit` */
	uint32_t n_unfinished, n_failed;
	uint32_t n_busy;    /* live attempts and waits: nodes that go on by themselves */
	uint32_t n_waiting; /* nodes WAITING_APPROVAL or UNKNOWN, or whose callee waits so */
	uint32_t n_unknown; /* those among them that wait for no approval: nothing ends that */
	uint32_t settled_first, settled_last; /* index + 1 */
	struct list waits;		      /* of nodes that wait for an event */
	struct list signals;		      /* kept, by seq */
	struct list past;		      /* see engine/request/move.c */
	int64_t last_signal;
	size_t n_signals, signal_bytes;
	struct str context, trigger; /* in one block at context.p */
	struct node *nodes; /* those of the plan, by index, then items; moves when items come */
	uint32_t n_nodes;
};

/* Whether this is an item of a node with forEach, and no node of the plan. */
static inline bool run_is_item(const struct run *r, uint32_t index)
{
	return index >= r->plan->n_nodes;
}

/* The definition of a node; items have that of their node. */
static inline const struct plan_node *run_plan_node(const struct run *r, uint32_t index)
{
	return &r->plan->nodes[run_is_item(r, index) ? r->nodes[index].each_of - 1 : index];
}

/* The node's id; lives as long as the run. */
struct str each_item_id(const struct run *r, uint32_t item);
static inline struct str run_node_id(const struct run *r, uint32_t index)
{
	return run_is_item(r, index) ? each_item_id(r, index) : r->plan->nodes[index].id;
}

/* Attempts that wait to start: see engine/admission/admission.h. */
struct admission {
	struct queue shares;	      /* of projects, with attempts that need slots */
	struct queue others;	      /* lanes whose attempts need none */
	struct map by_project, lanes; /* project -> struct share, "project\nagent" -> struct lane */
	uint64_t turn;		      /* counts what shares were given */
	struct timer timer;	      /* a share has waited long enough */
};

/* The purge of what is not kept any longer: see engine/retention.h. */
struct retention {
	struct timer timer;
	bool under_way; /* a step is in a transaction */
	bool in_pass;
	enum retained what; /* of the pass */
	/* a workflow that says its own, or "": the others of the project */
	char project[LIMIT_NAME_BYTES + 1], workflow_id[ID_TEXT_BYTES];
	int64_t from_ms, before_ms; /* of the step; from_ms -1 = the next unit */
	struct map rest;      /* project -> struct rest: up to when the others were looked at */
	int64_t longest_ms;   /* that anything is kept, but for ever; 0 = nothing goes */
	int64_t last_run_ms;  /* when a run ended last */
	int64_t full_pass_ms; /* the last pass that looked at all; 0 = none yet */
	int64_t clock_ms;     /* wall clock less the engine's, as last seen */
};

/* Runs that wait to start: see engine/admission/gate.h. */
struct starts {
	struct queue shares;	     /* of projects, with runs that may start */
	struct queue called;	     /* gates with called runs that may start */
	struct list flows;	     /* all of them */
	size_t n_pending, n_running; /* runs; running: without those that wait for people */
};

struct engine {
	struct engine_config config;
	struct pump pump;
	struct timer_heap timers;
	struct timer store_retry, replies_limit, keys_prune;
	struct catalog catalog;
	struct map runs, attempts, approvals;
	struct map claims;     /* "project\nkey" */
	int64_t last_key_ms;   /* when the newest idempotency key was written */
	struct list open;      /* runs, oldest first */
	struct list schedules; /* see engine/schedule.h */
	struct map schedules_by_id;
	struct timer schedules_timer; /* of the nearest fire */
	struct list replies;	      /* that wait for their rows to be durable */
	struct list waits;	      /* of all nodes that wait for an event */
	struct map breakers;	      /* "project\nagent", see engine/admission/breaker.h */
	struct list unlinked;	      /* recovery: children whose run is not found yet */
	struct list stops;	      /* attempts to be stopped when the call is over */
	struct list unknown;	      /* doubts of nodes that are UNKNOWN, oldest first */
	struct id_gen ids;
	struct rng rng;
	struct arena scratch; /* of one step */
	struct buf text;      /* of one row */
	int64_t now_ms, wall_ms;
	int64_t start_ms; /* now_ms when the engine was made */
	int64_t full_ms;  /* wall clock: since when the store is full */
	int depth;
	struct admission admission;
	struct retention retention;
	struct starts starts;
	size_t n_open_runs, n_scripts, n_queued, n_running;
	size_t n_approvals; /* PENDING */
	size_t n_unknown;
};

/* engine.c: every public call, timer and effect is between these two. */
void engine_enter(struct engine *e);
void engine_leave(struct engine *e);

/* An idempotency key was written: one day it must be forgotten. */
void engine_key_written(struct engine *e);
