/* The command line's HTTP client: blocking, one connection, by libcurl. One thread. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "json/value.h"

struct client;

/* Never NULL; freed by client_free(). */
struct client *client_new(const struct cli_common *common);
void client_free(struct client *c);
static inline void client_freep(struct client **c)
{
	client_free(*c);
}
#define CLEANUP_CLIENT CLEANUP(client_freep)

struct response {
	int status; /* HTTP */
	struct buf body;
	struct arena arena;
	struct value value; /* the body, parsed; null when it is no JSON */
};
void response_free(struct response *r);
#define CLEANUP_RESPONSE CLEANUP(response_free)

/*
 * One call. `content_type` NULL means JSON. True when an answer came, whatever its status. False
 * when the server could not be reached or is something else than drover: that was said on stderr,
 * and the command should end with CLI_UNREACHABLE.
 */
bool client_call(struct client *c, const char *method, const char *path, struct str body,
		 const char *content_type, struct response *ret);

/* A header for the next call only, e.g. "Idempotency-Key: x". */
void client_header(struct client *c, const char *header);

/*
 * Follows server-sent event streams, up to 50 of them at once, until each ends or its on_event
 * returns false. A broken connection is resumed from the last id. The exit status: the gravest of
 * the streams' own; what was wrong was said on stderr.
 */
struct client_event {
	struct str id, type, data;
};
struct client_stream {
	const char *path;
	bool until_stopped; /* an end without on_event's false is no end: come again */
	bool (*on_event)(void *arg, const struct client_event *e);
	void *arg;
	int status; /* set: CLI_OK, CLI_FAILED (refused) or CLI_UNREACHABLE */
};
int client_follow(struct client *c, struct client_stream *streams, size_t n);

/* Prints a refusal (problem+json) on stderr: title, detail and every finding. CLI_FAILED. */
int client_refused(const struct response *r);

/* The same about a document that was sent: findings show their line of its text. */
int client_refused_file(const struct response *r, const char *file, struct str text);

/* GET, for commands that only read: CLI_OK, else what was wrong was said on stderr. */
int client_get(struct client *c, const char *path, struct response *ret);

/* GET of bytes, written as they come; nothing is written of a refusal. CLI_OK, else what was wrong
 * was said on stderr. */
int client_download(struct client *c, const char *path, FILE *to);

/* GET without a word: whether an answer came. */
bool client_try(struct client *c, const char *path, struct response *ret);

/* Appends text percent-encoded for one path segment or query value. */
void client_escape(struct buf *out, struct str text);
