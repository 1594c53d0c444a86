/* The API's own state, and what its files share. */
#pragma once

#include "api/api.h"
#include "api/call.h"
#include "base/limits.h"
#include "io/inbox.h"
#include "io/pool.h"

struct api {
	struct api_config config;
	struct inbox *inbox; /* messages for the loop */
	struct pool *pool;   /* of readers */
	struct store_reader *readers[LIMIT_READERS];
	struct waits *waits;	  /* loop thread */
	struct streams *streams;  /* loop thread */
	struct uv_timer_s *timer; /* heartbeats and the end of waits */
	bool closed;
};

/* To the loop thread; any thread. */
void api_post(struct api *api, struct message *m);

/* To a reader's thread; any thread. False when the queue is full. */
bool api_read(struct api *api, struct message *m);

/* Loop thread: something is due earlier than before. */
void api_arm_timer(struct api *api);
