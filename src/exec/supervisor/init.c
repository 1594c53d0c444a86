#include "exec/supervisor/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/supervisor/filter.h"
#include "exec/supervisor/rootfs.h"
#include "exec/supervisor/sys.h"

static struct init_place *self;
static unsigned most_processes; /* that were seen */
static union {
	struct wire_head head;
	struct wire_start start;
	struct wire_trees trees;
	char bytes[WIRE_BYTES_MOST];
} message;

static void __attribute__((noreturn)) fail(enum wire_step step, int error)
{
	sys_tell(self->channel, WIRE_FAULT, step, error);
	_exit(1);
}

/* Fails at the step when r is a negative errno, or when a test asks for it. */
static void must(enum wire_step step, int r)
{
	if (r < 0)
		fail(step, -r);
	if (self->fail_step == step)
		fail(step, EIO);
}

static int ok(long r)
{
	return r < 0 ? -errno : 0;
}

static void join_cgroups(void)
{
	int r = 0;
	for (size_t i = 0; i < self->n_cgroups; i++) {
		if (r == 0)
			r = ok(write(self->cgroups[i], "0", 1));
		close(self->cgroups[i]);
	}
	must(STEP_CGROUP_JOIN, r);
}

static void become_user(void)
{
	int r = ok(setresgid(WIRE_INNER_UID, WIRE_INNER_UID, WIRE_INNER_UID));
	if (r == 0)
		r = ok(setresuid(WIRE_INNER_UID, WIRE_INNER_UID, WIRE_INNER_UID));
	must(STEP_BECOME_USER, r);
}

static void enter_root(void)
{
	static const char *const proc_options[] = {"subset=pid", NULL};
	char inodes[32];
	const char *const tmp_options[] = {"mode=700", "size=1m", inodes, NULL};
	snprintf(inodes, sizeof(inodes), "nr_inodes=%d", LIMIT_SANDBOX_TMP_FILES);
	int root = sys_clone_tree(AT_FDCWD, ROOTFS_PLACE, 0);
	must(STEP_ROOT, root);
	int place = dup(root);
	must(STEP_ROOT, place < 0 ? -errno : sys_attach(root, AT_FDCWD, ROOTFS_PLACE));
	int proc = sys_new_fs("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			      proc_options);
	must(STEP_PROC, proc < 0 ? proc : sys_attach(proc, place, "proc"));
	int tmp = sys_new_fs("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, tmp_options);
	must(STEP_TMP, tmp < 0 ? tmp : sys_attach(tmp, place, "tmp"));
	int r = ok(fchdir(place));
	close(place);
	if (r == 0)
		r = ok(syscall(SYS_pivot_root, ".", "."));
	if (r == 0)
		r = ok(umount2(".", MNT_DETACH));
	if (r == 0)
		r = ok(chdir("/"));
	must(STEP_PIVOT, r);
}

/* What is held now is the last: nothing can be gained by an exec. */
static void bound_privilege(void)
{
	int r = ok(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	for (int cap = 0; r == 0 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		r = ok(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	if (r == 0)
		r = ok(prctl(PR_SET_SECUREBITS,
			     SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
				     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
				     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
			     0, 0, 0));
	must(STEP_DROP_CAPS, r);
}

/* All that can be done before the command is known. */
static void prepare(void)
{
	char go;
	join_cgroups();
	if (self->plain) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		return;
	}
	if (read(self->trees, &go, 1) != 1)
		_exit(1);
	must(STEP_MAP_USERS, 0);
	become_user();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(STEP_CGROUPNS, ok(unshare(CLONE_NEWCGROUP)));
	must(STEP_HOSTNAME, ok(sethostname("sandbox", 7)));
	enter_root();
	bound_privilege();
}

static void mount_folders(void)
{
	static const char *const places[WIRE_FOLDERS] = {"agent", "workspace", "artifacts"};
	int fds[WIRE_FDS_MOST];
	size_t n = 0, at = 0;
	if (sys_receive(self->trees, &message, sizeof(message), fds, &n) <
	    (ssize_t)sizeof(message.trees))
		_exit(1);
	if (message.trees.step != STEP_NONE)
		fail(message.trees.step, message.trees.error);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = ok(root);
	for (size_t i = 0; i < WIRE_FOLDERS && r == 0; i++)
		if (message.trees.mask & (1U << i))
			r = at < n ? sys_attach(fds[at++], root, places[i]) : -EPROTO;
	close(root);
	must(STEP_MOUNT_FOLDER, r);
}

static void size_tmp(uint64_t bytes)
{
	char options[64];
	snprintf(options, sizeof(options), "size=%llu,mode=700", (unsigned long long)bytes);
	must(STEP_TMP_SIZE,
	     ok(mount("tmpfs", "/tmp", "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV, options)));
}

/* Nothing left to hold, for init and for the agent alike. */
static void drop_privilege(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	int r = 0;
	if (!self->plain)
		r = ok(syscall(SYS_capset, &head, none));
	must(STEP_DROP_CAPS, r);
	prctl(PR_SET_DUMPABLE, 0);
	must(STEP_LOAD_FILTER, filter_load(self->filter));
}

static int limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit old, new = {.rlim_cur = most, .rlim_max = most};
	if (getrlimit(what, &old))
		return -errno;
	if (old.rlim_max < most) /* a lower limit of drover's own stands */
		new.rlim_cur = new.rlim_max = old.rlim_max;
	return ok(setrlimit(what, &new));
}

static void set_limits(const struct wire_start *s)
{
	int r = limit(RLIMIT_CORE, 1); /* no dump at all; 0 would still feed a core_pattern pipe */
	if (r == 0)
		r = limit(RLIMIT_FSIZE, s->file_bytes);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, s->open_files);
	if (r == 0 && s->processes)
		r = limit(RLIMIT_NPROC, s->processes + 1);
	if (r == 0 && s->data_bytes)
		r = limit(RLIMIT_DATA, s->data_bytes);
	if (r == 0 && s->data_bytes) /* shared memory too, but room for reserved address space */
		r = limit(RLIMIT_AS, s->data_bytes + (16ULL << 30));
	must(STEP_LIMITS, r);
}

static const char *next_string(const char **at, const char *end)
{
	const char *s = *at, *nul = memchr(s, 0, (size_t)(end - s));
	if (!nul)
		fail(STEP_SPEC, EPROTO);
	*at = nul + 1;
	return s;
}

/* Fills list (of LIMIT_SANDBOX_STRINGS and its end) with n strings. */
static void next_strings(const char **at, const char *end, size_t n, char **list)
{
	if (n == 0 || n > LIMIT_SANDBOX_STRINGS)
		fail(STEP_SPEC, E2BIG);
	for (size_t i = 0; i < n; i++)
		list[i] = (char *)(size_t)next_string(at, end);
}

/*
 * The agent's process, up to its exec. It borrows init's memory until then, so that none needs to
 * be copied; init sleeps meanwhile.
 */
static int become_agent(void *arg)
{
	const int *stdio = arg;
	const struct wire_start *s = &message.start;
	const char *at = s->strings, *end = message.bytes + s->head.size;
	const char *folder = next_string(&at, end);
	static char *argv[LIMIT_SANDBOX_STRINGS + 1], *env[LIMIT_SANDBOX_STRINGS + 1];
	next_strings(&at, end, s->n_argv, argv);
	next_strings(&at, end, s->n_env, env);
	sigset_t none;
	int r = ok(setsid());
	for (int i = 0; i < 3 && r >= 0; i++)
		r = ok(dup2(stdio[i], i));
	must(STEP_STDIO, r);
	must(STEP_CHDIR, ok(chdir(folder)));
	umask(022);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* the channel stays until the exec closes it, to report a failing one */
	syscall(SYS_close_range, 3, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */);
	set_limits(s);
	signal(SIGINT, SIG_DFL); /* the supervisor ignores these two */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = env;
	if (self->fail_step != STEP_EXEC)
		execvp(argv[0], argv);
	fail(STEP_EXEC, self->fail_step == STEP_EXEC ? EIO : errno);
}

static void count_processes(void)
{
	DIR *d = opendir("/proc");
	unsigned n = 0;
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
	if (d)
		closedir(d);
	if (n > most_processes)
		most_processes = n;
}

/* The children of this process, or -1 where the kernel does not list them. */
static int child_pids(pid_t *pids, int cap)
{
	char text[4096];
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC), n = 0;
	if (fd < 0)
		return -1;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	for (char *at = text, *end; n < cap; at = end) {
		long pid = strtol(at, &end, 10);
		if (end == at || (*end != ' ' && *end != '\0'))
			break;
		pids[n++] = (pid_t)pid;
	}
	return n;
}

/* Plain mode: orphans come to the subreaper, so this ends when the last descendant has. */
static void kill_descendants(pid_t agent)
{
	pid_t pids[256];
	kill(-agent, SIGKILL);
	for (;;) {
		int n = child_pids(pids, 256);
		for (int i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
		if (waitpid(-1, NULL, n < 0 ? WNOHANG : 0) <= 0 && (n < 0 || errno == ECHILD))
			return;
	}
}

/* Ends what the agent left. Whoever has no ancestor but init is its child, so none is missed. */
static void clear(pid_t agent)
{
	if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
		return;
	if (self->plain) {
		kill_descendants(agent);
		return;
	}
	count_processes();
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void report(int status, const struct rusage *use)
{
	struct wire_exited m = {
		.head = {sizeof(m), WIRE_EXITED},
		.status = status,
		.n_processes = most_processes,
		.cpu_usec = (uint64_t)(use->ru_utime.tv_sec + use->ru_stime.tv_sec) * 1000000 +
			    (uint64_t)(use->ru_utime.tv_usec + use->ru_stime.tv_usec),
		.peak_bytes = (uint64_t)use->ru_maxrss * 1024,
	};
	sys_send(self->channel, &m, sizeof(m), NULL, 0);
}

/* Reaps; when the agent itself has ended, ends the rest and says so. */
static bool reap(pid_t agent)
{
	int status;
	struct rusage use;
	for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &use)) > 0;) {
		if (pid != agent)
			continue;
		clear(agent);
		report(status, &use);
		return true;
	}
	return false;
}

static void terminate(pid_t agent)
{
	if (!self->plain) {
		count_processes();
		kill(-1, SIGTERM);
		return;
	}
	pid_t pids[256];
	int n = child_pids(pids, 256);
	kill(-agent, SIGTERM);
	for (int i = 0; i < n; i++)
		if (pids[i] != agent)
			kill(pids[i], SIGTERM);
}

/* Until the agent ends, drover says KILL or drover is gone. */
static void watch(pid_t agent, int signals)
{
	struct pollfd polls[2] = {{.fd = self->channel, .events = POLLIN},
				  {.fd = signals, .events = POLLIN}};
	for (;;) {
		struct signalfd_siginfo info;
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return;
		if (polls[1].revents & POLLIN) {
			ssize_t r = read(signals, &info, sizeof(info));
			(void)r;
			if (reap(agent))
				return;
		}
		if (polls[0].revents) {
			size_t n;
			int fds[WIRE_FDS_MOST];
			ssize_t r = sys_receive(self->channel, &message, sizeof(message), fds, &n);
			if (r < (ssize_t)sizeof(message.head) || message.head.kind != WIRE_TERM)
				return;
			terminate(agent);
		}
	}
}

static void receive_start(int fds[WIRE_FDS_MOST])
{
	size_t n_fds = 0;
	ssize_t n = sys_receive(self->channel, &message, sizeof(message), fds, &n_fds);
	if (n == 0 || (n > 0 && message.head.kind == WIRE_KILL))
		_exit(0);
	if (n < (ssize_t)sizeof(message.start) || message.head.kind != WIRE_START ||
	    message.head.size != n || n_fds != 3)
		fail(STEP_SPEC, EPROTO);
	for (size_t i = 0; i < 3; i++) { /* out of the way of the agent's 0, 1, 2 */
		int high = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
		must(STEP_STDIO, ok(high));
		close(fds[i]);
		fds[i] = high;
	}
}

void init_run(struct init_place *place)
{
	int stdio[WIRE_FDS_MOST];
	sigset_t child;
	self = place;
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	prepare();
	sys_tell(self->channel, WIRE_READY, STEP_NONE, 0);
	receive_start(stdio);
	static struct wire_start start;
	start = message.start;
	if (!start.has_folders) {
		close(self->trees);
	} else {
		/* the start message is in the way of the next one */
		static char kept[WIRE_BYTES_MOST];
		memcpy(kept, &message, start.head.size);
		mount_folders();
		memcpy(&message, kept, start.head.size);
	}
	if (!self->plain)
		size_tmp(start.tmp_bytes);
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	must(STEP_FORK, ok(signals));
	drop_privilege();
	static char stack[64 << 10] __attribute__((aligned(16)));
	pid_t agent =
		clone(become_agent, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, stdio);
	must(STEP_FORK, ok(agent));
	sys_tell(self->channel, WIRE_RUNNING, STEP_NONE, 0);
	for (int i = 0; i < 3; i++)
		close(stdio[i]);
	watch(agent, signals);
	clear(agent); /* in plain mode nobody else does */
	_exit(0);
}
