/* Random workflows for the simulation, as JSON that the model understands. */
#pragma once

#include "base/buf.h"
#include "base/rng.h"

/* Conditions ask for context.w0 … w3. */
enum { SIM_FLAGS = 4 };

/* sim_retry.c: members of a node's `retry`, and of the node. */
void sim_put_retry(struct rng *rng, struct buf *out);
void sim_put_timeouts(struct rng *rng, struct buf *out);

/* Its nodes may call the workflows w0 … up to n_callable. */
void sim_graph(struct rng *rng, const char *name, size_t n_callable, struct buf *out);
