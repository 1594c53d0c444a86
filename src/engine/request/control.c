/* Pause and resume, of runs and of workflows, as they are asked for. */
#include "engine/request/control.h"

#include "base/limits.h"
#include "engine/emit.h"
#include "engine/run/pause.h"
#include "engine/run/run.h"
#include "engine/request/save.h"
#include "engine/schedule.h"
#include "engine/request/trigger.h"

enum { RETRY_AFTER_MS = 1000 };

static const struct engine_reply not_found = {.outcome = ENGINE_NOT_FOUND};
static const struct engine_reply unavailable = {.outcome = ENGINE_UNAVAILABLE,
						.retry_after_ms = RETRY_AFTER_MS};

/* A finding that outlives the call. */
static struct diag *refusal(struct engine *e)
{
	struct diag *d = ARENA_NEW(pump_arena(&e->pump), struct diag);
	diag_init(d, pump_arena(&e->pump));
	return d;
}

/* ---- runs ---- */

/* Why the run can't be paused or resumed, as a finding; NULL when it can. */
static struct diag *judge_run(const struct run *r)
{
	if (r->stopping == STOP_NONE && !run_status_final(r->status))
		return NULL;
	struct diag *d = refusal(r->engine);
	diag_add(d, "",
		 run_status_final(r->status) ? "the run has ended: %s"
					     : "the run is being stopped; it is %s yet",
		 run_status_name(r->status));
	return d;
}

static void set_run(struct run *r, const struct run_control *x, bool paused, engine_reply_fn fn,
		    void *arg)
{
	struct engine *e = r->engine;
	struct engine_reply reply = {.outcome = ENGINE_OK, .id = ID_STR(r->id)};
	struct diag *d = judge_run(r);
	if (d)
		reply.outcome = ENGINE_CONFLICT;
	else if ((r->pause != NULL) == paused)
		reply.outcome = ENGINE_UNCHANGED;
	else if (paused)
		pause_begin(r, PAUSE_ITSELF, x->by, x->reason);
	else
		pause_end(r, x->by, x->reason);
	reply.diag = d;
	reply.status = r->status;
	if (r->pause)
		reply.json = arena_str(pump_arena(&e->pump), pause_column(r));
	emit_reply(e, fn, arg, &reply, (struct str){0});
}

static void control_run(struct engine *e, const struct run_control *x, bool paused,
			engine_reply_fn fn, void *arg)
{
	engine_enter(e);
	struct run *r = map_get(&e->runs, x->run_id);
	if (!r || !str_eq(r->plan->project, x->project))
		fn(arg, &not_found);
	else if (e->pump.full)
		fn(arg, &unavailable);
	else
		set_run(r, x, paused, fn, arg);
	engine_leave(e);
}

void engine_run_pause(struct engine *e, const struct run_control *control, engine_reply_fn fn,
		      void *arg)
{
	control_run(e, control, true, fn, arg);
}

void engine_run_resume(struct engine *e, const struct run_control *control, engine_reply_fn fn,
		       void *arg)
{
	control_run(e, control, false, fn, arg);
}

/* ---- workflows ---- */

/* The workflow's row with this pause, in memory and in the store; its schedules follow. */
static void put_workflow(struct engine *e, struct workflow *w, struct str pause)
{
	struct workflow_row row = w->row;
	row.id = arena_str(&e->scratch, row.id);
	row.project = arena_str(&e->scratch, row.project);
	row.name = arena_str(&e->scratch, row.name);
	row.description = arena_str(&e->scratch, row.description);
	row.pause = pause;
	catalog_workflow_put(&e->catalog, &row, w->plan ? plan_ref(w->plan) : NULL);
	workflow_emit(e, &row);
	schedule_workflow_paused(e, w);
}

/* The open runs of the workflow that this concerns; how many. */
static int64_t each_run(struct engine *e, const struct workflow *w,
			const struct workflow_control *x, bool paused)
{
	int64_t n = 0;
	LIST_FOREACH (it, &e->open) {
		struct run *r = container_of(it, struct run, link);
		if (r->workflow != w || run_status_final(r->status) || r->stopping != STOP_NONE)
			continue;
		pump_turn(&e->pump);
		if (paused && !r->pause) {
			pause_begin(r, PAUSE_WORKFLOW, x->by, x->reason);
			n++;
		} else if (!paused && r->pause && r->pause->with == PAUSE_WORKFLOW) {
			pause_end(r, x->by, x->reason);
			n++;
		}
	}
	return n;
}

static void set_workflow(struct engine *e, struct workflow *w, const struct workflow_control *x,
			 bool paused, engine_reply_fn fn, void *arg)
{
	struct engine_reply reply = {.outcome = ENGINE_UNCHANGED};
	if (workflow_paused(w) != paused) {
		reply.outcome = ENGINE_OK;
		put_workflow(e, w,
			     paused ? pause_note(&e->scratch, x->by, x->reason, e->wall_ms)
				    : (struct str){0});
	}
	if (x->runs || !paused)
		reply.version = each_run(e, w, x, paused);
	reply.id = w->row.id;
	emit_reply(e, fn, arg, &reply, (struct str){0});
}

static void control_workflow(struct engine *e, const struct workflow_control *x, bool paused,
			     engine_reply_fn fn, void *arg)
{
	engine_enter(e);
	struct workflow *w = trigger_workflow_named(e, x->project, x->workflow);
	if (!w)
		fn(arg, &not_found);
	else if (e->pump.full)
		fn(arg, &unavailable);
	else
		set_workflow(e, w, x, paused, fn, arg);
	engine_leave(e);
}

void engine_workflow_pause(struct engine *e, const struct workflow_control *control,
			   engine_reply_fn fn, void *arg)
{
	control_workflow(e, control, true, fn, arg);
}

void engine_workflow_resume(struct engine *e, const struct workflow_control *control,
			    engine_reply_fn fn, void *arg)
{
	control_workflow(e, control, false, fn, arg);
}
