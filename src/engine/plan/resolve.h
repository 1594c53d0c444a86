/*
 * Templates of a plan: a JSON tree some of whose strings are templates, compiled once and resolved
 * for each attempt. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "json/value.h"
#include "text/cel.h"

struct catalog;
struct resolve; /* lives in the arena it was compiled into */

/* Where a run's values come from; called at most once for a root and evaluation. */
struct resolve_roots {
	bool (*root)(void *ctx, struct str name, struct value *ret);
	void *ctx;
	const struct catalog *catalog; /* whose time zones are known; NULL = UTC and offsets */
};

struct resolve_error {
	char code[32];	    /* "template_error"; "" = none */
	char message[1024]; /* one sentence that names the path */
};

/* Compiles tree (which must live as long as the arena); every syntax error is a finding under
 * path. NULL when there was one. */
struct resolve *resolve_compile(struct arena *a, const struct value *tree, const char *path,
				struct diag *d);

/* Whether the tree holds no template at all. */
bool resolve_constant(const struct resolve *r);

/* The tree as it was written. */
const struct value *resolve_tree(const struct resolve *r);

/* Calls back for every path that any template reads, with the place of its string. */
void resolve_refs(const struct resolve *r,
		  void (*ref)(void *ctx, const char *place, const struct cel_ref *ref), void *ctx);

/* 0 and the tree with values for templates (in arena a, or shared); else 1 and the error. */
int resolve_run(const struct resolve *r, const struct resolve_roots *roots, struct arena *a,
		struct value *ret, struct resolve_error *ret_error);
