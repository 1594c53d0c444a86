#include "cel_show.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "json/parse.h"

static void show_double(struct buf *out, double d)
{
	char text[CEL_DOUBLE_TEXT_BYTES];
	cel_double_text(text, d);
	buf_puts(out, text);
	if (isfinite(d) && !strpbrk(text, ".e"))
		buf_puts(out, ".0");
}

static void show_bytes(struct buf *out, struct str s)
{
	buf_puts(out, "b\"");
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= ' ' && s.p[i] < 0x7f)
			buf_putc(out, s.p[i]);
		else
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
	buf_puts(out, "\"");
}

static void show_map(struct buf *out, const struct cel_value *v)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; i < v->n; i++) {
		struct cel_value key = cel_map_key(v, i), value = cel_map_value(v, i);
		buf_puts(out, i > 0 ? ", " : "");
		cel_show(out, &key);
		buf_puts(out, ": ");
		cel_show(out, &value);
	}
	buf_putc(out, '}');
}

static void show_list(struct buf *out, const struct cel_value *v)
{
	buf_putc(out, '[');
	for (uint32_t i = 0; i < v->n; i++) {
		struct cel_value item = cel_list_at(v, i);
		buf_puts(out, i > 0 ? ", " : "");
		cel_show(out, &item);
	}
	buf_putc(out, ']');
}

static void show_time(struct buf *out, const struct cel_value *v, const char *name)
{
	CLEANUP_ARENA struct arena a = {0};
	struct cel_budget budget = cel_budget_full();
	struct cel_error err;
	struct str text = {0};
	cel_to_text(v, &budget, &a, &text, &err);
	buf_printf(out, "%s(%.*s)", name, STR_ARG(text));
}

void cel_show(struct buf *out, const struct cel_value *v)
{
	switch (v->kind) {
	case CEL_NULL:
		buf_puts(out, "null");
		break;
	case CEL_BOOL:
		buf_puts(out, v->b ? "true" : "false");
		break;
	case CEL_INT:
		buf_put_i64(out, v->i);
		break;
	case CEL_UINT:
		buf_put_u64(out, v->u);
		buf_putc(out, 'u');
		break;
	case CEL_DOUBLE:
		show_double(out, v->d);
		break;
	case CEL_STRING:
		escape_json(out, cel_text(v));
		break;
	case CEL_BYTES:
		show_bytes(out, cel_text(v));
		break;
	case CEL_LIST:
		show_list(out, v);
		break;
	case CEL_MAP:
		show_map(out, v);
		break;
	case CEL_TIMESTAMP:
		show_time(out, v, "timestamp");
		break;
	case CEL_DURATION:
		show_time(out, v, "duration");
		break;
	case CEL_TYPE:
		buf_puts(out, cel_kind_name(v->type));
		break;
	}
}

static void show_error(struct buf *out, const struct cel_error *err)
{
	buf_printf(out, "!%s%s%s", err->path, err->path[0] ? ": " : "", err->message);
}

void cel_show_eval(struct buf *out, const char *source, const char *roots_json)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value roots = value_null();
	const struct cel_program *program;
	struct cel_value v;
	struct cel_error err;
	struct cel_budget budget = cel_budget_full();
	if (roots_json && json_parse(&a, str_of(roots_json), JSON_DEFAULT, &roots, NULL) != 0) {
		buf_puts(out, "bad roots");
		return;
	}
	struct cel_env env = {.roots = &roots};
	if (cel_compile(&a, str_of(source), &program, &err) != 0 ||
	    cel_eval(program, &env, &budget, &a, &v, &err) != 0)
		show_error(out, &err);
	else
		cel_show(out, &v);
}

bool cel_cases_hold(const struct cel_case *cases, size_t n, const char *roots_json)
{
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_BUF struct buf got = {0};
		cel_show_eval(&got, cases[i].source, roots_json);
		const char *want = cases[i].want;
		bool same = want[0] == '!' ? got.p[0] == '!' && strstr(got.p, want + 1)
					   : strcmp(got.p, want) == 0;
		if (!same)
			printf("# %s\n#   got  %s\n#   want %s\n", cases[i].source, got.p, want);
		ok = ok && same;
	}
	return ok;
}
