/* signal: gives a run's waiting node what it waits for. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

static int send_signal(const struct cli_common *common, const char *run, const struct value *body)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0}, text = {0};
	CLEANUP_CLIENT struct client *c = client_new(common);
	CLEANUP_RESPONSE struct response r = {0};
	struct str id;
	int status = watch_resolve(c, common, &a, run, &id);
	if (status != CLI_OK)
		return status;
	watch_path(&path, common, id, "/signal");
	json_write(&text, body);
	if (!client_call(c, "POST", path.p, buf_str(&text), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	if (common->json) {
		print_json(&r);
		return CLI_OK;
	}
	table_put(print_text(&r.value, "nodeId"));
	printf("\n");
	return CLI_OK;
}

static int signal_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	const char *data = NULL;
	struct value v;
	const struct opt opts[] = {
		{"data", 'd', OPT_TEXT, &data, "JSON|@FILE",
		 "what the node is given (default null)"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_signal, opts, ARRAY_LEN(opts), argc, argv, &rest, 2, 2, &status))
		return status;
	struct value body = value_object(&a, 2);
	value_putz(&a, &body, "name", value_strz(rest.items[1]));
	if (data && !document_json(&a, data, &v))
		return CLI_USAGE;
	if (data)
		value_putz(&a, &body, "data", v);
	return send_signal(&common, rest.items[0], &body);
}

const struct command cmd_signal = {"signal", "RUN NAME [--data JSON|@FILE]",
				   "give a run's waiting node what it waits for; prints the node",
				   signal_run};
