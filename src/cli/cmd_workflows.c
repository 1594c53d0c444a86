/* workflows: list them, show one, its versions; bring an old one back, archive, delete. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

static void print_workflows(const struct value *items)
{
	static const struct table_column columns[] = {
		{"WORKFLOW", TABLE_WHOLE}, {"STATUS", TABLE_WHOLE},  {"PAUSED", TABLE_CUT},
		{"VERSION", TABLE_WHOLE},  {"UPDATED", TABLE_WHOLE}, {"DESCRIPTION", TABLE_CUT},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++) {
		const struct value *w = &items->items[i];
		CLEANUP_BUF struct buf updated = {0};
		table_time_short(&updated, print_text(w, "updatedAt"));
		table_cell(t, print_text(w, "name"));
		table_cell(t, print_text(w, "status"));
		print_paused(t, w);
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

static int list_or_show(struct client *c, const struct cli_common *common, const char *name)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/workflows");
	if (name) {
		buf_putc(&path, '/');
		client_escape(&path, str_of(name));
	}
	buf_puts(&path, name ? "?project=" : "?limit=500&project=");
	client_escape(&path, str_of(common->project));
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	if (common->json)
		print_json(&r);
	else if (name)
		print_definition(&r.value);
	else
		print_workflows(value_getz(&r.value, "items"));
	return CLI_OK;
}

/* ---- verbs ---- */

struct verb {
	const struct cli_common *common;
	struct client *client;
	const char *name, *to, *by, *reason;
	bool cascade;
};

/* "/api/workflows/NAME" + tail + "?project=…" */
static void path_of(const struct verb *x, const char *tail, struct buf *ret)
{
	buf_puts(ret, "/api/workflows/");
	client_escape(ret, str_of(x->name));
	buf_puts(ret, tail);
	buf_puts(ret, "?project=");
	client_escape(ret, str_of(x->common->project));
}

static int versions(const struct verb *x)
{
	static const struct table_column columns[] = {
		{"VERSION", TABLE_WHOLE}, {"CREATED", TABLE_WHOLE}, {"SHA256", TABLE_CUT}};
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	path_of(x, "/versions", &path);
	buf_puts(&path, "&limit=500");
	int status = client_get(x->client, path.p, &r);
	if (status != CLI_OK || x->common->json) {
		if (status == CLI_OK)
			print_json(&r);
		return status;
	}
	const struct value *items = value_getz(&r.value, "items");
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++) {
		CLEANUP_BUF struct buf created = {0};
		table_time_short(&created, print_text(&items->items[i], "createdAt"));
		table_cellf(t, "%lld", (long long)print_int(&items->items[i], "version"));
		table_cell(t, buf_str(&created));
		table_cell(t, print_text(&items->items[i], "sha256"));
	}
	table_print(t);
	return CLI_OK;
}

/* Prints what came of a change. */
static int told(const struct verb *x, const struct response *r, const char *done)
{
	if (r->status >= 400)
		return client_refused(r);
	if (x->common->json && r->body.n > 0) {
		print_json(r);
		return CLI_OK;
	}
	table_put(str_of(x->name));
	printf(": %s", done);
	if (print_int(&r->value, "version") > 0)
		printf(", version %lld", (long long)print_int(&r->value, "version"));
	printf("\n");
	return CLI_OK;
}

/* The definition of an old version is saved as a new one. */
static int rollback(const struct verb *x)
{
	CLEANUP_BUF struct buf from = {0}, path = {0}, body = {0}, tail = {0};
	CLEANUP_RESPONSE struct response old = {0}, r = {0};
	buf_puts(&tail, "/versions/");
	client_escape(&tail, str_of(x->to));
	path_of(x, tail.p, &from);
	int status = client_get(x->client, from.p, &old);
	if (status != CLI_OK)
		return status;
	json_write(&body, value_getz(&old.value, "definition"));
	path_of(x, "", &path);
	if (!client_call(x->client, "PUT", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	return told(x, &r,
		    str_eqz(print_text(&r.value, "outcome"), "unchanged") ? "unchanged"
									  : "rolled back");
}

static int archive(const struct verb *x, bool archived)
{
	CLEANUP_BUF struct buf path = {0}, body = {0};
	CLEANUP_RESPONSE struct response r = {0};
	path_of(x, archived ? "/archive" : "/unarchive", &path);
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	if (x->by) {
		json_out_key(&o, "by");
		json_out_strz(&o, x->by);
	}
	if (x->reason) {
		json_out_key(&o, "reason");
		json_out_strz(&o, x->reason);
	}
	if (x->cascade) {
		json_out_key(&o, "cascade");
		json_out_bool(&o, true);
	}
	json_out_end(&o);
	if (!client_call(x->client, "POST", path.p, buf_str(&body), NULL, &r))
		return CLI_UNREACHABLE;
	return told(x, &r, archived ? "archived" : "active");
}

/* A history is not deleted by the way. */
static int spare_runs(const struct verb *x)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	path_of(x, "/runs", &path);
	buf_puts(&path, "&limit=1");
	int status = client_get(x->client, path.p, &r);
	const struct value *items = value_getz(&r.value, "items");
	if (status != CLI_OK || !value_is(items, VALUE_ARRAY) || items->n == 0)
		return status;
	fprintf(stderr,
		"drover workflows: %s has runs, which would be deleted with it; `drover workflows "
		"archive %s` keeps them, --cascade deletes them (open ones are cancelled)\n",
		x->name, x->name);
	return CLI_FAILED;
}

static int delete_one(const struct verb *x)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	int status = x->cascade ? CLI_OK : spare_runs(x);
	if (status != CLI_OK)
		return status;
	path_of(x, "", &path);
	buf_puts(&path, x->cascade ? "&cascade=true" : "");
	if (x->by) {
		buf_puts(&path, "&by=");
		client_escape(&path, str_of(x->by));
	}
	if (x->reason) {
		buf_puts(&path, "&reason=");
		client_escape(&path, str_of(x->reason));
	}
	if (!client_call(x->client, "DELETE", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	return told(x, &r, r.status == 202 ? "goes with the last of its runs" : "deleted");
}

/* The exit status, or -1: no such verb. */
static int run_verb(const struct verb *x, const char *verb)
{
	if (strcmp(verb, "versions") == 0)
		return versions(x);
	if (strcmp(verb, "rollback") == 0 && x->to)
		return rollback(x);
	if (strcmp(verb, "archive") == 0)
		return archive(x, true);
	if (strcmp(verb, "unarchive") == 0)
		return archive(x, false);
	if (strcmp(verb, "delete") == 0)
		return delete_one(x);
	return -1;
}

static int workflows_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct verb x = {.common = &common};
	const struct opt opts[] = {
		{"to", 0, OPT_TEXT, &x.to, "N", "rollback: the version that comes back"},
		{"cascade", 0, OPT_FLAG, &x.cascade, NULL,
		 "archive, delete: cancel the open runs; delete: and all of its history"},
		{"by", 0, OPT_TEXT, &x.by, "NAME", "archive, delete: who asks, recorded"},
		{"reason", 0, OPT_TEXT, &x.reason, "TEXT", "and why"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_workflows, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 2, &status))
		return status;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	x.client = c;
	if (rest.n < 2)
		return list_or_show(c, &common, rest.n > 0 ? rest.items[0] : NULL);
	x.name = rest.items[1];
	status = run_verb(&x, rest.items[0]);
	if (status >= 0)
		return status;
	fprintf(stderr, "usage: drover workflows %s\n", cmd_workflows.usage);
	return CLI_USAGE;
}

const struct command cmd_workflows = {
	"workflows",
	"[NAME] | versions NAME | rollback NAME --to N | archive|unarchive|delete NAME [--cascade]",
	"list workflows, show one's definition or versions, roll back, archive, delete",
	workflows_run};
