/* Random workflows for the simulation, as JSON that the model understands. */
#pragma once

#include "base/buf.h"
#include "base/rng.h"

/* Conditions ask for context.w0 … w3. */
enum { SIM_FLAGS = 4 };

void sim_graph(struct rng *rng, const char *name, struct buf *out);
