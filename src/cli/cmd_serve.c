/* serve: its options are the table of daemon/config.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "daemon/config.h"
#include "daemon/service.h"

/* A row of the option table as the parser wants it. A list is collected apart. */
static struct opt as_opt(const struct config_option *o, struct config *config,
			 struct opt_list *list)
{
	static const enum opt_kind kinds[] = {OPT_TEXT, OPT_LIST, OPT_FLAG, OPT_INT};
	void *field = (char *)config + o->offset;
	return (struct opt){
		.name = o->name,
		.kind = kinds[o->kind],
		.to = o->kind == CONFIG_LIST ? (void *)list : field,
		.arg = o->arg,
		.help = o->help,
	};
}

static int serve_run(int argc, char **argv)
{
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	struct config config;
	config_defaults(&config);
	struct opt *opts = ARENA_NEW_ARRAY(&a, struct opt, config_n_options);
	struct opt_list *lists = ARENA_NEW_ARRAY(&a, struct opt_list, config_n_options);
	for (size_t i = 0; i < config_n_options; i++)
		opts[i] = as_opt(&config_options[i], &config, &lists[i]);
	int status;
	if (!cli_parse(&cmd_serve, opts, config_n_options, argc, argv, &rest, 0, 0, &status))
		return status;
	for (size_t i = 0; i < config_n_options; i++)
		if (config_options[i].kind == CONFIG_LIST)
			*(struct config_list *)((char *)&config + config_options[i].offset) =
				(struct config_list){lists[i].items, lists[i].n};
	struct diag d;
	diag_init(&d, &a);
	config_complete(&config, &a, &d);
	for (size_t i = 0; i < d.n; i++)
		fprintf(stderr, "drover serve: %s: %s\n", d.findings[i].path,
			d.findings[i].message);
	status = diag_ok(&d) ? service_run(&config) : CLI_USAGE;
	for (size_t i = 0; i < config_n_options; i++)
		opt_list_free(&lists[i]);
	return status;
}

const struct command cmd_serve = {"serve", "[OPTIONS]",
				  "run the service: HTTP API, engine and worker", serve_run};
