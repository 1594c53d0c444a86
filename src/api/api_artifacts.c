/* /api/runs/{runId}/artifacts: the files that attempts kept, as daemon/artifacts.h lays them out.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/api_private.h"
#include "api/resources.h"
#include "base/id.h"
#include "base/utf8.h"
#include "io/files.h"

static const char no_run[] = "There is no such run.";
static const char no_artifact[] = "There is no such artifact.";

/* The run's folder: 0, -ENOENT when nothing was kept; or the call was answered. */
static bool open_run(struct call *c, int *ret_fd, struct call_done *ret_done)
{
	struct event_row *first;
	size_t n = 0;
	*ret_fd = -1;
	int r = c->reader->ops->event_list(c->reader, c->arena, c->params[0], 0, 1, &first, &n);
	if (r < 0 || n == 0 || !id_valid(c->params[0])) {
		*ret_done = call_problem_store(c, r < 0 ? r : STORE_NOT_FOUND, no_run);
		return false;
	}
	const char *root = c->api->config.artifacts;
	CLEANUP_FD int root_fd = root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (root_fd >= 0)
		(void)files_open_folder(root_fd, c->params[0].p, ret_fd);
	return true;
}

/* Whether a request can name it: what an agent may call its files is more than that. */
static bool can_be_named(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f || path.p[i] == '\\')
			return false;
	return utf8_valid(path);
}

/* NODE/ATTEMPT/PATH */
static void put_entry(struct json_out *o, const struct files_entry *e)
{
	const char *attempt = strchr(e->path, '/');
	const char *path = attempt ? strchr(attempt + 1, '/') : NULL;
	if (!path || !can_be_named(str_of(e->path)))
		return;
	json_out_object(o);
	json_out_key(o, "nodeId");
	json_out_str(o, str_n(e->path, (size_t)(attempt - e->path)));
	json_out_key(o, "attempt");
	json_out_int(o, strtoll(attempt + 1, NULL, 10));
	json_out_key(o, "path");
	json_out_strz(o, path + 1);
	json_out_key(o, "size");
	json_out_int(o, e->bytes);
	json_out_end(o);
}

struct call_done artifacts_list(struct call *c)
{
	static const struct files_bounds most = {.entries = LIMIT_ARTIFACTS_LISTED,
						 .bytes = INT64_MAX,
						 .depth = LIMIT_ARTIFACTS_DEPTH + 2};
	struct call_done refused;
	CLEANUP_FD int fd = -1;
	struct files_entry *entries = NULL;
	size_t n = 0, met;
	if (!open_run(c, &fd, &refused))
		return refused;
	int r = fd >= 0 ? files_walk(fd, &most, c->arena, &entries, &n, &met) : 0;
	struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "items");
	json_out_array(&o);
	for (size_t i = 0; i < n; i++)
		put_entry(&o, &entries[i]);
	json_out_end(&o);
	json_out_key(&o, "truncated");
	json_out_bool(&o, r == FILES_OVER);
	json_out_end(&o);
	return call_reply(c, 200, &body);
}

/* The decoded segments from the node on; none holds a slash, none is a dot segment. */
static const char *path_of(struct call *c)
{
	const struct http_request *r = c->request;
	struct buf path = {0};
	for (size_t i = c->rest_at - 2; i < r->n_segments; i++) {
		if (path.n)
			buf_putc(&path, '/');
		buf_put_str(&path, r->segments[i]);
	}
	const char *kept = arena_dup(c->arena, path.p, path.n);
	buf_free(&path);
	return kept;
}

/* RFC 6266, RFC 8187 */
static void put_disposition(struct http_response *r, struct str name)
{
	CLEANUP_BUF struct buf value = {0};
	buf_puts(&value, "attachment; filename*=UTF-8''");
	for (size_t i = 0; i < name.n; i++) {
		unsigned char b = (unsigned char)name.p[i];
		bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
			     (b >= '0' && b <= '9') || b == '-' || b == '.' || b == '_';
		if (plain)
			buf_putc(&value, (char)b);
		else
			buf_printf(&value, "%%%02X", b);
	}
	http_response_field(r, "Content-Disposition", buf_str(&value));
}

struct call_done artifacts_get(struct call *c)
{
	struct call_done refused;
	CLEANUP_FD int folder = -1;
	if (!open_run(c, &folder, &refused))
		return refused;
	int fd = -1;
	int64_t bytes = 0;
	int o = folder >= 0 ? files_open(folder, path_of(c), &fd, &bytes) : -ENOENT;
	if (o == -ENOENT || o == -EACCES)
		return call_problem(c, 404, no_artifact);
	if (o < 0)
		return call_problem(c, 503, "The artifact can't be read now.");
	struct http_response r = call_response(200, "application/octet-stream");
	put_disposition(&r, c->request->segments[c->request->n_segments - 1]);
	http_response_file(&r, fd, (uint64_t)bytes);
	return call_reply_response(c, &r);
}
