#include "engine/admission/policy.h"

#include "base/limits.h"
#include "json/parse.h"
#include "json/write.h"

static const int64_t most_ms = LIMIT_DURATION_DAYS * INT64_C(86400000);

static const struct field_spec rate_fields[] = {{"limit", NULL}, {"per", NULL}, {"burst", NULL}};
static const struct field_spec breaker_fields[] = {
	{"failures", NULL}, {"window", NULL}, {"cooldown", NULL}};

/* Opens the member; false when it is not there or no object. */
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

static void require(const struct fields *f, const char *key)
{
	if (!fields_get(f, key))
		fields_bad(f, key, "is missing; it must be given");
}

static void judge_rate(const struct fields *f, struct policy *p)
{
	struct fields r;
	if (!open_member(&r, f, "rateLimit", rate_fields, ARRAY_LEN(rate_fields)))
		return;
	p->rate_per_ms = 1000;
	require(&r, "limit");
	fields_int(&r, "limit", 1, LIMIT_POLICY_MOST, &p->rate_limit);
	fields_duration(&r, "per", 1, most_ms, &p->rate_per_ms);
	p->rate_burst = p->rate_limit;
	fields_int(&r, "burst", 1, LIMIT_POLICY_MOST, &p->rate_burst);
}

static void judge_breaker(const struct fields *f, struct policy *p)
{
	struct fields b;
	if (!open_member(&b, f, "circuitBreaker", breaker_fields, ARRAY_LEN(breaker_fields)))
		return;
	p->breaker_failures = 5;
	p->breaker_window_ms = 60000;
	p->breaker_cooldown_ms = 30000;
	fields_int(&b, "failures", 1, LIMIT_BREAKER_FAILURES, &p->breaker_failures);
	fields_duration(&b, "window", 1, most_ms, &p->breaker_window_ms);
	fields_duration(&b, "cooldown", 1, most_ms, &p->breaker_cooldown_ms);
}

static void judge(const struct fields *f, struct policy *p)
{
	*p = (struct policy){0};
	fields_int(f, "concurrency", 1, LIMIT_POLICY_MOST, &p->concurrency);
	judge_rate(f, p);
	judge_breaker(f, p);
}

struct str policy_judge(struct arena *a, const struct fields *agent)
{
	static const char *const members[] = {"concurrency", "rateLimit", "circuitBreaker"};
	struct policy ignored;
	CLEANUP_BUF struct buf text = {0};
	judge(agent, &ignored);
	struct value kept = value_object(a, ARRAY_LEN(members));
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (fields_get(agent, members[i]))
			value_putz(a, &kept, members[i], *fields_get(agent, members[i]));
	if (kept.n == 0)
		return (struct str){0};
	json_write(&text, &kept);
	return arena_str(a, buf_str(&text));
}

struct policy policy_read(struct str json)
{
	struct arena a CLEANUP_ARENA = {0};
	struct policy p = {0};
	struct diag d;
	struct value v;
	struct fields f;
	diag_init(&d, &a);
	if (json.n && json_parse(&a, json, JSON_DEFAULT, &v, NULL) == 0 &&
	    fields_open(&f, &v, &d, ""))
		judge(&f, &p);
	return p;
}
