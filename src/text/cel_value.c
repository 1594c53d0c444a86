#include "text/cel_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"

struct cel_value cel_of_json(const struct value *v)
{
	struct cel_value c = {.n = v->n, .origin = v};
	switch (v->kind) {
	case VALUE_NULL:
		c.kind = CEL_NULL;
		break;
	case VALUE_BOOL:
		c.kind = CEL_BOOL;
		c.b = v->b;
		break;
	case VALUE_INT:
		c.kind = CEL_INT;
		c.i = v->i;
		break;
	case VALUE_UINT:
		c.kind = CEL_UINT;
		c.u = v->u;
		break;
	case VALUE_DOUBLE:
		c.kind = CEL_DOUBLE;
		c.d = v->d;
		break;
	case VALUE_STRING:
		c.kind = CEL_STRING;
		c.s = v->s;
		break;
	case VALUE_ARRAY:
		c.kind = CEL_LIST;
		break;
	case VALUE_OBJECT:
		c.kind = CEL_MAP;
		break;
	}
	return c;
}

struct cel_value cel_list_at(const struct cel_value *list, uint32_t i)
{
	ASSERT(list->kind == CEL_LIST && i < list->n);
	return list->origin ? cel_of_json(&list->origin->items[i]) : list->items[i];
}

struct cel_value cel_map_key(const struct cel_value *map, uint32_t i)
{
	ASSERT(map->kind == CEL_MAP && i < map->n);
	return map->origin ? cel_string(map->origin->members[i].key) : map->entries[i].key;
}

struct cel_value cel_map_value(const struct cel_value *map, uint32_t i)
{
	ASSERT(map->kind == CEL_MAP && i < map->n);
	return map->origin ? cel_of_json(&map->origin->members[i].value) : map->entries[i].value;
}

static bool same_key(const struct cel_value *a, const struct cel_value *b)
{
	if (cel_is_number(a) && cel_is_number(b))
		return cel_number_cmp(a, b) == 0;
	if (a->kind != b->kind)
		return false;
	if (a->kind == CEL_STRING)
		return str_eq(cel_text(a), cel_text(b));
	return a->kind == CEL_BOOL && a->b == b->b;
}

bool cel_map_find(const struct cel_value *map, const struct cel_value *key, struct cel_value *ret)
{
	ASSERT(map->kind == CEL_MAP);
	if (map->origin) {
		if (key->kind != CEL_STRING)
			return false;
		const struct value *found = value_get(map->origin, cel_text(key));
		if (found)
			*ret = cel_of_json(found);
		return found;
	}
	for (uint32_t i = 0; i < map->n; i++)
		if (same_key(&map->entries[i].key, key)) {
			*ret = map->entries[i].value;
			return true;
		}
	return false;
}

const char *cel_kind_name(enum cel_kind kind)
{
	static const char *const names[CEL_KINDS] = {
		[CEL_NULL] = "null_type",
		[CEL_BOOL] = "bool",
		[CEL_INT] = "int",
		[CEL_UINT] = "uint",
		[CEL_DOUBLE] = "double",
		[CEL_STRING] = "string",
		[CEL_BYTES] = "bytes",
		[CEL_LIST] = "list",
		[CEL_MAP] = "map",
		[CEL_TIMESTAMP] = "google.protobuf.Timestamp",
		[CEL_DURATION] = "google.protobuf.Duration",
		[CEL_TYPE] = "type",
	};
	return names[kind];
}

static int order_i(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int cmp_int_double(int64_t i, double d)
{
	if (isnan(d))
		return 2;
	if (d >= 0x1p63)
		return -1;
	if (d < -0x1p63)
		return 1;
	int64_t whole = (int64_t)d;
	if (i != whole)
		return order_i(i, whole);
	double rest = d - (double)whole;
	return rest > 0 ? -1 : rest < 0;
}

static int cmp_uint_double(uint64_t u, double d)
{
	if (isnan(d))
		return 2;
	if (d >= 0x1p64)
		return -1;
	if (d < 0)
		return 1;
	uint64_t whole = (uint64_t)d;
	if (u != whole)
		return u < whole ? -1 : 1;
	return d - (double)whole > 0 ? -1 : 0;
}

static int flip(int cmp)
{
	return cmp == 2 ? 2 : -cmp;
}

int cel_number_cmp(const struct cel_value *a, const struct cel_value *b)
{
	if (a->kind == CEL_DOUBLE && b->kind == CEL_DOUBLE) {
		if (isnan(a->d) || isnan(b->d))
			return 2;
		return a->d < b->d ? -1 : a->d > b->d;
	}
	if (b->kind == CEL_DOUBLE)
		return a->kind == CEL_INT ? cmp_int_double(a->i, b->d)
					  : cmp_uint_double(a->u, b->d);
	if (a->kind == CEL_DOUBLE)
		return flip(cel_number_cmp(b, a));
	if (a->kind == b->kind && a->kind == CEL_INT)
		return order_i(a->i, b->i);
	if (a->kind == CEL_INT && a->i < 0)
		return -1;
	if (b->kind == CEL_INT && b->i < 0)
		return 1;
	return a->u < b->u ? -1 : a->u > b->u;
}

void cel_double_text(char text[CEL_DOUBLE_TEXT_BYTES], double d)
{
	if (!isfinite(d)) {
		snprintf(text, CEL_DOUBLE_TEXT_BYTES, "%s",
			 isnan(d) ? "NaN"
			 : d < 0  ? "-Infinity"
				  : "Infinity");
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, CEL_DOUBLE_TEXT_BYTES, "%.*g", precision, d);
		if (strtod(text, NULL) == d)
			break;
	}
}
