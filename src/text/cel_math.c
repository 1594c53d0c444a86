/* The "math" extension. */
#include <math.h>

#include "text/cel_parse.h"
#include "text/cel_run.h"

/* least (sign -1) or greatest (sign 1) of the arguments or of one list. */
static bool extreme(struct cel_run *r, const char *name, int sign, const struct cel_value *args,
		    uint32_t n, struct cel_value *ret)
{
	struct cel_value list = cel_list(args, n);
	if (n == 1 && args[0].kind == CEL_LIST)
		list = args[0];
	if (list.n == 0)
		return cel_fail(r, CEL_ERROR_VALUE, "%s() of an empty list", name);
	if (!cel_spend(r, list.n / 4))
		return false;
	struct cel_value best = cel_null();
	for (uint32_t i = 0; i < list.n; i++) {
		struct cel_value v = cel_list_at(&list, i);
		if (!cel_is_number(&v))
			return cel_no_overload(r, name, &v, 1);
		if (i == 0 || cel_number_cmp(&v, &best) == sign)
			best = v;
	}
	*ret = best;
	return true;
}

static bool call_greatest(struct cel_run *r, const struct cel_value *args, uint32_t n,
			  struct cel_value *ret)
{
	return extreme(r, "math.greatest", 1, args, n, ret);
}

static bool call_least(struct cel_run *r, const struct cel_value *args, uint32_t n,
		       struct cel_value *ret)
{
	return extreme(r, "math.least", -1, args, n, ret);
}

static bool round_by(struct cel_run *r, const char *name, double (*fn)(double),
		     const struct cel_value *args, struct cel_value *ret)
{
	if (args[0].kind != CEL_DOUBLE)
		return cel_no_overload(r, name, args, 1);
	*ret = cel_double(fn(args[0].d));
	return true;
}

#define ROUND_FUNCTION(call, name, fn)                                                             \
	static bool call(struct cel_run *r, const struct cel_value *args, uint32_t n,              \
			 struct cel_value *ret)                                                    \
	{                                                                                          \
		(void)n;                                                                           \
		return round_by(r, name, fn, args, ret);                                           \
	}

ROUND_FUNCTION(call_ceil, "math.ceil", ceil)
ROUND_FUNCTION(call_floor, "math.floor", floor)
ROUND_FUNCTION(call_round, "math.round", round)
ROUND_FUNCTION(call_trunc, "math.trunc", trunc)

static bool call_abs(struct cel_run *r, const struct cel_value *args, uint32_t n,
		     struct cel_value *ret)
{
	*ret = args[0];
	if (args[0].kind == CEL_DOUBLE)
		*ret = cel_double(fabs(args[0].d));
	else if (args[0].kind == CEL_INT)
		return args[0].i >= 0 || cel_negate(r, &args[0], ret);
	return args[0].kind == CEL_DOUBLE || args[0].kind == CEL_UINT ||
	       cel_no_overload(r, "math.abs", args, n);
}

static bool call_sign(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	if (v->kind == CEL_INT)
		*ret = cel_int((v->i > 0) - (v->i < 0));
	else if (v->kind == CEL_UINT)
		*ret = cel_uint(v->u > 0);
	else if (v->kind == CEL_DOUBLE)
		*ret = cel_double(isnan(v->d) ? v->d : (v->d > 0) - (v->d < 0));
	else
		return cel_no_overload(r, "math.sign", args, n);
	return true;
}

static bool call_sqrt(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	if (!cel_is_number(v))
		return cel_no_overload(r, "math.sqrt", args, n);
	*ret = cel_double(sqrt(v->kind == CEL_INT    ? (double)v->i
			       : v->kind == CEL_UINT ? (double)v->u
						     : v->d));
	return true;
}

static bool test_double(struct cel_run *r, const char *name, const struct cel_value *args,
			bool answer, struct cel_value *ret)
{
	*ret = cel_bool(answer);
	return args[0].kind == CEL_DOUBLE || cel_no_overload(r, name, args, 1);
}

static bool call_is_nan(struct cel_run *r, const struct cel_value *args, uint32_t n,
			struct cel_value *ret)
{
	(void)n;
	return test_double(r, "math.isNaN", args, isnan(args[0].d), ret);
}

static bool call_is_inf(struct cel_run *r, const struct cel_value *args, uint32_t n,
			struct cel_value *ret)
{
	(void)n;
	return test_double(r, "math.isInf", args, isinf(args[0].d), ret);
}

static bool call_is_finite(struct cel_run *r, const struct cel_value *args, uint32_t n,
			   struct cel_value *ret)
{
	(void)n;
	return test_double(r, "math.isFinite", args, isfinite(args[0].d), ret);
}

/* Both of one integer kind; the bits of either are in u. */
static bool same_integers(struct cel_run *r, const char *name, const struct cel_value *args,
			  uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((args[i].kind != CEL_INT && args[i].kind != CEL_UINT) ||
		    args[i].kind != args[0].kind)
			return cel_no_overload(r, name, args, n);
	return true;
}

static struct cel_value of_bits(enum cel_kind kind, uint64_t bits)
{
	return (struct cel_value){.kind = kind, .u = bits};
}

static bool call_bit_and(struct cel_run *r, const struct cel_value *args, uint32_t n,
			 struct cel_value *ret)
{
	*ret = of_bits(args[0].kind, args[0].u & args[1].u);
	return same_integers(r, "math.bitAnd", args, n);
}

static bool call_bit_or(struct cel_run *r, const struct cel_value *args, uint32_t n,
			struct cel_value *ret)
{
	*ret = of_bits(args[0].kind, args[0].u | args[1].u);
	return same_integers(r, "math.bitOr", args, n);
}

static bool call_bit_xor(struct cel_run *r, const struct cel_value *args, uint32_t n,
			 struct cel_value *ret)
{
	*ret = of_bits(args[0].kind, args[0].u ^ args[1].u);
	return same_integers(r, "math.bitXor", args, n);
}

static bool call_bit_not(struct cel_run *r, const struct cel_value *args, uint32_t n,
			 struct cel_value *ret)
{
	*ret = of_bits(args[0].kind, ~args[0].u);
	return same_integers(r, "math.bitNot", args, n);
}

static bool shift(struct cel_run *r, const char *name, bool left, const struct cel_value *args,
		  uint32_t n, struct cel_value *ret)
{
	if (!same_integers(r, name, args, 1) || args[1].kind != CEL_INT)
		return cel_no_overload(r, name, args, n);
	if (args[1].i < 0)
		return cel_fail(r, CEL_ERROR_VALUE, "%s() by a negative number", name);
	uint64_t by = (uint64_t)args[1].i;
	uint64_t bits = by > 63 ? 0 : left ? args[0].u << by : args[0].u >> by;
	*ret = of_bits(args[0].kind, bits);
	return true;
}

static bool call_shift_left(struct cel_run *r, const struct cel_value *args, uint32_t n,
			    struct cel_value *ret)
{
	return shift(r, "math.bitShiftLeft", true, args, n, ret);
}

static bool call_shift_right(struct cel_run *r, const struct cel_value *args, uint32_t n,
			     struct cel_value *ret)
{
	return shift(r, "math.bitShiftRight", false, args, n, ret);
}

const struct cel_function cel_math_functions[] = {
	{"math.greatest", CEL_CALL_GLOBAL, 1, LIMIT_CEL_ARGS, call_greatest},
	{"math.least", CEL_CALL_GLOBAL, 1, LIMIT_CEL_ARGS, call_least},
	{"math.ceil", CEL_CALL_GLOBAL, 1, 1, call_ceil},
	{"math.floor", CEL_CALL_GLOBAL, 1, 1, call_floor},
	{"math.round", CEL_CALL_GLOBAL, 1, 1, call_round},
	{"math.trunc", CEL_CALL_GLOBAL, 1, 1, call_trunc},
	{"math.abs", CEL_CALL_GLOBAL, 1, 1, call_abs},
	{"math.sign", CEL_CALL_GLOBAL, 1, 1, call_sign},
	{"math.sqrt", CEL_CALL_GLOBAL, 1, 1, call_sqrt},
	{"math.isNaN", CEL_CALL_GLOBAL, 1, 1, call_is_nan},
	{"math.isInf", CEL_CALL_GLOBAL, 1, 1, call_is_inf},
	{"math.isFinite", CEL_CALL_GLOBAL, 1, 1, call_is_finite},
	{"math.bitAnd", CEL_CALL_GLOBAL, 2, 2, call_bit_and},
	{"math.bitOr", CEL_CALL_GLOBAL, 2, 2, call_bit_or},
	{"math.bitXor", CEL_CALL_GLOBAL, 2, 2, call_bit_xor},
	{"math.bitNot", CEL_CALL_GLOBAL, 1, 1, call_bit_not},
	{"math.bitShiftLeft", CEL_CALL_GLOBAL, 2, 2, call_shift_left},
	{"math.bitShiftRight", CEL_CALL_GLOBAL, 2, 2, call_shift_right},
	{0},
};
