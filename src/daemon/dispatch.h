/*
 * The engine's executor: routes each attempt to the sandbox (SCRIPT) or to the built-in rules
 * (RULE), opens the workspace, and brings logs and results back. Loop thread only.
 */
#pragma once

#include "daemon/config.h"
#include "engine/executor.h"

struct sandbox;
struct uv_loop_s;
struct rules;
struct dispatch;

struct dispatch_config {
	struct sandbox *sandbox;
	struct rules *rules;
	const struct config_list *workspaces; /* roots under which a workspace may lie */
	const char
		*artifacts; /* absolute folder for what attempts keep; NULL = they keep nothing */
	struct uv_loop_s *loop;
	void *arg; /* of the calls below, which go to the engine as a rule */
	void (*on_started)(void *arg, const struct attempt_id *id); /* or NULL */
	void (*on_alive)(void *arg, const struct attempt_id *id);   /* or NULL */
	void (*on_log)(void *arg, const struct attempt_id *id, struct str lines, int64_t n_lines);
	void (*on_done)(void *arg, const struct attempt_id *id,
			const struct attempt_result *result);
};

struct dispatch *dispatch_new(const struct dispatch_config *config);

/* Forgets the attempts that still run: end the sandbox and the rules first. */
void dispatch_free(struct dispatch *d);

struct executor *dispatch_executor(struct dispatch *d);

/* Hands on the log lines of this turn: call before engine_flush(). */
void dispatch_flush_logs(struct dispatch *d);
