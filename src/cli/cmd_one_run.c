/* show, watch: commands about one run. Each takes an id or the beginning of one. */
#include "cli/client.h"
#include "cli/watch.h"

static int show_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	struct str id;
	if (!cli_parse(&cmd_show, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	status = watch_resolve(c, &common, &a, rest.items[0], &id);
	return status == CLI_OK ? watch_show(c, &common, id) : status;
}

const struct command cmd_show = {"show", "RUN", "one run: status, nodes, timeline, errors",
				 show_run};

static int watch_command(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	struct str id;
	if (!cli_parse(&cmd_watch, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	status = watch_resolve(c, &common, &a, rest.items[0], &id);
	return status == CLI_OK ? watch_run(c, &common, id, false) : status;
}

const struct command cmd_watch = {"watch", "RUN", "follow a run to its end; exit 1 when it failed",
				  watch_command};
