/*
 * Templates: a JSON tree whose strings may hold {{ expression }} in the Common Expression Language
 * (text/cel.h). Compiled once, resolved for every start of a node.
 *
 *   - A string that is exactly one {{ … }} becomes the expression's value, with its type; bytes,
 *     times and types as JSON has them (cel_to_json()).
 *   - Expressions among other text become text: strings as they are, numbers as they were spelled
 *     or by string(), true, false and null as words, lists and objects as compact JSON
 *     (cel_to_text()).
 *   - {{{{ is a literal {{ ; a }} outside of an expression stands for itself. Where an expression
 *     ends is found by reading it, so {{ '}}' }} and {{{'a': {'b': 1}}}} are whole.
 *   - Only the values of strings are templates: keys of objects, and what an expression gave, are
 *     never looked at again.
 *
 * Steps of all expressions of one tree together are bounded by LIMIT_CEL_STEPS, the resolved tree
 * by LIMIT_TEMPLATE_OUTPUT_BYTES (of JSON, about) and LIMIT_JSON_DEPTH. Pure; a template is
 * immutable and may be resolved by several threads at once.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "json/value.h"
#include "text/cel.h"

struct template;

/*
 * Compiles a tree. Parts without templates are borrowed: the tree must live as long as the
 * template. NULL when d got findings; each has the path of its string, which is `place` ("inputs",
 * may be "") and the way below it ("inputs.list[0].message").
 */
const struct template *template_compile(struct arena *a, const struct value *tree,
					const char *place, struct diag *d);

/* Whether resolving evaluates and makes nothing: there are no templates in it. */
bool template_is_constant(const struct template *t);

struct template_error {
	struct cel_error cel;		   /* code, message, path; position counts in the string */
	char place[LIMIT_CEL_ERROR_BYTES]; /* "inputs.message" */
};

/*
 * Resolves. The result borrows from the template, the roots and the arena. 0, or a positive
 * cel_error_code with *ret_error filled.
 */
int template_resolve(const struct template *t, const struct cel_env *env, struct arena *a,
		     struct value *ret, struct template_error *ret_error);

/* "inputs.message: nodes.scan.output.x: no such key 'x' (byte 3)", for people. */
void template_error_text(struct buf *out, const struct template_error *e);

/*
 * Calls back for every root path that any expression reads, with the place of its string: what the
 * compiler of plans checks, and what tells which outputs a node needs (a path of one part alone,
 * like nodes[x], may read any).
 */
void template_refs(const struct template *t,
		   void (*ref)(void *ctx, const char *place, const struct cel_ref *ref), void *ctx);
