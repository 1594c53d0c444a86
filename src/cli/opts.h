/*
 * Command-line options of one subcommand, from a table. Understands --name value, --name=value,
 * -x value, grouped short flags, and -- (all after it is positional). One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
	OPT_FLAG, /* bool * */
	OPT_TEXT, /* const char ** */
	OPT_LIST, /* struct opt_list *: may be given again */
	OPT_INT,  /* int64_t * */
};

struct opt_list {
	const char **items;
	size_t n;
};

struct opt {
	const char *name; /* without the dashes */
	char letter;	  /* 0 = none */
	enum opt_kind kind;
	void *to;
	const char *arg; /* what the value is called in the help; NULL for flags */
	const char *help;
};

struct command; /* see cli/cli.h */

/* Frees what opts_parse() allocated in list options and `rest`. */
void opt_list_free(struct opt_list *l);
void opt_list_add(struct opt_list *l, const char *item);
#define CLEANUP_OPT_LIST CLEANUP(opt_list_free)

/*
 * Parses argv[1..argc). Positional arguments go to *rest. False after an error was printed on
 * stderr (usage error: exit status 2). *ret_help is set by -h and --help, which end the parsing.
 */
bool opts_parse(const char *command, const struct opt *opts, size_t n, int argc, char **argv,
		struct opt_list *rest, bool *ret_help);

/* Prints the table as help lines. */
void opts_help(const struct opt *opts, size_t n);
