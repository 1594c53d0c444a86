#include "io/inbox.h"

#include <errno.h>
#include <uv.h>

#include "base/mem.h"
#include "tap.h"

enum { SENDERS = 4, EACH = 20000 };

struct note {
	struct list node;
	int sender, number;
};

struct receiver {
	struct inbox *inbox;
	uv_loop_t *loop;
	int next[SENDERS];
	int n, n_batches;
	bool out_of_order;
	int expect;
};

static void got(void *user, struct list *batch)
{
	struct receiver *r = user;
	r->n_batches++;
	for (struct list *node; (node = list_pop_front(batch));) {
		struct note *m = container_of(node, struct note, node);
		r->out_of_order |= m->number != r->next[m->sender]++;
		r->n++;
		free(m);
	}
	if (r->n == r->expect)
		uv_stop(r->loop);
}

struct sender {
	struct inbox *inbox;
	int index;
	uv_thread_t thread;
};

static struct note *note_new(int sender, int number)
{
	struct note *m = NEW0(struct note);
	m->sender = sender;
	m->number = number;
	return m;
}

static void send_all(void *arg)
{
	struct sender *s = arg;
	for (int i = 0; i < EACH; i++)
		inbox_put(s->inbox, &note_new(s->index, i)->node);
}

TEST(messages_of_many_threads_all_arrive_each_senders_in_order)
{
	uv_loop_t loop;
	CHECK_INT(uv_loop_init(&loop), 0);
	struct receiver r = {.expect = SENDERS * EACH, .loop = &loop};
	CHECK_INT(inbox_new(&loop, 0, got, &r, &r.inbox), 0);
	struct sender senders[SENDERS];
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){.inbox = r.inbox, .index = i};
		CHECK_INT(uv_thread_create(&senders[i].thread, send_all, &senders[i]), 0);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < SENDERS; i++)
		uv_thread_join(&senders[i].thread);
	inbox_close(&r.inbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK_INT(r.n, SENDERS * EACH);
	CHECK(!r.out_of_order);
	CHECK_INT(uv_loop_close(&loop), 0);
}

TEST(a_full_inbox_refuses_and_takes_again_once_drained)
{
	uv_loop_t loop;
	CHECK_INT(uv_loop_init(&loop), 0);
	struct receiver r = {.expect = 4, .loop = &loop};
	CHECK_INT(inbox_new(&loop, 3, got, &r, &r.inbox), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(inbox_put(r.inbox, &note_new(0, i)->node), 0);
	struct note *late = note_new(0, 3);
	CHECK_INT(inbox_put(r.inbox, &late->node), -ENOBUFS);
	uv_run(&loop, UV_RUN_ONCE);
	CHECK_INT(r.n, 3);
	CHECK_INT(r.n_batches, 1);
	CHECK_INT(inbox_put(r.inbox, &late->node), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	inbox_close(&r.inbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK_INT(r.n, 4);
	CHECK(!r.out_of_order);
	CHECK_INT(uv_loop_close(&loop), 0);
}

TEST(closing_hands_over_what_still_waits)
{
	uv_loop_t loop;
	CHECK_INT(uv_loop_init(&loop), 0);
	struct receiver r = {0};
	CHECK_INT(inbox_new(&loop, 0, got, &r, &r.inbox), 0);
	for (int i = 0; i < 5; i++)
		CHECK_INT(inbox_put(r.inbox, &note_new(0, i)->node), 0);
	inbox_close(&r.inbox);
	CHECK_INT(r.n, 5);
	CHECK(r.inbox == NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK_INT(uv_loop_close(&loop), 0);
}

TAP_MAIN(RUN(messages_of_many_threads_all_arrive_each_senders_in_order),
	 RUN(a_full_inbox_refuses_and_takes_again_once_drained),
	 RUN(closing_hands_over_what_still_waits))
