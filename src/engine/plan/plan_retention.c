#include "base/limits.h"
#include "base/timefmt.h"
#include "engine/plan/plan_build.h"

static const struct field_spec retention_fields[] = {
	{"runs", NULL}, {"logs", NULL}, {"artifacts", NULL}};

bool plan_retention_parse(struct str text, int64_t *ret_ms)
{
	*ret_ms = 0;
	if (str_eqz(text, "off") || str_eqz(text, "0"))
		return true;
	return timefmt_duration_parse(text, ret_ms) == 0 && *ret_ms >= LIMIT_RETENTION_LEAST_MS &&
	       *ret_ms <= LIMIT_RETENTION_DAYS * INT64_C(86400000);
}

static void read_one(const struct fields *f, const char *key, int64_t *ret_ms)
{
	struct str text;
	int64_t ms;
	if (!fields_str(f, key, false, &text))
		return;
	if (plan_retention_parse(text, &ms))
		*ret_ms = ms;
	else
		fields_bad(f, key,
			   "must be a time such as 30d, from 1m to %d days, or off (kept for "
			   "ever), not \"%.*s\"",
			   LIMIT_RETENTION_DAYS, STR_ARG(text));
}

void plan_build_retention(struct plan_build *b, const struct fields *f)
{
	struct fields of;
	const struct value *v = fields_get(f, "retention");
	for (int i = 0; i < RETAINED_CLASSES; i++)
		b->plan->retention_ms[i] = -1;
	if (!v || !fields_open(&of, v, b->diag, "retention"))
		return;
	fields_known(&of, retention_fields, ARRAY_LEN(retention_fields));
	for (int i = 0; i < RETAINED_CLASSES; i++)
		read_one(&of, retained_name((enum retained)i), &b->plan->retention_ms[i]);
}
