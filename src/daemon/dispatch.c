#include "daemon/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/manifest.h"
#include "agents/rule.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "daemon/artifacts.h"
#include "daemon/limits_doc.h"
#include "daemon/script.h"
#include "daemon/workspace.h"
#include "exec/sandbox/sandbox.h"

struct running {
	struct dispatch *dispatch;
	struct attempt_id id;
	struct sandbox_attempt *script; /* one of the two, once it runs */
	struct rule_call *rule;
	char *artifacts;  /* the folder that it may keep files in, or NULL */
	struct buf lines; /* log lines of this turn, joined by newlines */
	int64_t n_lines;
	struct list with_lines; /* in dispatch->with_lines while lines wait */
};

struct dispatch {
	struct executor executor;
	struct dispatch_config config;
	struct map running; /* attempt id -> struct running */
	struct list with_lines;
};

static void flush_lines(struct running *r)
{
	if (r->n_lines == 0)
		return;
	list_remove(&r->with_lines);
	const struct dispatch_config *c = &r->dispatch->config;
	c->on_log(c->arg, &r->id, buf_str(&r->lines), r->n_lines);
	buf_clear(&r->lines);
	r->n_lines = 0;
}

static void forget(struct running *r)
{
	map_remove(&r->dispatch->running, ID_STR(r->id));
	list_remove(&r->with_lines);
	buf_free(&r->lines);
	free(r->artifacts);
	free(r);
}

static void finish(struct running *r, const struct attempt_result *result)
{
	const struct dispatch_config *c = &r->dispatch->config;
	struct attempt_id id = r->id;
	flush_lines(r);
	forget(r);
	c->on_done(c->arg, &id, result);
}

static void fail_as(struct running *r, const char *code, struct str message, bool final,
		    enum attempt_fate fate)
{
	struct attempt_result result = {.end = ATTEMPT_END_ERROR,
					.code = code,
					.message = message,
					.final = final,
					.fate = fate};
	finish(r, &result);
}

/* Before anything of it ran. */
static void fail(struct running *r, const char *code, struct str message, bool final)
{
	fail_as(r, code, message, final, FATE_NOT_BEGUN);
}

/* ---- scripts ---- */

static void on_log_line(void *arg, struct str line, bool truncated)
{
	struct running *r = arg;
	if (r->n_lines == 0)
		list_push_back(&r->dispatch->with_lines, &r->with_lines);
	else
		buf_putc(&r->lines, '\n');
	buf_put_str(&r->lines, line);
	if (truncated)
		buf_puts(&r->lines, " [cut]");
	r->n_lines++;
}

/* On its own, so that the engine, when it keeps no more either, leaves out this line alone. */
static void tell_dropped(struct running *r, uint64_t n_bytes)
{
	char text[96];
	int n = snprintf(text, sizeof(text),
			 "drover: %llu bytes of this attempt's log were not kept",
			 (unsigned long long)n_bytes);
	flush_lines(r);
	on_log_line(r, str_n(text, (size_t)n), false);
}

static enum attempt_fate fate_of(const struct sandbox_result *s)
{
	if (s->not_begun)
		return FATE_NOT_BEGUN;
	return s->code && strncmp(s->code, "exit_", 5) == 0 ? FATE_ANSWERED : FATE_CUT_OFF;
}

static void on_script_done(void *arg, const struct sandbox_result *s)
{
	if (s->n_log_bytes_dropped > 0)
		tell_dropped(arg, s->n_log_bytes_dropped);
	struct running *r = arg;
	CLEANUP_BUF struct buf why = {0};
	bool kept = !r->artifacts || artifacts_end(r->dispatch->config.loop, r->artifacts, &why);
	struct attempt_result result = {
		.end = s->code ? ATTEMPT_END_ERROR : ATTEMPT_END_OUTPUT,
		.output = s->output,
		.code = s->code,
		.message = str_of(s->message),
		.fate = fate_of(s),
		.retry_later = s->retry_later,
		.sandboxed = s->sandboxed,
		.cpu_usec = s->cpu_usec,
		.memory_peak_bytes = (int64_t)s->memory_peak_bytes,
	};
	if (!kept && !s->code) {
		result.end = ATTEMPT_END_ERROR;
		result.output = (struct str){0};
		result.code = "artifacts_too_large";
		result.fate = FATE_BAD_OUTPUT;
		result.message = buf_str(&why);
	}
	finish(arg, &result);
}

static void on_started(void *arg)
{
	struct running *r = arg;
	const struct dispatch_config *c = &r->dispatch->config;
	if (c->on_started)
		c->on_started(c->arg, &r->id);
}

static void on_alive(void *arg)
{
	struct running *r = arg;
	const struct dispatch_config *c = &r->dispatch->config;
	if (c->on_alive)
		c->on_alive(c->arg, &r->id);
}

static const struct sandbox_callbacks script_callbacks = {
	.on_started = on_started,
	.on_alive = on_alive,
	.on_log_line = on_log_line,
	.on_done = on_script_done,
};

/* Opens the workspace into the spec; false when the attempt was failed because of it. */
static bool add_workspace(struct running *r, const struct attempt_start *start,
			  struct sandbox_spec *spec, struct buf *path)
{
	if (start->workspace.n == 0)
		return true;
	CLEANUP_BUF struct buf why = {0};
	int o = workspace_open(r->dispatch->config.workspaces, start->workspace,
			       &spec->workspace_fd, path, &why);
	if (o == 0) {
		spec->workspace_folder = path->p;
		return true;
	}
	if (o > 0)
		fail(r, workspace_code((enum workspace_outcome)o), buf_str(&why), true);
	else
		fail(r, "sandbox", str_of(strerror(-o)), false);
	return false;
}

/* People said yes to the files that were there: the folder must still hold them. */
static bool folder_as_approved(struct running *r, const struct attempt_start *start,
			       const char *folder)
{
	char now[SHA256_HEX_BYTES] = "";
	if (!start->approved_digest.n ||
	    (manifest_digest(folder, now) == 0 && str_eqz(start->approved_digest, now)))
		return true;
	fail(r, "approval_void",
	     STR("the agent's folder is not what was approved: a file in it "
		 "changed; register the agent anew and run it again"),
	     true);
	return false;
}

/* False when the attempt was failed because of it. */
static bool add_artifacts(struct running *r, const struct attempt_start *start,
			  struct sandbox_spec *spec)
{
	const char *root = r->dispatch->config.artifacts;
	if (!root)
		return true;
	int e = artifacts_begin(root, start, &r->artifacts, &spec->artifacts_fd);
	if (e < 0) {
		CLEANUP_BUF struct buf why = {0};
		buf_printf(&why, "no folder for artifacts can be made: %s", strerror(-e));
		fail(r, "sandbox", buf_str(&why), false);
		return false;
	}
	spec->artifacts_folder = r->artifacts;
	return true;
}

static void start_script(struct running *r, const struct attempt_start *start)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf input = {0}, path = {0};
	struct sandbox_spec spec;
	sandbox_spec_init(&spec);
	spec.argv = script_argv(&a, start->command);
	if (!spec.argv || !limits_doc_apply(&spec.limits, start->agent_limits) ||
	    !limits_doc_apply(&spec.limits, start->node_limits)) {
		fail(r, "sandbox",
		     STR("the agent's command or limits can't be read; register it anew"), true);
		return;
	}
	spec.agent_folder = arena_dup(&a, start->entry_path.p, start->entry_path.n);
	if (!folder_as_approved(r, start, spec.agent_folder) ||
	    !add_workspace(r, start, &spec, &path))
		return;
	CLEANUP_FD int workspace_fd = spec.workspace_fd;
	if (!add_artifacts(r, start, &spec))
		return;
	CLEANUP_FD int artifacts_fd = spec.artifacts_fd;
	script_stdin(start, &input);
	spec.env = script_env(&a, start);
	spec.stdin_bytes = buf_str(&input);
	r->script = sandbox_start(r->dispatch->config.sandbox, &spec, &script_callbacks, r);
}

/* ---- rules ---- */

static void on_rule_log(void *arg, struct str line)
{
	on_log_line(arg, line, false);
}

static void on_rule_done(void *arg, const struct rule_result *rule)
{
	struct attempt_result result = {
		.end = rule->code ? ATTEMPT_END_ERROR : ATTEMPT_END_OUTPUT,
		.output = rule->output,
		.code = rule->code,
		.message = rule->message,
		.final = rule->code && !rule->retryable,
		.retry_after_ms = rule->retry_after_ms,
	};
	finish(arg, &result);
}

static void start_rule(struct running *r, const struct attempt_start *start)
{
	const struct rule_start rule = {
		.agent = start->agent,
		.action = start->action,
		.input = start->input,
		.run_id = ID_STR(start->run_id),
		.node_id = start->node_id,
		.project = start->project,
		.workflow = start->workflow,
		.attempt = start->attempt,
		.idempotency_key = start->idempotency_key,
	};
	struct dispatch *d = r->dispatch;
	struct attempt_id id = r->id;
	struct rule_call *call = rule_start(d->config.rules, &rule, on_rule_log, on_rule_done, r);
	/* It may have ended inside rule_start(), and with it `r`: then there is no call. */
	r = call ? map_get(&d->running, ID_STR(id)) : NULL;
	if (!r)
		return;
	r->rule = call;
	on_started(r);
}

/* ---- the port ---- */

static void dispatch_start(struct executor *x, const struct attempt_start *start)
{
	struct dispatch *d = container_of(x, struct dispatch, executor);
	struct running *r = NEW0(struct running);
	r->dispatch = d;
	r->id = start->id;
	list_init(&r->with_lines);
	void *before = map_put(&d->running, ID_STR(r->id), r);
	ASSERT(!before);
	if (start->agent_type == AGENT_RULE)
		start_rule(r, start);
	else
		start_script(r, start);
}

static void dispatch_stop(struct executor *x, const struct attempt_id *id, enum attempt_stop why)
{
	struct dispatch *d = container_of(x, struct dispatch, executor);
	struct running *r = map_get(&d->running, ID_STR(*id));
	if (!r)
		return;
	if (r->script) {
		sandbox_stop(r->script, why == ATTEMPT_STOP_TIMEOUT ? SANDBOX_STOP_TIMEOUT
								    : SANDBOX_STOP_CANCEL);
		return;
	}
	if (r->rule)
		rule_cancel(r->rule);
	if (why == ATTEMPT_STOP_TIMEOUT)
		fail_as(r, "timeout", STR("the time-out of the node was reached"), false,
			FATE_CUT_OFF);
	else
		fail_as(r, "cancelled", STR("the run was cancelled"), true, FATE_CUT_OFF);
}

static const struct executor_ops ops = {dispatch_start, dispatch_stop};

struct dispatch *dispatch_new(const struct dispatch_config *config)
{
	struct dispatch *d = NEW0(struct dispatch);
	d->executor.ops = &ops;
	d->config = *config;
	list_init(&d->with_lines);
	return d;
}

void dispatch_free(struct dispatch *d)
{
	if (!d)
		return;
	size_t at = 0;
	void *p;
	while (map_next(&d->running, &at, NULL, &p)) {
		struct running *r = p;
		buf_free(&r->lines);
		free(r->artifacts);
		free(r);
	}
	map_free(&d->running);
	free(d);
}

struct executor *dispatch_executor(struct dispatch *d)
{
	return &d->executor;
}

void dispatch_flush_logs(struct dispatch *d)
{
	for (struct list *node; (node = d->with_lines.next) != &d->with_lines;)
		flush_lines(container_of(node, struct running, with_lines));
}
