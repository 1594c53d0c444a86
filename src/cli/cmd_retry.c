/* retry: a run again, with what it has finished or with another context; or many at once. */
#include <stdio.h>

#include "cli/bulk.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/steer.h"
#include "cli/table.h"
#include "cli/watch.h"

/* FAILED and TIMED_OUT are meant unless another status is asked for. */
static const enum run_status ended[] = {RUN_FAILED, RUN_TIMED_OUT, RUN_CANCELLED, RUN_SUCCESS};

struct retry {
	struct steer steer; /* first: steer_runs() hands it to the verb */
	const char *from, *context;
	struct opt_list pairs;
	size_t n_again, n_irreversible; /* of a plan of many */
};

/* The old run's context with what is set; a whole one in its place. The exit status. */
static int edited(struct bulk *b, const struct retry *x, struct str id, struct arena *a,
		  struct value *ret)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	*ret = value_object(a, 0);
	if (x->context && !document_json(a, x->context, ret))
		return CLI_USAGE;
	if (!x->context) {
		watch_path(&path, b->common, id, "");
		int status = client_get(b->client, path.p, &r);
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

/* POST of the retry, or of its plan, in the arena; the exit status. */
static int post(struct bulk *b, const struct retry *x, struct str id, struct response *ret)
{
	struct value body = steer_body(&b->arena, &x->steer), context;
	value_putz(&b->arena, &body, "from", value_strz(x->from));
	if (b->plan)
		value_putz(&b->arena, &body, "plan", value_bool(true));
	if (x->context || x->pairs.n > 0) {
		int status = edited(b, x, id, &b->arena, &context);
		if (status != CLI_OK)
			return status;
		value_putz(&b->arena, &body, "context", context);
	}
	return bulk_post(b, id, "/retry", &body, false, ret);
}

/* ---- one ---- */

static void print_nodes(const struct value *answer, const char *key, const char *what)
{
	const struct value *list = value_getz(answer, key);
	for (uint32_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++) {
		printf("%s ", what);
		table_put(value_text(&list->items[i]));
		printf("\n");
	}
}

static void print_answer(const struct bulk *b, const struct response *r)
{
	if (b->common->json) {
		print_json(r);
		return;
	}
	if (b->plan) {
		print_nodes(&r->value, "kept", "kept      ");
		print_nodes(&r->value, "runsAgain", "runs again");
		print_nodes(&r->value, "irreversible", "irreversible");
		return;
	}
	table_put(print_text(&r->value, "workflowRunId"));
	printf("\n");
}

static int retry_one(struct bulk *b, const struct retry *x, const char *run)
{
	CLEANUP_RESPONSE struct response r = {0};
	struct str id;
	int status = watch_resolve(b->client, b->common, &b->arena, run, &id);
	if (status == CLI_OK)
		status = post(b, x, id, &r);
	if (status == CLI_OK)
		print_answer(b, &r);
	return status;
}

/* ---- many ---- */

static int retry_found(struct bulk *b, void *arg, const struct value *run, struct str *ret)
{
	CLEANUP_RESPONSE struct response r = {0};
	int status = post(b, arg, print_text(run, "id"), &r);
	*ret = arena_str(&b->arena, print_text(&r.value, "workflowRunId"));
	return status;
}

static size_t put_list(struct buf *out, const char *before, const struct value *list)
{
	size_t n = value_is(list, VALUE_ARRAY) ? list->n : 0;
	for (size_t i = 0; i < n; i++) {
		buf_puts(out, i ? ", " : before);
		buf_put_str(out, value_text(&list->items[i]));
	}
	return n;
}

static int plan_found(struct bulk *b, void *arg, const struct value *run, struct buf *ret)
{
	struct retry *x = arg;
	CLEANUP_RESPONSE struct response r = {0};
	int status = post(b, x, print_text(run, "id"), &r);
	x->n_again += put_list(ret, ": runs again ", value_getz(&r.value, "runsAgain"));
	x->n_irreversible +=
		put_list(ret, "; irreversible: ", value_getz(&r.value, "irreversible"));
	return status;
}

static void put_totals(void *arg, struct buf *ret)
{
	const struct retry *x = arg;
	buf_printf(ret, ": %zu nodes would run again, %zu of them irreversible", x->n_again,
		   x->n_irreversible);
}

static const struct bulk_verb verb = {
	.command = "retry",
	.done = "retried",
	.statuses = ended,
	.n_statuses = ARRAY_LEN(ended),
	.n_meant = 2,
	.one = retry_found,
	.plan = plan_found,
	.totals = put_totals,
};

static int retry(struct bulk *b, struct retry *x, const struct opt_list *rest)
{
	bool many = bulk_wanted(b);
	if (many == (rest->n == 1)) {
		fprintf(stderr, "drover retry: wants a RUN, or --status and --workflow\n");
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(b->common);
	b->client = c;
	return many ? bulk_run(b, &verb, x) : retry_one(b, x, rest->items[0]);
}

static int retry_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct bulk b = {.common = &common};
	struct retry x = {.from = "failed"};
	const struct opt opts[] = {
		{"from", 0, OPT_TEXT, &x.from, "failed|start|NODE",
		 "where to begin (default failed)"},
		{"set", 'c', OPT_LIST, &x.pairs, "KEY=VALUE",
		 "with --from start: this member of the context is another one now"},
		{"context", 0, OPT_TEXT, &x.context, "JSON|@FILE",
		 "with --from start: the whole context"},
		STEER_OPTS(x.steer),
		BULK_OPTS(b),
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (cli_parse(&cmd_retry, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		status = retry(&b, &x, &rest);
	arena_free(&b.arena);
	opt_list_free(&x.pairs);
	return status;
}

const struct command cmd_retry = {
	"retry",
	"RUN | --status S [--workflow W] … [--from failed|start|NODE] [--set key=value]… [--plan]",
	"a new run that keeps finished results; prints its id",
	retry_run,
};
