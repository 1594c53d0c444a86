#include "store/sqlite/sqllock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/mem.h"

static int busy(int fd, const char *path, struct buf *ret_reason)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	buf_printf(ret_reason, "%s: is in use by process %s", path, *pid ? pid : "(unknown)");
	close(fd);
	return -EBUSY;
}

int sqllock_take(const char *path, struct buf *ret_reason)
{
	CLEANUP_FREE char *name = mem_printf("%s.lock", path);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		int r = -errno;
		buf_printf(ret_reason, "%s: %s", name, strerror(-r));
		return r;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return busy(fd, path, ret_reason);
		int r = -errno;
		buf_printf(ret_reason, "%s: %s", name, strerror(-r));
		close(fd);
		return r;
	}
	char pid[24];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* only for people to read: a full disk must not keep the service from starting */
	ssize_t written = ftruncate(fd, 0) == 0 ? pwrite(fd, pid, (size_t)n, 0) : 0;
	(void)written;
	return fd;
}
