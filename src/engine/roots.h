/* What templates see of a run: context, nodes, run, workflow, project. Private to src/engine. */
#pragma once

#include "engine/state.h"

struct roots {
	struct run *run;
	uint32_t index; /* of the node whose templates are resolved */
	struct arena *arena;
};

struct resolve_roots roots_env(struct roots *r);
