#include "text/yaml.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/limits.h"
#include "json/parse.h"
#include "json/write.h"
#include "tap.h"

struct loaded {
	struct arena arena;
	struct diag diag;
	struct value value;
	struct yaml_places *places;
	int r;
};

static void loaded_free(struct loaded *l)
{
	arena_free(&l->arena);
}

static void load(struct loaded *l, struct str text)
{
	diag_init(&l->diag, &l->arena);
	l->r = yaml_parse(&l->arena, text, &l->diag, &l->value, &l->places);
}

#define LOADED CLEANUP(loaded_free) struct loaded

/* The text must load as this JSON. */
static void loads_as(struct tap *t, const char *text, const char *json)
{
	LOADED l = {0};
	load(&l, str_of(text));
	CLEANUP_BUF struct buf got = {0};
	if (l.r == 0)
		json_write(&got, &l.value);
	else
		buf_printf(&got, "refused: %s", l.diag.n ? l.diag.findings[0].message : "?");
	if (!str_eqz(buf_str(&got), json))
		tap_fail(t, __FILE__, __LINE__, "%s: got %s, want %s", text, got.p, json);
}

/* The text must be refused by a finding at this place whose message holds these words. */
static void refused_at(struct tap *t, struct str text, int line, int column, const char *words)
{
	LOADED l = {0};
	load(&l, text);
	if (l.r != YAML_REFUSED || l.diag.n == 0) {
		tap_fail(t, __FILE__, __LINE__, "not refused: %.*s", STR_ARG(text));
		return;
	}
	const struct diag_finding *f = &l.diag.findings[0];
	if (f->line != line || f->column != column || !strstr(f->message, words))
		tap_fail(t, __FILE__, __LINE__, "got %d:%d %s, want %d:%d %s", f->line, f->column,
			 f->message, line, column, words);
}

TEST(plain_scalars_mean_what_the_core_schema_says)
{
	static const char *const cases[][2] = {
		{"null", "null"},
		{"~", "null"},
		{"NULL", "null"},
		{"---", "null"},
		{"nULL", "\"nULL\""},
		{"true", "true"},
		{"FALSE", "false"},
		{"yes", "\"yes\""},
		{"No", "\"No\""},
		{"on", "\"on\""},
		{"off", "\"off\""},
		{"y", "\"y\""},
		{"0", "0"},
		{"-0", "-0"},
		{"+12", "12"},
		{"007", "7"},
		{"0o17", "15"},
		{"0x1fF", "511"},
		{"0xffffffffffffffff", "18446744073709551615"},
		{"0o8", "\"0o8\""},
		{"0b1", "\"0b1\""},
		{"-0x1", "\"-0x1\""},
		{"1_000", "\"1_000\""},
		{"12:30:45", "\"12:30:45\""},
		{"2024-01-02", "\"2024-01-02\""},
		{"1.5", "1.5"},
		{".5", "0.5"},
		{"-.5e3", "-0.5e3"},
		{"1.", "1.0"},
		{"1e3", "1e3"},
		{"1.e+3", "1.0e+3"},
		{"1.2.3", "\"1.2.3\""},
		{".", "\".\""},
		{"+", "\"+\""},
		{"1e", "\"1e\""},
		{"9223372036854775808", "9223372036854775808"},
		{"123456789012345678901234567890", "123456789012345678901234567890"},
		{"'1'", "\"1\""},
		{"\"true\"", "\"true\""},
		{"''", "\"\""},
		{"!!str 1", "\"1\""},
		{"! 1", "\"1\""},
		{"!!int '7'", "7"},
		{"!!float 1", "1"},
		{"!!null ''", "null"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		loads_as(t, cases[i][0], cases[i][1]);
}

TEST(documents_keep_their_shape)
{
	loads_as(t, "a: 1 # one\nb:\n  - x\n  - {c: [1, 2]}\nd:\n",
		 "{\"a\":1,\"b\":[\"x\",{\"c\":[1,2]}],\"d\":null}");
	loads_as(t, "%YAML 1.2\n---\na: |\n  one\n  two\nb: >-\n  three\n  four\n",
		 "{\"a\":\"one\\ntwo\\n\",\"b\":\"three four\"}");
	loads_as(t, "{\"a\":[1,2.50,\"\\u00e9\\/\"],\"b\":{}}",
		 "{\"a\":[1,2.50,\"\xc3\xa9/\"],\"b\":{}}");
	loads_as(t, "1: a\n2.0: b\n'': c\n", "{\"1\":\"a\",\"2.0\":\"b\",\"\":\"c\"}");
	loads_as(t, "on: 1\nyes: 2\n", "{\"on\":1,\"yes\":2}");
	loads_as(t,
		 "\xef\xbb\xbf"
		 "a: b\n",
		 "{\"a\":\"b\"}");
	loads_as(t, "a: b\n...\n", "{\"a\":\"b\"}");
	loads_as(t, "'<<': 1\n", "{\"<<\":1}");
	loads_as(t, "when: \"{{ nodes.scan.output.n > 0 }}\"\n",
		 "{\"when\":\"{{ nodes.scan.output.n > 0 }}\"}");
}

TEST(what_has_no_one_meaning_is_refused_with_its_place)
{
	refused_at(t, STR("a: &x 1\nb: *x\n"), 1, 4, "anchor");
	refused_at(t, STR("b: *x\n"), 1, 4, "alias");
	refused_at(t, STR("*x : 1\n"), 1, 1, "alias");
	refused_at(t, STR("a:\n  <<: {b: 1}\n"), 2, 3, "merge");
	refused_at(t, STR("a: !secret x\n"), 1, 4, "tag");
	refused_at(t, STR("a: !!python/object x\n"), 1, 4, "tag");
	refused_at(t, STR("a: !!binary aGk=\n"), 1, 4, "tag");
	refused_at(t, STR("a: !!int x\n"), 1, 4, "tag");
	refused_at(t, STR("a: !!map [1]\n"), 1, 4, "tag");
	refused_at(t, STR("a: !!set {b}\n"), 1, 4, "tag");
	refused_at(t, STR("!!str a: 1\n"), 1, 1, "tag");
	refused_at(t, STR("x:\n  a: 1\n  b: 2\n  a: 3\n"), 4, 3, "twice");
	refused_at(t, STR("{a: 1, \"a\": 2}"), 1, 8, "twice");
	refused_at(t, STR("x: .inf\n"), 1, 4, ".inf");
	refused_at(t, STR("x: -.INF\n"), 1, 4, "quotes");
	refused_at(t, STR("x: .nan\n"), 1, 4, "quotes");
	refused_at(t, STR("x: 1e999\n"), 1, 4, "too large");
	refused_at(t, STR("x: 0x10000000000000000\n"), 1, 4, "too large");
	refused_at(t, STR("~: 1\n"), 1, 1, "text");
	refused_at(t, STR("true: 1\n"), 1, 1, "text");
	refused_at(t, STR("null: 1\n"), 1, 1, "text");
	refused_at(t, STR("[a]: 1\n"), 1, 1, "text");
	refused_at(t, STR("? {a: b}\n: 1\n"), 1, 3, "text");
	refused_at(t, STR("a: 1\n---\nb: 2\n"), 2, 1, "second");
	refused_at(t, STR(""), 1, 1, "nothing");
	refused_at(t, STR("# only words\n"), 2, 1, "nothing");
}

TEST(what_is_no_yaml_is_refused_with_its_place)
{
	refused_at(t, STR("a: 1\n b: 2\n"), 2, 3, "not allowed");
	refused_at(t, STR("a: [1, 2\nb: 3\n"), 2, 2, "line 1");
	refused_at(t, STR("a: 'x\n"), 2, 1, "");
	refused_at(t, STR("a:\n\t- x\n"), 2, 1, "");
	refused_at(t, STR("a: \xc3\xa9\xff\n"), 1, 5, "UTF-8");
	refused_at(t, STR("a: b\nc: \xed\xa0\x80\n"), 2, 4, "UTF-8");
	refused_at(t, STR("a: b\nc: \x01\n"), 2, 4, "control");
	refused_at(t, STR("a: b\0c\n"), 1, 5, "control");
	refused_at(t, STR("a: \"x\xc2\x85y\"\n"), 1, 6, "separator");
	refused_at(t, STR("a: \"x\xe2\x80\xa8y\"\n"), 1, 6, "separator");
	refused_at(t,
		   STR("\xff\xfe"
		       "a\0"),
		   1, 1, "UTF-8");
}

TEST(all_findings_are_told_at_once)
{
	LOADED l = {0};
	load(&l, STR("a: &x 1\nb: *x\nc: .nan\na: 2\nd: [.inf, {e: !t 1}]\n"));
	CHECK_INT(l.r, YAML_REFUSED);
	CHECK_INT(l.diag.n, 6);
	CHECK_Z(l.diag.findings[2].path, "c");
	CHECK_Z(l.diag.findings[4].path, "d[0]");
	CHECK_Z(l.diag.findings[5].path, "d[1].e");
	CHECK_INT(l.diag.findings[5].line, 5);
	CHECK_INT(l.diag.findings[5].column, 15);
}

TEST(an_anchor_bomb_is_refused_and_costs_nothing)
{
	CLEANUP_BUF struct buf b = {0};
	buf_puts(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 40; i++) {
		buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_printf(&b, "%s*a%d", k ? "," : "", i - 1);
		buf_puts(&b, "]\n");
	}
	LOADED l = {0};
	load(&l, buf_str(&b));
	CHECK_INT(l.r, YAML_REFUSED);
	CHECK_INT(l.diag.n, LIMIT_DIAG_FINDINGS);
	CHECK(l.diag.n_dropped > 0);
	CHECK(l.arena.used_bytes < 200 << 10);
}

static void nested(struct buf *b, const char *open, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_puts(b, open);
}

TEST(nesting_is_bounded)
{
	static const char *const opens[] = {"[", "{a: ", "- ", "[{a: ", "{? "};
	for (size_t i = 0; i < ARRAY_LEN(opens); i++) {
		CLEANUP_BUF struct buf b = {0};
		nested(&b, opens[i], 10000);
		LOADED l = {0};
		load(&l, buf_str(&b));
		CHECK_INT(l.r, YAML_REFUSED);
		CHECK_INT(l.diag.findings[0].line, 1);
	}
	CLEANUP_BUF struct buf b = {0};
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%*sa:\n", i, "");
	LOADED l = {0};
	load(&l, buf_str(&b));
	CHECK_INT(l.r, YAML_REFUSED);
	CHECK_Z(l.diag.findings[0].message, "nested deeper than 64 levels");
	CHECK_INT(l.diag.findings[0].line, LIMIT_YAML_DEPTH + 1);

	CLEANUP_BUF struct buf fits = {0};
	nested(&fits, "[", LIMIT_YAML_DEPTH);
	nested(&fits, "]", LIMIT_YAML_DEPTH);
	LOADED ok = {0};
	load(&ok, buf_str(&fits));
	CHECK_INT(ok.r, 0);
}

TEST(size_and_memory_are_bounded)
{
	CLEANUP_BUF struct buf b = {0};
	buf_puts(&b, "a: ");
	buf_reserve(&b, LIMIT_YAML_BYTES);
	memset(b.p + b.n, 'x', LIMIT_YAML_BYTES);
	b.n += LIMIT_YAML_BYTES;
	refused_at(t, buf_str(&b), 1, 1, "larger");
	LOADED exact = {0};
	load(&exact, str_n(b.p, LIMIT_YAML_BYTES));
	CHECK_INT(exact.r, 0);

	CLEANUP_BUF struct buf many = {0};
	buf_putc(&many, '[');
	for (int i = 0; i < 200000; i++)
		buf_puts(&many, "1,");
	LOADED l = {0};
	arena_init(&l.arena, 1 << 20);
	load(&l, buf_str(&many));
	CHECK_INT(l.r, YAML_REFUSED);
	CHECK(strstr(l.diag.findings[0].message, "memory"));
	CHECK(l.arena.used_bytes < 8 << 20);
}

static bool shared_file(const char *name, struct buf *out)
{
	char path[4096];
	const char *shared = getenv("DROVER_SHARED");
	snprintf(path, sizeof(path), "%s/data/%s", shared ? shared : "../shared", name);
	CLEANUP_FILE FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	return true;
}

/* JSON's quoting, with what YAML can't hold as it is escaped too. */
static void quote_double(struct buf *out, struct str s)
{
	CLEANUP_BUF struct buf json = {0};
	escape_json(&json, s);
	for (size_t i = 0; i < json.n; i++) {
		if (json.n - i >= 3 && memcmp(json.p + i, "\xe2\x80\xa8", 3) == 0) {
			buf_puts(out, "\\L");
			i += 2;
		} else if (json.n - i >= 3 && memcmp(json.p + i, "\xe2\x80\xa9", 3) == 0) {
			buf_puts(out, "\\P");
			i += 2;
		} else if (json.n - i >= 3 && memcmp(json.p + i, "\xef\xbb\xbf", 3) == 0) {
			buf_puts(out, "\\uFEFF");
			i += 2;
		} else if (json.n - i >= 3 && memcmp(json.p + i, "\xef\xbf\xbe", 3) == 0) {
			buf_puts(out, "\\uFFFE");
			i += 2;
		} else {
			buf_putc(out, json.p[i]);
		}
	}
}

TEST(naughty_strings_come_back_as_they_were)
{
	CLEANUP_BUF struct buf text = {0};
	CHECK(shared_file("naughty-strings.json", &text));
	CLEANUP_ARENA struct arena a = {0};
	struct value list;
	CHECK_INT(json_parse(&a, buf_str(&text), JSON_DEFAULT, &list, NULL), 0);
	CHECK(list.n > 400);
	CLEANUP_BUF struct buf yaml = {0};
	for (uint32_t i = 0; i < list.n; i++) {
		buf_puts(&yaml, "- ");
		quote_double(&yaml, value_text(&list.items[i]));
		buf_putc(&yaml, '\n');
	}
	LOADED l = {0};
	load(&l, buf_str(&yaml));
	if (l.r != 0)
		tap_fail(t, __FILE__, __LINE__, "%d: %s", l.diag.findings[0].line,
			 l.diag.findings[0].message);
	CHECK_INT(l.r, 0);
	CHECK_INT(l.value.n, list.n);
	for (uint32_t i = 0; i < list.n; i++)
		CHECK_STR(value_text(&l.value.items[i]), value_text(&list.items[i]));
	/* and as they are, each is judged without harm */
	for (uint32_t i = 0; i < list.n; i++) {
		LOADED one = {0};
		load(&one, value_text(&list.items[i]));
		CHECK(one.r == 0 || one.diag.n > 0);
	}
}

TEST(every_case_of_the_parsing_suite_ends)
{
	CLEANUP_BUF struct buf path = {0};
	const char *shared = getenv("DROVER_SHARED");
	buf_printf(&path, "%s/data/json-parsing", shared ? shared : "../shared");
	CLEANUP_DIR DIR *dir = opendir(path.p);
	CHECK(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		CLEANUP_BUF struct buf name = {0}, text = {0};
		buf_printf(&name, "json-parsing/%s", e->d_name);
		CHECK(shared_file(name.p, &text));
		LOADED l = {0};
		load(&l, buf_str(&text));
		CHECK(l.r == 0 ||
		      (l.r == YAML_REFUSED && l.diag.n > 0 && l.diag.findings[0].line > 0));
	}
}

static void place_is(struct tap *t, const struct loaded *l, const char *path, int line, int column)
{
	int got_line = 0, got_column = 0;
	CHECK(yaml_place(l->places, path, &got_line, &got_column));
	if (got_line != line || got_column != column)
		tap_fail(t, __FILE__, __LINE__, "%s: got %d:%d, want %d:%d", path, got_line,
			 got_column, line, column);
}

TEST(a_path_finds_its_line_and_column)
{
	LOADED l = {0};
	load(&l, STR("# a workflow\nname: x\nnodes:\n  - id: a\n  - id: \xc3\xa9\n"
		     "    dependsOn: [a, nope]\n    inputs:\n      n: 1\n"));
	CHECK_INT(l.r, 0);
	place_is(t, &l, "", 2, 1);
	place_is(t, &l, "name", 2, 1);
	place_is(t, &l, "nodes", 3, 1);
	place_is(t, &l, "nodes[0]", 4, 5);
	place_is(t, &l, "nodes[1].dependsOn[1]", 6, 20);
	place_is(t, &l, "nodes[1].inputs.n", 8, 7);
	place_is(t, &l, "nodes[1].inputs.missing.far", 7, 5);
	place_is(t, &l, "nodes[1].action", 5, 5);
	place_is(t, &l, "nodes[7].action", 3, 1);
	place_is(t, &l, "elsewhere", 2, 1);
	diag_add(&l.diag, "nodes[1].dependsOn[1]", "unknown");
	diag_add_at(&l.diag, "name", 77, 7, "placed already");
	yaml_place_findings(l.places, &l.diag);
	CHECK_INT(l.diag.findings[0].line, 6);
	CHECK_INT(l.diag.findings[0].column, 20);
	CHECK_INT(l.diag.findings[1].line, 77);
	int line, column;
	CHECK(!yaml_place(NULL, "name", &line, &column));
}

TEST(places_cost_little_however_long_the_paths)
{
	CLEANUP_BUF struct buf b = {0};
	buf_reserve(&b, 1 << 19);
	memset(b.p, 'k', 1 << 19);
	b.n = 1 << 19;
	b.p[0] = '"';
	buf_puts(&b, "\":\n  [");
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "1,");
	buf_putc(&b, ']');
	LOADED l = {0};
	CLEANUP_BUF struct buf doc = {0};
	buf_puts(&doc, "? ");
	buf_put(&doc, b.p, b.n - 100000 * 2 - 6);
	buf_puts(&doc, "\n: [");
	for (int i = 0; i < 100000; i++)
		buf_puts(&doc, "1,");
	buf_putc(&doc, ']');
	load(&l, buf_str(&doc));
	CHECK_INT(l.r, 0);
	CHECK_INT(l.value.members[0].value.n, 100000);
	CHECK(l.arena.used_bytes < 24 << 20);
}

TAP_MAIN(RUN(plain_scalars_mean_what_the_core_schema_says), RUN(documents_keep_their_shape),
	 RUN(what_has_no_one_meaning_is_refused_with_its_place),
	 RUN(what_is_no_yaml_is_refused_with_its_place), RUN(all_findings_are_told_at_once),
	 RUN(an_anchor_bomb_is_refused_and_costs_nothing), RUN(nesting_is_bounded),
	 RUN(size_and_memory_are_bounded), RUN(naughty_strings_come_back_as_they_were),
	 RUN(every_case_of_the_parsing_suite_ends), RUN(a_path_finds_its_line_and_column),
	 RUN(places_cost_little_however_long_the_paths))
