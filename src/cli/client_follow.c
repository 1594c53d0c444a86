/*
 * Server-sent events, as section 9.2 of the HTML standard reads them, of several streams at once.
 *
 * A stream ends by itself when the run or node has ended, and also when the service is stopped.
 * So an end is asked about: with the last id the service answers 204 when there is no more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/client_private.h"
#include "json/parse.h"

enum { STREAMS_AT_ONCE = 50, RESUMES_MOST = 40, RESUME_PAUSE_MS = 250, POLL_MS = 1000 };

enum state { NEW, LIVE, PAUSED, DONE };

struct follower {
	const struct client *client;
	struct client_stream *stream;
	CURL *curl;
	struct curl_slist *headers;
	struct buf line, id, type, data, refusal;
	enum state state;
	int64_t again_ns; /* PAUSED: until then */
	int resumes;	  /* since the last event */
	bool connected;	  /* ever */
	bool stopped, any;
	long status;
};

/* ---- reading ---- */

static void dispatch(struct follower *f)
{
	if (f->data.n > 0) {
		struct client_event e = {
			.id = buf_str(&f->id),
			.type = f->type.n ? buf_str(&f->type) : STR("message"),
			.data = str_n(f->data.p, f->data.n - 1), /* without the last newline */
		};
		f->any = true;
		f->resumes = 0;
		if (!f->stream->on_event(f->stream->arg, &e))
			f->stopped = true;
	}
	buf_clear(&f->type);
	buf_clear(&f->data);
}

static void set(struct buf *b, struct str text)
{
	buf_clear(b);
	buf_put_str(b, text);
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
		set(&f->type, value);
	} else if (str_eqz(field, "id")) {
		set(&f->id, value);
	}
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct follower *f = arg;
	size_t bytes = size * n;
	f->connected = true;
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->status);
	if (f->status != 200) {
		buf_put(&f->refusal, data, bytes);
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

/* ---- one connection after the other ---- */

static void start(struct follower *f, CURLM *multi)
{
	if (!f->curl)
		f->curl = curl_easy_init();
	client_prepare(f->client, f->curl, "GET", f->stream->path, &f->headers);
	f->headers = curl_slist_append(f->headers, "Accept: text/event-stream");
	if (f->id.n > 0) {
		CLEANUP_FREE char *last = mem_printf("Last-Event-ID: %s", f->id.p);
		f->headers = curl_slist_append(f->headers, last);
	}
	f->any = false;
	f->status = 0;
	buf_clear(&f->line);
	buf_clear(&f->type);
	buf_clear(&f->data);
	buf_clear(&f->refusal);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_PRIVATE, f);
	curl_multi_add_handle(multi, f->curl);
	f->state = LIVE;
}

static void refused(struct follower *f)
{
	struct response r = {.status = (int)f->status, .body = f->refusal};
	json_parse(&r.arena, buf_str(&f->refusal), 0, &r.value, NULL);
	client_refused(&r);
	arena_free(&r.arena);
	f->stream->status = CLI_FAILED;
	f->state = DONE;
}

static void resume(struct follower *f, CURLcode code)
{
	bool never = !f->connected && code != CURLE_OK;
	if (never || f->resumes++ == RESUMES_MOST) {
		client_unreachable(f->client, code == CURLE_OK ? "the stream ends again and again"
							       : curl_easy_strerror(code));
		f->stream->status = CLI_UNREACHABLE;
		f->state = DONE;
		return;
	}
	f->again_ns = clock_mono_ns(clock_system()) + (int64_t)RESUME_PAUSE_MS * 1000000;
	f->state = PAUSED;
}

static void ended(struct follower *f, CURLM *multi, CURLcode code)
{
	curl_multi_remove_handle(multi, f->curl);
	curl_slist_free_all(f->headers);
	f->headers = NULL;
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->status);
	bool whole = code == CURLE_OK;
	f->connected |= whole;
	if (f->stopped || (whole && f->status == 204))
		f->state = DONE;
	else if (whole && f->status != 200)
		refused(f);
	else if (whole && !f->any && !f->stream->until_stopped)
		f->state = DONE; /* there was nothing more */
	else
		resume(f, code);
	if (f->state != DONE)
		return;
	curl_easy_cleanup(f->curl);
	f->curl = NULL;
}

/* ---- all of them ---- */

static void start_due(struct follower *all, size_t n, CURLM *multi)
{
	size_t busy = 0;
	int64_t now_ns = clock_mono_ns(clock_system());
	for (size_t i = 0; i < n && busy < STREAMS_AT_ONCE; i++) {
		struct follower *f = &all[i];
		if (f->state == NEW || (f->state == PAUSED && now_ns >= f->again_ns))
			start(f, multi);
		busy += f->state != DONE;
	}
}

static void take_ends(CURLM *multi)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));) {
		if (m->msg != CURLMSG_DONE)
			continue;
		struct follower *f = NULL;
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		ended(f, multi, code);
	}
}

/* The time to wait, or -1 when all are done. */
static int wait_ms(const struct follower *all, size_t n)
{
	int ms = -1;
	for (size_t i = 0; i < n; i++) {
		if (all[i].state == PAUSED || all[i].state == NEW)
			return RESUME_PAUSE_MS / 2;
		if (all[i].state == LIVE)
			ms = POLL_MS;
	}
	return ms;
}

static void follower_free(struct follower *f)
{
	buf_free(&f->line);
	buf_free(&f->id);
	buf_free(&f->type);
	buf_free(&f->data);
	buf_free(&f->refusal);
}

int client_follow(struct client *c, struct client_stream *streams, size_t n)
{
	struct follower *all = NEW0_ARRAY(struct follower, n + 1);
	CURLM *multi = curl_multi_init();
	int status = CLI_OK, running, ms;
	for (size_t i = 0; i < n; i++) {
		all[i].client = c;
		all[i].stream = &streams[i];
		streams[i].status = CLI_OK;
	}
	do {
		start_due(all, n, multi);
		curl_multi_perform(multi, &running);
		take_ends(multi);
		ms = wait_ms(all, n);
		if (ms >= 0)
			curl_multi_poll(multi, NULL, 0, ms, NULL);
	} while (ms >= 0);
	for (size_t i = 0; i < n; i++) {
		status = streams[i].status > status ? streams[i].status : status;
		follower_free(&all[i]);
	}
	curl_multi_cleanup(multi);
	free(all);
	return status;
}
