/* What a run would do. Private to src/engine. */
#pragma once

#include "engine/engine.h"
#include "engine/plan.h"

/* An OK reply with `json`, in the arena. */
struct engine_reply dryrun(const struct plan *plan, const struct value *context, struct arena *a);
