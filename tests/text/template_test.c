#include "text/template.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/escape.h"
#include "json/parse.h"
#include "json/write.h"
#include "tap.h"
#include "text/eval_lines.h"

static const char roots_json[] =
	"{\"context\": {\"path\": \"/src\", \"n\": 12.50, \"big\":"
	" 1234567890123456789012345678901234567890, \"yes\": true, \"none\": null,"
	" \"list\": [1, \"a\"], \"evil\": \"{{ context.path }}\", \"tags\": {\"a\": \"b\"}},"
	" \"nodes\": {\"scan\": {\"output\": {\"summary\": {\"critical\": 11}}}}}";

/* The answer of eval_template for JSON texts. */
static void resolve(struct buf *out, const char *tree_json)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value tree, roots;
	if (json_parse(&a, str_of(tree_json), JSON_DEFAULT, &tree, NULL) != 0 ||
	    json_parse(&a, str_of(roots_json), JSON_DEFAULT, &roots, NULL) != 0)
		buf_puts(out, "bad JSON in the test");
	else
		eval_template(out, &tree, &roots, NULL);
}

struct row {
	const char *tree, *want; /* '!' in front: the answer holds the rest */
};

static bool rows_hold(const struct row *rows, size_t n)
{
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_BUF struct buf got = {0};
		resolve(&got, rows[i].tree);
		CLEANUP_BUF struct buf want = {0};
		buf_printf(&want, "{\"value\":%s}", rows[i].want);
		bool same = rows[i].want[0] == '!'
				    ? strstr(got.p, "\"error\"") && strstr(got.p, rows[i].want + 1)
				    : str_eq(buf_str(&got), buf_str(&want));
		if (!same)
			printf("# %s\n#   got  %s\n#   want %s\n", rows[i].tree, got.p,
			       rows[i].want);
		ok = ok && same;
	}
	return ok;
}

TEST(a_string_that_is_one_template_keeps_the_type)
{
	static const struct row rows[] = {
		{"\"{{ context.list }}\"", "[1,\"a\"]"},
		{"\"{{context.list}}\"", "[1,\"a\"]"},
		{"\"{{ 1 + 1 }}\"", "2"},
		{"\"{{ context.n }}\"", "12.50"},
		{"\"{{ context.big }}\"", "1234567890123456789012345678901234567890"},
		{"\"{{ context.none }}\"", "null"},
		{"\"{{ context.yes && false }}\"", "false"},
		{"\"{{ context.tags }}\"", "{\"a\":\"b\"}"},
		{"\"{{ {'a': {'b': 1}} }}\"", "{\"a\":{\"b\":1}}"},
		{"\"{{{'a': {'b': 1}}}}\"", "{\"a\":{\"b\":1}}"},
		{"\"{{{}}}\"", "{}"},
		{"\"{{ '}}' }}\"", "\"}}\""},
		{"\"{{ '{{' }}\"", "\"{{\""},
		{"\"{{ r'\\\\' + '}}' }}\"", "\"\\\\}}\""},
		{"\"{{ b'hi' }}\"", "\"aGk=\""},
		{"\"{{ timestamp(0) }}\"", "\"1970-01-01T00:00:00Z\""},
		{"\"{{ duration('90m') }}\"", "\"5400s\""},
		{"\"{{ 1.0 / 0.0 }}\"", "\"Infinity\""},
		{"\"{{ type(1) }}\"", "\"int\""},
		{"\"{{ 18446744073709551615u }}\"", "18446744073709551615"},
		{"\"{{ // why\\n 1 }}\"", "1"},
	};
	CHECK(rows_hold(rows, ARRAY_LEN(rows)));
}

TEST(templates_in_text_become_text)
{
	static const struct row rows[] = {
		{"\"{{ nodes.scan.output.summary.critical }} critical in {{ context.path }}\"",
		 "\"11 critical in /src\""},
		{"\" {{ 1 }}\"", "\" 1\""},
		{"\"{{ 1 }} \"", "\"1 \""},
		{"\"{{ 1 }}{{ 2 }}\"", "\"12\""},
		{"\"n={{ context.n }} b={{ context.big }}\"",
		 "\"n=12.50 b=1234567890123456789012345678901234567890\""},
		{"\"x{{ 1.5 }}{{ 2.0 }}{{ 3u }}\"", "\"x1.523\""},
		{"\"x{{ true }}{{ null }}\"", "\"xtruenull\""},
		{"\"x{{ context.list }}\"", "\"x[1,\\\"a\\\"]\""},
		{"\"x{{ {'k': 'v'} }}\"", "\"x{\\\"k\\\":\\\"v\\\"}\""},
		{"\"x{{ b'hi' }}\"", "\"xaGk=\""},
		{"\"x{{ timestamp(0) }} {{ duration('1s') }}\"", "\"x1970-01-01T00:00:00Z 1s\""},
		{"\"x{{ int }}\"", "\"xint\""},
		{"\"x{{ '' }}\"", "\"x\""},
	};
	CHECK(rows_hold(rows, ARRAY_LEN(rows)));
}

TEST(text_without_templates_and_escapes_stay_as_they_are)
{
	static const struct row rows[] = {
		{"\"\"", "\"\""},
		{"\"plain\"", "\"plain\""},
		{"\"{ x } }} }\"", "\"{ x } }} }\""},
		{"\"{{{{\"", "\"{{\""},
		{"\"{{{{ context.path }}\"", "\"{{ context.path }}\""},
		{"\"{{{{x}}}}\"", "\"{{x}}}}\""},
		{"\"{{{{{{{{\"", "\"{{{{\""},
		{"\"a {{{{ b {{ 1 }}\"", "\"a {{ b 1\""},
		{"[1, 2.50, null, {\"a\": [\"b\"]}]", "[1,2.50,null,{\"a\":[\"b\"]}]"},
		{"{\"{{ 1 }}\": 1}", "{\"{{ 1 }}\":1}"},
		{"{\"k\": \"{{ 1 }}\", \"l\": [true, \"{{ 2 }}\"], \"m\": {}}",
		 "{\"k\":1,\"l\":[true,2],\"m\":{}}"},
	};
	CHECK(rows_hold(rows, ARRAY_LEN(rows)));
}

TEST(what_an_expression_gave_is_never_expanded_again)
{
	static const struct row rows[] = {
		{"\"{{ context.evil }}\"", "\"{{ context.path }}\""},
		{"\"x {{ context.evil }}\"", "\"x {{ context.path }}\""},
		{"\"{{ '{{' + ' context.path }}' }}\"", "\"{{ context.path }}\""},
	};
	CHECK(rows_hold(rows, ARRAY_LEN(rows)));
}

TEST(an_error_names_the_place_the_path_and_the_position)
{
	static const struct row rows[] = {
		{"{\"a\": [0, \"x {{ nodes.nope.output }}\"]}",
		 "!\"error\":{\"message\":\"nodes.nope: no such key 'nope'\",\"position\":11,"
		 "\"place\":\"a[1]\"}"},
		{"{\"a\": \"{{ 1 + }}\"}", "!expression at byte 7: expected an expression"},
		{"\"{{ 1\"", "!expression at byte 4: the expression has no closing }}"},
		{"\"{{\"", "!expected an expression but found the end"},
		{"\"{{ }}\"", "!expected an expression but found '}'"},
		{"\"{{ 1 2 }}\"", "!expression at byte 5: expected an operator or the closing }}"},
		{"\"{{ 1 }\"", "!expected an operator or the closing }}"},
		{"\"{{ 1 } }\"", "!expected an operator or the closing }}"},
		{"\"{{ 'a }}\"", "!no closing quote"},
		{"\"{{ nope(1) }}\"", "!unknown function 'nope'"},
		{"\"{{ x | upper }}\"", "!'|' is not an operator"},
		{"\"{{ context.n.x }}\"", "!context.n.x: no such overload"},
		{"\"{{ {1: 2, '1': 3} }}\"", "!two keys of the map"},
	};
	CHECK(rows_hold(rows, ARRAY_LEN(rows)));
}

TEST(all_errors_of_a_tree_are_found_at_once)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value tree;
	struct diag d;
	diag_init(&d, &a);
	CHECK_INT(json_parse(&a,
			     STR("{\"a\": \"{{ 1 + }}\", \"b\": [\"{{ nope() }}\", \"{{ 1 }}\"],"
				 " \"c\": {\"d\": \"{{\"}}"),
			     JSON_DEFAULT, &tree, NULL),
		  0);
	CHECK(!template_compile(&a, &tree, "nodes[3].inputs", &d));
	CHECK_INT(d.n, 3);
	CHECK_Z(d.findings[0].path, "nodes[3].inputs.a");
	CHECK_Z(d.findings[1].path, "nodes[3].inputs.b[0]");
	CHECK_Z(d.findings[2].path, "nodes[3].inputs.c.d");
}

TEST(a_tree_without_templates_is_not_copied)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value tree, got;
	struct diag d;
	struct template_error err;
	diag_init(&d, &a);
	CHECK_INT(json_parse(&a, STR("{\"a\": [1, {\"b\": \"c\"}]}"), JSON_DEFAULT, &tree, NULL),
		  0);
	const struct template *made = template_compile(&a, &tree, "", &d);
	CHECK(made && template_is_constant(made));
	size_t before = a.used_bytes;
	CHECK_INT(template_resolve(made, &(struct cel_env){0}, &a, &got, &err), 0);
	CHECK(got.members == tree.members);
	CHECK_INT(a.used_bytes, before);
}

static void note(void *ctx, const char *place, const struct cel_ref *ref)
{
	struct buf *out = ctx;
	buf_printf(out, "%s=", place);
	for (size_t i = 0; i < ref->n; i++)
		buf_printf(out, "%s%.*s", i > 0 ? "." : "", STR_ARG(ref->parts[i]));
	buf_printf(out, "@%zu%s;", ref->position, ref->soft ? "?" : "");
}

TEST(references_of_a_tree_are_listed_with_their_places)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value tree;
	struct diag d;
	diag_init(&d, &a);
	CHECK_INT(json_parse(&a,
			     STR("{\"a\": \"{{ x.y }} {{ z }}\", \"b\": [1, \"{{ has(q.r) }}\"]}"),
			     JSON_DEFAULT, &tree, NULL),
		  0);
	const struct template *made = template_compile(&a, &tree, "in", &d);
	CHECK(made && !template_is_constant(made));
	CLEANUP_BUF struct buf got = {0};
	template_refs(made, note, &got);
	CHECK_STR(buf_str(&got), STR("in.a=x.y@3;in.a=z@13;in.b[1]=q.r@7?;"));
}

static bool read_file(const char *path, struct buf *out)
{
	CLEANUP_FILE FILE *f = fopen(path, "rb");
	char chunk[4096];
	size_t n;
	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	return f != NULL;
}

/* One string as data under a root, alone, in text, and as a template where it is no template. */
static bool passes_unchanged(const struct value *naughty)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = value_object(&a, 1), tree = value_array(&a, 3), got;
	struct template_error err;
	struct diag d;
	struct str s = value_text(naughty);
	bool plain = !memmem(s.p, s.n, "{{", 2);
	diag_init(&d, &a);
	value_putz(&a, &roots, "s", *naughty);
	value_push(&a, &tree, value_strz("{{ s }}"));
	value_push(&a, &tree, value_strz("<{{ s }}>"));
	value_push(&a, &tree, plain ? *naughty : value_strz("{{ s + '' }}"));
	const struct template *t = template_compile(&a, &tree, "", &d);
	struct cel_env env = {.roots = &roots};
	if (!t || template_resolve(t, &env, &a, &got, &err) != 0)
		return false;
	struct str around = value_text(&got.items[1]);
	return str_eq(value_text(&got.items[0]), s) && str_eq(value_text(&got.items[2]), s) &&
	       around.n == s.n + 2 && str_eq(str_n(around.p + 1, s.n), s);
}

TEST(every_naughty_string_passes_unchanged)
{
	char path[4096];
	const char *shared = getenv("DROVER_SHARED");
	snprintf(path, sizeof(path), "%s/data/naughty-strings.json", shared ? shared : "../shared");
	CLEANUP_BUF struct buf text = {0};
	CHECK(read_file(path, &text));
	CLEANUP_ARENA struct arena a = {0};
	struct value list;
	CHECK_INT(json_parse(&a, buf_str(&text), JSON_DEFAULT, &list, NULL), 0);
	CHECK(list.n > 400);
	for (uint32_t i = 0; i < list.n; i++)
		if (!passes_unchanged(&list.items[i]))
			tap_fail(t, __FILE__, __LINE__, "string %u: %.*s", i,
				 STR_ARG(value_text(&list.items[i])));
}

TEST(a_request_line_gets_an_answer_line)
{
	static const struct {
		const char *request, *want;
	} rows[] = {
		{"{\"expr\": \"a + 1\", \"roots\": {\"a\": 1}}", "{\"value\":2}"},
		{"{\"expr\": \"1 + 1\"}", "{\"value\":2}"},
		{"{\"expr\": \"'\\u0000\\n'\"}",
		 "{\"error\":{\"message\":\"a string over several lines needs triple quotes\","
		 "\"position\":0}}"},
		{"{\"expr\": \"a.b\", \"roots\": {\"a\": {}}}",
		 "{\"error\":{\"message\":\"a.b: no such key 'b'\",\"position\":2}}"},
		{"{\"expr\": \"1 +\"}",
		 "{\"error\":{\"message\":\"expected an expression but found the end\","
		 "\"position\":3}}"},
		{"{\"template\": {\"m\": \"<{{ a }}>\"}, \"roots\": {\"a\": 1}}",
		 "{\"value\":{\"m\":\"<1>\"}}"},
		{"{\"template\": \"{{ b }}\"}",
		 "{\"error\":{\"message\":\"b: no such variable 'b'\",\"position\":3,"
		 "\"place\":\"\"}}"},
		{"{}", "{\"error\":{\"message\":\"the request needs 'expr', a string, or "
		       "'template'\",\"position\":0}}"},
		{"{\"expr\": 1}",
		 "{\"error\":{\"message\":\"the request needs 'expr', a string, or "
		 "'template'\",\"position\":0}}"},
		{"{\"expr\": \"1\", \"roots\": []}",
		 "{\"error\":{\"message\":\"'roots' must be an object\",\"position\":0}}"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_BUF struct buf got = {0};
		eval_line(&got, str_of(rows[i].request), NULL);
		CHECK_STR(buf_str(&got), str_of(rows[i].want));
	}
	CLEANUP_BUF struct buf got = {0};
	CHECK(!eval_line(&got, STR("nonsense"), NULL));
	CHECK(str_starts(buf_str(&got),
			 STR("{\"error\":{\"message\":\"the request is not JSON: ")));
}

TAP_MAIN(RUN(a_string_that_is_one_template_keeps_the_type), RUN(templates_in_text_become_text),
	 RUN(text_without_templates_and_escapes_stay_as_they_are),
	 RUN(what_an_expression_gave_is_never_expanded_again),
	 RUN(an_error_names_the_place_the_path_and_the_position),
	 RUN(all_errors_of_a_tree_are_found_at_once), RUN(a_tree_without_templates_is_not_copied),
	 RUN(references_of_a_tree_are_listed_with_their_places),
	 RUN(every_naughty_string_passes_unchanged), RUN(a_request_line_gets_an_answer_line))
