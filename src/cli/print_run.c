#include <stdio.h>

#include "base/clock.h"
#include "cli/print.h"
#include "cli/table.h"
#include "json/write.h"

enum { BAR_WIDE = 40, BAR_NARROW = 16, WIDE_COLUMNS = 110 };

static void put_status(struct str status)
{
	printf("%s", table_status_colour(status));
	table_put(status);
	printf("%s", table_plain());
}

/* ---- timeline ---- */

struct span { /* ms since 1970 */
	int64_t from, to;
};

/* The run's, widened to hold its nodes; of one that goes on until now. */
static struct span run_span(const struct value *run, const struct value *nodes)
{
	struct span s = {print_ms(run, "startedAt"), print_ms(run, "finishedAt")};
	if (s.to < 0)
		s.to = clock_wall_ms(clock_system());
	for (uint32_t i = 0; i < nodes->n; i++) {
		int64_t to = print_ms(&nodes->items[i], "finishedAt");
		s.to = to > s.to ? to : s.to;
	}
	return s;
}

/* Where within the run the node was at work; at least one mark. */
static void put_bar(struct buf *out, struct span run, struct span node)
{
	int64_t width = table_terminal_width() < WIDE_COLUMNS ? BAR_NARROW : BAR_WIDE;
	int64_t whole = run.to > run.from ? run.to - run.from : 1;
	int64_t first = (node.from - run.from) * width / whole;
	int64_t end = ((node.to - run.from) * width + whole - 1) / whole;
	first = first < 0 ? 0 : first > width - 1 ? width - 1 : first;
	end = end <= first ? first + 1 : end > width ? width : end;
	for (int64_t i = 0; i < width; i++)
		buf_puts(out, i >= first && i < end ? "▆" : "·");
}

/* ---- nodes ---- */

/* The agent and its action, or what the node waits for. */
static void put_what(struct buf *out, const struct value *n)
{
	const struct value *wait = value_getz(n, "wait");
	bool sleeps = value_getz(n, "sleep") != NULL;
	if (value_getz(n, "workflow")) {
		buf_puts(out, "workflow ");
		buf_put_str(out, print_text(n, "workflow"));
		return;
	}
	buf_put_str(out, wait ? STR("wait") : sleeps ? STR("sleep") : print_text(n, "agent"));
	buf_putc(out, ' ');
	buf_put_str(out,
		    wait ? print_text(wait, "event") : print_text(n, sleeps ? "sleep" : "action"));
}

static void node_row(struct table *t, const struct value *n, struct span run)
{
	CLEANUP_BUF struct buf took = {0}, bar = {0}, agent = {0};
	struct span s = {print_ms(n, "startedAt"), print_ms(n, "finishedAt")};
	print_took(&took, n);
	if (run.from >= 0 && s.from >= 0 && value_getz(n, "copiedFrom") == NULL)
		put_bar(&bar, run, (struct span){s.from, s.to < 0 ? run.to : s.to});
	put_what(&agent, n);
	int64_t tries = print_int(n, "attempt");
	table_cell(t, print_text(n, "id"));
	table_cell(t, buf_str(&agent));
	table_cell(t, print_text(n, "status"));
	table_cell(t, print_text(value_getz(n, "error"), "code"));
	if (value_getz(n, "copiedFrom"))
		table_cell(t, STR("kept"));
	else if (tries > 0)
		table_cellf(t, "%lld", (long long)tries);
	else
		table_cell(t, STR(""));
	table_cell(t, buf_str(&took));
	table_cell(t, buf_str(&bar));
}

/* Items are told in a line about their node. */
static bool is_item(const struct value *node)
{
	return value_getz(node, "itemOf") != NULL;
}

static void print_nodes(const struct value *run, const struct value *nodes)
{
	static const struct table_column columns[] = {
		{"NODE", TABLE_CUT},	   {"AGENT", TABLE_CUT},   {"STATUS", TABLE_WHOLE},
		{"ERROR", TABLE_CUT},	   {"TRIES", TABLE_WHOLE}, {"TOOK", TABLE_WHOLE},
		{"TIMELINE", TABLE_WHOLE},
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	struct span span = run_span(run, nodes);
	for (uint32_t i = 0; i < nodes->n; i++)
		if (!is_item(&nodes->items[i]))
			node_row(t, &nodes->items[i], span);
	table_print(t);
}

/* "3 nodes: 2 SUCCESS, 1 SKIPPED" */
static void print_totals(const struct value *nodes)
{
	static const char *const states[] = {
		"SUCCESS",	    "FAILED",  "TIMED_OUT", "CANCELLED", "SKIPPED",
		"WAITING_APPROVAL", "UNKNOWN", "RUNNING",   "QUEUED",	 "PENDING"};
	const char *sep = ": ";
	unsigned n_all = 0;
	for (uint32_t i = 0; i < nodes->n; i++)
		n_all += !is_item(&nodes->items[i]);
	printf("\n%u node%s", n_all, n_all == 1 ? "" : "s");
	for (size_t s = 0; s < ARRAY_LEN(states); s++) {
		unsigned n = 0;
		for (uint32_t i = 0; i < nodes->n; i++)
			n += !is_item(&nodes->items[i]) &&
			     str_eqz(print_text(&nodes->items[i], "status"), states[s]);
		if (n > 0) {
			printf("%s%u ", sep, n);
			put_status(str_of(states[s]));
			sep = ", ";
		}
	}
	printf("\n");
}

/* "scan: 10 items: 7 succeeded, 2 running, 1 pending" */
static void print_items(const struct value *nodes)
{
	static const char *const counts[] = {"succeeded", "failed",  "cancelled", "skipped",
					     "running",	  "waiting", "pending"};
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct value *items = value_getz(&nodes->items[i], "items");
		const char *sep = ": ";
		if (!value_is(items, VALUE_OBJECT))
			continue;
		printf("  %s", table_bold());
		table_put(print_text(&nodes->items[i], "id"));
		printf("%s: %lld items", table_plain(), (long long)print_int(items, "total"));
		for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
			int64_t n = print_int(items, counts[k]);
			if (n <= 0)
				continue;
			printf("%s%lld %s", sep, (long long)n, counts[k]);
			sep = ", ";
		}
		printf("\n");
	}
}

/* The messages are too long for the table. */
static void print_errors(const struct value *nodes)
{
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct value *n = &nodes->items[i];
		struct str message = print_text(value_getz(n, "error"), "message");
		if (message.n == 0 || is_item(n) || str_eqz(print_text(n, "status"), "SKIPPED"))
			continue;
		printf("  %s", table_bold());
		table_put(print_text(n, "id"));
		printf("%s: ", table_plain());
		table_put(message);
		printf("\n");
	}
}

/* "  scan: 42 % done: 42 of 100 files" */
static void print_progress(const struct value *attempts)
{
	for (uint32_t i = 0; value_is(attempts, VALUE_ARRAY) && i < attempts->n; i++) {
		const struct value *a = &attempts->items[i], *told = value_getz(a, "progress");
		CLEANUP_BUF struct buf text = {0};
		if (!told || !str_eqz(print_text(a, "status"), "RUNNING"))
			continue;
		print_done(&text, told);
		printf("  %s", table_bold());
		table_put(print_text(a, "nodeId"));
		printf("%s: ", table_plain());
		table_put(buf_str(&text));
		printf("\n");
	}
}

/* The runs that nodes called: their ids are too long for the table. */
static void print_children(const struct value *nodes)
{
	for (uint32_t i = 0; i < nodes->n; i++) {
		struct str child = print_text(&nodes->items[i], "childRunId");
		if (child.n == 0)
			continue;
		printf("  %s", table_bold());
		table_put(print_text(&nodes->items[i], "id"));
		printf("%s: called run ", table_plain());
		table_put(child);
		printf("\n");
	}
}

/* How what waits is let go on. */
static void print_approvals(const struct value *list)
{
	for (uint32_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++) {
		const struct value *p = &list->items[i];
		if (!str_eqz(print_text(p, "status"), "PENDING"))
			continue;
		printf("  %s", table_bold());
		table_put(print_text(p, "nodeId"));
		printf("%s: waits for approval: drover approve ", table_plain());
		table_put(print_text(p, "id"));
		printf("\n");
	}
}

/* Of which nodes nobody knows whether their effect happened. */
static void print_doubts(const struct value *run, const struct value *nodes)
{
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct value *n = &nodes->items[i], *doubt = value_getz(n, "doubt");
		struct str status = print_text(n, "status");
		if (!doubt || value_getz(doubt, "settled"))
			continue;
		printf("  %s", table_bold());
		table_put(print_text(n, "id"));
		printf("%s: %lld. attempt, %.*s, ended with ", table_plain(),
		       (long long)print_int(doubt, "attempt"),
		       STR_ARG(print_text(doubt, "effect")));
		table_put(print_text(doubt, "code"));
		printf(": its effect may or may not have happened");
		if (str_eqz(status, "UNKNOWN")) {
			printf("; look, then: drover resolve ");
			table_put(print_text(run, "id"));
			printf(" ");
			table_put(print_text(n, "id"));
		}
		printf("\n");
	}
}

/* ---- head ---- */

static void head(const char *name, struct str text)
{
	if (text.n == 0)
		return;
	printf("%s%-9s%s ", table_dim(), name, table_plain());
	table_put(text);
	printf("\n");
}

/* "since 2026-11-24 16:56:37 by ann: look first" */
static void head_paused(const struct value *paused)
{
	CLEANUP_BUF struct buf text = {0};
	struct str by = print_text(paused, "by"), reason = print_text(paused, "reason");
	if (!value_is(paused, VALUE_OBJECT))
		return;
	buf_puts(&text, "since ");
	table_time(&text, print_text(paused, "at"));
	if (by.n)
		buf_printf(&text, " by %.*s", STR_ARG(by));
	if (reason.n)
		buf_printf(&text, ": %.*s", STR_ARG(reason));
	head("paused", buf_str(&text));
}

static void print_head(const struct value *run)
{
	CLEANUP_BUF struct buf created = {0}, took = {0}, workflow = {0}, error = {0}, text = {0};
	const struct value *e = value_getz(run, "error");
	table_time(&created, print_text(run, "createdAt"));
	print_took(&took, run);
	buf_put_str(&workflow, print_text(run, "workflowName"));
	buf_printf(&workflow, " version %lld", (long long)print_int(run, "workflowVersion"));
	if (value_is(e, VALUE_OBJECT)) {
		buf_put_str(&error, print_text(e, "code"));
		buf_puts(&error, ": ");
		buf_put_str(&error, print_text(e, "message"));
	}
	head("run", print_text(run, "id"));
	head("workflow", buf_str(&workflow));
	printf("%s%-9s%s ", table_dim(), "status", table_plain());
	put_status(print_text(run, "status"));
	printf("\n");
	head("created", buf_str(&created));
	head("took", buf_str(&took));
	head_paused(value_getz(run, "paused"));
	head("retry of", print_text(run, "parentRunId"));
	head("called by", print_text(run, "callerRunId"));
	head("error", buf_str(&error));
	const struct value *output = value_getz(run, "output");
	if (output && !value_is(output, VALUE_NULL)) {
		json_write(&text, output);
		head("output", buf_str(&text));
	}
}

void print_run(const struct value *run)
{
	const struct value *nodes = value_getz(run, "nodes");
	print_head(run);
	if (!value_is(nodes, VALUE_ARRAY) || nodes->n == 0)
		return;
	printf("\n");
	print_nodes(run, nodes);
	print_totals(nodes);
	print_items(nodes);
	print_errors(nodes);
	print_progress(value_getz(run, "agentRuns"));
	print_children(nodes);
	print_doubts(run, nodes);
	print_approvals(value_getz(run, "approvals"));
}
