#include "text/cron.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/timefmt.h"

enum { FIELDS = 5 };

static const int64_t day_s = 86400;
static const int64_t last_s = 253402300799; /* 9999-12-31T23:59:59Z */

/* ---- reading ---- */

struct field_kind {
	const char *name;
	int least, most;
	const char *const *names; /* of least, least + 1, … */
	int n_names;
};

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
					  "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };
static const struct field_kind kinds[FIELDS] = {
	{"minute", 0, 59, NULL, 0},
	{"hour", 0, 23, NULL, 0},
	{"day of month", 1, 31, NULL, 0},
	{"month", 1, 12, month_names, ARRAY_LEN(month_names)},
	{"day of week", 0, 7, weekday_names, ARRAY_LEN(weekday_names)},
};

struct reader {
	struct str text;
	size_t at, end; /* of the field */
	int field;
	struct cron_error *error;
};

static bool PRINTF_LIKE(3, 4) bad(struct cron_error *e, size_t position, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, args);
	va_end(args);
	e->position = position;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool next_is(const struct reader *r, char c)
{
	return r->at < r->end && r->text.p[r->at] == c;
}

static bool digits(struct reader *r, const char *what, int least, int most, int *ret)
{
	size_t start = r->at;
	int v = 0;
	for (; r->at < r->end && is_digit(r->text.p[r->at]); r->at++)
		v = v > 99999 ? v : v * 10 + (r->text.p[r->at] - '0');
	if (r->at == start)
		return bad(r->error, start, "%s: a number is missing here", what);
	if (v < least || v > most)
		return bad(r->error, start, "%s must be %d to %d", what, least, most);
	*ret = v;
	return true;
}

static bool name(struct reader *r, const struct field_kind *k, int *ret)
{
	size_t start = r->at;
	while (r->at < r->end && is_letter(r->text.p[r->at]))
		r->at++;
	for (int i = 0; i < k->n_names && r->at - start == 3; i++) {
		const char *p = r->text.p + start, *z = k->names[i];
		if ((p[0] & ~32) == z[0] && (p[1] & ~32) == z[1] && (p[2] & ~32) == z[2]) {
			*ret = k->least + i;
			return true;
		}
	}
	if (k->n_names == 0)
		return bad(r->error, start, "%s has no names: write a number, %d to %d", k->name,
			   k->least, k->most);
	return bad(r->error, start, "no such %s: use a number or %s to %s", k->name, k->names[0],
		   k->names[k->n_names - 1]);
}

static bool one_value(struct reader *r, const struct field_kind *k, int *ret)
{
	if (r->at < r->end && is_letter(r->text.p[r->at]))
		return name(r, k, ret);
	return digits(r, k->name, k->least, k->most, ret);
}

static bool range(struct reader *r, const struct field_kind *k, int *low, int *high, bool *open)
{
	size_t start = r->at;
	*open = false;
	if (next_is(r, '*') || (next_is(r, '?') && (r->field == DAY || r->field == WEEKDAY))) {
		r->at++;
		*low = k->least;
		*high = r->field == WEEKDAY ? 6 : k->most;
		return true;
	}
	if (!one_value(r, k, low))
		return false;
	*high = *low;
	*open = !next_is(r, '-');
	if (*open)
		return true;
	r->at++;
	if (!one_value(r, k, high))
		return false;
	if (r->field == WEEKDAY && *high == 0 && *low > 0)
		*high = 7;
	if (*high < *low)
		return bad(r->error, start,
			   "%s: the range goes backwards; split it in two with a "
			   "comma",
			   k->name);
	return true;
}

/* One element of a list into the bits. */
static bool element(struct reader *r, uint64_t *bits, bool *last_day)
{
	const struct field_kind *k = &kinds[r->field];
	int low, high, step = 1;
	bool open;
	if (r->field == DAY && (next_is(r, 'L') || next_is(r, 'l')) &&
	    (r->at + 1 == r->end || r->text.p[r->at + 1] == ',')) {
		r->at++;
		*last_day = true;
		return true;
	}
	if (!range(r, k, &low, &high, &open))
		return false;
	if (next_is(r, '/')) {
		r->at++;
		if (!digits(r, "the step", 1, 9999, &step))
			return false;
		if (open)
			high = r->field == WEEKDAY ? 6 : k->most;
	}
	for (int v = low; v <= high; v += step)
		*bits |= UINT64_C(1) << (r->field == WEEKDAY ? v % 7 : v);
	return true;
}

static bool read_field(struct reader *r, uint64_t *bits, bool *last_day)
{
	for (;;) {
		if (!element(r, bits, last_day))
			return false;
		if (r->at == r->end)
			return true;
		if (!next_is(r, ','))
			return bad(r->error, r->at, "%s: '%.1s' is not understood here",
				   kinds[r->field].name,
				   (unsigned char)r->text.p[r->at] < 0x80 ? r->text.p + r->at
									  : "?");
		r->at++;
	}
}

static bool starred(const struct reader *r)
{
	return next_is(r, '*') || next_is(r, '?');
}

/* The days a month has at most. */
static int most_days(int month)
{
	return month == 2 ? 29 : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool ever_fires(const struct cron *c)
{
	if (c->last_day || (!c->both_days && c->weekdays))
		return true;
	for (int m = 1; m <= 12; m++)
		for (int d = 1; d <= most_days(m); d++)
			if (c->months >> m & 1 && c->days >> d & 1)
				return true;
	return false;
}

static bool calendar(struct str text, struct cron *ret, struct cron_error *error)
{
	struct reader r = {.text = text, .error = error};
	uint64_t bits[FIELDS] = {0};
	size_t day_at = 0;
	for (; r.field < FIELDS; r.field++) {
		while (r.at < text.n && is_space(text.p[r.at]))
			r.at++;
		if (r.at == text.n)
			return bad(error, r.at,
				   "the field \"%s\" is missing: minute, hour, day of "
				   "month, month, day of week",
				   kinds[r.field].name);
		r.end = r.at;
		while (r.end < text.n && !is_space(text.p[r.end]))
			r.end++;
		if (r.field == HOUR)
			ret->fixed_hours = !starred(&r);
		if (r.field == DAY)
			day_at = r.at;
		if (r.field == DAY || r.field == WEEKDAY)
			ret->both_days = ret->both_days || starred(&r);
		if (!read_field(&r, &bits[r.field], &ret->last_day))
			return false;
	}
	while (r.at < text.n && is_space(text.p[r.at]))
		r.at++;
	if (r.at < text.n)
		return bad(error, r.at, "there are five fields, without seconds or years");
	ret->minutes = bits[MINUTE];
	ret->hours = (uint32_t)bits[HOUR];
	ret->days = (uint32_t)bits[DAY];
	ret->months = (uint32_t)bits[MONTH];
	ret->weekdays = (uint32_t)bits[WEEKDAY];
	if (!ever_fires(ret))
		return bad(error, day_at, "never fires: no month in it has such a day");
	return true;
}

static bool interval(struct str text, size_t at, struct cron *ret, struct cron_error *error)
{
	const int64_t most = LIMIT_DURATION_DAYS * INT64_C(86400000);
	while (at < text.n && is_space(text.p[at]))
		at++;
	int r = timefmt_duration_parse(str_n(text.p + at, text.n - at), &ret->every_ms);
	if (r < 0 || ret->every_ms < 1000 || ret->every_ms > most || ret->every_ms % 1000 != 0)
		return bad(error, at, "@every needs whole seconds, 1s to %dd, like 10m or 1h30m",
			   LIMIT_DURATION_DAYS);
	return true;
}

static bool same_word(struct str a, const char *z)
{
	size_t i = 0;
	for (; i < a.n && z[i] != '\0'; i++)
		if ((is_letter(a.p[i]) ? a.p[i] | 32 : a.p[i]) != z[i])
			return false;
	return i == a.n && z[i] == '\0';
}

static bool nickname(struct str text, struct cron *ret, struct cron_error *error)
{
	static const struct {
		const char *name, *means;
	} names[] = {
		{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
	};
	size_t n = 0;
	while (n < text.n && !is_space(text.p[n]))
		n++;
	if (same_word(str_n(text.p, n), "@every"))
		return interval(text, n, ret, error);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (same_word(text, names[i].name))
			return calendar(str_of(names[i].means), ret, error);
	return bad(error, 0, "use @hourly, @daily, @weekly, @monthly, @yearly, or @every 10m");
}

bool cron_parse(struct str text, struct cron *ret, struct cron_error *error)
{
	size_t skipped = 0;
	struct cron c = {0};
	while (text.n > 0 && is_space(text.p[text.n - 1]))
		text.n--;
	while (skipped < text.n && is_space(text.p[skipped]))
		skipped++;
	struct str rest = str_n(text.p + skipped, text.n - skipped);
	if (rest.n > LIMIT_CRON_BYTES)
		return bad(error, 0, "is longer than %d bytes", LIMIT_CRON_BYTES);
	if (str_starts(rest, STR("TZ=")) || str_starts(rest, STR("CRON_TZ=")))
		return bad(error, skipped, "name the time zone in \"timezone\", not here");
	bool good = rest.n > 0 && rest.p[0] == '@' ? nickname(rest, &c, error)
						   : calendar(rest, &c, error);
	if (good)
		*ret = c;
	else
		error->position += skipped;
	return good;
}

/* ---- the next fire ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool leap_year(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static bool day_matches(const struct cron *c, int64_t days, int64_t year, int month, int day)
{
	int last = month == 2 && !leap_year(year) ? 28 : most_days(month);
	bool by_month = (c->days >> day & 1) || (c->last_day && day == last);
	bool by_week = c->weekdays >> (((days + 4) % 7 + 7) % 7) & 1;
	return c->both_days ? by_month && by_week : by_month || by_week;
}

/* The first time of day that matches, from `rest` seconds on; -1 when none is left. */
static int64_t time_of_day(const struct cron *c, int64_t rest)
{
	int64_t first = (rest + 59) / 60;
	for (int64_t hour = first / 60; hour < 24; hour++) {
		uint64_t minutes = c->minutes;
		if (hour == first / 60)
			minutes &= ~UINT64_C(0) << (first % 60);
		if (c->hours >> hour & 1 && minutes != 0)
			return hour * 3600 + __builtin_ctzll(minutes) * 60;
	}
	return -1;
}

/* The first local time that matches in [from, end), in seconds as if it were UTC. */
static bool next_local(const struct cron *c, int64_t from, int64_t end, int64_t *ret)
{
	int64_t days = floor_div(from, day_s), rest = from - days * day_s, year;
	int month, day;
	while (days * day_s < end) {
		timefmt_date(days, &year, &month, &day);
		if (!(c->months >> month & 1)) {
			days = month == 12 ? timefmt_days(year + 1, 1, 1)
					   : timefmt_days(year, month + 1, 1);
			rest = 0;
			continue;
		}
		int64_t at = day_matches(c, days, year, month, day) ? time_of_day(c, rest) : -1;
		if (at >= 0) {
			*ret = days * day_s + at;
			return *ret < end;
		}
		days++;
		rest = 0;
	}
	return false;
}

/* The first fire in the span at or after t. */
static bool next_in_span(const struct cron *c, const struct zone_span *s, int64_t t, int64_t most,
			 int64_t *ret)
{
	int64_t from = t + s->offset_s, end = (s->end_s < most ? s->end_s : most) + s->offset_s;
	int64_t local;
	if (s->start_s != INT64_MIN && c->fixed_hours) {
		int64_t reached = s->start_s + s->before_s;
		if (t == s->start_s && next_local(c, reached, from, &local)) {
			*ret = t;
			return true;
		}
		from = from > reached ? from : reached;
	}
	if (!next_local(c, from, end, &local))
		return false;
	*ret = local - s->offset_s;
	return true;
}

static bool next_interval(const struct cron *c, int64_t anchor_ms, int64_t after_ms, int64_t *ret)
{
	int64_t n = floor_div(after_ms - anchor_ms, c->every_ms) + 1;
	*ret = anchor_ms + n * c->every_ms;
	return *ret <= last_s * 1000;
}

bool cron_next(const struct cron *c, const struct zone *z, int64_t anchor_ms, int64_t after_ms,
	       int64_t *ret)
{
	const int64_t least_ms = -INT64_C(62167219200000); /* the year 0 */
	int64_t at;
	if (after_ms < least_ms || after_ms > last_s * 1000 || anchor_ms < least_ms ||
	    anchor_ms > last_s * 1000)
		return false;
	if (c->every_ms > 0)
		return next_interval(c, anchor_ms, after_ms, ret);
	int64_t t = floor_div(after_ms, 1000) + 1;
	int64_t most = t + LIMIT_CRON_YEARS * INT64_C(366) * day_s;
	most = most < last_s ? most : last_s;
	while (t < most) {
		struct zone_span span = zone_span(z, t);
		if (next_in_span(c, &span, t, most, &at)) {
			*ret = at * 1000;
			return true;
		}
		t = span.end_s;
	}
	return false;
}
