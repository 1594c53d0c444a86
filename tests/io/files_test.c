#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tap.h"

struct place {
	char path[64];
	int fd;
};

static bool place_new(struct place *p)
{
	snprintf(p->path, sizeof(p->path), "/tmp/drover-files-XXXXXX");
	p->fd = mkdtemp(p->path) ? open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return p->fd >= 0;
}

static void place_free(struct place *p)
{
	files_empty(p->fd);
	close(p->fd);
	rmdir(p->path);
}

#define PLACE CLEANUP(place_free) struct place

static bool write_file(const struct place *p, const char *path, size_t n)
{
	CLEANUP_FD int fd = openat(p->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd >= 0 && ftruncate(fd, (off_t)n) == 0;
}

static const struct files_bounds wide = {1000, 1 << 20, 10};

TEST(regular_files_are_found_in_order_and_nothing_else)
{
	PLACE p;
	CLEANUP_ARENA struct arena a = {0};
	struct files_entry *found;
	size_t n, met;
	CHECK(place_new(&p));
	CHECK_INT(mkdirat(p.fd, "b", 0755), 0);
	CHECK(write_file(&p, "b/two", 5) && write_file(&p, "a", 3) && write_file(&p, "c", 0));
	CHECK_INT(symlinkat("/etc/passwd", p.fd, "link"), 0);
	CHECK_INT(symlinkat("/etc", p.fd, "folder-link"), 0);
	CHECK_INT(mkfifoat(p.fd, "fifo", 0644), 0);
	CHECK_INT(files_walk(p.fd, &wide, &a, &found, &n, &met), 0);
	CHECK_INT(n, 3);
	CHECK_INT(met, 7);
	CHECK_Z(found[0].path, "a");
	CHECK_Z(found[1].path, "b/two");
	CHECK_Z(found[2].path, "c");
	CHECK_INT(found[1].bytes, 5);
}

TEST(every_bound_is_told)
{
	PLACE p;
	CLEANUP_ARENA struct arena a = {0};
	struct files_entry *found;
	size_t n, met;
	CHECK(place_new(&p));
	CHECK_INT(mkdirat(p.fd, "d", 0755), 0);
	CHECK_INT(mkdirat(p.fd, "d/d", 0755), 0);
	CHECK(write_file(&p, "d/d/f", 10) && write_file(&p, "g", 10));
	const struct files_bounds fits = {4, 20, 2}, count = {3, 20, 2}, bytes = {4, 19, 2},
				  deep = {4, 20, 1};
	CHECK_INT(files_walk(p.fd, &fits, &a, &found, &n, &met), 0);
	CHECK_INT(files_walk(p.fd, &count, &a, &found, &n, &met), FILES_OVER);
	CHECK_INT(files_walk(p.fd, &bytes, &a, &found, &n, &met), FILES_OVER);
	CHECK_INT(n, 1);
	CHECK_INT(files_walk(p.fd, &deep, &a, &found, &n, &met), FILES_OVER);
}

TEST(only_regular_files_beneath_are_opened)
{
	PLACE p;
	CHECK(place_new(&p));
	CHECK_INT(mkdirat(p.fd, "d", 0755), 0);
	CHECK(write_file(&p, "d/f", 7));
	CHECK_INT(symlinkat("d", p.fd, "l"), 0);
	CHECK_INT(symlinkat("f", p.fd, "d/l"), 0);
	CHECK_INT(mkfifoat(p.fd, "fifo", 0644), 0);
	int64_t bytes = 0;
	int fd = -1;
	CHECK_INT(files_open(p.fd, "d/f", &fd, &bytes), 0);
	close(fd);
	CHECK_INT(bytes, 7);
	static const char *const none[] = {
		"d",	       "l/f",		"d/l", "fifo", "x", "d/f/x", "../../etc/passwd",
		"/etc/passwd", "d/../d/../../x"};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		int r = files_open(p.fd, none[i], &fd, &bytes);
		if (r != -ENOENT)
			tap_fail(t, __FILE__, __LINE__, "%s: %d", none[i], r);
	}
}

/* Deeper than any path may be long. */
static bool dig(const struct place *p, int depth)
{
	int at = dup(p->fd);
	for (int i = 0; i < depth && at >= 0; i++) {
		int next = mkdirat(at, "a-folder-with-a-name", 0755) == 0
				   ? openat(at, "a-folder-with-a-name", O_DIRECTORY | O_CLOEXEC)
				   : -1;
		int f = openat(at, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		close(f);
		close(at);
		at = next;
	}
	if (at >= 0)
		close(at);
	return at >= 0;
}

TEST(any_tree_is_emptied_and_no_link_is_followed)
{
	PLACE p, other;
	CLEANUP_ARENA struct arena a = {0};
	struct files_entry *found;
	size_t n, met;
	CHECK(place_new(&other) && place_new(&p));
	CHECK(write_file(&other, "stays", 1));
	CHECK(dig(&p, 600));
	CHECK_INT(symlinkat(other.path, p.fd, "link"), 0);
	CHECK_INT(mkdirat(p.fd, ".hoisted-1", 0), 0);
	CHECK_INT(mkdirat(p.fd, "closed", 0), 0);
	CHECK_INT(mkfifoat(p.fd, "fifo", 0), 0);
	CHECK_INT(files_empty(p.fd), 0);
	CHECK_INT(files_walk(p.fd, &wide, &a, &found, &n, &met), 0);
	CHECK_INT(met, 0);
	CHECK_INT(files_walk(other.fd, &wide, &a, &found, &n, &met), 0);
	CHECK_INT(n, 1);
}

TAP_MAIN(RUN(regular_files_are_found_in_order_and_nothing_else), RUN(every_bound_is_told),
	 RUN(only_regular_files_beneath_are_opened),
	 RUN(any_tree_is_emptied_and_no_link_is_followed))
