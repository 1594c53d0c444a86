#include "json/uri.h"

#include <string.h>

#include "base/buf.h"

static bool is_alpha(unsigned char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(unsigned char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static struct str from(struct str s, size_t at)
{
	return str_n(s.p + at, s.n - at);
}

/* Length up to the first of the stops. */
static size_t upto(struct str s, const char *stops)
{
	size_t i = 0;
	while (i < s.n && (s.p[i] == '\0' || !strchr(stops, s.p[i])))
		i++;
	return i;
}

struct uri uri_split(struct str text)
{
	struct uri u = {0};
	struct str s = str_n(text.p ? text.p : "", text.n);
	size_t n = upto(s, ":/?#");
	if (n > 0 && n < s.n && s.p[n] == ':') {
		u.scheme = str_n(s.p, n);
		s = from(s, n + 1);
	}
	if (s.n >= 2 && s.p[0] == '/' && s.p[1] == '/') {
		s = from(s, 2);
		n = upto(s, "/?#");
		u.authority = str_n(s.p, n);
		s = from(s, n);
	}
	n = upto(s, "?#");
	u.path = str_n(s.p, n);
	s = from(s, n);
	if (s.n > 0 && s.p[0] == '?') {
		s = from(s, 1);
		n = upto(s, "#");
		u.query = str_n(s.p, n);
		s = from(s, n);
	}
	if (s.n > 0)
		u.fragment = from(s, 1);
	return u;
}

/* Drops the last segment and its slash from what was put since `start`. */
static void drop_segment(struct buf *out, size_t start)
{
	while (out->n > start && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > start)
		out->n--;
}

/* RFC 3986 5.2.4. */
static void put_without_dots(struct buf *out, struct str in)
{
	size_t start = out->n;
	while (in.n > 0) {
		if (str_starts(in, STR("../"))) {
			in = from(in, 3);
		} else if (str_starts(in, STR("./"))) {
			in = from(in, 2);
		} else if (str_starts(in, STR("/./"))) {
			in = from(in, 2);
		} else if (str_eq(in, STR("/."))) {
			in = STR("/");
		} else if (str_starts(in, STR("/../"))) {
			in = from(in, 3);
			drop_segment(out, start);
		} else if (str_eq(in, STR("/.."))) {
			in = STR("/");
			drop_segment(out, start);
		} else if (str_eq(in, STR(".")) || str_eq(in, STR(".."))) {
			in.n = 0;
		} else {
			size_t n = 1 + upto(from(in, 1), "/");
			buf_put(out, in.p, n);
			in = from(in, n);
		}
	}
}

static void put_path(struct buf *out, const struct uri *base, const struct uri *ref)
{
	if (ref->path.n > 0 && ref->path.p[0] == '/') {
		put_without_dots(out, ref->path);
		return;
	}
	CLEANUP_BUF struct buf merged = {0};
	size_t n = base->path.n;
	while (n > 0 && base->path.p[n - 1] != '/')
		n--;
	if (base->authority.p && base->path.n == 0)
		buf_putc(&merged, '/');
	buf_put(&merged, base->path.p, n);
	buf_put_str(&merged, ref->path);
	put_without_dots(out, buf_str(&merged));
}

struct str uri_resolve(struct arena *a, struct str base_text, struct str reference)
{
	struct uri base = uri_split(base_text), ref = uri_split(reference);
	CLEANUP_BUF struct buf path = {0};
	struct uri to = {.scheme = ref.scheme, .authority = ref.authority, .query = ref.query};
	if (ref.scheme.p || ref.authority.p) {
		/* a path without '/' (urn:a:b) has no dot segments to remove */
		if (ref.path.n > 0 && ref.path.p[0] == '/')
			put_without_dots(&path, ref.path);
		else
			buf_put_str(&path, ref.path);
	} else if (ref.path.n == 0) {
		buf_put_str(&path, base.path);
		if (!ref.query.p)
			to.query = base.query;
	} else {
		put_path(&path, &base, &ref);
	}
	if (!ref.scheme.p) {
		to.scheme = base.scheme;
		if (!ref.authority.p)
			to.authority = base.authority;
	}
	CLEANUP_BUF struct buf out = {0};
	if (to.scheme.p) {
		buf_put_str(&out, to.scheme);
		buf_putc(&out, ':');
	}
	if (to.authority.p) {
		buf_puts(&out, "//");
		buf_put_str(&out, to.authority);
	}
	buf_put_str(&out, buf_str(&path));
	if (to.query.p) {
		buf_putc(&out, '?');
		buf_put_str(&out, to.query);
	}
	if (ref.fragment.p) {
		buf_putc(&out, '#');
		buf_put_str(&out, ref.fragment);
	}
	return arena_str(a, buf_str(&out));
}

struct str uri_without_fragment(struct str text)
{
	return str_n(text.p, upto(text, "#"));
}

struct str uri_fragment(struct str text)
{
	size_t n = upto(text, "#");
	return n < text.n ? from(text, n + 1) : (struct str){0};
}

static int hex_value(unsigned char c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

static bool is_escape(struct str s, size_t at)
{
	return s.n - at >= 3 && s.p[at] == '%' && is_hex((unsigned char)s.p[at + 1]) &&
	       is_hex((unsigned char)s.p[at + 2]);
}

struct str uri_unescape(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_escape(s, i)) {
			out[n++] = s.p[i];
			continue;
		}
		out[n++] = (char)(hex_value((unsigned char)s.p[i + 1]) << 4 |
				  hex_value((unsigned char)s.p[i + 2]));
		i += 2;
	}
	out[n] = '\0';
	return str_n(out, n);
}

/* unreserved, sub-delims, escapes and the extra characters. */
static bool only(struct str s, const char *extra, bool international)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '%') {
			if (!is_escape(s, i))
				return false;
			i += 2;
			continue;
		}
		if (is_alpha(c) || is_digit(c) || (international && c >= 0x80))
			continue;
		if (c == '\0' || c >= 0x80 || (!strchr("-._~!$&'()*+,;=", c) && !strchr(extra, c)))
			return false;
	}
	return true;
}

static bool scheme_valid(struct str s)
{
	if (s.n == 0 || !is_alpha((unsigned char)s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
			return false;
	}
	return true;
}

bool uri_is_ipv4(struct str s)
{
	int parts = 0;
	for (size_t i = 0; i < s.n; parts++) {
		if (parts > 0 && s.p[i++] != '.')
			return false;
		size_t start = i;
		int v = 0;
		while (i < s.n && i - start < 3 && is_digit((unsigned char)s.p[i]))
			v = v * 10 + (s.p[i++] - '0');
		if (i == start || v > 255 || (i - start > 1 && s.p[start] == '0'))
			return false;
	}
	return parts == 4;
}

bool uri_is_ipv6(struct str s)
{
	int groups = 0;
	bool gap = false;
	size_t i = 0;
	if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		gap = true;
		i = 2;
	}
	while (i < s.n) {
		size_t n = upto(from(s, i), ":");
		struct str part = str_n(s.p + i, n);
		if (i + n == s.n && memchr(part.p, '.', part.n)) {
			groups += 2;
			if (!uri_is_ipv4(part))
				return false;
			i += n;
			break;
		}
		if (n == 0 || n > 4)
			return false;
		for (size_t k = 0; k < n; k++)
			if (!is_hex((unsigned char)part.p[k]))
				return false;
		groups++;
		i += n;
		if (i == s.n)
			break;
		if (++i == s.n)
			return false; /* one colon at the end */
		if (s.p[i] == ':') {
			if (gap)
				return false;
			gap = true;
			i++;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

static bool ip_literal_valid(struct str s)
{
	if (s.n > 0 && (s.p[0] | 0x20) == 'v') {
		size_t dot = upto(s, ".");
		for (size_t i = 1; i < dot; i++)
			if (!is_hex((unsigned char)s.p[i]))
				return false;
		return dot > 1 && dot + 1 < s.n && only(from(s, dot + 1), ":", false);
	}
	return uri_is_ipv6(s);
}

static bool authority_valid(struct str s, bool international)
{
	size_t at = upto(s, "@");
	if (at < s.n) {
		if (!only(str_n(s.p, at), ":", international))
			return false;
		s = from(s, at + 1);
	}
	size_t host = 0;
	if (s.n > 0 && s.p[0] == '[') {
		size_t close = upto(s, "]");
		if (close == s.n || !ip_literal_valid(str_n(s.p + 1, close - 1)))
			return false;
		host = close + 1;
		if (host < s.n && s.p[host] != ':')
			return false;
	} else {
		host = upto(s, ":");
		if (!only(str_n(s.p, host), "", international))
			return false;
	}
	for (size_t i = host + 1; i < s.n; i++)
		if (!is_digit((unsigned char)s.p[i]))
			return false;
	return true;
}

bool uri_valid(struct str text, int flags)
{
	struct uri u = uri_split(text);
	bool international = flags & URI_INTERNATIONAL;
	if (u.scheme.p ? !scheme_valid(u.scheme) : (flags & URI_ABSOLUTE) != 0)
		return false;
	if (!u.scheme.p && !u.authority.p) {
		/* a first segment with a colon would read as a scheme */
		struct str first = str_n(u.path.p, upto(u.path, "/"));
		if (memchr(first.p, ':', first.n))
			return false;
	}
	return (!u.authority.p || authority_valid(u.authority, international)) &&
	       only(u.path, "/:@", international) && only(u.query, "/:@?", international) &&
	       only(u.fragment, "/:@?", international);
}
