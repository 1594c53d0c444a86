/*
 * A small world for the engine: the store in memory, a clock that stands until it is moved, and an
 * executor that does what the test says. One thread, no time passes by itself.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "engine/engine.h"
#include "store/mem/mem.h"

struct world_clock {
	struct clock clock;
	int64_t wall_ms, mono_ms; /* the wall may be set apart */
};

/* An attempt that was started and has not ended. */
struct world_attempt {
	struct attempt_id id;
	char run_id[ID_TEXT_BYTES], node_id[64], action[64];
	char *input, *workspace, *key;
	char *last_progress; /* JSON that an earlier attempt told, "" = nothing */
	int64_t number, probe_of;
	bool stop_asked;
	enum attempt_stop why;
	struct world_attempt *next;
};

/* Set before main by world_disk.c: worlds stand on the SQLite store in a folder of their own. */
extern bool world_on_disk;
#define NEEDS_MEM_STORE()                                                                          \
	do {                                                                                       \
		if (world_on_disk)                                                                 \
			SKIP("looks into the store in memory");                                    \
	} while (0)

struct world {
	char dir[32];	     /* on disk */
	const char *project; /* of all requests: "default" */
	struct world_clock clock;
	struct store *store;
	struct engine *engine;
	struct executor executor;
	struct engine_config config;
	bool by_hand; /* attempts wait for world_end(); else each succeeds at once with {} */
	struct world_attempt *live; /* oldest first */
	size_t n_started;
	struct arena arena; /* of everything that is read */

	/* the last reply */
	size_t n_replies;
	enum engine_outcome outcome;
	char id[ID_TEXT_BYTES];
	int64_t version;
	bool goes_on;
	enum run_status status;
	char *json;	/* dry run */
	char *findings; /* "path: message" lines */

	/* the watcher */
	size_t n_run_ends, n_attempt_ends, n_event_calls, n_log_calls;
};

void world_open(struct world *w);
void world_close(struct world *w);
#define CLEANUP_WORLD CLEANUP(world_close)

/* Flush, commit, tell, until nothing moves. Checks the engine's invariant. */
void world_settle(struct world *w);

/* Time passes; timers fire one after another. */
void world_pass(struct world *w, int64_t ms);

/* Power off and on: the engine starts anew from what is durable; live attempts are gone. */
void world_crash(struct world *w);

/* Registers agents "rule" (RULE) and "script" (SCRIPT), both with action "run". */
void world_agents(struct world *w);
void world_agent(struct world *w, const char *json);
/* JSON with ' for ". */
void world_save(struct world *w, const char *json);
void world_save_value(struct world *w, const struct value *doc);
/* Keeps the reply; arg is the world. */
void world_reply(void *arg, const struct engine_reply *reply);
void world_check(struct world *w, const char *json);
/* Triggers; the id of the run. */
const char *world_trigger(struct world *w, const char *workflow, const char *context);
/* Moves the run to this version (0 = the newest), with what is stored now. */
void world_move(struct world *w, const char *run_id, int64_t version, bool plan);
void world_cancel(struct world *w, const char *run_id);
void world_retry(struct world *w, const char *run_id, const char *from);

/* Parses JSON written with ' for ". */
struct value world_json(struct arena *a, const char *json);

/* The live attempt of a node (of any run), or NULL. */
struct world_attempt *world_live(struct world *w, const char *node_id);
/* Ends it: output JSON (with ' for "), or an error code. */
void world_succeed(struct world *w, const char *node_id, const char *output);
void world_fail(struct world *w, const char *node_id, const char *code);
void world_result(struct world *w, struct world_attempt *a, const struct attempt_result *x);
/* Its program runs; it writes lines to stderr (with ' for "). */
void world_started(struct world *w, const char *node_id);
void world_log(struct world *w, const char *node_id, const char *lines);

/* What is stored. */
struct run_detail world_run(struct world *w, const char *run_id);
/* "PENDING" when the node has no row. */
const char *world_node(struct world *w, const char *run_id, const char *node_id);
struct str world_output(struct world *w, const char *run_id, const char *node_id);
struct str world_node_error(struct world *w, const char *run_id, const char *node_id);
/* "1 FAILED exit_1, 2 SUCCESS" */
const char *world_attempts(struct world *w, const char *run_id, const char *node_id);
/* The types of all events joined by spaces, with the node's id: "node.started:a" */
const char *world_events(struct world *w, const char *run_id);
