#include "json/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/escape.h"
#include "base/fault.h"
#include "base/timefmt.h"
#include "json/decimal.h"

/*
 * A double that is a number of at most 15 digits over a small power of ten: both are exact
 * doubles, so when their quotient is the double, these digits read back as it; and the fewest
 * decimals come first. false: it is not.
 */
static bool put_short_double(struct buf *out, double d)
{
	static const double powers[] = {1e0, 1e1, 1e2,	1e3,  1e4,  1e5,  1e6, 1e7,
					1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
	double size = fabs(d);
	if (size < 1e-4 || size >= 1e15)
		return false;
	for (int decimals = 1; decimals < 15; decimals++) {
		double scaled = size * powers[decimals];
		if (scaled >= 1e15)
			return false;
		uint64_t digits = (uint64_t)(scaled + 0.5);
		if ((double)digits / powers[decimals] != size)
			continue;
		uint64_t power = (uint64_t)powers[decimals], rest = digits % power;
		if (d < 0)
			buf_putc(out, '-');
		buf_put_u64(out, digits / power);
		buf_putc(out, '.');
		for (power /= 10; power > 0; power /= 10)
			buf_putc(out, (char)('0' + rest / power % 10));
		return true;
	}
	return false;
}

/* The shortest decimal form that reads back as the same double. */
static void put_double(struct buf *out, double d)
{
	if (put_short_double(out, d))
		return;
	double size = fabs(d);
	/* from 1 on, 15 digits were tried just now; a subnormal may have less to tell */
	int precision = size < 2.3e-308 ? 1 : size >= 1 && size < 1e15 ? 16 : 15;
	char text[40];
	for (; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_puts(out, text);
	/* it shall read as a double again */
	if (!text[strcspn(text, ".e")])
		buf_puts(out, ".0");
}

/* A double as it came, or so that it reads as a double again. */
static void put_spelled(struct buf *out, const struct value *v)
{
	if (v->raw)
		buf_put(out, v->raw, v->n);
	else if (v->d == floor(v->d) && fabs(v->d) < 1e15)
		buf_printf(out, "%.1f", v->d);
	else
		put_double(out, v->d);
}

/* Equal numbers get equal spellings, also beyond what a double tells apart. */
static void put_canonical_double(struct buf *out, const struct value *v)
{
	struct value plain = value_double(v->d);
	struct decimal d;
	decimal_from(&d, v);
	bool integer = decimal_is_integer(&d) && (int64_t)d.n + d.exponent <= 20;
	if (integer || value_number_cmp(v, &plain) != 0)
		decimal_write(out, &d);
	else
		put_double(out, v->d);
}

static void put_scalar(struct buf *out, const struct value *v, bool spelled)
{
	switch (v->kind) {
	case VALUE_NULL:
		buf_puts(out, "null");
		break;
	case VALUE_BOOL:
		buf_puts(out, v->b ? "true" : "false");
		break;
	case VALUE_INT:
		buf_put_i64(out, v->i);
		break;
	case VALUE_UINT:
		buf_put_u64(out, v->u);
		break;
	case VALUE_DOUBLE:
		if (spelled)
			put_spelled(out, v);
		else
			put_canonical_double(out, v);
		break;
	case VALUE_STRING:
		escape_json(out, value_text(v));
		break;
	case VALUE_ARRAY:
	case VALUE_OBJECT:
		break;
	}
}

static void newline(struct buf *out, int indent)
{
	if (indent < 0)
		return;
	buf_putc(out, '\n');
	for (int i = 0; i < indent; i++)
		buf_puts(out, "  ");
}

/* indent < 0: compact. */
static void put_value(struct buf *out, const struct value *v, int indent)
{
	bool array = v->kind == VALUE_ARRAY;
	if (!array && v->kind != VALUE_OBJECT) {
		put_scalar(out, v, true);
		return;
	}
	int inner = indent < 0 ? -1 : indent + 1;
	buf_putc(out, array ? '[' : '{');
	for (uint32_t i = 0; i < v->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		newline(out, inner);
		if (array) {
			put_value(out, &v->items[i], inner);
			continue;
		}
		escape_json(out, v->members[i].key);
		buf_putc(out, ':');
		if (indent >= 0)
			buf_putc(out, ' ');
		put_value(out, &v->members[i].value, inner);
	}
	if (v->n > 0)
		newline(out, indent);
	buf_putc(out, array ? ']' : '}');
}

void json_write(struct buf *out, const struct value *v)
{
	put_value(out, v, -1);
}

void json_write_pretty(struct buf *out, const struct value *v)
{
	put_value(out, v, 0);
}

static int by_key(const void *a, const void *b)
{
	const struct value_member *const *ma = a, *const *mb = b;
	return str_cmp((*ma)->key, (*mb)->key);
}

static void put_canonical(struct arena *scratch, struct buf *out, const struct value *v)
{
	if (v->kind == VALUE_ARRAY) {
		buf_putc(out, '[');
		for (uint32_t i = 0; i < v->n; i++) {
			if (i > 0)
				buf_putc(out, ',');
			put_canonical(scratch, out, &v->items[i]);
		}
		buf_putc(out, ']');
		return;
	}
	if (v->kind != VALUE_OBJECT) {
		put_scalar(out, v, false);
		return;
	}
	const struct value_member **sorted = arena_alloc(scratch, v->n * sizeof(*sorted));
	for (uint32_t i = 0; i < v->n; i++)
		sorted[i] = &v->members[i];
	qsort(sorted, v->n, sizeof(*sorted), by_key);
	buf_putc(out, '{');
	for (uint32_t i = 0; i < v->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		escape_json(out, sorted[i]->key);
		buf_putc(out, ':');
		put_canonical(scratch, out, &sorted[i]->value);
	}
	buf_putc(out, '}');
}

void json_write_canonical(struct buf *out, const struct value *v)
{
	CLEANUP_ARENA struct arena scratch = {0};
	put_canonical(&scratch, out, v);
}

/* Comma, unless this is the first item or the value of a key. */
static void before_item(struct json_out *o)
{
	uint32_t bit = 1u << o->depth;
	if (o->after_key) {
		o->after_key = false;
		return;
	}
	if (o->has_item & bit)
		buf_putc(o->buf, ',');
	o->has_item |= bit;
}

static void enter(struct json_out *o, bool array)
{
	before_item(o);
	ASSERT(o->depth < 31);
	o->depth++;
	uint32_t bit = 1u << o->depth;
	o->has_item &= ~bit;
	o->is_array = array ? o->is_array | bit : o->is_array & ~bit;
	buf_putc(o->buf, array ? '[' : '{');
}

void json_out_object(struct json_out *o)
{
	enter(o, false);
}

void json_out_array(struct json_out *o)
{
	enter(o, true);
}

void json_out_end(struct json_out *o)
{
	ASSERT(o->depth > 0 && !o->after_key);
	buf_putc(o->buf, o->is_array & (1u << o->depth) ? ']' : '}');
	o->depth--;
}

void json_out_key(struct json_out *o, const char *key)
{
	ASSERT(!o->after_key);
	before_item(o);
	escape_json(o->buf, str_of(key));
	buf_putc(o->buf, ':');
	o->after_key = true;
}

void json_out_str(struct json_out *o, struct str s)
{
	before_item(o);
	escape_json(o->buf, s);
}

void json_out_strz(struct json_out *o, const char *z)
{
	if (z)
		json_out_str(o, str_of(z));
	else
		json_out_null(o);
}

void json_out_int(struct json_out *o, int64_t v)
{
	before_item(o);
	buf_put_i64(o->buf, v);
}

void json_out_double(struct json_out *o, double v)
{
	struct value d = isfinite(v) ? value_double(v) : value_null();
	json_out_value(o, &d);
}

void json_out_bool(struct json_out *o, bool v)
{
	before_item(o);
	buf_puts(o->buf, v ? "true" : "false");
}

void json_out_null(struct json_out *o)
{
	before_item(o);
	buf_puts(o->buf, "null");
}

void json_out_value(struct json_out *o, const struct value *v)
{
	before_item(o);
	if (v)
		json_write(o->buf, v);
	else
		buf_puts(o->buf, "null");
}

void json_out_raw(struct json_out *o, struct str json)
{
	before_item(o);
	if (json.n > 0)
		buf_put_str(o->buf, json);
	else
		buf_puts(o->buf, "null");
}

void json_out_time(struct json_out *o, int64_t time_ms)
{
	if (time_ms == 0) {
		json_out_null(o);
		return;
	}
	char text[TIMEFMT_RFC3339_BYTES];
	timefmt_rfc3339(text, time_ms);
	json_out_strz(o, text);
}
