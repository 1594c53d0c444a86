/*
 * One evaluation under way: its budget, variables and error, and what the functions need of it.
 * Everything that can fail returns false with r->error filled. Private to text/cel*.
 */
#pragma once

#include <stdarg.h>

#include "text/cel.h"
#include "text/cel_ast.h"

enum { CEL_ROOT_CACHE = 8 };

struct cel_run {
	const struct cel_env *env;
	struct cel_budget *budget;
	struct arena *arena;
	struct cel_error *error;
	uint32_t at;		   /* place in the source that an error would have */
	const struct regex *regex; /* the call's constant pattern, or NULL */
	struct {
		struct str name;
		const struct value *value;
	} roots[CEL_ROOT_CACHE];
	size_t n_roots;
	struct {
		struct str pattern;
		const struct regex *regex;
	} last_regex;
	struct regex_scratch *scratch; /* of regular expressions; made when needed */
	struct cel_value vars[2 * LIMIT_CEL_DEPTH];
};

void cel_error_format(struct cel_error *e, enum cel_error_code code, size_t at, const char *fmt,
		      va_list ap) __attribute__((format(printf, 4, 0)));

/* Always false. */
bool cel_fail(struct cel_run *r, enum cel_error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "no such overload: name(int, string)"; always false. */
bool cel_no_overload(struct cel_run *r, const char *name, const struct cel_value *args, uint32_t n);

/* Spends steps; false when there are none left. */
bool cel_spend(struct cel_run *r, size_t steps);

/* Spends the steps that looking at n bytes costs. */
bool cel_spend_bytes(struct cel_run *r, size_t n);

/* Memory from the arena, charged; NULL with the error filled when over budget. */
void *cel_make(struct cel_run *r, size_t n);

/* A copy of text as a STRING. */
bool cel_make_string(struct cel_run *r, struct str text, struct cel_value *ret);

/* An array that grows in the arena, charged. */
struct cel_items {
	struct cel_value *p;
	uint32_t n, cap;
};
bool cel_items_push(struct cel_run *r, struct cel_items *items, struct cel_value v);

struct cel_entries {
	struct cel_entry *p;
	uint32_t n, cap;
};
/* Refuses a key of a wrong kind and a key that is there already. */
bool cel_entries_push(struct cel_run *r, struct cel_entries *entries, struct cel_value key,
		      struct cel_value value);

/* Equality as == has it; false in *ret for different types. */
bool cel_equal(struct cel_run *r, const struct cel_value *a, const struct cel_value *b, bool *ret);

/* left JOIN right. */
bool cel_join_values(struct cel_run *r, enum cel_join join, const struct cel_value *left,
		     const struct cel_value *right, struct cel_value *ret);
bool cel_negate(struct cel_run *r, const struct cel_value *v, struct cel_value *ret);

/* v[key], and v.name. */
bool cel_index(struct cel_run *r, const struct cel_value *v, const struct cel_value *key,
	       struct cel_value *ret);
bool cel_select(struct cel_run *r, const struct cel_value *v, struct str name,
		struct cel_value *ret);

bool cel_eval_node(struct cel_run *r, const struct cel_node *n, struct cel_value *ret);
bool cel_eval_macro(struct cel_run *r, const struct cel_node *n, const struct cel_value *range,
		    struct cel_value *ret);

/* JSON text of a value, charged. */
bool cel_write_json(struct cel_run *r, const struct value *json, struct str *ret);
