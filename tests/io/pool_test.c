#include "io/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/attr.h"
#include "base/mem.h"
#include "tap.h"

struct work {
	struct list node;
	int number;
};

struct seen {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int n, last;
	bool in_order, blocked, held;
};

static void seen_init(struct seen *s)
{
	*s = (struct seen){.in_order = true};
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
}

static void take(void *user, size_t thread, struct list *node)
{
	struct seen *s = user;
	struct work *w = container_of(node, struct work, node);
	pthread_mutex_lock(&s->lock);
	s->in_order &= w->number == s->last + 1;
	s->last = w->number;
	s->n++;
	s->held = true;
	pthread_cond_broadcast(&s->changed);
	while (s->blocked)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void wait_n(struct seen *s, int n)
{
	pthread_mutex_lock(&s->lock);
	while (s->n < n)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void unblock(struct seen *s)
{
	pthread_mutex_lock(&s->lock);
	s->blocked = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

TEST(all_work_is_done_oldest_first)
{
	struct seen s;
	struct pool *p;
	struct work work[1000];
	seen_init(&s);
	CHECK_INT(pool_new(1, 1000, take, &s, &p), 0);
	for (int i = 0; i < 1000; i++) {
		work[i].number = i + 1;
		if (pool_put(p, &work[i].node) != 0)
			tap_fail(t, __FILE__, __LINE__, "no room for %d", i);
	}
	wait_n(&s, 1000);
	pool_free(p);
	CHECK(s.in_order);
}

TEST(several_threads_share_the_work)
{
	struct seen s;
	struct pool *p;
	struct work work[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
	seen_init(&s);
	s.blocked = true;
	CHECK_INT(pool_new(3, 10, take, &s, &p), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pool_put(p, &work[i].node), 0);
	wait_n(&s, 3); /* all three are held at once */
	unblock(&s);
	pool_free(p);
}

TEST(a_full_queue_refuses_and_a_stopped_pool_too)
{
	struct seen s;
	struct pool *p;
	struct work work[5] = {0};
	seen_init(&s);
	s.blocked = true;
	CHECK_INT(pool_new(1, 2, take, &s, &p), 0);
	CHECK_INT(pool_put(p, &work[0].node), 0);
	wait_n(&s, 1);
	CHECK_INT(pool_put(p, &work[1].node), 0);
	CHECK_INT(pool_put(p, &work[2].node), 0);
	CHECK_INT(pool_put(p, &work[3].node), -ENOBUFS);
	unblock(&s);
	pool_stop(p);
	CHECK_INT(pool_put(p, &work[4].node), -ENOBUFS);
	pool_free(p);
}

TAP_MAIN(RUN(all_work_is_done_oldest_first), RUN(several_threads_share_the_work),
	 RUN(a_full_queue_refuses_and_a_stopped_pool_too))
