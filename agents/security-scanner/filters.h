/* What tells a real value from a placeholder, behind the patterns. Pure. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "lang.h"
#include "patterns.h"
#include "rules.h"

/*
 * Whether the match is worth a finding. `line` is the piece of the line the match lies in, `after`
 * the text of the file behind the match's line piece start (for what spans lines).
 */
bool filters_pass(const struct rule *r, enum lang lang, struct str line, struct str after,
		  const struct patterns_match *m);
