/*
 * A server to measure by hand: GET / answers at once, GET /later from another thread.
 *   wrk -t1 -c64 -d5 http://127.0.0.1:PORT/
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/mem.h"
#include "http/server.h"

struct later {
	struct list node;
	struct http_exchange *x;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER;
static struct list queue;

static void answer(struct http_exchange *x)
{
	struct http_response r = {.status = 200, .content_type = "application/json"};
	buf_puts(&r.body, "{\"hello\":\"world\"}");
	http_answer(x, &r);
}

static void *later_main(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		while (list_empty(&queue))
			pthread_cond_wait(&some, &lock);
		struct later *l = container_of(list_pop_front(&queue), struct later, node);
		pthread_mutex_unlock(&lock);
		struct http_exchange *x = l->x;
		answer(x);
	}
	return NULL;
}

static void handle(void *arg, struct http_exchange *x)
{
	const struct http_request *r = http_request_of(x);
	if (r->n_segments == 0) {
		answer(x);
		return;
	}
	struct later *l = ARENA_NEW(http_arena(x), struct later);
	l->x = x;
	pthread_mutex_lock(&lock);
	list_push_back(&queue, &l->node);
	pthread_cond_signal(&some);
	pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
	struct http_config config = {.listen = argc > 1 ? argv[1] : "127.0.0.1:0",
				     .handle = handle};
	struct http_server *s;
	CLEANUP_BUF struct buf error = {0};
	pthread_t thread;
	list_init(&queue);
	if (http_server_new(&config, &error, &s) < 0) {
		fprintf(stderr, "%s\n", error.p);
		return 1;
	}
	pthread_create(&thread, NULL, later_main, NULL);
	printf("%s\n", http_server_address(s));
	fflush(stdout);
	pause();
	return 0;
}
