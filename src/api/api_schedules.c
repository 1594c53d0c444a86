/* /api/schedules: when workflows start by themselves. */
#include "api/api_private.h"
#include "api/resources.h"
#include "base/timefmt.h"

static const char no_schedule[] = "There is no such schedule.";

static void put_duration(struct json_out *o, const char *key, int64_t ms)
{
	CLEANUP_BUF struct buf text = {0};
	timefmt_duration(&text, ms);
	json_out_key(o, key);
	json_out_str(o, buf_str(&text));
}

static void render(struct json_out *o, const struct schedule_row *s)
{
	json_out_object(o);
	json_put_or_null(o, "id", s->id);
	json_put_or_null(o, "project", s->project);
	json_put_or_null(o, "workflowId", s->workflow_id);
	json_put_or_null(o, "workflowName", s->workflow_name);
	json_put_or_null(o, "schedule", s->cron);
	json_put_or_null(o, "timezone", s->timezone);
	json_put_or_null(o, "overlap", str_of(schedule_overlap_name(s->overlap)));
	put_duration(o, "catchup", s->catchup_ms);
	json_out_key(o, "paused");
	json_out_bool(o, s->paused);
	json_put_time(o, "nextFire", s->next_ms);
	json_out_key(o, "nextFires");
	json_out_raw(o, s->upcoming.n ? s->upcoming : STR("[]"));
	json_put_time(o, "lastFire", s->last_fire_ms);
	json_put_or_null(o, "lastRunId", s->last_run_id);
	json_put_int(o, "started", s->n_started);
	json_put_int(o, "skipped", s->n_skipped);
	json_put_int(o, "missed", s->n_missed);
	json_put_or_null(o, "error", s->error);
	json_put_time(o, "createdAt", s->created_ms);
	json_put_time(o, "updatedAt", s->updated_ms);
	json_out_end(o);
}

struct call_done schedules_list(struct call *c)
{
	struct call_done refused;
	struct call_page p;
	struct schedule_row *rows;
	size_t n;
	if (!page_begin(c, &p, &refused))
		return refused;
	int r = c->reader->ops->schedule_list(c->reader, c->arena, PROJECT, &p.page, &rows, &n);
	if (r) {
		buf_free(&p.body);
		return call_problem_store(c, r, no_schedule);
	}
	size_t shown = page_shown(&p, n);
	for (size_t i = 0; i < shown; i++)
		render(&p.out, &rows[i]);
	return page_end(c, &p, n > shown, shown ? rows[shown - 1].id : STR(""));
}

/* The row with the id: the first at or behind it, ids being what the list is ordered by. */
static int find(struct call *c, struct str id, struct schedule_row *ret)
{
	struct store_page page = {.limit = LIMIT_PAGE_MOST};
	for (;;) {
		struct schedule_row *rows;
		size_t n;
		int r = c->reader->ops->schedule_list(c->reader, c->arena, PROJECT, &page, &rows,
						      &n);
		if (r)
			return r;
		for (size_t i = 0; i < n; i++)
			if (str_eq(rows[i].id, id)) {
				*ret = rows[i];
				return 0;
			}
		if (n < page.limit)
			return STORE_NOT_FOUND;
		page.after = rows[n - 1].id;
	}
}

struct call_done schedules_get(struct call *c)
{
	struct schedule_row row;
	int r = find(c, c->params[0], &row);
	if (r)
		return call_problem_store(c, r, no_schedule);
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	render(&o, &row);
	return call_reply(c, 200, &body);
}

/* ---- pause, resume ---- */

static void done(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND)
		(void)call_problem(c, 404, no_schedule);
	else if (reply->outcome > ENGINE_REPLAYED)
		(void)call_problem_reply(c, reply);
	else
		(void)call_on_reader(c, schedules_get);
}

static struct call_done apply_pause(struct call *c)
{
	struct call_done later = call_later(c);
	engine_schedule_pause(c->api->config.engine, PROJECT, c->params[0], c->state != NULL, done,
			      c);
	return later;
}

static struct call_done set_paused(struct call *c, bool paused)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	if (!call_body(c, true, &body, &text, &refused) || !call_members(c, &body, "", &refused))
		return refused;
	c->state = paused ? c : NULL;
	return call_on_loop(c, apply_pause);
}

struct call_done schedules_pause(struct call *c)
{
	return set_paused(c, true);
}

struct call_done schedules_resume(struct call *c)
{
	return set_paused(c, false);
}

/* ---- backfill ---- */

static void filled(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_problem(c, 404, no_schedule);
		return;
	}
	if (reply->outcome > ENGINE_REPLAYED) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	buf_put_str(&body, reply->json);
	(void)call_reply(c, reply->outcome == ENGINE_CREATED ? 202 : 200, &body);
}

static struct call_done fill(struct call *c)
{
	const struct schedule_backfill *b = c->state;
	struct call_done later = call_later(c);
	engine_schedule_backfill(c->api->config.engine, b, filled, c);
	return later;
}

static bool read_time(struct call *c, const struct value *body, const char *name, int64_t *ret,
		      struct call_done *ret_done)
{
	const struct value *v = value_getz(body, name);
	if (value_is(v, VALUE_STRING) && timefmt_rfc3339_parse(value_text(v), ret, NULL) == 0)
		return true;
	*ret_done = call_problem_path(c, 422, name, "must be a time like 2026-11-24T16:00:00Z");
	return false;
}

struct call_done schedules_backfill(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct schedule_backfill *b = ARENA_NEW(c->arena, struct schedule_backfill);
	*b = (struct schedule_backfill){.project = PROJECT, .id = c->params[0]};
	if (!call_body(c, false, &body, &text, &refused) ||
	    !call_members(c, &body, "from to dryRun", &refused) ||
	    !read_time(c, &body, "from", &b->from_ms, &refused) ||
	    !read_time(c, &body, "to", &b->to_ms, &refused))
		return refused;
	const struct value *dry = value_getz(&body, "dryRun");
	if (dry && !value_is(dry, VALUE_BOOL))
		return call_problem_path(c, 422, "dryRun", "must be true or false");
	b->dry_run = dry && dry->b;
	c->state = b;
	return call_on_loop(c, fill);
}
