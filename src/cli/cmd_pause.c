/* pause and resume: a run, all runs that a question finds, or a workflow itself. */
#include <stdio.h>
#include <string.h>

#include "cli/bulk.h"
#include "cli/print.h"
#include "cli/steer.h"
#include "cli/table.h"
#include "json/write.h"

static const enum run_status open[] = {RUN_RUNNING, RUN_WAITING_APPROVAL, RUN_PENDING};

struct pause {
	struct steer steer; /* first: steer_runs() hands it to the verb */
	bool pause, runs;
};

/* ---- runs ---- */

static bool is_paused(const struct value *run)
{
	return value_is(value_getz(run, "paused"), VALUE_OBJECT);
}

static struct str state_of(const struct value *answer)
{
	return is_paused(answer) ? STR("paused") : print_text(answer, "status");
}

/* Of many: what ended by itself meanwhile is well. */
static int set_found(struct bulk *b, void *arg, const struct value *run, struct str *ret)
{
	const struct pause *x = arg;
	CLEANUP_RESPONSE struct response r = {0};
	struct value body = steer_body(&b->arena, &x->steer);
	int status = bulk_post(b, print_text(run, "id"), x->pause ? "/pause" : "/resume", &body,
			       true, &r);
	*ret = r.status == 409 ? STR("ended before") : arena_str(&b->arena, state_of(&r.value));
	return status;
}

static bool is_not_paused(const struct value *run)
{
	return !is_paused(run);
}

static const struct bulk_verb pause_verb = {
	.command = "pause",
	.done = "paused",
	.statuses = open,
	.n_statuses = ARRAY_LEN(open),
	.n_meant = ARRAY_LEN(open),
	.concerns = is_not_paused,
	.one = set_found,
};

static const struct bulk_verb resume_verb = {
	.command = "resume",
	.done = "resumed",
	.statuses = open,
	.n_statuses = ARRAY_LEN(open),
	.n_meant = ARRAY_LEN(open),
	.concerns = is_paused,
	.one = set_found,
};

/* ---- a workflow ---- */

static void workflow_path(struct buf *ret, const struct bulk *b, const char *tail)
{
	buf_puts(ret, "/api/workflows/");
	client_escape(ret, str_of(b->workflow));
	buf_printf(ret, "%s?project=", tail);
	client_escape(ret, str_of(b->common->project));
}

static void print_workflow(const struct value *answer)
{
	int64_t n = print_int(answer, "runs");
	printf("%s\n", is_paused(answer) ? "paused" : "resumed");
	fflush(stdout);
	if (n > 0)
		fprintf(stderr, "%lld of its runs with it\n", (long long)n);
}

static int set_workflow(struct bulk *b, const struct pause *x)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf path = {0}, text = {0};
	CLEANUP_RESPONSE struct response r = {0};
	CLEANUP_CLIENT struct client *c = client_new(b->common);
	struct value body = steer_body(&a, &x->steer);
	if (x->runs && x->pause) /* they are resumed with it in any case */
		value_putz(&a, &body, "runs", value_bool(true));
	workflow_path(&path, b, x->pause ? "/pause" : "/resume");
	json_write(&text, &body);
	if (!client_call(c, "POST", path.p, buf_str(&text), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r);
	if (b->common->json)
		print_json(&r);
	else
		print_workflow(&r.value);
	return CLI_OK;
}

/* ---- the commands ---- */

/* --workflow alone means the workflow; beside other filters it is one of them. */
static bool means_workflow(const struct bulk *b, const struct opt_list *rest)
{
	return b->workflow && rest->n == 0 && !b->status && !b->text && !b->since && !b->until;
}

static int plan_workflow(struct bulk *b, struct pause *x)
{
	int status = CLI_OK;
	if (x->runs) {
		CLEANUP_CLIENT struct client *c = client_new(b->common);
		b->client = c;
		status = bulk_run(b, x->pause ? &pause_verb : &resume_verb, &x->steer);
		arena_free(&b->arena);
	}
	if (status == CLI_OK)
		fprintf(stderr, "workflow %s would be %s\n", b->workflow,
			x->pause ? "paused" : "resumed");
	return status;
}

static int set(const struct command *command, struct pause *x, int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct bulk b = {.common = &common};
	const struct opt opts[] = {
		STEER_OPTS(x->steer),
		{"runs", 0, OPT_FLAG, &x->runs, NULL,
		 "of a workflow: its open runs too (they are resumed with it)"},
		BULK_OPTS(b),
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(command, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	if (means_workflow(&b, &rest))
		return b.plan ? plan_workflow(&b, x) : set_workflow(&b, x);
	if (x->runs) {
		fprintf(stderr, "drover %s: --runs goes with --workflow alone\n", command->name);
		return CLI_USAGE;
	}
	return steer_runs(&b, x->pause ? &pause_verb : &resume_verb, &x->steer,
			  x->pause ? "/pause" : "/resume", &rest);
}

static int pause_run(int argc, char **argv)
{
	return set(&cmd_pause, &(struct pause){.pause = true}, argc, argv);
}

const struct command cmd_pause = {
	"pause",
	"RUN | --workflow W [--runs] | --status S [--workflow W] … [--plan]",
	"let a run (or many, or a workflow) start nothing new",
	pause_run,
};

static int resume_run(int argc, char **argv)
{
	return set(&cmd_resume, &(struct pause){0}, argc, argv);
}

const struct command cmd_resume = {
	"resume",
	"RUN | --workflow W | --status S [--workflow W] … [--plan]",
	"let what is paused go on",
	resume_run,
};
