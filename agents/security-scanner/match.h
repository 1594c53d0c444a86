/*
 * One file against the rules: prefilter, then each candidate's pattern on its line (or on a
 * window of a long line), then what only code can judge. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "findings.h"
#include "rules.h"

struct matcher;

struct matcher_options {
	bool categories[CATEGORY_COUNT];
	enum severity least;
	bool every_language; /* all rules on all files: for the benchmark */
	bool no_prefilter;   /* every pattern on every line: for the test of the prefilter */
};

struct matcher *matcher_new(const struct matcher_options *o, struct findings *to);
struct matcher *matcher_free(struct matcher *m);

/*
 * Adds what is found in the file's text (with PREFILTER_PAD zero bytes behind it); name is the
 * path's last component as it is on disk, shown the path as it is to be reported. False when a
 * pattern used up its steps somewhere, so that something may have been missed.
 */
bool matcher_scan(struct matcher *m, struct str shown, struct str name, struct str text);
