/*
 * Starting a run: POST /api/workflows/{workflow}/trigger.
 *
 * Without an Idempotency-Key the request goes HTTP thread → loop → answer. With one: the key is
 * claimed on the loop, looked up on a reader, and the trigger on the loop gets what was found.
 */
#include <strings.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "api/waits.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "json/parse.h"

struct trigger {
	struct call *call;
	struct value context;
	bool dry_run;
	struct str by; /* who asks, as the body says */
	int64_t priority;
	bool has_priority;
	struct str key, body_sha256;
	struct key_row known;
	bool is_known;
	int reader_error;
	int64_t wait_ms;	/* 0 = answer at once */
	enum run_status status; /* as the reply had it */
	struct wait wait;
};

/* ---- what was asked ---- */

static bool read_context(struct call *c, const struct value *body, struct trigger *t,
			 struct call_done *ret_done)
{
	const struct value *context = value_getz(body, "context");
	const struct value *text = value_getz(body, "contextJson");
	const char *path = text ? "contextJson" : "context";
	if (context && text) {
		*ret_done =
			call_problem_path(c, 422, path, "Give context or contextJson, not both.");
		return false;
	}
	if (value_is(text, VALUE_STRING)) {
		struct json_error e;
		if (json_parse(c->arena, value_text(text), JSON_UNIQUE_KEYS, &t->context, &e)) {
			*ret_done = call_problem_path(
				c, 422, path,
				arena_printf(c->arena, "is no JSON document: %s", e.message));
			return false;
		}
	} else if (context || text) {
		t->context = *(context ? context : text);
	} else {
		t->context = value_object(c->arena, 0);
	}
	if (value_is(&t->context, VALUE_NULL))
		t->context = value_object(c->arena, 0);
	if (value_is(&t->context, VALUE_OBJECT))
		return true;
	*ret_done = call_problem_path(c, 422, path, "The context must be an object.");
	return false;
}

static bool read_priority(struct call *c, const struct value *v, struct trigger *t,
			  struct call_done *ret_done)
{
	if (!v || v->kind == VALUE_NULL)
		return true;
	if (v->kind != VALUE_INT || v->i < 0 || v->i > LIMIT_PRIORITY) {
		*ret_done = call_problem_path(c, 422, "priority", "must be a number from 0 to 9");
		return false;
	}
	t->priority = v->i;
	t->has_priority = true;
	return true;
}

static bool read_body(struct call *c, struct trigger *t, struct call_done *ret_done)
{
	struct value body;
	struct call_text text;
	if (!call_body(c, true, &body, &text, ret_done) ||
	    !call_members(c, &body, "context contextJson dryRun triggeredBy priority", ret_done) ||
	    !read_context(c, &body, t, ret_done))
		return false;
	const struct value *dry = value_getz(&body, "dryRun");
	if (dry && !value_is(dry, VALUE_BOOL)) {
		*ret_done = call_problem_path(c, 422, "dryRun", "must be true or false");
		return false;
	}
	t->dry_run = dry && dry->b;
	const struct value *by = value_getz(&body, "triggeredBy");
	t->by = value_text(by);
	if (by && (!value_is(by, VALUE_STRING) || t->by.n == 0 || t->by.n > LIMIT_NAME_BYTES)) {
		*ret_done = call_problem_path(c, 422, "triggeredBy",
					      "must be a name of 1 to 128 bytes");
		return false;
	}
	return read_priority(c, value_getz(&body, "priority"), t, ret_done);
}

/* The key binds to all that says what is to be done: the path and the body. */
static void hash_request(struct call *c, struct trigger *t)
{
	struct str body = c->request->body, name = c->params[0];
	char *bytes = arena_alloc(c->arena, name.n + 1 + body.n);
	memcpy(bytes, name.p, name.n);
	bytes[name.n] = '\0';
	if (body.n)
		memcpy(bytes + name.n + 1, body.p, body.n);
	char *hex = arena_alloc(c->arena, SHA256_HEX_BYTES);
	sha256_hex(str_n(bytes, name.n + 1 + body.n), hex);
	t->body_sha256 = str_of(hex);
}

static bool read_key(struct call *c, struct trigger *t, struct call_done *ret_done)
{
	if (!http_header(c->request, "Idempotency-Key", &t->key))
		return true;
	bool good = t->key.n > 0 && t->key.n <= LIMIT_IDEMPOTENCY_KEY_BYTES &&
		    http_header_count(c->request, "Idempotency-Key") == 1;
	for (size_t i = 0; good && i < t->key.n; i++)
		good = t->key.p[i] >= 0x20 && t->key.p[i] < 0x7f;
	if (!good) {
		*ret_done = call_problem(c, 400,
					 "Idempotency-Key must be 1 to 255 printable characters.");
		return false;
	}
	hash_request(c, t);
	return true;
}

/* Prefer: …, wait=10, …; what can't be understood is no preference. */
static int64_t read_wait(const struct call *c)
{
	struct str v;
	if (!http_header(c->request, "Prefer", &v))
		return 0;
	for (size_t i = 0; i + 5 < v.n; i++) {
		bool begins = i == 0 || v.p[i - 1] == ' ' || v.p[i - 1] == ',' || v.p[i - 1] == ';';
		if (!begins || strncasecmp(v.p + i, "wait=", 5) != 0)
			continue;
		int64_t s = 0;
		for (size_t k = i + 5; k < v.n && v.p[k] >= '0' && v.p[k] <= '9'; k++) {
			s = s * 10 + (v.p[k] - '0');
			if (s >= LIMIT_WAIT_S)
				return (int64_t)LIMIT_WAIT_S * 1000;
		}
		return s * 1000;
	}
	return 0;
}

/* ---- the answers ---- */

static struct call_done answer_accepted(struct trigger *t, struct str id, enum run_status status,
					bool replayed)
{
	struct http_response r = call_response(202, "application/json");
	struct json_out o = json_out_to(&r.body);
	json_out_object(&o);
	json_out_key(&o, "workflowRunId");
	json_out_str(&o, id);
	json_out_key(&o, "status");
	json_out_strz(&o, run_status_name(status));
	json_out_end(&o);
	if (t->wait_ms)
		http_response_field(&r, "Preference-Applied", STR("wait"));
	if (replayed)
		http_response_field(&r, "Idempotency-Replayed", STR("true"));
	return call_reply_response(t->call, &r);
}

static struct call_done answer_ended(struct trigger *t, const struct run_row *run)
{
	struct http_response r = call_response(200, "application/json");
	struct json_out o = json_out_to(&r.body);
	json_out_object(&o);
	json_out_key(&o, "workflowRunId");
	json_out_str(&o, run->id);
	render_run_head(&o, run);
	json_out_end(&o);
	http_response_field(&r, "Preference-Applied", STR("wait"));
	return call_reply_response(t->call, &r);
}

static void wait_ended(struct wait *w, const struct run_row *run)
{
	struct trigger *t = container_of(w, struct trigger, wait);
	if (run)
		(void)answer_ended(t, run);
	else
		(void)answer_accepted(t, w->run_id, t->status, false);
}

static bool wait_for_end(struct trigger *t, struct str run_id)
{
	struct api *api = t->call->api;
	if (api->closed)
		return false;
	t->wait = (struct wait){
		.run_id = arena_str(t->call->arena, run_id),
		.deadline_ns = clock_mono_ns(clock_system()) + t->wait_ms * 1000000,
		.ended = wait_ended,
	};
	if (!waits_add(api->waits, &t->wait))
		return false;
	api_arm_timer(api);
	return true;
}

static struct call_done answer_dry(struct trigger *t, const struct engine_reply *reply)
{
	struct buf body = {0};
	buf_put_str(&body, reply->json.n ? reply->json : STR("{}"));
	return call_reply(t->call, 200, &body);
}

static void replied(void *arg, const struct engine_reply *reply)
{
	struct trigger *t = arg;
	t->status = reply->status;
	switch (reply->outcome) {
	case ENGINE_OK:
	case ENGINE_CREATED:
	case ENGINE_UNCHANGED:
		if (t->dry_run)
			(void)answer_dry(t, reply);
		else if (run_status_final(reply->status) || t->wait_ms == 0 ||
			 !wait_for_end(t, reply->id))
			(void)answer_accepted(t, reply->id, reply->status, false);
		break;
	case ENGINE_REPLAYED:
		(void)answer_accepted(t, reply->id, reply->status, true);
		break;
	case ENGINE_NOT_FOUND:
		(void)call_problem(t->call, 404, "There is no such workflow.");
		break;
	case ENGINE_CONFLICT:
	case ENGINE_INVALID:
	case ENGINE_KEY_REUSED:
	case ENGINE_KEY_IN_FLIGHT:
	case ENGINE_BUSY:
	case ENGINE_FORBIDDEN:
	case ENGINE_STALE:
	case ENGINE_UNAVAILABLE:
	case ENGINE_UNDECIDED:
		(void)call_problem_reply(t->call, reply);
		break;
	}
}

/* ---- the way ---- */

static struct call_done start(struct call *c)
{
	struct trigger *t = c->state;
	struct run_trigger run = {
		.project = PROJECT,
		.workflow = c->params[0],
		.context = &t->context,
		.type = STR("api"),
		.by = t->by,
		.priority = t->has_priority ? &t->priority : NULL,
		.idempotency_key = t->key,
		.body_sha256 = t->body_sha256,
		.known_key = t->is_known ? &t->known : NULL,
		.dry_run = t->dry_run,
	};
	struct call_done later = call_later(c);
	engine_run_trigger(c->api->config.engine, &run, replied, t);
	return later;
}

static struct call_done looked_up(struct call *c)
{
	struct trigger *t = c->state;
	if (t->reader_error == 0)
		return start(c);
	engine_key_release(c->api->config.engine, PROJECT, t->key);
	return call_problem_store(c, t->reader_error, "");
}

static void look_up(struct message *m, struct store_reader *reader)
{
	struct call *c = container_of(m, struct call, message);
	struct trigger *t = c->state;
	int r = reader->ops->key_get(reader, c->arena, PROJECT, t->key, &t->known);
	t->is_known = r == 0;
	t->reader_error = r == STORE_NOT_FOUND ? 0 : r;
	(void)call_on_loop(c, looked_up);
}

static struct call_done claim(struct call *c)
{
	struct trigger *t = c->state;
	struct engine *e = c->api->config.engine;
	if (!engine_key_claim(e, PROJECT, t->key))
		return call_problem(c, 409,
				    "The first request with this Idempotency-Key is under way.");
	c->message.run = look_up;
	if (api_read(c->api, &c->message))
		return call_later(c);
	engine_key_release(e, PROJECT, t->key);
	return call_problem(c, 503, "Too many requests wait for the database; try again.");
}

struct call_done trigger_workflow(struct call *c)
{
	struct call_done refused;
	struct trigger *t = ARENA_NEW(c->arena, struct trigger);
	t->call = c;
	c->state = t;
	if (!read_key(c, t, &refused) || !read_body(c, t, &refused))
		return refused;
	t->wait_ms = read_wait(c);
	return call_on_loop(c, t->key.n && !t->dry_run ? claim : start);
}
