/* Deleting runs, a few at a time. The writing connection's thread. */
#pragma once

#include "engine/store.h"
#include "store/sqlite/sqlwrite.h"

/* Applies one step and says in *op->ret what it did, with text in `a`. SQLite's result code. */
int sqlprune_step(struct sqlwrite *w, struct arena *a, const struct prune *op);
