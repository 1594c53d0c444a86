/* The agents that come with drover and those of the operator's folders, registered idempotently
 * at start. Loop thread. */
#pragma once

#include <stdbool.h>

#include "agents/builtin.h"
#include "engine/engine.h"

struct uv_loop_s;

/*
 * Saves every agent found under the roots (one with a wrong manifest is logged and left out) and
 * runs the loop until all of it is durable.
 */
void register_agents(struct engine *engine, struct uv_loop_s *loop,
		     const struct agent_roots *roots);
