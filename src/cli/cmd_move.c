/* move: a run goes on in another version of its workflow; one, or all open ones of a workflow. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"
#include "model/names.h"

struct move {
	const struct cli_common *common;
	struct client *client;
	const char *version, *by, *reason, *workflow;
	bool plan;
	struct arena arena;
	struct value found; /* heads of runs */
};

static void put_version(struct json_out *o, const char *version)
{
	bool number = *version && strspn(version, "0123456789") == strlen(version);
	json_out_key(o, "version");
	if (number && strlen(version) < 10 && version[0] != '0')
		json_out_raw(o, str_of(version));
	else
		json_out_strz(o, version);
}

/* The answer's status; 0 = no server. */
static int post(const struct move *x, struct str id, struct response *ret)
{
	CLEANUP_BUF struct buf path = {0}, body = {0};
	watch_path(&path, x->common, id, "/move");
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	put_version(&o, x->version);
	if (x->by) {
		json_out_key(&o, "by");
		json_out_strz(&o, x->by);
	}
	if (x->reason) {
		json_out_key(&o, "reason");
		json_out_strz(&o, x->reason);
	}
	if (x->plan) {
		json_out_key(&o, "plan");
		json_out_bool(&o, true);
	}
	json_out_end(&o);
	return client_call(x->client, "POST", path.p, buf_str(&body), NULL, ret) ? ret->status : 0;
}

static void print_nodes(const struct value *answer, const char *key, const char *what)
{
	const struct value *list = value_getz(answer, key);
	for (uint32_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++) {
		printf("%s ", what);
		table_put(value_text(&list->items[i]));
		printf("\n");
	}
}

static void print_answer(const struct move *x, const struct value *answer)
{
	printf("version %lld -> %lld%s\n", (long long)print_int(answer, "from"),
	       (long long)print_int(answer, "to"), x->plan ? " (planned)" : "");
	print_nodes(answer, "kept", "kept      ");
	print_nodes(answer, "asksAgain", "asks again");
	print_nodes(answer, "changed", "changed   ");
	print_nodes(answer, "removed", "removed   ");
	print_nodes(answer, "added", "added     ");
}

/* ---- one ---- */

static int move_one(struct move *x, const char *run)
{
	CLEANUP_RESPONSE struct response r = {0};
	struct str id;
	int status = watch_resolve(x->client, x->common, &x->arena, run, &id);
	if (status != CLI_OK)
		return status;
	status = post(x, id, &r);
	if (status == 0)
		return CLI_UNREACHABLE;
	if (status >= 400)
		return client_refused(&r);
	if (x->common->json)
		print_json(&r);
	else
		print_answer(x, &r.value);
	return CLI_OK;
}

/* ---- all of a workflow ---- */

static void list_path(const struct move *x, enum run_status status, struct str cursor,
		      struct buf *ret)
{
	buf_clear(ret);
	buf_printf(ret, "/api/runs?limit=500&status=%s&workflow=", run_status_name(status));
	client_escape(ret, str_of(x->workflow));
	buf_puts(ret, "&project=");
	client_escape(ret, str_of(x->common->project));
	if (cursor.n) {
		buf_puts(ret, "&cursor=");
		client_escape(ret, cursor);
	}
}

static int find(struct move *x, enum run_status status)
{
	CLEANUP_BUF struct buf path = {0};
	struct str cursor = {0};
	do {
		CLEANUP_RESPONSE struct response r = {0};
		list_path(x, status, cursor, &path);
		int exit_status = client_get(x->client, path.p, &r);
		if (exit_status != CLI_OK)
			return exit_status;
		const struct value *items = value_getz(&r.value, "items");
		for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++)
			value_push(&x->arena, &x->found, value_copy(&x->arena, &items->items[i]));
		cursor = arena_str(&x->arena, print_text(&r.value, "nextCursor"));
	} while (cursor.n > 0);
	return CLI_OK;
}

/* One line: the run, and what came of it. A refusal is no end of the others. */
static int move_found(struct move *x, const struct value *run)
{
	CLEANUP_RESPONSE struct response r = {0};
	struct str id = print_text(run, "id");
	int status = post(x, id, &r);
	if (status == 0)
		return CLI_UNREACHABLE;
	if (x->common->json) {
		print_json(&r);
		return status >= 400 ? CLI_FAILED : CLI_OK;
	}
	table_put(id);
	if (status < 400) {
		printf("  %lld -> %lld\n", (long long)print_int(&r.value, "from"),
		       (long long)print_int(&r.value, "to"));
		return CLI_OK;
	}
	const struct value *errors = value_getz(&r.value, "errors");
	bool told = value_is(errors, VALUE_ARRAY) && errors->n > 0;
	printf("  stays: ");
	if (told && print_text(&errors->items[0], "path").n) {
		table_put(print_text(&errors->items[0], "path"));
		printf(" ");
	}
	table_put(told ? print_text(&errors->items[0], "message") : print_text(&r.value, "detail"));
	printf("\n");
	return CLI_FAILED;
}

static int move_all(struct move *x)
{
	static const enum run_status open[] = {RUN_PENDING, RUN_RUNNING, RUN_WAITING_APPROVAL};
	int worst = CLI_OK;
	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		int status = find(x, open[i]);
		if (status != CLI_OK)
			return status;
	}
	for (uint32_t i = 0; i < x->found.n && worst != CLI_UNREACHABLE; i++) {
		int status = move_found(x, &x->found.items[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static int move_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct move x = {.common = &common, .version = "newest"};
	const struct opt opts[] = {
		{"version", 0, OPT_TEXT, &x.version, "N", "where to (default newest)"},
		{"workflow", 'w', OPT_TEXT, &x.workflow, "NAME",
		 "instead of RUN: all open runs of this workflow"},
		{"plan", 0, OPT_FLAG, &x.plan, NULL, "say what would happen, move nothing"},
		{"by", 0, OPT_TEXT, &x.by, "NAME", "who moves it, kept in the run's events"},
		{"reason", 0, OPT_TEXT, &x.reason, "TEXT", "and why"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_move, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	if ((x.workflow != NULL) == (rest.n == 1)) {
		fprintf(stderr, "drover move: wants a RUN, or --workflow NAME\n");
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(&common);
	x.client = c;
	x.found = value_array(&x.arena, 0);
	status = x.workflow ? move_all(&x) : move_one(&x, rest.items[0]);
	arena_free(&x.arena);
	return status;
}

const struct command cmd_move = {
	"move", "RUN | --workflow NAME [--version N] [--plan] [--by NAME] [--reason TEXT]",
	"an open run goes on in another version of its workflow", move_run};
