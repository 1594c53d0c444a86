/* A template: a tree as JSON, or what is no JSON as one string. */
#include <stdint.h>
#include <string.h>

#include "base/fault.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/write.h"
#include "text/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char fixed_roots[] =
	"{\"context\": {\"path\": \"/src\", \"n\": 1.50, \"list\": [1, \"{{ x }}\", {\"k\": "
	"null}]},"
	" \"nodes\": {\"scan\": {\"output\": {\"critical\": 3}}}, \"x\": \"text\"}";

static void read_ref(void *ctx, const char *place, const struct cel_ref *ref)
{
	size_t *n = ctx;
	ASSERT(ref->n > 0 && place);
	*n += ref->n;
}

static void resolve(struct arena *a, const struct template *t, const struct value *tree)
{
	struct value roots, got, again;
	struct template_error err;
	CLEANUP_BUF struct buf text = {0};
	size_t n_refs = 0;
	ASSERT(json_parse(a, str_of(fixed_roots), JSON_DEFAULT, &roots, NULL) == 0);
	struct cel_env env = {.roots = &roots};
	template_refs(t, read_ref, &n_refs);
	ASSERT(n_refs == 0 || !template_is_constant(t));
	if (template_resolve(t, &env, a, &got, &err) != 0) {
		ASSERT(err.cel.code != 0 && err.cel.message[0] != '\0');
		template_error_text(&text, &err);
		return;
	}
	json_write(&text, &got);
	ASSERT(json_parse(a, buf_str(&text), JSON_DEFAULT, &again, NULL) == 0);
	/* an escape makes a constant that is not the tree */
	ASSERT(!template_is_constant(t) || strstr(text.p, "{{") || value_equal(&got, tree));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_ARENA struct arena a = {0};
	struct str text = str_n((const char *)data, n);
	struct value tree;
	struct diag d;
	diag_init(&d, &a);
	if (json_parse(&a, text, JSON_DEFAULT, &tree, NULL) != 0) {
		if (!utf8_valid(text))
			return 0;
		tree = value_str(text);
	}
	const struct template *t = template_compile(&a, &tree, "in", &d);
	ASSERT(!t == (d.n > 0));
	if (t)
		resolve(&a, t, &tree);
	return 0;
}
