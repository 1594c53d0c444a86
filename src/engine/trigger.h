/* Making runs. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* By id or by name; NULL when there is none. */
struct workflow *trigger_workflow_named(struct engine *e, struct str project, struct str name);

/* Whether one more open run is allowed. */
bool trigger_has_room(const struct engine *e);

/* Whether a run of the plan may have this context; says why not. */
bool trigger_judge_context(const struct plan *plan, const struct value *context, struct diag *d);

/* A RUNNING run with its row and first event; the nodes are not judged yet. context: JSON. */
struct run *trigger_run(struct engine *e, struct plan *plan, struct workflow *w, struct str context,
			struct str type, struct str by, struct str parent_run_id);

/* The same with the whole of run.trigger as JSON. */
struct run *trigger_run_as(struct engine *e, struct plan *plan, struct workflow *w,
			   struct str context, struct str trigger, struct str parent_run_id);
