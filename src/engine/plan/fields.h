/*
 * Reading the fields of people's documents: each reader judges type and range, adds a finding
 * with the field's place and the mend, and leaves *ret alone when there was one. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "json/value.h"

enum { FIELDS_PATH_BYTES = 512 };

struct fields {
	const struct value *object;
	struct diag *diag;
	char path[FIELDS_PATH_BYTES];
};

/* A known field; `later` is set for what the contract has and this version has not: what to say
 * about it. */
struct field_spec {
	const char *name;
	const char *later;
};

/* false with a finding when v is no object. */
bool fields_open(struct fields *f, const struct value *v, struct diag *d, const char *path);

/* A finding for every member that is not known (with the nearest name) or comes later. */
void fields_known(const struct fields *f, const struct field_spec *specs, size_t n);

/* The member, or NULL when it is absent or null. */
const struct value *fields_get(const struct fields *f, const char *key);

void fields_bad(const struct fields *f, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The place of a member or an item: "nodes[1]" + "agent" = "nodes[1].agent". */
void fields_place(char ret[FIELDS_PATH_BYTES], const char *path, struct str key);
void fields_place_item(char ret[FIELDS_PATH_BYTES], const char *path, size_t index);

/* All: true when the member is there and good. Absent is false without a finding, unless
 * required. */
bool fields_str(const struct fields *f, const char *key, bool required, struct str *ret);
bool fields_bool(const struct fields *f, const char *key, bool *ret);
bool fields_int(const struct fields *f, const char *key, int64_t least, int64_t most, int64_t *ret);
bool fields_number(const struct fields *f, const char *key, double least, double most, double *ret);
bool fields_duration(const struct fields *f, const char *key, int64_t least_ms, int64_t most_ms,
		     int64_t *ret_ms);
/* "512Mi", or a number of bytes. */
bool fields_size(const struct fields *f, const char *key, int64_t least, int64_t most,
		 int64_t *ret_bytes);
/* A member of the given kind. */
const struct value *fields_kind(const struct fields *f, const char *key, enum value_kind kind,
				bool required);

/* Letters, digits and ". _ -" after a letter or digit, at most LIMIT_NAME_BYTES. */
bool fields_name_valid(struct str name);
bool fields_name(const struct fields *f, const char *key, bool required, struct str *ret);

/* The name among n that a typing error may have meant, or NULL. */
const char *fields_nearest(struct str text, const char *const *names, size_t n);
