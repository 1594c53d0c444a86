/* agent run: one attempt of an agent in the sandbox, without a server. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "agents/builtin.h"
#include "agents/rule.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/document.h"
#include "cli/finding.h"
#include "daemon/dispatch.h"
#include "exec/sandbox/sandbox.h"
#include "json/parse.h"
#include "json/schema.h"
#include "json/write.h"

struct trial {
	struct arena *arena;
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_timer_t timer;
	struct sandbox *sandbox;
	struct rules *rules;
	struct dispatch *dispatch;
	struct value agent; /* API form */
	const struct value *capability;
	struct value input;
	bool waiting; /* the loop runs */
	int status;
};

/* ---- finding the agent ---- */

static void say_refused(const struct agent_found *f)
{
	CLEANUP_BUF struct buf file = {0};
	buf_printf(&file, "%s/agent.yaml", f->folder);
	for (size_t i = 0; i < f->diag.n; i++) {
		const struct diag_finding *d = &f->diag.findings[i];
		finding_print(
			stderr, file.p, (struct str){0},
			&(struct finding){str_of(d->path), str_of(d->message), d->line, d->column});
	}
}

/* A refused manifest has no name: its folder's stands for it. */
static bool is_named(const struct agent_found *f, const char *name)
{
	const char *slash = strrchr(f->folder, '/');
	if (f->refused)
		return slash && strcmp(slash + 1, name) == 0;
	return str_eqz(value_text(value_getz(&f->agent, "name")), name);
}

static bool find_agent(struct trial *t, const struct opt_list *dirs, const char *name)
{
	struct agent_roots roots;
	struct agents_found found;
	const char *bad = NULL;
	int r = builtin_roots(t->arena, dirs->items, dirs->n, &roots, &bad);
	if (r < 0) {
		fprintf(stderr, "drover agent run: %s: %s\n", bad ? bad : "agents", strerror(-r));
		return false;
	}
	builtin_find(t->arena, &roots, &found);
	for (size_t i = 0; i < found.n; i++) {
		if (!is_named(&found.items[i], name))
			continue;
		if (found.items[i].refused)
			say_refused(&found.items[i]);
		t->agent = found.items[i].agent;
		return !found.items[i].refused;
	}
	fprintf(stderr,
		"drover agent run: there is no agent '%s'; --agents DIR adds a folder of "
		"agent folders\n",
		name);
	return false;
}

static bool find_capability(struct trial *t, const char *action)
{
	const struct value *list = value_getz(&t->agent, "capabilities");
	for (uint32_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++) {
		struct str name = value_text(value_getz(&list->items[i], "name"));
		if (action ? str_eqz(name, action) : list->n == 1) {
			t->capability = &list->items[i];
			return true;
		}
	}
	fprintf(stderr, "drover agent run: %s; its actions are:",
		action ? "it has no such action" : "name one with --action");
	for (uint32_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++)
		fprintf(stderr, " %.*s", STR_ARG(value_text(value_getz(&list->items[i], "name"))));
	fprintf(stderr, "\n");
	return false;
}

/* ---- judging ---- */

static bool judge(struct trial *t, const char *which, const char *what, const struct value *v)
{
	const struct value *document = value_getz(t->capability, which);
	if (!document)
		return true;
	struct diag d;
	diag_init(&d, t->arena);
	CLEANUP_SCHEMA struct schema *schema = NULL;
	if (schema_compile(document, SCHEMA_DEFAULT, &d, &schema) == 0)
		schema_check(schema, v, &d);
	for (size_t i = 0; i < d.n; i++) {
		CLEANUP_BUF struct buf message = {0};
		escape_terminal(&message, str_of(d.findings[i].message));
		fprintf(stderr, "%s%s%s: %s\n", what, *d.findings[i].path ? "." : "",
			d.findings[i].path, message.p ? message.p : "");
	}
	return diag_ok(&d);
}

static void on_log(void *arg UNUSED, const struct attempt_id *id UNUSED, struct str lines,
		   int64_t n_lines UNUSED)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, lines);
	fprintf(stderr, "%s\n", safe.p ? safe.p : "");
}

static void on_done(void *arg, const struct attempt_id *id UNUSED, const struct attempt_result *r)
{
	struct trial *t = arg;
	t->status = CLI_FAILED;
	if (t->waiting)
		uv_stop(&t->loop);
	if (r->end == ATTEMPT_END_ERROR) {
		fprintf(stderr, "failed: %s: %.*s\n", r->code, STR_ARG(r->message));
		return;
	}
	struct value output;
	struct json_error e;
	if (json_parse(t->arena, r->output, JSON_DEFAULT, &output, &e) != 0) {
		fprintf(stderr,
			"failed: invalid_output: not one JSON document: line %d, column %d: %s\n",
			e.line, e.column, e.message);
		return;
	}
	CLEANUP_BUF struct buf text = {0};
	json_write_pretty(&text, &output);
	printf("%s\n", text.p);
	if (judge(t, "outputSchema", "output", &output))
		t->status = CLI_OK;
	else
		fprintf(stderr, "failed: invalid_output: it breaks the action's outputSchema\n");
}

/* ---- running ---- */

static struct str json_member(struct trial *t, const char *key)
{
	const struct value *v = value_getz(&t->agent, key);
	if (!v)
		return (struct str){0};
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, v);
	return arena_str(t->arena, buf_str(&text));
}

static void on_timeout(uv_timer_t *timer)
{
	struct executor *x = timer->data;
	struct attempt_id id = {"trial"};
	x->ops->stop(x, &id, ATTEMPT_STOP_TIMEOUT);
}

static void start(struct trial *t, struct executor *x, const char *workspace)
{
	CLEANUP_BUF struct buf input = {0};
	json_write(&input, &t->input);
	struct attempt_start s = {
		.id = {"trial"},
		.run_id = {"00000000-0000-7000-8000-000000000000"},
		.project = STR("default"),
		.workflow = STR("agent-run"),
		.node_id = STR("run"),
		.agent = value_text(value_getz(&t->agent, "name")),
		.action = value_text(value_getz(t->capability, "name")),
		.entry_path = value_text(value_getz(&t->agent, "entryPath")),
		.command = json_member(t, "command"),
		.agent_limits = json_member(t, "limits"),
		.input = buf_str(&input),
		.workspace = str_of(workspace),
		.attempt = 1,
		.idempotency_key = STR("trial"),
	};
	agent_type_parse(value_text(value_getz(&t->agent, "type")), &s.agent_type);
	x->ops->start(x, &s);
}

static void before_poll(uv_prepare_t *handle)
{
	dispatch_flush_logs(handle->data);
}

/* Everything the service has for an attempt, but the engine. */
static int open_trial(struct trial *t, const struct config_list *workspaces, bool allow_unsandboxed)
{
	struct sandbox_config sandbox_config;
	sandbox_config_init(&sandbox_config);
	sandbox_config.allow_unsandboxed = allow_unsandboxed;
	sandbox_config.n_idle = 0;
	uv_loop_init(&t->loop);
	int r = sandbox_new(&t->loop, &sandbox_config, &t->sandbox);
	if (r < 0) {
		fprintf(stderr, "drover agent run: sandbox: %s\n", strerror(-r));
		uv_loop_close(&t->loop);
		return r;
	}
	struct rules_config rules_config = {.loop = &t->loop, .allow_private = true};
	rules_new(&rules_config, &t->rules);
	struct dispatch_config config = {.sandbox = t->sandbox,
					 .rules = t->rules,
					 .workspaces = workspaces,
					 .arg = t,
					 .on_log = on_log,
					 .on_done = on_done};
	t->dispatch = dispatch_new(&config);
	t->prepare.data = t->dispatch;
	t->timer.data = dispatch_executor(t->dispatch);
	uv_prepare_init(&t->loop, &t->prepare);
	uv_prepare_start(&t->prepare, before_poll);
	uv_timer_init(&t->loop, &t->timer);
	return 0;
}

static void close_trial(struct trial *t)
{
	uv_close((uv_handle_t *)&t->prepare, NULL);
	uv_close((uv_handle_t *)&t->timer, NULL);
	sandbox_free(t->sandbox);
	rules_free(t->rules);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	uv_loop_close(&t->loop);
	dispatch_free(t->dispatch);
}

static int run_trial(struct trial *t, const char *workspace, bool allow_unsandboxed,
		     int64_t timeout_ms)
{
	const char *roots[] = {workspace};
	struct config_list workspaces = {roots, workspace ? 1 : 0};
	if (open_trial(t, &workspaces, allow_unsandboxed) < 0)
		return CLI_FAILED;
	if (timeout_ms > 0)
		uv_timer_start(&t->timer, on_timeout, (uint64_t)timeout_ms, 0);
	t->status = -1;
	start(t, dispatch_executor(t->dispatch), workspace);
	t->waiting = t->status < 0;
	if (t->waiting)
		uv_run(&t->loop, UV_RUN_DEFAULT);
	close_trial(t);
	return t->status;
}

static int agent_run(int argc, char **argv)
{
	CLEANUP_ARENA struct arena arena = {0};
	CLEANUP_OPT_LIST struct opt_list rest = {0}, dirs = {0};
	const char *input = "{}", *action = NULL, *workspace = NULL, *timeout = "5m";
	bool unsandboxed = false;
	const struct opt opts[] = {
		{"input", 'i', OPT_TEXT, &input, "JSON|@FILE", "the action's input (default {})"},
		{"action", 'a', OPT_TEXT, &action, "NAME", "when the agent has more than one"},
		{"workspace", 'w', OPT_TEXT, &workspace, "DIR", "shown to it at /workspace"},
		{"agents", 0, OPT_LIST, &dirs, "DIR", "a folder of agent folders; may be repeated"},
		{"timeout", 0, OPT_TEXT, &timeout, "5m", "stop it after this long"},
		{"allow-unsandboxed", 0, OPT_FLAG, &unsandboxed, NULL,
		 "also where the kernel allows no sandbox"},
	};
	int status;
	if (!cli_parse(&cmd_agent, opts, ARRAY_LEN(opts), argc, argv, &rest, 2, 2, &status))
		return status;
	struct trial t = {.arena = &arena};
	int64_t timeout_ms;
	if (strcmp(rest.items[0], "run") != 0 ||
	    timefmt_duration_parse(str_of(timeout), &timeout_ms) != 0) {
		fprintf(stderr, "usage: drover agent %s\n", cmd_agent.usage);
		return CLI_USAGE;
	}
	log_setup(LOG_LEVEL_WARN, isatty(STDERR_FILENO));
	if (!document_json(&arena, input, &t.input) || !find_agent(&t, &dirs, rest.items[1]) ||
	    !find_capability(&t, action))
		return CLI_USAGE;
	if (!judge(&t, "inputSchema", "input", &t.input))
		return CLI_FAILED;
	CLEANUP_FREE char *real = workspace ? realpath(workspace, NULL) : NULL;
	if (workspace && !real) {
		fprintf(stderr, "drover agent run: %s: %s\n", workspace, strerror(errno));
		return CLI_USAGE;
	}
	return run_trial(&t, real, unsandboxed, timeout_ms);
}

const struct command cmd_agent = {"agent", "run NAME --input JSON|@FILE [--workspace DIR]",
				  "run an agent once in the sandbox", agent_run};
