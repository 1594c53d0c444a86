/* completion: scripts that ask `drover COMMAND --help` for a command's options, so that they know
 * what this program knows. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cli.h"

static const char bash_script[] =
	"_drover() {\n"
	"\tlocal word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}\n"
	"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$_drover_commands\" -- \"$word\"))\n"
	"\telif [[ $word == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$(drover \"$command\" --help 2>/dev/null |\n"
	"\t\t\tgrep -oE -e '--[a-z][a-z-]*' | sort -u)\" -- \"$word\"))\n"
	"\tfi\n"
	"}\n"
	"complete -o default -F _drover drover\n";

static void print_commands(void)
{
	printf("_drover_commands='");
	for (size_t i = 0; i < cli_n_commands; i++)
		printf("%s%s", i ? " " : "", cli_commands[i]->name);
	printf("'\n");
}

static void print_fish(void)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		printf("complete -c drover -n __fish_use_subcommand -f -a %s -d \"%s\"\n",
		       cli_commands[i]->name, cli_commands[i]->summary);
	printf("complete -c drover -n 'not __fish_use_subcommand' -a "
	       "'(drover (commandline -opc)[2] --help 2>/dev/null | "
	       "string match -rag -- \"(--[a-z][a-z-]*)\")'\n");
}

static int completion_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	int status;
	if (!cli_parse(&cmd_completion, NULL, 0, argc, argv, &rest, 1, 1, &status))
		return status;
	if (strcmp(rest.items[0], "fish") == 0) {
		print_fish();
		return CLI_OK;
	}
	bool zsh = strcmp(rest.items[0], "zsh") == 0;
	if (!zsh && strcmp(rest.items[0], "bash") != 0) {
		fprintf(stderr, "drover completion: knows bash, zsh and fish, not '%s'\n",
			rest.items[0]);
		return CLI_USAGE;
	}
	if (zsh)
		printf("autoload -U +X bashcompinit && bashcompinit\n");
	print_commands();
	printf("%s", bash_script);
	return CLI_OK;
}

const struct command cmd_completion = {"completion", "bash|zsh|fish",
				       "print a shell completion script", completion_run};
