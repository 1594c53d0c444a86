/*
 * A real HTTP server on loopback for tests, on the test's own libuv loop: it records requests and
 * answers by a script. The last step of the script repeats.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct uv_loop_s;
struct web;

enum web_kind {
	WEB_ANSWER,  /* status, headers, body; keeps the connection */
	WEB_SILENT,  /* reads the request and never answers */
	WEB_CLOSE,   /* closes after the request */
	WEB_PARTIAL, /* announces more body than it sends, then closes */
	WEB_ENDLESS, /* a body without end */
	WEB_HEADERS, /* headers without end */
	WEB_GARBAGE, /* no HTTP at all */
};

struct web_step {
	enum web_kind kind;
	int status;
	const char *headers; /* lines that end with \r\n, or NULL */
	const char *body;
};

struct web_request {
	char *head; /* request line and headers, NUL-terminated */
	char *body;
	size_t body_n;
};

/* Listens on a free port of 127.0.0.1, or on a socket file. NULL when it can't. */
struct web *web_new(struct uv_loop_s *loop, const struct web_step *steps, size_t n_steps,
		    const char *unix_path);
/* "http://127.0.0.1:PORT" */
const char *web_url(const struct web *w);
int web_port(const struct web *w);
size_t web_n_requests(const struct web *w);
size_t web_n_connections(const struct web *w);
const struct web_request *web_request(const struct web *w, size_t i);
/* Closes everything and runs the loop until that is done. */
void web_free(struct web **w);
