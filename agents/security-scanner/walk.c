#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "ignore.h"
#include "limits.h"
#include "prefilter.h"

struct entry {
	const char *name;
	unsigned char type; /* DT_* */
};

struct walk {
	const struct walk_options *options;
	struct matcher *matcher;
	struct walk_result *result;
	struct ignore ignore, include, exclude;
	struct arena globs;
	struct buf path; /* from the root, without a slash at its end */
	char *text;
	size_t text_cap;
};

char *walk_shown(struct str path)
{
	struct buf out = {0};
	bool plain = utf8_valid(path);
	for (size_t i = 0; i < path.n && plain; i++)
		plain = (unsigned char)path.p[i] >= 0x20 && path.p[i] != 0x7F;
	for (size_t i = 0; i < path.n;) {
		uint32_t code;
		size_t len = utf8_decode(path.p + i, path.p + path.n, &code);
		if (!plain && path.p[i] == '\\') {
			buf_puts(&out, "\\\\");
			i++;
		} else if (len == 0 || code < 0x20 || code == 0x7F) {
			buf_printf(&out, "\\x%02x", (unsigned char)path.p[i++]);
		} else {
			buf_put(&out, path.p + i, len);
			i += len;
		}
	}
	return buf_take(&out);
}

static void add_error(struct walk *w, const char *message)
{
	struct walk_result *r = w->result;
	if (r->n_errors == LIMIT_SCAN_ERRORS) {
		r->n_errors_dropped++;
		return;
	}
	if (!r->errors)
		r->errors = NEW0_ARRAY(struct walk_error, LIMIT_SCAN_ERRORS);
	char *shown = walk_shown(buf_str(&w->path));
	if (w->path.n == 0) {
		free(shown);
		shown = mem_dupz(".");
	}
	r->errors[r->n_errors++] = (struct walk_error){.file = shown, .message = mem_dupz(message)};
}

static void add_unreadable(struct walk *w, int err)
{
	w->result->files_unreadable++;
	add_error(w, strerrordesc_np(err));
}

/* ---- files ---- */

static void reserve_text(struct walk *w, size_t n)
{
	if (w->text_cap >= n + PREFILTER_PAD)
		return;
	w->text_cap = (n + PREFILTER_PAD) * 3 / 2;
	free(w->text);
	w->text = mem_new0(w->text_cap);
}

/* Reads on to `want` bytes in all; what there is then, or a negative errno. */
static ssize_t read_to(struct walk *w, int fd, size_t have, size_t want)
{
	while (have < want) {
		ssize_t got = read(fd, w->text + have, want - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static void scan_text(struct walk *w, struct str name, size_t n)
{
	struct walk_result *r = w->result;
	memset(w->text + n, 0, PREFILTER_PAD);
	r->files_scanned++;
	r->bytes_scanned += n;
	char *shown CLEANUP_FREE = walk_shown(buf_str(&w->path));
	if (!matcher_scan(w->matcher, str_of(shown), name, str_n(w->text, n)))
		add_error(w, "a pattern used up its steps; something may have been missed");
	if (r->files_scanned % LIMIT_SCAN_PROGRESS_FILES == 0)
		log_event(INFO, "scan.progress", LOG_INT("files", (int64_t)r->files_scanned),
			  LOG_INT("bytes", (int64_t)r->bytes_scanned));
}

static void scan_fd(struct walk *w, int fd, struct str name)
{
	struct stat st;
	if (fstat(fd, &st) != 0) {
		add_unreadable(w, errno);
		return;
	}
	if (!S_ISREG(st.st_mode))
		return;
	uint64_t most = w->options->file_bytes;
	if ((uint64_t)st.st_size > most) {
		w->result->files_large++;
		return;
	}
	size_t size = (size_t)st.st_size;
	/* a file without a size (or one that grew) is read to the limit and no further */
	size_t want = size > 0 ? size : 4096;
	reserve_text(w, want);
	size_t first = want < LIMIT_SCAN_BINARY_BYTES * 8 ? want : LIMIT_SCAN_BINARY_BYTES;
	ssize_t n = read_to(w, fd, 0, first);
	if (n > 0) {
		size_t head =
			(size_t)n < LIMIT_SCAN_BINARY_BYTES ? (size_t)n : LIMIT_SCAN_BINARY_BYTES;
		if (memchr(w->text, '\0', head)) {
			w->result->files_binary++;
			return;
		}
		n = read_to(w, fd, (size_t)n, want);
	}
	if (n < 0)
		add_unreadable(w, (int)-n);
	else
		scan_text(w, name, (size_t)n);
}

static void scan_file(struct walk *w, int dir_fd, const char *name)
{
	int fd CLEANUP_FD =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		/* ELOOP, ENXIO: it became a link or a pipe meanwhile; ENOENT: it went */
		if (errno != ELOOP && errno != ENXIO && errno != ENOENT)
			add_unreadable(w, errno);
		return;
	}
	scan_fd(w, fd, str_of(name));
}

/* ---- ignore files ---- */

static void load_ignore(struct walk *w, struct arena *a, int dir_fd, const char *name)
{
	int fd CLEANUP_FD =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (st.st_size > LIMIT_SCAN_IGNORE_BYTES) {
		add_error(w, "the ignore file here is too large and was left out");
		return;
	}
	size_t size = (size_t)st.st_size;
	reserve_text(w, size);
	ssize_t n = read_to(w, fd, 0, size);
	if (n <= 0)
		return;
	struct buf base CLEANUP_BUF = {0};
	buf_put_str(&base, buf_str(&w->path));
	if (base.n > 0)
		buf_putc(&base, '/');
	struct str text = arena_str(a, str_n(w->text, (size_t)n));
	if (!ignore_add(&w->ignore, a, buf_str(&base), text))
		add_error(w, "patterns of the ignore file here were too long or too many");
}

/* ---- folders ---- */

static void walk_dir(struct walk *w, int fd, int depth);

static bool is_left_out(struct walk *w, bool is_dir)
{
	struct str path = buf_str(&w->path);
	if (ignore_check(&w->ignore, path, is_dir) || ignore_check(&w->exclude, path, is_dir))
		return true;
	return !is_dir && w->include.n > 0 && !ignore_check(&w->include, path, false);
}

static void enter_dir(struct walk *w, int dir_fd, const char *name, int depth)
{
	if (depth + 1 >= LIMIT_SCAN_DEPTH) {
		w->result->files_unreadable++;
		add_error(w, "folders are nested too deep here; what is below was not scanned");
		return;
	}
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		walk_dir(w, fd, depth + 1);
	else if (errno != ELOOP && errno != ENOTDIR && errno != ENOENT)
		add_unreadable(w, errno);
}

static unsigned char type_of(int dir_fd, const struct entry *e)
{
	struct stat st;
	if (e->type != DT_UNKNOWN)
		return e->type;
	if (fstatat(dir_fd, e->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(st.st_mode);
}

static void visit(struct walk *w, int dir_fd, const struct entry *e, int depth)
{
	unsigned char type = type_of(dir_fd, e);
	if (type != DT_REG && type != DT_DIR)
		return;
	size_t before = w->path.n;
	if (before > 0)
		buf_putc(&w->path, '/');
	buf_puts(&w->path, e->name);
	if (w->path.n > LIMIT_SCAN_PATH_BYTES) {
		w->result->files_unreadable++;
		add_error(w, "the path is too long; it was not scanned");
	} else if (is_left_out(w, type == DT_DIR)) {
		w->result->files_ignored++;
	} else if (type == DT_REG) {
		scan_file(w, dir_fd, e->name);
	} else {
		enter_dir(w, dir_fd, e->name, depth);
	}
	w->path.n = before;
	w->path.p[before] = '\0';
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* The next names of the folder, sorted; how many. 0 at its end or at an error, which is added. */
static size_t read_batch(struct walk *w, DIR *d, struct arena *a, struct entry *entries)
{
	size_t n = 0;
	while (n < LIMIT_SCAN_BATCH_ENTRIES && a->used_bytes < LIMIT_SCAN_BATCH_BYTES) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e) {
			if (errno != 0)
				add_unreadable(w, errno);
			break;
		}
		const char *name = e->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0)
			continue;
		entries[n++] = (struct entry){.name = arena_dupz(a, name), .type = e->d_type};
	}
	if (n > 1)
		qsort(entries, n, sizeof(*entries), by_name);
	return n;
}

static void walk_batches(struct walk *w, DIR *d, int depth)
{
	for (;;) {
		struct arena names CLEANUP_ARENA = {0};
		struct entry *all CLEANUP_FREE =
			mem_grow(NULL, LIMIT_SCAN_BATCH_ENTRIES * sizeof(struct entry));
		size_t n = read_batch(w, d, &names, all);
		if (n == 0)
			return;
		all = mem_grow(all, n * sizeof(struct entry));
		for (size_t i = 0; i < n; i++)
			visit(w, dirfd(d), &all[i], depth);
	}
}

/* Takes fd. */
static void walk_dir(struct walk *w, int fd, int depth)
{
	DIR *d CLEANUP_DIR = fdopendir(fd);
	if (!d) {
		add_unreadable(w, errno);
		close(fd);
		return;
	}
	struct arena patterns CLEANUP_ARENA = {0};
	size_t before = w->ignore.n;
	load_ignore(w, &patterns, fd, ".gitignore");
	walk_batches(w, d, depth);
	ignore_drop(&w->ignore, before);
}

static void load_exclude_file(struct walk *w, int root_fd)
{
	int git CLEANUP_FD =
		openat(root_fd, ".git", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (git < 0)
		return;
	int info CLEANUP_FD = openat(git, "info", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (info >= 0)
		load_ignore(w, &w->globs, info, "exclude");
}

/* Opens options->path component by component; loads the ignore files of the folders above it. */
static int open_start(struct walk *w, int root_fd, int *ret_fd)
{
	struct str path = w->options->path;
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (path.n > 0 && path.p[0] == '/') {
		close(fd);
		return -EINVAL;
	}
	for (size_t at = 0; fd >= 0 && at < path.n;) {
		const char *slash = memchr(path.p + at, '/', path.n - at);
		size_t n = slash ? (size_t)(slash - path.p) - at : path.n - at;
		char *name CLEANUP_FREE = mem_dup(path.p + at, n);
		at += n + 1;
		if (n == 0 || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0 || strlen(name) != n) {
			close(fd);
			return -EINVAL;
		}
		load_ignore(w, &w->globs, fd, ".gitignore");
		int next =
			openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		int err = errno;
		close(fd);
		if (next < 0)
			return -err;
		if (w->path.n > 0)
			buf_putc(&w->path, '/');
		buf_puts(&w->path, name);
		fd = next;
	}
	*ret_fd = fd;
	return fd >= 0 ? 0 : -errno;
}

static void add_globs(struct walk *w, struct ignore *to, const struct str *globs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ignore_add_pattern(to, &w->globs, STR(""), globs[i]))
			add_error(w, "an include or exclude pattern is too long and was left out");
}

static int by_file(const void *a, const void *b)
{
	return strcmp(((const struct walk_error *)a)->file, ((const struct walk_error *)b)->file);
}

static int start(struct walk *w, int root_fd)
{
	add_globs(w, &w->include, w->options->include, w->options->n_include);
	add_globs(w, &w->exclude, w->options->exclude, w->options->n_exclude);
	load_exclude_file(w, root_fd);
	int fd = -1;
	int err = open_start(w, root_fd, &fd);
	if (err < 0)
		return err;
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		walk_dir(w, fd, 0);
		return 0;
	}
	const char *slash = memrchr(w->path.p, '/', w->path.n);
	size_t skip = slash ? (size_t)(slash - w->path.p) + 1 : 0;
	scan_fd(w, fd, str_n(w->path.p + skip, w->path.n - skip));
	close(fd);
	return 0;
}

int walk_run(int root_fd, const struct walk_options *options, struct matcher *m,
	     struct walk_result *ret)
{
	*ret = (struct walk_result){0};
	struct walk w = {.options = options, .matcher = m, .result = ret};
	buf_reserve(&w.path, 256);
	int err = start(&w, root_fd);
	if (ret->n_errors > 1)
		qsort(ret->errors, ret->n_errors, sizeof(*ret->errors), by_file);
	ignore_fini(&w.ignore);
	ignore_fini(&w.include);
	ignore_fini(&w.exclude);
	arena_free(&w.globs);
	buf_free(&w.path);
	free(w.text);
	return err;
}

void walk_result_fini(struct walk_result *r)
{
	for (size_t i = 0; i < r->n_errors; i++) {
		free(r->errors[i].file);
		free(r->errors[i].message);
	}
	free(r->errors);
	*r = (struct walk_result){0};
}
