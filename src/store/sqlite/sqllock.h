/* The lock file beside a database: two processes never write one file. */
#pragma once

#include "base/buf.h"

/*
 * Takes FILE.lock (flock: it goes with the process, however that ends) and writes the pid into it.
 * The descriptor, or a negative errno with a sentence in *ret_reason; -EBUSY names the pid that
 * holds it. Closing the descriptor gives it back; the file stays.
 */
int sqllock_take(const char *path, struct buf *ret_reason);
