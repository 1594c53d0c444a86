/* The service: everything wired together on one loop, from start to clean end. */
#pragma once

#include "daemon/config.h"

/*
 * Runs until SIGTERM or SIGINT. The exit status: 0 after a clean end, 1 when it could not start
 * (said on stderr with the mend). Attempts that run at the end are killed; the next start takes
 * them up again.
 */
int service_run(const struct config *config);
