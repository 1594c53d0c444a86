/* workflows: list them, show one. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

static void print_workflows(const struct value *items)
{
	static const struct table_column columns[] = {
		{"WORKFLOW", TABLE_WHOLE}, {"STATUS", TABLE_WHOLE},  {"PAUSED", TABLE_CUT},
		{"VERSION", TABLE_WHOLE},  {"UPDATED", TABLE_WHOLE}, {"DESCRIPTION", TABLE_CUT},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++) {
		const struct value *w = &items->items[i];
		CLEANUP_BUF struct buf updated = {0};
		table_time_short(&updated, print_text(w, "updatedAt"));
		table_cell(t, print_text(w, "name"));
		table_cell(t, print_text(w, "status"));
		print_paused(t, w);
		table_cellf(t, "%lld", (long long)print_int(w, "version"));
		table_cell(t, buf_str(&updated));
		table_cell(t, print_text(w, "description"));
	}
	table_print(t);
}

static void print_definition(const struct value *workflow)
{
	CLEANUP_BUF struct buf text = {0};
	const struct value *definition = value_getz(workflow, "definition");
	json_write_pretty(&text, definition ? definition : workflow);
	printf("%s\n", text.p);
}

static int workflows_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_workflows, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/workflows");
	if (rest.n > 0) {
		buf_putc(&path, '/');
		client_escape(&path, str_of(rest.items[0]));
	}
	buf_puts(&path, rest.n > 0 ? "?project=" : "?limit=500&project=");
	client_escape(&path, str_of(common.project));
	CLEANUP_CLIENT struct client *c = client_new(&common);
	CLEANUP_RESPONSE struct response r = {0};
	status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	if (common.json)
		print_json(&r);
	else if (rest.n > 0)
		print_definition(&r.value);
	else
		print_workflows(value_getz(&r.value, "items"));
	return CLI_OK;
}

const struct command cmd_workflows = {"workflows", "[NAME]",
				      "list workflows, or show one's definition", workflows_run};
