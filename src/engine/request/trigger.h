/* Making runs. Private to src/engine. */
#pragma once

#include "engine/state.h"

/* By id or by name; NULL when there is none. */
struct workflow *trigger_workflow_named(struct engine *e, struct str project, struct str name);

/* Whether n more open runs of the project are allowed; says why not. */
bool trigger_has_room(struct engine *e, struct str project, size_t n, struct diag *d);

/* Whether a run of the plan may have this context; says why not. */
bool trigger_judge_context(const struct plan *plan, const struct value *context, struct diag *d);

/* run.trigger as JSON. */
struct str trigger_text(struct arena *a, struct str type, struct str by, struct str parent_run_id);

struct new_run {
	struct plan *plan;
	struct workflow *workflow;
	struct str context, trigger; /* JSON */
	struct str parent_run_id;
	const int64_t *priority; /* NULL = the plan's */
	struct child *caller;	 /* the node that calls it, or NULL */
};

/* A run with its row and first event: RUNNING, its nodes not judged yet; PENDING when it has to
 * wait for its turn; or CANCELLED when its onLimit is skip. NULL with a finding, and no row, when
 * its concurrency key can't be resolved. One that is called is linked to its caller and has no rows
 * before trigger_enter(). */
struct run *trigger_run(struct engine *e, const struct new_run *n, struct diag *d);

/* The called run comes to its gate, with its first rows; skipped, it ends and its caller is told.
 */
void trigger_enter(struct run *r, struct str parent_run_id);
