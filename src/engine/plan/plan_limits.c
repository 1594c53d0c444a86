#include "base/limits.h"
#include "engine/plan/plan_build.h"
#include "json/write.h"

static const struct field_spec limit_fields[] = {
	{"memory", NULL}, {"cpu", NULL}, {"pids", NULL},    {"network", NULL},
	{"output", NULL}, {"tmp", NULL}, {"timeout", NULL},
};

enum { CPU_MOST = 1024, PIDS_MOST = 1 << 20 };

static void judge_network(const struct fields *f)
{
	const struct value *v = fields_get(f, "network");
	if (v && !(v->kind == VALUE_STRING && str_eqz(value_text(v), "none")) &&
	    !(v->kind == VALUE_ARRAY && v->n == 0))
		fields_bad(f, "network",
			   "must be \"none\": network grants are not in this version of drover");
}

struct str plan_build_limits(struct arena *a, const struct value *limits, struct diag *d,
			     const char *path)
{
	struct fields f;
	int64_t n;
	double cores;
	if (!fields_open(&f, limits, d, path))
		return (struct str){0};
	fields_known(&f, limit_fields, ARRAY_LEN(limit_fields));
	fields_size(&f, "memory", 1 << 20, INT64_C(1) << 44, &n);
	fields_size(&f, "tmp", 0, INT64_C(1) << 44, &n);
	fields_size(&f, "output", 1, LIMIT_AGENT_OUTPUT_BYTES, &n);
	fields_number(&f, "cpu", 0.01, CPU_MOST, &cores);
	fields_int(&f, "pids", 1, PIDS_MOST, &n);
	fields_duration(&f, "timeout", 1, LIMIT_DURATION_DAYS * INT64_C(86400000), &n);
	judge_network(&f);
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, limits);
	return arena_str(a, buf_str(&text));
}
