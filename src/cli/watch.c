#include "cli/watch.h"

#include <stdio.h>

#include "base/escape.h"
#include "cli/print.h"
#include "json/parse.h"

void watch_path(struct buf *path, const struct cli_common *common, struct str run_id,
		const char *tail)
{
	buf_puts(path, "/api/runs/");
	client_escape(path, run_id);
	buf_printf(path, "%s?project=", tail);
	client_escape(path, str_of(common->project));
}

struct watching {
	const struct cli_common *common;
	char status[24];
};

static bool on_event(void *arg, const struct client_event *e)
{
	struct watching *w = arg;
	CLEANUP_ARENA struct arena a = {0};
	struct value v;
	if (json_parse(&a, e->data, 0, &v, NULL) != 0)
		return true;
	if (w->common->json)
		printf("%.*s\n", STR_ARG(e->data));
	else
		print_event(&v, e->type);
	fflush(stdout);
	if (!str_eqz(e->type, "run.finished"))
		return true;
	snprintf(w->status, sizeof(w->status), "%.*s",
		 STR_ARG(print_text(value_getz(&v, "data"), "status")));
	return false;
}

int watch_show(struct client *c, const struct cli_common *common, struct str run_id)
{
	CLEANUP_BUF struct buf path = {0};
	watch_path(&path, common, run_id, "");
	CLEANUP_RESPONSE struct response r = {0};
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	if (common->json)
		print_json(&r);
	else
		print_run(&r.value);
	return CLI_OK;
}

int watch_run(struct client *c, const struct cli_common *common, struct str run_id, bool quiet)
{
	CLEANUP_BUF struct buf path = {0};
	watch_path(&path, common, run_id, "/events");
	struct watching w = {.common = common};
	struct client_stream stream = {
		.path = path.p, .until_stopped = true, .on_event = on_event, .arg = &w};
	int status = client_follow(c, &stream, 1);
	if (status != CLI_OK)
		return status;
	if (!quiet && !common->json) {
		printf("\n");
		watch_show(c, common, run_id);
	}
	return str_eqz(str_of(w.status), "SUCCESS") ? CLI_OK : CLI_FAILED;
}

/* ---- ids by their beginning ---- */

enum { ID_CHARS = 36, LEAST_PREFIX = 4 };

static int ambiguous(const char *arg, size_t n)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, str_of(arg));
	const char *text = safe.p ? safe.p : "";
	if (n == 0)
		fprintf(stderr, "drover: no run's id begins with '%s'\n", text);
	else
		fprintf(stderr, "drover: %zu runs' ids begin with '%s'; give more of it\n", n,
			text);
	return CLI_FAILED;
}

int watch_resolve(struct client *c, const struct cli_common *common, struct arena *a,
		  const char *arg, struct str *ret_id)
{
	*ret_id = str_of(arg);
	if (ret_id->n >= ID_CHARS || ret_id->n < LEAST_PREFIX)
		return CLI_OK;
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/runs?limit=500&project=");
	client_escape(&path, str_of(common->project));
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *items = value_getz(&r.value, "items");
	struct str found = {0};
	size_t n = 0;
	for (uint32_t i = 0; value_is(items, VALUE_ARRAY) && i < items->n; i++) {
		struct str id = print_text(&items->items[i], "id");
		if (!str_starts(id, str_of(arg)))
			continue;
		found = id;
		n++;
	}
	if (n != 1)
		return ambiguous(arg, n);
	*ret_id = arena_str(a, found);
	return CLI_OK;
}
