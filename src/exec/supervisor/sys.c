#include "exec/supervisor/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

bool sys_send(int socket, const void *message, size_t n, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MOST)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(size_t)message, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n_fds) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = &control.align;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	ssize_t r;
	do
		r = sendmsg(socket, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r == (ssize_t)n;
}

ssize_t sys_receive(int socket, void *message, size_t cap, int fds[WIRE_FDS_MOST],
		    size_t *ret_n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MOST)];
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = cap};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t r;
	do
		r = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	*ret_n_fds = 0;
	if (r < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*ret_n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *ret_n_fds * sizeof(int));
	}
	return r;
}

int sys_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t r = write(fd, text, strlen(text));
	int e = errno;
	close(fd);
	return r < 0 ? -e : 0;
}

static int configure(int fs, const char *option)
{
	char key[32];
	const char *equals = strchr(option, '=');
	size_t n = equals ? (size_t)(equals - option) : 0;
	if (n == 0 || n >= sizeof(key))
		return -EINVAL;
	memcpy(key, option, n);
	key[n] = '\0';
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, equals + 1, 0) ? -errno : 0;
}

int sys_new_fs(const char *type, unsigned attr, const char *const *options)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	int r = 0;
	for (; options && *options && r == 0; options++)
		r = configure(fs, *options);
	if (r == 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		r = -errno;
	if (r == 0) {
		r = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
		if (r < 0)
			r = -errno;
	}
	close(fs);
	return r;
}

int sys_clone_tree(int dir, const char *path, unsigned attr)
{
	unsigned flags =
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | (*path ? 0 : AT_EMPTY_PATH);
	int tree = (int)syscall(SYS_open_tree, dir, path, flags);
	if (tree < 0)
		return -errno;
	struct mount_attr set = {.attr_set = attr, .propagation = 1 << 18 /* MS_PRIVATE */};
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof(set))) {
		int e = errno;
		close(tree);
		return -e;
	}
	return tree;
}

int sys_attach(int tree, int dir, const char *path)
{
	int r = syscall(SYS_move_mount, tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) ? -errno : 0;
	close(tree);
	return r;
}

void sys_tell(int socket, enum wire_kind kind, enum wire_step step, int error)
{
	struct wire_fault m = {.head = {sizeof(m), kind}, .step = step, .error = error};
	sys_send(socket, &m, sizeof(m), NULL, 0);
}
