/* int() uint() double() string() bytes() bool() timestamp() duration(), base64. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "text/cel_parse.h"
#include "text/cel_time.h"

static bool out_of_range(struct cel_run *r, const char *type)
{
	return cel_fail(r, CEL_ERROR_VALUE, "range error: the value does not fit %s", type);
}

static bool not_a(struct cel_run *r, const struct cel_value *text, const char *type)
{
	return cel_fail(r, CEL_ERROR_VALUE, "'%.*s' is no %s", STR_ARG(cel_text(text)), type);
}

/* Decimal digits; false when there are others or none, or they do not fit. */
static bool parse_digits(struct str s, uint64_t *ret)
{
	uint64_t u = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(unsigned char)s.p[i] - '0';
		if (d > 9 || u > (UINT64_MAX - d) / 10)
			return false;
		u = u * 10 + d;
	}
	*ret = u;
	return s.n > 0;
}

static bool int_of_text(struct cel_run *r, const struct cel_value *v, struct cel_value *ret)
{
	struct str s = cel_text(v);
	bool negative = str_starts(s, STR("-"));
	uint64_t u;
	if (negative || str_starts(s, STR("+")))
		s = str_n(s.p + 1, s.n - 1);
	if (!parse_digits(s, &u) || u > (uint64_t)INT64_MAX + negative)
		return not_a(r, v, "int");
	*ret = cel_int(negative ? (int64_t)(0 - u) : (int64_t)u);
	return true;
}

static bool call_int(struct cel_run *r, const struct cel_value *args, uint32_t n,
		     struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	switch (v->kind) {
	case CEL_INT:
		*ret = *v;
		return true;
	case CEL_UINT:
		*ret = cel_int((int64_t)v->u);
		return v->u <= INT64_MAX || out_of_range(r, "int");
	case CEL_DOUBLE:
		if (!(v->d > -0x1p63 && v->d < 0x1p63))
			return out_of_range(r, "int");
		*ret = cel_int((int64_t)v->d);
		return true;
	case CEL_STRING:
		return int_of_text(r, v, ret);
	case CEL_TIMESTAMP:
		*ret = cel_int(v->i);
		return true;
	case CEL_NULL:
	case CEL_BOOL:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
	case CEL_DURATION:
	case CEL_TYPE:
		break;
	}
	return cel_no_overload(r, "int", args, n);
}

static bool call_uint(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	uint64_t u;
	switch (v->kind) {
	case CEL_UINT:
		*ret = *v;
		return true;
	case CEL_INT:
		*ret = cel_uint((uint64_t)v->i);
		return v->i >= 0 || out_of_range(r, "uint");
	case CEL_DOUBLE:
		if (!(v->d >= 0 && v->d < 0x1p64))
			return out_of_range(r, "uint");
		*ret = cel_uint((uint64_t)v->d);
		return true;
	case CEL_STRING:
		if (!parse_digits(cel_text(v), &u))
			return not_a(r, v, "uint");
		*ret = cel_uint(u);
		return true;
	case CEL_NULL:
	case CEL_BOOL:
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
	case CEL_TYPE:
		break;
	}
	return cel_no_overload(r, "uint", args, n);
}

/* Decimal notation only: strtod alone would also take hexadecimal and leading space. */
static bool double_of_text(struct cel_run *r, const struct cel_value *v, struct cel_value *ret)
{
	struct str s = cel_text(v);
	static const struct {
		const char *name;
		double d;
	} words[] = {
		{"NaN", NAN},
		{"Infinity", INFINITY},
		{"Inf", INFINITY},
		{"+Infinity", INFINITY},
		{"+Inf", INFINITY},
		{"inf", INFINITY},
		{"-Infinity", -INFINITY},
		{"-Inf", -INFINITY},
		{"-inf", -INFINITY},
		{"infinity", INFINITY},
		{"-infinity", -INFINITY},
		{"nan", NAN},
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eqz(s, words[i].name)) {
			*ret = cel_double(words[i].d);
			return true;
		}
	char text[400], *end;
	if (s.n == 0 || s.n >= sizeof(text) || strspn(v->s, "0123456789+-.eE") < s.n)
		return not_a(r, v, "double");
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	double d = strtod(text, &end);
	if (end != text + s.n)
		return not_a(r, v, "double");
	if (isinf(d))
		return out_of_range(r, "double");
	*ret = cel_double(d);
	return true;
}

static bool call_double(struct cel_run *r, const struct cel_value *args, uint32_t n,
			struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	if (v->kind == CEL_DOUBLE)
		*ret = *v;
	else if (v->kind == CEL_INT)
		*ret = cel_double((double)v->i);
	else if (v->kind == CEL_UINT)
		*ret = cel_double((double)v->u);
	else if (v->kind == CEL_STRING)
		return double_of_text(r, v, ret);
	else
		return cel_no_overload(r, "double", args, n);
	return true;
}

static bool call_string(struct cel_run *r, const struct cel_value *args, uint32_t n,
			struct cel_value *ret)
{
	const struct cel_value *v = &args[0];
	char text[CEL_TIME_TEXT_BYTES];
	switch (v->kind) {
	case CEL_STRING:
		*ret = *v;
		return true;
	case CEL_BYTES:
		if (!utf8_valid(cel_text(v)))
			return cel_fail(r, CEL_ERROR_VALUE, "invalid UTF-8 in bytes");
		*ret = cel_string(cel_text(v));
		return cel_spend_bytes(r, v->n);
	case CEL_BOOL:
		*ret = cel_string(v->b ? STR("true") : STR("false"));
		return true;
	case CEL_INT:
		snprintf(text, sizeof(text), "%lld", (long long)v->i);
		break;
	case CEL_UINT:
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v->u);
		break;
	case CEL_DOUBLE:
		cel_double_text(text, v->d);
		break;
	case CEL_TIMESTAMP:
		cel_timestamp_text(text, v);
		break;
	case CEL_DURATION:
		cel_duration_text(text, v);
		break;
	case CEL_NULL:
	case CEL_LIST:
	case CEL_MAP:
	case CEL_TYPE:
		return cel_no_overload(r, "string", args, n);
	}
	return cel_make_string(r, str_of(text), ret);
}

static bool call_bytes(struct cel_run *r, const struct cel_value *args, uint32_t n,
		       struct cel_value *ret)
{
	if (args[0].kind != CEL_STRING && args[0].kind != CEL_BYTES)
		return cel_no_overload(r, "bytes", args, n);
	*ret = cel_bytes(cel_text(&args[0]));
	return true;
}

static bool call_bool(struct cel_run *r, const struct cel_value *args, uint32_t n,
		      struct cel_value *ret)
{
	static const char *const yes[] = {"true", "True", "TRUE", "t", "T", "1"};
	static const char *const no[] = {"false", "False", "FALSE", "f", "F", "0"};
	if (args[0].kind == CEL_BOOL) {
		*ret = args[0];
		return true;
	}
	if (args[0].kind != CEL_STRING)
		return cel_no_overload(r, "bool", args, n);
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		bool is_yes = str_eqz(cel_text(&args[0]), yes[i]);
		if (is_yes || str_eqz(cel_text(&args[0]), no[i])) {
			*ret = cel_bool(is_yes);
			return true;
		}
	}
	return not_a(r, &args[0], "bool");
}

static bool call_timestamp(struct cel_run *r, const struct cel_value *args, uint32_t n,
			   struct cel_value *ret)
{
	if (args[0].kind == CEL_STRING)
		return cel_timestamp_parse(r, cel_text(&args[0]), ret);
	if (args[0].kind == CEL_INT)
		return cel_timestamp_make(r, args[0].i, 0, ret);
	*ret = args[0];
	return args[0].kind == CEL_TIMESTAMP || cel_no_overload(r, "timestamp", args, n);
}

static bool call_duration(struct cel_run *r, const struct cel_value *args, uint32_t n,
			  struct cel_value *ret)
{
	if (args[0].kind == CEL_STRING)
		return cel_duration_parse(r, cel_text(&args[0]), ret);
	*ret = args[0];
	return args[0].kind == CEL_DURATION || cel_no_overload(r, "duration", args, n);
}

static bool call_base64_encode(struct cel_run *r, const struct cel_value *args, uint32_t n,
			       struct cel_value *ret)
{
	if (args[0].kind != CEL_BYTES)
		return cel_no_overload(r, "base64.encode", args, n);
	char *p = cel_make(r, base64_size(args[0].n));
	if (!p)
		return false;
	base64_encode(p, cel_text(&args[0]));
	*ret = cel_string(str_of(p));
	return true;
}

static bool call_base64_decode(struct cel_run *r, const struct cel_value *args, uint32_t n,
			       struct cel_value *ret)
{
	if (args[0].kind != CEL_STRING)
		return cel_no_overload(r, "base64.decode", args, n);
	char *p = cel_make(r, (size_t)args[0].n + 1);
	size_t used;
	if (!p)
		return false;
	if (!base64_decode(p, &used, cel_text(&args[0])))
		return cel_fail(r, CEL_ERROR_VALUE, "the string is not base64");
	*ret = cel_bytes(str_n(p, used));
	return true;
}

const struct cel_function cel_convert_functions[] = {
	{"int", CEL_CALL_GLOBAL, 1, 1, call_int},
	{"uint", CEL_CALL_GLOBAL, 1, 1, call_uint},
	{"double", CEL_CALL_GLOBAL, 1, 1, call_double},
	{"string", CEL_CALL_GLOBAL, 1, 1, call_string},
	{"bytes", CEL_CALL_GLOBAL, 1, 1, call_bytes},
	{"bool", CEL_CALL_GLOBAL, 1, 1, call_bool},
	{"timestamp", CEL_CALL_GLOBAL, 1, 1, call_timestamp},
	{"duration", CEL_CALL_GLOBAL, 1, 1, call_duration},
	{"base64.encode", CEL_CALL_GLOBAL, 1, 1, call_base64_encode},
	{"base64.decode", CEL_CALL_GLOBAL, 1, 1, call_base64_decode},
	{0},
};
