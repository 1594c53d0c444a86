/* retry: a run again, with what it has finished or with another context. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

struct retry {
	const char *from, *context;
	struct opt_list pairs;
	bool plan;
};

/* The old run's context with what is set; a whole one in its place. The exit status. */
static int edited(struct client *c, const struct cli_common *common, const struct retry *x,
		  struct str id, struct arena *a, struct value *ret)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	*ret = value_object(a, 0);
	if (x->context && !document_json(a, x->context, ret))
		return CLI_USAGE;
	if (!x->context) {
		watch_path(&path, common, id, "");
		int status = client_get(c, path.p, &r);
		if (status != CLI_OK)
			return status;
		const struct value *old = value_getz(&r.value, "context");
		if (value_is(old, VALUE_OBJECT))
			*ret = value_copy(a, old);
	}
	if (ret->kind != VALUE_OBJECT) {
		fprintf(stderr, "drover retry: --context wants a JSON object\n");
		return CLI_USAGE;
	}
	for (size_t i = 0; i < x->pairs.n; i++)
		if (!document_set(a, ret, "retry", x->pairs.items[i]))
			return CLI_USAGE;
	return CLI_OK;
}

static int write_body(struct client *c, const struct cli_common *common, const struct retry *x,
		      struct str id, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value body = value_object(&a, 3), context;
	value_putz(&a, &body, "from", value_strz(x->from));
	if (x->plan)
		value_putz(&a, &body, "plan", value_bool(true));
	if (x->context || x->pairs.n > 0) {
		int status = edited(c, common, x, id, &a, &context);
		if (status != CLI_OK)
			return status;
		value_putz(&a, &body, "context", context);
	}
	json_write(out, &body);
	return CLI_OK;
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

static void print_answer(const struct response *r, const struct retry *x)
{
	if (x->plan) {
		print_nodes(&r->value, "kept", "kept      ");
		print_nodes(&r->value, "runsAgain", "runs again");
		print_nodes(&r->value, "irreversible", "irreversible");
		return;
	}
	table_put(print_text(&r->value, "workflowRunId"));
	printf("\n");
}

static int retry(const struct cli_common *common, const char *run, const struct retry *x)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0}, body = {0};
	CLEANUP_CLIENT struct client *c = client_new(common);
	struct str id;
	int status = watch_resolve(c, common, &a, run, &id);
	if (status == CLI_OK)
		status = write_body(c, common, x, id, &body);
	if (status != CLI_OK)
		return status;
	watch_path(&path, common, id, "/retry");
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "POST", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	if (common->json)
		print_json(&r);
	else
		print_answer(&r, x);
	return CLI_OK;
}

static int retry_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct retry x = {.from = "failed"};
	const struct opt opts[] = {
		{"from", 0, OPT_TEXT, &x.from, "failed|start|NODE",
		 "where to begin (default failed)"},
		{"set", 'c', OPT_LIST, &x.pairs, "KEY=VALUE",
		 "with --from start: this member of the context is another one now"},
		{"context", 0, OPT_TEXT, &x.context, "JSON|@FILE",
		 "with --from start: the whole context"},
		{"plan", 0, OPT_FLAG, &x.plan, NULL,
		 "say which nodes would run again and which results are kept, start nothing"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (cli_parse(&cmd_retry, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 1, &status))
		status = retry(&common, rest.items[0], &x);
	opt_list_free(&x.pairs);
	return status;
}

const struct command cmd_retry = {
	"retry", "RUN [--from failed|start|NODE] [--set key=value]… [--plan]",
	"a new run that keeps finished results; prints its id", retry_run};
