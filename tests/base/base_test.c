#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/id.h"
#include "base/map.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "tap.h"

TEST(arena_grows_in_place_and_counts_its_budget)
{
	CLEANUP_ARENA struct arena a;
	arena_init(&a, 1000);
	char *p = arena_alloc(&a, 16);
	CHECK(arena_grow(&a, p, 16, 64) == p);
	CHECK(!arena_over(&a));
	arena_alloc(&a, 5000);
	CHECK(arena_over(&a));
	arena_reset(&a);
	CHECK(!arena_over(&a));
}

TEST(map_keeps_a_thousand_keys_and_forgets_the_removed)
{
	CLEANUP_MAP struct map m = {0};
	static int marks[1000];
	char key[32];
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		CHECK(map_put(&m, str_of(key), &marks[i]) == NULL);
	}
	for (int i = 0; i < 1000; i += 2) {
		snprintf(key, sizeof(key), "key-%d", i);
		CHECK(map_remove(&m, str_of(key)) == &marks[i]);
	}
	CHECK_INT(m.n, 500);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		CHECK(map_get(&m, str_of(key)) == (i % 2 ? &marks[i] : NULL));
	}
	size_t at = 0, n = 0;
	void *p;
	while (map_next(&m, &at, NULL, &p))
		n++;
	CHECK_INT(n, 500);
	for (int round = 0; round < 10000; round++) {
		CHECK(map_put(&m, STR("again"), &marks[0]) == NULL);
		CHECK(map_remove(&m, STR("again")) == &marks[0]);
	}
	CHECK(m.cap <= 4096);
}

TEST(ids_are_valid_uuid_v7_and_strictly_increasing)
{
	struct id_gen g;
	id_gen_init(&g, 7);
	char last[ID_TEXT_BYTES] = "", id[ID_TEXT_BYTES];
	for (int i = 0; i < 20000; i++) {
		id_make(&g, 1764000000000 + i / 10000, id);
		CHECK(id_valid(str_of(id)));
		CHECK(id[14] == '7');
		CHECK(strcmp(last, id) < 0);
		strcpy(last, id);
	}
}

TEST(times_read_back_what_they_write)
{
	static const char *const good[] = {"2026-11-24T16:56:37.611Z", "1970-01-01T00:00:00.000Z",
					   "2000-02-29T23:59:59.999Z", "1969-12-31T23:59:59.001Z"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t ms;
		char text[TIMEFMT_RFC3339_BYTES];
		CHECK_INT(timefmt_rfc3339_parse(str_of(good[i]), &ms, NULL), 0);
		timefmt_rfc3339(text, ms);
		CHECK_Z(text, good[i]);
	}
	static const char *const bad[] = {"2026-02-29T00:00:00Z",  "2026-11-24",
					  "2026-11-24T24:00:00Z",  "2026-11-24T10:00:00",
					  "2026-11-24T10:00:00.Z", ""};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(timefmt_rfc3339_parse(str_of(bad[i]), &(int64_t){0}, NULL), -EINVAL);
}

TEST(durations_and_sizes_read_as_the_contract_writes_them)
{
	struct {
		const char *text;
		int64_t want;
	} d[] = {{"10ms", 10},	     {"1s", 1000},   {"5m", 300000}, {"24h", 86400000},
		 {"1h30m", 5400000}, {"1.5s", 1500}, {"0s", 0}};
	for (size_t i = 0; i < ARRAY_LEN(d); i++) {
		int64_t ms;
		CHECK_INT(timefmt_duration_parse(str_of(d[i].text), &ms), 0);
		CHECK_INT(ms, d[i].want);
	}
	int64_t v;
	CHECK_INT(timefmt_duration_parse(STR("5"), &v), -EINVAL);
	CHECK_INT(timefmt_duration_parse(STR(""), &v), -EINVAL);
	CHECK_INT(timefmt_duration_parse(STR("-1s"), &v), -EINVAL);
	CHECK_INT(timefmt_duration_parse(STR("99999999999999999999h"), &v), -ERANGE);
	CHECK_INT(timefmt_size_parse(STR("64Mi"), &v), 0);
	CHECK_INT(v, 64 << 20);
	CHECK_INT(timefmt_size_parse(STR("12"), &v), 0);
	CHECK_INT(v, 12);
	CHECK_INT(timefmt_size_parse(STR("12Q"), &v), -EINVAL);
	CLEANUP_BUF struct buf b = {0};
	timefmt_duration(&b, 5400250);
	CHECK_STR(buf_str(&b), STR("1h30m250ms"));
}

TEST(utf8_refuses_what_rfc_3629_refuses)
{
	CHECK(utf8_valid(STR("plain")));
	CHECK(utf8_valid(STR("\xe2\x98\x83 \xf0\x9d\x84\x9e")));
	CHECK(!utf8_valid(STR("\xc0\xaf")));
	CHECK(!utf8_valid(STR("\xed\xa0\x80")));
	CHECK(!utf8_valid(STR("\xf4\x90\x80\x80")));
	CHECK(!utf8_valid(STR("\xe2\x98")));
	CHECK_INT(utf8_valid_prefix(STR("ab\xff")), 2);
}

TEST(terminal_text_is_inert)
{
	CLEANUP_BUF struct buf b = {0};
	escape_terminal(&b, STR("\x1b[31mred\x07 \xe2\x80\xaetxt\xff"));
	CHECK_STR(buf_str(&b), STR("\\x1b[31mred\\x07 \\u{202e}txt\\xff"));
}

TAP_MAIN(RUN(arena_grows_in_place_and_counts_its_budget),
	 RUN(map_keeps_a_thousand_keys_and_forgets_the_removed),
	 RUN(ids_are_valid_uuid_v7_and_strictly_increasing), RUN(times_read_back_what_they_write),
	 RUN(durations_and_sizes_read_as_the_contract_writes_them),
	 RUN(utf8_refuses_what_rfc_3629_refuses), RUN(terminal_text_is_inert))
