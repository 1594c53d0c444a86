/* apply and diff: a file against what is saved; diff also compares two saved versions. */
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

/* ---- diff of two saved versions ---- */

static void print_diff_line(struct str line)
{
	char sign = line.n ? line.p[strspn(line.p, " ")] : ' ';
	const char *colour = sign == '-'   ? table_status_colour(STR("FAILED"))
			     : sign == '+' ? table_status_colour(STR("SUCCESS"))
					   : "";
	printf("%s", colour);
	table_put(line);
	printf("%s\n", *colour ? table_plain() : "");
}

static void print_diff(const struct value *diff)
{
	struct str text = print_text(diff, "text");
	printf("%lld -> %lld\n", (long long)print_int(diff, "from"),
	       (long long)print_int(diff, "to"));
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		print_diff_line(str_n(text.p, n));
		text = str_n(text.p + n + (end != NULL), text.n - n - (end != NULL));
	}
}

static int diff_versions(const struct sender *s, const char *workflow, const char *from,
			 const char *to)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/workflows/");
	client_escape(&path, str_of(workflow));
	buf_puts(&path, "/diff?project=");
	client_escape(&path, str_of(s->common->project));
	if (from) {
		buf_puts(&path, "&from=");
		client_escape(&path, str_of(from));
	}
	if (to) {
		buf_puts(&path, "&to=");
		client_escape(&path, str_of(to));
	}
	int status = client_get(s->client, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *same = value_getz(&r.value, "same");
	bool differ = value_is(same, VALUE_BOOL) && !same->b;
	if (s->common->json)
		print_json(&r);
	else if (differ)
		print_diff(&r.value);
	return differ ? CLI_FAILED : CLI_OK;
}

static int diff_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0}, files = {0};
	const char *from = NULL, *to = NULL;
	const struct opt opts[] = {
		{"file", 'f', OPT_LIST, &files, "FILE",
		 "workflow, YAML or (.json) JSON; - = stdin"},
		{"from", 0, OPT_TEXT, &from, "N", "of a WORKFLOW: this version (the one before)"},
		{"to", 0, OPT_TEXT, &to, "N", "of a WORKFLOW: and this one (newest)"},
		CLI_SERVER_OPTS(common),
		{"json", 0, OPT_FLAG, &common.json, NULL,
		 "what differs; of a file: both definitions, and whether they do"},
	};
	int status;
	if (!cli_parse(&cmd_diff, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	if ((rest.n == 1) == (files.n > 0) || (rest.n == 0 && (from || to))) {
		fprintf(stderr, "drover diff: name a file with -f FILE (- = standard input), or a "
				"saved WORKFLOW\n");
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(&common);
	struct sender s = {&common, c};
	return rest.n == 1 ? diff_versions(&s, rest.items[0], from, to)
			   : for_files(&files, diff_file, &s);
}

const struct command cmd_diff = {
	"diff", "-f FILE… | WORKFLOW [--from N] [--to N]",
	"what apply would change, or what changed between two versions; exit 1 when something",
	diff_run};
