/* runs. */
#include <stdio.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

static void print_runs(const struct value *items)
{
	static const struct table_column columns[] = {
		{"RUN", TABLE_WHOLE},  {"WORKFLOW", TABLE_CUT},	 {"STATUS", TABLE_WHOLE},
		{"PAUSED", TABLE_CUT}, {"CREATED", TABLE_WHOLE}, {"TOOK", TABLE_WHOLE},
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
		print_paused(t, run);
		table_cell(t, buf_str(&created));
		table_cell(t, buf_str(&took));
	}
	table_print(t);
}

/* What was found, over as many pages as that took. */
struct found {
	struct arena arena;
	struct value items;
	struct str next; /* cursor, empty = none */
};

static void print_found(const struct found *x, bool json)
{
	CLEANUP_BUF struct buf text = {0};
	if (json) {
		struct json_out o = json_out_to(&text);
		json_out_object(&o);
		json_out_key(&o, "items");
		json_out_value(&o, &x->items);
		json_out_key(&o, "nextCursor");
		if (x->next.n > 0)
			json_out_str(&o, x->next);
		else
			json_out_null(&o);
		json_out_end(&o);
		printf("%s\n", text.p);
		return;
	}
	if (x->items.n > 0)
		print_runs(&x->items);
	else
		fprintf(stderr, "no runs\n");
	fflush(stdout);
	if (x->next.n > 0)
		fprintf(stderr, "there are more: --cursor %.*s\n", STR_ARG(x->next));
}

struct param {
	const char *name, *value; /* NULL = not given */
};

static void list_path(struct buf *path, int64_t limit, struct str cursor,
		      const struct param *params, size_t n)
{
	buf_clear(path);
	buf_printf(path, "/api/runs?limit=%lld", (long long)limit);
	if (cursor.n > 0) {
		buf_puts(path, "&cursor=");
		client_escape(path, cursor);
	}
	for (size_t i = 0; i < n; i++) {
		if (!params[i].value)
			continue;
		buf_printf(path, "&%s=", params[i].name);
		client_escape(path, str_of(params[i].value));
	}
}

/* On a terminal, since a search of many runs takes its time. */
static void say_how_far(struct str searched_to)
{
	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\33[K", stderr);
	if (searched_to.n > 0)
		fprintf(stderr, "searched back to %.*s", STR_ARG(searched_to));
	fflush(stderr);
}

/* A page that ended before it was full is gone on from, until enough is found. */
static int find(struct client *c, int64_t limit, const struct param *params, size_t n,
		struct found *x)
{
	CLEANUP_BUF struct buf path = {0};
	bool on = true, said = false;
	while (on) {
		CLEANUP_RESPONSE struct response r = {0};
		list_path(&path, limit - (int64_t)x->items.n, x->next, params, n);
		int status = client_get(c, path.p, &r);
		if (status != CLI_OK)
			return status;
		const struct value *items = value_getz(&r.value, "items");
		for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++)
			value_push(&x->arena, &x->items, value_copy(&x->arena, &items->items[i]));
		x->next = arena_str(&x->arena, print_text(&r.value, "nextCursor"));
		struct str searched_to = print_text(&r.value, "searchedTo");
		on = searched_to.n > 0 && x->next.n > 0 && x->items.n < limit;
		if (on || said)
			say_how_far(on ? searched_to : (struct str){0});
		said = on;
	}
	return CLI_OK;
}

static int runs_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *status = NULL, *workflow = NULL, *text = NULL, *cursor = NULL, *caller = NULL;
	const char *since = NULL, *until = NULL;
	int64_t limit = 50;
	const struct opt opts[] = {
		{"status", 's', OPT_TEXT, &status, "STATUS",
		 "PENDING, RUNNING, SUCCESS, FAILED, …"},
		{"workflow", 'w', OPT_TEXT, &workflow, "NAME", "of one workflow"},
		{"caller", 0, OPT_TEXT, &caller, "RUN", "called by a node of this run"},
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
				 {"callerRunId", caller},
				 {"q", text},
				 {"since", since},
				 {"until", until}};
	CLEANUP_CLIENT struct client *c = client_new(&common);
	struct found x = {.next = cursor ? str_of(cursor) : (struct str){0}};
	x.items = value_array(&x.arena, 0);
	exit_status = find(c, limit, params, ARRAY_LEN(params), &x);
	if (exit_status == CLI_OK)
		print_found(&x, common.json);
	arena_free(&x.arena);
	return exit_status;
}

const struct command cmd_runs = {"runs", "[--status S] [--workflow W]", "list runs, newest first",
				 runs_run};
