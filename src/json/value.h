/*
 * A JSON value as a tree in an arena. Built once (by json_parse, by the builders here, by a
 * template), then only read; sharing subtrees between trees of arenas that live long enough is
 * fine. Strings are UTF-8 with a known length and may hold NUL; each is NUL-terminated one byte
 * past its length when it was made here. One thread while it is built, any thread after.
 *
 * Numbers: integers that fit are INT (int64) or, above INT64_MAX, UINT (uint64); all else is
 * DOUBLE and finite. A number parsed from text keeps its spelling in `raw`, so what comes in as
 * 1.0 or as an integer of forty digits goes out the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum value_kind {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_UINT,
	VALUE_DOUBLE,
	VALUE_STRING,
	VALUE_ARRAY,
	VALUE_OBJECT,
};

struct value_member;

struct value {
	enum value_kind kind;
	uint32_t n; /* bytes of a string, items of an array, members of an object, bytes of raw */
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double d;
		const char *s;
		struct value *items;	      /* array: n values in a row */
		struct value_member *members; /* object: n members in the order they came */
	};
	union {
		const char *raw; /* DOUBLE: spelling, or NULL */
		uint32_t *index; /* OBJECT of many members: hash index, made by the builders */
	};
};

struct value_member {
	struct str key;
	struct value value;
};

#define VALUE_NULL_INIT ((struct value){.kind = VALUE_NULL})

static inline struct value value_null(void)
{
	return VALUE_NULL_INIT;
}
static inline struct value value_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .b = b};
}
static inline struct value value_int(int64_t i)
{
	return (struct value){.kind = VALUE_INT, .i = i};
}
/* INT when it fits, else UINT. */
static inline struct value value_uint(uint64_t u)
{
	return u <= INT64_MAX ? (struct value){.kind = VALUE_INT, .i = (int64_t)u}
			      : (struct value){.kind = VALUE_UINT, .u = u};
}
/* Must be finite. */
static inline struct value value_double(double d)
{
	return (struct value){.kind = VALUE_DOUBLE, .d = d};
}
/* Borrows the bytes: they must live as long as the value. */
static inline struct value value_str(struct str s)
{
	return (struct value){.kind = VALUE_STRING, .n = (uint32_t)s.n, .s = s.p ? s.p : ""};
}
static inline struct value value_strz(const char *z)
{
	return value_str(str_of(z));
}

/* Text of a STRING; of any other kind the empty view. */
static inline struct str value_text(const struct value *v)
{
	return v && v->kind == VALUE_STRING ? str_n(v->s, v->n) : (struct str){0};
}

static inline bool value_is(const struct value *v, enum value_kind kind)
{
	return v && v->kind == kind;
}

static inline bool value_is_number(const struct value *v)
{
	return v && (v->kind == VALUE_INT || v->kind == VALUE_UINT || v->kind == VALUE_DOUBLE);
}

/* "null", "boolean", "integer" (INT, UINT), "number", "string", "array", "object". */
const char *value_kind_name(const struct value *v);

/*
 * A member of an object by key, or NULL; also NULL when v is NULL or no object, so look-ups can
 * be chained. Of duplicate keys the last counts.
 */
const struct value *value_get(const struct value *v, struct str key);
static inline const struct value *value_getz(const struct value *v, const char *key)
{
	return value_get(v, str_of(key));
}

/*
 * Equality as JSON Schema 2020-12 has it: numbers by mathematical value (1 equals 1.0), arrays in
 * order, objects without order.
 */
bool value_equal(const struct value *a, const struct value *b);

/* Compares two numbers by mathematical value, exactly also where doubles are not: <0, 0, >0. */
int value_number_cmp(const struct value *a, const struct value *b);

/* A keyed hash; equal values (value_equal) have equal hashes. The key is chosen once per process.
 */
uint64_t value_hash(const struct value *v);

/* A deep copy into another arena. */
struct value value_copy(struct arena *a, const struct value *v);

/*
 * Builders. The value under construction grows in the arena; items and keys are stored as given
 * (borrowed), so copy what does not live long enough.
 */
struct value value_array(struct arena *a, size_t expect);
void value_push(struct arena *a, struct value *array, struct value item);

/* An array of copies of n items. */
struct value value_array_of(struct arena *a, const struct value *items, size_t n);

struct value value_object(struct arena *a, size_t expect);
/*
 * All members at once: an object with room for exactly n members (its n is set), which the caller
 * fills in at ret.members and then closes. value_object_close() makes look-ups ready; it returns
 * the place of a member whose key stood before, or n when all are different. With a duplicate the
 * object is of no use.
 */
struct value value_object_room(struct arena *a, size_t n);
size_t value_object_close(struct arena *a, struct value *object);

/* Replaces the value when the key is there already. */
void value_put(struct arena *a, struct value *object, struct str key, struct value item);
static inline void value_putz(struct arena *a, struct value *object, const char *key,
			      struct value item)
{
	value_put(a, object, str_of(key), item);
}
