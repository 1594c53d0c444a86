/*
 * What was found, in bounded memory: all of it is counted; of more than `most` the gravest are
 * kept, and among equals the first by (file, line, column, rule), whatever order they came in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "rules.h"

struct finding {
	const struct rule *rule;
	char *file; /* as shown */
	uint64_t line, column;
	char *excerpt;
};

struct findings {
	struct finding *items; /* a heap, worst first, until findings_sort() */
	size_t n, cap, most;
	uint64_t count[SEVERITY_COUNT];
};

void findings_fini(struct findings *f);

/* Counts it; the kept finding, whose excerpt the caller is to set (owned), or NULL. */
struct finding *findings_add(struct findings *f, const struct rule *rule, struct str file,
			     uint64_t line, uint64_t column);

/* Puts the excerpt in and the heap in order: to be called after each findings_add() that kept. */
void findings_settle(struct findings *f, char *excerpt);

/* By file, line, column, rule; nothing may be added after. */
void findings_sort(struct findings *f);

uint64_t findings_total(const struct findings *f);
