/*
 * HTTP requests from a libuv loop thread, by libcurl. Everything here is that thread's; nothing
 * blocks it.
 *
 * Only http and https, no redirects, no proxy from the environment, no cookies, no decompression.
 * Certificates are verified. The address a name resolves to is judged at the moment its socket is
 * made (and again when a kept connection is used), so a name can't change in between: what `reach`
 * does not cover is never connected to. A request that finds its kept connection closed before any
 * answer is sent again on a new one, as HTTP clients do (RFC 9110, 9.2.2 asks for an idempotency
 * key where that matters).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "http/address.h"

struct uv_loop_s;
struct http_client; /* a pool of connections */
struct http_call;   /* one request under way */

struct http_header {
	const char *name;
	const char *value;
};

/* Everything is copied. */
struct http_client_request {
	const char *method; /* NULL: GET */
	const char *url;
	const struct http_header *headers;
	size_t n_headers;
	struct str body;	    /* .p NULL: none */
	int64_t timeout_ms;	    /* of the whole call, > 0 */
	int64_t max_response_bytes; /* of the body, > 0 */
	enum address_reach reach;
	const char *unix_socket; /* NULL, or the path of a socket to use in place of the host */
};

enum http_client_outcome {
	HTTP_CLIENT_DONE = 1, /* an answer came, of whatever status */
	HTTP_CLIENT_BAD_URL,  /* not a URL, or neither http nor https */
	HTTP_CLIENT_REFUSED,  /* the address is out of reach by `reach`; nothing was sent */
	HTTP_CLIENT_CONNECT,  /* no such host, no connection, no TLS: nothing was sent */
	HTTP_CLIENT_TIMEOUT,
	HTTP_CLIENT_TOO_LARGE, /* the answer is above max_response_bytes */
	HTTP_CLIENT_BROKEN,    /* the connection ended early; the request may have been acted on */
	HTTP_CLIENT_CLOSED,    /* the client was closed meanwhile */
};

/* Valid during the callback only. */
struct http_client_response {
	enum http_client_outcome outcome;
	int status;	   /* 0 unless DONE */
	struct str body;   /* what came, also when not all of it did */
	const char *error; /* "" when DONE; names the host at most, never path or query */
	const struct http_call *call;
};

typedef void (*http_client_fn)(void *user, const struct http_client_response *response);

/* 0, or a negative errno. */
int http_client_new(struct uv_loop_s *loop, struct http_client **ret);

/* Ends every call with HTTP_CLIENT_CLOSED; the memory goes once the loop has run on. → NULL. */
void http_client_close(struct http_client **c);

/*
 * Begins a call. `done` is called exactly once, later, on the loop, unless the call is cancelled.
 * 0; -EINVAL when method or headers hold characters that HTTP does not allow there. *ret (may be
 * NULL) is good until done is called or http_call_cancel() is; -ESHUTDOWN while the client closes.
 */
int http_client_start(struct http_client *c, const struct http_client_request *request,
		      http_client_fn done, void *user, struct http_call **ret);

/* Ends the call; done is not called any more. */
void http_call_cancel(struct http_call *call);

/* A header of the final answer by name in any case (the first of that name), or NULL. */
const char *http_client_header(const struct http_client_response *response, const char *name);
