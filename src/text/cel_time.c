#include "text/cel_time.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "text/cel_parse.h"

static const int64_t second = 1000000000;
static const int64_t least_seconds = -62135596800; /* 0001-01-01T00:00:00Z */
static const int64_t most_seconds = 253402300799;  /* 9999-12-31T23:59:59Z */

bool cel_timestamp_make(struct cel_run *r, int64_t seconds, int32_t nanos, struct cel_value *ret)
{
	if (seconds < least_seconds || seconds > most_seconds)
		return cel_fail(r, CEL_ERROR_VALUE,
				"timestamp out of range: it lies in the years 1 to 9999");
	*ret = cel_timestamp(seconds, nanos);
	return true;
}

bool cel_time_adds(enum cel_join join, const struct cel_value *a, const struct cel_value *b)
{
	bool ta = a->kind == CEL_TIMESTAMP, tb = b->kind == CEL_TIMESTAMP;
	bool da = a->kind == CEL_DURATION, db = b->kind == CEL_DURATION;
	if (join == CEL_JOIN_ADD)
		return (ta && db) || (da && tb) || (da && db);
	return join == CEL_JOIN_SUB && ((ta && tb) || (ta && db) || (da && db));
}

static __int128 nanos_of(const struct cel_value *v)
{
	return v->kind == CEL_DURATION ? (__int128)v->i : (__int128)v->i * second + v->n;
}

static bool duration_of(struct cel_run *r, __int128 nanos, struct cel_value *ret)
{
	if (nanos < INT64_MIN || nanos > INT64_MAX)
		return cel_fail(r, CEL_ERROR_VALUE,
				"duration out of range: it holds up to 292 years");
	*ret = cel_duration((int64_t)nanos);
	return true;
}

bool cel_time_arith(struct cel_run *r, enum cel_join join, const struct cel_value *a,
		    const struct cel_value *b, struct cel_value *ret)
{
	__int128 x = nanos_of(a), y = nanos_of(b), z = join == CEL_JOIN_ADD ? x + y : x - y;
	bool stamps = (a->kind == CEL_TIMESTAMP) != (b->kind == CEL_TIMESTAMP);
	if (!stamps)
		return duration_of(r, z, ret);
	__int128 seconds = z / second, rest = z % second;
	if (rest < 0) {
		rest += second;
		seconds--;
	}
	return cel_timestamp_make(r, (int64_t)seconds, (int32_t)rest, ret);
}

bool cel_timestamp_parse(struct cel_run *r, struct str text, struct cel_value *ret)
{
	int64_t ms;
	int32_t nanos;
	if (timefmt_rfc3339_parse(text, &ms, &nanos) < 0)
		return cel_fail(r, CEL_ERROR_VALUE,
				"'%.*s' is no timestamp in range like 2026-11-24T16:56:37Z",
				STR_ARG(text));
	int64_t seconds = ms / 1000 - (ms % 1000 < 0);
	return cel_timestamp_make(r, seconds, nanos, ret);
}

/* One number with its unit; the nanoseconds, or -1. */
static __int128 duration_term(struct str *text)
{
	static const struct {
		const char *name;
		int64_t nanos;
	} units[] = {
		{"ns", 1},	 {"us", 1000},	    {"µs", 1000},	{"μs", 1000},
		{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
	};
	__int128 whole = 0, fraction = 0, scale = 1;
	size_t i = 0, digits = 0;
	for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++, digits++)
		if ((whole = whole * 10 + (text->p[i] - '0')) > INT64_MAX)
			return -1;
	if (i < text->n && text->p[i] == '.')
		for (i++; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++, digits++)
			if (scale < 1000000000000000) {
				fraction = fraction * 10 + (text->p[i] - '0');
				scale *= 10;
			}
	size_t unit = i;
	while (i < text->n && text->p[i] != '.' && (text->p[i] < '0' || text->p[i] > '9'))
		i++;
	struct str name = str_n(text->p + unit, i - unit);
	*text = str_n(text->p + i, text->n - i);
	for (size_t k = 0; k < ARRAY_LEN(units) && digits > 0; k++)
		if (str_eqz(name, units[k].name))
			return whole * units[k].nanos + fraction * units[k].nanos / scale;
	return -1;
}

bool cel_duration_parse(struct cel_run *r, struct str text, struct cel_value *ret)
{
	struct str rest = text;
	bool negative = str_starts(rest, STR("-"));
	if (negative || str_starts(rest, STR("+")))
		rest = str_n(rest.p + 1, rest.n - 1);
	__int128 total = 0;
	bool ok = rest.n > 0 && rest.n <= 64;
	if (str_eqz(rest, "0"))
		rest.n = 0;
	while (ok && rest.n > 0) {
		__int128 term = duration_term(&rest);
		ok = term >= 0;
		total += term;
	}
	if (!ok)
		return cel_fail(r, CEL_ERROR_VALUE,
				"'%.*s' is no duration in range like 1h30m or 1.5s", STR_ARG(text));
	return duration_of(r, negative ? -total : total, ret);
}

/* ".611" in steps of `step` digits, zeros at the end left out; empty for 0. */
static void fraction_text(char text[12], uint32_t nanos, int step)
{
	text[0] = '\0';
	if (nanos == 0)
		return;
	snprintf(text, 12, ".%09u", nanos);
	for (int n = 10 - step; n > 0 && strspn(text + n, "0") == (size_t)step; n -= step)
		text[n] = '\0';
}

size_t cel_timestamp_text(char text[CEL_TIME_TEXT_BYTES], const struct cel_value *v)
{
	char fraction[12];
	int64_t days = v->i / 86400, rest = v->i % 86400, year;
	int month, day;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	timefmt_date(days, &year, &month, &day);
	fraction_text(fraction, v->n, 3);
	return (size_t)snprintf(text, CEL_TIME_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d%sZ",
				(int)year, month, day, (int)(rest / 3600), (int)(rest / 60 % 60),
				(int)(rest % 60), fraction);
}

size_t cel_duration_text(char text[CEL_TIME_TEXT_BYTES], const struct cel_value *v)
{
	char fraction[12];
	uint64_t nanos = v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i;
	fraction_text(fraction, (uint32_t)(nanos % (uint64_t)second), 1);
	return (size_t)snprintf(text, CEL_TIME_TEXT_BYTES, "%s%llu%ss", v->i < 0 ? "-" : "",
				(unsigned long long)(nanos / (uint64_t)second), fraction);
}

static bool two_digits(const char *p, int *ret)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*ret = (p[0] - '0') * 10 + (p[1] - '0');
	return true;
}

/* "+01:00", "-08:00", "02:00". */
static bool parse_offset(struct str text, int32_t *ret)
{
	bool negative = str_starts(text, STR("-"));
	if (negative || str_starts(text, STR("+")))
		text = str_n(text.p + 1, text.n - 1);
	int h, m;
	if (text.n != 5 || text.p[2] != ':' || !two_digits(text.p, &h) ||
	    !two_digits(text.p + 3, &m) || h > 23 || m > 59)
		return false;
	*ret = (h * 3600 + m * 60) * (negative ? -1 : 1);
	return true;
}

static bool zone_offset(struct cel_run *r, struct str zone, int64_t seconds, int32_t *ret)
{
	*ret = 0;
	if (zone.n == 0 || str_eqz(zone, "UTC") || str_eqz(zone, "Z") || parse_offset(zone, ret))
		return true;
	if (!r->env->zone)
		return cel_fail(r, CEL_ERROR_VALUE,
				"no time zone '%.*s' here: use UTC or an offset like +01:00",
				STR_ARG(zone));
	if (!r->env->zone(r->env->ctx, zone, seconds, ret) || *ret < -86400 || *ret > 86400)
		return cel_fail(r, CEL_ERROR_VALUE, "unknown time zone '%.*s'", STR_ARG(zone));
	return true;
}

enum part {
	PART_FULL_YEAR,
	PART_MONTH,
	PART_DATE,
	PART_DAY_OF_MONTH,
	PART_DAY_OF_WEEK,
	PART_DAY_OF_YEAR,
	PART_HOURS,
	PART_MINUTES,
	PART_SECONDS,
	PART_MILLISECONDS,
};

static const char *part_name(enum part part)
{
	static const char *const names[] = {
		"getFullYear",	"getMonth", "getDate",	  "getDayOfMonth", "getDayOfWeek",
		"getDayOfYear", "getHours", "getMinutes", "getSeconds",	   "getMilliseconds",
	};
	return names[part];
}

static int64_t timestamp_part(enum part part, int64_t local, uint32_t nanos)
{
	int64_t days = local / 86400, rest = local % 86400, year;
	int month, day;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	timefmt_date(days, &year, &month, &day);
	switch (part) {
	case PART_FULL_YEAR:
		return year;
	case PART_MONTH:
		return month - 1;
	case PART_DATE:
		return day;
	case PART_DAY_OF_MONTH:
		return day - 1;
	case PART_DAY_OF_WEEK:
		return ((days + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
	case PART_DAY_OF_YEAR:
		return days - timefmt_days(year, 1, 1);
	case PART_HOURS:
		return rest / 3600;
	case PART_MINUTES:
		return rest / 60 % 60;
	case PART_SECONDS:
		return rest % 60;
	case PART_MILLISECONDS:
		return nanos / 1000000;
	}
	return 0;
}

static bool duration_part(struct cel_run *r, enum part part, const struct cel_value *v,
			  struct cel_value *ret)
{
	int64_t n = v->i;
	if (part == PART_HOURS)
		n /= 3600 * second;
	else if (part == PART_MINUTES)
		n /= 60 * second;
	else if (part == PART_SECONDS)
		n /= second;
	else if (part == PART_MILLISECONDS)
		n = n % second / 1000000;
	else
		return cel_no_overload(r, part_name(part), v, 1);
	*ret = cel_int(n);
	return true;
}

static bool get_part(struct cel_run *r, enum part part, const struct cel_value *args, uint32_t n,
		     struct cel_value *ret)
{
	if (args[0].kind == CEL_DURATION && n == 1)
		return duration_part(r, part, args, ret);
	if (args[0].kind != CEL_TIMESTAMP || (n == 2 && args[1].kind != CEL_STRING))
		return cel_no_overload(r, part_name(part), args, n);
	int32_t offset = 0;
	if (n == 2 && !zone_offset(r, cel_text(&args[1]), args[0].i, &offset))
		return false;
	*ret = cel_int(timestamp_part(part, args[0].i + offset, args[0].n));
	return true;
}

#define PART_FUNCTION(fn, part)                                                                    \
	static bool fn(struct cel_run *r, const struct cel_value *args, uint32_t n,                \
		       struct cel_value *ret)                                                      \
	{                                                                                          \
		return get_part(r, part, args, n, ret);                                            \
	}

PART_FUNCTION(get_full_year, PART_FULL_YEAR)
PART_FUNCTION(get_month, PART_MONTH)
PART_FUNCTION(get_date, PART_DATE)
PART_FUNCTION(get_day_of_month, PART_DAY_OF_MONTH)
PART_FUNCTION(get_day_of_week, PART_DAY_OF_WEEK)
PART_FUNCTION(get_day_of_year, PART_DAY_OF_YEAR)
PART_FUNCTION(get_hours, PART_HOURS)
PART_FUNCTION(get_minutes, PART_MINUTES)
PART_FUNCTION(get_seconds, PART_SECONDS)
PART_FUNCTION(get_milliseconds, PART_MILLISECONDS)

const struct cel_function cel_time_functions[] = {
	{"getFullYear", CEL_CALL_METHOD, 1, 2, get_full_year},
	{"getMonth", CEL_CALL_METHOD, 1, 2, get_month},
	{"getDate", CEL_CALL_METHOD, 1, 2, get_date},
	{"getDayOfMonth", CEL_CALL_METHOD, 1, 2, get_day_of_month},
	{"getDayOfWeek", CEL_CALL_METHOD, 1, 2, get_day_of_week},
	{"getDayOfYear", CEL_CALL_METHOD, 1, 2, get_day_of_year},
	{"getHours", CEL_CALL_METHOD, 1, 2, get_hours},
	{"getMinutes", CEL_CALL_METHOD, 1, 2, get_minutes},
	{"getSeconds", CEL_CALL_METHOD, 1, 2, get_seconds},
	{"getMilliseconds", CEL_CALL_METHOD, 1, 2, get_milliseconds},
	{0},
};
