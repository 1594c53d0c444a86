/* agents. */
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"

static void print_agents(const struct value *items)
{
	static const struct table_column columns[] = {
		{"AGENT", TABLE_WHOLE}, {"TYPE", TABLE_WHOLE},	{"VERSION", TABLE_CUT},
		{"RISK", TABLE_WHOLE},	{"ACTIONS", TABLE_CUT}, {"DESCRIPTION", TABLE_CUT},
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
		table_cell(t, buf_str(&actions));
		table_cell(t, print_text(a, "description"));
	}
	table_print(t);
}

static int agents_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_agents, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	CLEANUP_BUF struct buf path = {0};
	buf_puts(&path, "/api/agents?limit=500&project=");
	client_escape(&path, str_of(common.project));
	CLEANUP_CLIENT struct client *c = client_new(&common);
	CLEANUP_RESPONSE struct response r = {0};
	status = client_get(c, path.p, &r);
	if (status != CLI_OK)
		return status;
	const struct value *items = value_getz(&r.value, "items");
	if (common.json || !value_is(items, VALUE_ARRAY))
		print_json(&r);
	else
		print_agents(items);
	return CLI_OK;
}

const struct command cmd_agents = {"agents", "", "list the registered agents", agents_run};
