/* version, completion. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cli.h"

static int version_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	bool json = false;
	const struct opt opts[] = {{"json", 0, OPT_FLAG, &json, NULL, "as JSON"}};
	int status;
	if (!cli_parse(&cmd_version, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	if (json)
		printf("{\"version\":\"%s\"}\n", DROVER_VERSION);
	else
		printf("drover %s\n", DROVER_VERSION);
	return CLI_OK;
}

const struct command cmd_version = {"version", "", "print the version", version_run};

static void print_names(void)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		printf(" %s", cli_commands[i]->name);
}

static int completion_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	int status;
	if (!cli_parse(&cmd_completion, NULL, 0, argc, argv, &rest, 1, 1, &status))
		return status;
	if (strcmp(rest.items[0], "bash") == 0) {
		printf("complete -o default -W \"");
		print_names();
		printf("\" drover\n");
	} else if (strcmp(rest.items[0], "zsh") == 0) {
		printf("#compdef drover\n_arguments \"1:command:(");
		print_names();
		printf(")\" \"*:file:_files\"\n");
	} else if (strcmp(rest.items[0], "fish") == 0) {
		for (size_t i = 0; i < cli_n_commands; i++)
			printf("complete -c drover -n __fish_use_subcommand -a %s -d '%s'\n",
			       cli_commands[i]->name, cli_commands[i]->summary);
	} else {
		fprintf(stderr, "drover completion: for bash, zsh or fish\n");
		return CLI_USAGE;
	}
	return CLI_OK;
}

const struct command cmd_completion = {"completion", "bash|zsh|fish",
				       "print a shell completion script", completion_run};
