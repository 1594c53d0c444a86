#include "text/zone.h"

#include <string.h>

#include "base/limits.h"
#include "base/timefmt.h"

enum { HEADER_BYTES = 44, RULE_YEARS = 3, RULE_CHANGES = 2 * RULE_YEARS };

static const int64_t day_s = 86400;

const struct zone zone_utc = {0};

/* ---- the file ---- */

struct counts {
	size_t n_utc, n_std, n_leap, n_times, n_types, n_chars;
};

static uint32_t be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t be64(const char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool header(struct str bytes, struct counts *ret)
{
	if (bytes.n < HEADER_BYTES || memcmp(bytes.p, "TZif", 4) != 0)
		return false;
	*ret = (struct counts){be32(bytes.p + 20), be32(bytes.p + 24), be32(bytes.p + 28),
			       be32(bytes.p + 32), be32(bytes.p + 36), be32(bytes.p + 40)};
	return ret->n_times <= LIMIT_ZONE_CHANGES && ret->n_types >= 1 && ret->n_types <= 256 &&
	       ret->n_chars <= 256 && ret->n_leap <= LIMIT_ZONE_CHANGES && ret->n_utc <= 256 &&
	       ret->n_std <= 256;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
	return c->n_times * (time_bytes + 1) + c->n_types * 6 + c->n_chars +
	       c->n_leap * (time_bytes + 4) + c->n_std + c->n_utc;
}

static bool read_changes(struct arena *a, struct zone *z, const char *p, const struct counts *c,
			 size_t time_bytes)
{
	const char *index = p + c->n_times * time_bytes, *types = index + c->n_times;
	struct zone_change *changes = ARENA_NEW_ARRAY(a, struct zone_change, c->n_times + 1);
	z->first_offset_s = (int32_t)be32(types);
	int32_t offset = z->first_offset_s;
	int64_t before = INT64_MIN;
	for (size_t i = 0; i < c->n_times; i++) {
		const char *at = p + i * time_bytes;
		int64_t time = time_bytes == 8 ? be64(at) : (int32_t)be32(at);
		unsigned char type = (unsigned char)index[i];
		if (type >= c->n_types || (i > 0 && time <= before))
			return false;
		int32_t next = (int32_t)be32(types + (size_t)type * 6);
		before = time;
		if (next < -day_s * 2 || next > day_s * 2)
			return false;
		if (next != offset)
			changes[z->n_changes++] = (struct zone_change){time, next};
		offset = next;
	}
	z->changes = changes;
	return z->first_offset_s >= -day_s * 2 && z->first_offset_s <= day_s * 2;
}

static bool read_footer(struct zone *z, struct str rest)
{
	if (rest.n < 2 || rest.p[0] != '\n')
		return false;
	const char *end = memchr(rest.p + 1, '\n', rest.n - 1);
	if (!end)
		return false;
	struct str text = str_n(rest.p + 1, (size_t)(end - rest.p) - 1);
	return text.n == 0 || zone_parse_posix(text, z);
}

const struct zone *zone_parse(struct arena *a, struct str bytes)
{
	struct zone *z = ARENA_NEW(a, struct zone);
	struct counts c;
	size_t time_bytes = 4;
	if (bytes.n > LIMIT_ZONE_BYTES || !header(bytes, &c))
		return NULL;
	if (bytes.p[4] >= '2') {
		size_t first = HEADER_BYTES + block_bytes(&c, 4);
		if (first > bytes.n)
			return NULL;
		bytes = str_n(bytes.p + first, bytes.n - first);
		time_bytes = 8;
		if (!header(bytes, &c))
			return NULL;
	}
	size_t whole = HEADER_BYTES + block_bytes(&c, time_bytes);
	if (whole > bytes.n || c.n_leap > 0 ||
	    !read_changes(a, z, bytes.p + HEADER_BYTES, &c, time_bytes))
		return NULL;
	if (time_bytes == 8 && !read_footer(z, str_n(bytes.p + whole, bytes.n - whole)))
		return NULL;
	return z;
}

/* ---- the footer ---- */

static bool take(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_n(s->p + 1, s->n - 1);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool number(struct str *s, int most, int *ret)
{
	int v = 0;
	size_t i = 0;
	for (; i < s->n && i < 4 && is_digit(s->p[i]); i++)
		v = v * 10 + (s->p[i] - '0');
	if (i == 0 || v > most)
		return false;
	*s = str_n(s->p + i, s->n - i);
	*ret = v;
	return true;
}

/* "CET" or "<+03>" */
static bool abbreviation(struct str *s)
{
	size_t i = 0;
	if (s->n > 0 && s->p[0] == '<') {
		const char *end = memchr(s->p, '>', s->n);
		i = end ? (size_t)(end - s->p) + 1 : 0;
	} else {
		while (i < s->n && ((s->p[i] | 32) >= 'a' && (s->p[i] | 32) <= 'z'))
			i++;
	}
	*s = str_n(s->p + i, s->n - i);
	return i >= 3;
}

/* [+-]hh[:mm[:ss]], up to 167 hours as RFC 8536 3.3.1 has it. */
static bool clock_time(struct str *s, int32_t *ret)
{
	int h, m = 0, sec = 0;
	bool negative = take(s, '-');
	if (!negative)
		take(s, '+');
	if (!number(s, 167, &h) || (take(s, ':') && !number(s, 59, &m)) ||
	    (take(s, ':') && !number(s, 59, &sec)))
		return false;
	*ret = (h * 3600 + m * 60 + sec) * (negative ? -1 : 1);
	return true;
}

static bool rule(struct str *s, struct zone_rule *ret)
{
	*ret = (struct zone_rule){.kind = ZONE_DAY, .time_s = 7200};
	if (!take(s, ','))
		return false;
	if (take(s, 'M')) {
		ret->kind = ZONE_MONTH_WEEK_DAY;
		if (!number(s, 12, &ret->month) || !take(s, '.') || !number(s, 5, &ret->week) ||
		    !take(s, '.') || !number(s, 6, &ret->day) || ret->month < 1 || ret->week < 1)
			return false;
	} else if (take(s, 'J')) {
		ret->kind = ZONE_JULIAN;
		if (!number(s, 365, &ret->day) || ret->day < 1)
			return false;
	} else if (!number(s, 365, &ret->day)) {
		return false;
	}
	return !take(s, '/') || clock_time(s, &ret->time_s);
}

bool zone_parse_posix(struct str s, struct zone *ret)
{
	int32_t standard, daylight;
	struct zone_rule begins, ends;
	if (!abbreviation(&s) || !clock_time(&s, &standard))
		return false;
	ret->standard_s = -standard;
	ret->daylight_s = 3600 - standard;
	ret->has_rules = false;
	if (s.n == 0)
		return true;
	if (!abbreviation(&s))
		return false;
	if (s.n > 0 && s.p[0] != ',') {
		if (!clock_time(&s, &daylight))
			return false;
		ret->daylight_s = -daylight;
	}
	if (!rule(&s, &begins) || !rule(&s, &ends) || s.n > 0)
		return false;
	ret->begins = begins;
	ret->ends = ends;
	ret->has_rules = ret->standard_s != ret->daylight_s;
	return true;
}

/* ---- asking ---- */

static bool leap_year(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Local time of the rule's change in a year, as if the offset were 0. */
static int64_t rule_local(const struct zone_rule *r, int64_t year)
{
	if (r->kind == ZONE_DAY)
		return (timefmt_days(year, 1, 1) + r->day) * day_s + r->time_s;
	if (r->kind == ZONE_JULIAN) {
		int64_t leap = leap_year(year) && r->day >= 60;
		return (timefmt_days(year, 1, 1) + r->day - 1 + leap) * day_s + r->time_s;
	}
	int64_t first = timefmt_days(year, r->month, 1);
	int64_t next =
		r->month == 12 ? timefmt_days(year + 1, 1, 1) : timefmt_days(year, r->month + 1, 1);
	int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
	int64_t day = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
	if (day >= next)
		day -= 7;
	return day * day_s + r->time_s;
}

/* Of two changes at one instant the beginning of daylight saving time counts: it lasts all year. */
static bool later(const struct zone *z, const struct zone_change *a, const struct zone_change *b)
{
	return a->at_s > b->at_s ||
	       (a->at_s == b->at_s && a->offset_s == z->daylight_s && b->offset_s == z->standard_s);
}

/* The rule's changes of the years around, in order. */
static void rule_changes(const struct zone *z, int64_t year, struct zone_change ret[RULE_CHANGES])
{
	size_t n = 0;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		struct zone_change both[2] = {
			{rule_local(&z->begins, y) - z->standard_s, z->daylight_s},
			{rule_local(&z->ends, y) - z->daylight_s, z->standard_s},
		};
		for (size_t k = 0; k < 2; k++) {
			size_t i = n++;
			for (; i > 0 && later(z, &ret[i - 1], &both[k]); i--)
				ret[i] = ret[i - 1];
			ret[i] = both[k];
		}
	}
}

static int64_t year_of(int64_t time_s)
{
	int64_t year;
	int month, day;
	timefmt_date(time_s / day_s - (time_s % day_s < 0), &year, &month, &day);
	return year;
}

/* Narrows the span, which starts with the last change of the list, by the yearly rule. */
static struct zone_span by_rule(const struct zone *z, int64_t time_s, struct zone_span span)
{
	struct zone_change changes[RULE_CHANGES];
	rule_changes(z, year_of(time_s), changes);
	int64_t last = span.start_s;
	for (size_t i = 0; i < RULE_CHANGES; i++) {
		if (i + 1 < RULE_CHANGES && changes[i + 1].at_s == changes[i].at_s)
			continue;
		if (changes[i].at_s <= last || changes[i].offset_s == span.offset_s)
			continue;
		if (changes[i].at_s > time_s) {
			span.end_s = changes[i].at_s;
			return span;
		}
		span.start_s = changes[i].at_s;
		span.before_s = span.offset_s;
		span.offset_s = changes[i].offset_s;
	}
	return span;
}

struct zone_span zone_span(const struct zone *z, int64_t time_s)
{
	size_t low = 0, high = z->n_changes; /* changes before `low` are at or before the time */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (z->changes[mid].at_s <= time_s)
			low = mid + 1;
		else
			high = mid;
	}
	struct zone_span span = {.start_s = INT64_MIN,
				 .end_s = INT64_MAX,
				 .offset_s = z->first_offset_s,
				 .before_s = z->first_offset_s};
	if (low > 0) {
		span.start_s = z->changes[low - 1].at_s;
		span.offset_s = z->changes[low - 1].offset_s;
		span.before_s = low > 1 ? z->changes[low - 2].offset_s : z->first_offset_s;
	}
	if (low < z->n_changes) {
		span.end_s = z->changes[low].at_s;
		return span;
	}
	return z->has_rules ? by_rule(z, time_s, span) : span;
}

bool zone_name_valid(struct str name)
{
	if (name.n == 0 || name.n > LIMIT_NAME_BYTES || name.p[0] == '/' ||
	    name.p[name.n - 1] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool word = ((c | 32) >= 'a' && (c | 32) <= 'z') || is_digit(c);
		if (!word && (i == 0 || !memchr("_+-/", c, 4)))
			return false;
		if (c == '/' && name.p[i - 1] == '/')
			return false;
	}
	return true;
}
