#include <stdio.h>

#include "cli/print.h"
#include "cli/table.h"

struct line {
	const struct value *data;
	struct str type, node;
};

static void put_dim(struct str text)
{
	if (text.n == 0)
		return;
	printf("  %s", table_dim());
	table_put(text);
	printf("%s", table_plain());
}

static void put_error(const struct value *error)
{
	if (!value_is(error, VALUE_OBJECT))
		return;
	printf("  ");
	table_put(print_text(error, "code"));
	printf(": ");
	table_put(print_text(error, "message"));
}

/* How long it took, or how long until the next try. */
static void put_duration(const struct value *data, const char *key, const char *before)
{
	CLEANUP_BUF struct buf text = {0};
	if (!value_is(value_getz(data, key), VALUE_INT))
		return;
	buf_puts(&text, before);
	table_duration(&text, print_int(data, key));
	put_dim(buf_str(&text));
}

static void put_finished(const struct line *l)
{
	struct str status = print_text(l->data, "status");
	printf("%s", table_status_colour(status));
	table_put(status);
	printf("%s", table_plain());
	if (print_text(l->data, "code").n > 0) {
		printf("  ");
		table_put(print_text(l->data, "code"));
	}
	if (value_getz(l->data, "effectUnknown"))
		printf("  its effect may have happened");
	put_duration(l->data, "durationMs", "");
	put_error(value_getz(l->data, "error"));
}

static void put_started(const struct line *l)
{
	CLEANUP_BUF struct buf what = {0};
	printf("started");
	if (l->node.n == 0) {
		buf_put_str(&what, print_text(l->data, "workflow"));
		buf_printf(&what, " version %lld", (long long)print_int(l->data, "version"));
	} else {
		struct str child = print_text(l->data, "childRunId");
		bool calls = child.n > 0;
		buf_put_str(&what, calls ? STR("workflow") : print_text(l->data, "agent"));
		buf_putc(&what, ' ');
		buf_put_str(&what, print_text(l->data, calls ? "workflow" : "action"));
		if (calls)
			buf_printf(&what, ", run %.*s", STR_ARG(child));
		if (print_int(l->data, "attempt") > 1)
			buf_printf(&what, ", attempt %lld",
				   (long long)print_int(l->data, "attempt"));
	}
	put_dim(buf_str(&what));
}

static void put_retrying(const struct line *l)
{
	printf("failed  ");
	table_put(print_text(l->data, "code"));
	printf(": ");
	table_put(print_text(l->data, "message"));
	put_duration(l->data, "delayMs", "again in ");
}

static void put_progress(const struct line *l)
{
	CLEANUP_BUF struct buf text = {0};
	print_done(&text, value_getz(l->data, "progress"));
	table_put(buf_str(&text));
}

static void put_other(const struct line *l)
{
	const char *dot = memchr(l->type.p, '.', l->type.n);
	struct str verb = dot ? str_n(dot + 1, l->type.n - (size_t)(dot + 1 - l->type.p)) : l->type;
	table_put(verb);
	static const char *const keys[] = {"state", "as", "by", "message", "why", "reason"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		put_dim(print_text(l->data, keys[i]));
	put_dim(print_text(l->data, "event"));
	put_dim(print_text(l->data, "name"));
	if (value_is(value_getz(l->data, "items"), VALUE_INT))
		printf("  to %lld items", (long long)print_int(l->data, "items"));
	if (print_text(l->data, "until").n > 0) {
		printf("  until");
		put_dim(print_text(l->data, "until"));
	}
}

/* Why nobody knows, and how to say what became of it. */
static void put_unknown(const struct line *l, struct str run)
{
	struct str unknown = STR("UNKNOWN");
	printf("%s", table_status_colour(unknown));
	table_put(unknown);
	printf("%s  ", table_plain());
	table_put(print_text(l->data, "code"));
	put_dim(print_text(l->data, "why"));
	printf("  look, then: drover resolve ");
	table_put(run);
	printf(" ");
	table_put(l->node);
}

/* "approval requested", who decided what, and how to decide. */
static void put_approval(const struct line *l)
{
	struct str status = print_text(l->data, "status");
	bool asks = str_ends(l->type, STR(".requested"));
	bool reminds = str_ends(l->type, STR(".reminder"));
	printf("%s", asks      ? "waits for approval  drover approve "
		     : reminds ? "still waits for approval  drover approve "
			       : "approval ");
	if (asks || reminds)
		table_put(print_text(l->data, "approvalId"));
	else if (str_ends(l->type, STR(".responded")))
		printf("given, more are needed");
	else
		table_put(status);
	put_dim(print_text(l->data, "respondedBy"));
	put_dim(print_text(l->data, "notes"));
}

void print_event(const struct value *event, struct str type)
{
	CLEANUP_BUF struct buf when = {0};
	struct line l = {value_getz(event, "data"), type, {0}};
	if (!value_is(l.data, VALUE_OBJECT))
		return;
	l.node = print_text(l.data, "nodeId");
	table_time(&when, print_text(event, "time"));
	printf("%s%s%s  ", table_dim(), when.n > 11 ? when.p + 11 : "", table_plain());
	table_put(l.node.n > 0 ? l.node : STR("run"));
	printf("  ");
	if (str_starts(type, STR("approval.")))
		put_approval(&l);
	else if (str_ends(type, STR(".finished")))
		put_finished(&l);
	else if (str_ends(type, STR(".started")))
		put_started(&l);
	else if (str_ends(type, STR(".retrying")))
		put_retrying(&l);
	else if (str_ends(type, STR(".unknown")))
		put_unknown(&l, print_text(event, "runId"));
	else if (str_eqz(type, "node.progress"))
		put_progress(&l);
	else
		put_other(&l);
	printf("\n");
}
