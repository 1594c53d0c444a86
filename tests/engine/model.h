/*
 * An independent, naive judge of a finished run: from the definition and the rows alone it works
 * out what every node must have become. It shares no code with the engine but the JSON parser.
 *
 * It understands conditions of the form {{ context.NAME }} and inputs of the form
 * {"v": "{{ nodes.ID.output.n }}"}; it takes it that events whose name begins with "s." come as
 * signals only, and those with "e." as events only.
 */
#pragma once

#include "base/arena.h"
#include "engine/store.h"

/* NULL when all is as it must be, else what is wrong (in the arena). */
const char *model_judge(struct arena *a, const struct run_detail *run,
			const struct event_row *events, size_t n_events);
