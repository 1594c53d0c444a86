/*
 * The ignore rules in force at one place of the walk, as gitignore(5) has them: files nearer to
 * the entry win, within a file the last match wins, ! takes back, a folder that is ignored is not
 * entered. What git's index holds is not known here: a committed file that an ignore rule names is
 * skipped too. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

struct ignore_rule;

struct ignore {
	struct ignore_rule *rules;
	size_t n, cap;
};

void ignore_fini(struct ignore *ig);

/*
 * Puts the patterns of one file in force for what lies below `base` ("" or "a/b/"). The patterns
 * live in the arena, which must outlive their being in force; take them back with ignore_drop()
 * and the n of before. False when some were too long or too many and were left out.
 */
bool ignore_add(struct ignore *ig, struct arena *a, struct str base, struct str text);
void ignore_drop(struct ignore *ig, size_t n);

/* One pattern that stands by itself, as in the scan's include and exclude. */
bool ignore_add_pattern(struct ignore *ig, struct arena *a, struct str base, struct str line);

/* Whether the entry (path from the root, without a slash at its end) is ignored. */
bool ignore_check(const struct ignore *ig, struct str path, bool is_dir);
