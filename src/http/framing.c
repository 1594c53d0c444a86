#include "http/framing.h"

#include "base/limits.h"

static bool token_char(unsigned char c)
{
	if (c <= 0x20 || c >= 0x7f)
		return false;
	return !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!token_char((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

static bool value_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool parse_length(struct str s, uint64_t *ret)
{
	uint64_t n = 0;
	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = n;
	return true;
}

static bool is_chunked(struct str s)
{
	static const char word[] = "chunked";
	if (s.n != sizeof(word) - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] | 0x20) != word[i])
			return false;
	return true;
}

static int judge_body(const struct http_request *r, bool http10, struct framing *ret,
		      const char **ret_detail)
{
	size_t n_lengths = http_header_count(r, "Content-Length");
	size_t n_codings = http_header_count(r, "Transfer-Encoding");
	struct str value;
	if (n_lengths > 1 || n_codings > 1 || (n_lengths && n_codings)) {
		*ret_detail = "The length of the body is given more than once.";
		return 400;
	}
	if (n_codings) {
		http_header(r, "Transfer-Encoding", &value);
		if (http10 || !is_chunked(value)) {
			*ret_detail =
				"The only transfer coding understood is chunked, in HTTP/1.1.";
			return 400;
		}
		ret->chunked = ret->has_body = true;
	}
	if (n_lengths) {
		http_header(r, "Content-Length", &value);
		if (!parse_length(value, &ret->length)) {
			*ret_detail = "Content-Length must be a decimal number.";
			return 400;
		}
		ret->has_body = ret->length > 0;
	}
	if (!ret->chunked && ret->length > LIMIT_BODY_BYTES) {
		*ret_detail = "The body is larger than 4 MiB.";
		return 413;
	}
	return 0;
}

int framing_judge(const struct http_request *r, struct str version, struct framing *ret,
		  const char **ret_detail)
{
	*ret = (struct framing){0};
	bool http10 = str_eq(version, STR("HTTP/1.0"));
	if (!http10 && !str_eq(version, STR("HTTP/1.1"))) {
		*ret_detail = "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
		return 505;
	}
	if (!is_token(r->method)) {
		*ret_detail = "The method is not a word.";
		return 400;
	}
	if (r->n_headers > LIMIT_HTTP_HEADERS) {
		*ret_detail = "There are too many header fields.";
		return 431;
	}
	for (size_t i = 0; i < r->n_headers; i++)
		if (!is_token(r->headers[i].name) || !value_good(r->headers[i].value)) {
			*ret_detail = "A header field has a bad name or a control character.";
			return 400;
		}
	size_t n_hosts = http_header_count(r, "Host");
	if (n_hosts > 1 || (!http10 && n_hosts == 0)) {
		*ret_detail = "There must be one Host header field.";
		return 400;
	}
	return judge_body(r, http10, ret, ret_detail);
}
