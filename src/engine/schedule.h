/*
 * Schedules: when workflows start by themselves. Private to src/engine.
 *
 *                 +--> run started (n_open + 1)
 *   fire is due --+--> waits   (overlap: queue, while a run is open; then started)
 *                 +--> skipped (overlap: skip, or too many wait, or it can't start)
 *                 +--> missed  (older than catchup, or more than LIMIT_SCHEDULE_CATCHUP)
 *
 * Exactly once: the cursor `done_ms` moves past a fire in the transaction that holds the run it
 * started, and only fires after it are ever due. Fires follow the wall clock: the one timer looks
 * at it when the nearest fire should be due and at least every LIMIT_SCHEDULE_LOOK_MS, so a jump
 * forward finds the fires it leapt over (within catchup), and after a jump back none comes again.
 */
#pragma once

#include "engine/state.h"
#include "text/cron.h"

struct schedule {
	struct list link;	 /* engine.schedules, oldest first */
	struct arena arena;	 /* of the text below */
	struct schedule_row row; /* upcoming, waiting, last_run_id, error are made anew */
	struct workflow *workflow;
	const struct plan_schedule *plan; /* in the workflow's newest plan */
	const struct zone *zone;	  /* NULL = not known any more: never fires */
	size_t n_open;			  /* runs of it that are not final */
	int64_t waiting[LIMIT_SCHEDULE_WAITING];
	size_t n_waiting;
	char last_run_id[ID_TEXT_BYTES];
	char error[LIMIT_ERROR_BYTES];
};

/* Makes the schedules those of the workflow's newest plan. Rows are added. */
void schedule_sync(struct engine *e, struct workflow *w);

/* The workflow goes; the store deletes the rows. */
void schedule_forget(struct engine *e, struct workflow *w);

/* The workflow was paused, or is no more: its schedules stand still, or go on from where they
 * stood. Rows are added. */
void schedule_workflow_paused(struct engine *e, struct workflow *w);

/* Fires what is due, arms the timer. */
void schedule_tick(struct engine *e);

/* The run is final. */
void schedule_run_ended(struct run *r);

/* Start: the rows, once workflows are there; then each open run. */
int schedule_recover(struct engine *e, struct store_reader *reader);
void schedule_run_recovered(struct run *r);

void schedule_free_all(struct engine *e);

/* The invariant: a schedule that will fire has the timer armed; runs are counted. */
void schedule_check(const struct engine *e);

/* ---- for schedule_request.c ---- */

struct schedule *schedule_find(struct engine *e, struct str project, struct str id);
void schedule_emit(struct engine *e, struct schedule *s);
void schedule_arm(struct engine *e);
/* Computes next_ms after done_ms. */
void schedule_look_ahead(struct schedule *s);
/* A run for this fire, or NULL with s->error. The caller calls run_begin() and run_settle(). */
struct run *schedule_start(struct engine *e, struct schedule *s, int64_t fire_ms, bool backfill);
