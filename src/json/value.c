#include "json/value.h"

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "base/map.h"
#include "json/decimal.h"

/* Objects below this size are searched member by member. */
enum { INDEX_FROM = 16 };

const char *value_kind_name(const struct value *v)
{
	static const char *const names[] = {"null",   "boolean", "integer", "integer",
					    "number", "string",	 "array",   "object"};
	return v ? names[v->kind] : "nothing";
}

/* Storage is a power of two (at least 4), so its size follows from n. */
static size_t capacity(size_t n)
{
	return n <= 4 ? 4 : (size_t)1 << (64 - __builtin_clzll((unsigned long long)n - 1));
}

static bool is_full(size_t n)
{
	return n == 0 || (n >= 4 && (n & (n - 1)) == 0);
}

static size_t index_size(size_t n)
{
	return capacity(n) * 2;
}

static uint32_t *index_slot(const struct value *o, struct str key)
{
	size_t mask = index_size(o->n) - 1;
	for (size_t i = map_hash(key) & mask;; i = (i + 1) & mask) {
		uint32_t at = o->index[i];
		if (at == 0 || str_eq(o->members[at - 1].key, key))
			return &o->index[i];
	}
}

static void index_build(struct arena *a, struct value *o)
{
	o->index = arena_alloc0(a, index_size(o->n) * sizeof(uint32_t));
	for (uint32_t i = 0; i < o->n; i++)
		*index_slot(o, o->members[i].key) = i + 1;
}

static struct value_member *find(const struct value *o, struct str key)
{
	if (o->index) {
		uint32_t at = *index_slot(o, key);
		return at ? &o->members[at - 1] : NULL;
	}
	for (uint32_t i = o->n; i > 0; i--)
		if (str_eq(o->members[i - 1].key, key))
			return &o->members[i - 1];
	return NULL;
}

const struct value *value_get(const struct value *v, struct str key)
{
	if (!v || v->kind != VALUE_OBJECT)
		return NULL;
	const struct value_member *m = find(v, key);
	return m ? &m->value : NULL;
}

struct value value_array(struct arena *a, size_t expect)
{
	(void)a;
	(void)expect;
	return (struct value){.kind = VALUE_ARRAY};
}

void value_push(struct arena *a, struct value *array, struct value item)
{
	ASSERT(array->kind == VALUE_ARRAY);
	size_t n = array->n;
	if (is_full(n))
		array->items = arena_grow(a, array->items, n * sizeof(item),
					  capacity(n + 1) * sizeof(item));
	array->items[array->n++] = item;
}

struct value value_array_of(struct arena *a, const struct value *items, size_t n)
{
	struct value v = {.kind = VALUE_ARRAY, .n = (uint32_t)n};
	if (n == 0)
		return v;
	v.items = arena_alloc(a, capacity(n) * sizeof(*v.items));
	memcpy(v.items, items, n * sizeof(*v.items));
	return v;
}

struct value value_object_room(struct arena *a, size_t n)
{
	struct value v = {.kind = VALUE_OBJECT, .n = (uint32_t)n};
	if (n > 0)
		v.members = arena_alloc(a, capacity(n) * sizeof(*v.members));
	return v;
}

size_t value_object_close(struct arena *a, struct value *o)
{
	if (o->n < INDEX_FROM) {
		for (uint32_t i = 1; i < o->n; i++)
			for (uint32_t j = 0; j < i; j++)
				if (str_eq(o->members[i].key, o->members[j].key))
					return i;
		return o->n;
	}
	o->index = arena_alloc0(a, index_size(o->n) * sizeof(uint32_t));
	for (uint32_t i = 0; i < o->n; i++) {
		uint32_t *slot = index_slot(o, o->members[i].key);
		if (*slot != 0)
			return i;
		*slot = i + 1;
	}
	return o->n;
}

struct value value_object(struct arena *a, size_t expect)
{
	(void)a;
	(void)expect;
	return (struct value){.kind = VALUE_OBJECT};
}

void value_put(struct arena *a, struct value *object, struct str key, struct value item)
{
	ASSERT(object->kind == VALUE_OBJECT);
	struct value_member *there = find(object, key);
	if (there) {
		there->value = item;
		return;
	}
	size_t n = object->n;
	bool grown = is_full(n);
	if (grown)
		object->members = arena_grow(a, object->members, n * sizeof(*object->members),
					     capacity(n + 1) * sizeof(*object->members));
	object->members[n] = (struct value_member){key, item};
	object->n++;
	if (object->n >= INDEX_FROM && (grown || !object->index))
		index_build(a, object);
	else if (object->index)
		*index_slot(object, key) = object->n;
}

static int cmp_int_double(int64_t i, double d)
{
	if (d >= 9223372036854775808.0)
		return -1;
	if (d < -9223372036854775808.0)
		return 1;
	int64_t whole = (int64_t)d;
	if (i != whole)
		return i < whole ? -1 : 1;
	double rest = d - (double)whole;
	return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

static int cmp_uint_double(uint64_t u, double d)
{
	if (d >= 18446744073709551616.0)
		return -1;
	if (d < 0)
		return 1;
	uint64_t whole = (uint64_t)d;
	if (u != whole)
		return u < whole ? -1 : 1;
	return d > (double)whole ? -1 : 0;
}

/* A spelling whose value the double may have lost a part of. */
static bool is_long(const struct value *v)
{
	return v->kind == VALUE_DOUBLE && v->raw && v->n > 15;
}

static int cmp_exactly(const struct value *a, const struct value *b)
{
	struct decimal da, db;
	decimal_from(&da, a);
	decimal_from(&db, b);
	return decimal_cmp(&da, &db);
}

int value_number_cmp(const struct value *a, const struct value *b)
{
	if (is_long(a) || is_long(b))
		return cmp_exactly(a, b);
	if (a->kind == VALUE_DOUBLE && b->kind == VALUE_DOUBLE)
		return a->d < b->d ? -1 : a->d > b->d;
	if (a->kind == VALUE_DOUBLE)
		return -value_number_cmp(b, a);
	if (b->kind == VALUE_DOUBLE)
		return a->kind == VALUE_INT ? cmp_int_double(a->i, b->d)
					    : cmp_uint_double(a->u, b->d);
	if (a->kind == VALUE_INT && b->kind == VALUE_INT)
		return a->i < b->i ? -1 : a->i > b->i;
	if (a->kind == VALUE_UINT && b->kind == VALUE_UINT)
		return a->u < b->u ? -1 : a->u > b->u;
	return a->kind == VALUE_INT ? -1 : 1; /* a UINT is above every INT */
}

static bool object_equal(const struct value *a, const struct value *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct value *other = value_get(b, a->members[i].key);
		if (!other || !value_equal(&a->members[i].value, other))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (value_is_number(a) && value_is_number(b))
		return value_number_cmp(a, b) == 0;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VALUE_NULL:
		return true;
	case VALUE_BOOL:
		return a->b == b->b;
	case VALUE_STRING:
		return str_eq(value_text(a), value_text(b));
	case VALUE_ARRAY:
		if (a->n != b->n)
			return false;
		for (uint32_t i = 0; i < a->n; i++)
			if (!value_equal(&a->items[i], &b->items[i]))
				return false;
		return true;
	case VALUE_OBJECT:
		return object_equal(a, b);
	case VALUE_INT:
	case VALUE_UINT:
	case VALUE_DOUBLE:
		break;
	}
	return false;
}

static uint64_t hash_u64(uint64_t u, uint64_t kind)
{
	uint64_t words[2] = {u, kind};
	return map_hash(str_n((const char *)words, sizeof(words)));
}

static uint64_t hash_large(const struct value *v)
{
	if (v->kind == VALUE_DOUBLE && !is_long(v) && v->d == floor(v->d) && fabs(v->d) < 9e18)
		return hash_u64((uint64_t)(int64_t)v->d, VALUE_INT);
	struct decimal d;
	decimal_from(&d, v);
	int64_t i;
	return decimal_to_i64(&d, &i) ? hash_u64((uint64_t)i, VALUE_INT) : decimal_hash(&d);
}

static uint64_t hash_object(const struct value *v)
{
	uint64_t h = 0; /* a sum: members have no order */
	for (uint32_t i = 0; i < v->n; i++)
		h += hash_u64(map_hash(v->members[i].key), value_hash(&v->members[i].value));
	return hash_u64(h, VALUE_OBJECT);
}

uint64_t value_hash(const struct value *v)
{
	uint64_t h = v->n;
	switch (v->kind) {
	case VALUE_NULL:
		return hash_u64(0, VALUE_NULL);
	case VALUE_BOOL:
		return hash_u64(v->b, VALUE_BOOL);
	case VALUE_INT:
		return hash_u64((uint64_t)v->i, VALUE_INT);
	case VALUE_UINT:
	case VALUE_DOUBLE:
		return hash_large(v);
	case VALUE_STRING:
		return map_hash(value_text(v));
	case VALUE_ARRAY:
		for (uint32_t i = 0; i < v->n; i++)
			h = hash_u64(h, value_hash(&v->items[i]));
		return hash_u64(h, VALUE_ARRAY);
	case VALUE_OBJECT:
		return hash_object(v);
	}
	return 0;
}

struct value value_copy(struct arena *a, const struct value *v)
{
	struct value copy = *v;
	if ((v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) && v->n == 0)
		return copy;
	switch (v->kind) {
	case VALUE_STRING:
		copy.s = arena_dup(a, v->s, v->n);
		break;
	case VALUE_DOUBLE:
		if (v->raw)
			copy.raw = arena_dup(a, v->raw, v->n);
		break;
	case VALUE_ARRAY:
		copy.items = arena_alloc(a, capacity(v->n) * sizeof(*copy.items));
		for (uint32_t i = 0; i < v->n; i++)
			copy.items[i] = value_copy(a, &v->items[i]);
		break;
	case VALUE_OBJECT:
		copy.members = arena_alloc(a, capacity(v->n) * sizeof(*copy.members));
		copy.index = NULL;
		for (uint32_t i = 0; i < v->n; i++)
			copy.members[i] = (struct value_member){
				.key = arena_str(a, v->members[i].key),
				.value = value_copy(a, &v->members[i].value),
			};
		if (copy.n >= INDEX_FROM)
			index_build(a, &copy);
		break;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_UINT:
		break;
	}
	return copy;
}
