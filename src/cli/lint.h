/*
 * Judging workflow files as the service would, without one: an engine over a store in memory with
 * the agents that come with drover and those of the folders given. One thread.
 */
#pragma once

#include "base/diag.h"
#include "base/str.h"

struct lint;

/* NULL after saying why on stderr (a folder that is none). A wrong manifest is said there too. */
struct lint *lint_new(const char *const *agent_dirs, size_t n);
void lint_free(struct lint *l);

/* Adds every finding about the document, YAML or JSON by `json`, with its place. */
void lint_text(struct lint *l, struct str text, bool json, struct diag *d);
