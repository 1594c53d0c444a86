/*
 * The syntax tree that cel_parse.c makes and cel_eval.c walks. Left-associative operators are one
 * flat CHAIN, and member selection is one flat PATH, so the depth of a tree is that of its
 * brackets and bounded by LIMIT_CEL_DEPTH. Private to text/cel*.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "text/cel.h"

enum cel_node_kind {
	CEL_NODE_CONST,
	CEL_NODE_ROOT,	/* name */
	CEL_NODE_VAR,	/* slot of a macro's variable; name */
	CEL_NODE_LIST,	/* args: items */
	CEL_NODE_MAP,	/* args: key, value, key, value… */
	CEL_NODE_CHAIN, /* args[0], then each joined from the left by its own `join` */
	CEL_NODE_AND,	/* args, any number */
	CEL_NODE_OR,
	CEL_NODE_COND, /* args: test, then, else */
	CEL_NODE_NOT,  /* args[0], applied `slot` times */
	CEL_NODE_NEGATE,
	CEL_NODE_CALL, /* fn; args. As a step of a path: what comes before is the first argument */
	CEL_NODE_HAS,  /* args[0]: a PATH that ends in SELECT */
	CEL_NODE_DEFAULT, /* args: x, y */
	CEL_NODE_PATH,	  /* args[0]: base, then steps: SELECT, INDEX, CALL, MACRO */
	CEL_NODE_SELECT,  /* name */
	CEL_NODE_INDEX,	  /* args[0] */
	CEL_NODE_MACRO,	  /* macro; slot of its first variable; args: the bodies */
};

enum cel_join {
	CEL_JOIN_NONE,
	CEL_JOIN_EQ,
	CEL_JOIN_NE,
	CEL_JOIN_LT,
	CEL_JOIN_LE,
	CEL_JOIN_GT,
	CEL_JOIN_GE,
	CEL_JOIN_IN,
	CEL_JOIN_ADD,
	CEL_JOIN_SUB,
	CEL_JOIN_MUL,
	CEL_JOIN_DIV,
	CEL_JOIN_MOD,
};

enum cel_macro {
	CEL_MACRO_ALL,
	CEL_MACRO_EXISTS,
	CEL_MACRO_EXISTS_ONE,
	CEL_MACRO_MAP,
	CEL_MACRO_FILTER,
	CEL_MACRO_TRANSFORM_LIST,
	CEL_MACRO_TRANSFORM_MAP,
};

struct cel_function;
struct regex;

struct cel_node {
	uint8_t kind;	/* enum cel_node_kind */
	uint8_t join;	/* enum cel_join: how a chain's element joins what is left of it */
	uint8_t macro;	/* enum cel_macro */
	uint8_t n_vars; /* of a macro: 1 or 2 */
	uint32_t slot;
	uint32_t at;	  /* byte offset in the source */
	uint32_t join_at; /* of the operator */
	uint32_t n;	  /* args */
	struct cel_node *args;
	union {
		struct cel_value constant;
		struct str name;
		struct {
			const struct cel_function *fn;
			const struct regex *regex; /* compiled already when it is constant */
		};
	};
};

struct cel_program {
	struct cel_node *node;
};
