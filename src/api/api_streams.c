/* /api/runs/{runId}/events and /api/runs/{runId}/nodes/{nodeId}/logs. */
#include <stdio.h>

#include "api/api_items.h"
#include "api/api_private.h"
#include "api/resources.h"
#include "api/streams.h"
#include "json/parse.h"

static bool read_number(struct str text, int64_t *ret)
{
	int64_t n = 0;
	if (text.n == 0 || text.n > 15)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (text.p[i] - '0');
	}
	*ret = n;
	return true;
}

/* What the client has already: Last-Event-ID, else ?after=. */
static bool read_after(struct call *c, int64_t *ret, bool *ret_resumes, struct call_done *ret_done)
{
	struct str text;
	const struct str *after = call_query(c, "after");
	*ret = 0;
	*ret_resumes = http_header(c->request, "Last-Event-ID", &text);
	if (*ret_resumes && text.n > 0) {
		if (read_number(text, ret))
			return true;
		*ret_done = call_problem(c, 400, "Last-Event-ID must be a number.");
		return false;
	}
	if (!after || read_number(*after, ret))
		return true;
	*ret_done = call_problem_path(c, 400, "after", "must be a number");
	return false;
}

static struct call_done start(struct call *c)
{
	return streams_start(c, c->state);
}

static const struct run_part nodes_only = {0};

/* HEAD has no body to stream, and a client that has all stops reconnecting on 204. */
static struct call_done begin(struct call *c, struct stream_open *open, bool has_all)
{
	if (has_all)
		return call_no_content(c);
	if (str_eq(c->request->method, STR("HEAD"))) {
		struct http_response r = call_response(200, "text/event-stream");
		return call_reply_response(c, &r);
	}
	c->state = open;
	return call_on_loop(c, start);
}

struct call_done streams_events(struct call *c)
{
	struct call_done refused;
	struct run_detail d = {0};
	struct event_row *rows;
	size_t n = 0;
	bool resumes;
	struct stream_open *open = ARENA_NEW(c->arena, struct stream_open);
	*open = (struct stream_open){.kind = STREAM_EVENTS, .run_id = c->params[0]};
	if (!read_after(c, &open->after, &resumes, &refused))
		return refused;
	int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, c->params[0],
					     &nodes_only, &d);
	if (r)
		return call_problem_store(c, r, "There is no such run.");
	open->final = run_status_final(d.run.status);
	if (open->final && resumes) {
		r = c->reader->ops->event_list(c->reader, c->arena, open->run_id, open->after, 1,
					       &rows, &n);
		if (r)
			return call_problem_store(c, r, "There is no such run.");
	}
	return begin(c, open, open->final && resumes && n == 0);
}

/* ---- logs ---- */

/* False when the run has no such node. */
static bool find_node(struct call *c, const struct run_detail *d, bool *ret_final)
{
	struct value definition;
	*ret_final = run_status_final(d->run.status);
	for (size_t i = 0; i < d->n_nodes; i++)
		if (str_eq(d->nodes[i].node_id, c->params[1])) {
			*ret_final |= node_status_final(d->nodes[i].status);
			return true;
		}
	if (items_find(c, d, c->params[1], ret_final))
		return true;
	if (json_parse(c->arena, d->definition, JSON_BORROW, &definition, NULL) != 0)
		return false;
	const struct value *nodes = value_getz(&definition, "nodes");
	for (uint32_t i = 0; value_is(nodes, VALUE_ARRAY) && i < nodes->n; i++)
		if (str_eq(value_text(value_getz(&nodes->items[i], "id")), c->params[1]))
			return true;
	return false;
}

static void put_line(struct json_out *o, const struct log_row *row, int64_t number, struct str line)
{
	json_out_object(o);
	json_out_key(o, "line");
	json_out_int(o, number);
	json_out_key(o, "time");
	json_out_time(o, row->time_ms);
	json_out_key(o, "attempt");
	json_out_int(o, row->attempt);
	json_out_key(o, "text");
	json_out_str(o, line);
	json_out_end(o);
}

struct listing {
	struct call_page page;
	int64_t after, last;
	size_t n;
	bool more;
};

static void list_row(struct listing *l, const struct log_row *row)
{
	const char *p = row->text.p, *end = row->text.p + row->text.n;
	for (int64_t number = row->seq; number < row->seq + row->n_lines; number++) {
		const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		const char *stop = newline ? newline : end;
		if (number > l->after) {
			if (l->n == l->page.limit) {
				l->more = true;
				return;
			}
			put_line(&l->page.out, row, number, str_n(p, (size_t)(stop - p)));
			l->last = number;
			l->n++;
		}
		p = newline ? newline + 1 : end;
	}
}

static struct call_done list_lines(struct call *c, int64_t after)
{
	struct call_done refused;
	struct listing l = {0};
	struct log_row *rows;
	size_t n;
	if (!page_begin(c, &l.page, &refused))
		return refused;
	l.after = after;
	if (l.page.page.after.n && !read_number(l.page.page.after, &l.after)) {
		buf_free(&l.page.body);
		return call_problem_path(c, 400, "cursor", "is none that this service gave out");
	}
	/* a row holds at least one line, so that many rows are enough */
	int r = c->reader->ops->log_list(c->reader, c->arena, c->params[0], c->params[1], l.after,
					 l.page.page.limit, &rows, &n);
	if (r) {
		buf_free(&l.page.body);
		return call_problem_store(c, r, "There is no such node.");
	}
	for (size_t i = 0; i < n && !l.more; i++)
		list_row(&l, &rows[i]);
	char last[24];
	snprintf(last, sizeof(last), "%lld", (long long)l.last);
	return page_end(c, &l.page, l.more, str_of(last));
}

static bool wants_stream(struct call *c, bool *ret, struct call_done *ret_done)
{
	struct str accept;
	if (!call_query_flag(c, "follow", ret)) {
		*ret_done = call_problem_path(c, 400, "follow", "must be 1 or 0");
		return false;
	}
	if (http_header(c->request, "Accept", &accept))
		*ret |= memmem(accept.p, accept.n, "text/event-stream", 17) != NULL;
	return true;
}

struct call_done streams_logs(struct call *c)
{
	struct call_done refused;
	struct run_detail d = {0};
	bool resumes, follow;
	struct stream_open *open = ARENA_NEW(c->arena, struct stream_open);
	*open = (struct stream_open){
		.kind = STREAM_LOGS, .run_id = c->params[0], .node_id = c->params[1]};
	if (!read_after(c, &open->after, &resumes, &refused) || !wants_stream(c, &follow, &refused))
		return refused;
	int r = c->reader->ops->run_get_part(c->reader, c->arena, PROJECT, c->params[0],
					     &nodes_only, &d);
	if (r)
		return call_problem_store(c, r, "There is no such run.");
	if (!find_node(c, &d, &open->final))
		return call_problem(c, 404, "The run has no such node.");
	if (!follow)
		return list_lines(c, open->after);
	struct log_row *rows;
	size_t n = 1;
	if (open->final && resumes) {
		r = c->reader->ops->log_list(c->reader, c->arena, c->params[0], c->params[1],
					     open->after, 1, &rows, &n);
		if (r)
			return call_problem_store(c, r, "There is no such node.");
	}
	return begin(c, open, open->final && resumes && n == 0);
}
