/* Deleting runs, a few at a time. One thread. */
#pragma once

#include "store/mem/memdb.h"

/* Applies one step and says in *op->ret what it did, with text in `a`. */
void memprune_step(struct memdb *s, struct arena *a, const struct prune *op);
