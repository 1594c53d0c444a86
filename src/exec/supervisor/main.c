/*
 * drover-supervisor: started once by drover with the socket as descriptor 3. Keeps the base file
 * system ready and clones the first process of every sandbox (see wire.h for the talk). It never
 * runs agents itself and ends when drover does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/supervisor/filter.h"
#include "exec/supervisor/init.h"
#include "exec/supervisor/rootfs.h"
#include "exec/supervisor/sys.h"

enum { SOCKET = 3, PRUNE_ABOVE = 32 };

/* A sandbox that has not yet got its folders. */
struct waiting {
	uint32_t id;
	int trees;
};

static struct {
	bool privileged, plain;
	enum wire_step fail_step;
	uid_t uid;
	gid_t gid;
	struct filter last;
	struct waiting waiting[LIMIT_SANDBOX_PREPARED];
	size_t n_waiting;
} sup;

static union {
	struct wire_head head;
	struct wire_config config;
	struct wire_prepare prepare;
	struct wire_mounts mounts;
	char bytes[WIRE_BYTES_MOST];
} message;

static int write_map(pid_t pid, const char *file, uint32_t inner, uint32_t outer)
{
	char path[64], text[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	snprintf(text, sizeof(text), "%u %u 1\n", inner, outer);
	return sys_write_file(path, text);
}

static int deny_setgroups(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	return sys_write_file(path, "deny");
}

/* An ordinary user's own namespace, in which it may mount. */
static int enter_userns(void)
{
	pid_t pid = getpid();
	if (unshare(CLONE_NEWUSER))
		return -errno;
	int r = deny_setgroups(pid);
	if (r == 0)
		r = write_map(pid, "uid_map", sup.uid, sup.uid);
	return r ? r : write_map(pid, "gid_map", sup.gid, sup.gid);
}

static enum wire_step begin(int *ret_error)
{
	struct filter first;
	enum wire_step step = STEP_FILTER;
	int r = filter_build(&first, &sup.last);
	if (r == 0 && !sup.plain && !sup.privileged) {
		step = STEP_USERNS;
		r = enter_userns();
	}
	if (r == 0 && !sup.plain) {
		step = STEP_MOUNTNS;
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
			r = -errno;
	}
	bool fails = sup.fail_step == STEP_FILTER || sup.fail_step == STEP_USERNS ||
		     sup.fail_step == STEP_MOUNTNS;
	if (r == 0 && !sup.plain && fails) {
		step = sup.fail_step;
		r = -EIO;
	}
	*ret_error = -r;
	if (r)
		return step;
	step = sup.plain ? STEP_NONE : rootfs_build(sup.fail_step, ret_error);
	if (step != STEP_NONE)
		return step;
	r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : filter_load(&first);
	*ret_error = -r;
	return r ? STEP_FILTER : STEP_NONE;
}

static void answer(uint32_t id, enum wire_step step, int error, int pidfd)
{
	struct wire_prepared m = {
		.head = {sizeof(m), WIRE_PREPARED}, .id = id, .step = step, .error = error};
	sys_send(SOCKET, &m, sizeof(m), &pidfd, pidfd >= 0);
}

static pid_t clone_init(int *ret_pidfd)
{
	const uint64_t namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
				    CLONE_NEWIPC | CLONE_NEWUTS;
	struct clone_args args = {
		.flags = CLONE_PIDFD | (sup.plain ? 0 : namespaces),
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void __attribute__((noreturn))
be_init(const struct wire_prepare *p, int trees, const int *fds, size_t n_fds)
{
	static struct init_place place;
	place.channel = fds[0];
	place.trees = trees;
	place.n_cgroups = n_fds - 1;
	memcpy(place.cgroups, fds + 1, (n_fds - 1) * sizeof(int));
	place.plain = sup.plain;
	place.fail_step = p->fail_step;
	place.filter = &sup.last;
	prctl(PR_SET_NAME, "drover-init");
	close(SOCKET);
	for (size_t i = 0; i < sup.n_waiting; i++)
		close(sup.waiting[i].trees);
	init_run(&place);
}

static int map_users(const struct wire_prepare *p, pid_t pid)
{
	if (p->fail_step == STEP_MAP_USERS)
		return -EIO;
	int r = deny_setgroups(pid);
	if (r == 0)
		r = write_map(pid, "uid_map", WIRE_INNER_UID, p->host_uid);
	return r ? r : write_map(pid, "gid_map", WIRE_INNER_UID, p->host_gid);
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* Forgets sandboxes that ended, or started without folders: their ends of the pairs are closed. */
static void prune(void)
{
	size_t kept = 0;
	for (size_t i = 0; i < sup.n_waiting; i++) {
		struct pollfd p = {.fd = sup.waiting[i].trees};
		if (poll(&p, 1, 0) == 1)
			close(p.fd);
		else
			sup.waiting[kept++] = sup.waiting[i];
	}
	sup.n_waiting = kept;
}

static void prepare(const struct wire_prepare *p, int *fds, size_t n_fds)
{
	int pair[2] = {-1, -1}, pidfd = -1;
	if (sup.n_waiting > PRUNE_ABOVE)
		prune();
	if (n_fds < 1 || sup.n_waiting == LIMIT_SANDBOX_PREPARED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		answer(p->id, STEP_SOCKET, n_fds < 1 ? EPROTO : EMFILE, -1);
		close_all(fds, n_fds);
		return;
	}
	pid_t pid = p->fail_step == STEP_CLONE ? -1 : clone_init(&pidfd);
	if (pid == 0) {
		close(pair[0]);
		be_init(p, pair[1], fds, n_fds);
	}
	enum wire_step step = pid < 0 ? STEP_CLONE : STEP_MAP_USERS;
	int r = pid < 0 ? (p->fail_step == STEP_CLONE ? -EIO : -errno) : 0;
	if (r == 0 && !sup.plain)
		r = map_users(p, pid);
	close(pair[1]);
	if (r == 0) {
		sys_send(pair[0], "", 1, NULL, 0);
		sup.waiting[sup.n_waiting++] = (struct waiting){p->id, pair[0]};
		answer(p->id, STEP_NONE, 0, pidfd);
	} else {
		if (pidfd >= 0) /* its side of the pair is closed: it ends by itself */
			syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		close(pair[0]);
		answer(p->id, step, -r, pidfd);
	}
	if (pidfd >= 0)
		close(pidfd);
	close_all(fds, n_fds);
}

/* Opens the folder in this mount namespace and makes sure it is the one drover judged. */
static enum wire_step clone_folder(const char *path, int judged, bool writable, int *ret_tree)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_MAGICLINKS};
	struct stat want, got;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	*ret_tree = -errno;
	if (fd < 0)
		return STEP_OPEN_FOLDER;
	if (fstat(fd, &got) || fstat(judged, &want) || got.st_dev != want.st_dev ||
	    got.st_ino != want.st_ino) {
		close(fd);
		*ret_tree = -ESTALE;
		return STEP_FOLDER_CHANGED;
	}
	*ret_tree = sys_clone_tree(
		fd, "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (writable ? 0 : MOUNT_ATTR_RDONLY));
	close(fd);
	return *ret_tree < 0 ? STEP_MOUNT_FOLDER : STEP_NONE;
}

static int take_waiting(uint32_t id)
{
	for (size_t i = 0; i < sup.n_waiting; i++) {
		if (sup.waiting[i].id != id)
			continue;
		int trees = sup.waiting[i].trees;
		sup.waiting[i] = sup.waiting[--sup.n_waiting];
		return trees;
	}
	return -1;
}

static void mounts(const struct wire_mounts *m, int *fds, size_t n_fds)
{
	struct wire_trees out = {.head = {sizeof(out), WIRE_TREES}};
	int trees[WIRE_FOLDERS], socket = take_waiting(m->id);
	size_t n_trees = 0, judged = 0;
	const char *path = m->paths, *end = message.bytes + m->head.size;
	for (size_t i = 0; i < WIRE_FOLDERS && out.step == STEP_NONE; i++) {
		if (path >= end || !memchr(path, 0, (size_t)(end - path)))
			break;
		if (*path && judged < n_fds) {
			int tree;
			out.step = clone_folder(path, fds[judged++], i == 2, &tree);
			out.error = tree < 0 ? -tree : 0;
			if (tree >= 0) {
				trees[n_trees++] = tree;
				out.mask |= 1U << i;
			}
		}
		path += strlen(path) + 1;
	}
	if (socket >= 0) {
		sys_send(socket, &out, sizeof(out), trees, n_trees);
		close(socket);
	}
	close_all(trees, n_trees);
	close_all(fds, n_fds);
}

static void configure(const struct wire_config *c)
{
	int error = 0;
	sup.privileged = c->privileged;
	sup.plain = c->plain;
	sup.fail_step = c->fail_step;
	sup.uid = geteuid();
	sup.gid = getegid();
	enum wire_step step = begin(&error);
	sys_tell(SOCKET, WIRE_HELLO, step, error);
	if (step != STEP_NONE)
		_exit(1);
}

int main(void)
{
	int fds[WIRE_FDS_MOST];
	size_t n_fds;
	ssize_t n;
	signal(SIGCHLD, SIG_IGN); /* ended sandboxes leave no zombie; drover holds their pidfds */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* ^C is for drover to answer */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((n = sys_receive(SOCKET, &message, sizeof(message), fds, &n_fds)) > 0) {
		if (n < (ssize_t)sizeof(message.head) || message.head.size != n)
			return 1;
		if (message.head.kind == WIRE_CONFIG)
			configure(&message.config);
		else if (message.head.kind == WIRE_PREPARE)
			prepare(&message.prepare, fds, n_fds);
		else if (message.head.kind == WIRE_MOUNTS)
			mounts(&message.mounts, fds, n_fds);
		else
			return 1;
	}
	return 0;
}
