/*
 * What two definitions of a workflow differ in, as JSON and as lines for people. Both are in their
 * normal form, as they were saved. Any thread.
 */
#pragma once

#include "base/buf.h"
#include "json/value.h"

/*
 * {"same": true|false,
 *  "workflow": [{"field", "from", "to"}],
 *  "nodes": {"added": [ID], "removed": [ID], "changed": [{"id", "fields": [{"field", ...}]}],
 *            "reordered": true|false}}
 * A field is a path ("inputs.message", "retry.maxAttempts", "dependsOn"); `from` is left out when
 * it was not there before, `to` when it is no more. Borrows from both definitions.
 */
struct value diff_definitions(struct arena *a, const struct value *from, const struct value *to);

/* The fields in which two nodes (or other objects) differ: an array as above. */
struct value diff_fields(struct arena *a, const struct value *from, const struct value *to);

/* Lines: "~" changed, "+" added, "-" removed; none when they are the same. */
void diff_text(const struct value *diff, struct buf *out);
