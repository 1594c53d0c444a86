#include "base/escape.h"
#include "base/utf8.h"
#include "json/schema_impl.h"
#include "json/decimal.h"
#include "json/write.h"

#include <math.h>

enum { SHOWN_VALUE_BYTES = 80, SHOWN_CHOICES = 12 };

static bool plain_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
			return false;
	}
	return key.n > 0;
}

void schema_path_key(struct buf *path, struct str key)
{
	if (plain_key(key)) {
		if (path->n > 0)
			buf_putc(path, '.');
		buf_put_str(path, key);
		return;
	}
	buf_putc(path, '[');
	escape_json(path, key);
	buf_putc(path, ']');
}

void schema_path_index(struct buf *path, size_t index)
{
	buf_putc(path, '[');
	buf_put_u64(path, index);
	buf_putc(path, ']');
}

void schema_say_path(struct buf *out, const struct schema_place *place)
{
	CLEANUP_BUF struct buf order = {0};
	size_t n = 0;
	for (; place; place = place->up, n++)
		buf_put(&order, &place, sizeof(place));
	const struct schema_place **places = (const struct schema_place **)(void *)order.p;
	for (; n > 0; n--) {
		const struct schema_place *p = places[n - 1];
		if (p->key.p)
			schema_path_key(out, p->key);
		else
			schema_path_index(out, p->index);
	}
}

static const struct {
	int type;
	const char *name, *with_article;
} types[] = {
	{TYPE_NULL, "null", "null"},
	{TYPE_BOOLEAN, "boolean", "a boolean"},
	{TYPE_INTEGER, "integer", "an integer"},
	{TYPE_NUMBER, "number", "a number"},
	{TYPE_STRING, "string", "a string"},
	{TYPE_ARRAY, "array", "an array"},
	{TYPE_OBJECT, "object", "an object"},
};

int schema_type_named(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eqz(name, types[i].name))
			return types[i].type;
	return 0;
}

void schema_say_types(struct buf *out, int bits)
{
	if (bits & TYPE_NUMBER)
		bits &= ~TYPE_INTEGER;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!(bits & types[i].type))
			continue;
		buf_puts(out, types[i].with_article);
		bits &= ~types[i].type;
		if (bits)
			buf_puts(out, (bits & (bits - 1)) == 0 ? " or " : ", ");
	}
}

static bool is_integer(const struct value *v)
{
	if (v->d != floor(v->d))
		return false;
	/* a double holds 15 digits for sure; longer spellings may have a fraction it lost */
	if (!v->raw || v->n <= 15)
		return true;
	struct decimal exact;
	decimal_from(&exact, v);
	return decimal_is_integer(&exact);
}

int schema_type_of(const struct value *v)
{
	switch (v->kind) {
	case VALUE_NULL:
		return TYPE_NULL;
	case VALUE_BOOL:
		return TYPE_BOOLEAN;
	case VALUE_INT:
	case VALUE_UINT:
		return TYPE_INTEGER | TYPE_NUMBER;
	case VALUE_DOUBLE:
		return is_integer(v) ? TYPE_INTEGER | TYPE_NUMBER : TYPE_NUMBER;
	case VALUE_STRING:
		return TYPE_STRING;
	case VALUE_ARRAY:
		return TYPE_ARRAY;
	case VALUE_OBJECT:
		return TYPE_OBJECT;
	}
	return 0;
}

/* Whether the value is worth showing: few parts, looked at in bounded time. */
static bool is_small(const struct value *v, int *budget)
{
	if (--*budget < 0)
		return false;
	bool array = v->kind == VALUE_ARRAY;
	if (!array && v->kind != VALUE_OBJECT)
		return (v->kind != VALUE_STRING && v->kind != VALUE_DOUBLE) ||
		       v->n < SHOWN_VALUE_BYTES;
	for (uint32_t i = 0; i < v->n; i++)
		if (!is_small(array ? &v->items[i] : &v->members[i].value, budget) ||
		    (!array && v->members[i].key.n > SHOWN_VALUE_BYTES))
			return false;
	return true;
}

void schema_say_value(struct buf *out, const struct value *v)
{
	CLEANUP_BUF struct buf text = {0};
	int budget = 20;
	if (is_small(v, &budget)) {
		json_write(&text, v);
	} else if (v->kind == VALUE_STRING) {
		escape_json(&text, str_n(v->s, SHOWN_VALUE_BYTES));
	} else {
		buf_printf(out, "%s of %u %s",
			   v->kind == VALUE_ARRAY    ? "an array"
			   : v->kind == VALUE_OBJECT ? "an object"
						     : "a number",
			   v->n,
			   v->kind == VALUE_ARRAY    ? "items"
			   : v->kind == VALUE_OBJECT ? "members"
						     : "characters");
		return;
	}
	size_t n = text.n;
	if (n > SHOWN_VALUE_BYTES) {
		n = SHOWN_VALUE_BYTES;
		while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
	}
	buf_put(out, text.p, n);
	if (n < text.n)
		buf_puts(out, "...");
}

void schema_say_choices(struct buf *out, const struct value *choices)
{
	uint32_t n = choices->n > SHOWN_CHOICES ? SHOWN_CHOICES : choices->n;
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		const struct value *v = &choices->items[i];
		if (v->kind == VALUE_STRING && plain_key(value_text(v)) && v->n < SHOWN_VALUE_BYTES)
			buf_put_str(out, value_text(v));
		else
			schema_say_value(out, v);
	}
	if (n < choices->n)
		buf_printf(out, " and %u more", choices->n - n);
}
