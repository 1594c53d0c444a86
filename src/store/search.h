/*
 * Looking for a text in many others, ASCII case ignored, as lists of runs do. One thread.
 *
 *   search_begin(&s, arena, text, &folded);
 *   ... search_in(&s, hay) ...
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"

struct search {
	struct str text; /* folded, in the arena */
	struct buf *folded;
};

/* *folded keeps its memory from search to search; its owner frees it. */
void search_begin(struct search *s, struct arena *a, struct str text, struct buf *folded);

/* Whether the text is a part of hay; an empty text is. */
bool search_in(const struct search *s, struct str hay);
