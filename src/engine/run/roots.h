/* What templates see of a run: context, nodes, run, workflow, project; the filter of a wait also
 * event, the items of a node with forEach also item and index. Private to src/engine. */
#pragma once

#include "engine/state.h"

enum { ROOTS_OF_RUN = UINT32_MAX };

struct roots {
	struct run *run;
	uint32_t index; /* of the node whose templates are resolved; or ROOTS_OF_RUN: its output */
	struct arena *arena;
	const struct value *event; /* that a wait's filter is asked about; else NULL */
};

struct resolve_roots roots_env(struct roots *r);
