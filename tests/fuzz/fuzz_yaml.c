/* YAML text: what is refused says where; what is read is JSON, and every value has its place. */
#include <stdint.h>

#include "base/fault.h"
#include "json/parse.h"
#include "json/write.h"
#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void places_known(const struct yaml_places *places, const struct value *v, const char *path,
			 int depth)
{
	int line, column;
	ASSERT(yaml_place(places, path, &line, &column) && line > 0 && column > 0);
	for (uint32_t i = 0; depth > 0 && v->kind == VALUE_ARRAY && i < v->n && i < 50; i++) {
		CLEANUP_BUF struct buf inner = {0};
		buf_printf(&inner, "%s[%u]", path, i);
		places_known(places, &v->items[i], inner.p, depth - 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = {0};
	arena_init(&a, 64 << 20);
	struct diag d;
	struct value v, again;
	struct yaml_places *places;
	diag_init(&d, &a);
	if (yaml_parse(&a, str_n((const char *)data, size), &d, &v, &places) != 0) {
		ASSERT(d.n > 0);
		for (size_t i = 0; i < d.n; i++)
			ASSERT(d.findings[i].line > 0 && d.findings[i].column > 0 &&
			       d.findings[i].message[0] != '\0');
		return 0;
	}
	ASSERT(diag_ok(&d));
	places_known(places, &v, "", 8);
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, &v);
	ASSERT(json_parse(&a, buf_str(&text), JSON_UNIQUE_KEYS, &again, NULL) == 0);
	ASSERT(value_equal(&v, &again));
	return 0;
}
