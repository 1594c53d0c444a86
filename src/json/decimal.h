/*
 * A JSON number as an exact decimal: sign, significant digits, power of ten. For what doubles
 * can't answer: 0.3 is a multiple of 0.1, and integers of forty digits differ. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "json/value.h"

enum { DECIMAL_INLINE_DIGITS = 32 };

/*
 * digits[0..n) as text, without zeros at either end, times 10^exponent; n is 0 for zero.
 * The digits are in `own` or, when there are more, in the text of the value.
 */
struct decimal {
	bool negative;
	int64_t exponent;
	size_t n;
	char own[DECIMAL_INLINE_DIGITS];
	const char *text; /* NULL: own. Else the spelling, whose points are skipped in reading */
};

/* From any number value. A DOUBLE without a spelling stands for its shortest decimal form. */
void decimal_from(struct decimal *ret, const struct value *number);

/* <0, 0, >0 as a is below, equal to, above b. */
int decimal_cmp(const struct decimal *a, const struct decimal *b);

/* Whether the value has no fraction. */
bool decimal_is_integer(const struct decimal *d);

/* Digits a divisor may have in decimal_is_multiple(). */
enum { DECIMAL_DIVISOR_DIGITS = 36 };

/* Whether a / divisor is an integer; divisor is not zero and has at most
 * DECIMAL_DIVISOR_DIGITS significant digits. */
bool decimal_is_multiple(const struct decimal *a, const struct decimal *divisor);

/* Equal decimals have equal hashes. */
uint64_t decimal_hash(const struct decimal *d);

/* Whether the decimal is an integer that fits. */
bool decimal_to_i64(const struct decimal *d, int64_t *ret);

/* One spelling per decimal: an integer of at most 20 digits in full, else DIGITSeEXPONENT. */
void decimal_write(struct buf *out, const struct decimal *d);
