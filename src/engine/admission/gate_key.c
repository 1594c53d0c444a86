#include "engine/admission/gate_key.h"

#include "base/limits.h"
#include "engine/run/roots.h"
#include "json/write.h"

static const char place[] = "concurrency.key";

/* A text, number or truth value as text; false for what is no name for anything. */
static bool as_text(struct engine *e, const struct value *v, struct str *ret)
{
	switch (v->kind) {
	case VALUE_STRING:
		*ret = value_text(v);
		return true;
	case VALUE_INT:
	case VALUE_UINT:
	case VALUE_DOUBLE:
	case VALUE_BOOL:
		buf_clear(&e->text);
		json_write(&e->text, v);
		*ret = arena_str(&e->scratch, buf_str(&e->text));
		return true;
	case VALUE_NULL:
	case VALUE_ARRAY:
	case VALUE_OBJECT:
		break;
	}
	return false;
}

bool gate_key_resolve(const struct run *r, struct str *ret, struct diag *d)
{
	struct engine *e = r->engine;
	const struct resolve *key = r->plan->concurrency.key;
	struct roots roots = {.run = (struct run *)(uintptr_t)r, .arena = &e->scratch};
	struct resolve_roots env = roots_env(&roots);
	struct resolve_error error;
	struct value v;
	struct str text;
	*ret = (struct str){0};
	if (!key)
		return true;
	if (resolve_run(key, &env, &e->scratch, &v, &error) != 0) {
		diag_add(d, place, "%s", error.message);
		return false;
	}
	if (!as_text(e, &v, &text)) {
		diag_add(d, place, "must give a text or a number, not %s", value_kind_name(&v));
		return false;
	}
	if (text.n > LIMIT_CONCURRENCY_KEY_BYTES || memchr(text.p ? text.p : "", '\0', text.n)) {
		diag_add(d, place, "must give at most %d bytes of text, not %zu",
			 LIMIT_CONCURRENCY_KEY_BYTES, text.n);
		return false;
	}
	*ret = text;
	return true;
}
