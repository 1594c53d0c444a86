#include "json/validate_lines.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/parse.h"
#include "json/schema.h"
#include "json/write.h"

struct validate_lines {
	bool assert_format;
	struct buf schema_text; /* of the schema that is kept, with its flags before it */
	struct schema *schema;
};

struct validate_lines *validate_lines_new(bool assert_format)
{
	struct validate_lines *v = NEW0(struct validate_lines);
	v->assert_format = assert_format;
	return v;
}

struct validate_lines *validate_lines_free(struct validate_lines *v)
{
	if (!v)
		return NULL;
	schema_free(v->schema);
	buf_free(&v->schema_text);
	free(v);
	return NULL;
}

static void put_findings(struct json_out *o, const struct diag *d)
{
	json_out_key(o, "errors");
	json_out_array(o);
	for (size_t i = 0; i < d->n; i++) {
		json_out_object(o);
		json_out_key(o, "path");
		json_out_strz(o, d->findings[i].path);
		json_out_key(o, "message");
		json_out_strz(o, d->findings[i].message);
		json_out_end(o);
	}
	json_out_end(o);
}

static void put_malformed(struct json_out *o, const char *message, size_t position)
{
	json_out_object(o);
	json_out_key(o, "error");
	json_out_object(o);
	json_out_key(o, "message");
	json_out_strz(o, message);
	json_out_key(o, "position");
	json_out_int(o, (int64_t)position);
	json_out_end(o);
	json_out_end(o);
}

static void put_refused(struct json_out *o, const struct diag *d)
{
	CLEANUP_BUF struct buf message = {0};
	const struct diag_finding *f = &d->findings[0];
	buf_printf(&message, "the schema is wrong%s%s: %s", *f->path ? " at " : "", f->path,
		   f->message);
	json_out_object(o);
	json_out_key(o, "error");
	json_out_object(o);
	json_out_key(o, "message");
	json_out_str(o, buf_str(&message));
	json_out_key(o, "path");
	json_out_strz(o, f->path);
	put_findings(o, d);
	json_out_end(o);
	json_out_end(o);
}

/* The schema compiled, or kept from before; NULL after findings. */
static const struct schema *prepare(struct validate_lines *v, const struct value *schema,
				    bool assert_format, struct diag *d)
{
	CLEANUP_BUF struct buf text = {0};
	buf_putc(&text, assert_format ? 'a' : '-');
	json_write(&text, schema);
	if (v->schema && str_eq(buf_str(&text), buf_str(&v->schema_text)))
		return v->schema;
	v->schema = schema_free(v->schema);
	if (schema_compile(schema, assert_format ? SCHEMA_ASSERT_FORMAT : 0, d, &v->schema))
		return NULL;
	struct buf before = v->schema_text;
	v->schema_text = text;
	text = before;
	return v->schema;
}

void validate_lines_answer(struct validate_lines *v, struct str request, struct buf *out)
{
	CLEANUP_ARENA struct arena a = {0};
	struct json_out o = json_out_to(out);
	struct value line;
	struct json_error e;
	if (json_parse(&a, request, JSON_DEFAULT, &line, &e)) {
		put_malformed(&o, e.message, e.offset);
		return;
	}
	const struct value *schema = value_getz(&line, "schema"), *data = value_getz(&line, "data");
	const struct value *format = value_getz(&line, "format");
	if (!schema || !data) {
		put_malformed(&o, "a request is an object with the members \"schema\" and \"data\"",
			      0);
		return;
	}
	bool assert_format = value_is(format, VALUE_BOOL) ? format->b : v->assert_format;
	struct diag d;
	diag_init(&d, &a);
	const struct schema *s = prepare(v, schema, assert_format, &d);
	if (!s) {
		put_refused(&o, &d);
		return;
	}
	bool valid = schema_check(s, data, &d);
	json_out_object(&o);
	json_out_key(&o, "valid");
	json_out_bool(&o, valid);
	put_findings(&o, &d);
	json_out_end(&o);
}
