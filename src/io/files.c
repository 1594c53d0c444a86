#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"

static int open_beneath(int folder, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	switch (errno) {
	case ELOOP:
	case EXDEV:
	case ENOTDIR:
	case ENAMETOOLONG:
	case ENXIO: /* a socket, or nobody's fifo */
		return -ENOENT;
	default:
		return -errno;
	}
}

static DIR *list_folder(int folder, const char *path)
{
	int fd = open_beneath(folder, path, O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

static const struct dirent *next_of(DIR *dir)
{
	const struct dirent *e;
	while ((e = readdir(dir)) && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0))
		;
	return e;
}

/* ---- walking ---- */

struct folder {
	const char *path;
	size_t depth;
};

struct walk {
	int root;
	const struct files_bounds *most;
	struct arena *arena;
	struct folder *folders; /* to be read, a queue */
	size_t n_folders, folders_cap;
	struct files_entry *files;
	size_t n_files, files_cap, n_entries;
	int64_t n_bytes;
};

#define WALK_ADD(w, list, n, cap, ...)                                                             \
	do {                                                                                       \
		if ((w)->n == (w)->cap) {                                                          \
			size_t more = (w)->cap ? (w)->cap * 2 : 64;                                \
			(w)->list =                                                                \
				arena_grow((w)->arena, (w)->list, (w)->cap * sizeof(*(w)->list),   \
					   more * sizeof(*(w)->list));                             \
			(w)->cap = more;                                                           \
		}                                                                                  \
		(w)->list[(w)->n++] = (__typeof__(*(w)->list)){__VA_ARGS__};                       \
	} while (0)

static int walk_entry(struct walk *w, const struct folder *at, int dir, const char *name)
{
	struct stat st;
	if (w->n_entries == w->most->entries)
		return FILES_OVER;
	w->n_entries++;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	bool folder = S_ISDIR(st.st_mode);
	if (!folder && !S_ISREG(st.st_mode))
		return 0;
	if (folder && at->depth == w->most->depth)
		return FILES_OVER;
	if (!folder && st.st_size > w->most->bytes - w->n_bytes)
		return FILES_OVER;
	const char *path = strcmp(at->path, ".") == 0
				   ? arena_dupz(w->arena, name)
				   : arena_printf(w->arena, "%s/%s", at->path, name);
	if (folder) {
		WALK_ADD(w, folders, n_folders, folders_cap, path, at->depth + 1);
		return 0;
	}
	w->n_bytes += st.st_size;
	WALK_ADD(w, files, n_files, files_cap, path, st.st_size);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct files_entry *)a)->path, ((const struct files_entry *)b)->path);
}

int files_walk(int folder, const struct files_bounds *most, struct arena *a,
	       struct files_entry **ret, size_t *ret_n, size_t *ret_entries)
{
	struct walk w = {.root = folder, .most = most, .arena = a};
	int r = 0;
	WALK_ADD(&w, folders, n_folders, folders_cap, ".", 0);
	for (size_t i = 0; i < w.n_folders && r == 0; i++) {
		struct folder at = w.folders[i];
		CLEANUP_DIR DIR *dir = list_folder(folder, at.path);
		for (const struct dirent *e; dir && r == 0 && (e = next_of(dir));)
			r = walk_entry(&w, &at, dirfd(dir), e->d_name);
	}
	if (w.n_files > 1)
		qsort(w.files, w.n_files, sizeof(*w.files), by_path);
	*ret = w.files;
	*ret_n = w.n_files;
	*ret_entries = w.n_entries;
	return r;
}

/* ---- opening ---- */

int files_open_folder(int folder, const char *path, int *ret_fd)
{
	int fd = open_beneath(folder, path, O_DIRECTORY);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int files_open(int folder, const char *path, int *ret_fd, int64_t *ret_bytes)
{
	struct stat st;
	CLEANUP_FD int fd = open_beneath(folder, path, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	*ret_bytes = st.st_size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ---- emptying ---- */

/* So that it can be entered; when that fails, entering it will say why. */
static void open_up(int at, const char *name)
{
	int r = fchmodat(at, name, 0700, 0);
	(void)r;
}

/*
 * Moves a folder's folder up to the top, where its turn comes: so nothing recurses, and no path is
 * ever long.
 */
static int hoist(int from, const char *name, int top, uint64_t *counter)
{
	char fresh[40];
	open_up(from, name);
	for (int tries = 0; tries < 1000; tries++) {
		snprintf(fresh, sizeof(fresh), ".hoisted-%llu", (unsigned long long)++*counter);
		if (renameat2(from, name, top, fresh, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

static int empty_child(int top, const char *name, uint64_t *counter)
{
	open_up(top, name);
	CLEANUP_DIR DIR *dir = list_folder(top, name);
	if (!dir)
		return -EACCES;
	for (const struct dirent *e; (e = next_of(dir));) {
		if (unlinkat(dirfd(dir), e->d_name, 0) == 0)
			continue;
		int r = errno == EISDIR || errno == EPERM
				? hoist(dirfd(dir), e->d_name, top, counter)
				: -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

int files_empty(int folder)
{
	uint64_t counter = 0;
	for (bool any = true; any;) {
		any = false;
		CLEANUP_DIR DIR *dir = list_folder(folder, ".");
		if (!dir)
			return -EACCES;
		for (const struct dirent *e; (e = next_of(dir));) {
			any = true;
			if (unlinkat(folder, e->d_name, 0) == 0)
				continue;
			if (errno != EISDIR && errno != EPERM)
				return -errno;
			int r = empty_child(folder, e->d_name, &counter);
			if (r < 0)
				return r;
			if (unlinkat(folder, e->d_name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY)
				return -errno;
		}
	}
	return 0;
}
