#include "http/target.h"

#include <strings.h>

#include "base/limits.h"
#include "base/utf8.h"

_Static_assert(LIMIT_HTTP_SEGMENTS ==
		       sizeof(((struct http_request *)0)->segments) / sizeof(struct str),
	       "the array in server.h has the size of the limit");

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool target_decode(struct arena *a, struct str s, bool plus, struct str *ret)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%') {
			int hi = s.n - i > 2 ? hex(s.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex(s.p[i + 2]) : -1;
			if (lo < 0)
				return false;
			c = (char)(hi * 16 + lo);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		if (c == 0 || c == 0x7f)
			return false;
		p[n++] = c;
	}
	p[n] = '\0';
	*ret = str_n(p, n);
	return utf8_valid(*ret);
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20)
			return true;
	return false;
}

static bool segment_good(struct str s)
{
	if (str_eq(s, STR(".")) || str_eq(s, STR("..")) || has_control(s))
		return false;
	return s.n == 0 || (!memchr(s.p, '/', s.n) && !memchr(s.p, '\\', s.n));
}

static int parse_path(struct arena *a, struct str path, struct http_request *r,
		      const char **ret_detail)
{
	const char *p = path.p + 1, *end = path.p + path.n;
	for (;;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		struct str raw = str_n(p, (size_t)((slash ? slash : end) - p));
		if (r->n_segments == LIMIT_HTTP_SEGMENTS) {
			*ret_detail = "There is nothing at this path.";
			return 404;
		}
		struct str *segment = &r->segments[r->n_segments];
		if (!target_decode(a, raw, false, segment) || !segment_good(*segment)) {
			*ret_detail = "The path has a bad escape, an encoded slash, a dot segment, "
				      "a control character or invalid UTF-8.";
			return 400;
		}
		r->n_segments++;
		if (!slash)
			break;
		p = slash + 1;
	}
	if (r->n_segments == 1 && r->segments[0].n == 0)
		r->n_segments = 0;
	return 0;
}

static int parse_query(struct arena *a, struct str query, struct http_request *r,
		       const char **ret_detail)
{
	const char *p = query.p, *end = query.p + query.n;
	r->query = ARENA_NEW_ARRAY(a, struct http_field, LIMIT_HTTP_QUERY_PARAMS);
	while (p <= end && query.n > 0) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		const char *stop = amp ? amp : end;
		const char *eq = memchr(p, '=', (size_t)(stop - p));
		if (stop > p) {
			struct http_field *f = &r->query[r->n_query];
			struct str name = str_n(p, (size_t)((eq ? eq : stop) - p));
			struct str value = eq ? str_n(eq + 1, (size_t)(stop - eq - 1)) : STR("");
			if (r->n_query == LIMIT_HTTP_QUERY_PARAMS) {
				*ret_detail = "There are too many query parameters.";
				return 400;
			}
			if (!target_decode(a, name, true, &f->name) ||
			    !target_decode(a, value, true, &f->value)) {
				*ret_detail = "The query has a bad escape or invalid UTF-8.";
				return 400;
			}
			r->n_query++;
		}
		if (!amp)
			break;
		p = amp + 1;
	}
	return 0;
}

/* "http://host/path" → "/path" (RFC 9112 section 3.2.2). */
static struct str origin_form(struct str target)
{
	size_t scheme;
	if (target.n > 7 && strncasecmp(target.p, "http://", 7) == 0)
		scheme = 7;
	else if (target.n > 8 && strncasecmp(target.p, "https://", 8) == 0)
		scheme = 8;
	else
		return target;
	for (size_t i = scheme; i < target.n; i++)
		if (target.p[i] == '/')
			return str_n(target.p + i, target.n - i);
	return STR("/");
}

int target_parse(struct arena *a, struct str target, struct http_request *r,
		 const char **ret_detail)
{
	if (target.n > LIMIT_HTTP_TARGET_BYTES) {
		*ret_detail = "The path and query are too long.";
		return 414;
	}
	target = origin_form(target);
	r->path = target;
	if (str_eq(target, STR("*")) && str_eq(r->method, STR("OPTIONS"))) {
		r->segments[0] = target;
		r->n_segments = 1;
		return 0;
	}
	if (target.n == 0 || target.p[0] != '/' || memchr(target.p, '#', target.n)) {
		*ret_detail = "The request target must be a path that begins with a slash.";
		return 400;
	}
	const char *mark = memchr(target.p, '?', target.n);
	if (mark)
		r->path = str_n(target.p, (size_t)(mark - target.p));
	int status = parse_path(a, r->path, r, ret_detail);
	if (status || !mark)
		return status;
	return parse_query(a, str_n(mark + 1, target.n - r->path.n - 1), r, ret_detail);
}
