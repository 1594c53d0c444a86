#include "api/call.h"

#include "api/api_private.h"
#include "base/clock.h"

static struct call_done done(const struct call *c)
{
	return (struct call_done){.proof = c};
}

static void run_stage(struct message *m, struct store_reader *reader)
{
	struct call *c = container_of(m, struct call, message);
	c->reader = reader;
	(void)c->stage(c);
}

struct call_done call_on_reader(struct call *c, call_stage stage)
{
	c->stage = stage;
	c->message.run = run_stage;
	if (!api_read(c->api, &c->message))
		return call_problem(c, 503, "Too many requests wait for the database; try again.");
	return done(c);
}

struct call_done call_on_loop(struct call *c, call_stage stage)
{
	c->stage = stage;
	c->message.run = run_stage;
	api_post(c->api, &c->message);
	return done(c);
}

struct call_done call_later(struct call *c)
{
	return done(c);
}

struct http_response call_response(int status, const char *content_type)
{
	struct http_response r = {.status = status, .content_type = content_type};
	http_response_field(&r, "Cache-Control", STR("no-store"));
	http_response_field(&r, "X-Content-Type-Options", STR("nosniff"));
	return r;
}

static void count(const struct call *c, int status)
{
	const struct api_config *config = &c->api->config;
	if (config->request_done)
		config->request_done(config->arg, c->request->method.p,
				     c->route ? c->route->path : "", status,
				     clock_mono_ns(clock_system()) - c->started_ns);
}

struct call_done call_reply_response(struct call *c, struct http_response *r)
{
	count(c, r->status);
	http_answer(c->x, r);
	return done(NULL);
}

struct call_done call_reply(struct call *c, int status, struct buf *body)
{
	struct http_response r = call_response(status, "application/json");
	r.body = *body;
	*body = (struct buf){0};
	return call_reply_response(c, &r);
}

struct call_done call_no_content(struct call *c)
{
	struct http_response r = call_response(204, NULL);
	return call_reply_response(c, &r);
}

const struct str *call_query(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->request->n_query; i++)
		if (str_eqz(c->request->query[i].name, name))
			return &c->request->query[i].value;
	return NULL;
}

bool call_query_flag(const struct call *c, const char *name, bool *ret)
{
	const struct str *v = call_query(c, name);
	bool yes = v && (str_eq(*v, STR("true")) || str_eq(*v, STR("1")) || v->n == 0);
	*ret = yes;
	return !v || yes || str_eq(*v, STR("false")) || str_eq(*v, STR("0"));
}

struct http_stream *call_stream(struct call *c, struct http_response *r,
				const struct http_stream_ops *ops, struct call_done *ret_done)
{
	*ret_done = done(NULL);
	int status = r->status;
	struct api *api = c->api;
	const struct route *route = c->route;
	struct http_stream *s = http_stream_start(c->x, r, ops);
	if (s && api->config.request_done)
		api->config.request_done(api->config.arg, "GET", route->path, status, 0);
	return s;
}
