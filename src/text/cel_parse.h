/* What the parser needs of the functions' table. Private to text/cel*. */
#pragma once

#include "text/cel_ast.h"

enum { CEL_CALL_GLOBAL = 1, CEL_CALL_METHOD = 2 };

struct cel_run;

struct cel_function {
	const char *name;    /* "size", "math.abs" */
	uint8_t style;	     /* CEL_CALL_GLOBAL, CEL_CALL_METHOD or both */
	uint8_t least, most; /* arguments, what stands before the dot included */
	bool (*call)(struct cel_run *r, const struct cel_value *args, uint32_t n,
		     struct cel_value *ret);
};

/* A row of the tables; several rows may have one name. */
const struct cel_function *cel_function_find(struct str name, int style, uint32_t n_args);

/* Whether any row has the name in any of the styles. */
bool cel_function_known(struct str name, int styles);

/* The tables, each ended by a row without name. */
extern const struct cel_function cel_standard_functions[];
extern const struct cel_function cel_convert_functions[];
extern const struct cel_function cel_time_functions[];
extern const struct cel_function cel_string_functions[];
extern const struct cel_function cel_math_functions[];

/* matches(text, pattern); its pattern is compiled early when it is constant. */
bool cel_call_matches(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret);
