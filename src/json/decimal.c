#include "json/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/map.h"

/* Walks the significant digits of a decimal, over the point of a spelling. */
struct cursor {
	const char *at;
	size_t left;
};

static struct cursor digits_of(const struct decimal *d)
{
	return (struct cursor){d->text ? d->text : d->own, d->n};
}

static int next_digit(struct cursor *c)
{
	if (*c->at == '.')
		c->at++;
	c->left--;
	return *c->at++ - '0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exponents beyond this belong to numbers that are zero as doubles. */
enum { EXPONENT_MOST = 1 << 30 };

static int64_t read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	int64_t e = 0;
	for (; p < end && e < EXPONENT_MOST; p++)
		e = e * 10 + (*p - '0');
	return negative ? -e : e;
}

/* text is a JSON number: -?digits(.digits)?(e...)? */
static void from_text(struct decimal *ret, const char *text, size_t n)
{
	const char *p = text, *end = text + n, *stop = text, *point = NULL;
	*ret = (struct decimal){.negative = n > 0 && *p == '-'};
	p += ret->negative;
	for (stop = p; stop < end && (is_digit(*stop) || *stop == '.'); stop++)
		if (*stop == '.')
			point = stop;
	int64_t exponent = stop < end ? read_exponent(stop + 1, end) : 0;
	if (!point)
		point = stop;
	const char *last = stop;
	while (p < last && (*p == '0' || *p == '.'))
		p++;
	while (last > p && (last[-1] == '0' || last[-1] == '.'))
		last--;
	if (p == last) {
		ret->negative = false;
		return;
	}
	/* Position of the last significant digit's unit, from the point. */
	int64_t unit = last <= point ? point - last : -(last - point - 1);
	bool over_point = p < point && last > point;
	ret->n = (size_t)(last - p) - over_point;
	ret->exponent = exponent + unit;
	if (ret->n > sizeof(ret->own)) {
		ret->text = p;
		return;
	}
	size_t at = 0;
	for (; p < last; p++)
		if (*p != '.')
			ret->own[at++] = *p;
}

static void from_u64(struct decimal *ret, uint64_t u, bool negative)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%s%llu", negative ? "-" : "", (unsigned long long)u);
	from_text(ret, text, (size_t)n);
}

static void from_double(struct decimal *ret, double d)
{
	char text[40];
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, d);
		if (strtod(text, NULL) == d)
			break;
	}
	from_text(ret, text, strlen(text));
}

void decimal_from(struct decimal *ret, const struct value *v)
{
	ASSERT(value_is_number(v));
	if (v->kind == VALUE_INT)
		from_u64(ret, v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i, v->i < 0);
	else if (v->kind == VALUE_UINT)
		from_u64(ret, v->u, false);
	else if (v->d == 0)
		*ret = (struct decimal){0};
	else if (v->raw)
		from_text(ret, v->raw, v->n);
	else if (v->d == floor(v->d) && fabs(v->d) < 18446744073709551616.0)
		from_u64(ret, (uint64_t)fabs(v->d), v->d < 0);
	else
		from_double(ret, v->d);
}

/* Compares magnitudes of two that are not zero. */
static int cmp_magnitude(const struct decimal *a, const struct decimal *b)
{
	int64_t top_a = a->exponent + (int64_t)a->n, top_b = b->exponent + (int64_t)b->n;
	if (top_a != top_b)
		return top_a < top_b ? -1 : 1;
	struct cursor ca = digits_of(a), cb = digits_of(b);
	while (ca.left > 0 && cb.left > 0) {
		int da = next_digit(&ca), db = next_digit(&cb);
		if (da != db)
			return da < db ? -1 : 1;
	}
	return ca.left > 0 ? 1 : cb.left > 0 ? -1 : 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
	int sign_a = a->n == 0 ? 0 : a->negative ? -1 : 1;
	int sign_b = b->n == 0 ? 0 : b->negative ? -1 : 1;
	if (sign_a != sign_b)
		return sign_a < sign_b ? -1 : 1;
	return sign_a == 0 ? 0 : sign_a * cmp_magnitude(a, b);
}

bool decimal_is_integer(const struct decimal *d)
{
	return d->n == 0 || d->exponent >= 0;
}

bool decimal_is_multiple(const struct decimal *a, const struct decimal *divisor)
{
	ASSERT(divisor->n > 0 && divisor->n <= DECIMAL_DIVISOR_DIGITS);
	if (a->n == 0)
		return true;
	/* The last digit of a is not 0, so it is no multiple of anything that ends in more
	 * zeros. */
	if (a->exponent < divisor->exponent)
		return false;
	unsigned __int128 modulus = 0, rest = 0;
	for (struct cursor c = digits_of(divisor); c.left > 0;)
		modulus = modulus * 10 + (unsigned)next_digit(&c);
	for (struct cursor c = digits_of(a); c.left > 0;)
		rest = (rest * 10 + (unsigned)next_digit(&c)) % modulus;
	for (int64_t i = a->exponent - divisor->exponent; i > 0 && rest != 0; i--)
		rest = rest * 10 % modulus;
	return rest == 0;
}

uint64_t decimal_hash(const struct decimal *d)
{
	uint64_t h = (uint64_t)d->exponent * 2 + d->negative;
	for (struct cursor c = digits_of(d); c.left > 0;)
		h = (h ^ (uint64_t)next_digit(&c)) * 0x9e3779b97f4a7c15ULL;
	return map_hash(str_n((const char *)&h, sizeof(h)));
}

bool decimal_to_i64(const struct decimal *d, int64_t *ret)
{
	if (!decimal_is_integer(d) || (int64_t)d->n + d->exponent > 19)
		return false;
	uint64_t u = 0;
	for (struct cursor c = digits_of(d); c.left > 0;)
		u = u * 10 + (uint64_t)next_digit(&c);
	for (int64_t i = 0; i < d->exponent && d->n > 0; i++)
		u *= 10;
	if (u > (uint64_t)INT64_MAX + d->negative)
		return false;
	*ret = (int64_t)(d->negative ? 0 - u : u);
	return true;
}

void decimal_write(struct buf *out, const struct decimal *d)
{
	bool full = decimal_is_integer(d) && (int64_t)d->n + d->exponent <= 20;
	if (d->negative)
		buf_putc(out, '-');
	for (struct cursor c = digits_of(d); c.left > 0;)
		buf_putc(out, (char)('0' + next_digit(&c)));
	if (d->n == 0)
		buf_putc(out, '0');
	for (int64_t i = 0; full && i < d->exponent; i++)
		buf_putc(out, '0');
	if (!full) {
		buf_putc(out, 'e');
		buf_put_i64(out, d->exponent);
	}
}
