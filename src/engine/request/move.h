/*
 * A run moves to another version of its workflow. Private to src/engine.
 *
 * What has begun stays as it is, so it must be the same in both versions: every node that ended,
 * runs, waits or is queued is there, and differs in nothing but what says how long and how often
 * it is tried (description, timeout, retry, limits), which holds from its next attempt on. What has
 * not begun is the new version's business: it may be gone, new, or other. A question to people is
 * bound to the version it was asked in: it is void and asked anew.
 *
 * The rows follow in the same transaction (TXN_RUN_MOVE), so a restart finds the run in the one
 * version or the other, never between. In memory the nodes get the indexes of the new plan; the
 * plans that the run had live as long as it does.
 */
#pragma once

#include "engine/state.h"

/* Frees the plans that the run had before: it goes. */
void move_forget(struct run *r);
