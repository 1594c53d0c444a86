/* cancel: one run by its id, or all open ones that a question to the listing finds. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"
#include "model/names.h"

struct cancel {
	const struct cli_common *common;
	struct client *client;
	const char *reason, *status, *workflow;
	bool plan;
	struct value found; /* heads of runs */
	struct arena arena;
};

/* ---- one ---- */

/* The answer's status; 0 = no server. */
static int post(struct cancel *x, struct str id, struct response *ret)
{
	CLEANUP_BUF struct buf path = {0}, body = {0};
	watch_path(&path, x->common, id, "/cancel");
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	if (x->reason) {
		json_out_key(&o, "reason");
		json_out_strz(&o, x->reason);
	}
	json_out_end(&o);
	return client_call(x->client, "POST", path.p, buf_str(&body), NULL, ret) ? ret->status : 0;
}

static int cancel_one(struct cancel *x, const char *run)
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
	if (x->common->json) {
		print_json(&r);
		return CLI_OK;
	}
	table_put(print_text(&r.value, "status"));
	printf("\n");
	return CLI_OK;
}

/* ---- many ---- */

static void list_path(const struct cancel *x, const char *status, struct str cursor,
		      struct buf *ret)
{
	buf_clear(ret);
	buf_printf(ret, "/api/runs?limit=500&status=%s&project=", status);
	client_escape(ret, str_of(x->common->project));
	if (x->workflow) {
		buf_puts(ret, "&workflow=");
		client_escape(ret, str_of(x->workflow));
	}
	if (cursor.n) {
		buf_puts(ret, "&cursor=");
		client_escape(ret, cursor);
	}
}

/* All of that status, before any of them is stopped: so no page shifts. */
static int find(struct cancel *x, enum run_status status)
{
	CLEANUP_BUF struct buf path = {0};
	struct str cursor = {0};
	do {
		CLEANUP_RESPONSE struct response r = {0};
		list_path(x, run_status_name(status), cursor, &path);
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

static void print_run_line(const struct cancel *x, struct str id, struct str workflow,
			   struct str status)
{
	CLEANUP_BUF struct buf text = {0};
	if (x->common->json) {
		struct json_out o = json_out_to(&text);
		json_out_object(&o);
		json_out_key(&o, "workflowRunId");
		json_out_str(&o, id);
		json_out_key(&o, "workflowName");
		json_out_str(&o, workflow);
		json_out_key(&o, "status");
		json_out_str(&o, status);
		json_out_end(&o);
		printf("%.*s\n", STR_ARG(buf_str(&text)));
		return;
	}
	table_put(id);
	printf("  ");
	table_put(workflow);
	printf("  ");
	table_put(status);
	printf("\n");
}

/* One of many: what ended by itself meanwhile is well. */
static int cancel_found(struct cancel *x, const struct value *run)
{
	struct str id = print_text(run, "id"), workflow = print_text(run, "workflowName");
	CLEANUP_RESPONSE struct response r = {0};
	if (x->plan) {
		print_run_line(x, id, workflow, print_text(run, "status"));
		return CLI_OK;
	}
	int status = post(x, id, &r);
	if (status == 0)
		return CLI_UNREACHABLE;
	if (status == 409)
		print_run_line(x, id, workflow, STR("ended before"));
	else if (status >= 400)
		return client_refused(&r);
	else
		print_run_line(x, id, workflow, print_text(&r.value, "status"));
	return CLI_OK;
}

static int cancel_many(struct cancel *x)
{
	static const enum run_status open[] = {RUN_RUNNING, RUN_WAITING_APPROVAL, RUN_PENDING};
	enum run_status only = RUN_RUNNING;
	if (x->status && (!run_status_parse(str_of(x->status), &only) || run_status_final(only))) {
		fprintf(stderr, "drover cancel: --status wants RUNNING, WAITING_APPROVAL or "
				"PENDING: others have ended\n");
		return CLI_USAGE;
	}
	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		int status = !x->status || open[i] == only ? find(x, open[i]) : CLI_OK;
		if (status != CLI_OK)
			return status;
	}
	int worst = CLI_OK;
	for (uint32_t i = 0; i < x->found.n && worst != CLI_UNREACHABLE; i++) {
		int status = cancel_found(x, &x->found.items[i]);
		worst = status > worst ? status : worst;
	}
	fflush(stdout);
	fprintf(stderr, x->plan ? "%u runs would be cancelled\n" : "%u runs\n", x->found.n);
	return worst;
}

static int cancel_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct cancel x = {.common = &common};
	const struct opt opts[] = {
		{"reason", 0, OPT_TEXT, &x.reason, "TEXT", "kept in the run's events"},
		{"status", 's', OPT_TEXT, &x.status, "STATUS",
		 "instead of RUN: all of them that are RUNNING, WAITING_APPROVAL or PENDING"},
		{"workflow", 'w', OPT_TEXT, &x.workflow, "NAME",
		 "instead of RUN: all open ones of this workflow"},
		{"plan", 0, OPT_FLAG, &x.plan, NULL, "say which runs would be stopped, stop none"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_cancel, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	bool many = x.status || x.workflow;
	if (many == (rest.n == 1) || (x.plan && !many)) {
		fprintf(stderr, "drover cancel: wants a RUN, or --status and --workflow\n");
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(&common);
	x.client = c;
	x.found = value_array(&x.arena, 0);
	status = many ? cancel_many(&x) : cancel_one(&x, rest.items[0]);
	arena_free(&x.arena);
	return status;
}

const struct command cmd_cancel = {
	"cancel", "RUN [--reason TEXT] | [--status S] [--workflow W] [--plan]",
	"stop a run, or all open ones of a kind; prints the status then", cancel_run};
