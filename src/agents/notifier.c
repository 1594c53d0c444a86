/*
 * The notifier's delivery: tries, pauses, an end. States of one message:
 *
 *      trying ── 2xx ──────────────────────────────→ delivered
 *        ↑ └──── 408 425 429 5xx, no connection, ──→ pausing (a timer), or, after the last try or
 *        │       time-out, broken connection         for a pause too long to sit out here, failed
 *      pausing                                       (retryable: the engine's retry goes on)
 *        └────── anything else ────────────────────→ failed (final)
 */
#include <string.h>
#include <uv.h>

#include "agents/notice.h"
#include "agents/rule_impl.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/retry_after.h"
#include "json/write.h"
#include "text/redact.h"

enum {
	RESPONSE_BYTES = 64 << 10,
	EXCERPT_BYTES = 200, /* of an error answer, shown to people */
	CONSOLE_TEXT = 4096,
};

struct delivery {
	struct rule_call call;
	struct arena arena;
	struct notice notice;
	struct buf body;
	const char *key;
	bool truncated;
	int tries;
	struct http_call *http;
	uv_timer_t timer;
	struct redactor *redactor;
};

static void on_timer_closed(uv_handle_t *timer)
{
	struct delivery *d = timer->data;
	buf_free(&d->body);
	redactor_free(&d->redactor);
	arena_free(&d->arena);
	free(d);
}

static void end(struct rule_call *call)
{
	struct delivery *d = container_of(call, struct delivery, call);
	list_remove(&call->node);
	if (d->http)
		http_call_cancel(d->http);
	d->http = NULL;
	uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void finish(struct delivery *d, const struct rule_result *result)
{
	list_remove(&d->call.node);
	d->call.done(d->call.user, result);
	end(&d->call);
}

static void output_text(struct buf *out, const struct notice *n, int status, int tries,
			bool truncated)
{
	struct json_out o = json_out_to(out);
	json_out_object(&o);
	json_out_key(&o, "delivered");
	json_out_bool(&o, true);
	json_out_key(&o, "channel");
	json_out_strz(&o, notice_channel_name(n->channel));
	if (status) {
		json_out_key(&o, "status");
		json_out_int(&o, status);
	}
	json_out_key(&o, "attempts");
	json_out_int(&o, tries);
	json_out_key(&o, "truncated");
	json_out_bool(&o, truncated);
	json_out_end(&o);
}

static void delivered(struct delivery *d, int status)
{
	CLEANUP_BUF struct buf out = {0};
	output_text(&out, &d->notice, status, d->tries, d->truncated);
	struct rule_result result = {.output = buf_str(&out)};
	finish(d, &result);
}

/* `why` may hold what the other side said: it goes through the redactor. */
static void failed(struct delivery *d, struct str why, bool retryable, int64_t after_ms)
{
	CLEANUP_BUF struct buf message = {0};
	buf_printf(&message, "not delivered to %s at ", notice_channel_name(d->notice.channel));
	notice_url_shown(&message, d->notice.url);
	buf_printf(&message, " after %d %s: ", d->tries, d->tries == 1 ? "try" : "tries");
	redact(d->redactor, why, &message);
	struct rule_result result = {
		.code = "delivery_failed",
		.message = buf_str(&message),
		.retryable = retryable,
		.retry_after_ms = after_ms,
	};
	finish(d, &result);
}

static void try_once(struct delivery *d);

static void on_pause_over(uv_timer_t *timer)
{
	try_once(timer->data);
}

static void log_try(struct delivery *d, struct str why, int64_t pause_ms)
{
	CLEANUP_BUF struct buf line = {0}, safe = {0};
	buf_printf(&line, "try %d: ", d->tries);
	redact(d->redactor, why, &line);
	buf_printf(&line, "; next try in %lld ms", (long long)pause_ms);
	escape_terminal(&safe, buf_str(&line));
	for (char *at = safe.p; (at = memchr(at, '\n', (size_t)(safe.p + safe.n - at)));)
		*at = ' ';
	d->call.log(d->call.user, buf_str(&safe));
}

/* Another try after a pause, or the end. */
static void again(struct delivery *d, struct str why, int64_t asked_ms)
{
	struct rules *r = d->call.rules;
	const struct rules_config *c = &r->config;
	if (d->tries >= c->tries || asked_ms > c->longest_pause_ms) {
		failed(d, why, true, asked_ms);
		return;
	}
	int64_t pause = c->first_pause_ms;
	for (int i = 1; i < d->tries && pause < c->longest_pause_ms; i++)
		pause *= 2;
	pause = pause / 2 + (int64_t)rng_below(&r->rng, (uint64_t)(pause / 2 + 1));
	pause = pause < asked_ms ? asked_ms : pause;
	log_try(d, why, pause);
	uv_timer_start(&d->timer, on_pause_over, (uint64_t)pause, 0);
}

static bool worth_another(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void on_answer(struct delivery *d, const struct http_client_response *r)
{
	if (r->status >= 200 && r->status < 300) {
		delivered(d, r->status);
		return;
	}
	CLEANUP_BUF struct buf why = {0};
	buf_printf(&why, "status %d", r->status);
	if (r->status >= 300 && r->status < 400)
		buf_puts(&why, " (redirects are not followed: give the final URL)");
	else if (r->body.n)
		buf_printf(&why, ": %.*s",
			   r->body.n < EXCERPT_BYTES ? (int)r->body.n : EXCERPT_BYTES, r->body.p);
	if (!worth_another(r->status)) {
		failed(d, buf_str(&why), false, 0);
		return;
	}
	int64_t now_ms = clock_wall_ms(d->call.rules->config.clock);
	again(d, buf_str(&why), http_retry_after(http_client_header(r, "Retry-After"), now_ms));
}

static void on_response(void *user, const struct http_client_response *r)
{
	struct delivery *d = user;
	d->http = NULL;
	switch (r->outcome) {
	case HTTP_CLIENT_DONE:
		on_answer(d, r);
		return;
	case HTTP_CLIENT_CONNECT:
	case HTTP_CLIENT_TIMEOUT:
	case HTTP_CLIENT_BROKEN:
		again(d, str_of(r->error), 0);
		return;
	case HTTP_CLIENT_BAD_URL:
	case HTTP_CLIENT_REFUSED:
	case HTTP_CLIENT_TOO_LARGE:
	case HTTP_CLIENT_CLOSED:
		failed(d, str_of(r->error), r->outcome == HTTP_CLIENT_CLOSED, 0);
		return;
	}
}

static void try_once(struct delivery *d)
{
	struct rules *r = d->call.rules;
	const struct http_header headers[] = {
		{"Content-Type", "application/json"},
		{"Idempotency-Key", d->key},
	};
	struct http_client_request request = {
		.method = "POST",
		.url = d->notice.url,
		.headers = headers,
		.n_headers = *d->key ? 2 : 1,
		.body = buf_str(&d->body),
		.timeout_ms =
			d->notice.timeout_ms ? d->notice.timeout_ms : r->config.try_timeout_ms,
		.max_response_bytes = RESPONSE_BYTES,
		.reach = r->config.allow_private ? ADDRESS_REACH_PRIVATE : ADDRESS_REACH_PUBLIC,
	};
	d->tries++;
	if (http_client_start(r->http, &request, on_response, d, &d->http) < 0)
		failed(d, STR("the idempotency key can't be sent as a header"), false, 0);
}

/* All parts of the URL behind its host that could be a token. */
static struct redactor *redactor_of(const char *url)
{
	struct redactor *r = redactor_new();
	const char *at = strstr(url, "://");
	at = at ? at + 3 : url;
	const char *user_end = memrchr(at, '@', strcspn(at, "/?#"));
	if (user_end)
		redactor_add(r, str_n(at, (size_t)(user_end - at)));
	at += strcspn(at, "/?#");
	if (strlen(at) > 1)
		redactor_add(r, str_of(at));
	for (; *at; at += *at != '\0') {
		size_t n = strcspn(at, "/?#&=");
		if (n >= 8)
			redactor_add(r, str_n(at, n));
		at += n;
	}
	return r;
}

/* The message in the service's log and, as one line of JSON, in the attempt's. */
static void console_lines(const struct rule_call *call, const struct rule_start *start,
			  const struct notice *n, struct str title, struct str message,
			  struct str fields)
{
	static const enum log_level levels[] = {LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR,
						LOG_LEVEL_ERROR};
	const char *severity = notice_severity_name(n->severity);
	const struct log_field line[] = {
		LOG_Z("severity", severity),
		LOG_STR("message", message),
		LOG_STR("title", title),
		LOG_STR("fields", fields),
		LOG_STR("workflow", start->workflow),
		LOG_STR("run_id", start->run_id),
		LOG_STR("node_id", start->node_id),
	};
	log_write(levels[n->severity], "notifier.message", line, ARRAY_LEN(line));
	CLEANUP_BUF struct buf text = {0};
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "severity");
	json_out_strz(&o, severity);
	json_out_key(&o, "title");
	json_out_str(&o, title);
	json_out_key(&o, "message");
	json_out_str(&o, message);
	json_out_end(&o);
	call->log(call->user, buf_str(&text));
}

static void console(const struct rule_call *call, const struct rule_start *start,
		    const struct notice *n)
{
	CLEANUP_BUF struct buf title = {0}, message = {0}, fields = {0}, out = {0};
	bool cut = notice_clamp(&title, n->title, CONSOLE_TEXT, false);
	cut |= notice_clamp(&message, n->message, CONSOLE_TEXT, false);
	if (n->fields) {
		CLEANUP_BUF struct buf all = {0};
		json_write(&all, n->fields);
		cut |= notice_clamp(&fields, buf_str(&all), CONSOLE_TEXT, false);
	}
	console_lines(call, start, n, buf_str(&title), buf_str(&message), buf_str(&fields));
	output_text(&out, n, 0, 1, cut);
	struct rule_result result = {.output = buf_str(&out)};
	call->done(call->user, &result);
}

static struct delivery *delivery_new(const struct rule_call *call)
{
	struct delivery *d = NEW0(struct delivery);
	d->call = *call;
	d->call.end = end;
	uv_timer_init(call->rules->config.loop, &d->timer);
	d->timer.data = d;
	list_push_back(&call->rules->calls, &d->call.node);
	return d;
}

struct rule_call *notifier_start(const struct rule_call *call, const struct rule_start *start)
{
	CLEANUP_ARENA struct arena arena = {0};
	struct notice notice;
	const char *wrong = notice_read(&arena, start->input, &notice);
	if (wrong) {
		struct rule_result result = {.code = "invalid_input", .message = str_of(wrong)};
		call->done(call->user, &result);
		return NULL;
	}
	if (notice.channel == NOTICE_CONSOLE) {
		console(call, start, &notice);
		return NULL;
	}
	struct delivery *d = delivery_new(call);
	d->arena = arena;
	arena = (struct arena){0};
	d->notice = notice;
	d->key = arena_str(&d->arena, start->idempotency_key).p;
	d->truncated = notice_payload(&notice, start, &d->body);
	d->redactor = redactor_of(notice.url);
	/* never inside the caller: so done comes later, and the call can be given out */
	uv_timer_start(&d->timer, on_pause_over, 0, 0);
	return &d->call;
}
