#include "api/api.h"

#include <uv.h>

#include "api/api_private.h"
#include "api/streams.h"
#include "api/waits.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "engine/store.h"

/* ---- messages ---- */

static void on_inbox(void *user, struct list *batch)
{
	for (struct list *node; (node = list_pop_front(batch));) {
		struct message *m = container_of(node, struct message, node);
		m->run(m, NULL);
	}
}

static void on_pool(void *user, size_t thread, struct list *node)
{
	struct api *api = user;
	struct message *m = container_of(node, struct message, node);
	m->run(m, api->readers[thread]);
}

void api_post(struct api *api, struct message *m)
{
	ASSERT(inbox_put(api->inbox, &m->node) == 0);
}

bool api_read(struct api *api, struct message *m)
{
	return pool_put(api->pool, &m->node) == 0;
}

/* ---- time ---- */

static void on_timer(uv_timer_t *timer)
{
	struct api *api = timer->data;
	int64_t now = clock_mono_ns(clock_system());
	waits_tick(api->waits, now);
	streams_tick(api->streams, now);
	api_arm_timer(api);
}

void api_arm_timer(struct api *api)
{
	int64_t at = waits_next_ns(api->waits), other = streams_next_ns(api->streams);
	if (other < at)
		at = other;
	if (at == INT64_MAX || api->closed)
		return;
	int64_t left_ms = (at - clock_mono_ns(clock_system()) + 999999) / 1000000;
	uint64_t ms = left_ms > 0 ? (uint64_t)left_ms : 0;
	if (uv_is_active((uv_handle_t *)api->timer) && uv_timer_get_due_in(api->timer) <= ms)
		return;
	uv_timer_start(api->timer, on_timer, ms, 0);
}

/* ---- life ---- */

static void readers_free(struct api *api)
{
	for (size_t i = 0; i < LIMIT_READERS; i++) {
		if (api->readers[i])
			api->readers[i]->ops->reader_free(api->readers[i]);
		api->readers[i] = NULL;
	}
}

static int readers_new(struct api *api)
{
	struct store *store = api->config.store;
	for (size_t i = 0; i < LIMIT_READERS; i++) {
		int r = store->ops->reader_new(store, &api->readers[i]);
		if (r < 0) {
			readers_free(api);
			return r;
		}
	}
	return pool_new(LIMIT_READERS, LIMIT_READ_QUEUE, on_pool, api, &api->pool);
}

int api_new(const struct api_config *config, struct api **ret)
{
	struct api *api = NEW0(struct api);
	api->config = *config;
	int r = readers_new(api);
	if (r == 0)
		r = inbox_new(config->loop, 0, on_inbox, api, &api->inbox);
	if (r < 0) {
		pool_free(api->pool);
		readers_free(api);
		free(api);
		return r;
	}
	api->timer = NEW0(uv_timer_t);
	uv_timer_init(config->loop, api->timer);
	api->timer->data = api;
	api->waits = waits_new();
	api->streams = streams_new(api);
	*ret = api;
	return 0;
}

static void on_timer_closed(uv_handle_t *timer)
{
	free(timer);
}

void api_close(struct api *api)
{
	if (api->closed)
		return;
	pool_stop(api->pool);
	inbox_close(&api->inbox);
	api->closed = true;
	streams_free(api->streams);
	waits_free(api->waits);
	readers_free(api);
	uv_close((uv_handle_t *)api->timer, on_timer_closed);
}

void api_free(struct api *api)
{
	if (!api)
		return;
	api_close(api);
	pool_free(api->pool);
	free(api);
}

void api_on_events(struct api *api, struct str run_id, int64_t last_seq)
{
	if (!api->closed)
		streams_wake(api->streams, run_id);
}

void api_on_logs(struct api *api, struct str run_id, struct str node_id)
{
	if (!api->closed)
		streams_wake(api->streams, run_id);
}

void api_on_run_end(struct api *api, const struct run_row *run)
{
	if (api->closed)
		return;
	waits_run_ended(api->waits, run);
	streams_run_ended(api->streams, run->id);
}
