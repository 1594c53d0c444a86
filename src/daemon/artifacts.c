#include "daemon/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/files.h"

enum { LEVELS = 3 }; /* below the root: run, node, attempt */

int artifacts_begin(const char *root, const struct attempt_start *s, char **ret_path, int *ret_fd)
{
	CLEANUP_FREE char *path = mem_printf("%s/%s/%.*s/%lld", root, s->run_id.text,
					     STR_ARG(s->node_id), (long long)s->attempt);
	for (char *p = path + strlen(root); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		int r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*p = '/';
		if (r < 0)
			return r;
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	*ret_path = path;
	path = NULL;
	return 0;
}

/* The attempt's folder, and those above that have nothing else in them. False when it is not empty.
 */
static bool remove_empty(const char *attempt)
{
	CLEANUP_FREE char *path = mem_dupz(attempt);
	int n = 0;
	for (; n < LEVELS && rmdir(path) == 0; n++)
		*strrchr(path, '/') = '\0';
	return n > 0;
}

/* ---- removing what is too large ---- */

struct removal {
	uv_work_t work;
	char *path;
	int result;
};

static void removal_work(uv_work_t *work)
{
	struct removal *r = work->data;
	CLEANUP_FD int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r->result = fd < 0 ? -errno : files_empty(fd);
}

static void removal_done(uv_work_t *work, int status)
{
	struct removal *r = work->data;
	if (r->result < 0)
		log_event(WARN, "artifacts.not_removed", LOG_Z("path", r->path),
			  LOG_INT("errno", -r->result));
	(void)remove_empty(r->path);
	free(r->path);
	free(r);
}

static void remove_all(struct uv_loop_s *loop, const char *path)
{
	struct removal *r = NEW0(struct removal);
	r->path = mem_dupz(path);
	r->work.data = r;
	uv_queue_work(loop, &r->work, removal_work, removal_done);
}

bool artifacts_end(struct uv_loop_s *loop, const char *path, struct buf *why)
{
	static const struct files_bounds most = {.entries = LIMIT_ARTIFACTS_ENTRIES,
						 .bytes = LIMIT_ARTIFACTS_BYTES,
						 .depth = LIMIT_ARTIFACTS_DEPTH};
	if (remove_empty(path))
		return true;
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct files_entry *files;
	size_t n, n_entries;
	if (fd < 0 || files_walk(fd, &most, &a, &files, &n, &n_entries) != FILES_OVER)
		return true;
	buf_printf(why,
		   "the attempt left more in $DROVER_ARTIFACTS than %d files, %d MiB or folders "
		   "%d deep; nothing of it was kept",
		   LIMIT_ARTIFACTS_ENTRIES, LIMIT_ARTIFACTS_BYTES >> 20, LIMIT_ARTIFACTS_DEPTH);
	remove_all(loop, path);
	return false;
}
