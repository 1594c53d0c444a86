/*
 * One API request on its way. It belongs to one thread at a time: it starts on the HTTP thread and
 * is handed on whole by call_on_reader() and call_on_loop(). Its memory is the exchange's.
 *
 * A stage returns `struct call_done`, which only the functions here make: a forgotten answer does
 * not compile. After any of them the call is not touched again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/list.h"
#include "engine/engine.h"
#include "http/server.h"
#include "json/write.h"

struct call;

/* Made by the call_* functions only. */
struct call_done {
	const struct call *proof;
};

typedef struct call_done (*call_stage)(struct call *c);

enum call_body { BODY_NONE, BODY_JSON, BODY_WORKFLOW };

struct route {
	const char *method, *path;
	call_stage handle;
	bool on_reader; /* handle runs on a reader's thread */
	enum call_body body;
	const char *query; /* names of the query parameters, with spaces between */
	bool rest;	   /* the last parameter takes all segments that are left */
	bool any_host;	   /* answers whatever Host says: probes come by other names */
};

/* What waits in the loop's inbox or the readers' queue begins with this. */
struct message {
	struct list node;
	/* reader is NULL on the loop thread */
	void (*run)(struct message *m, struct store_reader *reader);
};

struct call {
	struct message message;
	call_stage stage;
	struct api *api;
	struct http_exchange *x;
	const struct http_request *request;
	struct arena *arena;
	const struct route *route;
	struct str params[4];	     /* path parameters in their order */
	size_t rest_at;		     /* the segment at which the last of a `rest` route begins */
	struct store_reader *reader; /* on a reader's thread */
	int64_t started_ns;
	void *state; /* the resource's own */
};

/* ---- hand on ---- */

struct call_done call_on_reader(struct call *c, call_stage stage);
struct call_done call_on_loop(struct call *c, call_stage stage);
/* Somebody (the engine's reply) has the call now and will answer. */
struct call_done call_later(struct call *c);

/* ---- answer ---- */

/* JSON; takes the body. */
struct call_done call_reply(struct call *c, int status, struct buf *body);
struct call_done call_reply_response(struct call *c, struct http_response *r);
struct call_done call_no_content(struct call *c);
/* A stream begins in place of an answer: NULL when there are too many, then answer. */
struct http_stream *call_stream(struct call *c, struct http_response *r,
				const struct http_stream_ops *ops, struct call_done *ret_done);

/* The response with the fields that every answer has. */
struct http_response call_response(int status, const char *content_type);

/* The value of a query parameter, or NULL. */
const struct str *call_query(const struct call *c, const char *name);
/* ?name, ?name=true|false|1|0; false when its text is none of them. */
bool call_query_flag(const struct call *c, const char *name, bool *ret);

/* ---- problems (RFC 9457) ---- */

struct call_done call_problem(struct call *c, int status, const char *detail);
/* With errors[]. */
struct call_done call_problem_diag(struct call *c, int status, const char *detail,
				   const struct diag *d);
struct call_done call_problem_path(struct call *c, int status, const char *path,
				   const char *message);
/* What an engine_reply that is no success says. */
struct call_done call_problem_reply(struct call *c, const struct engine_reply *reply);
/* What came of a deletion: 204, 404 with that detail, or what the engine said against it. */
struct call_done call_deleted(struct call *c, const struct engine_reply *reply,
			      const char *not_found);
/* What a reader's function said: not found (404 with that detail) or a fault (503). */
struct call_done call_problem_store(struct call *c, int r, const char *not_found);

/* ---- bodies ---- */

/* Where findings about a body are found in its text; zero for JSON. */
struct call_text {
	struct yaml_places *places;
};

/*
 * The body as an object, JSON or (routes with BODY_WORKFLOW) YAML. False when it was answered:
 * return *ret_done then. An empty body is an empty object when `optional`.
 */
bool call_body(struct call *c, bool optional, struct value *ret, struct call_text *ret_text,
	       struct call_done *ret_done);

/* 422 when the object has other members than these (names with spaces between). */
bool call_members(struct call *c, const struct value *object, const char *names,
		  struct call_done *ret_done);

/* Whether project or projectId, where they are there, name the one project there is. */
bool call_project(struct call *c, const struct value *object, struct call_done *ret_done);

#define PROJECT STR("default")

/* ---- lists ---- */

struct call_page {
	struct store_page page; /* limit is one more than asked, to see whether there is more */
	size_t limit;
	int64_t searched_to_ms; /* 0, or: it stopped before it was full, having looked so far back
				 */
	struct buf body;
	struct json_out out;
};

/* Reads ?limit= and ?cursor= and begins {"items":[. */
bool page_begin(struct call *c, struct call_page *p, struct call_done *ret_done);
/* Ends it with nextCursor: an opaque form of `last` when there are more than asked. */
struct call_done page_end(struct call *c, struct call_page *p, bool more, struct str last);
/* How many of the n rows read are shown. */
static inline size_t page_shown(const struct call_page *p, size_t n)
{
	return n < p->limit ? n : p->limit;
}
