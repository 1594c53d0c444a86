/*
 * Bodies that define a workflow, from bytes to a plan: JSON, or YAML when the first byte is Y.
 * What is refused says why; what is taken has a normal form that is taken too and is the same.
 */
#include <stdint.h>

#include "base/fault.h"
#include "engine/plan/plan.h"
#include "json/parse.h"
#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_body(struct arena *a, struct str body, struct diag *d, struct value *ret)
{
	struct json_error e;
	if (body.n && body.p[0] == 'Y') {
		int r = yaml_parse(a, str_n(body.p + 1, body.n - 1), d, ret, NULL);
		ASSERT(r == 0 || d->n > 0);
		return r == 0;
	}
	if (json_parse(a, body, JSON_UNIQUE_KEYS | JSON_BORROW, ret, &e) == 0)
		return true;
	ASSERT(e.message[0] && e.line > 0 && e.column > 0);
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d, none;
	struct value body, normal;
	diag_init(&d, &a);
	if (!read_body(&a, str_n((const char *)data, size), &d, &body))
		return 0;
	CLEANUP_PLAN struct plan *plan = NULL, *again = NULL;
	if (plan_compile(NULL, STR("default"), &body, &d, &plan) != 0) {
		ASSERT(d.n > 0);
		for (size_t i = 0; i < d.n; i++)
			ASSERT(d.findings[i].message[0] && d.findings[i].path);
		return 0;
	}
	diag_init(&none, &a);
	ASSERT(json_parse(&a, plan->definition_json, JSON_UNIQUE_KEYS, &normal, NULL) == 0);
	ASSERT(plan_compile(NULL, STR("default"), &normal, &none, &again) == 0);
	ASSERT(strcmp(plan->sha256, again->sha256) == 0);
	return 0;
}
