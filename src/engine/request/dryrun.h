/* What a run would do, without doing it. Private to src/engine. */
#pragma once

#include "engine/catalog.h"
#include "engine/engine.h"
#include "engine/plan/plan.h"

/*
 * An OK reply with `json` in the arena:
 *   {"nodes": [{"id", "agent", "action", "level", "dependsOn", "when", "inputs", "resolved"}],
 *    "findings": [{"path", "message"}]}
 * Nodes come in the order in which they can start. `inputs` are resolved as far as the context
 * tells (`resolved` true), else as they were written; `when` is true, false, or null when it hangs
 * on a result. Findings are what would fail for certain.
 */
struct engine_reply dryrun(const struct catalog *c, const struct plan *plan,
			   const struct value *context, int64_t now_ms, struct arena *a);
