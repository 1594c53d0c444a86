/* artifacts: the files that a run's attempts kept: listed, or one of them fetched. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"

static void put_row(struct table *t, const struct value *item)
{
	const struct value *attempt = value_getz(item, "attempt"), *size = value_getz(item, "size");
	table_cellf(t, "%.*s/%lld/%.*s", STR_ARG(print_text(item, "nodeId")),
		    value_is(attempt, VALUE_INT) ? (long long)attempt->i : 0,
		    STR_ARG(print_text(item, "path")));
	table_cellf(t, "%lld", value_is(size, VALUE_INT) ? (long long)size->i : 0);
}

static int list(struct client *c, const struct cli_common *common, struct str run)
{
	static const struct table_column columns[] = {{"PATH", TABLE_CUT_LEFT},
						      {"BYTES", TABLE_WHOLE}};
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	watch_path(&path, common, run, "/artifacts");
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	if (common->json) {
		print_json(&r);
		return CLI_OK;
	}
	const struct value *items = value_getz(&r.value, "items"),
			   *more = value_getz(&r.value, "truncated");
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++)
		put_row(t, &items->items[i]);
	table_print(t);
	if (value_is(more, VALUE_BOOL) && more->b)
		fprintf(stderr, "drover: there are more than are shown\n");
	return CLI_OK;
}

/* NODE/ATTEMPT/PATH, each segment escaped. */
static void artifact_path(struct buf *out, const struct cli_common *common, struct str run,
			  const char *name)
{
	CLEANUP_BUF struct buf tail = {0};
	buf_puts(&tail, "/artifacts");
	for (const char *p = name; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
		buf_putc(&tail, '/');
		client_escape(&tail, str_n(p, strcspn(p, "/")));
	}
	watch_path(out, common, run, tail.p);
}

static int fetch(struct client *c, const char *path, const char *output)
{
	if (!output && isatty(STDOUT_FILENO)) {
		fprintf(stderr, "drover artifacts: the bytes would go to the terminal; name a file "
				"with -o\n");
		return CLI_USAGE;
	}
	CLEANUP_FILE FILE *file = output ? fopen(output, "wbe") : NULL;
	if (output && !file) {
		fprintf(stderr, "drover artifacts: %s: %s\n", output, strerror(errno));
		return CLI_USAGE;
	}
	int status = client_download(c, path, file ? file : stdout);
	if (status == CLI_OK && fflush(file ? file : stdout) != 0) {
		fprintf(stderr, "drover artifacts: %s: %s\n", output ? output : "standard output",
			strerror(errno));
		return CLI_FAILED;
	}
	return status;
}

static int artifacts_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ARENA struct arena a = {0};
	const char *output = NULL;
	const struct opt opts[] = {
		{"output", 'o', OPT_TEXT, &output, "FILE", "where the bytes go (else stdout)"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	struct str run;
	if (!cli_parse(&cmd_artifacts, opts, ARRAY_LEN(opts), argc, argv, &rest, 1, 2, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	status = watch_resolve(c, &common, &a, rest.items[0], &run);
	if (status != CLI_OK)
		return status;
	if (rest.n == 1)
		return list(c, &common, run);
	CLEANUP_BUF struct buf path = {0};
	artifact_path(&path, &common, run, rest.items[1]);
	return fetch(c, path.p, output);
}

const struct command cmd_artifacts = {
	"artifacts", "RUN [PATH] [-o FILE]",
	"files that the attempts of a run kept: list them, or fetch one", artifacts_run};
