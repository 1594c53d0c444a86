#include <pthread.h>

#include "base/fault.h"
#include "json/parse.h"
#include "json/schema_impl.h"

static struct schema *meta;

/* All bundled documents in one schema; its root is the meta-schema. */
static void compile_once(void)
{
	struct schema *s = schema_new();
	CLEANUP_ARENA struct arena scratch = {0};
	struct diag d;
	diag_init(&d, &scratch);
	struct schema_build b = {.s = s, .a = &s->arena, .d = &d};
	struct schema_site *root = NULL;
	for (size_t i = 0; i < schema_n_bundled_documents; i++) {
		const struct schema_bundled *doc = &schema_bundled_documents[i];
		struct value *v = ARENA_NEW(&s->arena, struct value);
		int r = json_parse(&s->arena, str_n(doc->text, doc->n), JSON_BORROW, v, NULL);
		ASSERT(r == 0);
		struct schema_site *site = schema_load(&b, v, str_of(doc->uri), true);
		root = root ? root : site;
	}
	schema_load_dialects(&b);
	s->root = schema_compile_site(&b, root);
	ASSERT(diag_ok(&d));
	meta = s;
}

const struct schema *schema_meta(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, compile_once);
	return meta;
}

bool schema_meta_check(struct schema_build *b, const struct schema_site *site)
{
	CLEANUP_ARENA struct arena scratch = {0};
	struct diag d;
	diag_init(&d, &scratch);
	if (schema_check(b->bundle, site->v, &d))
		return true;
	for (size_t i = 0; i < d.n; i++)
		schema_refuse_below(b, site, d.findings[i].path, d.findings[i].message);
	return false;
}
