/* The operators: equality, order, arithmetic, indexing. */
#include <math.h>
#include <stdio.h>

#include "base/fault.h"
#include "text/cel_run.h"
#include "text/cel_time.h"

static const char *join_text(enum cel_join join)
{
	static const char *const texts[] = {
		[CEL_JOIN_NONE] = "", [CEL_JOIN_EQ] = "==", [CEL_JOIN_NE] = "!=",
		[CEL_JOIN_LT] = "<",  [CEL_JOIN_LE] = "<=", [CEL_JOIN_GT] = ">",
		[CEL_JOIN_GE] = ">=", [CEL_JOIN_IN] = "in", [CEL_JOIN_ADD] = "+",
		[CEL_JOIN_SUB] = "-", [CEL_JOIN_MUL] = "*", [CEL_JOIN_DIV] = "/",
		[CEL_JOIN_MOD] = "%",
	};
	return texts[join];
}

static bool no_overload(struct cel_run *r, enum cel_join join, const struct cel_value *a,
			const struct cel_value *b)
{
	return cel_fail(r, CEL_ERROR_VALUE, "no such overload: %s %s %s", cel_kind_name(a->kind),
			join_text(join), cel_kind_name(b->kind));
}

static bool equal_lists(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
			bool *ret)
{
	*ret = a->n == b->n;
	for (uint32_t i = 0; i < a->n && *ret; i++) {
		struct cel_value x = cel_list_at(a, i), y = cel_list_at(b, i);
		if (!cel_equal(r, &x, &y, ret))
			return false;
	}
	return true;
}

/* What finding a key costs: a map of JSON has an index, one made here is searched. */
static bool spend_find(struct cel_run *r, const struct cel_value *map)
{
	return cel_spend(r, map->origin ? 0 : map->n / 16);
}

static bool equal_maps(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
		       bool *ret)
{
	*ret = a->n == b->n;
	for (uint32_t i = 0; i < a->n && *ret; i++) {
		struct cel_value key = cel_map_key(a, i), x = cel_map_value(a, i), y;
		if (!spend_find(r, b))
			return false;
		*ret = cel_map_find(b, &key, &y);
		if (*ret && !cel_equal(r, &x, &y, ret))
			return false;
	}
	return true;
}

bool cel_equal(struct cel_run *r, const struct cel_value *a, const struct cel_value *b, bool *ret)
{
	if (!cel_spend(r, 1))
		return false;
	if (cel_is_number(a) && cel_is_number(b)) {
		*ret = cel_number_cmp(a, b) == 0;
		return true;
	}
	*ret = false;
	if (a->kind != b->kind)
		return true;
	switch (a->kind) {
	case CEL_NULL:
		*ret = true;
		return true;
	case CEL_BOOL:
		*ret = a->b == b->b;
		return true;
	case CEL_STRING:
	case CEL_BYTES:
		*ret = str_eq(cel_text(a), cel_text(b));
		return cel_spend_bytes(r, a->n);
	case CEL_LIST:
		return equal_lists(r, a, b, ret);
	case CEL_MAP:
		return equal_maps(r, a, b, ret);
	case CEL_TIMESTAMP:
		*ret = a->i == b->i && a->n == b->n;
		return true;
	case CEL_DURATION:
		*ret = a->i == b->i;
		return true;
	case CEL_TYPE:
		*ret = a->type == b->type;
		return true;
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
		break;
	}
	return true;
}

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* -1, 0, 1; 2 for unordered. False when the two have no order. */
static bool compare(const struct cel_value *a, const struct cel_value *b, int *ret)
{
	if (cel_is_number(a) && cel_is_number(b)) {
		*ret = cel_number_cmp(a, b);
		return true;
	}
	if (a->kind != b->kind)
		return false;
	if (a->kind == CEL_STRING || a->kind == CEL_BYTES) {
		int cmp = str_cmp(cel_text(a), cel_text(b));
		*ret = cmp < 0 ? -1 : cmp > 0;
	} else if (a->kind == CEL_BOOL) {
		*ret = order(a->b, b->b);
	} else if (a->kind == CEL_DURATION) {
		*ret = order(a->i, b->i);
	} else if (a->kind == CEL_TIMESTAMP) {
		*ret = a->i != b->i ? order(a->i, b->i) : order(a->n, b->n);
	} else {
		return false;
	}
	return true;
}

static bool relation(struct cel_run *r, enum cel_join join, const struct cel_value *a,
		     const struct cel_value *b, struct cel_value *ret)
{
	int cmp;
	if (!compare(a, b, &cmp))
		return no_overload(r, join, a, b);
	bool yes = join == CEL_JOIN_LT	 ? cmp == -1
		   : join == CEL_JOIN_LE ? cmp == -1 || cmp == 0
		   : join == CEL_JOIN_GT ? cmp == 1
					 : cmp == 1 || cmp == 0;
	bool text = a->kind == CEL_STRING || a->kind == CEL_BYTES;
	if (text && !cel_spend_bytes(r, a->n < b->n ? a->n : b->n))
		return false;
	*ret = cel_bool(yes);
	return true;
}

static bool in(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
	       struct cel_value *ret)
{
	if (b->kind == CEL_MAP) {
		struct cel_value found;
		if (!spend_find(r, b))
			return false;
		*ret = cel_bool(cel_map_find(b, a, &found));
		return true;
	}
	if (b->kind != CEL_LIST)
		return no_overload(r, CEL_JOIN_IN, a, b);
	bool same = false;
	for (uint32_t i = 0; i < b->n && !same; i++) {
		struct cel_value item = cel_list_at(b, i);
		if (!cel_equal(r, a, &item, &same))
			return false;
	}
	*ret = cel_bool(same);
	return true;
}

static bool overflow(struct cel_run *r, const struct cel_value *a, enum cel_join join)
{
	return cel_fail(r, CEL_ERROR_VALUE, "%s overflow in '%s'", cel_kind_name(a->kind),
			join_text(join));
}

static bool int_arith(struct cel_run *r, enum cel_join join, const struct cel_value *a,
		      const struct cel_value *b, struct cel_value *ret)
{
	int64_t x = a->i, y = b->i, z = 0;
	bool over = false;
	if ((join == CEL_JOIN_DIV || join == CEL_JOIN_MOD) && y == 0)
		return cel_fail(r, CEL_ERROR_VALUE, "%s by zero",
				join == CEL_JOIN_DIV ? "division" : "modulus");
	if (join == CEL_JOIN_ADD)
		over = __builtin_add_overflow(x, y, &z);
	else if (join == CEL_JOIN_SUB)
		over = __builtin_sub_overflow(x, y, &z);
	else if (join == CEL_JOIN_MUL)
		over = __builtin_mul_overflow(x, y, &z);
	else if (x == INT64_MIN && y == -1)
		over = true;
	else
		z = join == CEL_JOIN_DIV ? x / y : x % y;
	*ret = cel_int(z);
	return !over || overflow(r, a, join);
}

static bool uint_arith(struct cel_run *r, enum cel_join join, const struct cel_value *a,
		       const struct cel_value *b, struct cel_value *ret)
{
	uint64_t x = a->u, y = b->u, z = 0;
	bool over = false;
	if ((join == CEL_JOIN_DIV || join == CEL_JOIN_MOD) && y == 0)
		return cel_fail(r, CEL_ERROR_VALUE, "%s by zero",
				join == CEL_JOIN_DIV ? "division" : "modulus");
	if (join == CEL_JOIN_ADD)
		over = __builtin_add_overflow(x, y, &z);
	else if (join == CEL_JOIN_SUB)
		over = __builtin_sub_overflow(x, y, &z);
	else if (join == CEL_JOIN_MUL)
		over = __builtin_mul_overflow(x, y, &z);
	else
		z = join == CEL_JOIN_DIV ? x / y : x % y;
	*ret = cel_uint(z);
	return !over || overflow(r, a, join);
}

/* IEEE 754 throughout: a division by zero is an infinity or NaN. */
static double divide(double x, double y)
{
	if (y != 0 || isnan(y))
		return x / y;
	if (x == 0 || isnan(x))
		return NAN;
	return (signbit(x) != 0) == (signbit(y) != 0) ? INFINITY : -INFINITY;
}

static bool double_arith(struct cel_run *r, enum cel_join join, const struct cel_value *a,
			 const struct cel_value *b, struct cel_value *ret)
{
	if (join == CEL_JOIN_MOD)
		return no_overload(r, join, a, b);
	double x = a->d, y = b->d;
	*ret = cel_double(join == CEL_JOIN_ADD	 ? x + y
			  : join == CEL_JOIN_SUB ? x - y
			  : join == CEL_JOIN_MUL ? x * y
						 : divide(x, y));
	return true;
}

static bool concat_text(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
			struct cel_value *ret)
{
	size_t n = (size_t)a->n + b->n;
	char *p = cel_make(r, n + 1);
	if (!p)
		return false;
	memcpy(p, a->s, a->n);
	memcpy(p + a->n, b->s, b->n);
	p[n] = '\0';
	*ret = a->kind == CEL_STRING ? cel_string(str_n(p, n)) : cel_bytes(str_n(p, n));
	return true;
}

static bool concat_lists(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
			 struct cel_value *ret)
{
	if (a->n == 0 || b->n == 0) {
		*ret = a->n == 0 ? *b : *a;
		return true;
	}
	size_t n = (size_t)a->n + b->n;
	struct cel_value *items = cel_make(r, n * sizeof(*items));
	if (!items)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		items[i] = cel_list_at(a, i);
	for (uint32_t i = 0; i < b->n; i++)
		items[a->n + i] = cel_list_at(b, i);
	*ret = cel_list(items, (uint32_t)n);
	return true;
}

static bool arithmetic(struct cel_run *r, enum cel_join join, const struct cel_value *a,
		       const struct cel_value *b, struct cel_value *ret)
{
	if (cel_time_adds(join, a, b))
		return cel_time_arith(r, join, a, b, ret);
	if (a->kind != b->kind)
		return no_overload(r, join, a, b);
	if (a->kind == CEL_INT)
		return int_arith(r, join, a, b, ret);
	if (a->kind == CEL_UINT)
		return uint_arith(r, join, a, b, ret);
	if (a->kind == CEL_DOUBLE)
		return double_arith(r, join, a, b, ret);
	if (join == CEL_JOIN_ADD && (a->kind == CEL_STRING || a->kind == CEL_BYTES))
		return concat_text(r, a, b, ret);
	if (join == CEL_JOIN_ADD && a->kind == CEL_LIST)
		return concat_lists(r, a, b, ret);
	return no_overload(r, join, a, b);
}

bool cel_join_values(struct cel_run *r, enum cel_join join, const struct cel_value *left,
		     const struct cel_value *right, struct cel_value *ret)
{
	bool same;
	switch (join) {
	case CEL_JOIN_EQ:
	case CEL_JOIN_NE:
		if (!cel_equal(r, left, right, &same))
			return false;
		*ret = cel_bool(same == (join == CEL_JOIN_EQ));
		return true;
	case CEL_JOIN_LT:
	case CEL_JOIN_LE:
	case CEL_JOIN_GT:
	case CEL_JOIN_GE:
		return relation(r, join, left, right, ret);
	case CEL_JOIN_IN:
		return in(r, left, right, ret);
	case CEL_JOIN_ADD:
	case CEL_JOIN_SUB:
	case CEL_JOIN_MUL:
	case CEL_JOIN_DIV:
	case CEL_JOIN_MOD:
		return arithmetic(r, join, left, right, ret);
	case CEL_JOIN_NONE:
		break;
	}
	ASSERT(!"a chain has operators");
	return false;
}

bool cel_negate(struct cel_run *r, const struct cel_value *v, struct cel_value *ret)
{
	if (v->kind == CEL_DOUBLE) {
		*ret = cel_double(-v->d);
		return true;
	}
	if (v->kind != CEL_INT)
		return cel_no_overload(r, "-", v, 1);
	if (v->i == INT64_MIN)
		return cel_fail(r, CEL_ERROR_VALUE, "int overflow in '-'");
	*ret = cel_int(-v->i);
	return true;
}

static bool index_list(struct cel_run *r, const struct cel_value *list, const struct cel_value *key,
		       struct cel_value *ret)
{
	if (!cel_is_number(key))
		return cel_fail(r, CEL_ERROR_VALUE, "a list has no member of type %s",
				cel_kind_name(key->kind));
	struct cel_value zero = cel_int(0), n = cel_int(list->n);
	if (key->kind == CEL_DOUBLE && key->d != floor(key->d))
		return cel_fail(r, CEL_ERROR_VALUE, "a list's index is a whole number");
	if (cel_number_cmp(key, &zero) < 0 || cel_number_cmp(key, &n) >= 0) {
		char text[CEL_DOUBLE_TEXT_BYTES];
		cel_double_text(text, key->kind == CEL_DOUBLE ? key->d
				      : key->kind == CEL_INT  ? (double)key->i
							      : (double)key->u);
		return cel_fail(r, CEL_ERROR_MISSING, "index %s is out of range of %u items", text,
				list->n);
	}
	uint32_t i = (uint32_t)(key->kind == CEL_DOUBLE ? (uint64_t)key->d : key->u);
	*ret = cel_list_at(list, i);
	return true;
}

static bool no_such_key(struct cel_run *r, const struct cel_value *key)
{
	switch (key->kind) {
	case CEL_STRING:
		return cel_fail(r, CEL_ERROR_MISSING, "no such key '%.*s'", STR_ARG(cel_text(key)));
	case CEL_INT:
		return cel_fail(r, CEL_ERROR_MISSING, "no such key %lld", (long long)key->i);
	case CEL_UINT:
		return cel_fail(r, CEL_ERROR_MISSING, "no such key %lluu",
				(unsigned long long)key->u);
	case CEL_BOOL:
		return cel_fail(r, CEL_ERROR_MISSING, "no such key %s", key->b ? "true" : "false");
	case CEL_DOUBLE: {
		char text[CEL_DOUBLE_TEXT_BYTES];
		cel_double_text(text, key->d);
		return cel_fail(r, CEL_ERROR_MISSING, "no such key %s", text);
	}
	case CEL_NULL:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
	case CEL_TYPE:
		break;
	}
	return cel_fail(r, CEL_ERROR_VALUE, "a map's key cannot be of type %s",
			cel_kind_name(key->kind));
}

bool cel_index(struct cel_run *r, const struct cel_value *v, const struct cel_value *key,
	       struct cel_value *ret)
{
	if (v->kind == CEL_LIST)
		return index_list(r, v, key, ret);
	if (v->kind == CEL_MAP) {
		if (!spend_find(r, v))
			return false;
		return cel_map_find(v, key, ret) || no_such_key(r, key);
	}
	if (v->kind == CEL_NULL)
		return cel_fail(r, CEL_ERROR_MISSING, "no such overload: null has no members");
	return cel_fail(r, CEL_ERROR_VALUE, "no such overload: %s has no members",
			cel_kind_name(v->kind));
}

bool cel_select(struct cel_run *r, const struct cel_value *v, struct str name,
		struct cel_value *ret)
{
	if (v->kind == CEL_LIST)
		return cel_fail(r, CEL_ERROR_VALUE,
				"no such overload: list has no members; "
				"an item is list[index]");
	struct cel_value key = cel_string(name);
	return cel_index(r, v, &key, ret);
}
