/*
 * JSON Schema 2020-12: compile once, check many.
 *
 * Every keyword of the core, applicator, unevaluated, validation, format, content and meta-data
 * vocabularies. A schema is itself checked against the meta-schema, which is part of the program
 * with all its vocabulary documents. Nothing is ever fetched: a $ref that leads outside the
 * schema, the extras given and the meta-schemas is a finding. `dependencies` works as
 * dependentRequired and dependentSchemas together; `definitions` is searched for identifiers like
 * $defs. A $schema that names another dialect is refused, unless it is a meta-schema among the
 * extras, whose $vocabulary then counts.
 *
 * `format` is an annotation, unless SCHEMA_ASSERT_FORMAT or the format-assertion vocabulary asks
 * for more (see json/format.h for what is known). Content keywords are annotations always.
 * Patterns are ECMA-262's (see json/pattern.h).
 *
 * Numbers count by their mathematical value, however they are spelled and however long.
 *
 * Places in findings: "" is the document, then ".key" or "[\"odd key\"]" and "[0]":
 * "summary.critical", "items[2].name".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "json/value.h"

struct schema; /* immutable once compiled: any thread, any number at a time */

enum schema_flags {
	SCHEMA_DEFAULT = 0,
	SCHEMA_ASSERT_FORMAT = 1,
};

enum schema_error {
	SCHEMA_REFUSED = 1, /* the schema is wrong; the diag says where and why */
};

/* A document that $ref and $schema may lead to, under the address it would have. */
struct schema_extra {
	struct str uri;
	const struct value *document;
};

/*
 * 0 and an owned schema, or SCHEMA_REFUSED and at least one finding with its place in the
 * document. What is needed of the document is copied.
 */
int schema_compile(const struct value *document, int flags, struct diag *d, struct schema **ret);
int schema_compile_with(const struct value *document, int flags, const struct schema_extra *extras,
			size_t n_extras, struct diag *d, struct schema **ret);

/* Returns NULL. */
struct schema *schema_free(struct schema *s);

static inline void schema_freep(struct schema **s)
{
	schema_free(*s);
}
#define CLEANUP_SCHEMA CLEANUP(schema_freep)

/* Checking takes up to 2 MiB of stack on the deepest instances and schemas that are allowed. */

/* Whether the instance is valid; stops at the first thing that is not. */
bool schema_valid(const struct schema *s, const struct value *instance);

/*
 * The same with all findings. An instance that can't be judged within the bounds
 * (LIMIT_SCHEMA_DEPTH, LIMIT_SCHEMA_STEPS, LIMIT_PATTERN_STEPS) is not valid, and says so.
 */
bool schema_check(const struct schema *s, const struct value *instance, struct diag *d);

/*
 * Judging what is not all there yet: a tree some of whose values come later (templates). Only
 * what is certain is found, whatever the values will be: a missing required member, a literal of
 * the wrong type, a member that is not allowed.
 */
enum schema_known {
	SCHEMA_KNOWN,	     /* the value is as it stands, apart from what is inside it */
	SCHEMA_UNKNOWN_TEXT, /* will be a string of any content */
	SCHEMA_UNKNOWN,	     /* will be anything */
};
typedef enum schema_known (*schema_known_fn)(void *arg, const struct value *v);

/* false when no values could make the instance valid. */
bool schema_check_partial(const struct schema *s, const struct value *instance,
			  schema_known_fn known, void *arg, struct diag *d);

/* Appends a place's next step: ".key" (without the dot at the start), "[\"odd key\"]", "[3]". */
void schema_path_key(struct buf *path, struct str key);
void schema_path_index(struct buf *path, size_t index);

/* The meta-schema of 2020-12, compiled when it is first asked for, never freed. */
const struct schema *schema_meta(void);
