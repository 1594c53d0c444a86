#include "cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "json/parse.h"

enum { CONNECT_TIMEOUT_MS = 5000, RESUMES_MOST = 20, RESUME_PAUSE_MS = 250 };

struct client {
	CURL *curl;
	char *server;
	char *auth; /* header, or NULL */
	struct curl_slist *once;
};

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

static void prepare(struct client *c, const char *url, const char *method)
{
	curl_easy_reset(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "drover/" DROVER_VERSION);
	if (c->auth)
		c->once = curl_slist_append(c->once, c->auth);
}

static bool unreachable(struct client *c, CURLcode r)
{
	fprintf(stderr, "drover: can't reach the service at %s: %s; start one with 'drover serve' "
			"or name another with --server\n",
		c->server, curl_easy_strerror(r));
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

bool client_call(struct client *c, const char *method, const char *path, struct str body,
		 const char *content_type, struct response *ret)
{
	*ret = (struct response){.value = value_null()};
	CLEANUP_FREE char *url = mem_printf("%s%s", c->server, path);
	prepare(c, url, method);
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
		return unreachable(c, r);
	long status = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	ret->status = (int)status;
	if (json_parse(&ret->arena, buf_str(&ret->body), JSON_BORROW, &ret->value, NULL) != 0)
		ret->value = value_null();
	return true;
}

/* ---- server-sent events, as the HTML standard's section 9.2 reads them ---- */

struct follower {
	struct client *client;
	struct buf line, id, type, data, body;
	bool (*on_event)(void *arg, const struct client_event *e);
	void *arg;
	bool stopped, checked, refused;
	bool any;
};

static void dispatch(struct follower *f)
{
	if (f->data.n > 0) {
		struct client_event e = {
			.id = buf_str(&f->id),
			.type = f->type.n ? buf_str(&f->type) : STR("message"),
			.data = str_n(f->data.p, f->data.n - 1), /* without the last newline */
		};
		f->any = true;
		if (!f->on_event(f->arg, &e))
			f->stopped = true;
	}
	buf_clear(&f->type);
	buf_clear(&f->data);
}

static void take_line(struct follower *f, struct str line)
{
	if (line.n == 0) {
		dispatch(f);
		return;
	}
	const char *colon = memchr(line.p, ':', line.n);
	struct str field = str_n(line.p, colon ? (size_t)(colon - line.p) : line.n);
	struct str value = {0};
	if (colon) {
		value = str_n(colon + 1, line.n - field.n - 1);
		if (value.n > 0 && value.p[0] == ' ')
			value = str_n(value.p + 1, value.n - 1);
	}
	if (str_eqz(field, "data")) {
		buf_put_str(&f->data, value);
		buf_putc(&f->data, '\n');
	} else if (str_eqz(field, "event")) {
		buf_clear(&f->type);
		buf_put_str(&f->type, value);
	} else if (str_eqz(field, "id")) {
		buf_clear(&f->id);
		buf_put_str(&f->id, value);
	}
}

static size_t follow_data(char *data, size_t size, size_t n, void *arg)
{
	struct follower *f = arg;
	size_t bytes = size * n;
	if (!f->checked) {
		long status = 0;
		curl_easy_getinfo(f->client->curl, CURLINFO_RESPONSE_CODE, &status);
		f->checked = true;
		f->refused = status != 200;
	}
	if (f->refused) {
		buf_put(&f->body, data, bytes);
		return bytes;
	}
	for (size_t i = 0; i < bytes && !f->stopped; i++) {
		if (data[i] == '\r')
			continue;
		if (data[i] != '\n') {
			buf_putc(&f->line, data[i]);
			continue;
		}
		take_line(f, buf_str(&f->line));
		buf_clear(&f->line);
	}
	return f->stopped ? 0 : bytes;
}

static int follow_once(struct follower *f, const char *path, CURLcode *ret_code)
{
	struct client *c = f->client;
	CLEANUP_FREE char *url = mem_printf("%s%s", c->server, path);
	prepare(c, url, "GET");
	c->once = curl_slist_append(c->once, "Accept: text/event-stream");
	if (f->id.n > 0) {
		CLEANUP_FREE char *last = mem_printf("Last-Event-ID: %s", f->id.p);
		c->once = curl_slist_append(c->once, last);
	}
	f->checked = f->refused = f->any = false;
	buf_clear(&f->line);
	buf_clear(&f->type);
	buf_clear(&f->data);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, follow_data);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, f);
	*ret_code = perform(c);
	long status = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

int client_follow(struct client *c, const char *path,
		  bool (*on_event)(void *arg, const struct client_event *e), void *arg)
{
	struct follower f = {.client = c, .on_event = on_event, .arg = arg};
	int status = 0;
	for (int left = RESUMES_MOST; left > 0; left--) {
		CURLcode r;
		status = follow_once(&f, path, &r);
		if (f.stopped || f.refused || (r == CURLE_OK && status == 200))
			break;
		if (f.any)
			left = RESUMES_MOST;
		if (left == 1 || r == CURLE_COULDNT_RESOLVE_HOST) {
			unreachable(c, r);
			status = 0;
			break;
		}
		usleep(RESUME_PAUSE_MS * 1000);
	}
	if (f.refused) {
		struct response refusal = {.status = status, .body = f.body};
		json_parse(&refusal.arena, buf_str(&f.body), 0, &refusal.value, NULL);
		client_refused(&refusal, NULL);
		arena_free(&refusal.arena);
	}
	buf_free(&f.line);
	buf_free(&f.id);
	buf_free(&f.type);
	buf_free(&f.data);
	buf_free(&f.body);
	return status;
}

int client_refused(const struct response *r, const char *file)
{
	CLEANUP_BUF struct buf out = {0};
	struct str title = value_text(value_getz(&r->value, "title"));
	struct str detail = value_text(value_getz(&r->value, "detail"));
	buf_printf(&out, "drover: ");
	if (title.n > 0)
		escape_terminal(&out, title);
	else
		buf_printf(&out, "the service answered %d", r->status);
	if (detail.n > 0) {
		buf_puts(&out, ": ");
		escape_terminal(&out, detail);
	}
	const struct value *errors = value_getz(&r->value, "errors");
	for (uint32_t i = 0; value_is(errors, VALUE_ARRAY) && i < errors->n; i++) {
		const struct value *e = &errors->items[i];
		const struct value *line = value_getz(e, "line"), *column = value_getz(e, "column");
		struct str path = value_text(value_getz(e, "path"));
		buf_puts(&out, "\n  ");
		if (file && value_is(line, VALUE_INT))
			buf_printf(&out, "%s:%lld:%lld: ", file, (long long)line->i,
				   value_is(column, VALUE_INT) ? (long long)column->i : 1LL);
		escape_terminal(&out, path);
		buf_puts(&out, path.n ? ": " : "");
		escape_terminal(&out, value_text(value_getz(e, "message")));
	}
	fprintf(stderr, "%s\n", out.p);
	return CLI_FAILED;
}
