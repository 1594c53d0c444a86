/*
 * Live streams (server-sent events, HTML standard section 9.2) of one run's events or one node's
 * log lines. All state belongs to the loop thread; the rows are read on a reader's thread.
 *
 *   asleep ──wake──> reading ──rows──> sending ──drained──> reading …
 *      ^────────────no rows───┘           (a wake meanwhile: read again)
 *
 * A stream sends what the store holds after the last row it sent, so nothing is lost or doubled
 * however wakes, reads and reconnects fall. It holds at most one batch of unsent bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/call.h"

struct streams;

enum stream_kind { STREAM_EVENTS, STREAM_LOGS };

struct stream_open {
	enum stream_kind kind;
	struct str run_id, node_id;
	int64_t after; /* seq or line that the client has */
	bool final;    /* nothing will be added any more */
};

struct streams *streams_new(struct api *api);
/* After the HTTP server was stopped and the last message was handed over. */
void streams_free(struct streams *ss);

/* Loop thread: begins the stream in answer to the call. */
struct call_done streams_start(struct call *c, const struct stream_open *open);

/* Loop thread: something was committed. */
void streams_wake(struct streams *ss, struct str run_id);
void streams_run_ended(struct streams *ss, struct str run_id);

/* Heartbeats, and reads that found the queue full. INT64_MAX = nothing is ever due. */
void streams_tick(struct streams *ss, int64_t now_ns);
int64_t streams_next_ns(const struct streams *ss);
