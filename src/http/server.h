/*
 * The HTTP/1.1 server (RFC 9110, 9112). One thread of its own parses requests and sends answers;
 * the handler is called on it and must not block. Every request is a `struct http_exchange` that
 * is answered exactly once: inside the handler or later, from any thread.
 *
 * Refused before the handler sees them, each with its status in `refuse_status` (the handler is
 * still called, to render the problem): 400 ambiguous framing (two Content-Length, both
 * Content-Length and Transfer-Encoding, a coding other than chunked, no or two Host), bad
 * percent-encoding, an encoded slash, `.` and `..` segments, NUL or control characters, invalid
 * UTF-8; 413 a body over LIMIT_BODY_BYTES; 414, 431 a target or headers over their limits; 505.
 * A refused request's body is not read: the connection closes after the answer. What can't be
 * parsed at all (no Host, no HTTP) gets a bare 400 and the connection closes.
 *
 * Life of the objects. The exchange and all it holds live until it was answered and the answer is
 * sent. A stream lives until its `closed` was called.
 *
 * Ending: http_server_stop() ends all connections (unanswered exchanges get 503, streams end) and
 * the thread; other threads may still call http_answer(), which then does nothing.
 * http_server_free() frees everything; no call about any exchange after it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct http_server;
struct http_exchange;
struct http_stream;

struct http_field {
	struct str name, value;
};

struct http_request { /* read only; lives as long as its exchange */
	struct str method;
	struct str path;	 /* as sent, without the query */
	struct str segments[20]; /* LIMIT_HTTP_SEGMENTS: decoded, valid UTF-8; "" where "//" */
	size_t n_segments;
	struct http_field *query; /* decoded, in their order */
	size_t n_query;
	struct http_field *headers; /* values as sent, trimmed */
	size_t n_headers;
	struct str body;	/* complete when the handler is called */
	struct str request_id;	/* the client's when it is sane, else a new one */
	struct str traceparent; /* as sent, unjudged; empty = none */
	const char *peer;	/* "127.0.0.1:40000" */
	const char *server;	/* http_server_address() */
	int refuse_status;	/* not 0: the handler must answer this, now */
	const char *refuse_detail;
};

/* An answer. Fill it, hand it over; the memory of `body` and of the fields goes along. */
enum { HTTP_RESPONSE_FIELDS = 6 };
struct http_response {
	int status;
	const char *content_type; /* static; NULL = no Content-Type */
	struct buf body;
	struct {
		const char *name; /* static */
		char *value;	  /* freed with the response */
	} fields[HTTP_RESPONSE_FIELDS];
	size_t n_fields;
	bool close;    /* close the connection afterwards */
	bool has_file; /* the body is this file, read as it is sent; see http_response_file() */
	int file_fd;
	uint64_t file_bytes;
};

/* Adds a header field. The value is copied; CR, LF and other control bytes in it become spaces. */
void http_response_field(struct http_response *r, const char *name, struct str value);

/* Makes the first `bytes` of a regular file the body; takes the descriptor. */
void http_response_file(struct http_response *r, int fd, uint64_t bytes);

/* Frees what a response holds that was not handed over. */
void http_response_drop(struct http_response *r);

struct http_config {
	const char *listen; /* "127.0.0.1:9002", "[::1]:9002", ":9002" (all), port 0 = any free */
	void *arg;
	/*
	 * HTTP thread. The request is complete. Must call http_answer() or http_stream_start() now,
	 * or see to it that it is called later.
	 */
	void (*handle)(void *arg, struct http_exchange *x);
	/*
	 * HTTP thread; may be NULL. The headers are complete and a body is announced but not yet
	 * read. May answer (404, 405, 415): then the body is not read and handle() not called.
	 */
	void (*headers)(void *arg, struct http_exchange *x);

	/* 0 = as in base/limits.h; tests set them lower */
	int idle_ms, headers_ms, body_ms;
	size_t max_connections;
};

/*
 * Binds, listens and starts. 0, -EINVAL (address), -EADDRINUSE, -EADDRNOTAVAIL, -EACCES or another
 * negative errno; *error then says in one sentence what is wrong.
 */
int http_server_new(const struct http_config *config, struct buf *error, struct http_server **ret);
void http_server_stop(struct http_server *s);
void http_server_free(struct http_server *s); /* stops it when that was not done */

/* What it listens on, "127.0.0.1:9002", with the port that was bound. */
const char *http_server_address(const struct http_server *s);
int http_server_port(const struct http_server *s);

struct http_server_stats {
	size_t n_connections, n_waiting, n_streams;
};
void http_server_stats(struct http_server *s, struct http_server_stats *ret);

/* ---- exchanges ---- */

const struct http_request *http_request_of(const struct http_exchange *x);

/*
 * Memory that lives as long as the exchange, for whoever handles it at the time (it is handed from
 * thread to thread along with the exchange).
 */
struct arena *http_arena(struct http_exchange *x);

/* The first header field of that name (any case), trimmed; false when there is none. */
bool http_header(const struct http_request *r, const char *name, struct str *ret_value);
size_t http_header_count(const struct http_request *r, const char *name);

/* Answers. Any thread, exactly once. Takes what the response holds. */
void http_answer(struct http_exchange *x, struct http_response *r);

/* ---- streams ---- */

struct http_stream_ops {
	/* Both on the HTTP thread, must not block. `drained`: all that was pushed is on its way to
	 * the client, push more when there is more. Called only after a push. */
	void (*drained)(void *arg);
	/* The connection is gone; nothing is called after it, and the stream is freed when it
	 * returns and http_stream_unref() was called. */
	void (*closed)(void *arg);
	void *arg;
};

/*
 * Answers with an unending body, whose fields are those of r (its body is sent first). Any
 * thread, in the place of http_answer(). The caller owns one reference. NULL when
 * LIMIT_SSE_STREAMS are open: then answer 503.
 */
struct http_stream *http_stream_start(struct http_exchange *x, struct http_response *r,
				      const struct http_stream_ops *ops);

/* Appends bytes; any thread. False when the client is gone, or when something waits already and
 * it would be more than LIMIT_SSE_BUFFER_BYTES together (nothing is added then). */
bool http_stream_push(struct http_stream *s, struct str bytes);

/* Whether nothing waits to be sent; any thread. */
bool http_stream_idle(struct http_stream *s);

/* Ends the body after what was pushed. Any thread. */
void http_stream_end(struct http_stream *s);
void http_stream_unref(struct http_stream *s);
