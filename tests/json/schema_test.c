/* The cases are in schema_cases/ (what is valid) and schema_findings/ (what is said). */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "json/parse.h"
#include "json/schema.h"
#include "json/validate_lines.h"
#include "json/write.h"
#include "tap.h"

static bool read_json(struct arena *a, const char *folder, const char *name, struct value *ret)
{
	char path[4096];
	const char *source = getenv("DROVER_SOURCE");
	snprintf(path, sizeof(path), "%s/tests/json/%s/%s", source ? source : ".", folder, name);
	CLEANUP_FILE FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	CLEANUP_BUF struct buf text = {0};
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&text, chunk, n);
	return json_parse(a, buf_str(&text), JSON_UNIQUE_KEYS, ret, NULL) == 0;
}

static struct value parse(struct arena *a, const char *text)
{
	struct value v = value_null();
	int r = json_parse(a, str_of(text), 0, &v, NULL);
	if (r != 0)
		fprintf(stderr, "not JSON: %s\n", text);
	return v;
}

/* One {description, data, valid}: the fast check, the full check and the findings agree. */
static void judge_case(struct tap *t, const struct schema *s, const struct value *group,
		       const struct value *test)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	diag_init(&d, &a);
	bool want = value_getz(test, "valid")->b;
	const struct value *data = value_getz(test, "data");
	bool fast = schema_valid(s, data), full = schema_check(s, data, &d);
	if (fast == want && full == want && diag_ok(&d) == want)
		return;
	tap_fail(t, __FILE__, __LINE__, "%.*s: %.*s: want %d, fast %d, full %d, %zu findings",
		 STR_ARG(value_text(value_getz(group, "description"))),
		 STR_ARG(value_text(value_getz(test, "description"))), want, fast, full, d.n);
}

static void judge_group(struct tap *t, const struct value *group, int flags, size_t *n)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_SCHEMA struct schema *s = NULL;
	struct diag d;
	diag_init(&d, &a);
	if (schema_compile(value_getz(group, "schema"), flags, &d, &s)) {
		tap_fail(t, __FILE__, __LINE__, "%.*s: refused: %s: %s",
			 STR_ARG(value_text(value_getz(group, "description"))), d.findings[0].path,
			 d.findings[0].message);
		return;
	}
	const struct value *tests = value_getz(group, "tests");
	for (uint32_t i = 0; i < tests->n; i++, (*n)++)
		judge_case(t, s, group, &tests->items[i]);
}

TEST(every_keyword_judges_as_the_specification_says)
{
	char path[4096];
	const char *source = getenv("DROVER_SOURCE");
	snprintf(path, sizeof(path), "%s/tests/json/schema_cases", source ? source : ".");
	CLEANUP_DIR DIR *dir = opendir(path);
	CHECK(dir);
	size_t n = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		CLEANUP_ARENA struct arena a = {0};
		struct value groups;
		CHECK(read_json(&a, "schema_cases", e->d_name, &groups));
		int flags =
			strcmp(e->d_name, "format-asserted.json") == 0 ? SCHEMA_ASSERT_FORMAT : 0;
		for (uint32_t i = 0; i < groups.n; i++)
			judge_group(t, &groups.items[i], flags, &n);
	}
	CHECK(n > 600);
}

/* Compares findings with the wanted; a wanted message may be a part of the whole. */
static void compare(struct tap *t, const struct value *c, const struct diag *d, bool whole)
{
	const struct value *errors = value_getz(c, "errors");
	struct str about = value_text(value_getz(c, "description"));
	for (uint32_t i = 0; i < errors->n || i < d->n; i++) {
		const char *path = i < d->n ? d->findings[i].path : "(none)";
		const char *message = i < d->n ? d->findings[i].message : "(none)";
		struct str want = {0}, want_path = STR("(none)");
		if (i < errors->n) {
			want = value_text(value_getz(&errors->items[i], "message"));
			want_path = value_text(value_getz(&errors->items[i], "path"));
		}
		bool same = whole ? str_eqz(want, message)
				  : want.n > 0 && memmem(message, strlen(message), want.p, want.n);
		if (!same || !str_eqz(want_path, path))
			tap_fail(t, __FILE__, __LINE__, "%.*s: finding %u is \"%s\": %s",
				 STR_ARG(about), i, path, message);
	}
}

TEST(findings_name_the_place_and_the_mend)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value cases;
	CHECK(read_json(&a, "schema_findings", "instances.json", &cases));
	for (uint32_t i = 0; i < cases.n; i++) {
		CLEANUP_SCHEMA struct schema *s = NULL;
		struct diag d;
		diag_init(&d, &a);
		CHECK_INT(schema_compile(value_getz(&cases.items[i], "schema"), 0, &d, &s), 0);
		schema_check(s, value_getz(&cases.items[i], "data"), &d);
		compare(t, &cases.items[i], &d, true);
	}
	CHECK(cases.n > 20);
}

TEST(a_wrong_schema_is_refused_with_all_its_faults)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value cases;
	CHECK(read_json(&a, "schema_findings", "schemas.json", &cases));
	for (uint32_t i = 0; i < cases.n; i++) {
		CLEANUP_SCHEMA struct schema *s = NULL;
		struct diag d;
		diag_init(&d, &a);
		int r = schema_compile(value_getz(&cases.items[i], "schema"), 0, &d, &s);
		CHECK_INT(r, SCHEMA_REFUSED);
		CHECK(s == NULL);
		compare(t, &cases.items[i], &d, false);
	}
	CHECK(cases.n > 20);
}

/* In the cases, text that is one {{template}} is unknown, text that holds one is unknown text. */
static enum schema_known known(void *arg, const struct value *v)
{
	size_t *asked = arg;
	(*asked)++;
	struct str s = value_text(v);
	if (str_starts(s, STR("{{")))
		return SCHEMA_UNKNOWN;
	return s.n > 0 && memmem(s.p, s.n, "{{", 2) ? SCHEMA_UNKNOWN_TEXT : SCHEMA_KNOWN;
}

TEST(of_a_document_with_templates_only_what_is_certain_is_found)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value cases;
	CHECK(read_json(&a, "schema_findings", "templates.json", &cases));
	size_t asked = 0;
	for (uint32_t i = 0; i < cases.n; i++) {
		CLEANUP_SCHEMA struct schema *s = NULL;
		struct diag d;
		diag_init(&d, &a);
		CHECK_INT(schema_compile(value_getz(&cases.items[i], "schema"), 0, &d, &s), 0);
		bool good = schema_check_partial(s, value_getz(&cases.items[i], "data"), known,
						 &asked, &d);
		CHECK_INT(good, diag_ok(&d));
		compare(t, &cases.items[i], &d, true);
	}
	CHECK(asked > 0);
}

/* Compiles or fails the test. */
static struct schema *compile(struct tap *t, struct arena *a, const char *text)
{
	struct schema *s = NULL;
	struct diag d;
	diag_init(&d, a);
	struct value v = parse(a, text);
	if (schema_compile(&v, 0, &d, &s))
		tap_fail(t, __FILE__, __LINE__, "%s: %s", d.findings[0].path,
			 d.findings[0].message);
	return s;
}

TEST(the_meta_schemas_are_valid_by_themselves)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value v = parse(&a, "{\"minLength\": \"x\", \"not\": {\"type\": 5}}");
	struct diag d;
	diag_init(&d, &a);
	CHECK(!schema_check(schema_meta(), &v, &d));
	CHECK(d.n >= 2);
	struct value ref =
		parse(&a, "{\"$ref\": \"https://json-schema.org/draft/2020-12/meta/core\"}");
	CLEANUP_SCHEMA struct schema *s = NULL;
	diag_init(&d, &a);
	CHECK_INT(schema_compile(&ref, 0, &d, &s), 0);
	struct value bad = parse(&a, "{\"$anchor\": \"1x\"}");
	CHECK(!schema_valid(s, &bad));
}

TEST(a_schema_outlives_the_document_it_was_made_from)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_SCHEMA struct schema *s = compile(
		t, &a, "{\"properties\":{\"a\":{\"pattern\":\"^x\",\"enum\":[\"xy\",1.50]}}}");
	CHECK_GOOD();
	arena_free(&a);
	struct value good = parse(&a, "{\"a\":\"xy\"}"), bad = parse(&a, "{\"a\":\"xz\"}");
	CHECK(schema_valid(s, &good));
	CHECK(!schema_valid(s, &bad));
}

TEST(extras_are_found_by_their_address_and_bring_their_vocabularies)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value part =
		parse(&a, "{\"$defs\":{\"i\":{\"type\":\"integer\"}},\"$anchor\":\"top\","
			  "\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/i\"}}");
	struct value meta =
		parse(&a, "{\"$vocabulary\":{"
			  "\"https://json-schema.org/draft/2020-12/vocab/core\":true,"
			  "\"https://json-schema.org/draft/2020-12/vocab/applicator\":true,"
			  "\"https://x.test/unknown\":false}}");
	struct value strict = parse(&a, "{\"$vocabulary\":{\"https://x.test/unknown\":true}}");
	struct schema_extra extras[] = {{STR("http://x.test/dir/part.json"), &part},
					{STR("http://x.test/meta"), &meta},
					{STR("http://x.test/strict"), &strict}};
	struct diag d;
	diag_init(&d, &a);
	CLEANUP_SCHEMA struct schema *s = NULL;
	struct value v =
		parse(&a, "{\"$id\":\"http://x.test/dir/main\",\"$ref\":\"part.json#top\"}");
	CHECK_INT(schema_compile_with(&v, 0, extras, 3, &d, &s), 0);
	struct value good = parse(&a, "[1]"), bad = parse(&a, "[\"x\"]");
	CHECK(schema_valid(s, &good));
	CHECK(!schema_valid(s, &bad));
	s = schema_free(s);

	v = parse(
		&a,
		"{\"$schema\":\"http://x.test/meta\",\"items\":{\"type\":\"integer\",\"not\":{}}}");
	CHECK_INT(schema_compile_with(&v, 0, extras, 3, &d, &s), 0);
	CHECK(!schema_valid(s, &good)); /* not counts, type does not */
	s = schema_free(s);

	v = parse(&a, "{\"$schema\":\"http://x.test/strict\"}");
	CHECK_INT(schema_compile_with(&v, 0, extras, 3, &d, &s), SCHEMA_REFUSED);
	CHECK_Z(d.findings[0].path, "$schema");
}

/* Depth nested arrays. */
static struct value nested(struct arena *a, int depth)
{
	struct value v = value_array(a, 0);
	for (int i = 1; i < depth; i++) {
		struct value outer = value_array(a, 1);
		value_push(a, &outer, v);
		v = outer;
	}
	return v;
}

TEST(judging_ends_within_its_bounds)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	diag_init(&d, &a);
	/* each level of the schema doubles the work */
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
	for (int i = 0; i < 40; i++)
		buf_printf(&text,
			   "\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},"
			   "{\"$ref\":\"#/$defs/d%d\"}]},",
			   i, i + 1, i + 1);
	buf_puts(&text, "\"d40\":true}}");
	CLEANUP_SCHEMA struct schema *s = compile(t, &a, text.p);
	CHECK_GOOD();
	struct value one = value_int(1);
	CHECK(!schema_check(s, &one, &d));
	CHECK_INT(d.n, 1);
	CHECK(strstr(d.findings[0].message, "too costly"));

	/* a dynamic loop is not seen before it runs */
	CLEANUP_SCHEMA struct schema *loop = compile(
		t, &a,
		"{\"$id\":\"http://x/l\",\"$dynamicAnchor\":\"n\",\"not\":{\"$ref\":\"in\"},"
		"\"$defs\":{\"in\":{\"$id\":\"in\",\"$dynamicAnchor\":\"n\","
		"\"properties\":{\"a\":true},\"$defs\":{\"x\":{}},\"not\":"
		"{\"allOf\":[{\"$dynamicRef\":\"#n\"}]}}}}");
	CHECK_GOOD();
	diag_init(&d, &a);
	CHECK(!schema_check(loop, &one, &d));
	CHECK(strstr(d.findings[0].message, "too deep"));
	CHECK(!schema_valid(loop, &one));

	/* as deep as documents go */
	CLEANUP_SCHEMA struct schema *tree =
		compile(t, &a, "{\"type\":\"array\",\"items\":{\"allOf\":[{\"$ref\":\"#\"}]}}");
	CHECK_GOOD();
	struct value deep = nested(&a, LIMIT_JSON_DEPTH);
	CHECK(schema_valid(tree, &deep));
}

TEST(a_costly_pattern_is_given_up_and_said)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	diag_init(&d, &a);
	CLEANUP_SCHEMA struct schema *s =
		compile(t, &a, "{\"items\":{\"pattern\":\"^(a|a|ab)*(a+)+$\"}}");
	CHECK_GOOD();
	struct value list = value_array(&a, 0);
	for (int i = 0; i < 100; i++)
		value_push(&a, &list,
			   value_strz("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
	CHECK(!schema_check(s, &list, &d));
	CHECK_Z(strstr(d.findings[0].message, "make the pattern simpler") ? ""
									  : d.findings[0].message,
		"");

	char *big = arena_alloc(&a, LIMIT_PATTERN_SUBJECT_BYTES + 2);
	memset(big, 'a', LIMIT_PATTERN_SUBJECT_BYTES + 1);
	struct value text = value_str(str_n(big, LIMIT_PATTERN_SUBJECT_BYTES + 1));
	CLEANUP_SCHEMA struct schema *plain = compile(t, &a, "{\"pattern\":\"^a\"}");
	CHECK_GOOD();
	diag_init(&d, &a);
	CHECK(!schema_check(plain, &text, &d));
	CHECK(strstr(d.findings[0].message, "too long for a pattern"));
}

TEST(findings_are_bounded)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	diag_init(&d, &a);
	CLEANUP_SCHEMA struct schema *s =
		compile(t, &a, "{\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}}");
	CHECK_GOOD();
	struct value list = value_array(&a, 0);
	for (int i = 0; i < 100000; i++)
		value_push(&a, &list, value_int(1));
	CHECK(!schema_check(s, &list, &d));
	CHECK_INT(d.n, LIMIT_DIAG_FINDINGS);
}

TEST(a_schema_too_large_is_refused)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	diag_init(&d, &a);
	struct value list = value_array(&a, 0), v = value_object(&a, 1);
	for (int i = 0; i <= LIMIT_SCHEMA_SITES; i++)
		value_push(&a, &list, value_bool(true));
	value_putz(&a, &v, "allOf", list);
	CLEANUP_SCHEMA struct schema *s = NULL;
	CHECK_INT(schema_compile(&v, 0, &d, &s), SCHEMA_REFUSED);
	CHECK_INT(d.n, 1);
}

TEST(patterns_that_take_too_much_memory_are_refused)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	diag_init(&d, &a);
	struct value patterns = value_object(&a, 0), v = value_object(&a, 1);
	for (int i = 0; i < 2000; i++)
		value_putz(&a, &patterns, arena_printf(&a, "(?:abcdefghij){999}%d", i),
			   value_bool(true));
	value_putz(&a, &v, "patternProperties", patterns);
	CLEANUP_SCHEMA struct schema *s = NULL;
	CHECK_INT(schema_compile(&v, 0, &d, &s), SCHEMA_REFUSED);
	CHECK_INT(d.n, 1);
	CHECK(strstr(d.findings[0].message, "use fewer or shorter ones"));
}

TEST(a_line_is_answered_with_a_line)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"{\"schema\":{\"type\":\"integer\"},\"data\":1}",
		 "{\"valid\":true,\"errors\":[]}"},
		{"{\"schema\":{\"type\":\"integer\"},\"data\":\"x\"}",
		 "{\"valid\":false,\"errors\":[{\"path\":\"\",\"message\":\"must be an integer, is "
		 "a string\"}]}"},
		{"{\"schema\":{\"format\":\"date\"},\"data\":\"x\"}",
		 "{\"valid\":true,\"errors\":[]}"},
		{"{\"schema\":{\"format\":\"date\"},\"data\":\"x\",\"format\":true}",
		 "{\"valid\":false,\"errors\":[{\"path\":\"\",\"message\":\"is not a valid "
		 "date\"}]}"},
		{"{\"schema\":{\"format\":\"date\"},\"data\":\"x\"}",
		 "{\"valid\":true,\"errors\":[]}"},
		{"{\"schema\":",
		 "{\"error\":{\"message\":\"the document ends where a value should stand\","
		 "\"position\":10}}"},
		{"{\"schema\":true}", "{\"error\":{\"message\":\"a request is an object with the "
				      "members \\\"schema\\\" and "
				      "\\\"data\\\"\",\"position\":0}}"},
		{"{\"schema\":{\"minimum\":\"x\"},\"data\":null}",
		 "{\"error\":{\"message\":\"the schema is wrong at minimum: must be a number, is a "
		 "string\",\"path\":\"minimum\",\"errors\":[{\"path\":\"minimum\",\"message\":"
		 "\"must be a "
		 "number, is a string\"}]}}"},
		{"{\"schema\":{\"const\":null},\"data\":null}", "{\"valid\":true,\"errors\":[]}"},
	};
	struct validate_lines *v = validate_lines_new(false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf out = {0};
		validate_lines_answer(v, str_of(cases[i].in), &out);
		if (!str_eqz(buf_str(&out), cases[i].out))
			tap_fail(t, __FILE__, __LINE__, "%s: %s", cases[i].in, out.p);
	}
	validate_lines_free(v);
}

TAP_MAIN(RUN(every_keyword_judges_as_the_specification_says),
	 RUN(findings_name_the_place_and_the_mend),
	 RUN(a_wrong_schema_is_refused_with_all_its_faults),
	 RUN(of_a_document_with_templates_only_what_is_certain_is_found),
	 RUN(the_meta_schemas_are_valid_by_themselves),
	 RUN(a_schema_outlives_the_document_it_was_made_from),
	 RUN(extras_are_found_by_their_address_and_bring_their_vocabularies),
	 RUN(judging_ends_within_its_bounds), RUN(a_costly_pattern_is_given_up_and_said),
	 RUN(findings_are_bounded), RUN(a_schema_too_large_is_refused),
	 RUN(patterns_that_take_too_much_memory_are_refused), RUN(a_line_is_answered_with_a_line))
