/* cancel: one run by its id, or all open ones that a question to the listing finds. */
#include <stdio.h>

#include "cli/bulk.h"
#include "cli/print.h"
#include "cli/steer.h"
#include "cli/table.h"

static const enum run_status open[] = {RUN_RUNNING, RUN_WAITING_APPROVAL, RUN_PENDING};

/* What ended by itself meanwhile is well. */
static int cancel_found(struct bulk *b, void *arg, const struct value *run, struct str *ret)
{
	CLEANUP_RESPONSE struct response r = {0};
	struct value body = steer_body(&b->arena, arg);
	int status = bulk_post(b, print_text(run, "id"), "/cancel", &body, true, &r);
	*ret = r.status == 409 ? STR("ended before")
			       : arena_str(&b->arena, print_text(&r.value, "status"));
	return status;
}

static const struct bulk_verb verb = {
	.command = "cancel",
	.done = "cancelled",
	.statuses = open,
	.n_statuses = ARRAY_LEN(open),
	.n_meant = ARRAY_LEN(open),
	.one = cancel_found,
};

static int cancel_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct bulk b = {.common = &common};
	struct steer s = {0};
	const struct opt opts[] = {
		STEER_OPTS(s),
		BULK_OPTS(b),
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_cancel, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	return steer_runs(&b, &verb, &s, "/cancel", &rest);
}

const struct command cmd_cancel = {
	"cancel", "RUN [--reason TEXT] | [--status S] [--workflow W] [--plan]",
	"stop a run, or all open ones of a kind; prints the status then", cancel_run};
