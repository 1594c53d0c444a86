/*
 * The engine: a pure state machine over the open runs, with the store and the executor behind
 * their ports. No thread, no file descriptor, no clock but the one it is given. All calls are
 * made on one thread (the loop thread).
 *
 * How a turn goes: calls below change the state in memory and add rows to the current
 * transaction; engine_flush(), called by the owner at the end of each loop turn, submits it. When
 * the store says it is durable the effects that depend on it happen: replies are given, attempts
 * are started, watchers are told. So whatever anybody was told survives a crash, and one sync
 * serves all that happened in a turn (group commit).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/id.h"
#include "engine/executor.h"
#include "engine/store.h"
#include "json/value.h"
#include "text/zone.h"

struct engine;

/* See engine/admission/breaker.h. */
enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

struct engine_config {
	struct clock *clock;
	struct store *store;
	struct executor *executor;
	uint64_t seed;		    /* ids and jitter; 0 = from the system. Never the same twice
				     * over one store: ids would come again */
	size_t max_scripts;	    /* SCRIPT attempts at once, 0 = 2 per core (owner says) */
	size_t extra_scripts;	    /* beyond them, for projects that got none: see
				       engine/admission/admission.h */
	size_t max_open_runs;	    /* 0 = LIMIT_OPEN_RUNS */
	size_t max_project_open;    /* the same of one project, 0 = LIMIT_PROJECT_OPEN */
	size_t max_running;	    /* runs that go on at once, others are PENDING; 0 = all */
	size_t max_project_running; /* the same of one project */

	/* How long what is left of ended runs is kept, where the workflow does not say; 0 = for
	 * ever. What RETAINED_ARTIFACTS says is the owner's to do. */
	int64_t retention_ms[RETAINED_CLASSES];

	zone_get_fn zone_get; /* time zones, on the loop thread; NULL = UTC alone */
	void *zone_arg;

	bool workflows_elsewhere; /* linting: a node may call workflows that are not here */

	/* Told after commit; any may be NULL. Borrowed arguments. */
	void *watcher;
	void (*on_events)(void *watcher, struct str run_id, int64_t last_seq); /* new run_events */
	void (*on_logs)(void *watcher, struct str run_id, struct str node_id); /* new agent_logs */
	void (*on_run_end)(void *watcher, const struct run_row *run);
	void (*on_attempt_end)(void *watcher, const struct attempt_row *attempt,
			       const char *error_code); /* for metrics */
	void (*on_approval_end)(void *watcher, const struct approval_row *approval);
	/* An attempt was handed to the executor, delay_ms after it could have been. */
	void (*on_attempt_start)(void *watcher, struct str project, struct str agent,
				 int64_t delay_ms);
	/* A failed attempt is tried again; reason is its error code. */
	void (*on_retry)(void *watcher, struct str project, struct str agent, const char *reason);
	/* Not only after commit: the state is in memory alone. */
	void (*on_breaker)(void *watcher, struct str project, struct str agent,
			   enum breaker_state state, bool opened);
	/* these runs, or their logs, are gone */
	void (*on_pruned)(void *watcher, enum retained what, const struct str *run_ids, size_t n);
};

/* Reads agents, workflows and open runs through a reader and drives what is unfinished. The
 * executor may be started only from the first engine_flush() on. 0 or a negative errno. */
int engine_new(const struct engine_config *config, struct engine **ret);
/* Stops nothing, forgets everything: like a crash. Transactions under way belong to the
 * store, which must be freed before (its free() tells them all). */
void engine_free(struct engine *e);

/* Submits what has been collected. */
void engine_flush(struct engine *e);

/* When engine_tick() is due, wall clock ms; INT64_MAX = never. */
int64_t engine_next_tick(const struct engine *e);
void engine_tick(struct engine *e);

/* From the executor. */
void engine_attempt_started(struct engine *e, const struct attempt_id *id);
void engine_attempt_alive(struct engine *e, const struct attempt_id *id);
void engine_attempt_log(struct engine *e, const struct attempt_id *id, struct str lines,
			int64_t n_lines);
void engine_attempt_done(struct engine *e, const struct attempt_id *id,
			 const struct attempt_result *result);

/* ---- requests ---- */

enum engine_outcome {
	ENGINE_OK,	  /* done and durable */
	ENGINE_CREATED,	  /* the same, a new thing */
	ENGINE_UNCHANGED, /* it was that way already (apply of the same definition) */
	ENGINE_REPLAYED,  /* the answer this Idempotency-Key got before: run, status */
	ENGINE_NOT_FOUND,
	ENGINE_CONFLICT,      /* 409, diag says why */
	ENGINE_INVALID,	      /* 422, diag says what and where */
	ENGINE_KEY_REUSED,    /* 422: the key was used with another body */
	ENGINE_KEY_IN_FLIGHT, /* 409: the first request with it is not answered yet */
	ENGINE_BUSY,	      /* 429: retry_after_ms */
	ENGINE_FORBIDDEN,     /* 403, diag says why */
	ENGINE_STALE,	      /* what the caller read is no more: read again, ask again */
	ENGINE_UNAVAILABLE,   /* 503: the store can't take it now (disk full) */
	ENGINE_UNDECIDED,     /* 503: begun, but the disk got full before it was durable: it is
			       * done, as a whole, when there is space again, unless the process
			       * ends before. The same Idempotency-Key finds out */
};

struct engine_reply { /* borrowed for the call */
	enum engine_outcome outcome;
	const struct diag *diag;       /* CONFLICT, INVALID: findings; else NULL */
	struct str id;		       /* of the agent, workflow or run */
	int64_t version;	       /* workflow saves; events: nodes that got it */
	enum run_status status;	       /* triggers, cancel: the run's status */
	enum approval_status approval; /* decisions: what the approval is now */
	int64_t retry_after_ms;	       /* BUSY, UNAVAILABLE, UNDECIDED */
	bool goes_on;		       /* deletions of workflows: it is not gone yet */
	struct str json; /* dry run, plan: what would happen; check: the normal form */
};

/* Called exactly once per request, after what it says is durable; may be called before the
 * request function returns (refusals). */
typedef void (*engine_reply_fn)(void *arg, const struct engine_reply *reply);

/*
 * Agents. `doc` is the API form (contract section 5): name, type, version, description,
 * riskLevel, entryPath, command, capabilities, limits. Judged as a whole.
 */
struct agent_save {
	struct str project;
	struct str id; /* empty: create (CONFLICT when the name exists); else replace */
	bool upsert;   /* create or replace by name; UNCHANGED when nothing differs */
	bool builtin;
	struct str digest;
	const struct value *doc;
};
void engine_agent_save(struct engine *e, const struct agent_save *save, engine_reply_fn fn,
		       void *arg);
/* CONFLICT while a workflow's newest version uses it. */
void engine_agent_delete(struct engine *e, struct str project, struct str id, engine_reply_fn fn,
			 void *arg);

/* Closes the agent's circuit breaker, whatever it has seen. UNCHANGED when it was closed, NOT_FOUND
 * when there is no such agent or it has none. Replies at once: the state is in memory only. */
void engine_agent_reset(struct engine *e, struct str project, struct str name, engine_reply_fn fn,
			void *arg);

/* How the agent fares now; all 0 for one that is not registered. Text is borrowed from the engine
 * until its next call. */
struct engine_agent_state {
	bool has_breaker;
	enum breaker_state state;
	int64_t since_ms, until_ms; /* wall clock: opened, end of the cool-down; 0 = not open */
	int64_t n_opened;	    /* since the start */
	const char *code, *message; /* of the newest failure, "" = none */
};
void engine_agent_state(struct engine *e, struct str project, struct str name,
			struct engine_agent_state *ret);

/*
 * Workflows. `doc` is contract section 3 as a value. Every save that changes something makes a
 * new version, in one transaction.
 */
struct workflow_save {
	struct str project;
	struct str id; /* empty: create (CONFLICT when the name exists); else a new version */
	bool upsert;   /* by name */
	const struct value *doc;
};
void engine_workflow_save(struct engine *e, const struct workflow_save *save, engine_reply_fn fn,
			  void *arg);
/* Judges without saving: INVALID with findings, or OK with the definition in its normal form,
 * as a save would store it. Replies at once. */
void engine_workflow_check(struct engine *e, struct str project, const struct value *doc,
			   engine_reply_fn fn, void *arg);

struct workflow_removal {
	struct str project, id;
	struct str by, reason; /* recorded; empty = not said */
	bool cascade;	       /* its open runs are cancelled */
};
/*
 * Deletes it with all its versions and runs. While it has open runs CONFLICT, or with cascade they
 * are cancelled first: OK with their number in `version`. The ended ones go a few at a time and the
 * workflow with the last of them, also over a restart; few of them are gone with the reply, else it
 * says goes_on. Until then nothing of it starts.
 */
void engine_workflow_delete(struct engine *e, const struct workflow_removal *removal,
			    engine_reply_fn fn, void *arg);
/* A new version with the status ARCHIVED, or ACTIVE again: OK with its number, UNCHANGED when it
 * was that way. Open runs go on to their end, unless cascade. */
void engine_workflow_archive(struct engine *e, const struct workflow_removal *removal,
			     bool archived, engine_reply_fn fn, void *arg);

struct run_trigger {
	struct str project;
	struct str workflow;		 /* id or name */
	const struct value *context;	 /* NULL = {} */
	struct str type;		 /* "manual", "api", … for run.trigger */
	struct str idempotency_key;	 /* empty = none */
	struct str body_sha256;		 /* of the request body, with a key */
	const struct key_row *known_key; /* what the store holds under the key, NULL = nothing:
					    the caller looked it up on a reader after
					    engine_key_claim() said yes */
	struct str by;			 /* who asks, as far as that is known; empty = unknown */
	const int64_t *priority;	 /* 0 to LIMIT_PRIORITY; NULL = the workflow's */
	bool dry_run;
};
void engine_run_trigger(struct engine *e, const struct run_trigger *trigger, engine_reply_fn fn,
			void *arg);

/* Claims an Idempotency-Key before its look-up; false while another request holds it (409).
 * The claim ends with the trigger's reply, or by engine_key_release(). */
bool engine_key_claim(struct engine *e, struct str project, struct str key);
void engine_key_release(struct engine *e, struct str project, struct str key);

struct run_control {
	struct str project, run_id;
	struct str by, reason; /* who asks and why, recorded as given; empty = not said */
};

/* OK with the status it has then; CONFLICT when it is final already. More that steers a run is in
 * engine/request/control.h. */
void engine_run_cancel(struct engine *e, const struct run_control *control, engine_reply_fn fn,
		       void *arg);

/*
 * A signal for one run: the output of the first of its nodes (as the definition orders them) that
 * waits for an event of this name and whose filter is true of {type: name, data}; when none does
 * it is kept, durably, until one does. OK with the id of the node, or an empty one (kept); BUSY
 * when the run keeps too many; CONFLICT when it is ending.
 */
struct run_signal {
	struct str project, run_id, name;
	const struct value *data; /* NULL = null */
};
void engine_run_signal(struct engine *e, const struct run_signal *signal, engine_reply_fn fn,
		       void *arg);

/*
 * An event (CloudEvents, as one object) for every node of the project's runs that waits for its
 * `type` and whose filter is true of it; its `data` is their output. The key names the event and
 * was claimed by engine_key_claim(): within LIMIT_IDEMPOTENCY_HOURS the same key delivers nothing
 * (REPLAYED). OK with the number of nodes in `version`.
 */
struct event_delivery {
	struct str project, key;
	const struct key_row *known_key; /* as in run_trigger */
	const struct value *event;
};
void engine_event_deliver(struct engine *e, const struct event_delivery *delivery,
			  engine_reply_fn fn, void *arg);

/*
 * A decision on a node that waits for approval. The first one that decides wins: OK, with what the
 * approval is then (PENDING while its quorum is not reached). CONFLICT: it was decided already,
 * the name has answered, or the hash is not that of what would run. FORBIDDEN: the name may not.
 * NOT_FOUND: no open run asks it; the store may know how it ended.
 */
struct approval_decision {
	struct str project, id;
	enum approval_status decision; /* APPROVED or REJECTED */
	struct str responded_by;       /* never empty */
	struct str notes;
	struct str sha256; /* of what was seen; empty = not said */
};
void engine_approval_decide(struct engine *e, const struct approval_decision *decision,
			    engine_reply_fn fn, void *arg);

/*
 * What people say became of a node that is UNKNOWN: it did its work and gave `output` (which must
 * fit the action's outputSchema: else INVALID), it failed, or it is to run again. OK with the run's
 * status then; CONFLICT when the node is not UNKNOWN; NOT_FOUND when the run is not open or, with
 * a finding, has no such node.
 */
enum resolve_as { RESOLVE_SUCCEEDED, RESOLVE_FAILED, RESOLVE_AGAIN };
bool resolve_as_parse(struct str text, enum resolve_as *ret);
struct node_resolve {
	struct str project, run_id, node_id;
	enum resolve_as as;
	const struct value *output; /* SUCCEEDED */
	struct str message;	    /* FAILED: of the error; empty = who says so, and why */
	struct str by, reason;	    /* by: never empty */
};
void engine_node_resolve(struct engine *e, const struct node_resolve *resolve, engine_reply_fn fn,
			 void *arg);
/* All nodes that are UNKNOWN, at once: json {"items": [{runId, nodeId, why, …}], "leftOut": n}. */
void engine_unknown_list(struct engine *e, struct str project, engine_reply_fn fn, void *arg);

/*
 * Schedules. They come and go with the triggers of the newest version of ACTIVE workflows; a fire
 * and the cursor that says that it is done are one transaction, so each fire happens once.
 */
/* A paused schedule does not fire; what it would have fired meanwhile is left out. UNCHANGED when
 * it was that way. */
void engine_schedule_pause(struct engine *e, struct str project, struct str id, bool paused,
			   engine_reply_fn fn, void *arg);

/* Starts a run for every fire from from_ms to to_ms, whatever overlap says: the reply's json is
 * {"fires": [...], "runIds": [...]}; without runIds and OK when it is a dry run. INVALID when the
 * range is no past or has more than LIMIT_SCHEDULE_BACKFILL fires. */
struct schedule_backfill {
	struct str project, id;
	int64_t from_ms, to_ms;
	bool dry_run;
};
void engine_schedule_backfill(struct engine *e, const struct schedule_backfill *backfill,
			      engine_reply_fn fn, void *arg);

/*
 * A new run of the same workflow version that keeps the results of finished nodes: from "failed"
 * (all that did not succeed, and what depends on it), "start" (nothing kept), or a node id (that
 * node and all that depends on it). The caller read the old run; CONFLICT while it is open.
 * INVALID when another context is given and `from` is not "start", or it breaks the contextSchema.
 * A plan writes nothing: OK at once, with json {"from", "runsAgain": [node ids], "kept": [node
 * ids], "irreversible": [node ids]} (of what runs again, conditions and join rules may still skip
 * some; irreversible are those among them whose action says so).
 */
struct run_retry {
	struct str project;
	const struct run_detail *old;
	struct str from;
	struct str by, reason;	     /* for run.trigger */
	const struct value *context; /* of the new run; NULL = that of the old one */
	bool plan;		     /* say what would happen, start nothing */
};
void engine_run_retry(struct engine *e, const struct run_retry *retry, engine_reply_fn fn,
		      void *arg);

/*
 * Moves an open run to another version of its workflow, which the caller read with its definition
 * (see engine/request/move.h). OK with the version and json {"from", "to", "kept": [node ids that
 * have begun], "asksAgain": [that wait for an approval, which is void], "changed", "removed",
 * "added"}; CONFLICT with a finding for each node that is in the way. A plan writes nothing and
 * replies at once, the same.
 */
struct run_move {
	struct str project;
	const struct run_detail *stored; /* as the caller read it */
	const struct version_row *to;
	struct str by, reason; /* empty = not said */
	bool plan;
};
void engine_run_move(struct engine *e, const struct run_move *move, engine_reply_fn fn, void *arg);

/*
 * Why a run has not ended, or how it did: for each node that waits the reason, since when, until
 * when, what it waits for and the command that unblocks it; see engine/request/why.h. Changes
 * nothing and replies at once: OK with json, or NOT_FOUND when the run is not open and `stored`
 * says it is (it ended meanwhile: read it again).
 */
struct run_why {
	struct str project;
	const struct run_detail *stored; /* as the caller read it */
};
void engine_run_why(struct engine *e, const struct run_why *why, engine_reply_fn fn, void *arg);

/* What is kept how long for a workflow: 0 = for ever. Text in the arena. */
struct engine_retention {
	struct str workflow_id, name, project;
	int64_t ms[RETAINED_CLASSES];
};
/* For every workflow, by id. */
size_t engine_retention_list(const struct engine *e, struct arena *a,
			     struct engine_retention **ret);

struct engine_stats {
	size_t n_open_runs, n_pending_runs, n_running_attempts, n_queued_attempts;
	size_t n_pending_approvals;
	size_t n_unknown_nodes;
	size_t n_txns_in_flight;
	bool store_full; /* the store answers -ENOSPC: health is degraded */
};
void engine_stats(const struct engine *e, struct engine_stats *ret);

struct engine_project {
	const char *project;
	size_t n_open_runs, n_pending_runs, n_running_runs;
	size_t n_queued_attempts, n_slots; /* n_slots: for scripts, that it holds */
};
/* Of each project that had a run since the start. */
void engine_projects(const struct engine *e,
		     void (*each)(void *arg, const struct engine_project *project), void *arg);

/*
 * The invariant of promise P6 over all open runs: every unfinished node has exactly one of a live
 * attempt, an armed timer, a place in the queue, an awaited decision, an unfinished dependency. The
 * number of nodes that have not; must be 0 after every call above.
 */
size_t engine_check(const struct engine *e);
