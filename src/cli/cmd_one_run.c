/* show, watch, cancel: commands about one run. Each takes an id or the beginning of one. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

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

/* What to post about a run, and the member of the answer to print. */
struct order {
	const char *tail, *member, *value, *show;
};

static int post(const struct cli_common *common, const char *run, const struct order *order)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0}, body = {0};
	CLEANUP_CLIENT struct client *c = client_new(common);
	struct str id;
	int status = watch_resolve(c, common, &a, run, &id);
	if (status != CLI_OK)
		return status;
	watch_path(&path, common, id, order->tail);
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	if (order->value) {
		json_out_key(&o, order->member);
		json_out_strz(&o, order->value);
	}
	json_out_end(&o);
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "POST", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	if (common->json) {
		print_json(&r);
		return CLI_OK;
	}
	table_put(print_text(&r.value, order->show));
	printf("\n");
	return CLI_OK;
}

static int cancel_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct order order = {.tail = "/cancel", .member = "reason", .show = "status"};
	const struct opt opts[] = {
		{"reason", 0, OPT_TEXT, &order.value, "TEXT", "kept in the run's events"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_cancel, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	return post(&common, rest.items[0], &order);
}

const struct command cmd_cancel = {"cancel", "RUN [--reason TEXT]",
				   "stop a run; prints the status it has then", cancel_run};
