/* logs: one node's lines, or those of all nodes of a run with the node's id before each. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/logs.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/parse.h"
#include "json/write.h"

struct node_logs {
	const struct cli_common *common;
	struct str run, node;
	bool named; /* the node is shown before each line */
};

static void print_line(const struct node_logs *l, const struct value *line)
{
	if (l->common->json) {
		CLEANUP_ARENA struct arena a = {0};
		CLEANUP_BUF struct buf text = {0};
		struct value v = value_object(&a, 5);
		value_putz(&a, &v, "nodeId", value_str(l->node));
		for (uint32_t i = 0; value_is(line, VALUE_OBJECT) && i < line->n; i++)
			value_put(&a, &v, line->members[i].key, line->members[i].value);
		json_write(&text, &v);
		printf("%s\n", text.p);
		return;
	}
	if (l->named) {
		printf("%s", table_dim());
		table_put(l->node);
		printf(" |%s ", table_plain());
	}
	table_put(print_text(line, "text"));
	printf("\n");
}

static bool on_line(void *arg, const struct client_event *e)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value v;
	if (json_parse(&a, e->data, 0, &v, NULL) == 0 && value_getz(&v, "text"))
		print_line(arg, &v);
	fflush(stdout);
	return true;
}

static void log_path(struct buf *path, const struct node_logs *l, const char *query)
{
	buf_puts(path, "/api/runs/");
	client_escape(path, l->run);
	buf_puts(path, "/nodes/");
	client_escape(path, l->node);
	buf_printf(path, "/logs?%s&project=", query);
	client_escape(path, str_of(l->common->project));
}

/* All pages of one node's lines, as far as they are there. */
static int print_pages(struct client *c, const struct node_logs *l)
{
	CLEANUP_BUF struct buf cursor = {0};
	for (;;) {
		CLEANUP_BUF struct buf path = {0};
		CLEANUP_RESPONSE struct response r = {0};
		log_path(&path, l, "limit=500");
		if (cursor.n > 0) {
			buf_puts(&path, "&cursor=");
			client_escape(&path, buf_str(&cursor));
		}
		int status = client_get(c, path.p, &r);
		if (status != CLI_OK)
			return status;
		const struct value *items = value_getz(&r.value, "items");
		for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++)
			print_line(l, &items->items[i]);
		buf_clear(&cursor);
		buf_put_str(&cursor, print_text(&r.value, "nextCursor"));
		if (cursor.n == 0)
			return CLI_OK;
	}
}

/* The ids of the run's nodes, in the arena. */
static int list_nodes(struct client *c, const struct node_logs *l, struct arena *a,
		      struct str **ret, size_t *ret_n)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	watch_path(&path, l->common, l->run, "");
	int status = client_get(c, path.p, &r);
	const struct value *nodes = value_getz(&r.value, "nodes");
	if (status != CLI_OK)
		return status;
	*ret_n = value_is(nodes, VALUE_ARRAY) ? nodes->n : 0;
	*ret = ARENA_NEW_ARRAY(a, struct str, *ret_n + 1);
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = arena_str(a, print_text(&nodes->items[i], "id"));
	return CLI_OK;
}

static int print_all(struct client *c, struct node_logs *l, const struct str *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l->node = nodes[i];
		int status = print_pages(c, l);
		if (status != CLI_OK)
			return status;
	}
	return CLI_OK;
}

/* All at once: lines come as they are written, whatever the order of the nodes. */
static int follow_all(struct client *c, const struct node_logs *l, const struct str *nodes,
		      size_t n)
{
	CLEANUP_ARENA struct arena a = {0};
	struct client_stream *streams = ARENA_NEW_ARRAY(&a, struct client_stream, n + 1);
	struct node_logs *each = ARENA_NEW_ARRAY(&a, struct node_logs, n + 1);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_BUF struct buf path = {0};
		each[i] = *l;
		each[i].node = nodes[i];
		log_path(&path, &each[i], "follow=1");
		streams[i] = (struct client_stream){
			.path = arena_dupz(&a, path.p), .on_event = on_line, .arg = &each[i]};
	}
	return client_follow(c, streams, n);
}

static int logs(struct client *c, struct node_logs *l, const struct opt_list *rest, bool follow)
{
	CLEANUP_ARENA struct arena a = {0};
	struct str *nodes = &(struct str){0};
	size_t n = 1;
	int status = watch_resolve(c, l->common, &a, rest->items[0], &l->run);
	if (status != CLI_OK)
		return status;
	if (rest->n == 2) {
		*nodes = str_of(rest->items[1]);
	} else {
		l->named = true;
		status = list_nodes(c, l, &a, &nodes, &n);
	}
	if (status != CLI_OK)
		return status;
	return follow ? follow_all(c, l, nodes, n) : print_all(c, l, nodes, n);
}

int logs_print(struct client *c, const struct cli_common *common, struct str run_id)
{
	CLEANUP_ARENA struct arena a = {0};
	struct node_logs l = {.common = common, .run = run_id, .named = true};
	struct str *nodes;
	size_t n;
	int status = list_nodes(c, &l, &a, &nodes, &n);
	return status == CLI_OK ? print_all(c, &l, nodes, n) : status;
}

static int logs_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	bool follow = false;
	const struct opt opts[] = {
		{"follow", 'f', OPT_FLAG, &follow, NULL,
		 "go on as lines come, until the nodes end"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_logs, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 2, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	struct node_logs l = {.common = &common};
	return logs(c, &l, &rest, follow);
}

const struct command cmd_logs = {"logs", "RUN [NODE] [-f]",
				 "what the agents wrote on stderr (--json: a JSON object a line)",
				 logs_run};
