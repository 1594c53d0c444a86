/* /api/storage: what takes how much room, and what retention deletes next. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/timefmt.h"
#include "io/files.h"

/* The rows are read on a reader, what is kept how long on the loop. */
struct room {
	struct storage rows;
	int64_t *artifact_bytes; /* of rows.rows */
	bool artifacts_cut;	 /* not all folders were looked at */
};

static int by_workflow(const void *key, const void *member)
{
	return str_cmp(*(const struct str *)key, ((const struct storage_row *)member)->workflow_id);
}

static int64_t folder_bytes(int root, const char *run_id)
{
	static const struct files_bounds most = {.entries = LIMIT_ARTIFACTS_LISTED,
						 .bytes = INT64_MAX,
						 .depth = LIMIT_ARTIFACTS_DEPTH + 2};
	CLEANUP_ARENA struct arena a = {0};
	CLEANUP_FD int fd = -1;
	struct files_entry *files = NULL;
	size_t n = 0, met;
	int64_t bytes = 0;
	if (files_open_folder(root, run_id, &fd) == 0)
		(void)files_walk(fd, &most, &a, &files, &n, &met);
	for (size_t i = 0; i < n; i++)
		bytes += files[i].bytes;
	return bytes;
}

static void add_folder(struct call *c, struct room *x, int root, const char *run_id)
{
	CLEANUP_ARENA struct arena a = {0};
	struct run_row run;
	if (x->rows.n == 0 || !id_valid(str_of(run_id)) ||
	    c->reader->ops->run_head(c->reader, &a, PROJECT, str_of(run_id), &run) != 0)
		return;
	const struct storage_row *row =
		bsearch(&run.workflow_id, x->rows.rows, x->rows.n, sizeof(*row), by_workflow);
	if (row)
		x->artifact_bytes[row - x->rows.rows] += folder_bytes(root, run_id);
}

static void look_at_artifacts(struct call *c, struct room *x)
{
	const char *root = c->api->config.artifacts;
	DIR *dir = root ? opendir(root) : NULL;
	int64_t stop_ns = clock_mono_ns(clock_system()) + LIMIT_STORAGE_MS * INT64_C(1000000);
	x->artifact_bytes = ARENA_NEW_ARRAY(c->arena, int64_t, x->rows.n);
	if (!dir)
		return;
	for (struct dirent *e; !x->artifacts_cut && (e = readdir(dir));) {
		add_folder(c, x, dirfd(dir), e->d_name);
		x->artifacts_cut = clock_mono_ns(clock_system()) > stop_ns;
	}
	closedir(dir);
}

static void put_kept(struct json_out *o, const int64_t *ms)
{
	json_out_key(o, "retention");
	json_out_object(o);
	for (int i = 0; i < RETAINED_CLASSES; i++) {
		CLEANUP_BUF struct buf text = {0};
		timefmt_duration(&text, ms[i]);
		json_out_key(o, retained_name((enum retained)i));
		if (ms[i] > 0)
			json_out_str(o, buf_str(&text));
		else
			json_out_strz(o, "off");
	}
	json_out_end(o);
}

static void put_row(struct json_out *o, const struct storage_row *row, int64_t artifact_bytes,
		    const struct engine_retention *kept)
{
	json_out_object(o);
	json_out_key(o, "workflowId");
	json_out_str(o, row->workflow_id);
	json_out_key(o, "workflowName");
	json_out_str(o, row->workflow_name);
	json_put_int(o, "runs", row->n_runs);
	json_put_int(o, "bytes", row->bytes + row->log_bytes + artifact_bytes);
	json_put_int(o, "rowBytes", row->bytes);
	json_put_int(o, "logBytes", row->log_bytes);
	json_put_int(o, "artifactBytes", artifact_bytes);
	json_out_key(o, "oldestRunAt");
	json_out_time(o, row->n_runs ? row->oldest_ms : 0);
	json_out_key(o, "nextDeletionAt");
	int64_t ms = kept ? kept->ms[RETAINED_RUNS] : 0;
	json_out_time(o, row->n_runs && ms ? row->oldest_ms + ms : 0);
	if (kept)
		put_kept(o, kept->ms);
	json_out_end(o);
}

static const struct room *sorting; /* loop thread */

static int64_t bytes_of(size_t i)
{
	return sorting->rows.rows[i].bytes + sorting->rows.rows[i].log_bytes +
	       sorting->artifact_bytes[i];
}

static int largest_first(const void *x, const void *y)
{
	int64_t a = bytes_of(*(const size_t *)x), b = bytes_of(*(const size_t *)y);
	return a > b ? -1 : a < b;
}

static const struct engine_retention *kept_of(const struct engine_retention *list, size_t n,
					      struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].workflow_id, id))
			return &list[i];
	return NULL;
}

static struct call_done answer(struct call *c)
{
	const struct room *x = c->state;
	struct engine_retention *kept;
	size_t n_kept = engine_retention_list(c->api->config.engine, c->arena, &kept);
	size_t *order = ARENA_NEW_ARRAY(c->arena, size_t, x->rows.n);
	for (size_t i = 0; i < x->rows.n; i++)
		order[i] = i;
	sorting = x;
	if (x->rows.n > 0)
		qsort(order, x->rows.n, sizeof(*order), largest_first);
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "database");
	json_out_object(&o);
	json_put_int(&o, "bytes", x->rows.bytes);
	json_put_int(&o, "freeBytes", x->rows.free_bytes);
	json_out_key(&o, "shrinks");
	json_out_bool(&o, x->rows.shrinks);
	json_out_end(&o);
	json_out_key(&o, "artifactsTruncated");
	json_out_bool(&o, x->artifacts_cut);
	json_out_key(&o, "workflows");
	json_out_array(&o);
	for (size_t i = 0; i < x->rows.n; i++) {
		const struct storage_row *row = &x->rows.rows[order[i]];
		put_row(&o, row, x->artifact_bytes[order[i]],
			kept_of(kept, n_kept, row->workflow_id));
	}
	json_out_end(&o);
	json_out_end(&o);
	return call_reply(c, 200, &body);
}

struct call_done storage_get(struct call *c)
{
	struct room *x = ARENA_NEW(c->arena, struct room);
	int r = c->reader->ops->storage(c->reader, c->arena, PROJECT, &x->rows);
	if (r)
		return call_problem_store(c, r, "There is no storage.");
	look_at_artifacts(c, x);
	c->state = x;
	return call_on_loop(c, answer);
}
