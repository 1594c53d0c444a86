/*
 * Lists: ?limit=, ?cursor=, {items, nextCursor}. A cursor is the key of the last item in base64url
 * with a check byte, so that what was not made here is refused and never looked up. A page that was
 * searched for long enough ends before it is full and says how far it came: {searchedTo}.
 */
#include "api/api_private.h"
#include "base/limits.h"
#include "base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static unsigned char check_byte(const unsigned char *p, size_t n)
{
	unsigned sum = 0x5a;
	for (size_t i = 0; i < n; i++)
		sum = (sum * 31 + p[i]) & 0xff;
	return (unsigned char)sum;
}

static void encode(struct buf *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16;
		if (i + 1 < n)
			v |= (unsigned)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		size_t k = n - i >= 3 ? 4 : n - i + 1;
		for (size_t j = 0; j < k; j++)
			buf_putc(out, digits[(v >> (18 - 6 * j)) & 63]);
	}
}

static bool decode(struct arena *a, struct str text, struct str *ret)
{
	if (text.n == 0 || text.n > LIMIT_CURSOR_BYTES || text.n % 4 == 1)
		return false;
	unsigned char *out = arena_alloc(a, text.n);
	size_t n = 0;
	unsigned v = 0, bits = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *d = text.p[i] ? strchr(digits, text.p[i]) : NULL;
		if (!d)
			return false;
		v = ((v << 6) | (unsigned)(d - digits)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (unsigned char)(v >> bits);
		}
	}
	if ((v & ((1u << bits) - 1)) != 0 || n < 2 || check_byte(out, n - 1) != out[n - 1])
		return false;
	*ret = str_n((const char *)out, n - 1);
	return utf8_valid(*ret) && !memchr(ret->p, '\0', ret->n);
}

static bool read_limit(struct call *c, size_t *ret, struct call_done *ret_done)
{
	const struct str *text = call_query(c, "limit");
	size_t n = text && text->n > 0 && text->n <= 4 ? 0 : 10000;
	for (size_t i = 0; text && n < 10000 && i < text->n; i++)
		n = text->p[i] >= '0' && text->p[i] <= '9' ? n * 10 + (size_t)(text->p[i] - '0')
							   : 10000;
	if (!text)
		n = LIMIT_PAGE_DEFAULT;
	*ret = n;
	if (n >= 1 && n <= LIMIT_PAGE_MOST)
		return true;
	*ret_done = call_problem_path(c, 400, "limit", "must be a number from 1 to 500");
	return false;
}

bool page_begin(struct call *c, struct call_page *p, struct call_done *ret_done)
{
	*p = (struct call_page){0};
	const struct str *cursor = call_query(c, "cursor");
	if (!read_limit(c, &p->limit, ret_done))
		return false;
	if (cursor && !decode(c->arena, *cursor, &p->page.after)) {
		*ret_done =
			call_problem_path(c, 400, "cursor", "is none that this service gave out");
		return false;
	}
	p->page.limit = p->limit + 1;
	p->out = json_out_to(&p->body);
	json_out_object(&p->out);
	json_out_key(&p->out, "items");
	json_out_array(&p->out);
	return true;
}

struct call_done page_end(struct call *c, struct call_page *p, bool more, struct str last)
{
	struct json_out *o = &p->out;
	o->buf = &p->body; /* the page may have been moved */
	json_out_end(o);
	json_out_key(o, "nextCursor");
	if (more) {
		CLEANUP_BUF struct buf raw = {0}, text = {0};
		buf_put_str(&raw, last);
		buf_putc(&raw, (char)check_byte((const void *)last.p, last.n));
		encode(&text, (const void *)raw.p, raw.n);
		json_out_str(o, buf_str(&text));
	} else {
		json_out_null(o);
	}
	if (p->searched_to_ms) {
		json_out_key(o, "searchedTo");
		json_out_time(o, p->searched_to_ms);
	}
	json_out_end(o);
	return call_reply(c, 200, &p->body);
}
