#include "daemon/retention.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/files.h"

enum { FIRST_MS = 6 * 1000, PASS_MS = 3600 * 1000, ORPHAN_MS = 3600 * 1000 };

struct retention_keeper {
	struct retention_keeper_config config;
	uv_timer_t timer;
	size_t n_under_way; /* pieces of work in the pool */
	atomic_bool stopping;
};

/* ---- a folder ---- */

/* True when it was there and is gone. */
static bool remove_folder(int root, const char *run_id)
{
	CLEANUP_FD int fd = openat(root, run_id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : files_empty(fd);
	if (r == 0 && unlinkat(root, run_id, AT_REMOVEDIR) < 0)
		r = -errno;
	if (r < 0 && r != -ENOENT)
		log_event(WARN, "artifacts.not_removed", LOG_Z("run_id", run_id),
			  LOG_INT("errno", -r));
	return r == 0;
}

/* ---- runs that are gone ---- */

struct gone {
	uv_work_t work;
	struct retention_keeper *keeper;
	struct arena arena;
	const char **ids;
	size_t n;
};

static void gone_work(uv_work_t *work)
{
	struct gone *g = work->data;
	CLEANUP_FD int root = open(g->keeper->config.artifacts, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; root >= 0 && i < g->n; i++)
		remove_folder(root, g->ids[i]);
}

static void gone_done(uv_work_t *work, int status UNUSED)
{
	struct gone *g = work->data;
	g->keeper->n_under_way--;
	arena_free(&g->arena);
	free(g);
}

void retention_keeper_runs_gone(struct retention_keeper *k, const struct str *run_ids, size_t n)
{
	struct gone *g = NEW0(struct gone);
	g->work.data = g;
	g->keeper = k;
	g->ids = ARENA_NEW_ARRAY(&g->arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		if (id_valid(run_ids[i]))
			g->ids[g->n++] = arena_dup(&g->arena, run_ids[i].p, run_ids[i].n);
	k->n_under_way++;
	uv_queue_work(k->config.loop, &g->work, gone_work, gone_done);
}

/* ---- the look over all ---- */

struct look {
	uv_work_t work;
	struct retention_keeper *keeper;
	struct store_reader *reader;
	struct arena arena;
	struct engine_retention *kept; /* by workflow id */
	size_t n_kept, n_removed;
	int64_t now_ms;
};

static int by_workflow(const void *key, const void *member)
{
	return str_cmp(*(const struct str *)key,
		       ((const struct engine_retention *)member)->workflow_id);
}

/* Whether the run's artifacts may go: their time is over, or a crash left them of a run that is
 * gone. A folder is younger than its run's row, but let there be no doubt. */
static bool may_go(const struct look *x, const char *run_id)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_row run;
	int r = x->reader->ops->run_head(x->reader, &a, (struct str){0}, str_of(run_id), &run);
	if (r == STORE_NOT_FOUND)
		return id_time_ms(str_of(run_id)) < x->now_ms - ORPHAN_MS;
	if (r != 0 || !run_status_final(run.status) || x->n_kept == 0)
		return false;
	const struct engine_retention *kept =
		bsearch(&run.workflow_id, x->kept, x->n_kept, sizeof(*x->kept), by_workflow);
	int64_t ms = kept ? kept->ms[RETAINED_ARTIFACTS] : 0;
	return ms > 0 && run.finished_ms < x->now_ms - ms;
}

static void look_work(uv_work_t *work)
{
	struct look *x = work->data;
	DIR *dir = opendir(x->keeper->config.artifacts);
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir)) && !atomic_load(&x->keeper->stopping);)
		if (id_valid(str_of(e->d_name)) && may_go(x, e->d_name))
			x->n_removed += remove_folder(dirfd(dir), e->d_name);
	closedir(dir);
}

static void look_done(uv_work_t *work, int status UNUSED)
{
	struct look *x = work->data;
	struct retention_keeper *k = x->keeper;
	k->n_under_way--;
	exporter_retention(k->config.exporter, RETAINED_ARTIFACTS, x->n_removed);
	x->reader->ops->reader_free(x->reader);
	arena_free(&x->arena);
	free(x);
}

static void look(uv_timer_t *timer)
{
	struct retention_keeper *k = timer->data;
	struct look *x = NEW0(struct look);
	x->keeper = k;
	x->work.data = x;
	x->now_ms = clock_wall_ms(clock_system());
	x->n_kept = engine_retention_list(k->config.engine, &x->arena, &x->kept);
	if (k->config.store->ops->reader_new(k->config.store, &x->reader) != 0) {
		arena_free(&x->arena);
		free(x);
		return;
	}
	k->n_under_way++;
	uv_queue_work(k->config.loop, &x->work, look_work, look_done);
}

/* ---- life ---- */

int retention_keeper_new(const struct retention_keeper_config *config,
			 struct retention_keeper **ret)
{
	struct retention_keeper *k = NEW0(struct retention_keeper);
	k->config = *config;
	k->timer.data = k;
	int r = uv_timer_init(config->loop, &k->timer);
	if (r == 0)
		r = uv_timer_start(&k->timer, look, FIRST_MS, PASS_MS);
	if (r != 0) {
		free(k);
		return r;
	}
	*ret = k;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	free(handle->data);
}

void retention_keeper_close(struct retention_keeper *k)
{
	if (!k)
		return;
	atomic_store(&k->stopping, true);
	uv_timer_stop(&k->timer);
	while (k->n_under_way > 0)
		uv_run(k->config.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&k->timer, closed);
}
