/* What the agents of a run wrote. One thread. */
#pragma once

#include "cli/client.h"

/* Prints the lines of all nodes that are there, each with its node's id. The exit status. */
int logs_print(struct client *c, const struct cli_common *common, struct str run_id);
