#include "text/cron.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/timefmt.h"
#include "tap.h"
#include "zone_file.h"

#define BERLIN "Europe/Berlin"
#define NEW_YORK "America/New_York"
#define LORD_HOWE "Australia/Lord_Howe"
#define APIA "Pacific/Apia"

static const struct {
	const char *cron, *zone, *from, *fires[4];
} cases[] = {
	{"* * * * *",
	 "UTC",
	 "2026-01-01T00:00:30Z",
	 {"2026-01-01T00:01:00", "2026-01-01T00:02:00"}},
	{"0 9 * * 1",
	 "UTC",
	 "2026-11-24T16:00:00Z",
	 {"2026-11-30T09:00:00", "2026-12-07T09:00:00"}},
	{"0 9 * * MON-fri", "UTC", "2026-11-27T10:00:00Z", {"2026-11-30T09:00:00"}},
	{"0 9 * * FRI-SUN",
	 "UTC",
	 "2026-11-27T10:00:00Z",
	 {"2026-11-28T09:00:00", "2026-11-29T09:00:00", "2026-12-04T09:00:00"}},
	{"0 0 * * 7", "UTC", "2026-11-24T00:00:00Z", {"2026-11-29T00:00:00"}},
	{"5-10/5,50 1 * * *",
	 "UTC",
	 "2026-01-01T00:00:00Z",
	 {"2026-01-01T01:05:00", "2026-01-01T01:10:00", "2026-01-01T01:50:00",
	  "2026-01-02T01:05:00"}},
	{"10/20 1 * * *",
	 "UTC",
	 "2026-01-01T00:00:00Z",
	 {"2026-01-01T01:10:00", "2026-01-01T01:30:00", "2026-01-01T01:50:00",
	  "2026-01-02T01:10:00"}},
	{" 0\t0  1 JAN ? ", "UTC", "2026-01-01T00:00:00Z", {"2027-01-01T00:00:00"}},
	/* either day field, or both when one begins with a star */
	{"0 0 13 * 5",
	 "UTC",
	 "2026-02-01T00:00:00Z",
	 {"2026-02-06T00:00:00", "2026-02-13T00:00:00", "2026-02-20T00:00:00"}},
	{"0 0 */13 * 5",
	 "UTC",
	 "2026-02-01T00:00:00Z",
	 {"2026-02-27T00:00:00", "2026-03-27T00:00:00", "2026-05-01T00:00:00"}},
	{"0 0 31 2 1",
	 "UTC",
	 "2026-02-01T00:00:00Z",
	 {"2026-02-02T00:00:00", "2026-02-09T00:00:00"}},
	/* months of different lengths */
	{"0 0 31 * *",
	 "UTC",
	 "2026-01-31T00:00:00Z",
	 {"2026-03-31T00:00:00", "2026-05-31T00:00:00"}},
	{"0 0 29 2 *",
	 "UTC",
	 "2026-01-01T00:00:00Z",
	 {"2028-02-29T00:00:00", "2032-02-29T00:00:00"}},
	{"0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", {"2104-02-29T00:00:00"}},
	{"0 0 29 2 */7",
	 "UTC",
	 "2005-01-01T00:00:00Z",
	 {"2032-02-29T00:00:00", "2060-02-29T00:00:00"}},
	{"0 0 L * *",
	 "UTC",
	 "2028-01-31T00:00:00Z",
	 {"2028-02-29T00:00:00", "2028-03-31T00:00:00", "2028-04-30T00:00:00"}},
	{"0 0 1,L 2 *",
	 "UTC",
	 "2026-01-31T00:00:00Z",
	 {"2026-02-01T00:00:00", "2026-02-28T00:00:00", "2027-02-01T00:00:00"}},
	/* short names and intervals */
	{"@hourly", "UTC", "2026-01-01T00:00:00Z", {"2026-01-01T01:00:00"}},
	{"@Daily", BERLIN, "2026-01-01T00:00:00Z", {"2026-01-01T23:00:00"}},
	{"@weekly", "UTC", "2026-11-24T00:00:00Z", {"2026-11-29T00:00:00"}},
	{"@monthly", "UTC", "2026-11-24T00:00:00Z", {"2026-12-01T00:00:00"}},
	{"@yearly", "UTC", "2026-11-24T00:00:00Z", {"2027-01-01T00:00:00"}},
	{"@every 10m",
	 "UTC",
	 "2026-01-01T00:03:00Z",
	 {"2026-01-01T00:13:00", "2026-01-01T00:23:00"}},
	{"@every 1h30m",
	 BERLIN,
	 "2026-03-29T00:00:00Z",
	 {"2026-03-29T01:30:00", "2026-03-29T03:00:00"}},
	/* the skipped hour: fixed times run once, right after it */
	{"30 2 * * *",
	 BERLIN,
	 "2026-03-28T00:00:00Z",
	 {"2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"}},
	{"0,20,40 2 * * *",
	 BERLIN,
	 "2026-03-29T00:00:00Z",
	 {"2026-03-29T01:00:00", "2026-03-30T00:00:00"}},
	{"*/15 2,3 * * *",
	 BERLIN,
	 "2026-03-29T00:00:00Z",
	 {"2026-03-29T01:00:00", "2026-03-29T01:15:00"}},
	{"30 2 * * *",
	 NEW_YORK,
	 "2026-03-08T00:00:00Z",
	 {"2026-03-08T07:00:00", "2026-03-09T06:30:00"}},
	{"*/15 * * * *",
	 BERLIN,
	 "2026-03-29T00:40:00Z",
	 {"2026-03-29T00:45:00", "2026-03-29T01:00:00", "2026-03-29T01:15:00"}},
	{"30 * * * *",
	 BERLIN,
	 "2026-03-28T23:40:00Z",
	 {"2026-03-29T00:30:00", "2026-03-29T01:30:00"}},
	{"30 2 29 3 *",
	 BERLIN,
	 "2026-03-01T00:00:00Z",
	 {"2026-03-29T01:00:00", "2027-03-29T00:30:00"}},
	/* the repeated hour: fixed times run the first time, every-hour schedules both times */
	{"30 2 * * *",
	 BERLIN,
	 "2026-10-24T12:00:00Z",
	 {"2026-10-25T00:30:00", "2026-10-26T01:30:00"}},
	{"30 2 * * *", BERLIN, "2026-10-25T00:30:00Z", {"2026-10-26T01:30:00"}},
	{"30 1 * * *",
	 NEW_YORK,
	 "2026-11-01T00:00:00Z",
	 {"2026-11-01T05:30:00", "2026-11-02T06:30:00"}},
	{"30 * * * *",
	 BERLIN,
	 "2026-10-25T00:00:00Z",
	 {"2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"}},
	{"0 3 * * *", BERLIN, "2026-10-25T00:00:00Z", {"2026-10-25T02:00:00"}},
	/* half an hour */
	{"15 2 * * *",
	 LORD_HOWE,
	 "2026-10-03T00:00:00Z",
	 {"2026-10-03T15:30:00", "2026-10-04T15:15:00"}},
	{"45 1 * * *",
	 LORD_HOWE,
	 "2026-04-04T00:00:00Z",
	 {"2026-04-04T14:45:00", "2026-04-05T15:15:00"}},
	{"45 * * * *",
	 LORD_HOWE,
	 "2026-04-04T14:00:00Z",
	 {"2026-04-04T14:45:00", "2026-04-04T15:15:00", "2026-04-04T16:15:00"}},
	/* a day that was not: 30 December 2011 */
	{"0 9 * * *",
	 APIA,
	 "2011-12-29T00:00:00Z",
	 {"2011-12-29T19:00:00", "2011-12-30T10:00:00", "2011-12-30T19:00:00"}},
	{"0 9 30 12 *",
	 APIA,
	 "2011-01-01T00:00:00Z",
	 {"2011-12-30T10:00:00", "2012-12-29T19:00:00"}},
	/* far beyond the list of changes */
	{"30 2 * * *",
	 BERLIN,
	 "2090-03-25T20:00:00Z",
	 {"2090-03-26T01:00:00", "2090-03-27T00:30:00"}},
};

TEST(next_fires_of_the_table)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = {0};
		const struct zone *z = zone_file(&a, cases[i].zone);
		struct cron c;
		struct cron_error err;
		int64_t from, at;
		CHECK(z);
		CHECK(cron_parse(str_of(cases[i].cron), &c, &err));
		CHECK_INT(timefmt_rfc3339_parse(str_of(cases[i].from), &from, NULL), 0);
		at = from;
		for (size_t k = 0; k < 4 && cases[i].fires[k]; k++) {
			char text[TIMEFMT_RFC3339_BYTES], got[128], want[128];
			bool there = cron_next(&c, z, from, at, &at);
			timefmt_rfc3339(text, at);
			text[19] = '\0';
			snprintf(got, sizeof(got), "%s %s %s", cases[i].cron, cases[i].zone,
				 there ? text : "never");
			snprintf(want, sizeof(want), "%s %s %s", cases[i].cron, cases[i].zone,
				 cases[i].fires[k]);
			CHECK_Z(got, want);
		}
	}
}

TEST(mistakes_have_their_place)
{
	static const struct {
		const char *cron;
		size_t position;
		const char *part;
	} bad[] = {
		{"", 0, "\"minute\" is missing"},
		{"0 9 * *", 7, "\"day of week\" is missing"},
		{"0 9 * * 1 2026", 10, "five fields"},
		{"60 * * * *", 0, "0 to 59"},
		{"0 24 * * *", 2, "0 to 23"},
		{"0 0 0 * *", 4, "1 to 31"},
		{"0 0 1 13 *", 6, "1 to 12"},
		{"0 0 * * 8", 8, "0 to 7"},
		{"0 0 * FOO *", 6, "no such month"},
		{"0 0 * * MONDAY", 8, "no such day of week"},
		{"0 MON * * *", 2, "no names"},
		{"*/0 * * * *", 2, "the step"},
		{"*/ * * * *", 2, "the step"},
		{"1,, * * * *", 2, "a number is missing"},
		{"5-1 * * * *", 0, "backwards"},
		{"1-2-3 * * * *", 3, "not understood"},
		{"0 0 5L * *", 5, "not understood"},
		{"0 0 ? ? *", 6, "a number is missing"},
		{"? * * * *", 0, "a number is missing"},
		{"0 0 31 2 *", 4, "never fires"},
		{"  0 0 30,31 FEB *", 6, "never fires"},
		{"0 0 31 4,6,9,11 *", 4, "never fires"},
		{"@reboot", 0, "@hourly"},
		{"@every", 6, "whole seconds"},
		{"@every 0s", 7, "whole seconds"},
		{"@every 1500ms", 7, "whole seconds"},
		{"@every 9999d", 7, "whole seconds"},
		{"@daily x", 0, "@hourly"},
		{"TZ=UTC 0 0 * * *", 0, "timezone"},
		{"99999999999999999999 * * * *", 0, "0 to 59"},
		{"\xc3\xa4 * * * *", 0, "a number"},
		{"1\xc3\xa4 * * * *", 1, "not understood"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cron c;
		struct cron_error err = {0};
		char got[256];
		CHECK(!cron_parse(str_of(bad[i].cron), &c, &err));
		bool right = err.position == bad[i].position && strstr(err.message, bad[i].part);
		snprintf(got, sizeof(got), "%s: %zu %s", bad[i].cron, err.position, err.message);
		CHECK_Z(right ? "" : got, "");
	}
}

/* ---- against a scan of the minutes, with the C library's local times ---- */

struct made {
	char text[256];
	uint64_t sets[5];
	bool star[5];
};

static void make_field(struct rng *rng, struct made *m, int field, struct buf *out)
{
	static const int least[] = {0, 0, 1, 1, 0}, most[] = {59, 23, 31, 12, 6};
	int span = most[field] - least[field] + 1;
	uint64_t how = rng_below(rng, field == 0 ? 3 : 5);
	if (how >= 3 || (how == 2 && field != 1)) {
		int step = how == 4 ? 1 + (int)rng_below(rng, 4) : 1;
		m->star[field] = true;
		buf_puts(out, "*");
		if (step > 1)
			buf_printf(out, "/%d", step);
		for (int v = least[field]; v <= most[field]; v += step)
			m->sets[field] |= UINT64_C(1) << v;
		return;
	}
	for (uint64_t i = 0; i <= rng_below(rng, 3); i++) {
		int low = least[field] + (int)rng_below(rng, (uint64_t)span);
		if (field == 1 && rng_below(rng, 2))
			low = (int)rng_below(rng, 4); /* where clocks change */
		int high = low + (int)rng_below(rng, (uint64_t)(most[field] - low) + 1);
		if (rng_below(rng, 2))
			high = low;
		buf_printf(out, high > low ? "%s%d-%d" : "%s%d", i ? "," : "", low, high);
		for (int v = low; v <= high; v++)
			m->sets[field] |= UINT64_C(1) << v;
	}
}

static void make(struct rng *rng, struct made *m)
{
	CLEANUP_BUF struct buf out = {0};
	*m = (struct made){0};
	for (int field = 0; field < 5; field++) {
		if (field)
			buf_puts(&out, " ");
		make_field(rng, m, field, &out);
	}
	snprintf(m->text, sizeof(m->text), "%s", out.p);
}

static bool made_matches(const struct made *m, const struct tm *tm)
{
	bool day = m->sets[2] >> tm->tm_mday & 1, week = m->sets[4] >> tm->tm_wday & 1;
	return m->sets[0] >> tm->tm_min & 1 && m->sets[1] >> tm->tm_hour & 1 &&
	       m->sets[3] >> (tm->tm_mon + 1) & 1 &&
	       (m->star[2] || m->star[4] ? day && week : day || week);
}

static struct tm wall(int64_t utc)
{
	struct tm tm;
	time_t t = utc;
	localtime_r(&t, &tm);
	return tm;
}

/* Minute by minute, like a cron that looks at the clock; -1 = none before `end`. */
static int64_t scan(const struct made *m, int64_t after, int64_t end)
{
	int64_t high = INT64_MIN; /* the latest local minute seen, as if UTC */
	for (int64_t t = after - 86400 * 2; t < end; t += 60) {
		struct tm tm = wall(t);
		int64_t local = t + tm.tm_gmtoff;
		bool fire = false;
		if (m->star[1]) {
			fire = made_matches(m, &tm);
		} else if (local > high) {
			int64_t first = high == INT64_MIN ? local : high + 60;
			for (int64_t l = first; l <= local && !fire; l += 60) {
				time_t as_utc = l;
				struct tm skipped;
				gmtime_r(&as_utc, &skipped);
				fire = made_matches(m, &skipped);
			}
		}
		high = local > high ? local : high;
		if (fire && t > after)
			return t;
	}
	return -1;
}

TEST(next_fires_equal_a_scan_of_the_minutes)
{
	static const char *const zones[] = {
		BERLIN,		NEW_YORK, LORD_HOWE,	   "America/Santiago", "Africa/Casablanca",
		"Asia/Kolkata", "UTC",	  "Europe/Dublin", "America/St_Johns", APIA};
	enum { CASES = 600, DAYS = 12 };
	struct rng rng;
	int n_fires = 0, n_fixed = 0;
	rng_seed(&rng, 11);
	for (int i = 0; i < CASES; i++) {
		CLEANUP_ARENA struct arena a = {0};
		const char *name = zones[i % ARRAY_LEN(zones)];
		const struct zone *z = zone_file(&a, name);
		struct made m;
		struct cron c;
		struct cron_error err;
		CHECK(z);
		zone_libc(name);
		make(&rng, &m);
		if (!cron_parse(str_of(m.text), &c, &err))
			continue; /* such a date is not there */
		int64_t year = 2000 + (int64_t)rng_below(&rng, 90);
		int64_t after =
			timefmt_days(year, 1, 1) * 86400 + (int64_t)rng_below(&rng, 525600) * 60;
		struct zone_span span = zone_span(z, after);
		if (span.end_s != INT64_MAX && rng_below(&rng, 4))
			after = span.end_s / 60 * 60 - (int64_t)rng_below(&rng, 300) * 60;
		int64_t end = after + DAYS * 86400, got, want;
		for (int k = 0; k < 6; k++, after = want) {
			want = scan(&m, after, end);
			if (!cron_next(&c, z, 0, after * 1000, &got) || got >= end * 1000)
				got = -1000;
			if (got != want * 1000)
				tap_fail(t, __FILE__, __LINE__,
					 "%s in %s after %lld: %lld, not "
					 "%lld",
					 m.text, name, (long long)after, (long long)got / 1000,
					 (long long)want);
			CHECK_GOOD();
			if (want < 0)
				break;
			n_fires++;
			n_fixed += c.fixed_hours;
		}
	}
	CHECK(n_fires > 500 && n_fixed > 150);
}

TEST(the_search_ends)
{
	struct cron c;
	struct cron_error err;
	int64_t at;
	CHECK(cron_parse(STR("0 0 29 2 *"), &c, &err));
	CHECK(!cron_next(&c, &zone_utc, 0, INT64_C(253402300799000), &at));
	CHECK(!cron_next(&c, &zone_utc, 0, INT64_MAX, &at));
	CHECK(!cron_next(&c, &zone_utc, 0, INT64_MIN, &at));
	CHECK(cron_parse(STR("@every 1s"), &c, &err));
	CHECK(!cron_next(&c, &zone_utc, 0, INT64_MAX, &at));
	CHECK(cron_next(&c, &zone_utc, 5000, 1000, &at));
	CHECK_INT(at, 2000);
}

TAP_MAIN(RUN(next_fires_of_the_table), RUN(mistakes_have_their_place),
	 RUN(next_fires_equal_a_scan_of_the_minutes), RUN(the_search_ends))
