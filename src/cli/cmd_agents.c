/* agents: list, reset. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"

static void print_agents(const struct value *items)
{
	static const struct table_column columns[] = {
		{"AGENT", TABLE_WHOLE},	    {"TYPE", TABLE_WHOLE},    {"VERSION", TABLE_CUT},
		{"RISK", TABLE_WHOLE},	    {"BREAKER", TABLE_WHOLE}, {"ACTIONS", TABLE_CUT},
		{"DESCRIPTION", TABLE_CUT},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < items->n; i++) {
		const struct value *a = &items->items[i], *caps = value_getz(a, "capabilities");
		CLEANUP_BUF struct buf actions = {0};
		for (uint32_t k = 0; value_is(caps, VALUE_ARRAY) && k < caps->n; k++) {
			struct str effect = print_text(&caps->items[k], "effect");
			buf_puts(&actions, k ? ", " : "");
			buf_put_str(&actions, print_text(&caps->items[k], "name"));
			if (effect.n && !str_eqz(effect, "idempotent"))
				buf_printf(&actions, " (%.*s)", STR_ARG(effect));
		}
		table_cell(t, print_text(a, "name"));
		table_cell(t, print_text(a, "type"));
		table_cell(t, print_text(a, "version"));
		table_cell(t, print_text(a, "riskLevel"));
		table_cell(t, print_text(value_getz(a, "breaker"), "state"));
		table_cell(t, buf_str(&actions));
		table_cell(t, print_text(a, "description"));
	}
	table_print(t);
}

static int list(struct client *c, const struct cli_common *common)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/agents?limit=500&project=");
	client_escape(&path, str_of(common->project));
	int status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *items = value_getz(&r.value, "items");
	if (common->json || !value_is(items, VALUE_ARRAY))
		print_json(&r);
	else
		print_agents(items);
	return CLI_OK;
}

static int reset(struct client *c, const struct cli_common *common, const char *name)
{
	CLEANUP_BUF struct buf path = {0};
	CLEANUP_RESPONSE struct response r = {0};
	buf_puts(&path, "/api/agents/");
	client_escape(&path, str_of(name));
	buf_puts(&path, "/reset?project=");
	client_escape(&path, str_of(common->project));
	if (!client_call(c, "POST", path.p, STR("{}"), NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 300)
		return client_refused(&r);
	if (common->json)
		print_json(&r);
	else
		printf("%s: the circuit breaker is closed\n", name);
	return CLI_OK;
}

static int agents_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_agents, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 2, &status))
		return status;
	if (rest.n == 1 || (rest.n == 2 && strcmp(rest.items[0], "reset") != 0)) {
		fprintf(stderr, "usage: drover agents %s\n", cmd_agents.usage);
		return CLI_USAGE;
	}
	CLEANUP_CLIENT struct client *c = client_new(&common);
	return rest.n == 0 ? list(c, &common) : reset(c, &common, rest.items[1]);
}

const struct command cmd_agents = {"agents", "[reset AGENT]",
				   "list the registered agents; close the circuit breaker of one",
				   agents_run};
