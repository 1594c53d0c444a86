/* What is asked of the scanner: the agent's request on stdin. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"
#include "match.h"
#include "walk.h"

struct request {
	struct matcher_options match;
	struct walk_options walk;
	uint64_t findings_most;
};

/* All categories, all severities, the default bounds. */
struct request request_default(void);

/*
 * Reads {"action": "scan", "input": {...}, "context": {...}}. What is wrong goes into diag; the
 * request's strings live in the arena.
 */
void request_parse(struct arena *a, struct str text, struct diag *diag, struct request *ret);

/* By name; false when there is none. "all" is every category. */
bool request_add_category(struct request *r, struct str name);
bool request_set_severity(struct request *r, struct str name);
