/* Following and showing one run; used by several commands. One thread. */
#pragma once

#include "base/str.h"
#include "cli/client.h"

/*
 * Prints the run's events as they come until it ends, then the run itself. The exit status:
 * CLI_OK for SUCCESS, CLI_FAILED for any other end. `quiet` leaves the closing table out.
 */
int watch_run(struct client *c, const struct cli_common *common, struct str run_id, bool quiet);

/* Fetches and prints a run; hands the answer over when ret is not NULL (response_free() it). */
int watch_show(struct client *c, const struct cli_common *common, struct str run_id,
	       struct response *ret);
