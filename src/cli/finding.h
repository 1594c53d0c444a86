/* A finding about a document, for people. One thread. */
#pragma once

#include <stdio.h>

#include "base/str.h"

struct finding {
	struct str path, message;
	int line, column; /* 1-based; 0 = unknown */
};

/*
 * "FILE:LINE:COLUMN: path: message", then the line itself with a caret below the place. `file` is
 * NULL when the document is none; `text` is the document's, empty when it is not at hand.
 */
void finding_print(FILE *to, const char *file, struct str text, const struct finding *f);
