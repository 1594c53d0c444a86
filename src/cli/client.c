#include "cli/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "cli/client_private.h"
#include "cli/finding.h"
#include "json/parse.h"

enum { CONNECT_TIMEOUT_MS = 5000 };

struct client *client_new(const struct cli_common *common)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	struct client *c = NEW0(struct client);
	c->curl = curl_easy_init();
	c->server = mem_dupz(common->server);
	size_t n = strlen(c->server);
	while (n > 0 && c->server[n - 1] == '/')
		c->server[--n] = '\0';
	if (common->token && *common->token)
		c->auth = mem_printf("Authorization: Bearer %s", common->token);
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->curl);
	curl_slist_free_all(c->once);
	free(c->server);
	free(c->auth);
	free(c);
}

void response_free(struct response *r)
{
	buf_free(&r->body);
	arena_free(&r->arena);
}

void client_header(struct client *c, const char *header)
{
	c->once = curl_slist_append(c->once, header);
}

void client_escape(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char b = (unsigned char)text.p[i];
		if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
		    (b && strchr("-._~", b)))
			buf_putc(out, (char)b);
		else
			buf_printf(out, "%%%02X", b);
	}
}

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
	buf_put(arg, data, size * n);
	return size * n;
}

void client_prepare(const struct client *c, CURL *curl, const char *method, const char *path,
		    struct curl_slist **headers)
{
	CLEANUP_FREE char *url = mem_printf("%s%s", c->server, path);
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* what is asked for is not tidied here */
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "drover/" DROVER_VERSION);
	if (c->auth)
		*headers = curl_slist_append(*headers, c->auth);
}

bool client_unreachable(const struct client *c, const char *why)
{
	fflush(stdout);
	fprintf(stderr,
		"drover: can't reach the service at %s: %s; start one with 'drover serve' "
		"or name another with --server\n",
		c->server, why);
	return false;
}

static CURLcode perform(struct client *c)
{
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->once);
	CURLcode r = curl_easy_perform(c->curl);
	curl_slist_free_all(c->once);
	c->once = NULL;
	return r;
}

/* NULL, or why there is no answer of a drover. */
static const char *call(struct client *c, const char *method, const char *path, struct str body,
			const char *content_type, struct response *ret)
{
	*ret = (struct response){.value = value_null()};
	client_prepare(c, c->curl, method, path, &c->once);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &ret->body);
	c->once = curl_slist_append(c->once, "Accept: application/json");
	if (body.p) {
		CLEANUP_FREE char *type = mem_printf(
			"Content-Type: %s", content_type ? content_type : "application/json");
		c->once = curl_slist_append(c->once, type);
		c->once = curl_slist_append(c->once, "Expect:");
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
		curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
	}
	CURLcode r = perform(c);
	if (r != CURLE_OK)
		return curl_easy_strerror(r);
	long status = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	ret->status = (int)status;
	if (ret->body.n > 0 &&
	    json_parse(&ret->arena, buf_str(&ret->body), JSON_BORROW, &ret->value, NULL) != 0)
		return "what answers there is not drover";
	return NULL;
}

bool client_call(struct client *c, const char *method, const char *path, struct str body,
		 const char *content_type, struct response *ret)
{
	const char *problem = call(c, method, path, body, content_type, ret);
	return problem ? client_unreachable(c, problem) : true;
}

bool client_try(struct client *c, const char *path, struct response *ret)
{
	return call(c, "GET", path, (struct str){0}, NULL, ret) == NULL;
}

int client_get(struct client *c, const char *path, struct response *ret)
{
	if (!client_call(c, "GET", path, (struct str){0}, NULL, ret))
		return CLI_UNREACHABLE;
	return ret->status >= 400 ? client_refused(ret) : CLI_OK;
}

struct download {
	CURL *curl;
	FILE *to;
	struct buf refusal;
};

static size_t write_or_keep(char *data, size_t size, size_t n, void *arg)
{
	enum { REFUSAL_MOST = 1 << 20 };
	struct download *d = arg;
	long status = 0;
	curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return fwrite(data, 1, size * n, d->to);
	if (d->refusal.n + size * n > REFUSAL_MOST)
		return 0;
	buf_put(&d->refusal, data, size * n);
	return size * n;
}

int client_download(struct client *c, const char *path, FILE *to)
{
	struct download d = {.curl = c->curl, .to = to};
	CLEANUP_RESPONSE struct response r = {.value = value_null()};
	client_prepare(c, c->curl, "GET", path, &c->once);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, write_or_keep);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &d);
	CURLcode failed = perform(c);
	r.body = d.refusal;
	if (failed == CURLE_WRITE_ERROR) {
		fprintf(stderr, "drover: the bytes can't be written\n");
		return CLI_FAILED;
	}
	if (failed != CURLE_OK) {
		client_unreachable(c, curl_easy_strerror(failed));
		return CLI_UNREACHABLE;
	}
	long status = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	r.status = (int)status;
	if (status == 200)
		return CLI_OK;
	(void)json_parse(&r.arena, buf_str(&r.body), JSON_BORROW, &r.value, NULL);
	return client_refused(&r);
}

/* One finding; with its line of the file when it has a place there. */
static void put_finding(const struct value *e, const char *file, struct str text)
{
	struct finding f = {
		.path = value_text(value_getz(e, "path")),
		.message = value_text(value_getz(e, "message")),
	};
	const struct value *line = value_getz(e, "line"), *column = value_getz(e, "column");
	if (value_is(line, VALUE_INT) && value_is(column, VALUE_INT)) {
		f.line = (int)line->i;
		f.column = (int)column->i;
	}
	finding_print(stderr, file, text, &f);
}

int client_refused_file(const struct response *r, const char *file, struct str text)
{
	CLEANUP_BUF struct buf out = {0};
	struct str title = value_text(value_getz(&r->value, "title"));
	struct str detail = value_text(value_getz(&r->value, "detail"));
	if (title.n > 0)
		escape_terminal(&out, title);
	else
		buf_printf(&out, "the service answered %d", r->status);
	const struct value *errors = value_getz(&r->value, "errors");
	bool again = value_is(errors, VALUE_ARRAY) && errors->n == 1 &&
		     str_eq(detail, value_text(value_getz(&errors->items[0], "message")));
	if (detail.n > 0 && !again) {
		buf_puts(&out, ": ");
		escape_terminal(&out, detail);
	}
	fflush(stdout);
	fprintf(stderr, "drover: %s\n", out.p);
	for (uint32_t i = 0; value_is(errors, VALUE_ARRAY) && i < errors->n; i++)
		put_finding(&errors->items[i], file, text);
	return CLI_FAILED;
}

int client_refused(const struct response *r)
{
	return client_refused_file(r, NULL, (struct str){0});
}
