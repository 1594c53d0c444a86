#include "text/redact.h"

#include <stdio.h>

#include "base/escape.h"
#include "tap.h"

struct known {
	struct redactor *r;
};

static void known_free(struct known *k)
{
	redactor_free(&k->r);
}

#define KNOWN CLEANUP(known_free) struct known

static void becomes(struct tap *t, const struct redactor *r, struct str text, const char *want)
{
	CLEANUP_BUF struct buf out = {0};
	redact(r, text, &out);
	if (!str_eqz(buf_str(&out), want))
		tap_fail(t, __FILE__, __LINE__, "%.*s: got %s, want %s", STR_ARG(text), out.p,
			 want);
}

static void base64(struct buf *out, struct str s, const char *alphabet)
{
	for (size_t i = 0; i < s.n; i += 3) {
		unsigned v = 0;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_putc(out, i + k > s.n ? '=' : alphabet[v >> (18 - 6 * k) & 63]);
	}
}

TEST(a_secret_is_taken_out_in_every_form)
{
	KNOWN k = {redactor_new()};
	CHECK(redactor_add(k.r, STR("s3cr\"t/\xc3\xa9 \xf0\x9f\x98\x80\n!")));
	static const char *const forms[] = {
		"s3cr\"t/\xc3\xa9 \xf0\x9f\x98\x80\n!",
		"s3cr\\\"t/\xc3\xa9 \xf0\x9f\x98\x80\\n!",
		"s3cr\\\"t\\/\\u00e9 \\uD83D\\ude00\\u000a!",
		"s3cr%22t%2F%C3%A9%20%F0%9F%98%80%0A!",
		"s3cr%22t%2f%c3%a9+%f0%9f%98%80%0a%21",
		"%73%33%63%72%22%74%2f%c3%a9%20%f0%9f%98%80%0a%21",
		"73336372227"
		"42fc3a920f09f98800a21",
		"73336372227"
		"42FC3A920F09F98800A21",
	};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		CLEANUP_BUF struct buf text = {0};
		buf_printf(&text, "a=%s;", forms[i]);
		becomes(t, k.r, buf_str(&text), "a=[redacted];");
		becomes(t, k.r, str_of(forms[i]), "[redacted]");
	}
	becomes(t, k.r, STR("s3cr\"t and nothing more"), "s3cr\"t and nothing more");
}

TEST(no_base64_of_a_secret_shows_it_at_any_alignment)
{
	static const char std[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	KNOWN k = {redactor_new()};
	static const char secret[] = "\xfb\xff\xbftoken-42\xfe\xff";
	CHECK(redactor_add(k.r, str_of(secret)));
	for (int before = 0; before < 4; before++) {
		for (int after = 0; after < 4; after++) {
			for (int alphabet = 0; alphabet < 2; alphabet++) {
				CLEANUP_BUF struct buf text = {0}, encoded = {0}, out = {0};
				buf_printf(&text, "%.*s%s%.*s", before, "abcd", secret, after,
					   "wxyz");
				base64(&encoded, buf_str(&text), alphabet ? url : std);
				CHECK(redact(k.r, buf_str(&encoded), &out));
				/* what is left holds at most the neighbours' characters */
				CHECK(out.n <= sizeof(REDACT_MARK) - 1 + 6 + 6);
				CHECK(strstr(out.p, REDACT_MARK));
			}
		}
	}
	CLEANUP_BUF struct buf encoded = {0}, wrapped = {0}, out = {0};
	base64(&encoded, str_of(secret), std);
	for (size_t i = 0; i < encoded.n; i++)
		buf_printf(&wrapped, "%c%s", encoded.p[i], i % 5 == 4 ? "\r\n" : "");
	CHECK(redact(k.r, buf_str(&wrapped), &out));
	CHECK(out.n <= sizeof(REDACT_MARK) - 1 + 6);
}

TEST(secrets_that_overlap_go_together)
{
	KNOWN k = {redactor_new()};
	CHECK(redactor_add(k.r, STR("abcdef")) && redactor_add(k.r, STR("defghi")) &&
	      redactor_add(k.r, STR("abcd")));
	becomes(t, k.r, STR("<abcdefghi>"), "<[redacted]>");
	becomes(t, k.r, STR("<abcdabcd>"), "<[redacted]>");
	becomes(t, k.r, STR("<abcdef abcd>"), "<[redacted] [redacted]>");
	becomes(t, k.r, STR("abcabcd"), "abc[redacted]");
	becomes(t, k.r, STR(""), "");
}

TEST(short_secrets_and_no_secrets_leave_text_alone)
{
	KNOWN k = {redactor_new()};
	CHECK(!redactor_add(k.r, STR("abc")));
	becomes(t, k.r, STR("abc abc"), "abc abc");
	becomes(t, NULL, STR("abc"), "abc");
	CHECK(redactor_add(k.r, STR("aaaa")));
	becomes(t, k.r, STR("aaa%6"), "aaa%6");
	becomes(t, k.r, STR("aaa\\u006"), "aaa\\u006");
	becomes(t, k.r, STR("aaa\\"), "aaa\\");
	becomes(t, k.r, STR("aaaaaaa"), "[redacted]");
}

TAP_MAIN(RUN(a_secret_is_taken_out_in_every_form),
	 RUN(no_base64_of_a_secret_shows_it_at_any_alignment),
	 RUN(secrets_that_overlap_go_together), RUN(short_secrets_and_no_secrets_leave_text_alone))
