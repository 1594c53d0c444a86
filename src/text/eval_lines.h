/*
 * Trying an expression or a template from outside: a JSON request to a JSON answer.
 *
 *   {"expr": "a + 1", "roots": {"a": 1}}            → {"value": 2}
 *   {"template": {"m": "{{ a }}"}, "roots": {…}}    → {"value": {"m": 1}}
 *   anything wrong                                  → {"error": {"message", "position"}}
 *
 * roots may be left out. position is a byte offset in the expression; a template's error also has
 * "place". Values are JSON as cel_to_json() makes them. Pure; any thread.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "json/value.h"
#include "text/zone.h"

/* Where time zones come from; NULL = UTC and offsets alone. */
struct eval_zones {
	zone_get_fn get;
	void *arg;
};

/* Evaluates one expression; appends the answer. False when it is an error. roots may be NULL. */
bool eval_expression(struct buf *answer, struct str expr, const struct value *roots,
		     const struct eval_zones *zones);

/* Resolves one template; appends the answer. False when it is an error. roots may be NULL. */
bool eval_template(struct buf *answer, const struct value *tree, const struct value *roots,
		   const struct eval_zones *zones);

/* Answers one line of JSON; appends the answer without a newline. False when it is an error. */
bool eval_line(struct buf *answer, struct str request, const struct eval_zones *zones);
