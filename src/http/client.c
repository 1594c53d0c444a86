#include "http/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"

struct http_client {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct list calls;
	size_t n_handles; /* of libuv, until all are closed */
	bool closing;
};

struct http_call {
	struct list node;
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	http_client_fn done;
	void *user;
	enum address_reach reach;
	bool on_unix_socket, address_refused, too_large, bad_method;
	int64_t max_response_bytes;
	size_t n_header_bytes;
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

/* A socket that curl wants watched. */
struct watch {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t fd;
};

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fault_fatal("libcurl can't be initialised");
}

static void call_free(struct http_call *call)
{
	list_remove(&call->node);
	if (call->easy) {
		curl_multi_remove_handle(call->client->multi, call->easy);
		curl_easy_cleanup(call->easy);
	}
	curl_slist_free_all(call->headers);
	buf_free(&call->body);
	free(call);
}

void http_call_cancel(struct http_call *call)
{
	call_free(call);
}

static bool was_sent(const struct http_call *call)
{
	long n = 0;
	curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &n);
	return n > 0;
}

static enum http_client_outcome outcome_of(const struct http_call *call, CURLcode code)
{
	if (code != CURLE_OK && call->address_refused)
		return HTTP_CLIENT_REFUSED;
	if (call->too_large)
		return HTTP_CLIENT_TOO_LARGE;
	switch ((int)code) {
	case CURLE_OK:
		return HTTP_CLIENT_DONE;
	case CURLE_URL_MALFORMAT:
		return HTTP_CLIENT_BAD_URL;
	case CURLE_UNSUPPORTED_PROTOCOL: /* also said of an answer that is not HTTP */
		return was_sent(call) ? HTTP_CLIENT_BROKEN : HTTP_CLIENT_BAD_URL;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return HTTP_CLIENT_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_CLIENT_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return HTTP_CLIENT_TOO_LARGE;
	default:
		return HTTP_CLIENT_BROKEN;
	}
}

static const char *error_text(const struct http_call *call, enum http_client_outcome outcome,
			      CURLcode code)
{
	switch (outcome) {
	case HTTP_CLIENT_DONE:
		return "";
	case HTTP_CLIENT_REFUSED:
		return "the address of the host is not one that may be reached";
	case HTTP_CLIENT_TOO_LARGE:
		return "the answer is too large";
	case HTTP_CLIENT_BAD_URL:
		return "not an http or https URL";
	case HTTP_CLIENT_CLOSED:
		return "the service is stopping";
	case HTTP_CLIENT_CONNECT:
	case HTTP_CLIENT_TIMEOUT:
	case HTTP_CLIENT_BROKEN:
		break;
	}
	return call->error[0] ? call->error : curl_easy_strerror(code);
}

static void finish(struct http_call *call, enum http_client_outcome outcome, CURLcode code)
{
	long status = 0;
	if (outcome == HTTP_CLIENT_DONE)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	struct http_client_response response = {
		.outcome = outcome,
		.status = (int)status,
		.body = buf_str(&call->body),
		.error = error_text(call, outcome, code),
		.call = call,
	};
	list_remove(&call->node); /* a close from inside the callback leaves this one alone */
	call->done(call->user, &response);
	call_free(call);
}

static void unref(struct http_client *c)
{
	if (--c->n_handles == 0)
		free(c);
}

static void reap(struct http_client *c)
{
	CURLMsg *message;
	int n;
	while (c->multi && (message = curl_multi_info_read(c->multi, &n))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		void *call = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(call, outcome_of(call, code), code);
	}
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
	int n;
	if (!c->multi)
		return;
	curl_multi_socket_action(c->multi, fd, events, &n);
	reap(c);
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *user)
{
	(void)multi;
	struct http_client *c = user;
	if (ms < 0)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	int curl_events = 0;
	if (status < 0)
		curl_events |= CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		curl_events |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		curl_events |= CURL_CSELECT_OUT;
	act(w->client, w->fd, curl_events);
}

static void on_watch_closed(uv_handle_t *poll)
{
	struct watch *w = poll->data;
	unref(w->client);
	free(w);
}

static void watch_close(struct watch *w)
{
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static struct watch *watch_new(struct http_client *c, curl_socket_t fd)
{
	struct watch *w = NEW0(struct watch);
	w->client = c;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init_socket(c->loop, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	c->n_handles++;
	curl_multi_assign(c->multi, fd, w);
	return w;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	(void)easy;
	struct http_client *c = user;
	struct watch *w = socket_user;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(c->multi, fd, NULL);
			watch_close(w);
		}
		return 0;
	}
	if (!w && !(w = watch_new(c, fd)))
		return -1;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&w->poll, events, on_poll) < 0 ? -1 : 0;
}

/* The one place where a socket comes to be: what is judged here is what connect() gets. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)purpose;
	struct http_call *call = user;
	bool allowed = call->on_unix_socket ? a->family == AF_UNIX
					    : address_reachable(&a->addr, call->reach);
	if (!allowed) {
		call->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	call->address_refused = false; /* the next address of the same name may be good */
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A kept connection may have been made by a call that reached further. */
static int before_request(void *user, char *remote_ip, char *local_ip, int remote_port,
			  int local_port)
{
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	struct http_call *call = user;
	if (call->on_unix_socket || address_reachable_text(remote_ip, call->reach))
		return CURL_PREREQFUNC_OK;
	call->address_refused = true;
	return CURL_PREREQFUNC_ABORT;
}

static size_t take_body(char *p, size_t size, size_t n, void *user)
{
	struct http_call *call = user;
	n *= size;
	if (call->body.n + n > (size_t)call->max_response_bytes) {
		call->too_large = true;
		return 0;
	}
	buf_put(&call->body, p, n);
	return n;
}

static size_t count_header(char *p, size_t size, size_t n, void *user)
{
	(void)p;
	struct http_call *call = user;
	call->n_header_bytes += n * size;
	call->too_large |= call->n_header_bytes > LIMIT_HTTP_CLIENT_HEADER_BYTES;
	return call->too_large ? 0 : n * size;
}

static bool is_token(const char *z)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	return *z && z[strspn(z, token)] == '\0';
}

static bool add_header(struct http_call *call, const char *name, const char *value)
{
	if (!is_token(name) || strpbrk(value, "\r\n"))
		return false;
	/* curl drops "Name:", and sends "Name;" as an empty header */
	CLEANUP_FREE char *line = mem_printf(*value ? "%s: %s" : "%s;%s", name, value);
	struct curl_slist *more = curl_slist_append(call->headers, line);
	if (!more)
		fault_fatal("out of memory");
	call->headers = more;
	return true;
}

static bool set_headers(struct http_call *call, const struct http_client_request *r)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (!add_header(call, r->headers[i].name, r->headers[i].value))
			return false;
	/* no waiting for "100 Continue", no form encoding by default */
	struct curl_slist *more = curl_slist_append(call->headers, "Expect:");
	if (!more)
		fault_fatal("out of memory");
	call->headers = more;
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	return true;
}

static bool set_method(CURL *easy, const char *method, struct str body)
{
	if (!method)
		method = "GET";
	if (!is_token(method))
		return false;
	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return true;
	}
	if (body.p || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	    strcmp(method, "PATCH") == 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.p ? body.p : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	return true;
}

static void set_guards(struct http_call *call, const struct http_client_request *r)
{
	CURL *easy = call->easy;
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a slow resolver */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->max_response_bytes);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
	if (r->unix_socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
}

static bool prepare(struct http_call *call, const struct http_client_request *r)
{
	CURL *easy = call->easy;
	set_guards(call, r);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)call);
	curl_easy_setopt(easy, CURLOPT_URL, r->url);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "drover/" DROVER_VERSION);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	return set_method(easy, r->method, r->body) && set_headers(call, r);
}

int http_client_start(struct http_client *c, const struct http_client_request *request,
		      http_client_fn done, void *user, struct http_call **ret)
{
	ASSERT(request->timeout_ms > 0 && request->max_response_bytes > 0);
	if (c->closing)
		return -ESHUTDOWN;
	struct http_call *call = NEW0(struct http_call);
	list_init(&call->node);
	call->client = c;
	call->done = done;
	call->user = user;
	call->reach = request->reach;
	call->on_unix_socket = request->unix_socket != NULL;
	call->max_response_bytes = request->max_response_bytes;
	call->easy = curl_easy_init();
	if (!call->easy)
		fault_fatal("out of memory");
	if (!prepare(call, request)) {
		call_free(call);
		return -EINVAL;
	}
	if (curl_multi_add_handle(c->multi, call->easy) != CURLM_OK)
		fault_fatal("out of memory");
	list_push_back(&c->calls, &call->node);
	if (ret)
		*ret = call;
	return 0;
}

const char *http_client_header(const struct http_client_response *response, const char *name)
{
	struct curl_header *h;
	if (curl_easy_header(response->call->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	return h->value;
}

int http_client_new(struct uv_loop_s *loop, struct http_client **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);
	struct http_client *c = NEW0(struct http_client);
	c->loop = loop;
	list_init(&c->calls);
	c->multi = curl_multi_init();
	if (!c->multi) {
		free(c);
		return -ENOMEM;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->n_handles = 1;
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_HTTP_CLIENT_KEPT);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
			  (long)LIMIT_HTTP_CLIENT_CONNECTIONS);
	*ret = c;
	return 0;
}

static void on_timer_closed(uv_handle_t *timer)
{
	unref(timer->data);
}

void http_client_close(struct http_client **ret)
{
	struct http_client *c = *ret;
	if (!c)
		return;
	*ret = NULL;
	c->closing = true;
	for (struct list *node; (node = list_pop_front(&c->calls));)
		finish(container_of(node, struct http_call, node), HTTP_CLIENT_CLOSED, CURLE_OK);
	curl_multi_cleanup(c->multi);
	c->multi = NULL;
	uv_timer_stop(&c->timer);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}
