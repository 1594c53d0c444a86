/* logs. */
#include <stdio.h>

#include "base/escape.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/parse.h"

struct logs {
	const struct cli_common *common;
	struct str node; /* shown before each line when more than one node is asked for */
};

static void print_line(const struct logs *l, const struct value *line)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, print_text(line, "text"));
	if (l->node.n > 0)
		printf("%s%.*s |%s ", table_dim(), STR_ARG(l->node), table_plain());
	printf("%s\n", safe.p ? safe.p : "");
}

static bool on_line(void *arg, const struct client_event *e)
{
	struct logs *l = arg;
	if (l->common->json) {
		printf("%.*s\n", STR_ARG(e->data));
		fflush(stdout);
		return true;
	}
	CLEANUP_ARENA struct arena a = {0};
	struct value v;
	if (json_parse(&a, e->data, 0, &v, NULL) == 0 && value_getz(&v, "text"))
		print_line(l, &v);
	fflush(stdout);
	return true;
}

static void log_path(struct buf *path, const struct cli_common *common, struct str run,
		     struct str node, const char *query)
{
	buf_puts(path, "/api/runs/");
	client_escape(path, run);
	buf_puts(path, "/nodes/");
	client_escape(path, node);
	buf_printf(path, "/logs?%s&project=", query);
	client_escape(path, str_of(common->project));
}

/* All pages of one node's lines. */
static int print_pages(struct client *c, struct logs *l, struct str run, struct str node)
{
	CLEANUP_BUF struct buf cursor = {0};
	for (;;) {
		CLEANUP_BUF struct buf path = {0};
		log_path(&path, l->common, run, node, "limit=500");
		if (cursor.n > 0) {
			buf_puts(&path, "&cursor=");
			client_escape(&path, buf_str(&cursor));
		}
		CLEANUP_RESPONSE struct response r;
		if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &r))
			return CLI_UNREACHABLE;
		if (r.status >= 400)
			return client_refused(&r, NULL);
		const struct value *items = value_getz(&r.value, "items");
		for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++)
			print_line(l, &items->items[i]);
		buf_clear(&cursor);
		buf_put_str(&cursor, print_text(&r.value, "nextCursor"));
		if (cursor.n == 0)
			return CLI_OK;
	}
}

static int one_node(struct client *c, struct logs *l, struct str run, struct str node, bool follow)
{
	if (!follow && !l->common->json)
		return print_pages(c, l, run, node);
	CLEANUP_BUF struct buf path = {0};
	log_path(&path, l->common, run, node, "follow=1");
	int status = client_follow(c, path.p, on_line, l);
	return status == 200 ? CLI_OK : status == 0 ? CLI_UNREACHABLE : CLI_FAILED;
}

static int logs_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	bool follow = false;
	const struct opt opts[] = {
		{"follow", 'f', OPT_FLAG, &follow, NULL, "go on as lines come, until the node ends"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_logs, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 2, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	struct logs l = {.common = &common};
	struct str run = str_of(rest.items[0]);
	if (rest.n == 2)
		return one_node(c, &l, run, str_of(rest.items[1]), follow);
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/runs/");
	client_escape(&path, run);
	buf_puts(&path, "?project=");
	client_escape(&path, str_of(common.project));
	CLEANUP_RESPONSE struct response r;
	if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	const struct value *nodes = value_getz(&r.value, "nodes");
	for (uint32_t i = 0; value_is(nodes, VALUE_ARRAY) && i < nodes->n; i++) {
		l.node = print_text(&nodes->items[i], "id");
		status = one_node(c, &l, run, l.node, follow);
		if (status != CLI_OK)
			return status;
	}
	return CLI_OK;
}

const struct command cmd_logs = {"logs", "RUN [NODE] [-f]", "what the agents wrote on stderr",
				 logs_run};
