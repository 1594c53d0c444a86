/* approvals, approve, reject: what waits for people, and their decisions. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

enum { ID_CHARS = 36, LEAST_PREFIX = 4 };

static void print_list(const struct value *items)
{
	static const struct table_column columns[] = {
		{"APPROVAL", TABLE_WHOLE}, {"WORKFLOW", TABLE_CUT},	{"NODE", TABLE_CUT},
		{"AGENT", TABLE_CUT},	   {"STATUS", TABLE_WHOLE},	{"BY", TABLE_CUT},
		{"ASKED", TABLE_WHOLE},	   {"EXPIRES", TABLE_OPTIONAL},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *p = &items->items[i];
		CLEANUP_BUF struct buf asked = {0}, expires = {0};
		table_time_short(&asked, print_text(p, "requestedAt"));
		if (str_eqz(print_text(p, "status"), "PENDING"))
			table_time(&expires, print_text(p, "expiresAt"));
		table_cell(t, print_text(p, "id"));
		table_cell(t, print_text(p, "workflowName"));
		table_cell(t, print_text(p, "nodeId"));
		table_cellf(t, "%.*s %.*s", STR_ARG(print_text(p, "agent")),
			    STR_ARG(print_text(p, "action")));
		table_cell(t, print_text(p, "status"));
		table_cell(t, print_text(p, "respondedBy"));
		table_cell(t, buf_str(&asked));
		table_cell(t, buf_str(&expires));
	}
	table_print(t);
}

static void print_page(const struct response *r, const char *status)
{
	const struct value *items = value_getz(&r->value, "items");
	struct str next = print_text(&r->value, "nextCursor");
	if (value_is(items, VALUE_ARRAY) && items->n > 0)
		print_list(items);
	else if (status)
		fprintf(stderr, "no approvals%s%s\n", *status ? ": " : "", status);
	else
		fprintf(stderr, "nothing waits for approval\n");
	fflush(stdout);
	if (next.n > 0)
		fprintf(stderr, "there are more: --cursor %.*s\n", STR_ARG(next));
}

/* ---- one ---- */

static void line(const char *name, struct str text)
{
	if (text.n == 0)
		return;
	printf("%s%-9s%s ", table_dim(), name, table_plain());
	table_put(text);
	printf("\n");
}

static void print_json_member(const char *name, const struct value *v)
{
	CLEANUP_BUF struct buf text = {0};
	if (!v)
		return;
	json_write_pretty(&text, v);
	printf("\n%s%s%s\n", table_dim(), name, table_plain());
	for (size_t at = 0; at < text.n;) {
		const char *nl = memchr(text.p + at, '\n', text.n - at);
		size_t n = nl ? (size_t)(nl - text.p) - at : text.n - at;
		printf("  ");
		table_put(str_n(text.p + at, n));
		printf("\n");
		at += n + 1;
	}
}

static void print_one(const struct value *p)
{
	CLEANUP_BUF struct buf asked = {0}, expires = {0}, what = {0};
	table_time(&asked, print_text(p, "requestedAt"));
	table_time(&expires, print_text(p, "expiresAt"));
	buf_put_str(&what, print_text(p, "agent"));
	buf_putc(&what, ' ');
	buf_put_str(&what, print_text(p, "action"));
	line("approval", print_text(p, "id"));
	line("status", print_text(p, "status"));
	line("workflow", print_text(p, "workflowName"));
	line("run", print_text(p, "runId"));
	line("node", print_text(p, "nodeId"));
	line("runs", buf_str(&what));
	line("asked", buf_str(&asked));
	line("expires", buf_str(&expires));
	line("by", print_text(p, "respondedBy"));
	line("notes", print_text(p, "notes"));
	line("sha256", print_text(p, "sha256"));
	print_json_member("inputs", value_getz(p, "inputs"));
	print_json_member("what else will run", value_getz(p, "subject"));
}

static void put_param(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "%c%s=", strchr(path->p, '?') ? '&' : '?', name);
	client_escape(path, str_of(value));
}

/* The id that begins with arg, among those that wait. */
static int resolve(struct client *c, const struct cli_common *common, struct arena *a,
		   const char *arg, struct str *ret_id)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	size_t n = 0;
	*ret_id = str_of(arg);
	if (ret_id->n >= ID_CHARS || ret_id->n < LEAST_PREFIX)
		return CLI_OK;
	buf_puts(&path, "/api/approvals?limit=500&status=PENDING");
	put_param(&path, "project", common->project);
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *items = value_getz(&r.value, "items");
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++) {
		struct str id = print_text(&items->items[i], "id");
		if (str_starts(id, str_of(arg)) && n++ == 0)
			*ret_id = arena_str(a, id);
	}
	if (n == 1)
		return CLI_OK;
	if (n == 0)
		fprintf(stderr, "drover: no approval that waits has an id that begins with '%s'\n",
			arg);
	else
		fprintf(stderr, "drover: %zu approvals' ids begin with '%s'; give more of it\n", n,
			arg);
	return CLI_FAILED;
}

static int show_one(struct client *c, const struct cli_common *common, const char *arg)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	struct str id;
	int status = resolve(c, common, &a, arg, &id);
	if (status != CLI_OK)
		return status;
	buf_puts(&path, "/api/approvals/");
	client_escape(&path, id);
	put_param(&path, "project", common->project);
	status = client_get(c, path.p, &r);
	if (status == CLI_OK && common->json)
		print_json(&r);
	else if (status == CLI_OK)
		print_one(&r.value);
	return status;
}

static int approvals_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *status = NULL, *run = NULL, *workflow = NULL, *cursor = NULL;
	bool all = false;
	const struct opt opts[] = {
		{"status", 's', OPT_TEXT, &status, "STATUS",
		 "PENDING (default), APPROVED, REJECTED or EXPIRED"},
		{"all", 'a', OPT_FLAG, &all, NULL, "of every status"},
		{"run", 0, OPT_TEXT, &run, "ID", "of one run"},
		{"workflow", 'w', OPT_TEXT, &workflow, "NAME", "of one workflow"},
		{"cursor", 0, OPT_TEXT, &cursor, "CURSOR", "go on from an earlier page"},
		CLI_COMMON_OPTS(common),
	};
	int exit_status;
	if (!cli_parse(&cmd_approvals, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1,
		       &exit_status))
		return exit_status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	if (rest.n == 1)
		return show_one(c, &common, rest.items[0]);
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/approvals");
	put_param(&path, "project", common.project);
	put_param(&path, "status", all ? NULL : status ? status : "PENDING");
	put_param(&path, "run", run);
	put_param(&path, "workflow", workflow);
	put_param(&path, "cursor", cursor);
	CLEANUP_RESPONSE struct response r = {0};
	exit_status = client_get(c, path.p, &r);
	if (exit_status == CLI_OK && common.json)
		print_json(&r);
	else if (exit_status == CLI_OK)
		print_page(&r, all ? "" : status);
	return exit_status;
}

const struct command cmd_approvals = {"approvals", "[ID] [--all]",
				      "what waits for approval; with an id, all of it",
				      approvals_run};

/* ---- deciding ---- */

struct answer {
	const char *decision, *note, *by, *sha256;
};

static void put_member(struct json_out *o, const char *key, const char *value)
{
	if (!value)
		return;
	json_out_key(o, key);
	json_out_strz(o, value);
}

static int post(const struct cli_common *common, const char *arg, const struct answer *answer)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0}, body = {0};
	CLEANUP_CLIENT struct client *c = client_new(common);
	struct str id;
	int status = resolve(c, common, &a, arg, &id);
	if (status != CLI_OK)
		return status;
	buf_puts(&path, "/api/approvals/");
	client_escape(&path, id);
	buf_puts(&path, "/decision");
	put_param(&path, "project", common->project);
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	put_member(&o, "decision", answer->decision);
	put_member(&o, "notes", answer->note);
	put_member(&o, "respondedBy", answer->by);
	put_member(&o, "sha256", answer->sha256);
	json_out_end(&o);
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "POST", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	if (common->json)
		print_json(&r);
	else
		printf("%.*s\n", STR_ARG(print_text(&r.value, "status")));
	return CLI_OK;
}

static int answer_run(const struct command *command, const char *decision, int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct answer answer = {.decision = decision};
	const struct opt opts[] = {
		{"note", 'm', OPT_TEXT, &answer.note, "TEXT", "why; kept with the decision"},
		{"by", 0, OPT_TEXT, &answer.by, "NAME", "who decides (default local)"},
		{"sha256", 0, OPT_TEXT, &answer.sha256, "HASH",
		 "refuse unless exactly this is what will run"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(command, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		return status;
	return post(&common, rest.items[0], &answer);
}

static int approve_run(int argc, char **argv)
{
	return answer_run(&cmd_approve, "APPROVED", argc, argv);
}

const struct command cmd_approve = {"approve", "ID [--note TEXT]",
				    "let a node run that waits; prints the approval's status",
				    approve_run};

static int reject_run(int argc, char **argv)
{
	return answer_run(&cmd_reject, "REJECTED", argc, argv);
}

const struct command cmd_reject = {"reject", "ID [--note TEXT]",
				   "fail a node that waits; prints the approval's status",
				   reject_run};
