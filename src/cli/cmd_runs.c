/* run, runs, show, watch, cancel, retry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/parse.h"
#include "json/write.h"

/* ---- run ---- */

/* key=value: a value that reads as JSON is taken so, else it is a string. */
static bool add_context(struct arena *a, struct value *context, const char *pair)
{
	const char *eq = strchr(pair, '=');
	if (!eq || eq == pair) {
		fprintf(stderr, "drover run: -c wants key=value, not '%s'\n", pair);
		return false;
	}
	struct value v;
	if (json_parse(a, str_of(eq + 1), JSON_DEFAULT, &v, NULL) != 0)
		v = value_strz(eq + 1);
	value_put(a, context, str_n(pair, (size_t)(eq - pair)), v);
	return true;
}

static bool run_body(const char *context_arg, const struct opt_list *pairs, bool dry_run,
		     struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value context = value_object(&a, 0);
	if (context_arg && !document_json(&a, context_arg, &context))
		return false;
	if (context.kind != VALUE_OBJECT) {
		fprintf(stderr, "drover run: --context wants a JSON object\n");
		return false;
	}
	for (size_t i = 0; i < pairs->n; i++)
		if (!add_context(&a, &context, pairs->items[i]))
			return false;
	struct value body = value_object(&a, 0);
	value_putz(&a, &body, "context", context);
	if (dry_run)
		value_putz(&a, &body, "dryRun", value_bool(true));
	json_write(out, &body);
	return true;
}

static int run_trigger(struct client *c, const struct cli_common *common, const char *workflow,
		       const char *key, struct str body, bool watch)
{
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/workflows/");
	client_escape(&path, str_of(workflow));
	buf_puts(&path, "/trigger?project=");
	client_escape(&path, str_of(common->project));
	if (key) {
		CLEANUP_FREE char *header = mem_printf("Idempotency-Key: %s", key);
		client_header(c, header);
	}
	CLEANUP_RESPONSE struct response r;
	if (!client_call(c, "POST", path.p, body, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	struct str id = print_text(&r.value, "workflowRunId");
	if (!watch || id.n == 0) {
		if (common->json || id.n == 0)
			print_json(&r);
		else
			printf("%.*s\n", STR_ARG(id));
		return CLI_OK;
	}
	return watch_run(c, common, id, false);
}

static int run_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, pairs = {0};
	const char *context = NULL, *key = NULL;
	bool watch = false, dry_run = false;
	const struct opt opts[] = {
		{"context-key", 'c', OPT_LIST, &pairs, "KEY=VALUE", "one member of the context"},
		{"context", 0, OPT_TEXT, &context, "JSON|@FILE", "the whole context"},
		{"watch", 'w', OPT_FLAG, &watch, NULL, "follow the run; exit 1 when it failed"},
		{"dry-run", 0, OPT_FLAG, &dry_run, NULL, "say what would happen"},
		{"idempotency-key", 0, OPT_TEXT, &key, "KEY", "the same key starts one run only"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_run, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_BUF struct buf body = {0};
	if (!run_body(context, &pairs, dry_run, &body))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	return run_trigger(c, &common, rest.items[0], key, buf_str(&body), watch && !dry_run);
}

const struct command cmd_run = {"run", "WORKFLOW [-c key=value]… [--watch]",
				"start a run of a workflow", run_run};

/* ---- runs ---- */

static void print_runs(const struct value *items)
{
	static const char *const headers[] = {"RUN", "WORKFLOW", "STATUS", "CREATED", "TOOK", NULL};
	struct table *t = table_new(headers);
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *run = &items->items[i], *ms = value_getz(run, "durationMs");
		CLEANUP_BUF struct buf created = {0}, took = {0};
		table_time(&created, print_text(run, "createdAt"));
		if (value_is(ms, VALUE_INT))
			table_duration(&took, ms->i);
		table_cell(t, print_text(run, "id"));
		table_cell(t, print_text(run, "workflowName"));
		table_cell(t, print_text(run, "status"));
		table_cell(t, buf_str(&created));
		table_cell(t, buf_str(&took));
	}
	table_print(t);
}

static int runs_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *status = NULL, *workflow = NULL, *text = NULL, *cursor = NULL;
	int64_t limit = 50;
	const struct opt opts[] = {
		{"status", 's', OPT_TEXT, &status, "STATUS", "PENDING, RUNNING, SUCCESS, FAILED, …"},
		{"workflow", 'w', OPT_TEXT, &workflow, "NAME", "of one workflow"},
		{"search", 'q', OPT_TEXT, &text, "TEXT", "in name, context or error"},
		{"limit", 'n', OPT_INT, &limit, "N", "how many (default 50, at most 500)"},
		{"cursor", 0, OPT_TEXT, &cursor, "CURSOR", "go on from an earlier page"},
		CLI_COMMON_OPTS(common),
	};
	int exit_status;
	if (!cli_parse(&cmd_runs, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &exit_status))
		return exit_status;
	const struct {
		const char *name, *value;
	} params[] = {{"project", common.project}, {"status", status}, {"workflow", workflow},
		      {"q", text},                 {"cursor", cursor}};
	CLEANUP_BUF struct buf path = {0};
	buf_printf(&path, "/api/runs?limit=%lld", (long long)limit);
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		if (!params[i].value)
			continue;
		buf_printf(&path, "&%s=", params[i].name);
		client_escape(&path, str_of(params[i].value));
	}
	CLEANUP_CLIENT struct client *c = client_new(&common);
	CLEANUP_RESPONSE struct response r;
	if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	const struct value *items = value_getz(&r.value, "items");
	if (common.json || !value_is(items, VALUE_ARRAY))
		print_json(&r);
	else
		print_runs(items);
	struct str next = print_text(&r.value, "nextCursor");
	if (next.n > 0 && !common.json)
		fprintf(stderr, "more: --cursor %.*s\n", STR_ARG(next));
	return CLI_OK;
}

const struct command cmd_runs = {"runs", "[--status S] [--workflow W]", "list runs, newest first",
				 runs_run};

/* ---- show, watch, cancel, retry: commands about one run ---- */

static void run_path(struct buf *path, const struct cli_common *common, const char *run,
		     const char *tail)
{
	buf_puts(path, "/api/runs/");
	client_escape(path, str_of(run));
	buf_printf(path, "%s?project=", tail);
	client_escape(path, str_of(common->project));
}

static int show_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_show, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	return watch_show(c, &common, str_of(rest.items[0]), NULL);
}

const struct command cmd_show = {"show", "RUN", "one run: status, nodes, timeline, error",
				 show_run};

static int watch_command(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_watch, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	return watch_run(c, &common, str_of(rest.items[0]), false);
}

const struct command cmd_watch = {"watch", "RUN", "follow a run until it ends", watch_command};

/* POST with a small body; prints what came back in the given member. */
static int post_about_run(const struct cli_common *common, const char *run, const char *tail,
			  const char *member, const char *value, const char *show_member)
{
	CLEANUP_BUF struct buf path = {0}, body = {0};
	run_path(&path, common, run, tail);
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	if (value) {
		json_out_key(&o, member);
		json_out_strz(&o, value);
	}
	json_out_end(&o);
	CLEANUP_CLIENT struct client *c = client_new(common);
	CLEANUP_RESPONSE struct response r;
	if (!client_call(c, "POST", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	if (common->json)
		print_json(&r);
	else
		printf("%.*s\n", STR_ARG(print_text(&r.value, show_member)));
	return CLI_OK;
}

static int cancel_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *reason = NULL;
	const struct opt opts[] = {
		{"reason", 0, OPT_TEXT, &reason, "TEXT", "kept with the run"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_cancel, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	return post_about_run(&common, rest.items[0], "/cancel", "reason", reason, "status");
}

const struct command cmd_cancel = {"cancel", "RUN [--reason TEXT]", "stop a run", cancel_run};

static int retry_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *from = "failed";
	const struct opt opts[] = {
		{"from", 0, OPT_TEXT, &from, "failed|start|NODE", "where to begin (default failed)"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_retry, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	return post_about_run(&common, rest.items[0], "/retry", "from", from, "workflowRunId");
}

const struct command cmd_retry = {"retry", "RUN [--from failed|start|NODE]",
				  "a new run that keeps finished results", retry_run};
