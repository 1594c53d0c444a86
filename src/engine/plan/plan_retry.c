/* Of a node: when an attempt has taken too long, and whether another one follows. */
#include "base/limits.h"
#include "engine/run/error_codes.h"
#include "engine/plan/plan_build.h"

static const int64_t most_ms = LIMIT_DURATION_DAYS * INT64_C(86400000);

static const struct field_spec retry_fields[] = {
	{"maxAttempts", NULL},	   {"initialInterval", NULL}, {"backoffCoefficient", NULL},
	{"maximumInterval", NULL}, {"jitter", NULL},	      {"retryOn", NULL},
	{"nonRetryable", NULL},
};

static const struct field_spec timeout_fields[] = {
	{"queue", NULL}, {"start", NULL}, {"run", NULL}, {"total", NULL}};

static bool open_member(struct fields *ret, const struct fields *f, const char *key,
			const struct field_spec *specs, size_t n)
{
	char place[FIELDS_PATH_BYTES];
	const struct value *v = fields_get(f, key);
	fields_place(place, f->path, str_of(key));
	if (!v || !fields_open(ret, v, f->diag, place))
		return false;
	fields_known(ret, specs, n);
	return true;
}

static void read_code(const struct fields *r, const char *key, const struct value *v, size_t index)
{
	char list[FIELDS_PATH_BYTES], place[FIELDS_PATH_BYTES];
	const char *hint;
	const char *wrong = error_code_judge_entry(value_text(v), &hint);
	if (!wrong)
		return;
	fields_place(list, r->path, str_of(key));
	fields_place_item(place, list, index);
	if (hint)
		diag_add(r->diag, place, "there is no error code \"%.*s\"; did you mean \"%s\"?",
			 STR_ARG(value_text(v)), hint);
	else
		diag_add(r->diag, place, "\"%.*s\" %s", STR_ARG(value_text(v)), wrong);
}

static void read_codes(struct plan_build *b, const struct fields *r, const char *key,
		       struct plan_codes *ret)
{
	const struct value *list = fields_kind(r, key, VALUE_ARRAY, false);
	if (!list)
		return;
	if (list->n == 0 || list->n > LIMIT_RETRY_CODES) {
		fields_bad(r, key, "must have 1 to %d error codes; leave it out for %s",
			   LIMIT_RETRY_CODES, str_eqz(STR("retryOn"), key) ? "all" : "none");
		return;
	}
	struct str *items = ARENA_NEW_ARRAY(&b->plan->arena, struct str, list->n);
	for (uint32_t i = 0; i < list->n; i++) {
		read_code(r, key, &list->items[i], i);
		items[i] = arena_str(&b->plan->arena, value_text(&list->items[i]));
	}
	*ret = (struct plan_codes){items, list->n};
}

static void read_intervals(const struct fields *r, struct plan_retry *retry)
{
	fields_int(r, "maxAttempts", 1, LIMIT_RETRY_ATTEMPTS, &retry->max_attempts);
	fields_duration(r, "initialInterval", 0, most_ms, &retry->initial_ms);
	fields_number(r, "backoffCoefficient", 1, 100, &retry->coefficient);
	bool capped = fields_duration(r, "maximumInterval", 0, most_ms, &retry->maximum_ms);
	fields_number(r, "jitter", 0, 1, &retry->jitter);
	if (capped && retry->maximum_ms < retry->initial_ms)
		fields_bad(r, "maximumInterval", "must not be shorter than initialInterval");
	if (!capped && retry->maximum_ms < retry->initial_ms)
		retry->maximum_ms = retry->initial_ms;
}

void plan_build_retry(struct plan_build *b, const struct fields *f, struct plan_node *n)
{
	struct fields r;
	n->retry = (struct plan_retry){
		.max_attempts = 1,
		.initial_ms = 1000,
		.maximum_ms = 60000,
		.coefficient = 2,
		.jitter = 0.1,
	};
	if (!open_member(&r, f, "retry", retry_fields, ARRAY_LEN(retry_fields)))
		return;
	n->retry.max_attempts = 3;
	read_intervals(&r, &n->retry);
	read_codes(b, &r, "retryOn", &n->retry.retry_on);
	read_codes(b, &r, "nonRetryable", &n->retry.never);
}

void plan_build_timeouts(const struct fields *f, struct plan_node *n)
{
	struct fields t;
	fields_duration(f, "timeout", 1, most_ms, &n->timeout_ms);
	fields_duration(f, "heartbeat", 1, most_ms, &n->heartbeat_ms);
	if (open_member(&t, f, "timeouts", timeout_fields, ARRAY_LEN(timeout_fields))) {
		if (fields_get(f, "timeout") && fields_get(&t, "run"))
			fields_bad(&t, "run", "is the same as timeout; give one of the two");
		fields_duration(&t, "queue", 1, most_ms, &n->queue_ms);
		fields_duration(&t, "start", 1, most_ms, &n->start_ms);
		fields_duration(&t, "run", 1, most_ms, &n->timeout_ms);
		fields_duration(&t, "total", 1, most_ms, &n->total_ms);
	}
	if (n->heartbeat_ms > 0 && n->timeout_ms > 0 && n->heartbeat_ms >= n->timeout_ms)
		fields_bad(f, "heartbeat",
			   "must be shorter than the node's time-out, which would "
			   "always come first");
}
