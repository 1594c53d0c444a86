/* lint: without a server, or by one. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/document.h"
#include "cli/finding.h"
#include "cli/lint.h"
#include "json/write.h"

struct linting {
	struct cli_common common;
	struct lint *lint; /* NULL: ask the server */
	struct client *client;
};

/* Appends the server's findings about the text. */
static int ask(const struct linting *l, const char *file, struct str text, struct diag *d)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/workflows/validate?project=");
	client_escape(&path, str_of(l->common.project));
	if (!client_call(l->client, "POST", path.p, text, document_type(file), &r))
		return CLI_UNREACHABLE;
	if (r.status < 400)
		return CLI_OK;
	const struct value *errors = value_getz(&r.value, "errors");
	if (!value_is(errors, VALUE_ARRAY) || errors->n == 0)
		return client_refused_file(&r, file, text);
	for (uint32_t i = 0; i < errors->n; i++) {
		const struct value *e = &errors->items[i], *line = value_getz(e, "line"),
				   *column = value_getz(e, "column");
		struct str place = value_text(value_getz(e, "path"));
		diag_add_at(d, arena_dup(d->arena, place.p, place.n),
			    value_is(line, VALUE_INT) ? (int)line->i : 0,
			    value_is(column, VALUE_INT) ? (int)column->i : 0, "%.*s",
			    STR_ARG(value_text(value_getz(e, "message"))));
	}
	return CLI_OK;
}

static void print_json_line(const char *file, const struct diag *d)
{
	CLEANUP_BUF struct buf out = {0};
	struct json_out o = json_out_to(&out);
	json_out_object(&o);
	json_out_key(&o, "file");
	json_out_strz(&o, file);
	json_out_key(&o, "valid");
	json_out_bool(&o, diag_ok(d));
	json_out_key(&o, "errors");
	json_out_array(&o);
	for (size_t i = 0; i < d->n; i++) {
		const struct diag_finding *f = &d->findings[i];
		json_out_object(&o);
		json_out_key(&o, "path");
		json_out_strz(&o, f->path);
		json_out_key(&o, "message");
		json_out_strz(&o, f->message);
		json_out_key(&o, "line");
		json_out_int(&o, f->line);
		json_out_key(&o, "column");
		json_out_int(&o, f->column);
		json_out_end(&o);
	}
	json_out_end(&o);
	json_out_end(&o);
	printf("%s\n", out.p);
}

static int lint_file(const struct linting *l, const char *file)
{
	CLEANUP_BUF struct buf text = {0};
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	int status = CLI_OK;
	diag_init(&d, &a);
	buf_reserve(&text, 1);
	if (!document_read(file, &text))
		return CLI_USAGE;
	if (l->lint)
		lint_text(l->lint, buf_str(&text),
			  str_eqz(str_of(document_type(file)), "application/json"), &d);
	else
		status = ask(l, file, buf_str(&text), &d);
	if (status != CLI_OK)
		return status;
	if (l->common.json)
		print_json_line(file, &d);
	for (size_t i = 0; !l->common.json && i < d.n; i++)
		finding_print(stdout, file, buf_str(&text),
			      &(struct finding){str_of(d.findings[i].path),
						str_of(d.findings[i].message), d.findings[i].line,
						d.findings[i].column});
	if (!l->common.json && diag_ok(&d))
		printf("%s: ok\n", file);
	return diag_ok(&d) ? CLI_OK : CLI_FAILED;
}

static int lint_files(const struct linting *l, const struct opt_list *files)
{
	int worst = CLI_OK;
	for (size_t i = 0; i < files->n; i++) {
		int status = lint_file(l, files->items[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static int lint_run(int argc, char **argv)
{
	struct linting l = {0};
	cli_common_init(&l.common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0}, dirs = {0};
	l.common.server = NULL;
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE",
		 "workflow, YAML or (.json) JSON; - = stdin"},
		{"agents", 0, OPT_LIST, &dirs, "DIR",
		 "without a server: a folder of agent folders that may be named"},
		{"server", 0, OPT_TEXT, &l.common.server, "URL",
		 "ask this service, which knows its own agents"},
		{"project", 'p', OPT_TEXT, &l.common.project, "NAME", "project (default: default)"},
		{"json", 0, OPT_FLAG, &l.common.json, NULL, "a JSON object a line for each file"},
	};
	int status;
	if (!cli_parse(&cmd_lint, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, SIZE_MAX, &status))
		return status;
	for (size_t i = 0; i < rest.n; i++)
		opt_list_add(&files, rest.items[i]);
	if (files.n == 0) {
		fprintf(stderr, "drover lint: name a file with -f FILE (- = standard input)\n");
		return CLI_USAGE;
	}
	if (l.common.server && dirs.n == 0) {
		CLEANUP_CLIENT struct client *c = client_new(&l.common);
		l.client = c;
		return lint_files(&l, &files);
	}
	l.lint = lint_new(dirs.items, dirs.n);
	if (!l.lint)
		return CLI_USAGE;
	status = lint_files(&l, &files);
	lint_free(l.lint);
	return status;
}

const struct command cmd_lint = {"lint", "-f FILE…",
				 "judge workflow files; no server needed, unless one is named",
				 lint_run};
