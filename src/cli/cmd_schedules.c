/* schedules: list, pause, resume, backfill. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

static void print_list(const struct value *items)
{
	static const struct table_column columns[] = {
		{"SCHEDULE", TABLE_WHOLE}, {"WORKFLOW", TABLE_WHOLE}, {"WHEN", TABLE_CUT},
		{"TIMEZONE", TABLE_CUT},   {"NEXT", TABLE_WHOLE},     {"LAST RUN", TABLE_WHOLE},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *s = &items->items[i], *paused = value_getz(s, "paused");
		bool stands = value_is(paused, VALUE_BOOL) && paused->b;
		table_cell(t, print_text(s, "id"));
		table_cell(t, print_text(s, "workflowName"));
		table_cell(t, print_text(s, "schedule"));
		table_cell(t, print_text(s, "timezone"));
		table_cell(t, stands ? STR("paused") : print_text(s, "nextFire"));
		table_cell(t, print_text(s, "lastRunId"));
	}
	table_print(t);
}

static int list(struct client *c, const struct cli_common *common)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/schedules?limit=500&project=");
	client_escape(&path, str_of(common->project));
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *items = value_getz(&r.value, "items");
	if (common->json || !value_is(items, VALUE_ARRAY))
		print_json(&r);
	else
		print_list(items);
	return CLI_OK;
}

static void print_fires(const struct value *v)
{
	const struct value *fires = value_getz(v, "fires"), *runs = value_getz(v, "runIds");
	for (uint32_t i = 0; value_is(fires, VALUE_ARRAY) && i < fires->n; i++) {
		table_put(value_text(&fires->items[i]));
		if (value_is(runs, VALUE_ARRAY) && i < runs->n) {
			printf("  ");
			table_put(value_text(&runs->items[i]));
		}
		printf("\n");
	}
}

static int post(struct client *c, const struct cli_common *common, const char *id, const char *verb,
		struct str body)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/schedules/");
	client_escape(&path, str_of(id));
	buf_printf(&path, "/%s?project=", verb);
	client_escape(&path, str_of(common->project));
	if (!client_call(c, "POST", path.p, body, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 300)
		return client_refused(&r);
	if (common->json)
		print_json(&r);
	else if (strcmp(verb, "backfill") == 0)
		print_fires(&r.value);
	else
		printf("%s %s\n", id, strcmp(verb, "pause") == 0 ? "paused" : "resumed");
	return CLI_OK;
}

static int schedules_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const char *from = NULL, *to = NULL;
	bool plan = false;
	const struct opt opts[] = {
		{"from", 0, OPT_TEXT, &from, "TIME", "backfill: fires from this time on"},
		{"to", 0, OPT_TEXT, &to, "TIME", "backfill: up to this time"},
		{"plan", 0, OPT_FLAG, &plan, NULL, "backfill: show the fires, start nothing"},
		CLI_COMMON_OPTS(common),
	};
	int status;
	if (!cli_parse(&cmd_schedules, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 2, &status))
		return status;
	const char *verb = rest.n == 2 ? rest.items[0] : "";
	bool backfill = strcmp(verb, "backfill") == 0;
	bool known = backfill || strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0;
	if ((rest.n > 0 && !known) || (backfill && (!from || !to))) {
		fprintf(stderr, "usage: drover schedules %s\n", cmd_schedules.usage);
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(&common);
	if (rest.n == 0)
		return list(c, &common);
	CLEANUP_BUF struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	if (backfill) {
		json_out_key(&o, "from");
		json_out_strz(&o, from);
		json_out_key(&o, "to");
		json_out_strz(&o, to);
		json_out_key(&o, "dryRun");
		json_out_bool(&o, plan);
	}
	json_out_end(&o);
	return post(c, &common, rest.items[1], verb, buf_str(&body));
}

const struct command cmd_schedules = {
	"schedules", "[pause ID | resume ID | backfill ID --from TIME --to TIME [--plan]]",
	"list the schedules, pause, resume or backfill one", schedules_run};
