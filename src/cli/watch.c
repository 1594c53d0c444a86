#include "cli/watch.h"

#include <stdio.h>

#include "cli/print.h"
#include "json/parse.h"

static void run_path(struct buf *path, const struct cli_common *common, struct str run_id,
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
	const struct value *data = value_getz(&v, "data");
	snprintf(w->status, sizeof(w->status), "%.*s",
		 STR_ARG(print_text(value_is(data, VALUE_OBJECT) ? data : &v, "status")));
	return false;
}

int watch_show(struct client *c, const struct cli_common *common, struct str run_id,
	       struct response *ret)
{
	CLEANUP_BUF struct buf path = {0};
	run_path(&path, common, run_id, "");
	struct response r;
	if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	int status = CLI_OK;
	if (r.status >= 400)
		status = client_refused(&r, NULL);
	else if (common->json)
		print_json(&r);
	else
		print_run(&r.value);
	if (ret)
		*ret = r;
	else
		response_free(&r);
	return status;
}

int watch_run(struct client *c, const struct cli_common *common, struct str run_id, bool quiet)
{
	CLEANUP_BUF struct buf path = {0};
	run_path(&path, common, run_id, "/events");
	struct watching w = {.common = common};
	int http = client_follow(c, path.p, on_event, &w);
	if (http == 0)
		return CLI_UNREACHABLE;
	if (!w.status[0])
		return CLI_FAILED;
	if (!quiet && !common->json) {
		printf("\n");
		watch_show(c, common, run_id, NULL);
	}
	return str_eqz(str_of(w.status), "SUCCESS") ? CLI_OK : CLI_FAILED;
}
