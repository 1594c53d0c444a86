/* apply, diff, workflows. */
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

/* Sends a workflow document to `path` (which has its query begun). */
static bool send_text(struct client *c, const struct cli_common *common, const char *path,
		      const char *file, struct str text, struct response *ret)
{
	CLEANUP_BUF struct buf full = {0};
	buf_puts(&full, path);
	client_escape(&full, str_of(common->project));
	return client_call(c, "POST", full.p, text, document_type(file), ret);
}

/* Calls `one` for each file; the gravest exit status. */
static int for_files(const struct opt_list *files,
		     int (*one)(void *arg, const char *file, struct str text), void *arg)
{
	int worst = CLI_OK;
	for (size_t i = 0; i < files->n; i++) {
		CLEANUP_BUF struct buf text = {0};
		int status = CLI_USAGE;
		buf_reserve(&text, 1);
		if (document_read(files->items[i], &text))
			status = one(arg, files->items[i], buf_str(&text));
		worst = status > worst ? status : worst;
	}
	return worst;
}

struct sender {
	const struct cli_common *common;
	struct client *client;
};

/* ---- apply ---- */

static int apply_file(void *arg, const char *file, struct str text)
{
	const struct sender *s = arg;
	CLEANUP_RESPONSE struct response r = {0};
	if (!send_text(s->client, s->common, "/api/workflows?upsert=true&project=", file, text, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused_file(&r, file, text);
	if (s->common->json) {
		print_json(&r);
		return CLI_OK;
	}
	struct str outcome = print_text(&r.value, "outcome");
	table_put(print_text(&r.value, "name"));
	printf(": ");
	table_put(outcome.n ? outcome : STR("saved"));
	printf(", version %lld\n", (long long)print_int(&r.value, "version"));
	return CLI_OK;
}

static int apply_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0};
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE",
		 "workflow, YAML or (.json) JSON; - = stdin"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_apply, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	if (!has_files("apply", &files))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	struct sender s = {&common, c};
	return for_files(&files, apply_file, &s);
}

const struct command cmd_apply = {"apply", "-f FILE…",
				  "save workflows; a new version only when something changed",
				  apply_run};

/* ---- diff ---- */

/* Pretty text of a definition, or nothing. */
static void pretty(const struct value *definition, struct buf *out)
{
	if (!value_is(definition, VALUE_OBJECT))
		return;
	json_write_pretty(out, definition);
	buf_putc(out, '\n');
}

/* The saved definition of that name as text; none when there is none. */
static int read_saved(const struct sender *s, struct str name, struct buf *out)
{
	CLEANUP_RESPONSE struct response r = {0};
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/workflows/");
	client_escape(&path, name);
	buf_puts(&path, "?project=");
	client_escape(&path, str_of(s->common->project));
	if (!client_call(s->client, "GET", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400 && r.status != 404)
		return client_refused(&r);
	if (r.status != 404)
		pretty(value_getz(&r.value, "definition"), out);
	return CLI_OK;
}

static int diff_json(const char *file, struct str saved, struct str wanted)
{
	CLEANUP_BUF struct buf out = {0};
	struct json_out o = json_out_to(&out);
	bool differ = !str_eq(saved, wanted);
	json_out_object(&o);
	json_out_key(&o, "file");
	json_out_strz(&o, file);
	json_out_key(&o, "differs");
	json_out_bool(&o, differ);
	json_out_key(&o, "saved");
	json_out_raw(&o, saved.n ? saved : STR("null"));
	json_out_key(&o, "wanted");
	json_out_raw(&o, wanted);
	json_out_end(&o);
	printf("%s\n", out.p);
	return differ ? CLI_FAILED : CLI_OK;
}

static int diff_file(void *arg, const char *file, struct str text)
{
	const struct sender *s = arg;
	CLEANUP_RESPONSE struct response wanted = {0};
	if (!send_text(s->client, s->common, "/api/workflows/validate?project=", file, text,
		       &wanted))
		return CLI_UNREACHABLE;
	if (wanted.status >= 400)
		return client_refused_file(&wanted, file, text);
	const struct value *definition = value_getz(&wanted.value, "definition");
	CLEANUP_BUF struct buf before = {0}, after = {0};
	int status = read_saved(s, print_text(definition, "name"), &before);
	if (status != CLI_OK)
		return status;
	pretty(definition, &after);
	if (s->common->json)
		return diff_json(file, buf_str(&before), buf_str(&after));
	return linediff_print(buf_str(&before), buf_str(&after), "saved", file) ? CLI_FAILED
										: CLI_OK;
}

static int diff_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0};
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE",
		 "workflow, YAML or (.json) JSON; - = stdin"},
		CLI_SERVER_OPTS(common),
		{"json", 0, OPT_FLAG, &common.json, NULL,
		 "both definitions of each file, and whether they differ"},
	};
	int status;
	if (!cli_parse(&cmd_diff, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	if (!has_files("diff", &files))
		return CLI_USAGE;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	struct sender s = {&common, c};
	return for_files(&files, diff_file, &s);
}

const struct command cmd_diff = {"diff", "-f FILE…",
				 "what apply would change; exit 1 when something would", diff_run};

/* ---- workflows ---- */

static void print_workflows(const struct value *items)
{
	static const struct table_column columns[] = {
		{"WORKFLOW", TABLE_WHOLE}, {"STATUS", TABLE_WHOLE},    {"VERSION", TABLE_WHOLE},
		{"UPDATED", TABLE_WHOLE},  {"DESCRIPTION", TABLE_CUT},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++) {
		const struct value *w = &items->items[i];
		CLEANUP_BUF struct buf updated = {0};
		table_time_short(&updated, print_text(w, "updatedAt"));
		table_cell(t, print_text(w, "name"));
		table_cell(t, print_text(w, "status"));
		table_cellf(t, "%lld", (long long)print_int(w, "version"));
		table_cell(t, buf_str(&updated));
		table_cell(t, print_text(w, "description"));
	}
	table_print(t);
}

static void print_definition(const struct value *workflow)
{
	CLEANUP_BUF struct buf text = {0};
	const struct value *definition = value_getz(workflow, "definition");
	json_write_pretty(&text, definition ? definition : workflow);
	printf("%s\n", text.p);
}

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
	CLEANUP_RESPONSE struct response r = {0};
	status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	if (common.json)
		print_json(&r);
	else if (rest.n > 0)
		print_definition(&r.value);
	else
		print_workflows(value_getz(&r.value, "items"));
	return CLI_OK;
}

const struct command cmd_workflows = {"workflows", "[NAME]",
				      "list workflows, or show one's definition", workflows_run};
