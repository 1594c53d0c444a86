/*
 * The read-only base system that every sandbox gets a copy of: /usr and its like bound from the
 * host, a handful of files in /etc and /dev, and empty places for what is private.
 */
#pragma once

#include "exec/supervisor/wire.h"

/* Where the base hangs in the supervisor's own mount namespace: nothing else needs this place. */
#define ROOTFS_PLACE "/sys"

/*
 * Builds the base at ROOTFS_PLACE. STEP_NONE, or the step that failed with *ret_error set. Tests
 * name a step that fails.
 */
enum wire_step rootfs_build(enum wire_step fail_step, int *ret_error);
