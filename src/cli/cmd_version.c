/* version. */
#include <stdio.h>

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
