/* The server alone, over raw sockets. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "http/target.h"
#include "tap.h"

/* ---- a server whose answers say what it understood ---- */

struct site {
	struct http_server *server;
	atomic_int n_handled, n_closed, n_drained;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_exchange *held[64]; /* by /hold, until they are let go */
	size_t n_held;
	struct http_stream *stream; /* the last one that began */
};

static void note(struct site *s)
{
	pthread_mutex_lock(&s->lock);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void answer_echo(struct http_exchange *x, int status)
{
	const struct http_request *r = http_request_of(x);
	struct http_response out = {.status = status, .content_type = "text/plain"};
	buf_printf(&out.body, "%.*s %.*s", STR_ARG(r->method), STR_ARG(r->path));
	for (size_t i = 0; i < r->n_segments; i++)
		buf_printf(&out.body, " [%.*s]", STR_ARG(r->segments[i]));
	for (size_t i = 0; i < r->n_query; i++)
		buf_printf(&out.body, " %.*s=%.*s", STR_ARG(r->query[i].name),
			   STR_ARG(r->query[i].value));
	buf_printf(&out.body, " body=%zu", r->body.n);
	if (r->body.n < 100)
		buf_printf(&out.body, ":%.*s", STR_ARG(r->body));
	http_answer(x, &out);
}

static void on_drained(void *arg)
{
	struct site *s = arg;
	atomic_fetch_add(&s->n_drained, 1);
	note(s);
}

static void on_closed(void *arg)
{
	struct site *s = arg;
	atomic_fetch_add(&s->n_closed, 1);
	note(s);
}

static void begin_stream(struct site *s, struct http_exchange *x)
{
	struct http_stream_ops ops = {on_drained, on_closed, s};
	struct http_response out = {.status = 200, .content_type = "text/event-stream"};
	buf_puts(&out.body, "first\n");
	struct http_stream *st = http_stream_start(x, &out, &ops);
	if (!st) {
		http_response_drop(&out);
		answer_echo(x, 503);
		return;
	}
	pthread_mutex_lock(&s->lock);
	if (s->stream)
		http_stream_unref(s->stream);
	s->stream = st;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void handle(void *arg, struct http_exchange *x)
{
	struct site *s = arg;
	const struct http_request *r = http_request_of(x);
	atomic_fetch_add(&s->n_handled, 1);
	if (r->refuse_status) {
		answer_echo(x, r->refuse_status);
	} else if (str_starts(r->path, STR("/hold"))) {
		pthread_mutex_lock(&s->lock);
		s->held[s->n_held++] = x;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	} else if (str_starts(r->path, STR("/stream"))) {
		begin_stream(s, x);
	} else {
		answer_echo(x, 200);
	}
}

static void headers(void *arg, struct http_exchange *x)
{
	if (str_starts(http_request_of(x)->path, STR("/early")))
		answer_echo(x, 404);
}

static struct site *site_new(struct tap *t, const struct http_config *base)
{
	struct site *s = NEW0(struct site);
	struct http_config config = *base;
	CLEANUP_BUF struct buf error = {0};
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	config.listen = "127.0.0.1:0";
	config.arg = s;
	config.handle = handle;
	config.headers = headers;
	if (http_server_new(&config, &error, &s->server) < 0)
		tap_fail(t, __FILE__, __LINE__, "%s", error.p);
	return s;
}

static void site_free(struct site **sp)
{
	struct site *s = *sp;
	if (!s)
		return;
	http_server_stop(s->server);
	if (s->stream)
		http_stream_unref(s->stream);
	http_server_free(s->server);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
	*sp = NULL;
}
#define CLEANUP_SITE CLEANUP(site_free)

static void wait_held(struct site *s, size_t n)
{
	pthread_mutex_lock(&s->lock);
	while (s->n_held < n)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void wait_stream(struct site *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->stream)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void wait_count(struct site *s, atomic_int *n, int least)
{
	pthread_mutex_lock(&s->lock);
	while (atomic_load(n) < least)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* ---- a client of bytes ---- */

static int dial(struct site *s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)http_server_port(s->server)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (connect(fd, (void *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);
		if (r <= 0)
			return;
		p += r;
		n -= (size_t)r;
	}
}

static void putz(int fd, const char *z)
{
	put(fd, z, strlen(z));
}

/* Reads until `until` was seen (NULL: until the end of the connection) or 5 s of silence. */
static bool get(int fd, struct buf *out, const char *until)
{
	for (;;) {
		if (until && out->p && memmem(out->p, out->n, until, strlen(until)))
			return true;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 5000) <= 0)
			return false;
		buf_reserve(out, 65536);
		ssize_t r = recv(fd, out->p + out->n, 65536, 0);
		if (r <= 0)
			return !until;
		out->n += (size_t)r;
		out->p[out->n] = '\0';
	}
}

/* Sends bytes and the end of them; all that comes back. */
static void talk(struct site *s, const char *bytes, size_t n, struct buf *out)
{
	CLEANUP_FD int fd = dial(s);
	buf_clear(out);
	put(fd, bytes, n);
	shutdown(fd, SHUT_WR);
	get(fd, out, NULL);
}

static int status_of(const struct buf *b)
{
	int status = 0;
	if (b->n > 12 && sscanf(b->p, "HTTP/1.%*d %d", &status) == 1)
		return status;
	return 0;
}

static size_t count_of(const struct buf *b, const char *what)
{
	size_t n = 0;
	for (const char *p = b->p; p && (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

#define CHECK_HAS(b, what)                                                                         \
	do {                                                                                       \
		if (!(b).p || !strstr((b).p, what)) {                                              \
			tap_fail(t, __FILE__, __LINE__, "no \"%s\" in: %s", what,                  \
				 (b).p ? (b).p : "nothing");                                       \
			return;                                                                    \
		}                                                                                  \
	} while (0)

static const struct http_config plain;

/* ---- targets ---- */

static int judge_target(struct arena *a, const char *target, struct http_request *r)
{
	const char *detail;
	*r = (struct http_request){.method = STR("GET")};
	return target_parse(a, str_of(target), r, &detail);
}

TEST(a_path_has_one_meaning)
{
	static const struct {
		const char *target;
		int status;
		size_t n_segments;
	} cases[] = {
		{"/", 0, 0},
		{"/api/agents", 0, 2},
		{"/api/%61gents", 0, 2},
		{"/api/agents/", 0, 3},
		{"//api", 0, 2},
		{"/api/a%20b", 0, 2},
		{"/a%2fb", 400, 0},
		{"/a%2Fb", 400, 0},
		{"/a%5cb", 400, 0},
		{"/a\\b", 400, 0},
		{"/../etc", 400, 0},
		{"/a/..", 400, 0},
		{"/a/./b", 400, 0},
		{"/%2e%2e/a", 400, 0},
		{"/%2e", 400, 0},
		{"/..;/a", 0, 2},
		{"/a%00b", 400, 0},
		{"/a%0ab", 400, 0},
		{"/a%7f", 400, 0},
		{"/a%zz", 400, 0},
		{"/a%2", 400, 0},
		{"/a%", 400, 0},
		{"/%ff", 400, 0},
		{"/%c3%a9", 0, 1},
		{"/%c0%af", 400, 0},
		{"/%ed%a0%80", 400, 0},
		{"/a?x=%", 400, 0},
		{"/a?x=%00", 400, 0},
		{"/a?x=%ff", 400, 0},
		{"/a?x=1&y=2", 0, 1},
		{"/a#b", 400, 0},
		{"*", 400, 0},
		{"", 400, 0},
		{"a", 400, 0},
		{"http://host/a/b?x=1", 0, 2},
		{"http://host", 0, 0},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21", 404, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ARENA struct arena a = {0};
		struct http_request r;
		int status = judge_target(&a, cases[i].target, &r);
		if (status != cases[i].status ||
		    (status == 0 && r.n_segments != cases[i].n_segments))
			tap_fail(t, __FILE__, __LINE__, "%s: %d with %zu segments", cases[i].target,
				 status, r.n_segments);
	}
}

TEST(query_parameters_are_decoded_once)
{
	CLEANUP_ARENA struct arena a = {0};
	struct http_request r;
	CHECK_INT(judge_target(&a, "/a?x=1%2b2+3&&y&z=%2525&=v", &r), 0);
	CHECK_INT(r.n_query, 4);
	CHECK_STR(r.query[0].value, STR("1+2 3"));
	CHECK_STR(r.query[1].name, STR("y"));
	CHECK_STR(r.query[1].value, STR(""));
	CHECK_STR(r.query[2].value, STR("%25"));
	CHECK_STR(r.query[3].name, STR(""));
}

/* ---- framing ---- */

TEST(ambiguous_framing_is_refused_and_the_connection_closed)
{
	static const struct {
		const char *bytes;
		int status; /* of the first answer */
	} cases[] = {
#define POST_ "POST /a HTTP/1.1\r\nHost: x\r\n"
#define TAIL "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
		{POST_ "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length: 3, 3\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length: +3\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length: -3\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length: 0x3\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length: 3 3\r\n\r\nabc" TAIL, 400},
		{POST_ "Content-Length:\r\n\r\n" TAIL, 400},
		{POST_ "Content-Length: 99999999999999999999\r\n\r\nabc" TAIL, 413},
		{POST_ "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" TAIL,
		 400},
		{POST_ "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" TAIL,
		 400},
		{POST_ "Transfer-Encoding: identity\r\n\r\n" TAIL, 400},
		{POST_ "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" TAIL, 400},
		{POST_ "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" TAIL, 400},
		{POST_ "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" TAIL, 400},
		{POST_ "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" TAIL,
		 400},
		{POST_ "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" TAIL, 400},
		{POST_ "Content-Length : 3\r\n\r\nabc" TAIL, 400},
		{POST_ "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" TAIL, 400},
		{"POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" TAIL,
		 400},
		{"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" TAIL, 400},
		{"GET /a HTTP/1.1\r\n\r\n" TAIL, 400},
		{"GET /a HTTP/1.1\r\nHost: x\r\nX\x01Y: z\r\n\r\n" TAIL, 400},
		{"GET /a HTTP/1.1\r\nHost: x\r\nX: a\x01z\r\n\r\n" TAIL, 400},
		{"GET /a HTTP/2.0\r\nHost: x\r\n\r\n" TAIL, 505},
		{"G(T /a HTTP/1.1\r\nHost: x\r\n\r\n" TAIL, 400},
		{"GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n" TAIL, 400},
	};
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf out = {0};
		talk(s, cases[i].bytes, strlen(cases[i].bytes), &out);
		/* the library's own refusals come with their head twice; the connection ends */
		char again[24];
		snprintf(again, sizeof(again), "HTTP/1.1 %d", cases[i].status);
		if (status_of(&out) != cases[i].status ||
		    count_of(&out, "HTTP/1.") != count_of(&out, again) ||
		    !count_of(&out, "Connection: close") || count_of(&out, "smuggled"))
			tap_fail(t, __FILE__, __LINE__, "case %zu (want %d): %s", i,
				 cases[i].status, out.p ? out.p : "nothing");
	}
}

TEST(good_framing_is_understood)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_BUF struct buf out = {0};
	const char *chunked = POST_ "Transfer-Encoding: Chunked\r\n\r\n"
				    "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n" TAIL;
	talk(s, chunked, strlen(chunked), &out);
	CHECK_HAS(out, "body=5:abcde");
	CHECK_INT(count_of(&out, "HTTP/1.1 200"), 2);
	CHECK_HAS(out, "GET /smuggled [smuggled] body=0");
	const char *sized = POST_ "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc";
	talk(s, sized, strlen(sized), &out);
	CHECK_HAS(out, "HTTP/1.1 100");
	CHECK_HAS(out, "body=3:abc");
	const char *old = "GET /a HTTP/1.0\r\n\r\n";
	talk(s, old, strlen(old), &out);
	CHECK_INT(status_of(&out), 200);
	const char *absolute = "GET http://x/a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n";
	talk(s, absolute, strlen(absolute), &out);
	CHECK_HAS(out, "GET /a/b [a] [b] c=d");
}

TEST(garbage_gets_no_answer_but_400_and_never_hangs)
{
	static const struct {
		const char *p;
		size_t n;
	} cases[] = {
#define BYTES(s) {s, sizeof(s) - 1}
		BYTES("\r\n\r\n"),
		BYTES("\0\0\0\0\r\n\r\n"),
		BYTES("GET\r\n\r\n"),
		BYTES("GET /\r\n\r\n"),
		BYTES("GET / HTTP/1.1"),
		BYTES("GET / HTTP/1.1\r\nHost"),
		BYTES("GET / HTTP/1.1\r\n: x\r\n\r\n"),
		BYTES("GET / HTTP/1.1\r\n x: y\r\nHost: x\r\n\r\n"),
		BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
		BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		BYTES(POST_ "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
		BYTES(POST_ "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n"),
		BYTES(POST_ "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc"),
		BYTES(POST_ "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"),
		BYTES(POST_ "Content-Length: 10\r\n\r\nabc"),
	};
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf out = {0};
		talk(s, cases[i].p, cases[i].n, &out);
		int status = status_of(&out);
		if (status != 0 && status != 400 && status != 413 && status != 505)
			tap_fail(t, __FILE__, __LINE__, "case %zu: %s", i, out.p);
	}
}

/* ---- sizes ---- */

TEST(a_body_that_is_too_large_is_refused_without_reading_it)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	putz(fd, POST_ "Content-Length: 4194305\r\n\r\n");
	CHECK(get(fd, &out, NULL));
	CHECK_INT(status_of(&out), 413);
	CHECK_HAS(out, "Connection: close");
}

TEST(a_chunked_body_that_grows_too_large_gets_413)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	CLEANUP_FREE char *chunk = mem_new0(65536);
	memset(chunk, 'a', 65536);
	putz(fd, POST_ "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 70; i++) {
		putz(fd, "10000\r\n");
		put(fd, chunk, 65536);
		putz(fd, "\r\n");
	}
	get(fd, &out, NULL);
	CHECK_INT(status_of(&out), 413);
	CHECK_HAS(out, "application/problem+json");
	CHECK_INT(atomic_load(&s->n_handled), 0);
}

TEST(a_body_of_the_largest_size_is_taken)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	CLEANUP_FREE char *body = mem_new0(LIMIT_BODY_BYTES);
	putz(fd, POST_ "Content-Length: 4194304\r\n\r\n");
	put(fd, body, LIMIT_BODY_BYTES);
	CHECK(get(fd, &out, "body="));
	CHECK_HAS(out, "body=4194304");
}

TEST(headers_and_targets_are_bounded)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_BUF struct buf in = {0}, out = {0};
	buf_puts(&in, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 40000; i++)
		buf_putc(&in, 'a');
	buf_puts(&in, "\r\n\r\n");
	talk(s, in.p, in.n, &out);
	CHECK_INT(status_of(&out), 431);
	buf_clear(&in);
	buf_puts(&in, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 150; i++)
		buf_puts(&in, "X: a\r\n");
	buf_puts(&in, "\r\n");
	talk(s, in.p, in.n, &out);
	CHECK_INT(status_of(&out), 431);
	buf_clear(&in);
	buf_puts(&in, "GET /");
	for (int i = 0; i < 9000; i++)
		buf_putc(&in, 'a');
	buf_puts(&in, " HTTP/1.1\r\nHost: x\r\n\r\n");
	talk(s, in.p, in.n, &out);
	CHECK_INT(status_of(&out), 414);
}

/* ---- connections ---- */

TEST(a_connection_serves_many_requests_also_pipelined)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_BUF struct buf in = {0}, out = {0};
	for (int i = 0; i < 50; i++)
		buf_printf(&in, "POST /r%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", i);
	buf_puts(&in, "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	talk(s, in.p, in.n, &out);
	CHECK_INT(count_of(&out, "HTTP/1.1 200"), 51);
	for (int i = 0; i < 50; i++) {
		char want[40];
		snprintf(want, sizeof(want), "POST /r%d [r%d] body=2:ab", i, i);
		CHECK_HAS(out, want);
	}
	CHECK(strstr(out.p, "/r10 ") < strstr(out.p, "/r11 "));
	CHECK_HAS(out, "GET /last");
}

TEST(a_request_that_drips_in_is_understood)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
	const char *bytes = POST_ "Content-Length: 3\r\n\r\nabc";
	for (const char *p = bytes; *p; p++)
		put(fd, p, 1);
	CHECK(get(fd, &out, "body=3:abc"));
}

TEST(a_client_that_dawdles_over_its_headers_is_cut_off)
{
	struct http_config config = {.headers_ms = 200, .idle_ms = 5000};
	CLEANUP_SITE struct site *s = site_new(t, &config);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	int64_t before = clock_mono_ns(clock_system());
	putz(fd, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	/* a byte now and then keeps it from being idle */
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
		if (poll(&p, 1, 50) > 0)
			break;
		put(fd, "a", 1);
	}
	CHECK(clock_mono_ns(clock_system()) - before < 4000000000);
	CHECK_INT(atomic_load(&s->n_handled), 0);
}

TEST(a_client_that_dawdles_over_its_body_is_cut_off)
{
	struct http_config config = {.body_ms = 200, .idle_ms = 5000};
	CLEANUP_SITE struct site *s = site_new(t, &config);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	int64_t before = clock_mono_ns(clock_system());
	putz(fd, POST_ "Content-Length: 1000\r\n\r\n");
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
		if (poll(&p, 1, 50) > 0)
			break;
		put(fd, "a", 1);
	}
	CHECK(clock_mono_ns(clock_system()) - before < 4000000000);
	CHECK_INT(atomic_load(&s->n_handled), 0);
}

TEST(a_client_that_ended_its_side_gets_its_answer_and_the_end)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	for (int i = 0; i < 20; i++) {
		CLEANUP_FD int fd = dial(s);
		CLEANUP_BUF struct buf out = {0};
		putz(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
		shutdown(fd, SHUT_WR);
		struct pollfd p = {.fd = fd, .events = POLLRDHUP};
		CHECK(poll(&p, 1, 4000) == 1);
		CHECK(get(fd, &out, NULL));
		CHECK_INT(status_of(&out), 200);
	}
}

TEST(a_quiet_connection_is_closed)
{
	struct http_config config = {.idle_ms = 300};
	CLEANUP_SITE struct site *s = site_new(t, &config);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	CHECK(get(fd, &out, NULL));
	CHECK_INT(out.n, 0);
}

/* ---- answers ---- */

TEST(every_answer_names_its_request)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_BUF struct buf out = {0};
	const char *given = "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1.2_Z\r\n\r\n";
	talk(s, given, strlen(given), &out);
	CHECK_HAS(out, "X-Request-Id: abc-1.2_Z\r\n");
	const char *bad = "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\tb<script>\r\n\r\n";
	talk(s, bad, strlen(bad), &out);
	CHECK_HAS(out, "X-Request-Id: ");
	CHECK_INT(count_of(&out, "script"), 0);
	CHECK_HAS(out, "Date: ");
}

TEST(head_gets_the_length_and_no_body)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_BUF struct buf out = {0};
	const char *head = "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" TAIL;
	talk(s, head, strlen(head), &out);
	CHECK_HAS(out, "Content-Length: 19\r\n");
	CHECK_INT(count_of(&out, "HEAD /a"), 0);
	CHECK_INT(count_of(&out, "HTTP/1.1 200"), 2);
}

TEST(an_answer_before_the_body_closes_the_connection)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	putz(fd, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
		 "Expect: 100-continue\r\n\r\n");
	CHECK(get(fd, &out, NULL));
	CHECK_INT(status_of(&out), 404);
	CHECK_INT(count_of(&out, "HTTP/1.1 100"), 0);
	CHECK_INT(atomic_load(&s->n_handled), 0);
}

static void *answer_held(void *arg)
{
	struct site *s = arg;
	for (size_t i = 0; i < 64; i++) {
		wait_held(s, i + 1);
		answer_echo(s->held[i], 200);
	}
	return NULL;
}

TEST(answers_come_from_another_thread)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	pthread_t thread;
	pthread_create(&thread, NULL, answer_held, s);
	int fds[8];
	for (size_t i = 0; i < 8; i++)
		fds[i] = dial(s);
	for (int round = 0; round < 8; round++)
		for (size_t i = 0; i < 8; i++) {
			char request[100];
			snprintf(request, sizeof(request),
				 "POST /hold%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz",
				 round);
			putz(fds[i], request);
		}
	for (size_t i = 0; i < 8; i++) {
		CLEANUP_BUF struct buf out = {0};
		get(fds[i], &out, "POST /hold7 [hold7] body=1:z");
		close(fds[i]);
		if (count_of(&out, "HTTP/1.1 200") != 8)
			tap_fail(t, __FILE__, __LINE__, "connection %zu: %s", i, out.p);
	}
	pthread_join(thread, NULL);
}

TEST(a_client_that_went_away_harms_nobody)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	int fd = dial(s);
	struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	putz(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_held(s, 1);
	close(fd);
	answer_echo(s->held[0], 200);
	CLEANUP_BUF struct buf out = {0};
	talk(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, &out);
	CHECK_INT(status_of(&out), 200);
}

TEST(a_server_that_stops_answers_what_waits_and_ignores_late_answers)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	putz(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_held(s, 1);
	http_server_stop(s->server);
	get(fd, &out, NULL);
	CHECK(out.n == 0 || status_of(&out) == 503);
	answer_echo(s->held[0], 200);
}

TEST(more_connections_than_allowed_wait_their_turn)
{
	struct http_config config = {.max_connections = 4};
	CLEANUP_SITE struct site *s = site_new(t, &config);
	CHECK_GOOD();
	int fds[8];
	for (size_t i = 0; i < 8; i++) {
		fds[i] = dial(s);
		putz(fds[i], "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	}
	for (size_t i = 0; i < 8; i++) {
		CLEANUP_BUF struct buf out = {0};
		get(fds[i], &out, NULL);
		close(fds[i]);
		if (status_of(&out) != 200)
			tap_fail(t, __FILE__, __LINE__, "connection %zu got no answer", i);
	}
}

/* ---- streams ---- */

TEST(a_stream_sends_what_is_pushed_until_it_is_ended)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	putz(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n" TAIL);
	CHECK(get(fd, &out, "first\n"));
	wait_stream(s);
	CHECK(http_stream_push(s->stream, STR("second\n")));
	CHECK(get(fd, &out, "second\n"));
	wait_count(s, &s->n_drained, 1);
	CHECK(http_stream_idle(s->stream));
	CHECK(http_stream_push(s->stream, STR("third\n")));
	http_stream_end(s->stream);
	CHECK(get(fd, &out, "GET /smuggled"));
	CHECK_HAS(out, "third\n");
	CHECK_HAS(out, "\r\n0\r\n\r\nHTTP/1.1 200");
	wait_count(s, &s->n_closed, 1);
	CHECK(!http_stream_push(s->stream, STR("late")));
}

TEST(a_stream_holds_a_bounded_number_of_bytes)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	CLEANUP_FREE char *block = mem_new0(16384);
	putz(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(get(fd, &out, "first\n"));
	wait_stream(s);
	size_t pushed = 0;
	/* the sockets' buffers take some; then nothing more fits */
	while (pushed < 64 << 20 && http_stream_push(s->stream, str_n(block, 16384)))
		pushed += 16384;
	CHECK(pushed < 64 << 20);
	CHECK(!http_stream_idle(s->stream));
	http_stream_end(s->stream);
	out.n = 0;
	CHECK(get(fd, &out, "0\r\n\r\n"));
}

TEST(a_listener_that_went_away_is_noticed_when_something_is_sent)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	putz(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(get(fd, &out, "first\n"));
	wait_stream(s);
	struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	for (int i = 1; http_stream_push(s->stream, STR("x")) && !atomic_load(&s->n_closed); i++)
		wait_count(s, &s->n_drained, 0);
	wait_count(s, &s->n_closed, 1);
}

TEST(a_stopping_server_ends_its_streams)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	CLEANUP_FD int fd = dial(s);
	CLEANUP_BUF struct buf out = {0};
	putz(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(get(fd, &out, "first\n"));
	wait_stream(s);
	http_server_stop(s->server);
	CHECK_INT(atomic_load(&s->n_closed), 1);
	CHECK(!http_stream_push(s->stream, STR("late")));
}

/* ---- listening ---- */

TEST(a_busy_or_bad_address_is_said_so)
{
	CLEANUP_SITE struct site *s = site_new(t, &plain);
	CHECK_GOOD();
	static const char *const bad[] = {"",		"9002",	       "127.0.0.1",
					  "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
					  "::1:80",	"127.0.0.1:-1"};
	struct http_server *other;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP_BUF struct buf error = {0};
		struct http_config config = {.listen = bad[i], .handle = handle};
		CHECK_INT(http_server_new(&config, &error, &other), -EINVAL);
		CHECK(error.n > 0);
	}
	CLEANUP_BUF struct buf error = {0};
	struct http_config config = {.listen = http_server_address(s->server), .handle = handle};
	CHECK_INT(http_server_new(&config, &error, &other), -EADDRINUSE);
	CHECK(strstr(error.p, "in use"));
}

TAP_MAIN(RUN(a_path_has_one_meaning), RUN(query_parameters_are_decoded_once),
	 RUN(ambiguous_framing_is_refused_and_the_connection_closed),
	 RUN(good_framing_is_understood), RUN(garbage_gets_no_answer_but_400_and_never_hangs),
	 RUN(a_body_that_is_too_large_is_refused_without_reading_it),
	 RUN(a_chunked_body_that_grows_too_large_gets_413),
	 RUN(a_body_of_the_largest_size_is_taken), RUN(headers_and_targets_are_bounded),
	 RUN(a_connection_serves_many_requests_also_pipelined),
	 RUN(a_request_that_drips_in_is_understood),
	 RUN(a_client_that_dawdles_over_its_headers_is_cut_off),
	 RUN(a_client_that_dawdles_over_its_body_is_cut_off),
	 RUN(a_client_that_ended_its_side_gets_its_answer_and_the_end),
	 RUN(a_quiet_connection_is_closed), RUN(every_answer_names_its_request),
	 RUN(head_gets_the_length_and_no_body),
	 RUN(an_answer_before_the_body_closes_the_connection),
	 RUN(answers_come_from_another_thread), RUN(a_client_that_went_away_harms_nobody),
	 RUN(a_server_that_stops_answers_what_waits_and_ignores_late_answers),
	 RUN(more_connections_than_allowed_wait_their_turn),
	 RUN(a_stream_sends_what_is_pushed_until_it_is_ended),
	 RUN(a_stream_holds_a_bounded_number_of_bytes),
	 RUN(a_listener_that_went_away_is_noticed_when_something_is_sent),
	 RUN(a_stopping_server_ends_its_streams), RUN(a_busy_or_bad_address_is_said_so))
