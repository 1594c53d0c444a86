/*
 * A few threads that take work from one bounded queue, oldest first. Messages are intrusive: a
 * `struct list` inside the sender's own struct, which belongs to the pool once it was put in.
 */
#pragma once

#include <stddef.h>

#include "base/list.h"

struct pool;

/* Called on a thread of the pool; `thread` counts from 0. */
typedef void (*pool_fn)(void *user, size_t thread, struct list *node);

/* At most n_most messages wait. 0, or a negative errno (no threads to be had). */
int pool_new(size_t n_threads, size_t n_most, pool_fn fn, void *user, struct pool **ret);

/* Any thread. 0, or -ENOBUFS when full or stopped: the message is still the sender's then. */
int pool_put(struct pool *p, struct list *node);

/* Waits for what is being done, drops what waits (its memory is its sender's again), ends the
 * threads. */
void pool_stop(struct pool *p);

void pool_free(struct pool *p); /* stops it when that was not done */
