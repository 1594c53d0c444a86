#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
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
	struct value v = parse(&a, "[1.0,1e2,18446744073709551615,123456789012345678901234567890,-0]");
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

TAP_MAIN(RUN(every_case_of_the_parsing_suite_is_judged_as_the_rfc_says),
	 RUN(numbers_keep_their_spelling_and_compare_by_value),
	 RUN(objects_find_their_members_at_any_size),
	 RUN(a_duplicate_key_is_refused_where_asked_with_its_place),
	 RUN(the_writer_minds_the_commas))
