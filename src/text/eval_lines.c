#include "text/eval_lines.h"

#include "base/arena.h"
#include "base/diag.h"
#include "json/parse.h"
#include "json/write.h"
#include "text/cel.h"
#include "text/template.h"

static bool put_value(struct buf *answer, const struct value *v)
{
	struct json_out o = json_out_to(answer);
	json_out_object(&o);
	json_out_key(&o, "value");
	json_out_value(&o, v);
	json_out_end(&o);
	return true;
}

/* place and path may be NULL. */
static bool put_error(struct buf *answer, const char *place, const char *path, const char *message,
		      size_t position)
{
	CLEANUP_BUF struct buf text = {0};
	if (path && path[0] != '\0')
		buf_printf(&text, "%s: ", path);
	buf_puts(&text, message);
	struct json_out o = json_out_to(answer);
	json_out_object(&o);
	json_out_key(&o, "error");
	json_out_object(&o);
	json_out_key(&o, "message");
	json_out_str(&o, buf_str(&text));
	json_out_key(&o, "position");
	json_out_int(&o, (int64_t)position);
	if (place) {
		json_out_key(&o, "place");
		json_out_strz(&o, place);
	}
	json_out_end(&o);
	json_out_end(&o);
	return false;
}

static bool ask_zone(void *ctx, struct str name, int64_t unix_seconds, int32_t *ret_offset)
{
	const struct eval_zones *zones = ctx;
	const struct zone *z = zones->get(zones->arg, name);
	if (z)
		*ret_offset = zone_offset(z, unix_seconds);
	return z != NULL;
}

static struct cel_env env_of(const struct value *roots, const struct eval_zones *zones)
{
	return (struct cel_env){
		.zone = zones ? ask_zone : NULL, .ctx = (void *)(uintptr_t)zones, .roots = roots};
}

bool eval_expression(struct buf *answer, struct str expr, const struct value *roots,
		     const struct eval_zones *zones)
{
	CLEANUP_ARENA struct arena a = {0};
	const struct cel_program *program;
	struct cel_value v;
	struct value json;
	struct cel_error err;
	struct cel_env env = env_of(roots, zones);
	struct cel_budget budget = cel_budget_full();
	if (cel_compile(&a, expr, &program, &err) != 0 ||
	    cel_eval(program, &env, &budget, &a, &v, &err) != 0)
		return put_error(answer, NULL, err.path, err.message, err.position);
	err.path[0] = '\0';
	err.position = 0;
	if (cel_to_json(&v, &budget, &a, &json, &err) != 0)
		return put_error(answer, NULL, err.path, err.message, err.position);
	return put_value(answer, &json);
}

bool eval_template(struct buf *answer, const struct value *tree, const struct value *roots,
		   const struct eval_zones *zones)
{
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	struct value v;
	struct template_error err;
	struct cel_env env = env_of(roots, zones);
	diag_init(&d, &a);
	const struct template *t = template_compile(&a, tree, "", &d);
	if (!t)
		return put_error(answer, d.findings[0].path, NULL, d.findings[0].message, 0);
	if (template_resolve(t, &env, &a, &v, &err) != 0)
		return put_error(answer, err.place, err.cel.path, err.cel.message,
				 err.cel.position);
	return put_value(answer, &v);
}

bool eval_line(struct buf *answer, struct str request, const struct eval_zones *zones)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value v;
	struct json_error err;
	if (json_parse(&a, request, JSON_UNIQUE_KEYS, &v, &err) != 0)
		return put_error(answer, NULL, "the request is not JSON", err.message, err.offset);
	const struct value *expr = value_getz(&v, "expr"), *tree = value_getz(&v, "template");
	const struct value *roots = value_getz(&v, "roots");
	if (roots && roots->kind != VALUE_OBJECT)
		return put_error(answer, NULL, NULL, "'roots' must be an object", 0);
	if (tree && !expr)
		return eval_template(answer, tree, roots, zones);
	if (!value_is(expr, VALUE_STRING) || tree)
		return put_error(answer, NULL, NULL,
				 "the request needs 'expr', a string, or 'template'", 0);
	return eval_expression(answer, value_text(expr), roots, zones);
}
