/* apply, diff, lint, workflows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/document.h"
#include "cli/linediff.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

static bool has_files(const char *command, const struct opt_list *files)
{
	if (files->n > 0)
		return true;
	fprintf(stderr, "drover %s: name a file with -f FILE (- = standard input)\n", command);
	return false;
}

/* Sends a workflow file to `path` (which has its query begun). */
static bool send_file(struct client *c, const struct cli_common *common, const char *path,
		      const char *file, struct response *ret, int *ret_exit)
{
	CLEANUP_BUF struct buf text = {0}, full = {0};
	if (!document_read(file, &text)) {
		*ret_exit = CLI_USAGE;
		return false;
	}
	buf_reserve(&text, 1);
	buf_puts(&full, path);
	client_escape(&full, str_of(common->project));
	if (client_call(c, "POST", full.p, buf_str(&text), document_type(file), ret))
		return true;
	*ret_exit = CLI_UNREACHABLE;
	return false;
}

/* ---- apply ---- */

static int apply_file(struct client *c, const struct cli_common *common, const char *file)
{
	int status;
	CLEANUP_RESPONSE struct response r = {0};
	if (!send_file(c, common, "/api/workflows?upsert=true&project=", file, &r, &status))
		return status;
	if (r.status >= 400)
		return client_refused(&r, file);
	if (common->json) {
		print_json(&r);
		return CLI_OK;
	}
	const struct value *version = value_getz(&r.value, "version");
	struct str outcome = print_text(&r.value, "outcome");
	printf("%.*s: %.*s, version %lld\n", STR_ARG(print_text(&r.value, "name")),
	       STR_ARG(outcome.n ? outcome : STR("saved")),
	       value_is(version, VALUE_INT) ? (long long)version->i : 0);
	return CLI_OK;
}

static int apply_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0};
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE", "workflow file, YAML or JSON"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_apply, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	if (!has_files("apply", &files))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	int worst = CLI_OK;
	for (size_t i = 0; i < files.n; i++) {
		status = apply_file(c, &common, files.items[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

const struct command cmd_apply = {"apply", "-f FILE…",
				  "save workflows; a new version only when something changed",
				  apply_run};

/* ---- lint ---- */

static int lint_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0};
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE", "workflow file, YAML or JSON"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_lint, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	if (!has_files("lint", &files))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	int worst = CLI_OK;
	for (size_t i = 0; i < files.n; i++) {
		CLEANUP_RESPONSE struct response r = {0};
		if (!send_file(c, &common, "/api/workflows/validate?project=", files.items[i], &r,
			       &status))
			return status;
		if (common.json)
			print_json(&r);
		if (r.status >= 400)
			worst = common.json ? CLI_FAILED : client_refused(&r, files.items[i]);
		else if (!common.json)
			printf("%s: ok\n", files.items[i]);
	}
	return worst;
}

const struct command cmd_lint = {"lint", "-f FILE…", "judge workflow files without saving them",
				 lint_run};

/* ---- diff ---- */

/* Pretty text of a definition, or nothing. */
static void pretty(const struct value *definition, struct buf *out)
{
	if (!value_is(definition, VALUE_OBJECT))
		return;
	json_write_pretty(out, definition);
	buf_putc(out, '\n');
}

static int diff_file(struct client *c, const struct cli_common *common, const char *file)
{
	int status;
	CLEANUP_RESPONSE struct response wanted = {0}, current = {0};
	if (!send_file(c, common, "/api/workflows/validate?project=", file, &wanted, &status))
		return status;
	if (wanted.status >= 400)
		return client_refused(&wanted, file);
	const struct value *definition = value_getz(&wanted.value, "definition");
	CLEANUP_BUF struct buf path = {0}, before = {0}, after = {0};
	buf_puts(&path, "/api/workflows/");
	client_escape(&path, print_text(definition, "name"));
	buf_puts(&path, "?project=");
	client_escape(&path, str_of(common->project));
	if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &current))
		return CLI_UNREACHABLE;
	if (current.status >= 400 && current.status != 404)
		return client_refused(&current, NULL);
	if (current.status != 404)
		pretty(value_getz(&current.value, "definition"), &before);
	pretty(definition, &after);
	return linediff_print(buf_str(&before), buf_str(&after), "saved", file) ? CLI_FAILED
										: CLI_OK;
}

static int diff_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0};
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE", "workflow file, YAML or JSON"},
		CLI_SERVER_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_diff, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	if (!has_files("diff", &files))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	int worst = CLI_OK;
	for (size_t i = 0; i < files.n; i++) {
		status = diff_file(c, &common, files.items[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

const struct command cmd_diff = {
	"diff", "-f FILE…", "what apply would change; exit 1 when something would", diff_run};

/* ---- workflows ---- */

static int workflows_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_workflows, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/workflows");
	if (rest.n > 0) {
		buf_putc(&path, '/');
		client_escape(&path, str_of(rest.items[0]));
	}
	buf_puts(&path, rest.n > 0 ? "?project=" : "?limit=500&project=");
	client_escape(&path, str_of(common.project));
	CLEANUP_CLIENT struct client *c = client_new(&common);
	CLEANUP_RESPONSE struct response r;
	if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	const struct value *items = value_getz(&r.value, "items");
	if (common.json || !value_is(items, VALUE_ARRAY)) {
		if (common.json) {
			print_json(&r);
			return CLI_OK;
		}
		CLEANUP_BUF struct buf text = {0};
		json_write_pretty(&text, &r.value);
		printf("%s\n", text.p);
		return CLI_OK;
	}
	static const struct table_column columns[] = {
		{"WORKFLOW", TABLE_WHOLE}, {"STATUS", TABLE_WHOLE},  {"VERSION", TABLE_WHOLE},
		{"UPDATED", TABLE_WHOLE},  {"DESCRIPTION", TABLE_CUT},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *w = &items->items[i], *version = value_getz(w, "version");
		CLEANUP_BUF struct buf updated = {0};
		table_time_short(&updated, print_text(w, "updatedAt"));
		table_cell(t, print_text(w, "name"));
		table_cell(t, print_text(w, "status"));
		table_cellf(t, "%lld", value_is(version, VALUE_INT) ? (long long)version->i : 0);
		table_cell(t, buf_str(&updated));
		table_cell(t, print_text(w, "description"));
	}
	table_print(t);
	return CLI_OK;
}

const struct command cmd_workflows = {"workflows", "[NAME]", "list workflows, or show one",
				      workflows_run};
