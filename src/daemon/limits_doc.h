/* The limits of an attempt from the agent's and the node's documents. Pure. */
#pragma once

#include "base/str.h"
#include "exec/sandbox/sandbox.h"

/*
 * Overwrites in *limits what the JSON object names: memory, tmp, output, fileSize (sizes like
 * "512Mi"), cpu (cores), pids, files. "" changes nothing. False when a value can't be read (such
 * documents are refused when they are saved, so this says that a row was changed by hand).
 */
bool limits_doc_apply(struct sandbox_limits *limits, struct str json);
