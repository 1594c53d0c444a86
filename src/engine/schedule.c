#include "engine/schedule.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/emit.h"
#include "engine/run/pause.h"
#include "engine/request/removal.h"
#include "engine/run/run.h"
#include "engine/plan/schemas.h"
#include "engine/request/trigger.h"
#include "json/parse.h"

enum { LIST_MOST = 1 << 30, RETRY_MS = 1000 };

/* Missed fires are looked for no further back than this. */
static const int64_t back_most_ms = 366 * INT64_C(86400000);

/* ---- rows ---- */

static void put_time(struct json_out *o, int64_t time_ms)
{
	char text[TIMEFMT_RFC3339_BYTES];
	timefmt_rfc3339(text, time_ms);
	json_out_strz(o, text);
}

static struct str upcoming(struct schedule *s, struct arena *a)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	int64_t at = s->row.next_ms;
	json_out_array(&o);
	for (int i = 0; i < LIMIT_SCHEDULE_UPCOMING && at != 0; i++) {
		put_time(&o, at);
		if (!cron_next(&s->plan->cron, s->zone, s->row.anchor_ms, at, &at))
			at = 0;
	}
	json_out_end(&o);
	return arena_str(a, buf_str(&text));
}

static struct str waiting(const struct schedule *s, struct arena *a)
{
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	if (s->n_waiting == 0)
		return (struct str){0};
	json_out_array(&o);
	for (size_t i = 0; i < s->n_waiting; i++)
		json_out_int(&o, s->waiting[i]);
	json_out_end(&o);
	return arena_str(a, buf_str(&text));
}

void schedule_emit(struct engine *e, struct schedule *s)
{
	struct txn *txn = pump_txn(&e->pump);
	struct arena *a = &txn->arena;
	struct schedule_row row = s->row;
	row.id = arena_str(a, row.id);
	row.project = arena_str(a, row.project);
	row.workflow_id = arena_str(a, row.workflow_id);
	row.workflow_name = arena_str(a, row.workflow_name);
	row.cron = arena_str(a, row.cron);
	row.timezone = arena_str(a, row.timezone);
	row.upcoming = upcoming(s, a);
	row.waiting = waiting(s, a);
	row.last_run_id =
		s->last_run_id[0] ? arena_str(a, str_of(s->last_run_id)) : (struct str){0};
	row.error = s->error[0] ? arena_str(a, str_of(s->error)) : (struct str){0};
	row.updated_ms = e->wall_ms;
	txn_add(txn, TXN_SCHEDULE_PUT)->schedule = row;
}

/* ---- the set ---- */

struct schedule *schedule_find(struct engine *e, struct str project, struct str id)
{
	struct schedule *s = map_get(&e->schedules_by_id, id);
	return s && str_eq(s->row.project, project) ? s : NULL;
}

void schedule_look_ahead(struct schedule *s)
{
	int64_t next = 0;
	if (!s->zone)
		snprintf(s->error, sizeof(s->error), "unknown time zone");
	if (s->row.paused || workflow_paused(s->workflow) || !s->zone ||
	    !cron_next(&s->plan->cron, s->zone, s->row.anchor_ms, s->row.done_ms, &next))
		next = 0;
	s->row.next_ms = next;
}

/* Takes the row's text over. */
static struct schedule *add(struct engine *e, struct workflow *w, const struct schedule_row *row,
			    const struct plan_schedule *plan)
{
	struct schedule *s = NEW0(struct schedule);
	s->row = *row;
	s->row.id = arena_str(&s->arena, row->id);
	s->row.project = arena_str(&s->arena, row->project);
	s->row.workflow_id = arena_str(&s->arena, row->workflow_id);
	s->row.workflow_name = arena_str(&s->arena, row->workflow_name);
	s->row.cron = arena_str(&s->arena, row->cron);
	s->row.timezone = arena_str(&s->arena, row->timezone);
	s->workflow = w;
	s->plan = plan;
	s->zone = catalog_zone(&e->catalog, row->timezone);
	list_push_back(&e->schedules, &s->link);
	map_put(&e->schedules_by_id, s->row.id, s);
	return s;
}

static void free_one(struct engine *e, struct schedule *s)
{
	if (s->n_open > 0)
		LIST_FOREACH (it, &e->open) {
			struct run *r = container_of(it, struct run, link);
			if (r->schedule == s)
				r->schedule = NULL;
		}
	list_remove(&s->link);
	map_remove(&e->schedules_by_id, s->row.id);
	arena_free(&s->arena);
	free(s);
}

void schedule_free_all(struct engine *e)
{
	LIST_FOREACH (it, &e->schedules) {
		struct schedule *s = container_of(it, struct schedule, link);
		s->n_open = 0;
		free_one(e, s);
	}
	map_free(&e->schedules_by_id);
}

void schedule_forget(struct engine *e, struct workflow *w)
{
	LIST_FOREACH (it, &e->schedules) {
		struct schedule *s = container_of(it, struct schedule, link);
		if (s->workflow == w)
			free_one(e, s);
	}
	schedule_arm(e);
}

static size_t n_wanted(const struct workflow *w)
{
	bool fires = w->plan && w->plan->status == WORKFLOW_ACTIVE && !removal_under_way(w);
	return fires ? w->plan->n_schedules : 0;
}

/* The trigger that the schedule goes on with, or NULL. */
static const struct plan_schedule *match(const struct workflow *w, const struct schedule_row *row,
					 bool *taken)
{
	for (size_t i = 0; i < n_wanted(w); i++) {
		const struct plan_schedule *p = &w->plan->schedules[i];
		if (!taken[i] && str_eq(p->text, row->cron) && str_eq(p->timezone, row->timezone)) {
			taken[i] = true;
			return p;
		}
	}
	return NULL;
}

static void keep(struct engine *e, struct schedule *s, const struct plan_schedule *plan)
{
	s->plan = plan;
	s->row.position = plan->position;
	s->row.overlap = plan->overlap;
	s->row.catchup_ms = plan->catchup_ms;
	s->row.workflow_name = arena_str(&s->arena, s->workflow->row.name);
	schedule_emit(e, s);
}

static void drop(struct engine *e, struct schedule *s)
{
	struct txn *txn = pump_txn(&e->pump);
	txn_add(txn, TXN_SCHEDULE_DELETE)->schedule.id = arena_str(&txn->arena, s->row.id);
	free_one(e, s);
}

static void make(struct engine *e, struct workflow *w, const struct plan_schedule *plan)
{
	char id[ID_TEXT_BYTES];
	id_make(&e->ids, e->wall_ms, id);
	struct schedule *s = add(e, w,
				 &(struct schedule_row){
					 .id = str_of(id),
					 .project = w->row.project,
					 .workflow_id = w->row.id,
					 .workflow_name = w->row.name,
					 .position = plan->position,
					 .cron = plan->text,
					 .timezone = plan->timezone,
					 .overlap = plan->overlap,
					 .catchup_ms = plan->catchup_ms,
					 .anchor_ms = e->wall_ms,
					 .done_ms = e->wall_ms,
					 .created_ms = e->wall_ms,
				 },
				 plan);
	schedule_look_ahead(s);
	schedule_emit(e, s);
}

void schedule_sync(struct engine *e, struct workflow *w)
{
	bool taken[LIMIT_PLAN_TRIGGERS] = {0};
	LIST_FOREACH (it, &e->schedules) {
		struct schedule *s = container_of(it, struct schedule, link);
		if (s->workflow != w)
			continue;
		const struct plan_schedule *plan = match(w, &s->row, taken);
		if (plan)
			keep(e, s, plan);
		else
			drop(e, s);
	}
	for (size_t i = 0; i < n_wanted(w); i++)
		if (!taken[i])
			make(e, w, &w->plan->schedules[i]);
	schedule_arm(e);
}

void schedule_workflow_paused(struct engine *e, struct workflow *w)
{
	LIST_FOREACH (it, &e->schedules) {
		struct schedule *s = container_of(it, struct schedule, link);
		if (s->workflow != w)
			continue;
		schedule_look_ahead(s);
		schedule_emit(e, s);
	}
	schedule_arm(e);
}

/* ---- firing ---- */

/* A fire waits and nothing stands before its run. */
static bool has_to_start(const struct schedule *s)
{
	return s->n_waiting > 0 && s->n_open == 0 && !workflow_paused(s->workflow);
}

static bool judge_context(struct schedule *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct diag d;
	diag_init(&d, &a);
	schemas_check(s->workflow->plan->context_schema, &s->plan->context, &d, "context");
	if (!diag_ok(&d))
		snprintf(s->error, sizeof(s->error), "%s: %s", d.findings[0].path,
			 d.findings[0].message);
	return diag_ok(&d);
}

static struct run *make_run(struct engine *e, struct schedule *s, struct str context,
			    struct str trigger)
{
	struct arena a CLEANUP_ARENA = {0};
	struct diag d;
	diag_init(&d, &a);
	struct run *r = trigger_run(e,
				    &(struct new_run){.plan = s->workflow->plan,
						      .workflow = s->workflow,
						      .context = context,
						      .trigger = trigger},
				    &d);
	if (!r)
		snprintf(s->error, sizeof(s->error), "%s: %s", d.findings[0].path,
			 d.findings[0].message);
	return r;
}

struct run *schedule_start(struct engine *e, struct schedule *s, int64_t fire_ms, bool backfill)
{
	CLEANUP_BUF struct buf trigger = {0}, context = {0};
	if (!judge_context(s))
		return NULL;
	struct json_out o = json_out_to(&trigger);
	json_out_object(&o);
	json_out_key(&o, "type");
	json_out_strz(&o, "schedule");
	json_out_key(&o, "scheduleId");
	json_out_str(&o, s->row.id);
	json_out_key(&o, "schedule");
	json_out_str(&o, s->row.cron);
	json_out_key(&o, "scheduledAt");
	put_time(&o, fire_ms);
	if (backfill) {
		json_out_key(&o, "backfill");
		json_out_bool(&o, true);
	}
	json_out_end(&o);
	json_write(&context, &s->plan->context);
	return make_run(e, s, buf_str(&context), buf_str(&trigger));
}

static void start(struct engine *e, struct schedule *s, int64_t fire_ms)
{
	struct run *r = schedule_start(e, s, fire_ms, false);
	if (!r) {
		s->row.n_skipped++;
		return;
	}
	if (!run_status_final(r->status)) {
		r->schedule = s;
		s->n_open++;
	}
	s->row.n_started++;
	s->row.last_fire_ms = fire_ms;
	s->error[0] = '\0';
	snprintf(s->last_run_id, sizeof(s->last_run_id), "%s", r->id.text);
	run_begin(r);
	run_settle(r);
}

static void cancel_open(struct engine *e, struct schedule *s)
{
	LIST_FOREACH (it, &e->open) {
		struct run *r = container_of(it, struct run, link);
		if (r->schedule == s && !run_status_final(r->status))
			run_stop(r, STOP_CANCEL, STR("the schedule fired again"));
	}
}

static void fire(struct engine *e, struct schedule *s, int64_t fire_ms)
{
	bool busy = s->n_open > 0 || s->n_waiting > 0;
	switch (s->row.overlap) {
	case OVERLAP_ALLOW:
		break;
	case OVERLAP_CANCEL:
		cancel_open(e, s);
		break;
	case OVERLAP_QUEUE:
		if (!busy)
			break;
		if (s->n_waiting < LIMIT_SCHEDULE_WAITING)
			s->waiting[s->n_waiting++] = fire_ms;
		else
			s->row.n_skipped++;
		return;
	case OVERLAP_SKIP:
		if (!busy)
			break;
		s->row.n_skipped++;
		return;
	}
	start(e, s, fire_ms);
}

/* Whether one more run may be made; why not is the schedule's error. */
static bool has_room(struct engine *e, struct schedule *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct diag d;
	diag_init(&d, &a);
	if (trigger_has_room(e, s->row.project, 1, &d))
		return true;
	if (s->error[0] == '\0') {
		snprintf(s->error, sizeof(s->error), "%s", d.findings[0].message);
		schedule_emit(e, s);
	}
	return false;
}

/* What waits starts once no run is open. */
static void start_waiting(struct engine *e, struct schedule *s)
{
	while (has_to_start(s) && has_room(e, s)) {
		int64_t at = s->waiting[0];
		s->n_waiting--;
		memmove(s->waiting, s->waiting + 1, s->n_waiting * sizeof(s->waiting[0]));
		pump_turn(&e->pump);
		start(e, s, at);
		schedule_emit(e, s);
	}
}

static int64_t next_after(const struct schedule *s, int64_t at)
{
	int64_t next;
	return cron_next(&s->plan->cron, s->zone, s->row.anchor_ms, at, &next) ? next : INT64_MAX;
}

/* Moves the cursor over fires that are too old to be made up; true when there were any. */
static bool drop_missed(struct engine *e, struct schedule *s)
{
	int64_t window = s->row.catchup_ms > LIMIT_SCHEDULE_LATE_MS ? s->row.catchup_ms
								    : LIMIT_SCHEDULE_LATE_MS;
	int64_t every = s->plan->cron.every_ms, oldest = e->wall_ms - window;
	int64_t ring[LIMIT_SCHEDULE_CATCHUP], n = 0, from = s->row.next_ms;
	if (from < e->wall_ms - back_most_ms)
		from = next_after(s, e->wall_ms - back_most_ms);
	if (every > 0 && from < e->wall_ms - every * LIMIT_SCHEDULE_CATCHUP) {
		int64_t keep_from = e->wall_ms - every * LIMIT_SCHEDULE_CATCHUP;
		s->row.n_missed += (keep_from - from) / every + 1;
		from = next_after(s, keep_from);
	}
	for (int64_t at = from; at <= e->wall_ms; at = next_after(s, at))
		ring[n++ % LIMIT_SCHEDULE_CATCHUP] = at;
	int64_t first = n > LIMIT_SCHEDULE_CATCHUP ? n - LIMIT_SCHEDULE_CATCHUP : 0;
	while (first < n && ring[first % LIMIT_SCHEDULE_CATCHUP] < oldest)
		first++;
	if (first == 0 && from == s->row.next_ms)
		return false;
	s->row.n_missed += first;
	s->row.done_ms = first < n ? ring[first % LIMIT_SCHEDULE_CATCHUP] - 1 : e->wall_ms;
	schedule_look_ahead(s);
	log_event(WARN, "engine.schedule_missed", LOG_STR("workflow", s->row.workflow_name),
		  LOG_STR("schedule", s->row.cron), LOG_INT("missed", s->row.n_missed));
	return true;
}

/* False when the store or the limit of open runs takes no more now. */
static bool catch_up(struct engine *e, struct schedule *s)
{
	start_waiting(e, s);
	if (s->row.next_ms == 0 || s->row.next_ms > e->wall_ms)
		return !has_to_start(s);
	if (drop_missed(e, s))
		schedule_emit(e, s);
	while (s->row.next_ms != 0 && s->row.next_ms <= e->wall_ms) {
		if (!has_room(e, s))
			return false;
		pump_turn(&e->pump);
		int64_t at = s->row.next_ms;
		s->row.done_ms = at;
		schedule_look_ahead(s);
		fire(e, s, at);
		schedule_emit(e, s);
	}
	return true;
}

void schedule_arm(struct engine *e)
{
	int64_t wait_ms = INT64_MAX;
	LIST_FOREACH (it, &e->schedules) {
		const struct schedule *s = container_of(it, struct schedule, link);
		if (has_to_start(s))
			wait_ms = 0;
		if (s->row.next_ms == 0)
			continue;
		int64_t left = s->row.next_ms > e->wall_ms ? s->row.next_ms - e->wall_ms : 0;
		if (left > LIMIT_SCHEDULE_LOOK_MS)
			left = LIMIT_SCHEDULE_LOOK_MS;
		wait_ms = left < wait_ms ? left : wait_ms;
	}
	if (wait_ms == INT64_MAX)
		timer_disarm(&e->timers, &e->schedules_timer);
	else
		timer_arm(&e->timers, &e->schedules_timer, e->now_ms + wait_ms);
}

void schedule_tick(struct engine *e)
{
	bool all = !e->pump.full;
	if (all)
		LIST_FOREACH (it, &e->schedules)
			all &= catch_up(e, container_of(it, struct schedule, link));
	schedule_arm(e);
	if (!all)
		timer_arm(&e->timers, &e->schedules_timer, e->now_ms + RETRY_MS);
}

void schedule_run_ended(struct run *r)
{
	struct schedule *s = r->schedule;
	if (!s)
		return;
	r->schedule = NULL;
	ASSERT(s->n_open > 0);
	s->n_open--;
	if (has_to_start(s))
		timer_arm(&r->engine->timers, &r->engine->schedules_timer, r->engine->now_ms);
}

/* ---- start ---- */

static void read_waiting(struct schedule *s, struct arena *a, struct str text)
{
	struct value v;
	if (!text.n || json_parse(a, text, JSON_DEFAULT, &v, NULL) != 0)
		return;
	for (uint32_t i = 0; v.kind == VALUE_ARRAY && i < v.n; i++)
		if (v.items[i].kind == VALUE_INT && s->n_waiting < LIMIT_SCHEDULE_WAITING)
			s->waiting[s->n_waiting++] = v.items[i].i;
}

/* The row's trigger in the newest plan; each goes to one row. */
static const struct plan_schedule *trigger_of(struct engine *e, const struct workflow *w,
					      const struct schedule_row *row)
{
	bool taken[LIMIT_PLAN_TRIGGERS] = {0};
	LIST_FOREACH (it, &e->schedules) {
		const struct schedule *s = container_of(it, struct schedule, link);
		if (s->workflow == w && s->plan)
			taken[s->plan - w->plan->schedules] = true;
	}
	return match(w, row, taken);
}

int schedule_recover(struct engine *e, struct store_reader *reader)
{
	struct arena a CLEANUP_ARENA = {0};
	struct schedule_row *rows = NULL;
	size_t n = 0;
	int r = reader->ops->schedule_list(reader, &a, (struct str){0},
					   &(struct store_page){.limit = LIST_MOST}, &rows, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct schedule_row *row = &rows[i];
		struct workflow *w =
			catalog_workflow_by_id(&e->catalog, row->project, row->workflow_id);
		const struct plan_schedule *plan = w ? trigger_of(e, w, row) : NULL;
		if (!plan)
			continue; /* its workflow can't be read by this version */
		struct schedule *s = add(e, w, row, plan);
		snprintf(s->last_run_id, sizeof(s->last_run_id), "%.*s", STR_ARG(row->last_run_id));
		snprintf(s->error, sizeof(s->error), "%.*s", STR_ARG(row->error));
		read_waiting(s, &a, row->waiting);
		schedule_look_ahead(s);
	}
	return r <= 0 ? r : 0;
}

void schedule_run_recovered(struct run *r)
{
	struct arena a CLEANUP_ARENA = {0};
	struct value v;
	if (r->engine->schedules_by_id.n == 0 ||
	    json_parse(&a, r->trigger, JSON_DEFAULT, &v, NULL) != 0 || value_getz(&v, "backfill"))
		return;
	struct schedule *s =
		map_get(&r->engine->schedules_by_id, value_text(value_getz(&v, "scheduleId")));
	if (!s || !str_eqz(value_text(value_getz(&v, "type")), "schedule"))
		return;
	r->schedule = s;
	s->n_open++;
}

void schedule_check(const struct engine *e)
{
	LIST_FOREACH (it, &e->schedules) {
		const struct schedule *s = container_of(it, struct schedule, link);
		size_t n_open = 0;
		LIST_FOREACH (run, &e->open)
			n_open += container_of(run, struct run, link)->schedule == s;
		ASSERT(n_open == s->n_open);
		ASSERT(s->row.next_ms == 0 || s->row.next_ms > s->row.done_ms);
		if (s->row.next_ms != 0 || has_to_start(s))
			ASSERT(timer_armed(&e->schedules_timer));
	}
}
