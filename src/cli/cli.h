/*
 * The command line: a table of subcommands, each a client of the HTTP API unless it says that it
 * works without a server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/opts.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the run failed, the document is not valid, … */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3, /* no server there */
};

struct command {
	const char *name;
	const char *usage;   /* arguments in short */
	const char *summary; /* one line */
	/* argv[0] is the command's name; the result is the exit status */
	int (*run)(int argc, char **argv);
};

/* Options that every command which talks to a server has. */
struct cli_common {
	const char *server; /* --server, else DROVER_SERVER, else http://127.0.0.1:9002 */
	const char *token;  /* DROVER_TOKEN */
	const char *project;
	bool json;
};

void cli_common_init(struct cli_common *c);

#define CLI_SERVER_OPTS(c)                                                                         \
	{"server", 0, OPT_TEXT, &(c).server, "URL", "the service (else $DROVER_SERVER)"},          \
	{                                                                                          \
		"project", 'p', OPT_TEXT, &(c).project, "NAME", "project (default: default)"       \
	}
#define CLI_COMMON_OPTS(c)                                                                         \
	CLI_SERVER_OPTS(c),                                                                        \
	{                                                                                          \
		"json", 0, OPT_FLAG, &(c).json, NULL, "print the service's JSON"                   \
	}

/*
 * Parses for a command and handles --help. Returns true to go on; else *ret_exit is the status to
 * return. Fewer positionals than `least` or more than `most` is a usage error.
 */
bool cli_parse(const struct command *command, const struct opt *opts, size_t n, int argc,
	       char **argv, struct opt_list *rest, size_t least, size_t most, int *ret_exit);

/* One per file in this folder. */
extern const struct command cmd_serve, cmd_demo, cmd_apply, cmd_diff, cmd_lint, cmd_workflows,
	cmd_run, cmd_runs, cmd_show, cmd_why, cmd_watch, cmd_logs, cmd_artifacts, cmd_cancel,
	cmd_retry, cmd_move, cmd_pause, cmd_resume, cmd_skip, cmd_signal, cmd_agents, cmd_approvals,
	cmd_approve, cmd_reject, cmd_agent, cmd_schedules, cmd_eval, cmd_validate, cmd_cron,
	cmd_doctor, cmd_version, cmd_completion, cmd_unknown, cmd_resolve, cmd_items;

extern const struct command *const cli_commands[];
extern const size_t cli_n_commands;
