/*
 * What an attempt is started with: its agent, its resolved inputs and workspace, and that they are
 * what was approved. Private to src/engine.
 */
#pragma once

#include "engine/run/attempt_end.h"

struct attempt_input { /* text in the current transaction */
	struct str input, workspace;
};

/* Finds the agent (a reference is the attempt's from then on) and resolves; false with the end of
 * the attempt when it can't be started. */
bool attempt_input_prepare(struct attempt *a, struct attempt_input *ret, struct verdict *end);
