#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/write.h"
#include "tap.h"

static bool read_file(const char *path, struct buf *out)
{
	CLEANUP_FILE FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	return true;
}

TEST(every_case_of_the_parsing_suite_is_judged_as_the_rfc_says)
{
	char dir_path[4096];
	const char *shared = getenv("DROVER_SHARED");
	snprintf(dir_path, sizeof(dir_path), "%s/data/json-parsing", shared ? shared : "../shared");
	CLEANUP_DIR DIR *dir = opendir(dir_path);
	CHECK(dir);
	int n = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		char path[8192];
		snprintf(path, sizeof(path), "%s/%s", dir_path, e->d_name);
		CLEANUP_BUF struct buf text = {0};
		CHECK(read_file(path, &text));
		CLEANUP_ARENA struct arena a = {0};
		struct value v;
		struct json_error err = {0};
		int r = json_parse(&a, buf_str(&text), JSON_DEFAULT, &v, &err);
		if ((e->d_name[0] == 'y' && r != 0) || (e->d_name[0] == 'n' && r == 0)) {
			tap_fail(t, __FILE__, __LINE__, "%s: r=%d %s", e->d_name, r, err.message);
			return;
		}
		if (r == 0) { /* what is accepted survives a round trip */
			CLEANUP_BUF struct buf again = {0};
			json_write(&again, &v);
			struct value v2;
			CHECK_INT(json_parse(&a, buf_str(&again), 0, &v2, NULL), 0);
			CHECK(value_equal(&v, &v2));
		}
		n++;
	}
	CHECK(n > 300);
}

static struct value parse(struct arena *a, const char *text)
{
	struct value v = value_null();
	json_parse(a, str_of(text), 0, &v, NULL);
	return v;
}

TEST(numbers_keep_their_spelling_and_compare_by_value)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf b = {0};
	struct value v =
		parse(&a, "[1.0,1e2,18446744073709551615,123456789012345678901234567890,-0]");
	json_write(&b, &v);
	CHECK_STR(buf_str(&b),
		  STR("[1.0,1e2,18446744073709551615,123456789012345678901234567890,-0]"));
	struct value one = value_int(1), big = parse(&a, "9007199254740993"),
		     rounded = value_double(9007199254740992.0);
	CHECK(value_equal(&v.items[0], &one));
	CHECK_INT(value_number_cmp(&big, &rounded), 1);
	buf_clear(&b);
	json_write_canonical(&b, &v.items[1]);
	CHECK_STR(buf_str(&b), STR("100"));
}

TEST(objects_find_their_members_at_any_size)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value o = value_object(&a, 0);
	char keys[500][8];
	for (int i = 0; i < 500; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		value_putz(&a, &o, keys[i], value_int(i));
	}
	value_putz(&a, &o, "k7", value_int(-7));
	CHECK_INT(o.n, 500);
	CHECK_INT(value_getz(&o, "k7")->i, -7);
	CHECK_INT(value_getz(&o, "k499")->i, 499);
	CHECK(value_getz(&o, "k500") == NULL);
	struct value copy = value_copy(&a, &o);
	CHECK(value_equal(&o, &copy));
}

TEST(a_duplicate_key_is_refused_where_asked_with_its_place)
{
	CLEANUP_ARENA struct arena a = {0};
	struct json_error e;
	struct value v;
	CHECK_INT(json_parse(&a, STR("{\"a\":1,\n \"a\":2}"), JSON_UNIQUE_KEYS, &v, &e),
		  JSON_ERROR_DUPLICATE);
	CHECK_INT(e.line, 2);
	CHECK_INT(e.column, 2);
	CHECK_INT(json_parse(&a, STR("{\"a\":1,\"a\":2}"), 0, &v, &e), 0);
	CHECK_INT(value_getz(&v, "a")->i, 2);
}

TEST(the_writer_minds_the_commas)
{
	CLEANUP_BUF struct buf b = {0};
	struct json_out o = json_out_to(&b);
	json_out_object(&o);
	json_out_key(&o, "a");
	json_out_array(&o);
	json_out_int(&o, 1);
	json_out_strz(&o, "x\x1b");
	json_out_object(&o);
	json_out_end(&o);
	json_out_end(&o);
	json_out_key(&o, "t");
	json_out_time(&o, 1000);
	json_out_key(&o, "n");
	json_out_raw(&o, STR(""));
	json_out_end(&o);
	CHECK_STR(buf_str(&b),
		  STR("{\"a\":[1,\"x\\u001b\",{}],\"t\":\"1970-01-01T00:00:01.000Z\",\"n\":null}"));
}

TEST(an_error_names_its_place_and_the_mend)
{
	static const struct {
		const char *text;
		int code, line, column;
		const char *message;
	} cases[] = {
		{"", JSON_ERROR_SYNTAX, 1, 1, "ends where a value should stand"},
		{"{\"a\":1,\n  }", JSON_ERROR_SYNTAX, 2, 3, "expected a key in double quotes"},
		{"[1,\n 2\n 3]", JSON_ERROR_SYNTAX, 3, 2, "expected ',' or ']'"},
		{"{\"a\" 1}", JSON_ERROR_SYNTAX, 1, 6, "expected ':'"},
		{"{\"a\":1 \"b\"}", JSON_ERROR_SYNTAX, 1, 8, "expected ',' or '}'"},
		{"[01]", JSON_ERROR_SYNTAX, 1, 2, "can't begin with 0"},
		{"1.", JSON_ERROR_SYNTAX, 1, 3, "digit after the point"},
		{"1e+", JSON_ERROR_SYNTAX, 1, 4, "digit in its exponent"},
		{"-", JSON_ERROR_SYNTAX, 1, 2, "needs a digit"},
		{"1e999", JSON_ERROR_SYNTAX, 1, 1, "too large"},
		{"nul", JSON_ERROR_SYNTAX, 1, 1, "expected a value"},
		{"[1]x", JSON_ERROR_SYNTAX, 1, 4, "after the end"},
		{"\"abcdefghijk\nx\"", JSON_ERROR_SYNTAX, 1, 13, "control character"},
		{"\"abcdefghijkl", JSON_ERROR_SYNTAX, 1, 14, "not closed"},
		{"\"\\q\"", JSON_ERROR_SYNTAX, 1, 2, "unknown escape"},
		{"\"\\u12g4\"", JSON_ERROR_SYNTAX, 1, 4, "four hexadecimal digits"},
		{"\"\\ud800\"", JSON_ERROR_SYNTAX, 1, 2, "without its low one"},
		{"\"\\udc00\"", JSON_ERROR_SYNTAX, 1, 2, "without the high one"},
		{"\"abcdefgh\xff\"", JSON_ERROR_SYNTAX, 1, 10, "not valid UTF-8"},
		{"\"\xed\xa0\x80\"", JSON_ERROR_SYNTAX, 1, 2, "not valid UTF-8"},
		{"\xef\xbb\xbf{}", JSON_ERROR_SYNTAX, 1, 1, "expected a value"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = {0};
		struct value v;
		struct json_error e = {0};
		int r = json_parse(&a, str_of(cases[i].text), 0, &v, &e);
		if (r != cases[i].code || e.line != cases[i].line || e.column != cases[i].column ||
		    !strstr(e.message, cases[i].message))
			tap_fail(t, __FILE__, __LINE__, "%s: %d at %d:%d: %s", cases[i].text, r,
				 e.line, e.column, e.message);
	}
}

TEST(nesting_is_allowed_to_its_limit_and_no_further)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf b = {0};
	struct value v;
	struct json_error e;
	for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
		buf_putc(&b, '[');
	for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
		buf_putc(&b, ']');
	CHECK_INT(json_parse(&a, buf_str(&b), 0, &v, &e), 0);
	buf_clear(&b);
	for (int i = 0; i <= LIMIT_JSON_DEPTH; i++)
		buf_puts(&b, "{\"a\":");
	CHECK_INT(json_parse(&a, buf_str(&b), 0, &v, &e), JSON_ERROR_DEPTH);
}

TEST(a_document_stays_within_the_budget_of_its_arena)
{
	CLEANUP_BUF struct buf b = {0};
	struct value v;
	buf_putc(&b, '[');
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "0,");
	buf_puts(&b, "0]");
	CLEANUP_ARENA struct arena small = {0}, large = {0};
	arena_init(&small, 1 << 20);
	CHECK_INT(json_parse(&small, buf_str(&b), 0, &v, NULL), JSON_ERROR_BUDGET);
	CHECK(small.used_bytes < 2 << 20);
	arena_init(&large, 16 << 20);
	CHECK_INT(json_parse(&large, buf_str(&b), 0, &v, NULL), 0);
	CHECK_INT(v.n, 100001);
}

TEST(what_was_parsed_can_be_added_to_at_any_size)
{
	for (int n = 0; n < 70; n++) {
		CLEANUP_ARENA struct arena a = {0};
		CLEANUP_BUF struct buf array = {0};
		CLEANUP_BUF struct buf object = {0};
		buf_putc(&array, '[');
		buf_putc(&object, '{');
		for (int i = 0; i < n; i++) {
			buf_printf(&array, "%s%d", i ? "," : "", i);
			buf_printf(&object, "%s\"k%d\":%d", i ? "," : "", i, i);
		}
		buf_putc(&array, ']');
		buf_putc(&object, '}');
		struct value va, vo;
		CHECK_INT(json_parse(&a, buf_str(&array), 0, &va, NULL), 0);
		CHECK_INT(json_parse(&a, buf_str(&object), JSON_BORROW, &vo, NULL), 0);
		for (int i = n; i < n + 40; i++) {
			value_push(&a, &va, value_int(i));
			value_put(&a, &vo, str_of(arena_printf(&a, "k%d", i)), value_int(i));
		}
		CHECK_INT(va.n, n + 40);
		CHECK_INT(vo.n, n + 40);
		for (int i = 0; i < n + 40; i++) {
			CHECK_INT(va.items[i].i, i);
			CHECK_INT(value_getz(&vo, arena_printf(&a, "k%d", i))->i, i);
		}
	}
}

TEST(of_duplicate_keys_the_last_counts_in_small_and_large_objects)
{
	for (int n = 2; n < 60; n += 7) {
		CLEANUP_ARENA struct arena a = {0};
		CLEANUP_BUF struct buf b = {0};
		buf_putc(&b, '{');
		for (int i = 0; i < n; i++)
			buf_printf(&b, "\"k%d\":%d,\n", i, i);
		buf_puts(&b, "\"k1\":true}");
		struct value v;
		struct json_error e;
		CHECK_INT(json_parse(&a, buf_str(&b), 0, &v, NULL), 0);
		CHECK_INT(v.n, n);
		CHECK(value_is(value_getz(&v, "k1"), VALUE_BOOL));
		CHECK_STR(v.members[1].key, STR("k1"));
		CHECK_INT(json_parse(&a, buf_str(&b), JSON_UNIQUE_KEYS, &v, &e),
			  JSON_ERROR_DUPLICATE);
		CHECK_INT(e.line, n + 1);
		CHECK_INT(e.column, 1);
	}
}

TEST(strings_keep_every_byte)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf b = {0};
	/* every character at every place of the eight that are looked at together */
	for (int c = 1; c < 0x180; c++) {
		for (size_t at = 0; at < 18; at++) {
			char text[32];
			memset(text, 'x', sizeof(text));
			size_t n = utf8_encode((uint32_t)c, text + at) + 17;
			struct value s = value_str(str_n(text, n)), v;
			buf_clear(&b);
			json_write(&b, &s);
			CHECK_INT(json_parse(&a, buf_str(&b), at & 1 ? JSON_BORROW : 0, &v, NULL),
				  0);
			CHECK_STR(value_text(&v), str_n(text, n));
			for (size_t i = 0; i < b.n; i++) /* inert on a terminal */
				CHECK((unsigned char)b.p[i] >= 0x20 && b.p[i] != 0x7f);
		}
		arena_reset(&a);
	}
	struct value nul = parse(&a, "\"a\\u0000b\\/\\ud83d\\udca9\"");
	CHECK_STR(value_text(&nul), str_n("a\0b/\xf0\x9f\x92\xa9", 8));
	buf_clear(&b);
	struct value invalid = value_str(STR("a\xff\xc2z\xc2\x85"));
	json_write(&b, &invalid);
	CHECK_STR(buf_str(&b), STR("\"a\xef\xbf\xbd\xef\xbf\xbdz\\u0085\""));
}

TEST(doubles_are_written_in_their_shortest_form)
{
	static const struct {
		double d;
		const char *text;
	} cases[] = {
		{0.1, "0.1"},
		{-0.5, "-0.5"},
		{1.5, "1.5"},
		{100, "100.0"},
		{-0.0, "-0.0"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"},
		{2.0 / 3, "0.6666666666666666"},
		{123456.789, "123456.789"},
		{1e21, "1e+21"},
		{1e-7, "1e-07"},
		{5e-324, "5e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{0.0001, "0.0001"},
		{0.00012, "0.00012"},
		{999999999999999.0, "999999999999999.0"},
		{99999999999999.5, "99999999999999.5"},
		{4.35, "4.35"},
		{1e15, "1e+15"},
		{1234567890123456.0, "1234567890123456.0"},
		{12345678901234568.0, "12345678901234568.0"},
		{0.000123456789012345, "0.000123456789012345"},
		{3.0000000000000004, "3.0000000000000004"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf b = {0};
		struct value v = value_double(cases[i].d);
		json_write(&b, &v);
		CHECK_STR(buf_str(&b), str_of(cases[i].text));
	}
}

TEST(doubles_are_read_to_the_nearest_and_written_back)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf b = {0};
	struct rng r;
	rng_seed(&r, 7);
	for (int i = 0; i < 20000; i++) {
		double d;
		uint64_t bits = rng_next(&r);
		memcpy(&d, &bits, sizeof(d));
		if (i % 2)
			d = (double)(int64_t)(bits >> 20) / (double)(1 + bits % 1000000);
		if (!(d - d == 0))
			continue;
		struct value v = value_double(d), read;
		buf_clear(&b);
		json_write(&b, &v);
		CHECK_INT(json_parse(&a, buf_str(&b), 0, &read, NULL), 0);
		CHECK(read.kind == VALUE_DOUBLE && read.d == d);
		char text[32];
		snprintf(text, sizeof(text), "%.*e", (int)(bits % 16), d);
		struct value other = parse(&a, text);
		CHECK(other.d == strtod(text, NULL));
		arena_reset(&a);
	}
}

TEST(equal_values_hash_alike_and_compare_alike)
{
	CLEANUP_ARENA struct arena a = {0};
	/* each row equal within, different from the others; ascending numbers first */
	static const char *const rows[][4] = {
		{"-1e30", "-1000000000000000000000000000000", "-1.000e30", "-10e29"},
		{"-9223372036854775809", "-9223372036854775809.0", "-92233720368547758090e-1", 0},
		{"-9223372036854775808", "-9223372036854775808.0", "-9223372036854775808.00", 0},
		{"-1", "-1.0", "-10e-1", "-1.0000000000000000000000000"},
		{"0", "-0", "0.0", "-0e5"},
		{"0.1", "1e-1", "0.100000000000000000000", "0.1000000000000000000000000000e0"},
		{"0.10000000000000000000001", "10000000000000000000001e-23", 0, 0},
		{"1", "1.0", "1e0", "1000000000000000000000000e-24"},
		{"9007199254740992", "9007199254740992.0", "9.007199254740992e15", 0},
		{"9007199254740993", "9007199254740993.0", "9.007199254740993e15", 0},
		{"9223372036854775807", "9223372036854775807.0", "9223372036854775807e0", 0},
		{"9223372036854775808", "9223372036854775808.0", "9.223372036854775808e18", 0},
		{"18446744073709551615", "18446744073709551615.0", "1.8446744073709551615e19", 0},
		{"18446744073709551616", "18446744073709551616.0", "1.8446744073709551616e19", 0},
		{"123456789012345678901234567890", "1.2345678901234567890123456789e29", 0, 0},
		{"123456789012345678901234567891", 0, 0, 0},
		{"1e300", "10e299", "1.0000000000000000000000000000e300", 0},
		{"true", 0, 0, 0},
		{"\"1\"", 0, 0, 0},
		{"[1,{\"a\":2,\"b\":0.5}]", "[1.0,{\"b\":5e-1,\"a\":2}]", 0, 0},
		{"[1,{\"a\":0.5,\"b\":2}]", 0, 0, 0},
	};
	enum { N_NUMBERS = 17, N = ARRAY_LEN(rows) };
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < N; j++) {
			for (int k = 0; k < 16; k++) {
				const char *tx = rows[i][k / 4], *ty = rows[j][k % 4];
				if (!tx || !ty)
					continue;
				struct value x = parse(&a, tx), y = parse(&a, ty);
				if (value_equal(&x, &y) != (i == j) ||
				    (i == j && value_hash(&x) != value_hash(&y)))
					tap_fail(t, __FILE__, __LINE__, "%s and %s", tx, ty);
				CLEANUP_BUF struct buf cx = {0};
				CLEANUP_BUF struct buf cy = {0};
				json_write_canonical(&cx, &x);
				json_write_canonical(&cy, &y);
				if (str_eq(buf_str(&cx), buf_str(&cy)) != (i == j))
					tap_fail(t, __FILE__, __LINE__, "%s: %s, %s: %s", tx, cx.p,
						 ty, cy.p);
				int want = i < j ? -1 : i > j;
				if (i < N_NUMBERS && j < N_NUMBERS &&
				    value_number_cmp(&x, &y) != want)
					tap_fail(t, __FILE__, __LINE__, "cmp %s and %s", tx, ty);
			}
		}
	}
	struct value exact = value_double(9223372036854777856.0),
		     integer = value_uint(9223372036854777856u);
	CHECK(value_equal(&exact, &integer));
	CHECK(value_hash(&exact) == value_hash(&integer));
}

TEST(a_canonical_text_is_one_for_equal_values)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf x = {0};
	CLEANUP_BUF struct buf y = {0};
	struct value v = parse(&a, "{\"b\":[1.0,2.50,-0],\"a\":{\"z\":1e2,\"\":null}}");
	struct value w = parse(&a, "{\"a\":{\"\":null,\"z\":100},\"b\":[1,2.5,0]}");
	json_write_canonical(&x, &v);
	json_write_canonical(&y, &w);
	CHECK_STR(buf_str(&x), STR("{\"a\":{\"\":null,\"z\":100},\"b\":[1,2.5,0]}"));
	CHECK_STR(buf_str(&y), buf_str(&x));
}

TEST(pretty_text_is_for_people)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf b = {0};
	struct value v = parse(&a, "{\"a\":[1,{}],\"b\":[]}");
	json_write_pretty(&b, &v);
	CHECK_STR(buf_str(&b), STR("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"));
}

TAP_MAIN(RUN(every_case_of_the_parsing_suite_is_judged_as_the_rfc_says),
	 RUN(numbers_keep_their_spelling_and_compare_by_value),
	 RUN(objects_find_their_members_at_any_size),
	 RUN(a_duplicate_key_is_refused_where_asked_with_its_place),
	 RUN(the_writer_minds_the_commas), RUN(an_error_names_its_place_and_the_mend),
	 RUN(nesting_is_allowed_to_its_limit_and_no_further),
	 RUN(a_document_stays_within_the_budget_of_its_arena),
	 RUN(what_was_parsed_can_be_added_to_at_any_size),
	 RUN(of_duplicate_keys_the_last_counts_in_small_and_large_objects),
	 RUN(strings_keep_every_byte), RUN(doubles_are_written_in_their_shortest_form),
	 RUN(doubles_are_read_to_the_nearest_and_written_back),
	 RUN(equal_values_hash_alike_and_compare_alike),
	 RUN(a_canonical_text_is_one_for_equal_values), RUN(pretty_text_is_for_people))
