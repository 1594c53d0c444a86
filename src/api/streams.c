#include "api/streams.h"

#include "api/api_private.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "json/parse.h"

enum { BATCH_BYTES = LIMIT_SSE_BUFFER_BYTES / 2, STARVED_MS = 50 };

struct streams {
	struct api *api;
	struct map topics;
	struct list all;
	size_t n;
	int64_t heartbeat_ns; /* when it is due */
	bool starved;	      /* a read found no place in the queue */
};

struct topic { /* the streams of one run */
	struct list streams;
	char *run_id;
};

struct stream {
	struct message to_read, on_drained, on_closed;
	struct list node, of_topic;
	struct streams *streams;
	struct topic *topic;
	struct http_stream *http;
	enum stream_kind kind;
	char *run_id, *node_id;

	/* loop thread */
	bool reading, dirty, ended, closed;
	bool final; /* nothing will be added: end when all is sent */
	size_t n_pushes, n_drains;

	/* the reader's while `reading`, then the loop's */
	int64_t after;	     /* last seq or line sent */
	int64_t event_after; /* LOGS: last event looked at */
	bool seen_end;	     /* an event said that nothing will be added */
	bool final_before;   /* `final` when the read began */
	bool pushed, exhausted, gone;
};

/* ---- one batch, on a reader's thread ---- */

static void put_event_data(struct buf *out, const struct event_row *e)
{
	struct json_out o = json_out_to(out);
	char time[TIMEFMT_RFC3339_BYTES];
	struct str data = e->data;
	timefmt_rfc3339(time, e->time_ms);
	json_out_object(&o);
	json_out_key(&o, "runId");
	json_out_str(&o, e->run_id);
	json_out_key(&o, "seq");
	json_out_int(&o, e->seq);
	json_out_key(&o, "time");
	json_out_strz(&o, time);
	json_out_key(&o, "type");
	json_out_str(&o, e->type);
	json_out_key(&o, "data");
	json_out_raw(&o, data.n ? data : STR("{}"));
	json_out_end(&o);
}

/* A line break inside JSON text can only be white space. */
static void flatten(struct buf *out, size_t from)
{
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\n' || out->p[i] == '\r')
			out->p[i] = ' ';
}

static void put_frame_head(struct buf *out, int64_t id, struct str event)
{
	buf_puts(out, "id: ");
	buf_put_i64(out, id);
	buf_puts(out, "\nevent: ");
	buf_put_str(out, event);
	buf_puts(out, "\ndata: ");
}

static bool is_run_end(const struct event_row *e)
{
	return str_eq(e->type, STR("run.finished"));
}

static int batch_events(struct stream *s, struct store_reader *reader, struct arena *a,
			struct buf *out)
{
	struct event_row *rows;
	size_t n, i = 0;
	int r = reader->ops->event_list(reader, a, str_of(s->run_id), s->after, LIMIT_STREAM_ROWS,
					&rows, &n);
	if (r)
		return r;
	for (; i < n && out->n < BATCH_BYTES; i++) {
		put_frame_head(out, rows[i].seq, rows[i].type);
		size_t from = out->n;
		put_event_data(out, &rows[i]);
		flatten(out, from);
		buf_puts(out, "\n\n");
		s->after = rows[i].seq;
		/* the run may have ended before the stream was there to be told */
		s->seen_end |= is_run_end(&rows[i]);
	}
	s->exhausted = i == n && n < LIMIT_STREAM_ROWS;
	return 0;
}

static bool ends_node(struct arena *a, const struct event_row *e, const char *node_id)
{
	struct value v;
	if (is_run_end(e))
		return true;
	if (!str_eq(e->type, STR("node.finished")) && !str_eq(e->type, STR("node.skipped")))
		return false;
	if (json_parse(a, e->data, JSON_BORROW, &v, NULL) != 0)
		return false;
	return str_eqz(value_text(value_getz(&v, "nodeId")), node_id);
}

/* Whether the run's history says that the node ended. */
static int look_for_end(struct stream *s, struct store_reader *reader, struct arena *a)
{
	while (!s->seen_end && !s->final_before) {
		struct event_row *rows;
		size_t n;
		int r = reader->ops->event_list(reader, a, str_of(s->run_id), s->event_after,
						LIMIT_STREAM_ROWS, &rows, &n);
		if (r)
			return r;
		for (size_t i = 0; i < n; i++) {
			s->event_after = rows[i].seq;
			s->seen_end |= ends_node(a, &rows[i], s->node_id);
		}
		if (n < LIMIT_STREAM_ROWS)
			break;
	}
	return 0;
}

static void put_line(struct buf *out, const struct log_row *row, int64_t number, struct str line)
{
	struct json_out o = json_out_to(out);
	put_frame_head(out, number, STR("log"));
	json_out_object(&o);
	json_out_key(&o, "line");
	json_out_int(&o, number);
	json_out_key(&o, "time");
	json_out_time(&o, row->time_ms);
	json_out_key(&o, "attempt");
	json_out_int(&o, row->attempt);
	json_out_key(&o, "text");
	json_out_str(&o, line);
	json_out_end(&o);
	buf_puts(out, "\n\n");
}

/* The lines of one row that come after s->after; false when the batch is full before its end. */
static bool put_lines(struct stream *s, struct buf *out, const struct log_row *row)
{
	const char *p = row->text.p, *end = row->text.p + row->text.n;
	for (int64_t number = row->seq; number < row->seq + row->n_lines; number++) {
		const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		const char *stop = newline ? newline : end;
		if (number > s->after) {
			if (out->n >= BATCH_BYTES)
				return false;
			put_line(out, row, number, str_n(p, (size_t)(stop - p)));
			s->after = number;
		}
		p = newline ? newline + 1 : end;
	}
	return true;
}

static int batch_lines(struct stream *s, struct store_reader *reader, struct arena *a,
		       struct buf *out)
{
	struct log_row *rows;
	size_t n, i = 0;
	int r = look_for_end(s, reader, a);
	if (r)
		return r;
	r = reader->ops->log_list(reader, a, str_of(s->run_id), str_of(s->node_id), s->after,
				  LIMIT_STREAM_ROWS, &rows, &n);
	if (r)
		return r;
	while (i < n && put_lines(s, out, &rows[i]))
		i++;
	s->exhausted = i == n && n < LIMIT_STREAM_ROWS;
	return 0;
}

static void read_done(struct message *m, struct store_reader *reader);

static void read_batch(struct message *m, struct store_reader *reader)
{
	struct stream *s = container_of(m, struct stream, to_read);
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_BUF struct buf out = {0};
	s->exhausted = s->pushed = false;
	int r = s->kind == STREAM_EVENTS ? batch_events(s, reader, &a, &out)
					 : batch_lines(s, reader, &a, &out);
	/* a run that is gone, or a database that can't be read: the client comes again */
	s->gone = r != 0;
	if (r == 0 && out.n > 0)
		s->pushed = http_stream_push(s->http, buf_str(&out));
	m->run = read_done;
	api_post(s->streams->api, m);
}

/* ---- the loop's side ---- */

static void stream_free(struct stream *s)
{
	struct streams *ss = s->streams;
	list_remove(&s->node);
	list_remove(&s->of_topic);
	ss->n--;
	if (list_empty(&s->topic->streams)) {
		map_remove(&ss->topics, str_of(s->topic->run_id));
		free(s->topic->run_id);
		free(s->topic);
	}
	http_stream_unref(s->http);
	free(s->run_id);
	free(s->node_id);
	free(s);
}

static void go_on(struct stream *s)
{
	if (s->closed || s->ended || s->reading || s->n_pushes != s->n_drains)
		return;
	s->reading = true;
	s->dirty = false;
	s->final_before = s->final;
	s->to_read.run = read_batch;
	if (api_read(s->streams->api, &s->to_read))
		return;
	s->reading = false;
	s->dirty = true;
	s->streams->starved = true;
	api_arm_timer(s->streams->api);
}

static void end(struct stream *s)
{
	s->ended = true;
	http_stream_end(s->http);
}

static void read_done(struct message *m, struct store_reader *reader)
{
	struct stream *s = container_of(m, struct stream, to_read);
	s->reading = false;
	s->n_pushes += s->pushed;
	if (s->closed) {
		stream_free(s);
		return;
	}
	if (s->gone || (s->exhausted && (s->final_before || s->seen_end)))
		end(s);
	else if (s->dirty || !s->exhausted)
		go_on(s);
}

static void drained_on_loop(struct message *m, struct store_reader *reader)
{
	struct stream *s = container_of(m, struct stream, on_drained);
	s->n_drains++;
	/* what was read last may not have been all */
	if (s->dirty || !s->exhausted)
		go_on(s);
}

static void closed_on_loop(struct message *m, struct store_reader *reader)
{
	struct stream *s = container_of(m, struct stream, on_closed);
	s->closed = true;
	if (!s->reading)
		stream_free(s);
}

/* HTTP thread. There is one push at a time, so the message is free again. */
static void drained(void *arg)
{
	struct stream *s = arg;
	api_post(s->streams->api, &s->on_drained);
}

static void closed(void *arg)
{
	struct stream *s = arg;
	api_post(s->streams->api, &s->on_closed);
}

/* ---- life ---- */

static struct topic *topic_of(struct streams *ss, struct str run_id)
{
	struct topic *t = map_get(&ss->topics, run_id);
	if (t)
		return t;
	t = NEW0(struct topic);
	t->run_id = mem_dup(run_id.p, run_id.n);
	list_init(&t->streams);
	map_put(&ss->topics, run_id, t);
	return t;
}

static struct stream *stream_new(struct streams *ss, const struct stream_open *open)
{
	struct stream *s = NEW0(struct stream);
	s->streams = ss;
	s->kind = open->kind;
	s->run_id = mem_dup(open->run_id.p, open->run_id.n);
	s->node_id = mem_dup(open->node_id.p ? open->node_id.p : "", open->node_id.n);
	s->after = open->after;
	s->final = open->final;
	s->on_drained.run = drained_on_loop;
	s->on_closed.run = closed_on_loop;
	return s;
}

struct call_done streams_start(struct call *c, const struct stream_open *open)
{
	struct streams *ss = c->api->streams;
	struct stream *s = stream_new(ss, open);
	struct http_stream_ops ops = {.drained = drained, .closed = closed, .arg = s};
	struct http_response r = call_response(200, "text/event-stream");
	struct call_done done;
	buf_puts(&r.body, "retry: 1000\n\n");
	s->http = call_stream(c, &r, &ops, &done);
	if (!s->http) {
		free(s->run_id);
		free(s->node_id);
		free(s);
		http_response_drop(&r);
		return call_problem(c, 503, "Too many streams are open; try again later.");
	}
	s->topic = topic_of(ss, str_of(s->run_id));
	list_push_back(&s->topic->streams, &s->of_topic);
	list_push_back(&ss->all, &s->node);
	if (ss->n++ == 0)
		ss->heartbeat_ns =
			clock_mono_ns(clock_system()) + (int64_t)LIMIT_SSE_HEARTBEAT_MS * 1000000;
	go_on(s);
	api_arm_timer(ss->api);
	return done;
}

void streams_wake(struct streams *ss, struct str run_id)
{
	struct topic *t = ss->n ? map_get(&ss->topics, run_id) : NULL;
	if (!t)
		return;
	LIST_FOREACH (node, &t->streams) {
		struct stream *s = container_of(node, struct stream, of_topic);
		s->dirty = true;
		go_on(s);
	}
}

void streams_run_ended(struct streams *ss, struct str run_id)
{
	struct topic *t = ss->n ? map_get(&ss->topics, run_id) : NULL;
	if (!t)
		return;
	LIST_FOREACH (node, &t->streams)
		container_of(node, struct stream, of_topic)->final = true;
	streams_wake(ss, run_id);
}

/* Tells proxies that the connection lives, and finds out about clients that went away. */
static void heartbeat(struct stream *s)
{
	bool idle = !s->reading && !s->ended && !s->closed && s->n_pushes == s->n_drains;
	if (idle && http_stream_push(s->http, STR(": still here\n\n")))
		s->n_pushes++;
}

void streams_tick(struct streams *ss, int64_t now_ns)
{
	if (ss->starved) {
		ss->starved = false;
		LIST_FOREACH (node, &ss->all) {
			struct stream *s = container_of(node, struct stream, node);
			if (s->dirty)
				go_on(s);
		}
	}
	if (ss->n == 0 || now_ns < ss->heartbeat_ns)
		return;
	ss->heartbeat_ns = now_ns + (int64_t)LIMIT_SSE_HEARTBEAT_MS * 1000000;
	LIST_FOREACH (node, &ss->all)
		heartbeat(container_of(node, struct stream, node));
}

int64_t streams_next_ns(const struct streams *ss)
{
	if (ss->starved)
		return clock_mono_ns(clock_system()) + (int64_t)STARVED_MS * 1000000;
	return ss->n ? ss->heartbeat_ns : INT64_MAX;
}

struct streams *streams_new(struct api *api)
{
	struct streams *ss = NEW0(struct streams);
	ss->api = api;
	list_init(&ss->all);
	return ss;
}

void streams_free(struct streams *ss)
{
	LIST_FOREACH (node, &ss->all)
		stream_free(container_of(node, struct stream, node));
	map_free(&ss->topics);
	free(ss);
}
