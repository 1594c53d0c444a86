/*
 * YAML 1.2 text to value, by libyaml's events. One document, one meaning:
 *
 *   - Scalars resolve by the core schema of YAML 1.2: true false null ~, integers (also 0o17 and
 *     0x1f), floats. yes, no, on and off are strings; so is everything quoted or in a block.
 *   - Refused, with their place: anchors and aliases, merge keys (<<), tags but the core ones
 *     (!!str !!int !!float !!bool !!null !!seq !!map, where they fit), .inf and .nan (JSON has
 *     neither), duplicate keys, keys that are no text (a number as a key is taken as its text), a
 *     second document, U+0085 U+2028 U+2029 as they are (1.1 and 1.2 read them differently),
 *     invalid UTF-8, nesting above LIMIT_YAML_DEPTH, text above LIMIT_YAML_BYTES.
 *   - Surrogate pairs as \u escapes are no YAML: write the character, or \U0001F600.
 *
 * Pure; no recursion; any thread. Columns count code points, from 1.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "json/value.h"

/* Where the values of a document stand in its text. Lives in the arena. */
struct yaml_places;

enum yaml_outcome {
	YAML_REFUSED = 1, /* the findings say why */
};

/*
 * 0 with *ret, YAML_REFUSED with at least one finding more in d (all with line and column), or
 * -ENOMEM. *ret_places (may be NULL) is set in the first two cases.
 */
int yaml_parse(struct arena *a, struct str text, struct diag *d, struct value *ret,
	       struct yaml_places **ret_places);

/*
 * The place of a path ("nodes[1].dependsOn[0]"; "" is the document), or of its nearest ancestor
 * that is there: the key of a member, the first character of an item. places may be NULL: false.
 */
bool yaml_place(const struct yaml_places *places, const char *path, int *ret_line, int *ret_column);

/* Gives every finding without a line the place of its path. */
void yaml_place_findings(const struct yaml_places *places, struct diag *d);
