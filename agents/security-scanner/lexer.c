#include "lexer.h"

#include <stdbool.h>
#include <string.h>

enum syntax {
	SLASH = 1,	/* double slash to the line's end, slash-star blocks */
	HASH = 2,	/* # */
	HASH_SPACE = 4, /* # at the line's start or after a space */
	TRIPLE = 8,	/* """ and ''' */
	BACKTICK = 16,	/* runs over lines */
	ANGLE = 32,	/* <!-- --> */
	QUOTES = 64,	/* " */
	APOSTROPHE = 128,
};

static const unsigned syntaxes[LANG_COUNT] = {
	[LANG_C] = SLASH | QUOTES | APOSTROPHE,
	[LANG_GO] = SLASH | QUOTES | APOSTROPHE | BACKTICK,
	[LANG_JAVA] = SLASH | QUOTES | APOSTROPHE,
	[LANG_JS] = SLASH | QUOTES | APOSTROPHE | BACKTICK,
	[LANG_PY] = HASH | QUOTES | APOSTROPHE | TRIPLE,
	[LANG_PHP] = SLASH | HASH | QUOTES | APOSTROPHE,
	[LANG_RUBY] = HASH_SPACE | QUOTES | APOSTROPHE,
	[LANG_SHELL] = HASH_SPACE | QUOTES | APOSTROPHE,
	[LANG_CS] = SLASH | QUOTES | APOSTROPHE,
	[LANG_PERL] = HASH_SPACE | QUOTES | APOSTROPHE,
	[LANG_RUST] = SLASH | QUOTES,
	[LANG_HTML] = ANGLE,
	[LANG_YAML] = HASH_SPACE,
	[LANG_ENV] = HASH_SPACE,
	[LANG_CONF] = HASH_SPACE | ANGLE,
	[LANG_DOCKER] = HASH_SPACE,
};

static bool at_word(const char *text, size_t n, size_t at, const char *word, size_t len)
{
	return n - at >= len && memcmp(text + at, word, len) == 0;
}

static bool opens_hash(unsigned s, const char *text, size_t at)
{
	if (s & HASH)
		return true;
	return (s & HASH_SPACE) && (at == 0 || strchr(" \t\n;", text[at - 1]) != NULL);
}

/* In code: what begins here, and how many bytes its opening has. */
static size_t open_at(struct lexer *x, const char *text, size_t n, size_t at)
{
	unsigned s = syntaxes[x->lang];
	char c = text[at];
	if (c == '#' && opens_hash(s, text, at)) {
		x->state = LEXER_LINE_COMMENT;
	} else if (c == '/' && (s & SLASH) && at_word(text, n, at, "//", 2)) {
		x->state = LEXER_LINE_COMMENT;
	} else if (c == '/' && (s & SLASH) && at_word(text, n, at, "/*", 2)) {
		x->state = LEXER_BLOCK_COMMENT;
		return 2;
	} else if (c == '<' && (s & ANGLE) && at_word(text, n, at, "<!--", 4)) {
		x->state = LEXER_BLOCK_COMMENT;
		return 4;
	} else if ((c == '"' && (s & QUOTES)) || (c == '\'' && (s & APOSTROPHE))) {
		x->quote = c;
		bool triple = (s & TRIPLE) && n - at >= 3 && text[at + 1] == c && text[at + 2] == c;
		x->state = triple ? LEXER_LONG_STRING : LEXER_STRING;
		return triple ? 3 : 1;
	} else if (c == '`' && (s & BACKTICK)) {
		x->quote = c;
		x->state = LEXER_LONG_STRING;
	}
	return 1;
}

static size_t in_block_comment(struct lexer *x, const char *text, size_t n, size_t at)
{
	const char *end = syntaxes[x->lang] & ANGLE ? "-->" : "*/";
	size_t len = strlen(end);
	if (!at_word(text, n, at, end, len))
		return 1;
	x->state = LEXER_CODE;
	return len;
}

static size_t in_string(struct lexer *x, const char *text, size_t n, size_t at)
{
	bool is_long = x->state == LEXER_LONG_STRING;
	if (text[at] == '\\' && !(x->lang == LANG_GO && x->quote == '`'))
		return 2;
	if (text[at] == '\n' && !is_long)
		x->state = LEXER_CODE;
	if (text[at] != x->quote)
		return 1;
	if (!is_long || x->quote == '`') {
		x->state = LEXER_CODE;
		return 1;
	}
	if (n - at < 3 || text[at + 1] != x->quote || text[at + 2] != x->quote)
		return 1;
	x->state = LEXER_CODE;
	return 3;
}

void lexer_advance(struct lexer *x, const char *text, size_t n, size_t to)
{
	if (to > n)
		to = n;
	while (x->at < to) {
		size_t step = 1;
		switch (x->state) {
		case LEXER_CODE:
			step = open_at(x, text, n, x->at);
			break;
		case LEXER_LINE_COMMENT:
			if (text[x->at] == '\n')
				x->state = LEXER_CODE;
			break;
		case LEXER_BLOCK_COMMENT:
			step = in_block_comment(x, text, n, x->at);
			break;
		case LEXER_STRING:
		case LEXER_LONG_STRING:
			step = in_string(x, text, n, x->at);
			break;
		}
		x->at += step;
	}
}
