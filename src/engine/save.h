/* Rows of what is saved. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* Adds the workflow's row; its text is copied. */
void workflow_emit(struct engine *e, const struct workflow_row *row);
