/* manifest_digest(): a walk that follows nothing, then one pass in the order of the paths. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/manifest.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

struct found {
	const char *path;
	mode_t mode;
	int64_t size;
};

struct walk {
	struct arena *arena;
	int root;
	struct found *found;
	size_t n, cap;
	int64_t n_bytes;
};

static void keep(struct walk *w, const char *path, const struct stat *st)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		w->found = arena_grow(w->arena, w->found, w->cap * sizeof(*w->found),
				      cap * sizeof(*w->found));
		w->cap = cap;
	}
	w->found[w->n++] = (struct found){path, st->st_mode, st->st_size};
}

static int walk_folder(struct walk *w, const char *at, int depth);

static int walk_entry(struct walk *w, const char *path, int depth)
{
	struct stat st;
	if (fstatat(w->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return depth == LIMIT_AGENT_FOLDER_DEPTH ? -E2BIG : walk_folder(w, path, depth + 1);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return -EINVAL;
	w->n_bytes += st.st_size;
	if (w->n == LIMIT_AGENT_FOLDER_FILES || w->n_bytes > LIMIT_AGENT_FOLDER_BYTES)
		return -E2BIG;
	keep(w, path, &st);
	return 0;
}

static int walk_folder(struct walk *w, const char *at, int depth)
{
	int fd = openat(w->root, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	CLEANUP_DIR DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	for (struct dirent *e; (errno = 0, e = readdir(dir));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		const char *path = strcmp(at, ".") == 0
					   ? arena_dupz(w->arena, e->d_name)
					   : arena_printf(w->arena, "%s/%s", at, e->d_name);
		int r = walk_entry(w, path, depth);
		if (r < 0)
			return r;
	}
	return -errno;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

/* Lengths go in before bytes, so no two folders give the same stream. */
static void add_counted(struct sha256 *h, const void *bytes, uint64_t n)
{
	unsigned char length[8];
	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)(n >> (8 * i));
	sha256_add(h, length, sizeof(length));
	sha256_add(h, bytes, n);
}

static int add_file(struct sha256 *h, int root, const struct found *f)
{
	CLEANUP_FD int fd = openat(root, f->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct sha256 content;
	sha256_init(&content);
	char chunk[65536];
	for (int64_t left = LIMIT_AGENT_FOLDER_BYTES;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			sha256_add(&content, chunk, (size_t)n);
		if ((left -= n) < 0)
			return -E2BIG;
	}
	char hex[SHA256_HEX_BYTES];
	sha256_end_hex(&content, hex);
	add_counted(h, f->mode & 0111 ? "x" : "f", 1);
	add_counted(h, hex, SHA256_HEX_BYTES - 1);
	return 0;
}

static int add_link(struct sha256 *h, int root, const struct found *f)
{
	char target[4096];
	ssize_t n = readlinkat(root, f->path, target, sizeof(target));
	if (n < 0)
		return -errno;
	add_counted(h, "l", 1);
	add_counted(h, target, (uint64_t)n);
	return 0;
}

int manifest_digest(const char *folder, char hex[SHA256_HEX_BYTES])
{
	CLEANUP_FD int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	CLEANUP_ARENA struct arena arena = {0};
	struct walk w = {.arena = &arena, .root = root};
	int r = walk_folder(&w, ".", 1);
	if (r < 0)
		return r;
	if (w.n)
		qsort(w.found, w.n, sizeof(*w.found), by_path);
	struct sha256 h;
	sha256_init(&h);
	for (size_t i = 0; i < w.n && r == 0; i++) {
		const struct found *f = &w.found[i];
		add_counted(&h, f->path, strlen(f->path));
		r = S_ISLNK(f->mode) ? add_link(&h, root, f) : add_file(&h, root, f);
	}
	if (r == 0)
		sha256_end_hex(&h, hex);
	return r;
}
