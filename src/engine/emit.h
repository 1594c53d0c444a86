/* Rows and effects of the engine's steps. Private to src/engine. */
#pragma once

#include "engine/state.h"
#include "json/write.h"

/* A copy in the current transaction; empty stays without address. */
struct str emit_text(struct engine *e, struct str s);

/* An error column: {"code", "message"} and, when given, "nodeId"; retry_later marks an attempt
 * that does not count against maxAttempts. Text in the current transaction. */
struct str emit_error(struct engine *e, const char *code, struct str message, struct str node_id,
		      bool retry_later);

void emit_run_add(struct run *r, struct str parent_run_id);
/* error, output: JSON or "". finished_ms 0 = goes on. */
void emit_run_set(struct run *r, struct str error, int64_t finished_ms);
void emit_run_end(struct run *r, struct str error, struct str output, int64_t finished_ms);

/* The node's end; output and error as JSON or "". */
void emit_node(struct run *r, uint32_t index, struct str output, struct str error,
	       struct str copied_from);

/* Of the node whose row was just added: what it is about beyond its attempts, a JSON object. */
void emit_node_detail(struct run *r, struct str detail);

struct attempt_rest { /* what an attempt's row has beyond the attempt itself */
	enum attempt_status status;
	struct str input, error;
	int64_t finished_ms;
	bool sandboxed;
	int64_t cpu_usec, memory_peak_bytes;
	const char *error_code; /* for the watcher */
};
/* Adds the row, or sets it when it was added before. */
void emit_attempt(struct attempt *a, const struct attempt_rest *rest);

/* An event: emit_event_begin(), members into the writer, emit_event_end(). */
struct json_out emit_event_begin(struct engine *e);
void emit_event_end(struct run *r, const char *type, struct json_out *o);

/* Queues the reply behind what was added so far. The reply and its text are copied; claim, when
 * not NULL, is an idempotency claim (of e->claims) that ends with it. */
void emit_reply(struct engine *e, engine_reply_fn fn, void *arg, const struct engine_reply *reply,
		struct str claim);

/* Gives all replies that still wait as UNDECIDED; their claims stay until the end is known. */
void emit_replies_undecided(struct engine *e);
