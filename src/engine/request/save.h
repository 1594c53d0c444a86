/* Rows of what is saved. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* Adds the workflow's row; its text is copied. */
void workflow_emit(struct engine *e, const struct workflow_row *row);

/* The plan becomes the newest version of the workflow; NULL = of a new one. Rows are added. */
void workflow_save_plan(struct engine *e, struct plan *plan, const struct workflow *old);
