/*
 * Tells comments and strings from code, well enough for a linter: quotes end at the line's end
 * (except where the language lets them run on), regular expressions are not understood. Pure.
 */
#pragma once

#include <stddef.h>

#include "lang.h"

enum lexer_state {
	LEXER_CODE,
	LEXER_LINE_COMMENT,
	LEXER_BLOCK_COMMENT,
	LEXER_STRING, /* ends with the line */
	LEXER_LONG_STRING,
};

struct lexer {
	enum lang lang;
	enum lexer_state state;
	char quote;
	size_t at; /* state is that of the byte here */
};

static inline struct lexer lexer_start(enum lang lang)
{
	return (struct lexer){.lang = lang};
}

/* Goes on to `to`, at most n; never back. */
void lexer_advance(struct lexer *x, const char *text, size_t n, size_t to);
