#include "cli/bulk.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

bool bulk_wanted(const struct bulk *b)
{
	return b->status || b->workflow || b->text || b->since || b->until;
}

/* ---- finding ---- */

static void put_filter(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "&%s=", name);
	client_escape(path, str_of(value));
}

static void list_path(const struct bulk *b, const char *status, struct str cursor, struct buf *ret)
{
	buf_clear(ret);
	buf_printf(ret, "/api/runs?limit=500&status=%s", status);
	put_filter(ret, "project", b->common->project);
	put_filter(ret, "workflow", b->workflow);
	put_filter(ret, "q", b->text);
	put_filter(ret, "since", b->since);
	put_filter(ret, "until", b->until);
	if (cursor.n) {
		buf_puts(ret, "&cursor=");
		client_escape(ret, cursor);
	}
}

static int find_status(struct bulk *b, const struct bulk_verb *verb, enum run_status status)
{
	CLEANUP_BUF struct buf path = {0};
	struct str cursor = {0};
	do {
		CLEANUP_RESPONSE struct response r = {0};
		list_path(b, run_status_name(status), cursor, &path);
		int exit_status = client_get(b->client, path.p, &r);
		if (exit_status != CLI_OK)
			return exit_status;
		const struct value *items = value_getz(&r.value, "items");
		for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++)
			if (!verb->concerns || verb->concerns(&items->items[i]))
				value_push(&b->arena, &b->found,
					   value_copy(&b->arena, &items->items[i]));
		cursor = arena_str(&b->arena, print_text(&r.value, "nextCursor"));
	} while (cursor.n > 0);
	return CLI_OK;
}

/* The one status that was asked for among those that the command is for. */
static int judge_status(const struct bulk *b, const struct bulk_verb *verb, enum run_status *ret)
{
	bool good = run_status_parse(str_of(b->status), ret);
	for (size_t i = 0; good && i < verb->n_statuses; i++)
		if (verb->statuses[i] == *ret)
			return CLI_OK;
	fprintf(stderr, "drover %s: --status wants", verb->command);
	for (size_t i = 0; i < verb->n_statuses; i++)
		fprintf(stderr, "%s %s",
			i == 0			   ? ""
			: i + 1 < verb->n_statuses ? ","
						   : " or",
			run_status_name(verb->statuses[i]));
	fprintf(stderr, ": others %s\n",
		run_status_final(verb->statuses[0]) ? "have not ended, or are good" : "have ended");
	return CLI_USAGE;
}

static int find(struct bulk *b, const struct bulk_verb *verb)
{
	enum run_status only = RUN_RUNNING;
	int status = b->status ? judge_status(b, verb, &only) : CLI_OK;
	if (b->status && status == CLI_OK)
		return find_status(b, verb, only);
	for (size_t i = 0; status == CLI_OK && i < verb->n_meant; i++)
		status = find_status(b, verb, verb->statuses[i]);
	return status;
}

/* ---- doing ---- */

int bulk_post(struct bulk *b, struct str run_id, const char *tail, const struct value *body,
	      bool many, struct response *ret)
{
	CLEANUP_BUF struct buf path = {0}, text = {0};
	watch_path(&path, b->common, run_id, tail);
	json_write(&text, body);
	if (!client_call(b->client, "POST", path.p, buf_str(&text), NULL, ret))
		return CLI_UNREACHABLE;
	if (ret->status >= 400 && !(many && ret->status == 409))
		return client_refused(ret);
	return CLI_OK;
}

static void print_line(const struct bulk *b, const struct value *run, struct str status,
		       struct str more)
{
	CLEANUP_BUF struct buf text = {0};
	if (!b->common->json) {
		table_put(print_text(run, "id"));
		printf("  ");
		table_put(print_text(run, "workflowName"));
		printf("  ");
		table_put(status);
		table_put(more);
		printf("\n");
		return;
	}
	struct json_out o = json_out_to(&text);
	json_out_object(&o);
	json_out_key(&o, "workflowRunId");
	json_out_str(&o, print_text(run, "id"));
	json_out_key(&o, "workflowName");
	json_out_str(&o, print_text(run, "workflowName"));
	json_out_key(&o, "status");
	json_out_str(&o, status);
	json_out_end(&o);
	printf("%.*s\n", STR_ARG(buf_str(&text)));
}

/* True unless somebody at a terminal says no. */
static bool confirmed(const struct bulk *b, const struct bulk_verb *verb)
{
	char line[16] = "";
	if (b->plan || b->yes || b->found.n == 0 || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	fprintf(stderr, "%s %u run%s? (--plan shows which) [y/N] ", verb->command, b->found.n,
		b->found.n == 1 ? "" : "s");
	fflush(stderr);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int do_one(struct bulk *b, const struct bulk_verb *verb, void *arg, const struct value *run)
{
	CLEANUP_BUF struct buf more = {0};
	struct str now = print_text(run, "status");
	int status = CLI_OK;
	if (!b->plan)
		status = verb->one(b, arg, run, &now);
	else if (verb->plan)
		status = verb->plan(b, arg, run, &more);
	if (status == CLI_OK)
		print_line(b, run, now, buf_str(&more));
	return status;
}

static void print_totals(const struct bulk *b, const struct bulk_verb *verb, void *arg)
{
	CLEANUP_BUF struct buf text = {0};
	buf_printf(&text, "%u run%s", b->found.n, b->found.n == 1 ? "" : "s");
	if (b->plan)
		buf_printf(&text, " would be %s", verb->done);
	if (b->plan && verb->totals)
		verb->totals(arg, &text);
	fflush(stdout);
	fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&text)));
}

int bulk_run(struct bulk *b, const struct bulk_verb *verb, void *arg)
{
	b->found = value_array(&b->arena, 0);
	int worst = find(b, verb);
	if (worst != CLI_OK)
		return worst;
	if (!confirmed(b, verb)) {
		fprintf(stderr, "nothing is done\n");
		return CLI_FAILED;
	}
	for (uint32_t i = 0; i < b->found.n && worst != CLI_UNREACHABLE; i++) {
		int status = do_one(b, verb, arg, &b->found.items[i]);
		worst = status > worst ? status : worst;
	}
	print_totals(b, verb, arg);
	return worst;
}
