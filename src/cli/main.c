#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cli.h"
#include "io/uvmem.h"

const struct command *const cli_commands[] = {
	&cmd_serve, &cmd_demo,   &cmd_apply, &cmd_diff,     &cmd_lint,   &cmd_workflows,
	&cmd_run,   &cmd_runs,   &cmd_show,  &cmd_watch,    &cmd_logs,   &cmd_cancel,
	&cmd_retry, &cmd_agents, &cmd_agent, &cmd_eval,     &cmd_validate, &cmd_doctor,
	&cmd_version, &cmd_completion,
};
const size_t cli_n_commands = ARRAY_LEN(cli_commands);

void cli_common_init(struct cli_common *c)
{
	*c = (struct cli_common){.project = "default"};
	c->server = getenv("DROVER_SERVER");
	if (!c->server || !*c->server)
		c->server = "http://127.0.0.1:9002";
	c->token = getenv("DROVER_TOKEN");
}

static void help(FILE *to)
{
	fprintf(to, "drover %s: agents as durable workflows\n\nusage: drover COMMAND [OPTIONS]\n\n",
		DROVER_VERSION);
	for (size_t i = 0; i < cli_n_commands; i++)
		fprintf(to, "  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
	fprintf(to, "\n'drover COMMAND --help' says more. Exit status: 0 ok, 1 failed, 2 usage, "
		    "3 no server.\n");
}

bool cli_parse(const struct command *command, const struct opt *opts, size_t n, int argc,
	       char **argv, struct opt_list *rest, size_t least, size_t most, int *ret_exit)
{
	bool want_help;
	*ret_exit = CLI_USAGE;
	if (!opts_parse(command->name, opts, n, argc, argv, rest, &want_help))
		return false;
	if (want_help) {
		printf("usage: drover %s %s\n%s\n\n", command->name, command->usage,
		       command->summary);
		opts_help(opts, n);
		*ret_exit = CLI_OK;
		return false;
	}
	if (rest->n < least || rest->n > most) {
		fprintf(stderr, "usage: drover %s %s\n", command->name, command->usage);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	uvmem_install();
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		help(argc > 1 ? stdout : stderr);
		return argc > 1 ? CLI_OK : CLI_USAGE;
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	for (size_t i = 0; i < cli_n_commands; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i]->run(argc - 1, argv + 1);
	fprintf(stderr, "drover: no command '%s'; 'drover help' lists them\n", name);
	return CLI_USAGE;
}
