/* The whole content of a store as text, for comparing stores in tests and by eye. */
#pragma once

#include "base/buf.h"
#include "engine/store.h"

/*
 * Appends every agent, workflow, version, run with its nodes and attempts, event and log row that
 * the reader sees, one a line, in a fixed order: two stores with the same content give the same
 * text. Idempotency keys can't be listed and are left out. The reader's thread. 0 or what the
 * reader said.
 */
int dump_store(struct store_reader *r, struct buf *out);
