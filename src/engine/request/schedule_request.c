/* Pausing, resuming and backfilling schedules. */
#include "base/limits.h"
#include "base/timefmt.h"
#include "engine/emit.h"
#include "engine/run/pause.h"
#include "engine/run/run.h"
#include "engine/schedule.h"
#include "engine/request/trigger.h"

enum { RETRY_AFTER_MS = 1000 };

static bool refused(struct engine *e, const struct schedule *s, engine_reply_fn fn, void *arg)
{
	if (s && !e->pump.full)
		return false;
	fn(arg, &(struct engine_reply){.outcome = s ? ENGINE_UNAVAILABLE : ENGINE_NOT_FOUND,
				       .retry_after_ms = s ? RETRY_AFTER_MS : 0});
	return true;
}

static void set_paused(struct engine *e, struct schedule *s, bool paused)
{
	s->row.paused = paused;
	s->row.n_skipped += (int64_t)s->n_waiting;
	s->n_waiting = 0;
	if (!paused) {
		s->row.done_ms = e->wall_ms;
		s->error[0] = '\0';
	}
	schedule_look_ahead(s);
	schedule_emit(e, s);
	schedule_arm(e);
}

void engine_schedule_pause(struct engine *e, struct str project, struct str id, bool paused,
			   engine_reply_fn fn, void *arg)
{
	engine_enter(e);
	struct schedule *s = schedule_find(e, project, id);
	if (!refused(e, s, fn, arg)) {
		bool same = s->row.paused == paused;
		if (!same)
			set_paused(e, s, paused);
		emit_reply(e, fn, arg,
			   &(struct engine_reply){.outcome = same ? ENGINE_UNCHANGED : ENGINE_OK,
						  .id = s->row.id},
			   (struct str){0});
	}
	engine_leave(e);
}

/* The fires of the range; more than the limit is a finding. */
static size_t list_fires(const struct schedule *s, const struct schedule_backfill *b,
			 int64_t fires[LIMIT_SCHEDULE_BACKFILL], struct diag *d)
{
	size_t n = 0;
	int64_t at = b->from_ms - 1;
	while (cron_next(&s->plan->cron, s->zone, s->row.anchor_ms, at, &at) && at <= b->to_ms) {
		if (n == LIMIT_SCHEDULE_BACKFILL) {
			diag_add(d, "to", "the range has more than %d fires; take a shorter one",
				 LIMIT_SCHEDULE_BACKFILL);
			break;
		}
		fires[n++] = at;
	}
	return n;
}

static void put_fires(struct json_out *o, const int64_t *fires, size_t n)
{
	char text[TIMEFMT_RFC3339_BYTES];
	json_out_key(o, "fires");
	json_out_array(o);
	for (size_t i = 0; i < n; i++) {
		timefmt_rfc3339(text, fires[i]);
		json_out_strz(o, text);
	}
	json_out_end(o);
}

static bool put_runs(struct engine *e, struct schedule *s, struct json_out *o, const int64_t *fires,
		     size_t n, struct diag *d)
{
	json_out_key(o, "runIds");
	json_out_array(o);
	for (size_t i = 0; i < n; i++) {
		struct run *r = schedule_start(e, s, fires[i], true);
		if (!r) {
			diag_add(d, "", "a run can't start: %s", s->error);
			return false;
		}
		json_out_str(o, ID_STR(r->id));
		run_begin(r);
		run_settle(r);
	}
	json_out_end(o);
	return true;
}

static void backfill(struct engine *e, struct schedule *s, const struct schedule_backfill *b,
		     engine_reply_fn fn, void *arg, struct arena *a)
{
	struct diag d, full;
	int64_t fires[LIMIT_SCHEDULE_BACKFILL];
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	diag_init(&d, a);
	diag_init(&full, a);
	if (workflow_paused(s->workflow) && !b->dry_run) {
		pause_refuse(s->workflow, &d);
		fn(arg, &(struct engine_reply){.outcome = ENGINE_CONFLICT, .diag = &d});
		return;
	}
	if (!s->zone)
		diag_add(&d, "", "the schedule's time zone is unknown");
	if (b->from_ms > b->to_ms)
		diag_add(&d, "from", "must not be after \"to\"");
	if (b->to_ms > e->wall_ms)
		diag_add(&d, "to", "must not be in the future");
	size_t n = diag_ok(&d) ? list_fires(s, b, fires, &d) : 0;
	bool room = b->dry_run || !diag_ok(&d) || trigger_has_room(e, b->project, n, &full);
	json_out_object(&o);
	put_fires(&o, fires, n);
	if (diag_ok(&d) && !b->dry_run && room)
		put_runs(e, s, &o, fires, n, &d);
	if (!diag_ok(&d)) {
		fn(arg, &(struct engine_reply){.outcome = ENGINE_INVALID, .diag = &d});
		return;
	}
	if (!room) {
		fn(arg, &(struct engine_reply){.outcome = ENGINE_BUSY,
					       .diag = &full,
					       .retry_after_ms = RETRY_AFTER_MS});
		return;
	}
	json_out_end(&o);
	emit_reply(e, fn, arg,
		   &(struct engine_reply){.outcome = b->dry_run ? ENGINE_OK : ENGINE_CREATED,
					  .id = s->row.id,
					  .json = arena_str(pump_arena(&e->pump), buf_str(&text))},
		   (struct str){0});
}

void engine_schedule_backfill(struct engine *e, const struct schedule_backfill *b,
			      engine_reply_fn fn, void *arg)
{
	struct arena a CLEANUP_ARENA = {0};
	engine_enter(e);
	struct schedule *s = schedule_find(e, b->project, b->id);
	if (!refused(e, s, fn, arg))
		backfill(e, s, b, fn, arg, &a);
	engine_leave(e);
}
