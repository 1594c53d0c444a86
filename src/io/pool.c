#include "io/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct worker {
	struct pool *pool;
	size_t number;
	pthread_t thread;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct list queue;
	size_t n, n_most, n_idle;
	bool stopping;
	pool_fn fn;
	void *user;
	size_t n_workers;
	struct worker workers[];
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		struct list *node = list_pop_front(&p->queue);
		if (!node) {
			p->n_idle++;
			pthread_cond_wait(&p->some, &p->lock);
			p->n_idle--;
			continue;
		}
		p->n--;
		pthread_mutex_unlock(&p->lock);
		p->fn(p->user, w->number, node);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int pool_new(size_t n_threads, size_t n_most, pool_fn fn, void *user, struct pool **ret)
{
	struct pool *p = mem_new0(sizeof(*p) + n_threads * sizeof(struct worker));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->some, NULL);
	list_init(&p->queue);
	p->n_most = n_most;
	p->fn = fn;
	p->user = user;
	for (size_t i = 0; i < n_threads; i++) {
		struct worker *w = &p->workers[i];
		*w = (struct worker){.pool = p, .number = i};
		int r = pthread_create(&w->thread, NULL, worker_main, w);
		if (r != 0) {
			pool_free(p);
			return -r;
		}
		p->n_workers++;
	}
	*ret = p;
	return 0;
}

int pool_put(struct pool *p, struct list *node)
{
	int r = 0;
	pthread_mutex_lock(&p->lock);
	if (p->stopping || p->n >= p->n_most) {
		r = -ENOBUFS;
	} else {
		list_push_back(&p->queue, node);
		p->n++;
		if (p->n_idle > 0)
			pthread_cond_signal(&p->some);
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->some);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_workers; i++)
		pthread_join(p->workers[i].thread, NULL);
	p->n_workers = 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pool_stop(p);
	pthread_cond_destroy(&p->some);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
