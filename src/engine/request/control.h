/*
 * Requests that steer what goes on: pause, resume, skip. Each says who asks and why, which is
 * recorded as it was given. Part of the engine's face (engine/engine.h): one thread, replies after
 * what they say is durable.
 */
#pragma once

#include "engine/engine.h"

/*
 * A paused run starts nothing new: what runs goes on to its end, decisions, signals and sleeps that
 * come due are recorded, and what would follow is held until it is resumed. Its time-out stands
 * still meanwhile. Cancelling ends it as ever. OK with the run's status; json is its pause as the
 * row has it, empty when it is not paused; UNCHANGED when it was that way already. CONFLICT when
 * the run is ending, NOT_FOUND when it is not open.
 */
void engine_run_pause(struct engine *e, const struct run_control *control, engine_reply_fn fn,
		      void *arg);
void engine_run_resume(struct engine *e, const struct run_control *control, engine_reply_fn fn,
		       void *arg);

struct workflow_control {
	struct str project, workflow; /* id or name */
	struct str by, reason;
	bool runs; /* pause: its open runs too. They are resumed with the workflow */
};

/*
 * No run of a paused workflow is started, whoever asks: triggers and retries are a CONFLICT,
 * schedules do not fire (what they miss is made up within their catchup at the end). Open runs go
 * on unless `runs`. OK with the workflow's id and the number of runs paused or resumed in
 * `version`; UNCHANGED when it was that way already.
 */
void engine_workflow_pause(struct engine *e, const struct workflow_control *control,
			   engine_reply_fn fn, void *arg);
void engine_workflow_resume(struct engine *e, const struct workflow_control *control,
			    engine_reply_fn fn, void *arg);

/*
 * Ends a node that has not run as if it had: SUCCESS with `output`, which must satisfy the action's
 * outputSchema (INVALID with the places in it), or SKIPPED without one. It may be PENDING, QUEUED
 * or waiting in `sleep` or `wait`. CONFLICT, with what to do instead: its attempt runs, it has
 * ended, the run is being stopped, or it needs approval and has none: a result given by hand
 * would pass the gate. NOT_FOUND: no open run, or it has no such node (diag).
 */
struct node_skip {
	struct str project, run_id, node; /* an id, of an item too: "scan[3]" */
	const struct value *output;	  /* NULL = none */
	struct str by, reason;
};
void engine_node_skip(struct engine *e, const struct node_skip *skip, engine_reply_fn fn,
		      void *arg);
