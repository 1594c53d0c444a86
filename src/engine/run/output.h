/* What a run gives when it ends well: the value of its workflow's `output`. Private to
 * src/engine. */
#pragma once

#include "engine/state.h"

/* Resolves the template; "" when the workflow has none. JSON in the current transaction. False with
 * the code and message of the error (in the scratch arena of the step). */
bool output_resolve(struct run *r, struct str *ret, const char **ret_code, struct str *ret_message);

/* What the node that called the run gets: `resolved`, or {"nodes": {ID: output}} of the nodes that
 * succeeded when the workflow has no output. */
struct str output_for_caller(struct run *r, struct str resolved);
