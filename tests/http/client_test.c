#include "http/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/buf.h"
#include "tap.h"
#include "web.h"

struct fixture {
	uv_loop_t loop;
	struct http_client *client;
	struct web *web;
};

struct got {
	uv_loop_t *loop;
	int n;
	enum http_client_outcome outcome;
	int status;
	struct buf body;
	char error[256];
	char retry_after[64];
};

static void fixture_free(struct fixture *f)
{
	web_free(&f->web);
	http_client_close(&f->client);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	uv_loop_close(&f->loop);
}

static void got_free(struct got *g)
{
	buf_free(&g->body);
}

#define FIXTURE CLEANUP(fixture_free) struct fixture
#define GOT CLEANUP(got_free) struct got

static bool open_fixture(struct fixture *f, const struct web_step *steps, size_t n)
{
	if (uv_loop_init(&f->loop) < 0 || http_client_new(&f->loop, &f->client) < 0)
		return false;
	f->web = web_new(&f->loop, steps, n, NULL);
	return f->web != NULL;
}

static void on_done(void *user, const struct http_client_response *r)
{
	struct got *g = user;
	g->n++;
	if (g->loop)
		uv_stop(g->loop); /* else the poll of this turn would wait for the next event */
	g->outcome = r->outcome;
	g->status = r->status;
	buf_clear(&g->body);
	buf_put_str(&g->body, r->body);
	snprintf(g->error, sizeof(g->error), "%s", r->error);
	const char *after = http_client_header(r, "retry-after");
	snprintf(g->retry_after, sizeof(g->retry_after), "%s", after ? after : "");
}

static struct http_client_request request_of(const char *url)
{
	return (struct http_client_request){
		.url = url,
		.timeout_ms = 10000,
		.max_response_bytes = 1 << 20,
		.reach = ADDRESS_REACH_PRIVATE,
	};
}

static void wait_for(struct fixture *f, struct got *g, int n)
{
	g->loop = &f->loop;
	while (g->n < n)
		uv_run(&f->loop, UV_RUN_ONCE);
}

/* One call to the end. */
static int call(struct fixture *f, const struct http_client_request *r, struct got *g)
{
	int e = http_client_start(f->client, r, on_done, g, NULL);
	if (e == 0)
		wait_for(f, g, g->n + 1);
	return e;
}

#define STEPS(...)                                                                                 \
	static const struct web_step steps[] = {__VA_ARGS__};                                      \
	FIXTURE f = {0};                                                                           \
	GOT g = {0};                                                                               \
	CHECK(open_fixture(&f, steps, ARRAY_LEN(steps)));                                          \
	struct http_client_request r = request_of(web_url(f.web))

TEST(a_request_arrives_as_it_was_given_and_its_answer_comes_back)
{
	STEPS({.status = 201, .headers = "Retry-After: 7\r\nX: y\r\n", .body = "made"});
	static const struct http_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
	char url[128];
	snprintf(url, sizeof(url), "%s/a%%20b?c=d", web_url(f.web));
	r = request_of(url);
	r.method = "POST";
	r.headers = headers;
	r.n_headers = 2;
	r.body = str_n("a\0b", 3);
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.outcome, HTTP_CLIENT_DONE);
	CHECK_INT(g.status, 201);
	CHECK_STR(buf_str(&g.body), STR("made"));
	CHECK_Z(g.error, "");
	CHECK_Z(g.retry_after, "7");
	const struct web_request *seen = web_request(f.web, 0);
	CHECK(str_starts(str_of(seen->head), STR("POST /a%20b?c=d HTTP/1.1\r\n")));
	CHECK(strstr(seen->head, "\r\nX-One: 1\r\n"));
	CHECK(strstr(seen->head, "\r\nX-Empty:\r\n"));
	CHECK(strstr(seen->head, "\r\nUser-Agent: drover/"));
	CHECK(!strstr(seen->head, "Expect"));
	CHECK_STR(str_n(seen->body, seen->body_n), str_n("a\0b", 3));
}

TEST(connections_are_kept_for_the_next_call)
{
	STEPS({.status = 200});
	for (int i = 0; i < 5; i++)
		CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.n, 5);
	CHECK_INT(web_n_requests(f.web), 5);
	CHECK_INT(web_n_connections(f.web), 1);
}

TEST(a_kept_connection_serves_no_call_that_may_not_reach_so_far)
{
	STEPS({.status = 200});
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.outcome, HTTP_CLIENT_DONE);
	r.reach = ADDRESS_REACH_PUBLIC;
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.outcome, HTTP_CLIENT_REFUSED);
	CHECK_INT(web_n_requests(f.web), 1);
}

TEST(inner_addresses_are_refused_in_every_spelling)
{
	STEPS({.status = 200});
	static const char *const hosts[] = {
		"127.0.0.1",  "localhost", "2130706433",	 "0x7f.1",
		"0177.0.0.1", "[::1]",	   "[::ffff:127.0.0.1]", "0"};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		char url[128];
		snprintf(url, sizeof(url), "http://%s:%d/", hosts[i], web_port(f.web));
		r.url = url;
		r.reach = ADDRESS_REACH_PUBLIC;
		CHECK_INT(call(&f, &r, &g), 0);
		if (g.outcome != HTTP_CLIENT_REFUSED)
			tap_fail(t, __FILE__, __LINE__, "%s: %d %s", url, g.outcome, g.error);
	}
	r.url = "http://169.254.169.254/latest/meta-data";
	r.reach = ADDRESS_REACH_PRIVATE;
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.outcome, HTTP_CLIENT_REFUSED);
	CHECK_INT(web_n_connections(f.web), 0);
}

TEST(a_redirect_is_an_answer_and_never_followed)
{
	STEPS({.status = 302, .headers = "Location: http://169.254.169.254/\r\n"});
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.outcome, HTTP_CLIENT_DONE);
	CHECK_INT(g.status, 302);
	CHECK_INT(web_n_requests(f.web), 1);
}

TEST(a_proxy_of_the_environment_is_not_asked)
{
	STEPS({.status = 200});
	char proxy[] = "http_proxy=http://127.0.0.1:1";
	putenv(proxy);
	CHECK_INT(call(&f, &r, &g), 0);
	unsetenv("http_proxy");
	CHECK_INT(g.outcome, HTTP_CLIENT_DONE);
}

TEST(each_way_of_failing_has_its_outcome)
{
	STEPS({.kind = WEB_SILENT}, {.kind = WEB_CLOSE}, {.kind = WEB_PARTIAL, .status = 200},
	      {.kind = WEB_ENDLESS}, {.kind = WEB_HEADERS}, {.kind = WEB_GARBAGE});
	static const enum http_client_outcome want[] = {
		HTTP_CLIENT_TIMEOUT,   HTTP_CLIENT_BROKEN,    HTTP_CLIENT_BROKEN,
		HTTP_CLIENT_TOO_LARGE, HTTP_CLIENT_TOO_LARGE, HTTP_CLIENT_BROKEN};
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		r.timeout_ms = i == 0 ? 50 : 10000;
		r.max_response_bytes = 100000;
		CHECK_INT(call(&f, &r, &g), 0);
		if (g.outcome != want[i])
			tap_fail(t, __FILE__, __LINE__, "step %zu: %d %s", i, g.outcome, g.error);
		CHECK_INT(g.status, 0);
		CHECK(g.error[0]);
		CHECK(g.body.n <= 100000);
	}
	char url[64];
	snprintf(url, sizeof(url), "%s/token", web_url(f.web));
	web_free(&f.web);
	r.url = url;
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.outcome, HTTP_CLIENT_CONNECT);
	CHECK(!strstr(g.error, "token"));
	static const char *const bad[] = {"",		"file:///etc/passwd", "gopher://127.0.0.1/",
					  "http://",	"ftp://127.0.0.1/",   "http://a b/",
					  "http://[::1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		r.url = bad[i];
		CHECK_INT(call(&f, &r, &g), 0);
		if (g.outcome != HTTP_CLIENT_BAD_URL)
			tap_fail(t, __FILE__, __LINE__, "%s: %d %s", bad[i], g.outcome, g.error);
	}
}

TEST(headers_and_methods_that_would_split_a_request_are_refused)
{
	STEPS({.status = 200});
	static const struct http_header bad[] = {{"X", "a\r\nY: b"}, {"X", "a\n"}, {"X\r\nY", "a"},
						 {"X:", "a"},	     {"", "a"},	   {"a b", ""}};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		r.headers = &bad[i];
		r.n_headers = 1;
		CHECK_INT(call(&f, &r, &g), -EINVAL);
	}
	r.n_headers = 0;
	r.method = "GET / HTTP/1.1\r\nX: y\r\n";
	CHECK_INT(call(&f, &r, &g), -EINVAL);
	r.method = "";
	CHECK_INT(call(&f, &r, &g), -EINVAL);
	CHECK_INT(g.n, 0);
}

TEST(a_cancelled_call_is_not_heard_of_again)
{
	STEPS({.kind = WEB_SILENT}, {.status = 200});
	struct http_call *first;
	GOT cancelled = {0};
	CHECK_INT(http_client_start(f.client, &r, on_done, &cancelled, &first), 0);
	while (web_n_requests(f.web) < 1)
		uv_run(&f.loop, UV_RUN_ONCE);
	http_call_cancel(first);
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.status, 200);
	CHECK_INT(cancelled.n, 0);
	CHECK_INT(http_client_start(f.client, &r, on_done, &cancelled, &first), 0);
	http_call_cancel(first); /* before anything happened */
	CHECK_INT(cancelled.n, 0);
}

TEST(cancelling_does_not_wait_for_a_name_to_be_resolved)
{
	STEPS({.status = 200});
	char url[64];
	snprintf(url, sizeof(url), "http://localhost:%d/", web_port(f.web));
	r.url = url;
	for (int i = 0; i < 20; i++) {
		struct http_call *one;
		CHECK_INT(http_client_start(f.client, &r, on_done, &g, &one), 0);
		uv_run(&f.loop, UV_RUN_NOWAIT);
		if (g.n == i) {
			http_call_cancel(one);
			g.n++;
		}
	}
	r.url = web_url(f.web);
	CHECK_INT(call(&f, &r, &g), 0);
	CHECK_INT(g.status, 200);
}

TEST(closing_ends_every_call)
{
	STEPS({.kind = WEB_SILENT});
	for (int i = 0; i < 10; i++)
		CHECK_INT(http_client_start(f.client, &r, on_done, &g, NULL), 0);
	while (web_n_requests(f.web) < 10)
		uv_run(&f.loop, UV_RUN_ONCE);
	http_client_close(&f.client);
	CHECK_INT(g.n, 10);
	CHECK_INT(g.outcome, HTTP_CLIENT_CLOSED);
	CHECK(f.client == NULL);
}

static void close_from_within(void *user, const struct http_client_response *r)
{
	struct fixture *f = user;
	(void)r;
	http_client_close(&f->client);
}

TEST(a_client_may_be_closed_from_its_own_callback)
{
	STEPS({.status = 200}, {.kind = WEB_SILENT});
	CHECK_INT(http_client_start(f.client, &r, close_from_within, &f, NULL), 0);
	CHECK_INT(http_client_start(f.client, &r, on_done, &g, NULL), 0);
	while (f.client)
		uv_run(&f.loop, UV_RUN_ONCE);
	CHECK_INT(g.n, 1);
}

TEST(a_unix_socket_is_used_only_by_the_call_that_names_it)
{
	STEPS({.status = 200, .body = "inside"});
	char dir[] = "/tmp/drover-test-XXXXXX";
	CHECK(mkdtemp(dir));
	char path[64];
	snprintf(path, sizeof(path), "%s/s", dir);
	struct web *hidden = web_new(&f.loop, steps, 1, path);
	CHECK(hidden);
	r.url = "http://anything/x";
	r.unix_socket = path;
	CHECK_INT(call(&f, &r, &g), 0);
	size_t n = web_n_requests(hidden);
	web_free(&hidden);
	unlink(path);
	rmdir(dir);
	CHECK_INT(g.status, 200);
	CHECK_INT(n, 1);
	CHECK_INT(web_n_connections(f.web), 0);
}

TEST(many_calls_at_once_all_end)
{
	STEPS({.status = 200, .body = "x"});
	for (int i = 0; i < 200; i++)
		CHECK_INT(http_client_start(f.client, &r, on_done, &g, NULL), 0);
	wait_for(&f, &g, 200);
	CHECK_INT(g.n, 200);
	CHECK_INT(web_n_requests(f.web), 200);
}

TAP_MAIN(RUN(a_request_arrives_as_it_was_given_and_its_answer_comes_back),
	 RUN(connections_are_kept_for_the_next_call),
	 RUN(a_kept_connection_serves_no_call_that_may_not_reach_so_far),
	 RUN(inner_addresses_are_refused_in_every_spelling),
	 RUN(a_redirect_is_an_answer_and_never_followed),
	 RUN(a_proxy_of_the_environment_is_not_asked), RUN(each_way_of_failing_has_its_outcome),
	 RUN(headers_and_methods_that_would_split_a_request_are_refused),
	 RUN(a_cancelled_call_is_not_heard_of_again),
	 RUN(cancelling_does_not_wait_for_a_name_to_be_resolved), RUN(closing_ends_every_call),
	 RUN(a_client_may_be_closed_from_its_own_callback),
	 RUN(a_unix_socket_is_used_only_by_the_call_that_names_it), RUN(many_calls_at_once_all_end))
