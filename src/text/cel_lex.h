/* Tokens of CEL source. Private to text/cel*. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "text/cel.h"

/* One-character tokens are their own code. */
enum cel_token_kind {
	CEL_TOKEN_END = 0,
	CEL_TOKEN_IDENT = 256, /* also reserved words; see `reserved` */
	CEL_TOKEN_QUOTED,      /* `a-b`: a name that may follow a dot */
	CEL_TOKEN_INT,	       /* u is the magnitude */
	CEL_TOKEN_UINT,
	CEL_TOKEN_DOUBLE,
	CEL_TOKEN_STRING,
	CEL_TOKEN_BYTES,
	CEL_TOKEN_EQ,
	CEL_TOKEN_NE,
	CEL_TOKEN_LE,
	CEL_TOKEN_GE,
	CEL_TOKEN_AND,
	CEL_TOKEN_OR,
	CEL_TOKEN_TRUE,
	CEL_TOKEN_FALSE,
	CEL_TOKEN_NULL,
	CEL_TOKEN_IN,
};

struct cel_token {
	int kind;
	size_t at, end;	 /* in the source */
	bool reserved;	 /* an IDENT that may only be a member's name */
	struct str text; /* name, or decoded literal, in the arena */
	uint64_t u;
	double d;
};

struct cel_lexer {
	struct arena *arena;
	struct str source;
	size_t start, at;
	struct cel_error *error;
};

/* False with *error filled. At the end of the source: CEL_TOKEN_END again and again. */
bool cel_lex(struct cel_lexer *l, struct cel_token *ret);

/* Fills l->error as a syntax error; always false. */
bool cel_lex_fail(struct cel_lexer *l, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
