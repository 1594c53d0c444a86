/* items: the items of a node with forEach. */
#include <stdio.h>

#include "base/utf8.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

enum { ITEM_TEXT_BYTES = 60 };

/* The value, cut when it is long. */
static void put_value(struct table *t, const struct value *v)
{
	CLEANUP_BUF struct buf text = {0};
	json_write(&text, v);
	if (text.n > ITEM_TEXT_BYTES) {
		text.n = utf8_valid_prefix(str_n(text.p, ITEM_TEXT_BYTES));
		buf_puts(&text, "…");
	}
	table_cell(t, buf_str(&text));
}

static void print_items(const struct value *items)
{
	static const struct table_column columns[] = {
		{"ITEM", TABLE_WHOLE},	{"VALUE", TABLE_CUT},  {"STATUS", TABLE_WHOLE},
		{"TRIES", TABLE_WHOLE}, {"TOOK", TABLE_WHOLE}, {"ERROR", TABLE_CUT},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *n = &items->items[i], *error = value_getz(n, "error");
		CLEANUP_BUF struct buf took = {0}, text = {0};
		print_took(&took, n);
		if (value_is(error, VALUE_OBJECT)) {
			buf_put_str(&text, print_text(error, "code"));
			buf_puts(&text, ": ");
			buf_put_str(&text, print_text(error, "message"));
		}
		table_cell(t, print_text(n, "id"));
		put_value(t, value_getz(n, "item"));
		table_cell(t, print_text(n, "status"));
		table_cellf(t, "%lld", (long long)print_int(n, "attempt"));
		table_cell(t, buf_str(&took));
		table_cell(t, buf_str(&text));
	}
	table_print(t);
}

static void print_page(const struct response *r)
{
	const struct value *items = value_getz(&r->value, "items");
	struct str next = print_text(&r->value, "nextCursor");
	if (value_is(items, VALUE_ARRAY) && items->n > 0)
		print_items(items);
	else
		fprintf(stderr, "no such items\n");
	fflush(stdout);
	if (next.n > 0)
		fprintf(stderr, "there are more: --cursor %.*s\n", STR_ARG(next));
}

static void put_param(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "&%s=", name);
	client_escape(path, str_of(value));
}

static int items_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	const char *status = NULL, *cursor = NULL;
	int64_t limit = 50;
	const struct opt opts[] = {
		{"status", 's', OPT_TEXT, &status, "STATUS", "FAILED, RUNNING, PENDING, …"},
		{"limit", 'n', OPT_INT, &limit, "N", "how many (default 50, at most 500)"},
		{"cursor", 0, OPT_TEXT, &cursor, "CURSOR", "go on from an earlier page"},
		CLI_COMMON_OPTS(common),
	};
	int exit_status;
	struct str id;
	if (!cli_parse(&cmd_items, opts, ARRAY_LEN(opts), argc, argv, &rest, 2, 2, &exit_status))
		return exit_status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	exit_status = watch_resolve(c, &common, &a, rest.items[0], &id);
	if (exit_status != CLI_OK)
		return exit_status;
	CLEANUP_BUF struct buf path = {0}, tail = {0};
	buf_puts(&tail, "/nodes/");
	client_escape(&tail, str_of(rest.items[1]));
	buf_puts(&tail, "/items");
	watch_path(&path, &common, id, tail.p);
	buf_printf(&path, "&limit=%lld", (long long)limit);
	put_param(&path, "status", status);
	put_param(&path, "cursor", cursor);
	CLEANUP_RESPONSE struct response r = {0};
	exit_status = client_get(c, path.p, &r);
	if (exit_status == CLI_OK && common.json)
		print_json(&r);
	else if (exit_status == CLI_OK)
		print_page(&r);
	return exit_status;
}

const struct command cmd_items = {"items", "RUN NODE [--status S]",
				  "list the items of a node with forEach", items_run};
