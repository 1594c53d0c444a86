/* The result as JSON (the agent's output) or as lines for people. Pure. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "findings.h"
#include "walk.h"

/* The findings must be sorted. */
void report_json(struct buf *out, const struct findings *f, const struct walk_result *r,
		 int64_t duration_ms);
void report_text(struct buf *out, const struct findings *f, const struct walk_result *r,
		 int64_t duration_ms);

/*
 * The rules' patterns as POSIX extended regular expressions (GNU), one a line, for grep -f. Long
 * counted repeats are written as * or +, which spares grep and finds the same or more.
 */
void report_patterns(struct buf *out);

/* id, severity, category and title of each rule. */
void report_rules(struct buf *out);
