/* CEL source, and after a NUL byte JSON of the roots (else a fixed one). */
#include <stdint.h>
#include <string.h>

#include "base/fault.h"
#include "json/parse.h"
#include "json/write.h"
#include "text/cel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char fixed_roots[] =
	"{\"a\": {\"b\": {\"c\": 7}, \"list\": [1, 2.50, \"x\", null, true]}, \"s\": \"text é\","
	" \"n\": 3, \"big\": 18446744073709551615, \"r\": -0.5, \"e\": {}, \"z\": null}";

static void read_ref(void *ctx, const struct cel_ref *ref)
{
	size_t *n = ctx;
	ASSERT(ref->n > 0);
	for (size_t i = 0; i < ref->n; i++)
		*n += ref->parts[i].n;
}

/* What was made is JSON that reads back. */
static void check_json(struct arena *a, const struct value *v)
{
	CLEANUP_BUF struct buf text = {0};
	struct value again;
	struct json_error err;
	json_write(&text, v);
	int code = json_parse(a, buf_str(&text), JSON_DEFAULT, &again, &err);
	ASSERT(code == 0 || err.code == JSON_ERROR_DEPTH);
}

static void evaluate(struct arena *a, struct str source, const struct value *roots)
{
	const struct cel_program *p;
	struct cel_value v;
	struct cel_error err;
	struct cel_env env = {.roots = roots};
	struct cel_budget budget = cel_budget_full();
	struct value json;
	struct str text;
	size_t n = 0;
	if (cel_compile(a, source, &p, &err) != 0) {
		ASSERT(err.code != 0 && err.message[0] != '\0' && err.position <= source.n);
		return;
	}
	cel_refs(p, read_ref, &n);
	if (cel_eval(p, &env, &budget, a, &v, &err) != 0) {
		ASSERT(err.code != 0 && err.message[0] != '\0' && err.position <= source.n);
		return;
	}
	if (cel_to_json(&v, &budget, a, &json, &err) == 0)
		check_json(a, &json);
	if (cel_to_text(&v, &budget, a, &text, &err) == 0)
		ASSERT(text.p || text.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_ARENA struct arena a = {0};
	const char *p = (const char *)data;
	const char *nul = n > 0 ? memchr(p, '\0', n) : NULL;
	struct str source = str_n(p, nul ? (size_t)(nul - p) : n), json = {0};
	struct value roots;
	if (nul)
		json = str_n(nul + 1, n - source.n - 1);
	if (!nul || json_parse(&a, json, JSON_DEFAULT, &roots, NULL) != 0)
		ASSERT(json_parse(&a, str_of(fixed_roots), JSON_DEFAULT, &roots, NULL) == 0);
	evaluate(&a, source, &roots);
	ASSERT(a.used_bytes < 4u * LIMIT_CEL_BYTES + 64 * n + (1 << 20));
	return 0;
}
