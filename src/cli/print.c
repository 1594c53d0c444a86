#include "cli/print.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "cli/table.h"

void print_json(const struct response *r)
{
	fwrite(r->body.p ? r->body.p : "", 1, r->body.n, stdout);
	if (r->body.n == 0 || r->body.p[r->body.n - 1] != '\n')
		putchar('\n');
}

struct str print_text(const struct value *v, const char *key)
{
	return value_text(value_getz(v, key));
}

int64_t print_int(const struct value *v, const char *key)
{
	const struct value *n = value_getz(v, key);
	return value_is(n, VALUE_INT) ? n->i : 0;
}

int64_t print_ms(const struct value *v, const char *key)
{
	int64_t ms;
	return timefmt_rfc3339_parse(print_text(v, key), &ms, NULL) == 0 ? ms : -1;
}

void print_took(struct buf *out, const struct value *v)
{
	int64_t from = print_ms(v, "startedAt"), to = print_ms(v, "finishedAt");
	if (from >= 0 && to >= 0)
		table_duration(out, to - from);
}

void print_done(struct buf *out, const struct value *progress)
{
	const struct value *part = value_getz(progress, "progress");
	struct str message = print_text(progress, "message");
	double d = value_is(part, VALUE_INT)	  ? (double)part->i
		   : value_is(part, VALUE_DOUBLE) ? part->d
						  : 0;
	buf_printf(out, "%d %% done", (int)(d * 100));
	if (message.n)
		buf_printf(out, ": %.*s", STR_ARG(message));
}

void print_paused(struct table *t, const struct value *v)
{
	const struct value *paused = value_getz(v, "paused");
	struct str by = print_text(paused, "by");
	if (!value_is(paused, VALUE_OBJECT))
		table_cell(t, STR(""));
	else if (by.n)
		table_cellf(t, "by %.*s", STR_ARG(by));
	else
		table_cell(t, STR("yes"));
}
