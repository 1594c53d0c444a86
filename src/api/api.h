/*
 * The HTTP API (contract section 5): routes, the reading and judging of requests, the rendering
 * of answers. One .c per resource.
 *
 * Threads. Requests come in on the HTTP server's thread. What reads the store runs on a pool of
 * LIMIT_READERS threads of the API, each with its own store_reader, never on the loop. What
 * changes something is handed to the loop thread, where the engine is called; its reply is
 * rendered and answered there, after commit. No locks: each thread has its own state, requests
 * move between them whole.
 *
 * Wiring, all on the loop thread:
 *
 *   api_new(&config, &api);            after engine_new(); needs the loop
 *   http.handle = api_handle; http.headers = api_headers; http.arg = api;
 *   http_server_new(&http, ...);
 *   ... the engine's watchers call api_on_events(), api_on_logs(), api_on_run_end() ...
 *   http_server_stop(server);          no request comes in any more
 *   api_close(api);                    joins the readers; lets go of the loop's handles
 *   uv_run(loop, UV_RUN_DEFAULT);      the loop forgets them
 *   engine_free(engine);
 *   http_server_free(server); api_free(api);
 *
 * The owner calls engine_flush() at the end of each loop turn: the API does not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct api;
struct engine;
struct http_exchange;
struct run_row;
struct store;
struct uv_loop_s;

struct api_health { /* filled by the composition root; an empty string means ok */
	const char *database, *executor; /* what is wrong, static text */
};

struct api_config {
	struct uv_loop_s *loop;
	struct engine *engine;
	struct store *store;
	const char *service, *version; /* "drover", DROVER_VERSION */
	const char *artifacts;	       /* folder of RUN/NODE/ATTEMPT/…, NULL = none are kept */
	void *arg;		       /* of the callbacks below; each may be NULL */
	/* Whether an agent may be registered from this folder. Loop thread. */
	bool (*folder_allowed)(void *arg, struct str path);
	/* SHA-256 of the folder, hex; leaves the text empty on a fault. A reader's thread. */
	void (*folder_digest)(void *arg, struct str path, char ret_hex[65]);
	/* What the composition root knows beyond the engine. Loop thread. */
	void (*health)(void *arg, struct api_health *health);
	/* One answered request; route is its template ("/api/runs/{runId}", "" = none). Any thread.
	 */
	void (*request_done)(void *arg, const char *method, const char *route, int status,
			     int64_t duration_ns);
};

/* 0 or a negative errno. */
int api_new(const struct api_config *config, struct api **ret);
void api_close(struct api *api);
void api_free(struct api *api);

/* For struct http_config. */
void api_handle(void *api, struct http_exchange *x);
void api_headers(void *api, struct http_exchange *x);

/* The engine's watchers, loop thread. */
void api_on_events(struct api *api, struct str run_id, int64_t last_seq);
void api_on_logs(struct api *api, struct str run_id, struct str node_id);
void api_on_run_end(struct api *api, const struct run_row *run);

/* The document served at /openapi.json, and the route table, for tests: "GET /api/runs". */
struct str api_openapi_document(void);
const char *api_route_text(size_t i, char *buf, size_t n); /* NULL at the end */
