#include "cli/print.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/timefmt.h"
#include "cli/table.h"

enum { FINDINGS_SHOWN = 40, BAR_WIDTH = 40 };

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

static void put(struct str s)
{
	CLEANUP_BUF struct buf safe = {0};
	escape_terminal(&safe, s);
	fwrite(safe.p ? safe.p : "", 1, safe.n, stdout);
}

static int64_t time_of(const struct value *v, const char *key)
{
	int64_t ms;
	return timefmt_rfc3339_parse(print_text(v, key), &ms, NULL) == 0 ? ms : -1;
}

static void put_status(struct str status)
{
	printf("%s", table_status_colour(status));
	put(status);
	printf("%s", table_plain());
}

static void put_error(const struct value *error)
{
	if (!value_is(error, VALUE_OBJECT))
		return;
	put(print_text(error, "code"));
	printf(": ");
	put(print_text(error, "message"));
}

/* A bar that shows when, within the run, the node was at work. */
static void timeline(struct buf *out, int64_t start, int64_t end, int64_t from, int64_t to)
{
	int64_t span = end > start ? end - start : 1;
	for (int64_t i = 0; i < BAR_WIDTH; i++) {
		int64_t lo = start + span * i / BAR_WIDTH, hi = start + span * (i + 1) / BAR_WIDTH;
		bool on = from >= 0 && from <= hi && to >= lo && (from < hi || i == BAR_WIDTH - 1 || from == to);
		buf_puts(out, on ? "▆" : "·");
	}
}

static void print_nodes(const struct value *run)
{
	const struct value *nodes = value_getz(run, "nodes");
	if (!value_is(nodes, VALUE_ARRAY) || nodes->n == 0)
		return;
	int64_t start = time_of(run, "startedAt"), end = time_of(run, "finishedAt");
	for (uint32_t i = 0; i < nodes->n; i++) {
		int64_t t = time_of(&nodes->items[i], "finishedAt");
		end = t > end ? t : end;
	}
	static const char *const headers[] = {"NODE", "AGENT", "STATUS", "TRIES", "TOOK",
					      "TIMELINE", "ERROR", NULL};
	struct table *t = table_new(headers);
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct value *n = &nodes->items[i];
		CLEANUP_BUF struct buf took = {0}, bar = {0}, agent = {0}, error = {0};
		int64_t from = time_of(n, "startedAt"), to = time_of(n, "finishedAt");
		if (from >= 0 && to >= 0)
			table_duration(&took, to - from);
		if (start >= 0 && from >= 0)
			timeline(&bar, start, end, from, to < 0 ? end : to);
		buf_put_str(&agent, print_text(n, "agent"));
		buf_puts(&agent, " ");
		buf_put_str(&agent, print_text(n, "action"));
		const struct value *e = value_getz(n, "error");
		if (value_is(e, VALUE_OBJECT)) {
			buf_put_str(&error, print_text(e, "code"));
			buf_puts(&error, ": ");
			buf_put_str(&error, print_text(e, "message"));
		}
		const struct value *attempt = value_getz(n, "attempt");
		table_cell(t, print_text(n, "id"));
		table_cell(t, buf_str(&agent));
		table_cell(t, print_text(n, "status"));
		table_cellf(t, "%lld", value_is(attempt, VALUE_INT) ? (long long)attempt->i : 0);
		table_cell(t, buf_str(&took));
		table_cell(t, buf_str(&bar));
		table_cell(t, buf_str(&error));
	}
	table_print(t);
}

void print_run(const struct value *run)
{
	CLEANUP_BUF struct buf created = {0}, took = {0};
	table_time(&created, print_text(run, "createdAt"));
	int64_t from = time_of(run, "startedAt"), to = time_of(run, "finishedAt");
	if (from >= 0 && to >= 0)
		table_duration(&took, to - from);
	const struct value *version = value_getz(run, "workflowVersion");
	printf("run       ");
	put(print_text(run, "id"));
	printf("\nworkflow  ");
	put(print_text(run, "workflowName"));
	printf(" version %lld\nstatus    ",
	       value_is(version, VALUE_INT) ? (long long)version->i : 0);
	put_status(print_text(run, "status"));
	printf("\ncreated   %s\n", created.p ? created.p : "");
	if (took.n > 0)
		printf("took      %s\n", took.p);
	if (print_text(run, "parentRunId").n > 0) {
		printf("retry of  ");
		put(print_text(run, "parentRunId"));
		printf("\n");
	}
	const struct value *error = value_getz(run, "error");
	if (value_is(error, VALUE_OBJECT)) {
		printf("error     ");
		put_error(error);
		printf("\n");
	}
	printf("\n");
	print_nodes(run);
}

void print_event(const struct value *event, struct str type)
{
	CLEANUP_BUF struct buf when = {0};
	table_time(&when, print_text(event, "time"));
	const char *clock = when.n > 11 ? when.p + 11 : "";
	const struct value *data = value_getz(event, "data");
	if (!value_is(data, VALUE_OBJECT))
		data = event;
	struct str node = print_text(data, "nodeId");
	printf("%s%s%s  ", table_dim(), clock, table_plain());
	if (node.n > 0) {
		put(node);
		printf("  ");
	}
	struct str status = print_text(data, "status");
	if (str_ends(type, STR(".finished")) && status.n > 0) {
		if (node.n == 0)
			printf("run ");
		put_status(status);
	} else {
		const char *dot = memchr(type.p, '.', type.n);
		if (node.n > 0 && dot)
			put(str_n(dot + 1, type.n - (size_t)(dot + 1 - type.p)));
		else
			put(type);
	}
	struct str agent = print_text(data, "agent"), reason = print_text(data, "reason");
	if (agent.n > 0) {
		printf("  %s", table_dim());
		put(agent);
		printf(" ");
		put(print_text(data, "action"));
		printf("%s", table_plain());
	}
	if (reason.n > 0) {
		printf("  %s", table_dim());
		put(reason);
		printf("%s", table_plain());
	}
	const struct value *error = value_getz(data, "error");
	if (value_is(error, VALUE_OBJECT)) {
		printf("  ");
		put_error(error);
	}
	printf("\n");
	fflush(stdout);
}

static int severity_rank(struct str s)
{
	static const char *const order[] = {"critical", "high", "medium", "low"};
	for (int i = 0; i < (int)ARRAY_LEN(order); i++)
		if (str_eqz(s, order[i]))
			return i;
	return (int)ARRAY_LEN(order);
}

static int by_severity(const void *a, const void *b)
{
	const struct value *const *x = a, *const *y = b;
	int rx = severity_rank(print_text(*x, "severity")),
	    ry = severity_rank(print_text(*y, "severity"));
	if (rx != ry)
		return rx - ry;
	return *x < *y ? -1 : 1; /* the scanner's own order within a severity */
}

static long long count(const struct value *summary, const char *key)
{
	const struct value *v = value_getz(summary, key);
	return value_is(v, VALUE_INT) ? (long long)v->i : 0;
}

void print_findings(const struct value *output)
{
	const struct value *findings = value_getz(output, "findings"),
			   *summary = value_getz(output, "summary");
	if (!value_is(findings, VALUE_ARRAY))
		return;
	CLEANUP_ARENA struct arena a = {0};
	const struct value **sorted = arena_alloc(&a, (findings->n + 1) * sizeof(*sorted));
	for (uint32_t i = 0; i < findings->n; i++)
		sorted[i] = &findings->items[i];
	qsort(sorted, findings->n, sizeof(*sorted), by_severity);
	static const char *const headers[] = {"SEVERITY", "RULE", "PLACE", "FINDING", "LINE", NULL};
	struct table *t = table_new(headers);
	for (uint32_t i = 0; i < findings->n && i < FINDINGS_SHOWN; i++) {
		const struct value *f = sorted[i];
		table_cell(t, print_text(f, "severity"));
		table_cell(t, print_text(f, "ruleId"));
		table_cell(t, str_of(arena_printf(&a, "%.*s:%lld", STR_ARG(print_text(f, "file")),
						  count(f, "line"))));
		table_cell(t, print_text(f, "title"));
		table_cell(t, print_text(f, "excerpt"));
	}
	table_print(t);
	if (findings->n > FINDINGS_SHOWN)
		printf("… and %u more: drover show RUN --json\n", findings->n - FINDINGS_SHOWN);
	printf("\n%lld critical, %lld high, %lld medium, %lld low in %lld files (%lld ms)\n",
	       count(summary, "critical"), count(summary, "high"), count(summary, "medium"),
	       count(summary, "low"), count(summary, "filesScanned"),
	       count(summary, "durationMs"));
}
