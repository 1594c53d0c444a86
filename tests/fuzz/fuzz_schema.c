/*
 * A schema on the first line, an instance on the rest. Whatever compiles judges the same in every
 * mode, and without unknown values the partial check is the whole one.
 */
#include <string.h>

#include "base/fault.h"
#include "json/parse.h"
#include "json/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum schema_known all_known(void *arg, const struct value *v)
{
	(void)arg;
	(void)v;
	return SCHEMA_KNOWN;
}

/* Strings and nulls are to come. */
static enum schema_known some_known(void *arg, const struct value *v)
{
	(void)arg;
	return v->kind == VALUE_NULL	 ? SCHEMA_UNKNOWN
	       : v->kind == VALUE_STRING ? SCHEMA_UNKNOWN_TEXT
					 : SCHEMA_KNOWN;
}

static void judge(const struct schema *s, const struct value *v, struct arena *a)
{
	struct diag d;
	diag_init(&d, a);
	bool valid = schema_valid(s, v);
	ASSERT(schema_check(s, v, &d) == valid);
	ASSERT(diag_ok(&d) == valid);
	diag_init(&d, a);
	ASSERT(schema_check_partial(s, v, all_known, NULL, &d) == valid);
	diag_init(&d, a);
	bool possible = schema_check_partial(s, v, some_known, NULL, &d);
	ASSERT(diag_ok(&d) == possible);
	/* what is valid as it stands is possible, unless judging was given up */
	if (valid && !possible)
		ASSERT(strstr(d.findings[d.n - 1].message, "could not be judged"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *line = size > 0 ? memchr(data, '\n', size) : NULL;
	if (!line || size > 16384)
		return 0;
	CLEANUP_ARENA struct arena a = {0};
	struct value document, instance;
	struct str head = str_n(text, (size_t)(line - text));
	struct str rest = str_n(line + 1, size - head.n - 1);
	if (json_parse(&a, head, 0, &document, NULL) || json_parse(&a, rest, 0, &instance, NULL))
		return 0;
	struct diag d;
	diag_init(&d, &a);
	CLEANUP_SCHEMA struct schema *s = NULL;
	if (schema_compile(&document, SCHEMA_ASSERT_FORMAT, &d, &s)) {
		ASSERT(!diag_ok(&d) && !s);
		return 0;
	}
	judge(s, &instance, &a);
	judge(s, &document, &a);
	return 0;
}
