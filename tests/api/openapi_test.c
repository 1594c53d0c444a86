/* The document and the route table say the same. */
#include <stdio.h>
#include <strings.h>

#include "api/api.h"
#include "base/arena.h"
#include "json/parse.h"
#include "tap.h"

static bool in_table(const char *wanted)
{
	char text[200];
	for (size_t i = 0; api_route_text(i, text, sizeof(text)); i++)
		if (strcmp(text, wanted) == 0)
			return true;
	return false;
}

TEST(every_route_is_in_the_document)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value doc;
	char text[200];
	CHECK_INT(json_parse(&a, api_openapi_document(), JSON_UNIQUE_KEYS, &doc, NULL), 0);
	for (size_t i = 0; api_route_text(i, text, sizeof(text)); i++) {
		char *path = strchr(text, ' ');
		*path++ = '\0';
		for (char *p = text; *p; p++)
			*p = (char)(*p | 0x20);
		if (!value_getz(value_getz(value_getz(&doc, "paths"), path), text))
			tap_fail(t, __FILE__, __LINE__, "not in the document: %s %s", text, path);
	}
}

TEST(everything_in_the_document_is_a_route)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value doc;
	CHECK_INT(json_parse(&a, api_openapi_document(), JSON_UNIQUE_KEYS, &doc, NULL), 0);
	const struct value *paths = value_getz(&doc, "paths");
	CHECK(value_is(paths, VALUE_OBJECT) && paths->n > 10);
	for (uint32_t i = 0; i < paths->n; i++)
		for (uint32_t k = 0; k < paths->members[i].value.n; k++) {
			char text[200];
			struct str method = paths->members[i].value.members[k].key;
			snprintf(text, sizeof(text), "%.*s %.*s", STR_ARG(method),
				 STR_ARG(paths->members[i].key));
			for (char *p = text; *p != ' '; p++)
				*p = (char)(*p & ~0x20);
			if (!in_table(text))
				tap_fail(t, __FILE__, __LINE__, "no route: %s", text);
		}
}

TAP_MAIN(RUN(every_route_is_in_the_document), RUN(everything_in_the_document_is_a_route))
