#include "engine/schemas.h"

#include "base/mem.h"

struct schema {
	int unused;
};

struct schema *schemas_compile(const struct value *document, struct diag *d, const char *path)
{
	if (document->kind != VALUE_OBJECT && document->kind != VALUE_BOOL) {
		diag_add(d, path, "must be a JSON Schema: an object, true or false");
		return NULL;
	}
	return NEW0(struct schema);
}

void schemas_free(struct schema *s)
{
	free(s);
}

bool schemas_check(const struct schema *s UNUSED, const struct value *v UNUSED,
		   struct diag *d UNUSED, const char *path UNUSED)
{
	return true;
}

bool schemas_check_partial(const struct schema *s UNUSED, const struct resolve *inputs UNUSED,
			   struct diag *d UNUSED, const char *path UNUSED)
{
	return true;
}
