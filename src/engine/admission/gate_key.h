/* The concurrency key of a new run. Private to src/engine. */
#pragma once

#include "base/diag.h"
#include "engine/state.h"

/* The resolved key, empty when its workflow has none; in the engine's scratch memory. False with a
 * finding at concurrency.key when it can't be resolved. */
bool gate_key_resolve(const struct run *r, struct str *ret, struct diag *d);
