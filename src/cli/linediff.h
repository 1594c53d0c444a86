/* A unified diff of two texts, line by line, for people. Pure but for printing. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Prints the differences with three lines of context on stdout; nothing when there are none.
 * Whether the texts differ. Texts of up to 5,000 lines are compared exactly, longer ones as a
 * whole. */
bool linediff_print(struct str before, struct str after, const char *before_name,
		    const char *after_name);
