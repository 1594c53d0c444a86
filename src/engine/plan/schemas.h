/*
 * JSON Schemas as the engine uses them: findings are placed under a prefix. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "engine/plan/resolve.h"
#include "json/value.h"

struct schema;

/* An owned schema, or NULL with findings under path. */
struct schema *schemas_compile(const struct value *document, struct diag *d, const char *path);
void schemas_free(struct schema *s);

/* false with findings under path. A NULL schema allows everything. */
bool schemas_check(const struct schema *s, const struct value *v, struct diag *d, const char *path);

/* The same for a tree with templates: only what is certain, whatever they resolve to. */
bool schemas_check_partial(const struct schema *s, const struct resolve *inputs, struct diag *d,
			   const char *path);
