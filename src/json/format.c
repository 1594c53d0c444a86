#include "json/format.h"

#include <stdint.h>

#include "base/fault.h"
#include "base/utf8.h"
#include "json/pattern.h"
#include "json/uri.h"

static const char *const names[] = {
	[FORMAT_NONE] = "",
	[FORMAT_DATE_TIME] = "date-time",
	[FORMAT_DATE] = "date",
	[FORMAT_TIME] = "time",
	[FORMAT_DURATION] = "duration",
	[FORMAT_EMAIL] = "email",
	[FORMAT_IDN_EMAIL] = "idn-email",
	[FORMAT_HOSTNAME] = "hostname",
	[FORMAT_IDN_HOSTNAME] = "idn-hostname",
	[FORMAT_IPV4] = "ipv4",
	[FORMAT_IPV6] = "ipv6",
	[FORMAT_URI] = "uri",
	[FORMAT_URI_REFERENCE] = "uri-reference",
	[FORMAT_IRI] = "iri",
	[FORMAT_IRI_REFERENCE] = "iri-reference",
	[FORMAT_URI_TEMPLATE] = "uri-template",
	[FORMAT_UUID] = "uuid",
	[FORMAT_JSON_POINTER] = "json-pointer",
	[FORMAT_RELATIVE_JSON_POINTER] = "relative-json-pointer",
	[FORMAT_REGEX] = "regex",
};

enum format format_of(struct str name)
{
	for (size_t i = 1; i < ARRAY_LEN(names); i++)
		if (str_eqz(name, names[i]))
			return (enum format)i;
	return FORMAT_NONE;
}

const char *format_name(enum format format)
{
	return names[format];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static struct str from(struct str s, size_t at)
{
	return str_n(s.p + at, s.n - at);
}

/* Exactly n digits at the start of *s, taken off. */
static bool take_number(struct str *s, size_t n, int *ret)
{
	if (s->n < n)
		return false;
	int v = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = from(*s, n);
	*ret = v;
	return true;
}

static bool take(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = from(*s, 1);
	return true;
}

static bool take_date(struct str *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	if (!take_number(s, 4, &year) || !take(s, '-') || !take_number(s, 2, &month) ||
	    !take(s, '-') || !take_number(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1)
		return false;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (month == 2 && leap);
}

/* RFC 3339 full-time; a leap second only where it is 23:59:60 in UTC. */
static bool take_time(struct str *s)
{
	int hour, minute, second, off_hour = 0, off_minute = 0;
	if (!take_number(s, 2, &hour) || !take(s, ':') || !take_number(s, 2, &minute) ||
	    !take(s, ':') || !take_number(s, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (take(s, '.')) {
		size_t n = 0;
		while (n < s->n && is_digit(s->p[n]))
			n++;
		if (n == 0)
			return false;
		*s = from(*s, n);
	}
	int sign = 0;
	if (!take(s, 'Z') && !take(s, 'z')) {
		sign = take(s, '+') ? 1 : take(s, '-') ? -1 : 0;
		if (sign == 0 || !take_number(s, 2, &off_hour) || !take(s, ':') ||
		    !take_number(s, 2, &off_minute) || off_hour > 23 || off_minute > 59)
			return false;
	}
	int utc = hour * 60 + minute - sign * (off_hour * 60 + off_minute);
	return second < 60 || (utc + 2 * 1440) % 1440 == 23 * 60 + 59;
}

static bool is_date_time(struct str s)
{
	return take_date(&s) && (take(&s, 'T') || take(&s, 't')) && take_time(&s) && s.n == 0;
}

/* The units of one part of a duration, in order; each at most once, no gap for time and date. */
static bool take_units(struct str *s, const char *units)
{
	bool any = false;
	while (s->n > 0 && is_digit(s->p[0])) {
		size_t n = 0;
		while (n < s->n && is_digit(s->p[n]))
			n++;
		if (n == s->n || s->p[n] == '\0')
			return false;
		const char *unit = units;
		while (*unit && *unit != s->p[n])
			unit++;
		if (!*unit || (any && unit != units))
			return false;
		units = unit + 1;
		any = true;
		*s = from(*s, n + 1);
	}
	return any;
}

/* RFC 3339 appendix A. */
static bool is_duration(struct str s)
{
	if (!take(&s, 'P') || s.n == 0)
		return false;
	if (s.p[s.n - 1] == 'W')
		return take_units(&s, "W") && s.n == 0;
	if (s.p[0] != 'T' && !take_units(&s, "YMD"))
		return false;
	if (take(&s, 'T') && !take_units(&s, "HMS"))
		return false;
	return s.n == 0;
}

/* One label of a host name, without the dots. */
static bool is_label(struct str s, bool international)
{
	if (s.n == 0 || (!international && s.n > 63) || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-' && !(international && (s.p[i] & 0x80)))
			return false;
	/* "--" in the third place is kept for encodings, of which xn-- is the one in use */
	bool encoded = s.n >= 4 && s.p[2] == '-' && s.p[3] == '-';
	return !encoded || ((s.p[0] | 0x20) == 'x' && (s.p[1] | 0x20) == 'n' && s.n > 4);
}

/* Length of a dot at s: ".", or one of the three that IDNA takes for it. */
static size_t dot_at(struct str s, bool international)
{
	static const char *const dots[] = {"\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};
	if (s.n > 0 && s.p[0] == '.')
		return 1;
	for (size_t i = 0; international && i < ARRAY_LEN(dots); i++)
		if (str_starts(s, str_of(dots[i])))
			return 3;
	return 0;
}

static bool is_hostname(struct str s, bool international)
{
	if (s.n > 253 && !(international && utf8_length(s) <= 253))
		return false;
	for (;;) {
		size_t n = 0;
		while (n < s.n && !dot_at(from(s, n), international))
			n++;
		if (!is_label(str_n(s.p, n), international))
			return false;
		if (n == s.n)
			return true;
		s = from(s, n + dot_at(from(s, n), international));
	}
}

static bool is_atom_char(char c, bool international)
{
	return is_alnum(c) || (c && memchr("!#$%&'*+-/=?^_`{|}~", c, 19)) ||
	       (international && (c & 0x80));
}

/* Length of the local part at the start of an address; 0 when it is none. RFC 5321 4.1.2. */
static size_t local_part(struct str s, bool international)
{
	size_t i = 0;
	if (s.n > 0 && s.p[0] == '"') {
		for (i = 1; i < s.n && s.p[i] != '"'; i++) {
			if (s.p[i] == '\\')
				i++;
			if (i == s.n || (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ||
			    (!international && (s.p[i] & 0x80)))
				return 0;
		}
		return i < s.n ? i + 1 : 0;
	}
	for (; i < s.n && s.p[i] != '@'; i++) {
		bool dot = s.p[i] == '.';
		if (dot && (i == 0 || i + 1 == s.n || s.p[i + 1] == '.' || s.p[i + 1] == '@'))
			return 0;
		if (!dot && !is_atom_char(s.p[i], international))
			return 0;
	}
	return i;
}

static bool is_email(struct str s, bool international)
{
	size_t n = local_part(s, international);
	if (n == 0 || n > 64 || n >= s.n || s.p[n] != '@')
		return false;
	struct str domain = from(s, n + 1);
	if (domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
		struct str address = str_n(domain.p + 1, domain.n - 2);
		if (str_starts(address, STR("IPv6:")))
			return uri_is_ipv6(from(address, 5));
		return uri_is_ipv4(address);
	}
	return is_hostname(domain, international);
}

static bool is_uuid(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s.p[i] != '-' : !is_hex(s.p[i]))
			return false;
	}
	return true;
}

static bool is_json_pointer(struct str s)
{
	if (s.n > 0 && s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '~' && (i + 1 == s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1')))
			return false;
	return true;
}

static bool is_relative_json_pointer(struct str s)
{
	size_t n = 0;
	while (n < s.n && is_digit(s.p[n]))
		n++;
	if (n == 0 || (n > 1 && s.p[0] == '0'))
		return false;
	s = from(s, n);
	return str_eq(s, STR("#")) || is_json_pointer(s);
}

static bool is_regex(struct str s)
{
	struct pattern *re = NULL;
	char message[160];
	if (pattern_compile(s, &re, message, sizeof(message)))
		return false;
	pattern_free(re);
	return true;
}

/* RFC 6570: expressions are closed, not nested, and made of what they may be made of. */
static bool is_uri_template(struct str s)
{
	bool inside = false;
	size_t start = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '{' || c == '}') {
			if (inside == (c == '{') || (inside && i == start))
				return false;
			inside = c == '{';
			start = i + 1;
		} else if (inside) {
			bool operator= i == start && c && memchr("+#./;?&=,!@|", c, 12);
			if (!operator&& !is_alnum(c) && !(c && memchr("_%.,:*", c, 6)))
				return false;
		} else if ((unsigned char)c <= 0x20 || c == 0x7f || memchr("\"'<>\\^`|", c, 8)) {
			return false;
		}
	}
	return !inside;
}

bool format_valid(enum format format, struct str s)
{
	if (!s.p)
		s = STR("");
	switch (format) {
	case FORMAT_NONE:
		return true;
	case FORMAT_DATE_TIME:
		return is_date_time(s);
	case FORMAT_DATE:
		return take_date(&s) && s.n == 0;
	case FORMAT_TIME:
		return take_time(&s) && s.n == 0;
	case FORMAT_DURATION:
		return is_duration(s);
	case FORMAT_EMAIL:
		return is_email(s, false);
	case FORMAT_IDN_EMAIL:
		return is_email(s, true);
	case FORMAT_HOSTNAME:
		return is_hostname(s, false);
	case FORMAT_IDN_HOSTNAME:
		return is_hostname(s, true);
	case FORMAT_IPV4:
		return uri_is_ipv4(s);
	case FORMAT_IPV6:
		return uri_is_ipv6(s);
	case FORMAT_URI:
		return uri_valid(s, URI_ABSOLUTE);
	case FORMAT_URI_REFERENCE:
		return uri_valid(s, 0);
	case FORMAT_IRI:
		return uri_valid(s, URI_ABSOLUTE | URI_INTERNATIONAL);
	case FORMAT_IRI_REFERENCE:
		return uri_valid(s, URI_INTERNATIONAL);
	case FORMAT_URI_TEMPLATE:
		return is_uri_template(s);
	case FORMAT_UUID:
		return is_uuid(s);
	case FORMAT_JSON_POINTER:
		return is_json_pointer(s);
	case FORMAT_RELATIVE_JSON_POINTER:
		return is_relative_json_pointer(s);
	case FORMAT_REGEX:
		return is_regex(s);
	}
	return true;
}
