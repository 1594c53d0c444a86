/* why: what holds a run, as a small tree. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"

static void put_status(struct str status)
{
	printf("%s", table_status_colour(status));
	table_put(status);
	printf("%s", table_plain());
}

static void put_command(const char *bar, struct str command)
{
	if (command.n == 0)
		return;
	printf("%s   %s$ ", bar, table_dim());
	table_put(command);
	printf("%s\n", table_plain());
}

/* "via b, a" when more than the direct dependency stands between */
static void put_chain(const char *bar, const struct value *chain)
{
	if (!value_is(chain, VALUE_ARRAY) || chain->n < 2)
		return;
	printf("%s   %s", bar, table_dim());
	for (uint32_t i = 0; i < chain->n; i++) {
		printf("%s", i ? " <- " : "<- ");
		table_put(value_text(&chain->items[i]));
	}
	printf("%s\n", table_plain());
}

static void print_node(const struct value *n, bool last)
{
	const char *bar = last ? "  " : "│ ";
	bool held = str_eqz(print_text(n, "reason"), "waiting_dependencies");
	printf("%s %s", last ? "└─" : "├─", table_bold());
	table_put(print_text(n, "nodeId"));
	printf("%s ", table_plain());
	put_status(print_text(n, "status"));
	printf(" ");
	table_put(print_text(n, "sentence"));
	printf("\n");
	put_chain(bar, value_getz(n, "chain"));
	if (!held) /* that of the node it waits for says it */
		put_command(bar, print_text(n, "command"));
}

static void print_why(const struct value *why)
{
	const struct value *nodes = value_getz(why, "nodes");
	int64_t left_out = print_int(why, "nodesLeftOut");
	table_put(print_text(why, "runId"));
	printf(" ");
	put_status(print_text(why, "status"));
	printf("\n");
	table_put(print_text(why, "summary"));
	printf("\n");
	put_command("", print_text(why, "command"));
	for (uint32_t i = 0; value_is(nodes, VALUE_ARRAY) && i < nodes->n; i++)
		print_node(&nodes->items[i], i + 1 == nodes->n && left_out == 0);
	if (left_out)
		printf("└─ and %lld more\n", (long long)left_out);
	if (print_text(why, "until").n && !print_text(why, "reason").n) {
		printf("The run's time-out is at ");
		table_put(print_text(why, "until"));
		printf(".\n");
	}
}

static int why_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	struct str id;
	if (!cli_parse(&cmd_why, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	status = watch_resolve(c, &common, &a, rest.items[0], &id);
	if (status != CLI_OK)
		return status;
	watch_path(&path, &common, id, "/why");
	status = client_get(c, path.p, &r);
	if (status == CLI_OK && common.json)
		print_json(&r);
	else if (status == CLI_OK)
		print_why(&r.value);
	return status;
}

const struct command cmd_why = {"why", "RUN", "what a run waits for, and what unblocks it",
				why_run};
