/* unknown, resolve: nodes of which nobody knows whether their effect happened. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

/* ---- unknown ---- */

static void print_list(const struct value *items)
{
	static const struct table_column columns[] = {
		{"RUN", TABLE_WHOLE}, {"NODE", TABLE_WHOLE},   {"WORKFLOW", TABLE_CUT},
		{"AGENT", TABLE_CUT}, {"EFFECT", TABLE_CUT},   {"ENDED WITH", TABLE_CUT},
		{"SINCE", TABLE_CUT}, {"WHY", TABLE_OPTIONAL},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *n = &items->items[i];
		CLEANUP_BUF struct buf since = {0};
		table_time_short(&since, print_text(n, "since"));
		table_cell(t, print_text(n, "runId"));
		table_cell(t, print_text(n, "nodeId"));
		table_cell(t, print_text(n, "workflowName"));
		table_cellf(t, "%.*s %.*s", STR_ARG(print_text(n, "agent")),
			    STR_ARG(print_text(n, "action")));
		table_cell(t, print_text(n, "effect"));
		table_cell(t, print_text(n, "code"));
		table_cell(t, buf_str(&since));
		table_cell(t, print_text(n, "why"));
	}
	table_print(t);
}

static int unknown_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_unknown, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/unknown?project=");
	client_escape(&path, str_of(common.project));
	CLEANUP_CLIENT struct client *c = client_new(&common);
	CLEANUP_RESPONSE struct response r = {0};
	status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *items = value_getz(&r.value, "items");
	if (common.json || !value_is(items, VALUE_ARRAY))
		print_json(&r);
	else if (items->n > 0)
		print_list(items);
	else
		fprintf(stderr, "no node is UNKNOWN\n");
	fflush(stdout);
	if (!common.json && print_int(&r.value, "leftOut") > 0)
		fprintf(stderr, "and %lld more\n", (long long)print_int(&r.value, "leftOut"));
	return CLI_OK;
}

const struct command cmd_unknown = {
	"unknown", "", "list the nodes of which nobody knows whether their effect happened",
	unknown_run};

/* ---- resolve ---- */

struct resolve {
	const char *succeeded, *by, *reason;
	bool failed, again;
};

static int send_resolve(const struct cli_common *common, const struct opt_list *rest,
			const struct value *body)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0}, rest_of_path = {0}, text = {0};
	CLEANUP_CLIENT struct client *c = client_new(common);
	CLEANUP_RESPONSE struct response r = {0};
	struct str id;
	int status = watch_resolve(c, common, &a, rest->items[0], &id);
	if (status != CLI_OK)
		return status;
	buf_puts(&rest_of_path, "/nodes/");
	client_escape(&rest_of_path, str_of(rest->items[1]));
	buf_puts(&rest_of_path, "/resolve");
	watch_path(&path, common, id, rest_of_path.p);
	json_write(&text, body);
	if (!client_call(c, "POST", path.p, buf_str(&text), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	if (common->json) {
		print_json(&r);
		return CLI_OK;
	}
	table_put(print_text(&r.value, "status"));
	printf("\n");
	return CLI_OK;
}

/* The request; false after saying on stderr what is wrong. */
static bool make_body(struct arena *a, const struct resolve *x, const struct opt_list *rest,
		      struct value *ret)
{
	struct value output;
	*ret = value_object(a, 4);
	if ((x->succeeded != NULL) + x->failed + x->again != 1 || (rest->n > 2 && !x->failed)) {
		fprintf(stderr, "drover resolve: wants one of --succeeded JSON, --failed [MESSAGE] "
				"and --again\n");
		return false;
	}
	if (x->succeeded && !document_json(a, x->succeeded, &output))
		return false;
	value_putz(a, ret, "as",
		   value_strz(x->succeeded ? "succeeded"
			      : x->failed  ? "failed"
					   : "again"));
	if (x->succeeded)
		value_putz(a, ret, "output", output);
	if (rest->n > 2)
		value_putz(a, ret, "message", value_strz(rest->items[2]));
	if (x->by)
		value_putz(a, ret, "by", value_strz(x->by));
	if (x->reason)
		value_putz(a, ret, "reason", value_strz(x->reason));
	return true;
}

static int resolve_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	struct resolve x = {0};
	struct value body;
	const struct opt opts[] = {
		{"succeeded", 0, OPT_TEXT, &x.succeeded, "JSON|@FILE",
		 "it happened; this is what it gave"},
		{"failed", 0, OPT_FLAG, &x.failed, NULL,
		 "it did not happen and must not be tried again; a MESSAGE may follow"},
		{"again", 0, OPT_FLAG, &x.again, NULL, "it did not happen: run it once more"},
		{"by", 0, OPT_TEXT, &x.by, "NAME", "who says so (default local)"},
		{"reason", 0, OPT_TEXT, &x.reason, "TEXT", "kept in the run's events"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_resolve, opts, ARRAY_LEN(opts), argc, argv, &rest, 2, 3, &status))
		return status;
	if (!make_body(&a, &x, &rest, &body))
		return CLI_USAGE;
	return send_resolve(&common, &rest, &body);
}

const struct command cmd_resolve = {
	"resolve", "RUN NODE --succeeded JSON|@FILE | --failed [MESSAGE] | --again",
	"say what became of a node that is UNKNOWN; prints the run's status", resolve_run};
