/*
 * A value of the Common Expression Language. What came from JSON stays JSON until somebody looks
 * inside: `origin` then points at the JSON value, and a list's items or a map's members are read
 * through it. Everything else lives in the arena of the evaluation. Immutable once made.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "json/value.h"

enum cel_kind {
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING,
	CEL_BYTES,
	CEL_LIST,
	CEL_MAP,
	CEL_TIMESTAMP,
	CEL_DURATION,
	CEL_TYPE,
};

enum { CEL_KINDS = CEL_TYPE + 1 };

struct cel_entry;

struct cel_value {
	enum cel_kind kind;
	uint32_t n; /* bytes, items or entries; nanoseconds within the second of a TIMESTAMP */
	union {
		bool b;
		int64_t i; /* INT; seconds since 1970 of a TIMESTAMP; nanoseconds of a DURATION */
		uint64_t u;
		double d;
		const char *s;
		const struct cel_value *items;	 /* LIST without origin */
		const struct cel_entry *entries; /* MAP without origin */
		enum cel_kind type;
	};
	const struct value *origin; /* the JSON it came from, or NULL */
};

struct cel_entry {
	struct cel_value key, value;
};

static inline struct cel_value cel_null(void)
{
	return (struct cel_value){.kind = CEL_NULL};
}
static inline struct cel_value cel_bool(bool b)
{
	return (struct cel_value){.kind = CEL_BOOL, .b = b};
}
static inline struct cel_value cel_int(int64_t i)
{
	return (struct cel_value){.kind = CEL_INT, .i = i};
}
static inline struct cel_value cel_uint(uint64_t u)
{
	return (struct cel_value){.kind = CEL_UINT, .u = u};
}
static inline struct cel_value cel_double(double d)
{
	return (struct cel_value){.kind = CEL_DOUBLE, .d = d};
}
/* Borrows the bytes. */
static inline struct cel_value cel_string(struct str s)
{
	return (struct cel_value){.kind = CEL_STRING, .n = (uint32_t)s.n, .s = s.p ? s.p : ""};
}
static inline struct cel_value cel_bytes(struct str s)
{
	return (struct cel_value){.kind = CEL_BYTES, .n = (uint32_t)s.n, .s = s.p ? s.p : ""};
}
static inline struct cel_value cel_duration(int64_t nanos)
{
	return (struct cel_value){.kind = CEL_DURATION, .i = nanos};
}
static inline struct cel_value cel_timestamp(int64_t seconds, int32_t nanos)
{
	return (struct cel_value){.kind = CEL_TIMESTAMP, .i = seconds, .n = (uint32_t)nanos};
}
static inline struct cel_value cel_type(enum cel_kind type)
{
	return (struct cel_value){.kind = CEL_TYPE, .type = type};
}
static inline struct cel_value cel_list(const struct cel_value *items, uint32_t n)
{
	return (struct cel_value){.kind = CEL_LIST, .n = n, .items = items};
}
static inline struct cel_value cel_map(const struct cel_entry *entries, uint32_t n)
{
	return (struct cel_value){.kind = CEL_MAP, .n = n, .entries = entries};
}

/* Text of a STRING or the octets of BYTES. */
static inline struct str cel_text(const struct cel_value *v)
{
	return str_n(v->s, v->n);
}

/* Looks at JSON as a CEL value, without copying: v must outlive the result. */
struct cel_value cel_of_json(const struct value *v);

/* Item i < n of a list. */
struct cel_value cel_list_at(const struct cel_value *list, uint32_t i);

/* Key and value of entry i < n of a map, in the order they came. */
struct cel_value cel_map_key(const struct cel_value *map, uint32_t i);
struct cel_value cel_map_value(const struct cel_value *map, uint32_t i);

/* The value under a key; numeric keys match by mathematical value. */
bool cel_map_find(const struct cel_value *map, const struct cel_value *key, struct cel_value *ret);

/* "int", "null_type", "google.protobuf.Timestamp"… */
const char *cel_kind_name(enum cel_kind kind);

static inline bool cel_is_number(const struct cel_value *v)
{
	return v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE;
}

/* Compares numbers of any two kinds by mathematical value: -1, 0, 1, or 2 when one is NaN. */
int cel_number_cmp(const struct cel_value *a, const struct cel_value *b);

enum { CEL_DOUBLE_TEXT_BYTES = 32 };

/* The shortest decimal form that reads back the same; "NaN", "Infinity", "-Infinity". */
void cel_double_text(char ret_text[CEL_DOUBLE_TEXT_BYTES], double d);
