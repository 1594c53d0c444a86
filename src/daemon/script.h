/* What a SCRIPT attempt is given: its arguments, environment and standard input (contract section
 * 4). Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "engine/executor.h"

/* The command as a NULL-ended list; NULL when the JSON is no list of strings. */
const char *const *script_argv(struct arena *a, struct str command);

/* NULL-ended "NAME=value". */
const char *const *script_env(struct arena *a, const struct attempt_start *start);

/* The JSON document for standard input. */
void script_stdin(const struct attempt_start *start, struct buf *out);
