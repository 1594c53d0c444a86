/*
 * `drover validate --lines`: one JSON request a line in, one JSON answer a line out.
 *
 *   {"schema": SCHEMA, "data": DATA, "format": BOOL?}
 *     → {"valid": BOOL, "errors": [{"path": "items[2].name", "message": "must be ..."}]}
 *     → {"error": {"message": ..., "position": BYTE}}                   malformed line
 *     → {"error": {"message": ..., "path": ..., "errors": [...]}}       the schema is wrong
 *
 * "format": true asserts formats in that request. The last compiled schema is kept, so lines that
 * repeat a schema pay for it once.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct validate_lines;

/* Owned; free with validate_lines_free(), which returns NULL. assert_format: the default of
 * "format". One thread at a time. */
struct validate_lines *validate_lines_new(bool assert_format);
struct validate_lines *validate_lines_free(struct validate_lines *v);

/* Appends the answer, without a newline. Never fails: whatever is wrong is in the answer. */
void validate_lines_answer(struct validate_lines *v, struct str request, struct buf *out);
