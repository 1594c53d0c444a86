#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cli.h"
#include "engine/plan/fields.h"
#include "io/uvmem.h"

const struct command *const cli_commands[] = {
	&cmd_serve,	&cmd_demo,	 &cmd_apply,	 &cmd_diff,	&cmd_lint,   &cmd_workflows,
	&cmd_run,	&cmd_runs,	 &cmd_show,	 &cmd_why,	&cmd_watch,  &cmd_logs,
	&cmd_artifacts, &cmd_cancel,	 &cmd_retry,	 &cmd_move,	&cmd_pause,  &cmd_resume,
	&cmd_skip,	&cmd_signal,	 &cmd_approvals, &cmd_approve,	&cmd_reject, &cmd_agents,
	&cmd_agent,	&cmd_schedules,	 &cmd_eval,	 &cmd_validate, &cmd_cron,   &cmd_doctor,
	&cmd_version,	&cmd_completion, &cmd_unknown,	 &cmd_resolve,	&cmd_items,
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
	fprintf(to,
		"\n'drover COMMAND --help' says more. Exit status: 0 ok, 1 failed, 2 usage, "
		"3 no server.\nEnvironment: DROVER_SERVER, DROVER_TOKEN, NO_COLOR; `serve` takes "
		"DROVER_NAME for each --name.\n");
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

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[ARRAY_LEN(cli_commands)];
	for (size_t i = 0; i < ARRAY_LEN(cli_commands); i++)
		names[i] = cli_commands[i]->name;
	const char *nearest = fields_nearest(str_of(name), names, ARRAY_LEN(names));
	fprintf(stderr, "drover: there is no command '%s'%s%s%s; 'drover help' lists them\n", name,
		nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	return CLI_USAGE;
}

/* "help", "help COMMAND" */
static int help_run(int argc, char **argv)
{
	if (argc < 2) {
		help(stdout);
		return CLI_OK;
	}
	const struct command *c = find(argv[1]);
	char *ask[] = {argv[1], (char[]){"--help"}, NULL};
	return c ? c->run(2, ask) : unknown(argv[1]);
}

/* What was printed must have gone out: a full disk is a failure. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "drover: can't write: %s\n", strerror(errno));
	return status == CLI_OK ? CLI_FAILED : status;
}

int main(int argc, char **argv)
{
	uvmem_install();
	if (argc < 2) {
		help(stderr);
		return CLI_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return finish(help_run(argc - 1, argv + 1));
	if (strcmp(name, "--version") == 0)
		name = "version";
	const struct command *c = find(name);
	return c ? finish(c->run(argc - 1, argv + 1)) : unknown(name);
}
