/*
 * What waiting nodes are told: POST /api/runs/{runId}/signal and POST /api/events.
 *
 * An event goes HTTP thread → loop (its id is claimed) → reader (was it here before?) → loop.
 */
#include <stdlib.h>
#include <strings.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "json/parse.h"

/* ---- signals ---- */

struct signal {
	struct call *call;
	struct str name;
	struct value data;
};

static void signalled(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome == ENGINE_NOT_FOUND) {
		(void)call_on_reader(c, runs_not_open);
		return;
	}
	if (reply->outcome == ENGINE_BUSY) {
		struct http_response r = problem_response(
			c, 429, "The run keeps too many signals that no node waited for yet.");
		http_response_field(&r, "Retry-After", STR("1"));
		(void)call_reply_response(c, &r);
		return;
	}
	if (reply->outcome != ENGINE_OK) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_put_or_null(&o, "workflowRunId", c->params[0]);
	json_put_or_null(&o, "nodeId", reply->id);
	json_out_key(&o, "kept");
	json_out_bool(&o, reply->id.n == 0);
	json_out_end(&o);
	(void)call_reply(c, 202, &body);
}

static struct call_done send_signal(struct call *c)
{
	struct signal *s = c->state;
	struct run_signal x = {PROJECT, c->params[0], s->name, &s->data};
	struct call_done later = call_later(c);
	engine_run_signal(c->api->config.engine, &x, signalled, c);
	return later;
}

struct call_done signals_send(struct call *c)
{
	struct call_done refused;
	struct value body;
	struct call_text text;
	struct signal *s = ARENA_NEW(c->arena, struct signal);
	if (!call_body(c, false, &body, &text, &refused) ||
	    !call_members(c, &body, "name data", &refused))
		return refused;
	const struct value *name = value_getz(&body, "name"), *data = value_getz(&body, "data");
	if (!value_is(name, VALUE_STRING))
		return call_problem_path(c, 422, "name", "must be a string: the signal's name");
	s->name = value_text(name);
	s->data = data ? *data : value_null();
	c->state = s;
	return call_on_loop(c, send_signal);
}

/* ---- events (CloudEvents 1.0 over HTTP, structured and binary mode) ---- */

struct event {
	struct value value; /* as structured mode has it */
	struct str key;
	struct key_row known;
	bool is_known;
	int reader_error;
};

/* A header's value: RFC 3986 escapes are what they stand for. */
static struct str unescaped(struct arena *a, struct str s)
{
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char hex[3] = {0};
		if (s.p[i] == '%' && i + 2 < s.n)
			memcpy(hex, s.p + i + 1, 2);
		bool escape = hex[0] && strspn(hex, "0123456789abcdefABCDEF") == 2;
		to[n++] = escape ? (char)strtol(hex, NULL, 16) : s.p[i];
		i += escape ? 2 : 0;
	}
	return str_n(to, n);
}

static struct str lower(struct arena *a, struct str s)
{
	char *to = arena_dup(a, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (to[i] >= 'A' && to[i] <= 'Z')
			to[i] = (char)(to[i] + ('a' - 'A'));
	return str_n(to, s.n);
}

/* Binary mode: attributes are headers, the body is the data. */
static bool read_binary(struct call *c, struct value *ret, struct call_done *ret_done)
{
	struct value data = value_null();
	struct json_error e;
	*ret = value_object(c->arena, 8);
	for (size_t i = 0; i < c->request->n_headers; i++) {
		const struct http_field *h = &c->request->headers[i];
		if (h->name.n <= 3 || strncasecmp(h->name.p, "ce-", 3) != 0)
			continue;
		struct str value = unescaped(c->arena, h->value);
		struct str name = lower(c->arena, str_n(h->name.p + 3, h->name.n - 3));
		if (utf8_valid_prefix(value) != value.n || value_get(ret, name)) {
			*ret_done = call_problem_path(c, 400, arena_dup(c->arena, name.p, name.n),
						      "is repeated, or not UTF-8");
			return false;
		}
		value_put(c->arena, ret, name, value_str(value));
	}
	if (c->request->body.n &&
	    json_parse(c->arena, c->request->body, JSON_UNIQUE_KEYS | JSON_BORROW, &data, &e)) {
		*ret_done = call_problem_path(c, 400, "data", "is no JSON document");
		return false;
	}
	value_putz(c->arena, ret, "data", data);
	return true;
}

static bool read_event(struct call *c, struct value *ret, struct call_done *ret_done)
{
	struct str type = {0};
	struct call_text text;
	static const char batch[] = "application/cloudevents-batch";
	http_header(c->request, "Content-Type", &type);
	if (type.n >= sizeof(batch) - 1 && strncasecmp(type.p, batch, sizeof(batch) - 1) == 0) {
		*ret_done = call_problem(c, 415, "Send one event at a time.");
		return false;
	}
	if (http_header_count(c->request, "ce-specversion") > 0)
		return read_binary(c, ret, ret_done);
	return call_body(c, false, ret, &text, ret_done);
}

/* The attributes that every event has. */
static bool judge_event(struct call *c, const struct value *event, struct call_done *ret_done)
{
	static const char *const names[] = {"specversion", "id", "source", "type"};
	struct diag d;
	diag_init(&d, c->arena);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct value *v = value_getz(event, names[i]);
		if (!value_is(v, VALUE_STRING) || v->n == 0)
			diag_add(&d, names[i], "must be a string that is not empty");
		else if (i == 0 && !str_eqz(value_text(v), "1.0"))
			diag_add(&d, names[i], "must be \"1.0\"");
	}
	if (diag_ok(&d))
		return true;
	*ret_done = call_problem_diag(c, 422, "This is no event as CloudEvents 1.0 has them.", &d);
	return false;
}

/* Under what the event is known: an id is unique for its source only. No Idempotency-Key has a
 * control character in it. */
static struct str key_of(struct call *c, const struct value *event)
{
	CLEANUP_BUF struct buf text = {0};
	char hex[SHA256_HEX_BYTES];
	struct value both = value_array(c->arena, 2);
	value_push(c->arena, &both, *value_getz(event, "source"));
	value_push(c->arena, &both, *value_getz(event, "id"));
	json_write(&text, &both);
	sha256_hex(buf_str(&text), hex);
	return str_of(arena_printf(c->arena, "\x1e%s", hex));
}

static void delivered(void *arg, const struct engine_reply *reply)
{
	struct call *c = arg;
	if (reply->outcome != ENGINE_OK && reply->outcome != ENGINE_REPLAYED) {
		(void)call_problem_reply(c, reply);
		return;
	}
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "delivered");
	json_out_int(&o, reply->version);
	json_out_key(&o, "duplicate");
	json_out_bool(&o, reply->outcome == ENGINE_REPLAYED);
	json_out_end(&o);
	(void)call_reply(c, 202, &body);
}

static struct call_done looked_up(struct call *c)
{
	struct event *x = c->state;
	struct engine *e = c->api->config.engine;
	if (x->reader_error) {
		engine_key_release(e, PROJECT, x->key);
		return call_problem_store(c, x->reader_error, "");
	}
	struct event_delivery delivery = {PROJECT, x->key, x->is_known ? &x->known : NULL,
					  &x->value};
	struct call_done later = call_later(c);
	engine_event_deliver(e, &delivery, delivered, c);
	return later;
}

static void look_up(struct message *m, struct store_reader *reader)
{
	struct call *c = container_of(m, struct call, message);
	struct event *x = c->state;
	int r = reader->ops->key_get(reader, c->arena, PROJECT, x->key, &x->known);
	x->is_known = r == 0;
	x->reader_error = r == STORE_NOT_FOUND ? 0 : r;
	(void)call_on_loop(c, looked_up);
}

static struct call_done claim(struct call *c)
{
	struct event *x = c->state;
	struct engine *e = c->api->config.engine;
	if (!engine_key_claim(e, PROJECT, x->key))
		return call_problem(c, 409, "This event was sent already and is under way.");
	c->message.run = look_up;
	if (api_read(c->api, &c->message))
		return call_later(c);
	engine_key_release(e, PROJECT, x->key);
	return call_problem(c, 503, "Too many requests wait for the database; try again.");
}

struct call_done events_receive(struct call *c)
{
	struct call_done refused;
	struct event *x = ARENA_NEW(c->arena, struct event);
	if (!read_event(c, &x->value, &refused) || !judge_event(c, &x->value, &refused))
		return refused;
	x->key = key_of(c, &x->value);
	c->state = x;
	return call_on_loop(c, claim);
}
