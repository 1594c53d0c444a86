/*
 * A queue from any number of threads into one libuv loop thread. Messages are intrusive: a
 * `struct list` inside the sender's own struct, which belongs to the receiver once it was put in.
 * Messages of one sender arrive in its order; a burst wakes the loop once.
 *
 *   static void got(void *user, struct list *batch)
 *   {
 *           for (struct list *node; (node = list_pop_front(batch));)
 *                   handle(container_of(node, struct job, node));
 *   }
 */
#pragma once

#include <stddef.h>

#include "base/list.h"

struct inbox;
struct uv_loop_s;

/* Called on the loop thread with all that has come, oldest first; takes every node. */
typedef void (*inbox_fn)(void *user, struct list *batch);

/*
 * Loop thread. At most n_most messages wait at once (0 = no bound). 0, or a negative errno
 * (descriptors used up).
 */
int inbox_new(struct uv_loop_s *loop, size_t n_most, inbox_fn fn, void *user, struct inbox **ret);

/* Any thread. 0, or -ENOBUFS when full: the message is still the sender's then. */
int inbox_put(struct inbox *b, struct list *node);

/*
 * Loop thread, after the last sender stopped. What still waits is handed over first; the memory
 * goes once the loop has run on. Leaves NULL.
 */
void inbox_close(struct inbox **b);
