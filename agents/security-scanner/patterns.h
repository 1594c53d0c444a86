/* The rules' patterns, compiled when first needed, matched with a limit of steps. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "rules.h"

struct patterns;

struct patterns *patterns_new(void);
struct patterns *patterns_free(struct patterns *p);

/* A piece of a line. */
struct patterns_subject {
	struct str text;
	bool cut_start, cut_end; /* the line goes on there */
};

struct patterns_match {
	size_t start, end;		 /* the whole match */
	size_t secret_start, secret_end; /* the rule's secret group */
};

enum patterns_result { PATTERNS_NONE, PATTERNS_FOUND, PATTERNS_GAVE_UP };

/* The first match of the rule that starts at `from` or later. */
enum patterns_result patterns_find(struct patterns *p, size_t rule,
				   const struct patterns_subject *s, size_t from,
				   struct patterns_match *ret);

/* Whether the rule's `unless` matches. */
bool patterns_unless(struct patterns *p, size_t rule, const struct patterns_subject *s);
