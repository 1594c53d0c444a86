/* Request targets: what is taken has clean segments and decoded, valid parameters. */
#include <stdint.h>

#include "base/fault.h"
#include "base/utf8.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s)
{
	ASSERT(utf8_valid(s));
	ASSERT(s.n == 0 || !memchr(s.p, '\0', s.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = {0};
	struct http_request r = {.method = STR("GET")};
	const char *detail = NULL;
	int status = target_parse(&a, str_n((const char *)data, size), &r, &detail);
	if (status != 0) {
		ASSERT((status == 400 || status == 404 || status == 414) && detail);
		return 0;
	}
	for (size_t i = 0; i < r.n_segments; i++) {
		struct str s = r.segments[i];
		check_text(s);
		ASSERT(!str_eq(s, STR("..")) && !str_eq(s, STR(".")));
		ASSERT(s.n == 0 || (!memchr(s.p, '/', s.n) && !memchr(s.p, '\\', s.n)));
	}
	for (size_t i = 0; i < r.n_query; i++) {
		check_text(r.query[i].name);
		check_text(r.query[i].value);
	}
	return 0;
}
