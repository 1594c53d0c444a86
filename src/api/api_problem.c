/* Answers that say what is wrong: RFC 9457 problem details, with errors[] of findings. */
#include <stdio.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "base/fault.h"
#include "base/log.h"

static const char *title(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 406:
		return "Not Acceptable";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Error";
	}
}

static void put_findings(struct json_out *o, const struct diag *d)
{
	json_out_key(o, "errors");
	json_out_array(o);
	for (size_t i = 0; i < d->n; i++) {
		const struct diag_finding *f = &d->findings[i];
		json_out_object(o);
		json_out_key(o, "path");
		json_out_strz(o, f->path);
		json_out_key(o, "message");
		json_out_strz(o, f->message);
		if (f->line > 0) {
			json_out_key(o, "line");
			json_out_int(o, f->line);
			json_out_key(o, "column");
			json_out_int(o, f->column);
		}
		json_out_end(o);
	}
	json_out_end(o);
	if (d->n_dropped) {
		json_out_key(o, "errorsDropped");
		json_out_int(o, (int64_t)d->n_dropped);
	}
}

static struct http_response problem(const struct call *c, int status, const char *detail,
				    const struct diag *d)
{
	struct http_response r = call_response(status, "application/problem+json");
	struct json_out o = json_out_to(&r.body);
	json_out_object(&o);
	json_out_key(&o, "type");
	json_out_strz(&o, "about:blank");
	json_out_key(&o, "title");
	json_out_strz(&o, title(status));
	json_out_key(&o, "status");
	json_out_int(&o, status);
	json_out_key(&o, "detail");
	json_out_strz(&o, detail);
	json_out_key(&o, "requestId");
	json_out_str(&o, c->request->request_id);
	if (d && d->n > 0)
		put_findings(&o, d);
	json_out_end(&o);
	return r;
}

struct http_response problem_response(const struct call *c, int status, const char *detail)
{
	return problem(c, status, detail, NULL);
}

static struct call_done retry_later(struct call *c, int status, const char *detail, int64_t ms)
{
	struct http_response r = problem(c, status, detail, NULL);
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)(ms <= 1000 ? 1 : (ms + 999) / 1000));
	http_response_field(&r, "Retry-After", str_of(text));
	return call_reply_response(c, &r);
}

struct call_done call_problem(struct call *c, int status, const char *detail)
{
	if (status == 503 || status == 429)
		return retry_later(c, status, detail, 1000);
	struct http_response r = problem(c, status, detail, NULL);
	return call_reply_response(c, &r);
}

struct call_done call_problem_diag(struct call *c, int status, const char *detail,
				   const struct diag *d)
{
	struct http_response r = problem(c, status, detail, d);
	return call_reply_response(c, &r);
}

struct call_done call_problem_path(struct call *c, int status, const char *path,
				   const char *message)
{
	struct diag d;
	diag_init(&d, c->arena);
	diag_add(&d, path, "%s", message);
	return call_problem_diag(c, status, message, &d);
}

/* The first finding speaks for all in `detail`. */
static const char *summary(const struct engine_reply *reply, const char *otherwise)
{
	return reply->diag && reply->diag->n == 1 ? reply->diag->findings[0].message : otherwise;
}

struct call_done call_problem_reply(struct call *c, const struct engine_reply *reply)
{
	switch (reply->outcome) {
	case ENGINE_NOT_FOUND:
		return call_problem(c, 404, "There is no such thing.");
	case ENGINE_CONFLICT:
		return call_problem_diag(c, 409, summary(reply, "That does not fit what is there."),
					 reply->diag);
	case ENGINE_INVALID:
		return call_problem_diag(c, 422, summary(reply, "The document breaks rules."),
					 reply->diag);
	case ENGINE_KEY_REUSED:
		return call_problem(c, 422, "This Idempotency-Key was used with another request.");
	case ENGINE_KEY_IN_FLIGHT:
		return call_problem(c, 409,
				    "The first request with this Idempotency-Key is under way.");
	case ENGINE_BUSY:
		return retry_later(c, 429, summary(reply, "Too much is under way."),
				   reply->retry_after_ms);
	case ENGINE_FORBIDDEN:
		return call_problem_diag(c, 403, summary(reply, "That is not allowed."),
					 reply->diag);
	case ENGINE_STALE:
		return call_problem(c, 503, "That changes just now; ask again.");
	case ENGINE_UNAVAILABLE:
		return retry_later(c, 503, "The database can't take it now.",
				   reply->retry_after_ms);
	case ENGINE_UNDECIDED:
		return retry_later(c, 503,
				   "The disk got full meanwhile. What was asked is not "
				   "durable and may yet be done; ask again with the same "
				   "Idempotency-Key.",
				   reply->retry_after_ms);
	case ENGINE_OK:
	case ENGINE_CREATED:
	case ENGINE_UNCHANGED:
	case ENGINE_REPLAYED:
		break;
	}
	ASSERT(!"a success is no problem");
	__builtin_unreachable();
}

struct call_done call_problem_store(struct call *c, int r, const char *not_found)
{
	if (r == STORE_NOT_FOUND)
		return call_problem(c, 404, not_found);
	log_event(WARN, "api.read_failed", LOG_INT("errno", -r),
		  LOG_Z("route", c->route ? c->route->path : ""));
	return call_problem(c, 503, "The database can't be read now.");
}

struct call_done call_deleted(struct call *c, const struct engine_reply *reply,
			      const char *not_found)
{
	if (reply->outcome == ENGINE_NOT_FOUND)
		return call_problem(c, 404, not_found);
	if (reply->outcome > ENGINE_REPLAYED)
		return call_problem_reply(c, reply);
	return call_no_content(c);
}
