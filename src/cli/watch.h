/* Following and showing one run; used by several commands. One thread. */
#pragma once

#include "base/str.h"
#include "cli/client.h"

/*
 * Prints the run's events as they come until it ends, then the run itself. The exit status:
 * CLI_OK for SUCCESS, CLI_FAILED for any other end. `quiet` leaves the closing table out.
 */
int watch_run(struct client *c, const struct cli_common *common, struct str run_id, bool quiet);

/* Fetches and prints a run; the exit status. */
int watch_show(struct client *c, const struct cli_common *common, struct str run_id);

/* Appends "/api/runs/ID" + tail + "?project=…". */
void watch_path(struct buf *path, const struct cli_common *common, struct str run_id,
		const char *tail);

/*
 * The id that an argument means: an id as it is, else the one run among the newest 500 whose id
 * begins with it (at least 4 characters). *ret_id is in the arena. The exit status.
 */
int watch_resolve(struct client *c, const struct cli_common *common, struct arena *a,
		  const char *arg, struct str *ret_id);
