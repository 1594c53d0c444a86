/*
 * How many columns of a terminal text takes: two for East Asian wide characters and emoji, none for
 * combining marks, one for the rest. For text that escape_terminal() made. Pure.
 */
#pragma once

#include <stddef.h>

#include "base/str.h"

size_t columns_of(struct str text);

/* Bytes of the longest beginning, or end, that takes at most so many columns. */
size_t columns_begin(struct str text, size_t columns);
size_t columns_end(struct str text, size_t columns);
