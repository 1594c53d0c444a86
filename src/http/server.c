#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rng.h"
#include "http/framing.h"
#include "http/listen.h"
#include "http/target.h"

/*
 * Locking. `lock` guards the list of connections, what decides between answering and suspending
 * (exchange.answered, .suspended, the stream's fields) and the counters. libmicrohttpd is called
 * under it (suspend, resume); it never calls back with a lock of its own held.
 */
struct http_server {
	struct http_config config;
	struct MHD_Daemon *daemon;
	char *address;
	int port;
	int64_t idle_ns, headers_ns, body_ns;
	struct rng rng; /* HTTP thread: request ids */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* the keeper has something to do */
	struct list connections;
	size_t n_connections;
	struct list waiting; /* exchanges that are suspended */
	size_t n_waiting;
	struct list streams;
	size_t n_streams;
	struct list exchanges; /* all that are not freed */
	struct list spare;     /* exchanges for reuse, with a warm arena */
	size_t n_spare;
	bool stopping, stopped;
	pthread_t keeper; /* ends connections whose deadline has passed */
	int nudge_fd;	  /* eventfd in libmicrohttpd's epoll */
};

enum {
	SPARE_MOST = 256,
	KEEPER_PERIOD_MS = 500,
	NUDGE_FROM = 100,
	NUDGE_PERIOD_MS = 10,
	BODY_KEPT_BYTES = 64 << 10
};

struct connection {
	struct list node; /* server.connections */
	struct http_server *server;
	int fd;
	_Atomic int64_t deadline_ns; /* 0 = none */
	atomic_bool unlooked;	     /* it reads, and the keeper has not looked since it began */
	char *peer;
};

struct http_exchange {
	struct list all;  /* server.exchanges, or .spare */
	struct list node; /* server.waiting */
	struct http_server *server;
	struct connection *connection;
	struct MHD_Connection *mhd;
	struct arena arena;
	struct http_request request;
	struct str target;
	struct buf body;
	bool begun, dispatched, headers_answered;
	bool connected; /* libmicrohttpd has not completed it */
	bool answered, suspended;
	bool abandoned; /* stopped before it was answered */
	bool close;
	struct http_response response;
	struct http_stream *stream;
	size_t n_headers_cap;
};

struct http_stream {
	struct list node; /* server.streams */
	struct http_server *server;
	struct http_stream_ops ops;
	struct MHD_Connection *mhd; /* set once the body is being sent */
	struct buf buf;
	size_t sent;
	bool suspended, pushed, ended, closed, unreffed;
};

static int64_t now_ns(void)
{
	return clock_mono_ns(clock_system());
}

/* ---- connections and their deadlines ---- */

static void deadline_set(struct connection *c, int64_t after_ns)
{
	atomic_store_explicit(&c->deadline_ns, after_ns ? now_ns() + after_ns : 0,
			      memory_order_relaxed);
}

static void look_again(struct connection *c)
{
	atomic_store_explicit(&c->unlooked, true, memory_order_relaxed);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void connection_open(struct http_server *s, struct MHD_Connection *mhd, void **context)
{
	struct connection *c = NEW0(struct connection);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct buf peer = {0};
	if (info && info->client_addr)
		listen_format(info->client_addr, &peer, NULL);
	c->peer = buf_take(&peer);
	c->server = s;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info ? info->connect_fd : -1;
	deadline_set(c, s->idle_ns);
	look_again(c);
	*context = c;
	pthread_mutex_lock(&s->lock);
	list_push_back(&s->connections, &c->node);
	s->n_connections++;
	if (s->n_connections == 1)
		pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = arg;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_open(s, mhd, context);
		return;
	}
	struct connection *c = *context;
	pthread_mutex_lock(&s->lock);
	list_remove(&c->node);
	s->n_connections--;
	pthread_mutex_unlock(&s->lock);
	free(c->peer);
	free(c);
	*context = NULL;
}

/*
 * libmicrohttpd misses the end of input that comes together with the last bytes it read
 * (edge-triggered, it stops at a short read) and would keep the connection until its time is up.
 * Shutting the side that is at its end anyway makes the event come again.
 */
static void tell_missed_end(struct connection *c)
{
	char byte;
	if (!atomic_exchange_explicit(&c->unlooked, false, memory_order_relaxed))
		return;
	if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		shutdown(c->fd, SHUT_RD);
}

/* The descriptor is open as long as the connection is in the list. */
static void end_overdue(struct http_server *s)
{
	int64_t now = now_ns();
	LIST_FOREACH (node, &s->connections) {
		struct connection *c = container_of(node, struct connection, node);
		int64_t at = atomic_load_explicit(&c->deadline_ns, memory_order_relaxed);
		if (at && at <= now) {
			shutdown(c->fd, SHUT_RDWR);
			deadline_set(c, 0);
		} else {
			tell_missed_end(c);
		}
	}
}

/*
 * libmicrohttpd takes 128 events at a time from epoll and, when it got as many, asks again with its
 * whole time-out before it looks at any: 128 or 256 requests that come at once would stand still.
 * One more event ends that wait. It passes by events without an owner, as this one is.
 */
static int nudge_open(struct http_server *s)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
	s->nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->nudge_fd < 0 || epoll_ctl(info->epoll_fd, EPOLL_CTL_ADD, s->nudge_fd, &event) < 0)
		return -errno;
	return 0;
}

static void *keeper_main(void *arg)
{
	struct http_server *s = arg;
	int64_t looked_ns = 0;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		if (list_empty(&s->connections)) {
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		struct timespec until;
		bool nudge = s->n_connections >= NUDGE_FROM;
		int64_t at =
			now_ns() + (int64_t)(nudge ? NUDGE_PERIOD_MS : KEEPER_PERIOD_MS) * 1000000;
		until.tv_sec = at / 1000000000;
		until.tv_nsec = at % 1000000000;
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
		if (nudge)
			(void)eventfd_write(s->nudge_fd, 1);
		if (now_ns() - looked_ns < (int64_t)KEEPER_PERIOD_MS * 1000000)
			continue;
		looked_ns = now_ns();
		end_overdue(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- exchanges ---- */

const struct http_request *http_request_of(const struct http_exchange *x)
{
	return &x->request;
}

struct arena *http_arena(struct http_exchange *x)
{
	return &x->arena;
}

static bool same_name(struct str a, const char *name)
{
	return strncasecmp(a.p, name, a.n) == 0 && name[a.n] == '\0';
}

bool http_header(const struct http_request *r, const char *name, struct str *ret_value)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (same_name(r->headers[i].name, name)) {
			*ret_value = r->headers[i].value;
			return true;
		}
	return false;
}

size_t http_header_count(const struct http_request *r, const char *name)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n_headers; i++)
		n += same_name(r->headers[i].name, name);
	return n;
}

void http_response_drop(struct http_response *r)
{
	buf_free(&r->body);
	if (r->has_file)
		close(r->file_fd);
	for (size_t i = 0; i < r->n_fields; i++)
		free(r->fields[i].value);
	*r = (struct http_response){0};
}

void http_response_field(struct http_response *r, const char *name, struct str value)
{
	ASSERT(r->n_fields < HTTP_RESPONSE_FIELDS);
	char *copy = mem_dup(value.p ? value.p : "", value.n);
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
			copy[i] = ' ';
	r->fields[r->n_fields].name = name;
	r->fields[r->n_fields++].value = copy;
}

void http_response_file(struct http_response *r, int fd, uint64_t bytes)
{
	r->has_file = true;
	r->file_fd = fd;
	r->file_bytes = bytes;
}

static struct http_exchange *exchange_new(struct http_server *s)
{
	struct http_exchange *x = NULL;
	pthread_mutex_lock(&s->lock);
	struct list *node = list_pop_front(&s->spare);
	if (node) {
		x = container_of(node, struct http_exchange, all);
		s->n_spare--;
	} else {
		x = NEW0(struct http_exchange);
		list_init(&x->all);
	}
	list_push_back(&s->exchanges, &x->all);
	pthread_mutex_unlock(&s->lock);
	list_init(&x->node);
	x->server = s;
	x->connected = true;
	return x;
}

static void exchange_free(struct http_exchange *x)
{
	http_response_drop(&x->response);
	arena_free(&x->arena);
	buf_free(&x->body);
	free(x);
}

/* Lock held. Keeps the memory for the next request when it is small. */
static void exchange_retire(struct http_server *s, struct http_exchange *x)
{
	list_remove(&x->all);
	if (s->n_spare == SPARE_MOST || s->stopping) {
		exchange_free(x);
		return;
	}
	http_response_drop(&x->response);
	arena_reset(&x->arena);
	if (x->body.cap > BODY_KEPT_BYTES)
		buf_free(&x->body);
	buf_clear(&x->body);
	struct arena arena = x->arena;
	struct buf body = x->body;
	*x = (struct http_exchange){.arena = arena, .body = body};
	list_push_back(&s->spare, &x->all);
	s->n_spare++;
}

/* Lock held. The HTTP thread may free x as soon as the lock is given back. */
static void answer(struct http_server *s, struct http_exchange *x, struct http_response *r)
{
	ASSERT(!x->answered);
	x->answered = true;
	if (x->abandoned) {
		http_response_drop(r);
		return;
	}
	x->response = *r;
	*r = (struct http_response){0};
	if (x->suspended) {
		x->suspended = false;
		list_remove(&x->node);
		s->n_waiting--;
		MHD_resume_connection(x->mhd);
	}
}

void http_answer(struct http_exchange *x, struct http_response *r)
{
	struct http_server *s = x->server;
	pthread_mutex_lock(&s->lock);
	answer(s, x, r);
	pthread_mutex_unlock(&s->lock);
}

/* ---- sending ---- */

static void add_fields(const struct http_exchange *x, struct MHD_Response *out,
		       const struct http_response *r)
{
	if (r->content_type)
		MHD_add_response_header(out, "Content-Type", r->content_type);
	MHD_add_response_header(out, "X-Request-Id", x->request.request_id.p);
	for (size_t i = 0; i < r->n_fields; i++)
		MHD_add_response_header(out, r->fields[i].name, r->fields[i].value);
	if (r->close || x->close)
		MHD_add_response_header(out, "Connection", "close");
}

static ssize_t stream_pull(void *arg, uint64_t at, char *p, size_t n)
{
	struct http_stream *st = arg;
	struct http_server *s = st->server;
	bool drained = false;
	ssize_t r = 0;
	pthread_mutex_lock(&s->lock);
	size_t left = st->buf.n - st->sent;
	if (left > 0) {
		size_t take = left < n ? left : n;
		memcpy(p, st->buf.p + st->sent, take);
		st->sent += take;
		r = (ssize_t)take;
	} else if (st->ended) {
		r = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		buf_clear(&st->buf);
		st->sent = 0;
		drained = st->pushed;
		st->pushed = false;
		st->suspended = true;
		MHD_suspend_connection(st->mhd);
	}
	pthread_mutex_unlock(&s->lock);
	/* what drained() brings is pushed later, from wherever it reads */
	if (drained)
		st->ops.drained(st->ops.arg);
	return r;
}

static void stream_free(struct http_stream *st)
{
	buf_free(&st->buf);
	free(st);
}

static void stream_closed(void *arg)
{
	struct http_stream *st = arg;
	struct http_server *s = st->server;
	pthread_mutex_lock(&s->lock);
	st->closed = true;
	list_remove(&st->node);
	s->n_streams--;
	buf_free(&st->buf);
	st->sent = 0;
	pthread_mutex_unlock(&s->lock);
	st->ops.closed(st->ops.arg);
	pthread_mutex_lock(&s->lock);
	bool last = st->unreffed;
	st->ops.arg = NULL;
	st->mhd = NULL;
	pthread_mutex_unlock(&s->lock);
	if (last)
		stream_free(st);
}

static struct MHD_Response *response_make(struct http_exchange *x)
{
	struct http_response *r = &x->response;
	if (x->stream) {
		x->stream->mhd = x->mhd;
		struct MHD_Response *out = MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, 4096, stream_pull, x->stream, stream_closed);
		if (!out)
			stream_closed(x->stream);
		return out;
	}
	if (r->has_file) {
		struct MHD_Response *out = MHD_create_response_from_fd64(r->file_bytes, r->file_fd);
		r->has_file = out == NULL; /* libmicrohttpd closes it */
		return out;
	}
	size_t n = r->body.n;
	if (n == 0)
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	return MHD_create_response_from_buffer_with_free_callback(n, buf_take(&r->body), free);
}

static enum MHD_Result send_answer(struct http_exchange *x)
{
	int64_t send_ms = LIMIT_HTTP_SEND_MS;
	if (x->response.has_file)
		send_ms += (int64_t)(x->response.file_bytes / LIMIT_HTTP_SEND_BYTES_PER_MS);
	struct MHD_Response *out = response_make(x);
	if (!out)
		return MHD_NO;
	add_fields(x, out, &x->response);
	deadline_set(x->connection, x->stream ? 0 : send_ms * 1000000);
	enum MHD_Result ok = MHD_queue_response(x->mhd, (unsigned)x->response.status, out);
	MHD_destroy_response(out);
	return ok;
}

/* Sends the answer that is there, or lets the connection wait for it. */
static enum MHD_Result send_or_wait(struct http_exchange *x)
{
	struct http_server *s = x->server;
	pthread_mutex_lock(&s->lock);
	bool wait = !x->answered && !x->abandoned;
	if (wait && s->stopping) {
		x->abandoned = x->connected;
		x->response = (struct http_response){.status = 503, .close = true};
		wait = false;
	}
	if (wait) {
		deadline_set(x->connection, 0);
		x->suspended = true;
		list_push_back(&s->waiting, &x->node);
		s->n_waiting++;
		MHD_suspend_connection(x->mhd);
	}
	pthread_mutex_unlock(&s->lock);
	return wait ? MHD_YES : send_answer(x);
}

/* ---- receiving ---- */

static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *s = arg;
	struct http_exchange *x = exchange_new(s);
	x->mhd = mhd;
	x->connection = connection_of(mhd);
	look_again(x->connection);
	x->target = arena_str(&x->arena, str_of(target));
	deadline_set(x->connection, s->headers_ns);
	return x;
}

static struct str trimmed(const char *p, size_t n)
{
	while (n > 0 && (p[0] == ' ' || p[0] == '\t'))
		p++, n--;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return str_n(p, n);
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
				 size_t name_n, const char *value, size_t value_n)
{
	struct http_exchange *x = arg;
	struct http_request *r = &x->request;
	if (r->n_headers > LIMIT_HTTP_HEADERS)
		return MHD_NO;
	if (r->n_headers == x->n_headers_cap) {
		size_t cap = x->n_headers_cap ? x->n_headers_cap * 2 : 16;
		r->headers =
			arena_grow(&x->arena, r->headers, x->n_headers_cap * sizeof(*r->headers),
				   cap * sizeof(*r->headers));
		x->n_headers_cap = cap;
	}
	struct http_field *f = &r->headers[r->n_headers++];
	f->name = arena_str(&x->arena, str_n(name, name_n));
	f->value = arena_str(&x->arena, trimmed(value ? value : "", value_n));
	return MHD_YES;
}

static bool request_id_sane(struct str s)
{
	if (s.n == 0 || s.n > LIMIT_HTTP_REQUEST_ID_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
		if (!word)
			return false;
	}
	return true;
}

static struct str request_id(struct http_exchange *x)
{
	struct str given;
	if (http_header(&x->request, "X-Request-Id", &given) && request_id_sane(given))
		return given;
	char hex[17];
	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)rng_next(&x->server->rng));
	return arena_str(&x->arena, str_n(hex, 16));
}

static void refuse(struct http_exchange *x, int status, const char *detail)
{
	x->request.refuse_status = status;
	x->request.refuse_detail = detail;
	x->close = true;
	x->dispatched = x->headers_answered = true;
	x->server->config.handle(x->server->config.arg, x);
	ASSERT(x->answered);
}

/* The headers are complete: judge them, and answer at once what needs no body. */
static enum MHD_Result begin(struct http_exchange *x, const char *method, const char *version)
{
	struct http_server *s = x->server;
	struct http_request *r = &x->request;
	const char *detail = NULL;
	struct framing framing;
	x->begun = true;
	r->method = arena_str(&x->arena, str_of(method));
	r->peer = arena_dupz(&x->arena, x->connection->peer);
	r->server = s->address;
	MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, on_header, x);
	r->request_id = request_id(x);
	http_header(r, "traceparent", &r->traceparent);
	int status = framing_judge(r, str_of(version), &framing, &detail);
	if (status == 0)
		status = target_parse(&x->arena, x->target, r, &detail);
	if (status) {
		refuse(x, status, detail);
		return send_answer(x);
	}
	if (!framing.has_body)
		return MHD_YES;
	deadline_set(x->connection, s->body_ns);
	look_again(x->connection);
	if (s->config.headers)
		s->config.headers(s->config.arg, x);
	if (x->answered) {
		x->close = x->dispatched = x->headers_answered = true;
		return send_answer(x);
	}
	if (!framing.chunked)
		buf_reserve(&x->body, framing.length);
	return MHD_YES;
}

/* An answer can't be queued while a body comes in, so this one is written as it stands. */
static enum MHD_Result too_large(struct http_exchange *x)
{
	char head[512], junk[4096];
	static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Content Too Large\","
				   "\"status\":413,\"detail\":\"The body is larger than 4 MiB.\"}";
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
			 "Content-Type: application/problem+json\r\nX-Request-Id: %s\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 x->request.request_id.p, sizeof(body) - 1, body);
	int fd = x->connection->fd;
	(void)!send(fd, head, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	/* unread bytes would make the close a reset that may overtake the answer */
	for (int i = 0; i < 64 && recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0; i++)
		;
	return MHD_NO;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_n, void **context)
{
	struct http_server *s = arg;
	struct http_exchange *x = *context;
	if (!x->begun)
		return begin(x, method, version);
	if (*data_n) {
		if (x->headers_answered) {
			*data_n = 0;
			return MHD_YES;
		}
		if (x->body.n + *data_n > LIMIT_BODY_BYTES)
			return too_large(x);
		buf_put(&x->body, data, *data_n);
		*data_n = 0;
		return MHD_YES;
	}
	if (!x->dispatched) {
		x->dispatched = true;
		x->request.body = buf_str(&x->body);
		s->config.handle(s->config.arg, x);
	}
	return send_or_wait(x);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct http_server *s = arg;
	struct http_exchange *x = *context;
	if (!x)
		return;
	*context = NULL;
	deadline_set(x->connection, s->idle_ns);
	look_again(x->connection);
	pthread_mutex_lock(&s->lock);
	x->connected = false;
	/* an abandoned one is still somebody's: it stays until http_server_free() */
	if (!x->abandoned)
		exchange_retire(s, x);
	pthread_mutex_unlock(&s->lock);
}

/* ---- streams ---- */

struct http_stream *http_stream_start(struct http_exchange *x, struct http_response *r,
				      const struct http_stream_ops *ops)
{
	struct http_server *s = x->server;
	struct http_stream *st = NEW0(struct http_stream);
	st->server = s;
	st->ops = *ops;
	pthread_mutex_lock(&s->lock);
	bool full = s->n_streams >= LIMIT_SSE_STREAMS || x->abandoned || s->stopping;
	if (!full) {
		s->n_streams++;
		list_push_back(&s->streams, &st->node);
		st->buf = r->body;
		r->body = (struct buf){0};
		x->stream = st;
		answer(s, x, r);
	}
	pthread_mutex_unlock(&s->lock);
	if (full) {
		free(st);
		return NULL;
	}
	return st;
}

bool http_stream_push(struct http_stream *st, struct str bytes)
{
	struct http_server *s = st->server;
	pthread_mutex_lock(&s->lock);
	size_t left = st->buf.n - st->sent;
	bool room = !st->closed && !st->ended &&
		    (left == 0 || left + bytes.n <= LIMIT_SSE_BUFFER_BYTES);
	if (room && bytes.n > 0) {
		buf_drop(&st->buf, st->sent);
		st->sent = 0;
		buf_put_str(&st->buf, bytes);
		st->pushed = true;
		if (st->suspended) {
			st->suspended = false;
			MHD_resume_connection(st->mhd);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return room;
}

bool http_stream_idle(struct http_stream *st)
{
	pthread_mutex_lock(&st->server->lock);
	bool idle = st->buf.n == st->sent;
	pthread_mutex_unlock(&st->server->lock);
	return idle;
}

/* Lock held. */
static void stream_end(struct http_stream *st)
{
	st->ended = true;
	if (st->suspended) {
		st->suspended = false;
		MHD_resume_connection(st->mhd);
	}
}

void http_stream_end(struct http_stream *st)
{
	pthread_mutex_lock(&st->server->lock);
	stream_end(st);
	pthread_mutex_unlock(&st->server->lock);
}

void http_stream_unref(struct http_stream *st)
{
	pthread_mutex_lock(&st->server->lock);
	bool last = st->closed && !st->mhd;
	st->unreffed = true;
	pthread_mutex_unlock(&st->server->lock);
	if (last)
		stream_free(st);
}

/* ---- the server ---- */

static void on_panic(void *arg, const char *file, unsigned int line, const char *reason)
{
	fault_bug(file, (int)line, reason ? reason : "libmicrohttpd");
}

static struct MHD_Daemon *daemon_start(struct http_server *s, int fd)
{
	size_t most = s->config.max_connections;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
	unsigned idle_s = (unsigned)((s->idle_ns + 999999999) / 1000000000);
	MHD_set_panic_func(on_panic, NULL);
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned)(most ? most : LIMIT_HTTP_CONNECTIONS),
				MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)LIMIT_HTTP_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
				idle_s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
}

static int64_t ms_or(int ms, int64_t otherwise_ms)
{
	return (ms ? ms : otherwise_ms) * 1000000;
}

static void server_init(struct http_server *s, const struct http_config *config)
{
	s->config = *config;
	s->nudge_fd = -1;
	s->idle_ns = ms_or(config->idle_ms, LIMIT_HTTP_IDLE_MS);
	s->headers_ns = ms_or(config->headers_ms, LIMIT_HTTP_HEADERS_MS);
	s->body_ns = ms_or(config->body_ms, LIMIT_HTTP_BODY_MS);
	uint64_t seed;
	rng_system(&seed, sizeof(seed));
	rng_seed(&s->rng, seed);
	list_init(&s->connections);
	list_init(&s->waiting);
	list_init(&s->streams);
	list_init(&s->exchanges);
	list_init(&s->spare);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void server_fini(struct http_server *s)
{
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	if (s->nudge_fd >= 0)
		close(s->nudge_fd);
	free(s->address);
	free(s);
}

int http_server_new(const struct http_config *config, struct buf *error, struct http_server **ret)
{
	CLEANUP_FD int fd = -1;
	int r = listen_open(config->listen, error, &fd);
	if (r < 0)
		return r;
	struct http_server *s = NEW0(struct http_server);
	server_init(s, config);
	struct buf address = {0};
	listen_address(fd, &address, &s->port);
	s->address = buf_take(&address);
	s->daemon = daemon_start(s, fd);
	if (!s->daemon) {
		r = errno ? -errno : -EIO;
		buf_printf(error, "the HTTP server can't start: %s", strerror(-r));
		server_fini(s);
		return r;
	}
	fd = -1; /* libmicrohttpd's from here on */
	r = -nudge_open(s);
	if (r == 0)
		r = pthread_create(&s->keeper, NULL, keeper_main, s);
	if (r != 0) {
		buf_printf(error, "the HTTP server can't start a thread: %s", strerror(r));
		MHD_stop_daemon(s->daemon);
		server_fini(s);
		return -r;
	}
	*ret = s;
	return 0;
}

void http_server_stop(struct http_server *s)
{
	if (s->stopped)
		return;
	s->stopped = true;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->changed);
	LIST_FOREACH (node, &s->waiting) {
		struct http_exchange *x = container_of(node, struct http_exchange, node);
		list_remove(&x->node);
		x->abandoned = true;
		x->suspended = false;
		x->response = (struct http_response){.status = 503, .close = true};
		s->n_waiting--;
		MHD_resume_connection(x->mhd);
	}
	LIST_FOREACH (node, &s->streams)
		stream_end(container_of(node, struct http_stream, node));
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->keeper, NULL);
	MHD_stop_daemon(s->daemon);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	http_server_stop(s);
	LIST_FOREACH (node, &s->exchanges)
		exchange_free(container_of(node, struct http_exchange, all));
	LIST_FOREACH (node, &s->spare)
		exchange_free(container_of(node, struct http_exchange, all));
	server_fini(s);
}

const char *http_server_address(const struct http_server *s)
{
	return s->address;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stats(struct http_server *s, struct http_server_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = (struct http_server_stats){s->n_connections, s->n_waiting, s->n_streams};
	pthread_mutex_unlock(&s->lock);
}
