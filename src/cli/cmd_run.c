/* run. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

static bool put_priority(struct arena *a, struct value *body, const char *text)
{
	bool good = text[0] >= '0' && text[0] <= '9' && !text[1];
	if (good)
		value_putz(a, body, "priority", value_int(text[0] - '0'));
	else
		fprintf(stderr, "drover run: --priority wants a number from 0 to 9\n");
	return good;
}

static bool run_body(const char *context_arg, const struct opt_list *pairs, const char *priority,
		     bool dry_run, struct buf *out)
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
		if (!document_set(&a, &context, "run", pairs->items[i]))
			return false;
	struct value body = value_object(&a, 0);
	value_putz(&a, &body, "context", context);
	if (priority && !put_priority(&a, &body, priority))
		return false;
	if (dry_run)
		value_putz(&a, &body, "dryRun", value_bool(true));
	json_write(out, &body);
	return true;
}

/* The new run's id, or what a dry run says. */
static void print_started(const struct response *r, struct str id, bool json)
{
	CLEANUP_BUF struct buf text = {0};
	if (json) {
		print_json(r);
		return;
	}
	if (id.n > 0)
		buf_put_str(&text, id);
	else
		json_write_pretty(&text, &r->value);
	table_put(buf_str(&text));
	printf("\n");
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
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "POST", path.p, body, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	struct str id = print_text(&r.value, "workflowRunId");
	if (!watch || id.n == 0) {
		print_started(&r, id, common->json);
		return CLI_OK;
	}
	return watch_run(c, common, id, false);
}

static int run_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, pairs = {0};
	const char *context = NULL, *key = NULL, *priority = NULL;
	bool watch = false, dry_run = false;
	const struct opt opts[] = {
		{"set", 'c', OPT_LIST, &pairs, "KEY=VALUE",
		 "one member of the context; a value that reads as JSON is JSON"},
		{"context", 0, OPT_TEXT, &context, "JSON|@FILE", "the whole context"},
		{"watch", 'w', OPT_FLAG, &watch, NULL, "follow the run; exit 1 when it failed"},
		{"dry-run", 0, OPT_FLAG, &dry_run, NULL, "say what would happen, start nothing"},
		{"priority", 0, OPT_TEXT, &priority, "0-9", "the higher goes first"},
		{"idempotency-key", 0, OPT_TEXT, &key, "KEY", "the same key starts one run only"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_run, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_BUF struct buf body = {0};
	if (!run_body(context, &pairs, priority, dry_run, &body))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	return run_trigger(c, &common, rest.items[0], key, buf_str(&body), watch && !dry_run);
}

const struct command cmd_run = {"run", "WORKFLOW [-c key=value]… [--watch]",
				"start a run of a workflow", run_run};
