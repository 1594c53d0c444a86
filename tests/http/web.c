#include "web.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"

union socket {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct web {
	uv_loop_t *loop;
	union socket listener;
	bool unix_socket, closed;
	struct list connections;
	const struct web_step *steps;
	size_t n_steps, n_connections;
	int port;
	char url[64];
	struct web_request requests[256];
	size_t n_requests;
};

struct connection {
	struct list node;
	union socket socket;
	struct web *web;
	struct buf in;
	const struct web_step *endless;
};

struct sending {
	uv_write_t write;
	struct connection *connection;
	char *bytes;
	bool close_after;
};

static void on_connection_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;
	list_remove(&c->node);
	buf_free(&c->in);
	free(c);
}

static void connection_close(struct connection *c)
{
	if (!uv_is_closing(&c->socket.handle))
		uv_close(&c->socket.handle, on_connection_closed);
}

static void send_more(struct connection *c);

static void on_sent(uv_write_t *write, int status)
{
	struct sending *s = container_of(write, struct sending, write);
	struct connection *c = s->connection;
	bool over = status < 0 || s->close_after;
	free(s->bytes);
	free(s);
	if (over)
		connection_close(c);
	else if (c->endless)
		send_more(c);
}

static void send_text(struct connection *c, struct buf *text, bool close_after)
{
	struct sending *s = NEW0(struct sending);
	size_t n = text->n;
	s->connection = c;
	s->bytes = buf_take(text);
	s->close_after = close_after;
	uv_buf_t b = uv_buf_init(s->bytes, (unsigned)n);
	if (uv_write(&s->write, &c->socket.stream, &b, 1, on_sent) < 0) {
		free(s->bytes);
		free(s);
		connection_close(c);
	}
}

static void send_more(struct connection *c)
{
	struct buf text = {0};
	for (int i = 0; i < 100; i++)
		buf_puts(&text, c->endless->kind == WEB_HEADERS
					? "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
					: "0123456789012345678901234567890123456789012345678901\n");
	send_text(c, &text, false);
}

static void respond(struct connection *c)
{
	struct web *w = c->web;
	size_t at = w->n_requests <= w->n_steps ? w->n_requests - 1 : w->n_steps - 1;
	const struct web_step *step = &w->steps[at];
	struct buf text = {0};
	switch (step->kind) {
	case WEB_SILENT:
		return;
	case WEB_CLOSE:
		connection_close(c);
		return;
	case WEB_GARBAGE:
		buf_puts(&text, "\x01\x02 this is not HTTP\r\n\r\n");
		send_text(c, &text, true);
		return;
	case WEB_ENDLESS:
	case WEB_HEADERS:
		c->endless = step;
		buf_puts(&text, "HTTP/1.1 200 OK\r\n");
		if (step->kind == WEB_ENDLESS)
			buf_puts(&text, "Connection: close\r\n\r\n");
		send_text(c, &text, false);
		return;
	case WEB_ANSWER:
	case WEB_PARTIAL:
		break;
	}
	const char *body = step->body ? step->body : "";
	size_t extra = step->kind == WEB_PARTIAL ? 100 : 0;
	buf_printf(&text, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\n%s\r\n%s", step->status,
		   strlen(body) + extra, step->headers ? step->headers : "", body);
	send_text(c, &text, step->kind == WEB_PARTIAL);
}

/* Takes one whole request off the input; false when it is not all there yet. */
static bool take_request(struct connection *c)
{
	char *end = c->in.n ? memmem(c->in.p, c->in.n, "\r\n\r\n", 4) : NULL;
	if (!end)
		return false;
	size_t head_n = (size_t)(end - c->in.p) + 4, body_n = 0;
	CLEANUP_FREE char *head = mem_dup(c->in.p, head_n);
	const char *length = strcasestr(head, "\r\nContent-Length:");
	if (length)
		body_n = strtoul(length + 17, NULL, 10);
	if (c->in.n < head_n + body_n)
		return false;
	struct web *w = c->web;
	if (w->n_requests < ARRAY_LEN(w->requests))
		w->requests[w->n_requests++] = (struct web_request){
			.head = mem_dup(c->in.p, head_n),
			.body = mem_dup(c->in.p + head_n, body_n),
			.body_n = body_n,
		};
	buf_drop(&c->in, head_n + body_n);
	return true;
}

static void want_room(uv_handle_t *handle, size_t hint, uv_buf_t *ret)
{
	struct connection *c = handle->data;
	(void)hint;
	buf_reserve(&c->in, 65536);
	*ret = uv_buf_init(c->in.p + c->in.n, 65536);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct connection *c = stream->data;
	(void)bytes;
	if (n < 0) {
		connection_close(c);
		return;
	}
	c->in.n += (size_t)n;
	while (take_request(c))
		respond(c);
}

static int socket_init(struct web *w, union socket *s)
{
	return w->unix_socket ? uv_pipe_init(w->loop, &s->pipe, 0) : uv_tcp_init(w->loop, &s->tcp);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct web *w = listener->data;
	if (status < 0)
		return;
	struct connection *c = NEW0(struct connection);
	c->web = w;
	socket_init(w, &c->socket);
	c->socket.handle.data = c;
	list_push_back(&w->connections, &c->node);
	w->n_connections++;
	if (uv_accept(listener, &c->socket.stream) < 0)
		connection_close(c);
	else
		uv_read_start(&c->socket.stream, want_room, on_read);
}

static int bind_somewhere(struct web *w, const char *unix_path)
{
	if (unix_path)
		return uv_pipe_bind(&w->listener.pipe, unix_path);
	struct sockaddr_in a;
	int n = sizeof(a);
	uv_ip4_addr("127.0.0.1", 0, &a);
	int r = uv_tcp_bind(&w->listener.tcp, (const struct sockaddr *)&a, 0);
	if (r < 0)
		return r;
	r = uv_tcp_getsockname(&w->listener.tcp, (struct sockaddr *)&a, &n);
	w->port = ntohs(a.sin_port);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d", w->port);
	return r;
}

struct web *web_new(struct uv_loop_s *loop, const struct web_step *steps, size_t n_steps,
		    const char *unix_path)
{
	struct web *w = NEW0(struct web);
	w->loop = loop;
	w->unix_socket = unix_path != NULL;
	w->steps = steps;
	w->n_steps = n_steps;
	list_init(&w->connections);
	socket_init(w, &w->listener);
	w->listener.handle.data = w;
	if (bind_somewhere(w, unix_path) < 0 ||
	    uv_listen(&w->listener.stream, 512, on_connection) < 0)
		web_free(&w);
	return w;
}

const char *web_url(const struct web *w)
{
	return w->url;
}

int web_port(const struct web *w)
{
	return w->port;
}

size_t web_n_requests(const struct web *w)
{
	return w->n_requests;
}

size_t web_n_connections(const struct web *w)
{
	return w->n_connections;
}

const struct web_request *web_request(const struct web *w, size_t i)
{
	return &w->requests[i];
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct web *w = handle->data;
	w->closed = true;
}

void web_free(struct web **ret)
{
	struct web *w = *ret;
	if (!w)
		return;
	*ret = NULL;
	uv_close(&w->listener.handle, on_listener_closed);
	LIST_FOREACH (node, &w->connections)
		connection_close(container_of(node, struct connection, node));
	while (!w->closed || !list_empty(&w->connections))
		uv_run(w->loop, UV_RUN_ONCE);
	for (size_t i = 0; i < w->n_requests; i++) {
		free(w->requests[i].head);
		free(w->requests[i].body);
	}
	free(w);
}
