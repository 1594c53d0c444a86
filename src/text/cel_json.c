/* CEL values to JSON and to text. */
#include <math.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/fault.h"
#include "json/write.h"
#include "text/cel_time.h"

static bool to_json(struct cel_run *r, const struct cel_value *v, struct value *ret, int depth);

static bool text_json(struct cel_run *r, const char *text, struct value *ret)
{
	struct cel_value copy;
	if (!cel_make_string(r, str_of(text), &copy))
		return false;
	*ret = value_str(cel_text(&copy));
	return true;
}

static bool bytes_json(struct cel_run *r, const struct cel_value *v, struct value *ret)
{
	char *p = cel_make(r, base64_size(v->n));
	if (!p)
		return false;
	base64_encode(p, cel_text(v));
	*ret = value_strz(p);
	return true;
}

static bool list_json(struct cel_run *r, const struct cel_value *v, struct value *ret, int depth)
{
	if (v->n == 0) {
		*ret = value_array(r->arena, 0);
		return true;
	}
	struct value list = value_array(r->arena, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		struct value item;
		if (!to_json(r, &v->items[i], &item, depth))
			return false;
		value_push(r->arena, &list, item);
	}
	*ret = list;
	return true;
}

static bool key_json(struct cel_run *r, const struct cel_value *key, struct str *ret)
{
	char text[24];
	struct cel_value copy;
	if (key->kind == CEL_STRING || key->kind == CEL_BOOL) {
		*ret = key->kind == CEL_STRING ? cel_text(key)
		       : key->b		       ? STR("true")
					       : STR("false");
		return true;
	}
	if (key->kind == CEL_INT)
		snprintf(text, sizeof(text), "%lld", (long long)key->i);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)key->u);
	if (!cel_make_string(r, str_of(text), &copy))
		return false;
	*ret = cel_text(&copy);
	return true;
}

static bool map_json(struct cel_run *r, const struct cel_value *v, struct value *ret, int depth)
{
	struct value map = value_object(r->arena, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		struct str key;
		struct value item;
		if (!key_json(r, &v->entries[i].key, &key) ||
		    !to_json(r, &v->entries[i].value, &item, depth))
			return false;
		if (value_get(&map, key))
			return cel_fail(r, CEL_ERROR_VALUE,
					"two keys of the map are '%.*s' in JSON", STR_ARG(key));
		value_put(r->arena, &map, key, item);
	}
	*ret = map;
	return true;
}

static bool scalar_json(struct cel_run *r, const struct cel_value *v, struct value *ret)
{
	char text[CEL_TIME_TEXT_BYTES];
	switch (v->kind) {
	case CEL_NULL:
		*ret = value_null();
		return true;
	case CEL_BOOL:
		*ret = value_bool(v->b);
		return true;
	case CEL_INT:
		*ret = value_int(v->i);
		return true;
	case CEL_UINT:
		*ret = value_uint(v->u);
		return true;
	case CEL_DOUBLE:
		if (isfinite(v->d)) {
			*ret = value_double(v->d);
			return true;
		}
		cel_double_text(text, v->d);
		return text_json(r, text, ret);
	case CEL_STRING:
		*ret = value_str(cel_text(v));
		return true;
	case CEL_BYTES:
		return bytes_json(r, v, ret);
	case CEL_TIMESTAMP:
		cel_timestamp_text(text, v);
		return text_json(r, text, ret);
	case CEL_DURATION:
		cel_duration_text(text, v);
		return text_json(r, text, ret);
	case CEL_TYPE:
		*ret = value_strz(cel_kind_name(v->type));
		return true;
	case CEL_LIST:
	case CEL_MAP:
		break;
	}
	ASSERT(!"a scalar");
	return false;
}

/* Values nest as deep as JSON does plus what one expression can add. */
static bool to_json(struct cel_run *r, const struct cel_value *v, struct value *ret, int depth)
{
	if (depth > 4 * LIMIT_CEL_DEPTH)
		return cel_fail(r, CEL_ERROR_LIMIT, "the value nests too deep for JSON");
	if (!cel_spend(r, 1))
		return false;
	if (v->origin) {
		*ret = *v->origin;
		return true;
	}
	if (v->kind != CEL_LIST && v->kind != CEL_MAP)
		return scalar_json(r, v, ret);
	/* what the builders of json/value.h take: members doubled, and an index */
	size_t each = v->kind == CEL_LIST ? sizeof(struct value) * 4
					  : sizeof(struct value_member) * 4 + 16;
	if (v->n * each > r->budget->bytes)
		return cel_make(r, v->n * each) != NULL;
	r->budget->bytes -= v->n * each;
	return v->kind == CEL_LIST ? list_json(r, v, ret, depth + 1)
				   : map_json(r, v, ret, depth + 1);
}

int cel_to_json(const struct cel_value *v, struct cel_budget *budget, struct arena *a,
		struct value *ret, struct cel_error *ret_error)
{
	static const struct cel_env no_env;
	struct cel_run r;
	r.env = &no_env;
	r.budget = budget;
	r.arena = a;
	r.error = ret_error;
	r.at = 0;
	ret_error->code = 0;
	struct value made;
	if (!to_json(&r, v, &made, 0))
		return (int)ret_error->code;
	*ret = made;
	return 0;
}

/* Bytes of the JSON text, about; stops counting above `most`. */
static size_t json_size(const struct value *v, size_t most)
{
	size_t n = v->kind == VALUE_STRING ? v->n + 2 : 8;
	if (v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT)
		return n;
	for (uint32_t i = 0; i < v->n && n <= most; i++)
		n += v->kind == VALUE_ARRAY
			     ? json_size(&v->items[i], most)
			     : v->members[i].key.n + 3 + json_size(&v->members[i].value, most);
	return n;
}

bool cel_write_json(struct cel_run *r, const struct value *json, struct str *ret)
{
	CLEANUP_BUF struct buf out = {0};
	struct cel_value text;
	if (json_size(json, r->budget->bytes) > r->budget->bytes)
		return cel_fail(r, CEL_ERROR_LIMIT, "the value is too large for text");
	json_write(&out, json);
	if (!cel_make_string(r, buf_str(&out), &text))
		return false;
	*ret = cel_text(&text);
	return true;
}

int cel_to_text(const struct cel_value *v, struct cel_budget *budget, struct arena *a,
		struct str *ret, struct cel_error *ret_error)
{
	struct value json;
	int code = cel_to_json(v, budget, a, &json, ret_error);
	if (code != 0)
		return code;
	if (json.kind == VALUE_STRING) {
		*ret = value_text(&json);
		return 0;
	}
	if (json.kind == VALUE_DOUBLE && !json.raw) {
		char text[CEL_DOUBLE_TEXT_BYTES];
		cel_double_text(text, json.d);
		*ret = str_of(arena_dupz(a, text));
		return 0;
	}
	struct cel_run r;
	r.budget = budget;
	r.arena = a;
	r.error = ret_error;
	r.at = 0;
	return cel_write_json(&r, &json, ret) ? 0 : (int)ret_error->code;
}
