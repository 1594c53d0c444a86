/* What starts a workflow: the "trigger" field. */
#include "base/limits.h"
#include "base/timefmt.h"
#include "engine/catalog.h"
#include "engine/plan/plan_build.h"
#include "engine/plan/schemas.h"

#define OTHERS "are not in this version of drover; trigger by schedule, API or command"

enum { CATCHUP_DEFAULT_MS = 60000 };

static const struct field_spec trigger_fields[] = {
	{"manual", NULL},
	{"event", "event triggers " OTHERS},
	{"filter", "event triggers " OTHERS},
	{"schedule", NULL},
	{"timezone", NULL},
	{"overlap", NULL},
	{"catchup", NULL},
	{"context", NULL},
	{"webhook", "webhooks " OTHERS},
	{"signature", "webhooks " OTHERS},
	{"secret", "webhooks " OTHERS},
	{"alert", "alert triggers " OTHERS},
};

static void read_cron(const struct fields *f, struct str text, struct plan_schedule *s)
{
	struct cron_error error;
	if (!cron_parse(text, &s->cron, &error))
		fields_bad(f, "schedule", "is no schedule, at character %zu: %s",
			   error.position + 1, error.message);
}

static void read_zone(const struct plan_build *b, const struct fields *f, struct plan_schedule *s)
{
	struct arena *a = &b->plan->arena;
	struct str text = STR("UTC");
	fields_str(f, "timezone", false, &text);
	s->timezone = arena_str(a, text);
	if (b->catalog && !catalog_zone(b->catalog, text))
		fields_bad(f, "timezone",
			   "unknown time zone \"%.*s\": use a name like "
			   "Europe/Berlin or UTC",
			   STR_ARG(text));
}

static void read_context(const struct plan_build *b, const struct fields *f,
			 struct plan_schedule *s)
{
	struct arena *a = &b->plan->arena;
	const struct value *context = fields_kind(f, "context", VALUE_OBJECT, false);
	s->context = context ? value_copy(a, context) : value_object(a, 0);
	if (context && b->plan->context_schema) {
		char place[FIELDS_PATH_BYTES];
		fields_place(place, f->path, STR("context"));
		schemas_check(b->plan->context_schema, context, f->diag, place);
	}
}

static void read_schedule(struct plan_build *b, const struct fields *f, uint32_t position)
{
	struct str text;
	struct plan_schedule *s = &b->plan->schedules[b->plan->n_schedules];
	*s = (struct plan_schedule){.catchup_ms = CATCHUP_DEFAULT_MS, .position = position};
	if (fields_str(f, "schedule", true, &text)) {
		s->text = arena_str(&b->plan->arena, text);
		read_cron(f, text, s);
	}
	read_zone(b, f, s);
	if (fields_str(f, "overlap", false, &text) && !schedule_overlap_parse(text, &s->overlap))
		fields_bad(f, "overlap", "must be skip, queue, allow or cancel");
	fields_duration(f, "catchup", 0, LIMIT_DURATION_DAYS * INT64_C(86400000), &s->catchup_ms);
	read_context(b, f, s);
	b->plan->n_schedules++;
}

static void judge_trigger(struct plan_build *b, const struct value *v, const char *path,
			  uint32_t position)
{
	static const char *const of_schedules[] = {"timezone", "overlap", "catchup", "context"};
	struct fields f;
	if (!fields_open(&f, v, b->diag, path))
		return;
	fields_known(&f, trigger_fields, ARRAY_LEN(trigger_fields));
	bool manual = true;
	if (fields_bool(&f, "manual", &manual) && !manual)
		fields_bad(&f, "manual", "cannot be false: starting by hand is always possible");
	if (fields_get(&f, "schedule")) {
		read_schedule(b, &f, position);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(of_schedules); i++)
		if (fields_get(&f, of_schedules[i]))
			fields_bad(&f, of_schedules[i],
				   "belongs to a schedule: add \"schedule\", "
				   "or remove it");
}

void plan_build_triggers(struct plan_build *b, const struct fields *f)
{
	struct plan *p = b->plan;
	const struct value *v = fields_get(f, "trigger");
	if (!v || (v->kind == VALUE_STRING && str_eqz(value_text(v), "manual")))
		return;
	if (v->kind == VALUE_OBJECT) {
		p->schedules = ARENA_NEW_ARRAY(&p->arena, struct plan_schedule, 1);
		judge_trigger(b, v, "trigger", 0);
		return;
	}
	if (v->kind != VALUE_ARRAY) {
		fields_bad(f, "trigger",
			   "must be an object or a list of objects; "
			   "leave it out for starting by hand only");
		return;
	}
	if (v->n > LIMIT_PLAN_TRIGGERS) {
		fields_bad(f, "trigger", "must have at most %d triggers", LIMIT_PLAN_TRIGGERS);
		return;
	}
	p->schedules = ARENA_NEW_ARRAY(&p->arena, struct plan_schedule, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		char place[FIELDS_PATH_BYTES];
		fields_place_item(place, "trigger", i);
		judge_trigger(b, &v->items[i], place, i);
	}
}

void plan_build_triggers_form(const struct plan *p, struct arena *a, struct value *definition)
{
	struct value list = value_array(a, p->n_schedules);
	if (p->n_schedules == 0)
		return;
	for (size_t i = 0; i < p->n_schedules; i++) {
		const struct plan_schedule *s = &p->schedules[i];
		struct value to = value_object(a, 5);
		CLEANUP_BUF struct buf catchup = {0};
		timefmt_duration(&catchup, s->catchup_ms);
		value_putz(a, &to, "schedule", value_str(s->text));
		value_putz(a, &to, "timezone", value_str(s->timezone));
		value_putz(a, &to, "overlap", value_strz(schedule_overlap_name(s->overlap)));
		value_putz(a, &to, "catchup", value_str(arena_str(a, buf_str(&catchup))));
		if (s->context.n > 0)
			value_putz(a, &to, "context", s->context);
		value_push(a, &list, to);
	}
	value_putz(a, definition, "trigger", list);
}
