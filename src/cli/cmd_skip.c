/* skip: a node is given its result by hand. */
#include <stdio.h>

#include "cli/document.h"
#include "cli/steer.h"

static int skip(struct bulk *b, const struct steer *s, const char *output,
		const struct opt_list *rest)
{
	CLEANUP_CLIENT struct client *c = client_new(b->common);
	CLEANUP_BUF struct buf tail = {0};
	struct value body = steer_body(&b->arena, s), v;
	b->client = c;
	if (output && !document_json(&b->arena, output, &v))
		return CLI_USAGE;
	if (output)
		value_putz(&b->arena, &body, "output", v);
	buf_puts(&tail, "/nodes/");
	client_escape(&tail, str_of(rest->items[1]));
	buf_puts(&tail, "/skip");
	return steer_one(b, rest->items[0], tail.p, &body);
}

static int skip_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct bulk b = {.common = &common};
	struct steer s = {0};
	const char *output = NULL;
	const struct opt opts[] = {
		{"output", 'o', OPT_TEXT, &output, "JSON|@FILE",
		 "the node's result, with which it succeeds; without one it is skipped"},
		STEER_OPTS(s),
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_skip, opts, ARRAY_LEN(opts), argc, argv, &rest, 2, 2, &status))
		return status;
	status = skip(&b, &s, output, &rest);
	arena_free(&b.arena);
	return status;
}

const struct command cmd_skip = {
	"skip", "RUN NODE [--output JSON|@FILE] [--reason TEXT]",
	"end a node that has not run, with a result given by hand; prints its status", skip_run};
