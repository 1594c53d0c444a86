#include "text/zone.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/rng.h"
#include "tap.h"
#include "zone_file.h"

static char bad_zone[256];
static int n_zones;
static struct rng rng;

static int64_t random_time(void)
{
	int64_t years = (int64_t)rng_below(&rng, 200) - 100;
	return years * 31556952 + (int64_t)rng_below(&rng, 31556952);
}

static bool same_as_libc(const struct zone *z, int64_t at)
{
	struct tm tm;
	time_t t = at;
	return !localtime_r(&t, &tm) || tm.tm_gmtoff == zone_offset(z, at);
}

static int compare_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	CLEANUP_ARENA struct arena a = {0};
	const char *name = path + strlen("/usr/share/zoneinfo/");
	(void)st;
	(void)ftw;
	if (flag != FTW_F || strncmp(name, "right/", 6) == 0 || strncmp(name, "posix/", 6) == 0)
		return 0;
	const struct zone *z = zone_file(&a, name);
	if (!z)
		return 0;
	n_zones++;
	zone_libc(name);
	for (int i = 0; i < 100; i++) {
		int64_t at = random_time();
		struct zone_span s = zone_span(z, at);
		bool good = same_as_libc(z, at) && s.start_s <= at && at < s.end_s;
		if (s.start_s != INT64_MIN)
			good = good && s.before_s == zone_offset(z, s.start_s - 1) &&
			       same_as_libc(z, s.start_s) && same_as_libc(z, s.start_s - 1);
		if (s.end_s != INT64_MAX)
			good = good && s.offset_s != zone_offset(z, s.end_s) &&
			       same_as_libc(z, s.end_s - 1);
		if (!good) {
			snprintf(bad_zone, sizeof(bad_zone), "%s at %lld", name, (long long)at);
			return 1;
		}
	}
	return 0;
}

TEST(every_zone_of_the_system_agrees_with_the_c_library)
{
	rng_seed(&rng, 7);
	nftw("/usr/share/zoneinfo", compare_file, 16, FTW_PHYS);
	CHECK_Z(bad_zone, "");
	CHECK(n_zones > 200);
}

TEST(a_footer_holds_after_the_last_change)
{
	struct zone z = {0};
	CHECK(zone_parse_posix(STR("CET-1CEST,M3.5.0,M10.5.0/3"), &z));
	CHECK_INT(zone_offset(&z, 2532988800), 7200); /* 2050-04-08 */
	CHECK_INT(zone_offset(&z, 2524608000), 3600); /* 2050-01-01 */
	CHECK(zone_parse_posix(STR("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"), &z));
	CHECK_INT(zone_offset(&z, 2524608000), 39600);
	CHECK(zone_parse_posix(STR("EST5EDT,0/0,J365/25"), &z)); /* all year */
	CHECK_INT(zone_span(&z, 2524608000).offset_s, -14400);
	CHECK_INT(zone_offset(&z, 2532988800), -14400);
	CHECK(zone_parse_posix(STR("UTC0"), &z));
	CHECK(!z.has_rules);
	static const char *const bad[] = {"",
					  "C-1",
					  "CET",
					  "CET-1CEST",
					  "CET-1CEST,M3.5.0",
					  "CET-1CEST,M13.5.0,M10.5.0",
					  "CET-1CEST,M3.6.0,M10.5.0",
					  "CET-1CEST,M3.5.7,M10.5.0",
					  "CET-1CEST,J0,J365",
					  "CET-1CEST,M3.5.0,M10.5.0x",
					  "<+03-3",
					  "CET-999"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!zone_parse_posix(str_of(bad[i]), &z));
}

TEST(damaged_files_are_refused_or_read_never_worse)
{
	CLEANUP_FILE FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
	CLEANUP_BUF struct buf whole = {0}, b = {0};
	CHECK(f);
	buf_reserve(&whole, 1 << 16);
	whole.n = fread(whole.p, 1, 1 << 16, f);
	rng_seed(&rng, 9);
	for (int i = 0; i < 2000; i++) {
		CLEANUP_ARENA struct arena a = {0};
		buf_free(&b);
		buf_put(&b, whole.p, i % 2 ? whole.n : rng_below(&rng, whole.n));
		if (b.n > 0)
			b.p[rng_below(&rng, b.n)] ^= (char)(1 << rng_below(&rng, 8));
		const struct zone *z = zone_parse(&a, buf_str(&b));
		if (z)
			zone_span(z, random_time());
	}
	CLEANUP_ARENA struct arena a = {0};
	for (size_t n = 0; n < whole.n; n++)
		CHECK(!zone_parse(&a, str_n(whole.p, n)));
}

TEST(names_stay_below_the_folder)
{
	CHECK(zone_name_valid(STR("Europe/Berlin")));
	CHECK(zone_name_valid(STR("America/Argentina/Buenos_Aires")));
	CHECK(zone_name_valid(STR("Etc/GMT+5")));
	static const char *const bad[] = {"",	"/etc/passwd", "../x", "Europe/../x",	 "a//b",
					  "a/", "a b",	       ".x",   "Europe/Ber\nlin"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!zone_name_valid(str_of(bad[i])));
}

TAP_MAIN(RUN(every_zone_of_the_system_agrees_with_the_c_library),
	 RUN(a_footer_holds_after_the_last_change),
	 RUN(damaged_files_are_refused_or_read_never_worse), RUN(names_stay_below_the_folder))
