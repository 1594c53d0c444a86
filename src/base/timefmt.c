#include "base/timefmt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

/* Civil-from-days and back, after the era arithmetic of the proleptic Gregorian calendar. */
int64_t timefmt_days(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

void timefmt_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_year = yoe + era * 400 + (*ret_month <= 2);
}

static void put_digits(char *at, int n, int64_t v)
{
	for (int i = n - 1; i >= 0; i--) {
		at[i] = (char)('0' + v % 10);
		v /= 10;
	}
}

void timefmt_rfc3339(char text[TIMEFMT_RFC3339_BYTES], int64_t time_ms)
{
	int64_t days = time_ms / 86400000, ms = time_ms % 86400000;
	if (ms < 0) {
		ms += 86400000;
		days--;
	}
	int64_t year;
	int month, day;
	timefmt_date(days, &year, &month, &day);
	static const char shape[TIMEFMT_RFC3339_BYTES] = "0000-00-00T00:00:00.000Z";
	for (int i = 0; i < TIMEFMT_RFC3339_BYTES; i++)
		text[i] = shape[i];
	put_digits(text, 4, year);
	put_digits(text + 5, 2, month);
	put_digits(text + 8, 2, day);
	put_digits(text + 11, 2, ms / 3600000);
	put_digits(text + 14, 2, ms / 60000 % 60);
	put_digits(text + 17, 2, ms / 1000 % 60);
	put_digits(text + 20, 3, ms % 1000);
}

struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

static bool digits(struct cursor *c, int n, int *ret)
{
	if (c->end - c->at < n)
		return false;
	int v = 0;
	for (int i = 0; i < n; i++) {
		char ch = c->at[i];
		if (ch < '0' || ch > '9')
			return false;
		v = v * 10 + (ch - '0');
	}
	c->at += n;
	*ret = v;
	return true;
}

static bool fraction(struct cursor *c, int32_t *ret_nanos)
{
	int32_t nanos = 0, weight = 100000000;
	const char *start = c->at;
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
		nanos += (*c->at - '0') * weight;
		weight /= 10;
		c->at++;
	}
	*ret_nanos = nanos;
	return c->at > start;
}

static bool offset(struct cursor *c, int *ret_minutes)
{
	*ret_minutes = 0;
	if (take(c, 'Z') || take(c, 'z'))
		return true;
	int sign = take(c, '+') ? 1 : take(c, '-') ? -1 : 0;
	int h, m;
	if (sign == 0 || !digits(c, 2, &h) || !take(c, ':') || !digits(c, 2, &m) || h > 23 ||
	    m > 59)
		return false;
	*ret_minutes = sign * (h * 60 + m);
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

int timefmt_rfc3339_parse(struct str text, int64_t *ret_time_ms, int32_t *ret_nanos)
{
	struct cursor c = {text.p, text.p + text.n};
	int y, mo, d, h, mi, s, off;
	int32_t nanos = 0;
	if (!digits(&c, 4, &y) || !take(&c, '-') || !digits(&c, 2, &mo) || !take(&c, '-') ||
	    !digits(&c, 2, &d) || !(take(&c, 'T') || take(&c, 't')) || !digits(&c, 2, &h) ||
	    !take(&c, ':') || !digits(&c, 2, &mi) || !take(&c, ':') || !digits(&c, 2, &s))
		return -EINVAL;
	if (take(&c, '.') && !fraction(&c, &nanos))
		return -EINVAL;
	if (!offset(&c, &off) || c.at != c.end)
		return -EINVAL;
	if (mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 || s > 60)
		return -EINVAL;
	if (s == 60 && !((h * 60 + mi - off + 2880) % 1440 == 1439))
		return -EINVAL;
	int64_t secs = timefmt_days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - off * 60;
	*ret_time_ms = secs * 1000 + nanos / 1000000;
	if (ret_nanos)
		*ret_nanos = nanos;
	return 0;
}

struct unit {
	struct str name;
	int64_t factor;
};

/* Reads "1.5h30m"-like sums; `one` allows a single term only. Factors are exact integers. */
static int parse_units(struct str text, const struct unit *units, size_t n_units, bool one,
		       int64_t *ret)
{
	struct cursor c = {text.p, text.p + text.n};
	__int128 total = 0;
	if (text.n == 0 || text.n > 64)
		return -EINVAL;
	while (c.at < c.end) {
		__int128 whole = 0, frac = 0, scale = 1;
		const char *start = c.at;
		for (; c.at < c.end && *c.at >= '0' && *c.at <= '9'; c.at++)
			if ((whole = whole * 10 + (*c.at - '0')) > INT64_MAX)
				return -ERANGE;
		if (c.at == start)
			return -EINVAL;
		if (take(&c, '.')) {
			const char *dot = c.at;
			for (; c.at < c.end && *c.at >= '0' && *c.at <= '9'; c.at++)
				if (scale < 1000000000) {
					frac = frac * 10 + (*c.at - '0');
					scale *= 10;
				}
			if (c.at == dot)
				return -EINVAL;
		}
		const char *u = c.at;
		while (c.at < c.end && (*c.at < '0' || *c.at > '9'))
			c.at++;
		const struct unit *found = NULL;
		for (size_t i = 0; i < n_units && !found; i++)
			if (str_eq(units[i].name, str_n(u, (size_t)(c.at - u))))
				found = &units[i];
		if (!found)
			return -EINVAL;
		total += whole * found->factor + frac * found->factor / scale;
		if (total > INT64_MAX)
			return -ERANGE;
		if (one && c.at != c.end)
			return -EINVAL;
	}
	*ret = (int64_t)total;
	return 0;
}

int timefmt_duration_parse(struct str text, int64_t *ret_ms)
{
	static const struct unit units[] = {
		{STR("ms"), 1},	     {STR("s"), 1000},	   {STR("m"), 60000},
		{STR("h"), 3600000}, {STR("d"), 86400000},
	};
	return parse_units(text, units, sizeof(units) / sizeof(units[0]), false, ret_ms);
}

void timefmt_duration(struct buf *out, int64_t ms)
{
	static const struct unit units[] = {
		{STR("h"), 3600000}, {STR("m"), 60000}, {STR("s"), 1000}, {STR("ms"), 1}};
	if (ms <= 0) {
		buf_puts(out, "0s");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms < units[i].factor)
			continue;
		buf_put_i64(out, ms / units[i].factor);
		buf_put_str(out, units[i].name);
		ms %= units[i].factor;
	}
}

int timefmt_size_parse(struct str text, int64_t *ret_bytes)
{
	static const struct unit units[] = {
		{STR(""), 1},		{STR("k"), 1000},	   {STR("M"), 1000000},
		{STR("G"), 1000000000}, {STR("T"), 1000000000000}, {STR("Ki"), 1 << 10},
		{STR("Mi"), 1 << 20},	{STR("Gi"), 1 << 30},	   {STR("Ti"), 1LL << 40},
	};
	return parse_units(text, units, sizeof(units) / sizeof(units[0]), true, ret_bytes);
}
