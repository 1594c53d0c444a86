#include "text/cron_lines.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "json/parse.h"
#include "json/write.h"
#include "text/cron.h"

struct asked {
	struct cron cron;
	const struct zone *zone;
	int64_t from_ms, n;
};

static bool put_error(struct buf *answer, const char *message, size_t position)
{
	struct json_out o = json_out_to(answer);
	json_out_object(&o);
	json_out_key(&o, "error");
	json_out_object(&o);
	json_out_key(&o, "message");
	json_out_strz(&o, message);
	json_out_key(&o, "position");
	json_out_int(&o, (int64_t)position);
	json_out_end(&o);
	json_out_end(&o);
	return false;
}

static const struct value *member(const struct value *v, const char *key)
{
	const struct value *m = value_getz(v, key);
	return m && m->kind != VALUE_NULL ? m : NULL;
}

static bool read_zone(const struct cron_lines *l, const struct value *v, struct asked *q,
		      struct buf *answer)
{
	const struct value *zone = member(v, "timezone");
	if (zone && zone->kind != VALUE_STRING)
		return put_error(answer, "'timezone' must be a string like Europe/Berlin", 0);
	q->zone = l->zone_get(l->zone_arg, zone ? value_text(zone) : STR("UTC"));
	return q->zone || put_error(answer,
				    "unknown time zone: use a name like Europe/Berlin or "
				    "UTC",
				    0);
}

static bool read_request(const struct cron_lines *l, const struct value *v, struct asked *q,
			 struct buf *answer)
{
	struct cron_error error;
	const struct value *cron = member(v, "cron"), *from = member(v, "from"),
			   *n = member(v, "n");
	*q = (struct asked){.from_ms = l->now_ms, .n = 5};
	if (!value_is(cron, VALUE_STRING))
		return put_error(answer, "the request needs 'cron', a string", 0);
	if (!cron_parse(value_text(cron), &q->cron, &error))
		return put_error(answer, error.message, error.position);
	if (!read_zone(l, v, q, answer))
		return false;
	if (from && (from->kind != VALUE_STRING ||
		     timefmt_rfc3339_parse(value_text(from), &q->from_ms, NULL) < 0))
		return put_error(answer, "'from' must be a time like 2026-11-24T16:00:00Z", 0);
	if (n && (n->kind != VALUE_INT || n->i < 1 || n->i > LIMIT_CRON_FIRES))
		return put_error(answer, "'n' must be a whole number, 1 to 1000", 0);
	if (n)
		q->n = n->i;
	return true;
}

static void put_time(struct json_out *o, int64_t at_ms)
{
	char text[TIMEFMT_RFC3339_BYTES];
	timefmt_rfc3339(text, at_ms);
	json_out_strz(o, text);
}

bool cron_line(const struct cron_lines *l, struct str request, struct buf *answer)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value v;
	struct json_error err;
	struct asked q;
	if (json_parse(&a, request, JSON_UNIQUE_KEYS, &v, &err) != 0)
		return put_error(answer, "the request is not JSON", err.offset);
	if (!read_request(l, &v, &q, answer))
		return false;
	struct json_out o = json_out_to(answer);
	json_out_object(&o);
	json_out_key(&o, "fires");
	json_out_array(&o);
	int64_t at = q.from_ms;
	for (int64_t i = 0; i < q.n && cron_next(&q.cron, q.zone, q.from_ms, at, &at); i++)
		put_time(&o, at);
	json_out_end(&o);
	json_out_end(&o);
	return true;
}
