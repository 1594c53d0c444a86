/* What a start makes of the store's rows. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* Reads agents, workflows and open runs and drives what is unfinished. 0 or a negative errno. */
int recover(struct engine *e);
