/* What the CEL tests share: evaluate an expression and show its value with its type. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "text/cel.h"

/* 1, 1u, 1.0, "text", b"\x01", [1], {"a": 1}, null, int, timestamp("…"), duration("…"). */
void cel_show(struct buf *out, const struct cel_value *v);

/* Evaluates source over the roots (JSON text, may be NULL); shows the value, or "!" and the
 * error's message with its path before it. */
void cel_show_eval(struct buf *out, const char *source, const char *roots_json);

/* One row of a table. A `want` that begins with '!' is found in the error's text. */
struct cel_case {
	const char *source, *want;
};

/* True when every row holds; says which does not. */
bool cel_cases_hold(const struct cel_case *cases, size_t n, const char *roots_json);

#define CEL_HOLDS(cases) CHECK(cel_cases_hold((cases), ARRAY_LEN(cases), cel_roots_json))
