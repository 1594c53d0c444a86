/*
 * The Common Expression Language, as its language definition (github.com/google/cel-spec,
 * langdef.md) has it, without protocol buffer messages: types int, uint, double, bool, string,
 * bytes, list, map, null_type, google.protobuf.Timestamp, google.protobuf.Duration and type;
 * evaluated without a static type check, so a wrong type is an error of the evaluation.
 *
 * Compiling finds every syntax error, unknown function, wrong number of arguments and bad constant
 * regular expression. Names of variables ("roots") are checked by the caller with cel_refs().
 *
 * Beyond the standard functions:
 *   default(x, y)     y when x is an error of a missing value (root, key, index, member of null)
 *   json(x)           x as compact JSON text
 *   join(list, sep)   strings of a list in one; also list.join(sep), sep may be left out
 *   strings           charAt indexOf lastIndexOf lowerAscii upperAscii replace reverse split
 *                     substring trim, as the "strings" extension has them
 *   math.             abs bitAnd bitNot bitOr bitShiftLeft bitShiftRight bitXor ceil floor
 *                     greatest isFinite isInf isNaN least round sign sqrt trunc
 *   base64.           encode(bytes) decode(string)
 *   two-variable      all exists exists_one with (key or index, value, test), transformList,
 *                     transformMap
 *
 * Choices where the definition leaves one: durations hold ±292 years in nanoseconds; string() of a
 * double is the shortest form that reads back; a time zone name that is neither "UTC" nor an
 * offset ("+01:00") is asked of env->zone and is an error without one; regular expressions have
 * RE2's syntax (no look-around, no back references).
 *
 * Bounded by the LIMIT_CEL_* and LIMIT_REGEX_* of base/limits.h. Pure; a program is immutable and
 * may be evaluated by several threads at once, each with its own arena and budget.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"
#include "text/cel_value.h"

enum cel_error_code {
	CEL_ERROR_SYNTAX = 1, /* of compiling: the source is wrong */
	CEL_ERROR_VALUE,      /* no such overload, overflow, division by zero, bad conversion… */
	CEL_ERROR_MISSING,    /* no such root, key or index: what default() absorbs */
	CEL_ERROR_LIMIT,      /* too large, too deep or too costly; nothing absorbs it */
};

struct cel_error {
	enum cel_error_code code;
	size_t position;		     /* byte offset in the source */
	char path[LIMIT_CEL_ERROR_BYTES];    /* "nodes.scan.output.x", or "" */
	char message[LIMIT_CEL_ERROR_BYTES]; /* UTF-8, cut when longer */
};

struct cel_program;

/*
 * Compiles all of source. The program lives in the arena and needs source no longer.
 * 0, or a positive cel_error_code with *ret_error filled.
 */
int cel_compile(struct arena *a, struct str source, const struct cel_program **ret,
		struct cel_error *ret_error);

/*
 * Compiles one expression that begins at byte `start` and ends before the first token that cannot
 * belong to it; *ret_end is that token's place. Positions count from the start of source.
 */
int cel_compile_part(struct arena *a, struct str source, size_t start, size_t *ret_end,
		     const struct cel_program **ret, struct cel_error *ret_error);

/* Where the variables come from. Zero-initialise; every member is optional. */
struct cel_env {
	/* Asked first. Called at most once a name and evaluation. What it returns must live as
	 * long as the result of the evaluation. */
	bool (*root)(void *ctx, struct str name, struct value *ret);
	/* Offset from UTC in seconds of an IANA zone at a time. */
	bool (*zone)(void *ctx, struct str name, int64_t unix_seconds, int32_t *ret_offset);
	void *ctx;
	/* An object whose members are the roots. */
	const struct value *roots;
};

/* What is left to spend; several evaluations may share one. */
struct cel_budget {
	uint32_t steps;
	size_t bytes;
};

static inline struct cel_budget cel_budget_full(void)
{
	return (struct cel_budget){.steps = LIMIT_CEL_STEPS, .bytes = LIMIT_CEL_BYTES};
}

/*
 * Evaluates. The result may borrow from the program, the roots and the arena.
 * 0, or a positive cel_error_code with *ret_error filled.
 */
int cel_eval(const struct cel_program *p, const struct cel_env *env, struct cel_budget *budget,
	     struct arena *a, struct cel_value *ret, struct cel_error *ret_error);

/*
 * A value as JSON, after the JSON mapping of protocol buffers but with 64-bit integers as numbers:
 * bytes in base64, timestamps in RFC 3339, durations as seconds ("1.5s"), a type as its name, NaN
 * and the infinities as strings, keys of maps as text. What came from JSON is shared, not copied,
 * and keeps the spelling of its numbers. 0, or CEL_ERROR_LIMIT, or CEL_ERROR_VALUE when two keys
 * become the same text; position is left 0.
 */
int cel_to_json(const struct cel_value *v, struct cel_budget *budget, struct arena *a,
		struct value *ret, struct cel_error *ret_error);

/*
 * A value as text: strings as they are, numbers as they were spelled or by string(), bool, null
 * as words, bytes in base64, times and types as in JSON but without quotes, lists and maps as
 * compact JSON. Errors as cel_to_json().
 */
int cel_to_text(const struct cel_value *v, struct cel_budget *budget, struct arena *a,
		struct str *ret, struct cel_error *ret_error);

/*
 * A constant path that a program reads: parts[0] is the root, the others are the keys that follow
 * as far as they are constant names or strings ("nodes", "scan", "output"). `soft` is set where a
 * missing value is no error: below has() and in the first argument of default().
 */
struct cel_ref {
	const struct str *parts;
	size_t n;
	size_t position;
	bool soft;
};

/* Calls back for every root that the program mentions, in the order of the source. */
void cel_refs(const struct cel_program *p, void (*ref)(void *ctx, const struct cel_ref *ref),
	      void *ctx);
