/* runs. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"

static void print_runs(const struct value *items)
{
	static const struct table_column columns[] = {
		{"RUN", TABLE_WHOLE},	  {"WORKFLOW", TABLE_CUT}, {"STATUS", TABLE_WHOLE},
		{"CREATED", TABLE_WHOLE}, {"TOOK", TABLE_WHOLE},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *run = &items->items[i];
		CLEANUP_BUF struct buf created = {0}, took = {0};
		table_time_short(&created, print_text(run, "createdAt"));
		print_took(&took, run);
		table_cell(t, print_text(run, "id"));
		table_cell(t, print_text(run, "workflowName"));
		table_cell(t, print_text(run, "status"));
		table_cell(t, buf_str(&created));
		table_cell(t, buf_str(&took));
	}
	table_print(t);
}

static void print_page(const struct response *r)
{
	const struct value *items = value_getz(&r->value, "items");
	struct str next = print_text(&r->value, "nextCursor");
	if (value_is(items, VALUE_ARRAY) && items->n > 0)
		print_runs(items);
	else
		fprintf(stderr, "no runs\n");
	fflush(stdout);
	if (next.n > 0)
		fprintf(stderr, "there are more: --cursor %.*s\n", STR_ARG(next));
}

struct param {
	const char *name, *value; /* NULL = not given */
};

static void list_path(struct buf *path, int64_t limit, const struct param *params, size_t n)
{
	buf_printf(path, "/api/runs?limit=%lld", (long long)limit);
	for (size_t i = 0; i < n; i++) {
		if (!params[i].value)
			continue;
		buf_printf(path, "&%s=", params[i].name);
		client_escape(path, str_of(params[i].value));
	}
}

static int runs_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *status = NULL, *workflow = NULL, *text = NULL, *cursor = NULL;
	const char *since = NULL, *until = NULL;
	int64_t limit = 50;
	const struct opt opts[] = {
		{"status", 's', OPT_TEXT, &status, "STATUS",
		 "PENDING, RUNNING, SUCCESS, FAILED, …"},
		{"workflow", 'w', OPT_TEXT, &workflow, "NAME", "of one workflow"},
		{"search", 'q', OPT_TEXT, &text, "TEXT", "in name, context or error"},
		{"since", 0, OPT_TEXT, &since, "TIME", "created at or after, RFC 3339"},
		{"until", 0, OPT_TEXT, &until, "TIME", "created before, RFC 3339"},
		{"limit", 'n', OPT_INT, &limit, "N", "how many (default 50, at most 500)"},
		{"cursor", 0, OPT_TEXT, &cursor, "CURSOR", "go on from an earlier page"},
		CLI_COMMON_OPTS(common),
	};
	int exit_status;
	if (!cli_parse(&cmd_runs, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &exit_status))
		return exit_status;
	struct param params[] = {{"project", common.project},
				 {"status", status},
				 {"workflow", workflow},
				 {"q", text},
				 {"since", since},
				 {"until", until},
				 {"cursor", cursor}};
	CLEANUP_BUF struct buf path = {0};
	list_path(&path, limit, params, ARRAY_LEN(params));
	CLEANUP_CLIENT struct client *c = client_new(&common);
	CLEANUP_RESPONSE struct response r = {0};
	exit_status = client_get(c, path.p, &r);
	if (exit_status == CLI_OK && common.json)
		print_json(&r);
	else if (exit_status == CLI_OK)
		print_page(&r);
	return exit_status;
}

const struct command cmd_runs = {"runs", "[--status S] [--workflow W]", "list runs, newest first",
				 runs_run};
