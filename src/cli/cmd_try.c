/* eval, validate, cron: no server needed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/document.h"
#include "cli/finding.h"
#include "cli/table.h"
#include "daemon/zones.h"
#include "json/parse.h"
#include "json/validate_lines.h"
#include "json/write.h"
#include "text/cron_lines.h"
#include "text/eval_lines.h"

/* What was wrong with a request: the message, its place in `text`, findings about a schema. */
static void print_error(const struct value *error, const char *name, struct str text)
{
	const struct value *at = value_getz(error, "position"),
			   *errors = value_getz(error, "errors");
	struct finding f = {.path = value_text(value_getz(error, "path")),
			    .message = value_text(value_getz(error, "message"))};
	if (value_is(at, VALUE_INT) && text.n > 0) {
		f.line = 1;
		f.column = (int)at->i + 1;
	}
	if (!value_is(errors, VALUE_ARRAY) || errors->n == 0)
		finding_print(stderr, name, text, &f);
	for (uint32_t i = 0; value_is(errors, VALUE_ARRAY) && i < errors->n; i++)
		finding_print(stderr, name, (struct str){0},
			      &(struct finding){
				      value_text(value_getz(&errors->items[i], "path")),
				      value_text(value_getz(&errors->items[i], "message")), 0, 0});
}

/* Prints an answer of one of the pure helpers; the exit status. */
static int print_answer(const struct buf *answer, bool json, const char *name, struct str text,
			int (*print)(const struct value *answer, bool json))
{
	CLEANUP_ARENA struct arena a = {0};
	struct value v;
	if (json)
		printf("%s\n", answer->p);
	if (json_parse(&a, buf_str(answer), 0, &v, NULL) != 0)
		return CLI_FAILED;
	const struct value *error = value_getz(&v, "error");
	if (!error)
		return print(&v, json);
	if (!json)
		print_error(error, name, text);
	return CLI_FAILED;
}

/* ---- eval ---- */

static int print_value(const struct value *answer, bool json)
{
	if (json)
		return CLI_OK;
	const struct value *v = value_getz(answer, "value");
	CLEANUP_BUF struct buf out = {0};
	json_write_pretty(&out, v ? v : &VALUE_NULL_INIT);
	printf("%s\n", out.p);
	return CLI_OK;
}

static void eval_one(void *arg, struct str line, struct buf *out)
{
	eval_line(out, line, arg);
}

static int eval_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *roots = NULL;
	bool lines = false, json = false;
	const struct opt opts[] = {
		{"roots", 'r', OPT_TEXT, &roots, "JSON|@FILE",
		 "an object whose members are the roots"},
		{"lines", 0, OPT_FLAG, &lines, NULL, "answer {expr, roots} a line on stdin"},
		{"json", 0, OPT_FLAG, &json, NULL, "print {value} or {error}"},
	};
	int status;
	if (!cli_parse(&cmd_eval, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	CLEANUP_ZONES struct zones zones = {0};
	struct eval_zones known = {zones_get, &zones};
	if (lines)
		return document_lines(eval_one, &known);
	if (rest.n != 1) {
		fprintf(stderr, "usage: drover eval %s\n", cmd_eval.usage);
		return CLI_USAGE;
	}
	CLEANUP_ARENA struct arena a = {0};
	struct value request = value_object(&a, 2), v = value_object(&a, 0);
	if (roots && !document_json(&a, roots, &v))
		return CLI_USAGE;
	if (v.kind != VALUE_OBJECT) {
		fprintf(stderr, "drover eval: --roots wants a JSON object\n");
		return CLI_USAGE;
	}
	value_putz(&a, &request, "expr", value_strz(rest.items[0]));
	value_putz(&a, &request, "roots", v);
	CLEANUP_BUF struct buf line = {0}, answer = {0};
	json_write(&line, &request);
	eval_line(&answer, buf_str(&line), &known);
	return print_answer(&answer, json, "expression", str_of(rest.items[0]), print_value);
}

const struct command cmd_eval = {"eval", "EXPR [--roots JSON|@FILE] | --lines",
				 "evaluate an expression (CEL)", eval_run};

/* ---- validate ---- */

static int print_verdict(const struct value *answer, bool json)
{
	const struct value *valid = value_getz(answer, "valid"),
			   *errors = value_getz(answer, "errors");
	for (uint32_t i = 0; !json && value_is(errors, VALUE_ARRAY) && i < errors->n; i++) {
		struct str path = value_text(value_getz(&errors->items[i], "path"));
		table_put(path);
		printf("%s", path.n ? ": " : "");
		table_put(value_text(value_getz(&errors->items[i], "message")));
		printf("\n");
	}
	if (!value_is(valid, VALUE_BOOL) || !valid->b)
		return CLI_FAILED;
	if (!json)
		printf("valid\n");
	return CLI_OK;
}

/* A document is a file's name, or JSON. */
static bool read_document(struct arena *a, const char *doc, struct value *ret)
{
	bool file = strcmp(doc, "-") == 0 || (doc[0] != '@' && access(doc, F_OK) == 0);
	return document_json(a, file ? arena_printf(a, "@%s", doc) : doc, ret);
}

static void validate_one(void *arg, struct str line, struct buf *out)
{
	validate_lines_answer(arg, line, out);
}

static int validate_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *schema = NULL;
	bool lines = false, json = false, formats = false;
	const struct opt opts[] = {
		{"schema", 's', OPT_TEXT, &schema, "JSON|@FILE", "JSON Schema 2020-12"},
		{"formats", 0, OPT_FLAG, &formats, NULL, "assert `format` too"},
		{"lines", 0, OPT_FLAG, &lines, NULL, "answer {schema, data} a line on stdin"},
		{"json", 0, OPT_FLAG, &json, NULL, "print {valid, errors}"},
	};
	int status;
	if (!cli_parse(&cmd_validate, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	if (lines) {
		struct validate_lines *v = validate_lines_new(formats);
		status = document_lines(validate_one, v);
		validate_lines_free(v);
		return status;
	}
	if (rest.n != 1 || !schema) {
		fprintf(stderr, "usage: drover validate %s\n", cmd_validate.usage);
		return CLI_USAGE;
	}
	CLEANUP_ARENA struct arena a = {0};
	struct value request = value_object(&a, 2), s, data;
	if (!document_json(&a, schema, &s) || !read_document(&a, rest.items[0], &data))
		return CLI_USAGE;
	value_putz(&a, &request, "schema", s);
	value_putz(&a, &request, "data", data);
	CLEANUP_BUF struct buf line = {0}, answer = {0};
	json_write(&line, &request);
	struct validate_lines *v = validate_lines_new(formats);
	validate_lines_answer(v, buf_str(&line), &answer);
	validate_lines_free(v);
	return print_answer(&answer, json, "schema", (struct str){0}, print_verdict);
}

const struct command cmd_validate = {"validate", "--schema JSON|@FILE DOC | --lines",
				     "check a document (JSON, a file or -) against a JSON Schema",
				     validate_run};

/* ---- cron ---- */

static void cron_one(void *arg, struct str line, struct buf *out)
{
	cron_line(arg, line, out);
}

static int print_fires(const struct value *answer, bool json)
{
	const struct value *fires = value_getz(answer, "fires");
	for (uint32_t i = 0; !json && value_is(fires, VALUE_ARRAY) && i < fires->n; i++)
		printf("%.*s\n", STR_ARG(value_text(&fires->items[i])));
	return CLI_OK;
}

static int cron_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_ZONES struct zones zones = {0};
	const char *zone = "UTC", *from = NULL;
	int64_t n = 5;
	bool lines = false, json = false;
	const struct opt opts[] = {
		{"timezone", 0, OPT_TEXT, &zone, "NAME", "like Europe/Berlin (default: UTC)"},
		{"from", 0, OPT_TEXT, &from, "TIME", "fires after this time (default: now)"},
		{"count", 'n', OPT_INT, &n, "N", "how many (default: 5)"},
		{"lines", 0, OPT_FLAG, &lines, NULL,
		 "answer {cron, timezone, from, n} a line on stdin"},
		{"json", 0, OPT_FLAG, &json, NULL, "print {fires} or {error}"},
	};
	int status;
	if (!cli_parse(&cmd_cron, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	struct cron_lines l = {zones_get, &zones, clock_wall_ms(clock_system())};
	if (lines)
		return document_lines(cron_one, &l);
	if (rest.n != 1) {
		fprintf(stderr, "usage: drover cron %s\n", cmd_cron.usage);
		return CLI_USAGE;
	}
	CLEANUP_ARENA struct arena a = {0};
	struct value request = value_object(&a, 4);
	value_putz(&a, &request, "cron", value_strz(rest.items[0]));
	value_putz(&a, &request, "timezone", value_strz(zone));
	if (from)
		value_putz(&a, &request, "from", value_strz(from));
	value_putz(&a, &request, "n", value_int(n));
	CLEANUP_BUF struct buf line = {0}, answer = {0};
	json_write(&line, &request);
	cron_line(&l, buf_str(&line), &answer);
	return print_answer(&answer, json, "schedule", str_of(rest.items[0]), print_fires);
}

const struct command cmd_cron = {"cron", "EXPR [--timezone NAME] [--from TIME] [-n N] | --lines",
				 "the next fires of a schedule", cron_run};
