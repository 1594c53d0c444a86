/*
 * The agent that the sandbox's tests run: "probe attack" tries to get out and prints one line for
 * every try ("held NAME" or "OPEN NAME"); the other words misbehave in one way each.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *name, bool held)
{
	printf("%s %s (%s)\n", held ? "held" : "OPEN", name, strerror(errno));
	fflush(stdout);
}

/* The call must fail. */
#define REFUSED(name, call)                                                                        \
	do {                                                                                       \
		errno = 0;                                                                         \
		tell(name, (long)(call) < 0);                                                      \
	} while (0)

static void try_write(const char *path)
{
	errno = 0;
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	tell(path, fd < 0);
	if (fd >= 0)
		close(fd);
}

static void try_read(const char *path)
{
	errno = 0;
	int fd = open(path, O_RDONLY);
	tell(path, fd < 0);
	if (fd >= 0)
		close(fd);
}

static void try_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	bool clean = d != NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		long fd = strtol(e->d_name, NULL, 10);
		clean = clean && (e->d_name[0] == '.' || fd <= 2 || fd == dirfd(d));
	}
	errno = 0;
	tell("no descriptors leak", clean);
	closedir(d);
}

static void try_files(const char *host_folder)
{
	static const char *const writes[] = {
		"/usr/x",	"/usr/bin/true", "/etc/passwd",	   "/x",	  "/agent/x",
		"/workspace/x", "/dev/x",	 "/proc/self/exe", "/proc/1/mem", "/proc/1/exe"};
	static const char *const reads[] = {"/etc/shadow", "/root",	      "/home",
					    "/sys",	   "/var/lib",	      "/proc/kcore",
					    "/proc/sys",   "/proc/1/environ", "/proc/1/root",
					    "/proc/keys",  "/dev/tty",	      "/dev/mem"};
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		try_write(writes[i]);
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		try_read(reads[i]);
	try_read(host_folder);
	REFUSED("device node", mknod("/tmp/null", S_IFCHR | 0666, 0x103));
	close(open("/tmp/file", O_WRONLY | O_CREAT, 0755));
	REFUSED("setuid bit", chmod("/tmp/file", 04755));
	REFUSED("setuid file", open("/tmp/file2", O_WRONLY | O_CREAT, 04755));
}

static void try_kernel(void)
{
	struct iovec iov = {.iov_base = &(char[8]){0}, .iov_len = 8};
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY};
	REFUSED("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	REFUSED("ptrace of init", ptrace(PTRACE_SEIZE, 1, NULL, NULL));
	REFUSED("process_vm_readv", process_vm_readv(1, &iov, 1, &iov, 1, 0));
	REFUSED("unshare", unshare(CLONE_NEWUSER));
	REFUSED("unshare of mounts", unshare(CLONE_NEWNS));
	REFUSED("clone into a namespace", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	REFUSED("clone3", syscall(SYS_clone3, &args, sizeof(args)));
	REFUSED("setns", setns(0, 0));
	REFUSED("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	REFUSED("umount", umount2("/tmp", MNT_DETACH));
	REFUSED("remount", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
	REFUSED("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	REFUSED("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
	REFUSED("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/usr", 0));
	REFUSED("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
	REFUSED("chroot", chroot("/tmp"));
	REFUSED("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
	REFUSED("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
	REFUSED("request_key", syscall(SYS_request_key, "user", "x", NULL, -3));
	REFUSED("io_uring", syscall(SYS_io_uring_setup, 1, &(char[120]){0}));
	REFUSED("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
	REFUSED("perf_event_open", syscall(SYS_perf_event_open, &(char[128]){0}, 0, -1, -1, 0));
	REFUSED("userfaultfd", syscall(SYS_userfaultfd, 0));
	REFUSED("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, &(char[64]){0}, 0));
	REFUSED("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
	REFUSED("personality", personality(ADDR_NO_RANDOMIZE));
	REFUSED("sethostname", sethostname("x", 1));
	REFUSED("swapon", syscall(SYS_swapon, "/tmp/file", 0));
	REFUSED("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
	errno = 0;
	ioctl(0, TIOCSTI, "x");
	tell("TIOCSTI", errno == ENOSYS);
	errno = 0;
	ioctl(0, TIOCLINUX, "x");
	tell("TIOCLINUX", errno == ENOSYS);
}

#ifdef __x86_64__
/* The 32-bit entry has other numbers: 26 is ptrace there. */
static void try_other_architecture(void)
{
	pid_t pid = fork();
	int status = 0;
	if (pid == 0) {
		long r = 20;
		__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	errno = 0;
	tell("32-bit system calls", WIFSIGNALED(status));
}
#else
static void try_other_architecture(void)
{
}
#endif

static void try_identity(void)
{
	REFUSED("setuid(0)", setuid(0));
	REFUSED("setgid(0)", setgid(0));
	REFUSED("setgroups", setgroups(0, NULL));
	errno = 0;
	tell("not root", getuid() != 0 && geteuid() != 0);
	tell("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	tell("bounding set is empty", prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 0);
	tell("not dumping core", prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
}

static void try_signals(void)
{
	kill(1, SIGKILL);
	kill(1, SIGSTOP);
	kill(1, SIGTERM);
	errno = 0;
	tell("init survives signals", getppid() == 1);
}

static void try_network(int port, const char *abstract)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s", abstract);
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract));
	int s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_UNIX, SOCK_STREAM, 0);
	REFUSED("loopback", connect(s, (struct sockaddr *)&in, sizeof(in)));
	in.sin_addr.s_addr = htonl(0x01010101);
	REFUSED("the Internet", connect(s, (struct sockaddr *)&in, sizeof(in)));
	REFUSED("abstract socket", connect(u, (struct sockaddr *)&un, n));
	REFUSED("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	REFUSED("packet", socket(AF_PACKET, SOCK_RAW, 0));
	REFUSED("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	REFUSED("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int attack(char **argv)
{
	try_descriptors();
	try_files(argv[2]);
	try_kernel();
	try_other_architecture();
	try_identity();
	try_network((int)strtol(argv[3], NULL, 10), argv[4]);
	try_signals();
	printf("all tried\n");
	return 0;
}

/* ----------------------------------------------------------------------- misbehaviour */

static void __attribute__((noreturn)) stay(void)
{
	for (;;)
		pause();
}

static int fork_bomb(void)
{
	for (;;)
		if (fork() < 0 && errno != EAGAIN)
			return 9;
}

static int thread_shy_fork_bomb(void)
{
	for (;;) {
		pid_t pid = fork();
		if (pid < 0)
			return 9;
		if (pid == 0)
			stay();
	}
}

static int memory_bomb(void)
{
	for (;;) {
		char *p = malloc(1 << 20);
		if (!p)
			return 9;
		memset(p, 1, 1 << 20);
	}
}

static int fill(const char *path)
{
	static char block[65536];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	long long n = 0;
	ssize_t r;
	while ((r = write(fd, block, sizeof(block))) > 0)
		n += r;
	printf("%lld %s\n", n, strerror(errno));
	return 0;
}

static int many_files(void)
{
	char path[64];
	for (int i = 0; i < 2000000; i++) {
		snprintf(path, sizeof(path), "/tmp/%d", i);
		int fd = open(path, O_WRONLY | O_CREAT, 0600);
		if (fd < 0) {
			printf("stopped\n");
			return 0;
		}
		close(fd);
	}
	return 9;
}

static int print_forever(int fd)
{
	static char block[65536];
	memset(block, 'x', sizeof(block));
	for (;;)
		if (write(fd, block, sizeof(block)) < 0)
			return 9;
}

static int daemonise(void)
{
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (fork() == 0) {
			fprintf(stderr, "up\n");
			stay();
		}
		_exit(0);
	}
	wait(NULL);
	return 0;
}

static int stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	fprintf(stderr, "up\n");
	stay();
}

static void on_term(int n)
{
	static const char text[] = "termed\n";
	ssize_t r = write(2, text, sizeof(text) - 1);
	(void)r;
	_exit(0);
}

static int polite(void)
{
	signal(SIGTERM, on_term);
	fprintf(stderr, "up\n");
	stay();
}

static int long_lines(void)
{
	static char line[20000];
	memset(line, 'y', sizeof(line) - 1);
	fprintf(stderr, "%s\nshort\nlast", line);
	return 0;
}

static int burn(void)
{
	for (volatile long i = 0; i < 100000000; i++)
		;
	return 0;
}

static int read_stdin(void)
{
	static char block[65536];
	long long n = 0;
	ssize_t r;
	while ((r = read(0, block, sizeof(block))) > 0)
		n += r;
	printf("%lld\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
#define IS(name) (strcmp(what, name) == 0)
	if (IS("attack") && argc == 5)
		return attack(argv);
	if (IS("forks"))
		return fork_bomb();
	if (IS("forks-and-ends"))
		return thread_shy_fork_bomb();
	if (IS("memory"))
		return memory_bomb();
	if (IS("fill"))
		return fill(argv[2]);
	if (IS("files"))
		return many_files();
	if (IS("prints"))
		return print_forever(1);
	if (IS("logs"))
		return print_forever(2);
	if (IS("daemon"))
		return daemonise();
	if (IS("daemon-stays"))
		return daemonise() || stubborn();
	if (IS("stubborn"))
		return stubborn();
	if (IS("polite"))
		return polite();
	if (IS("lines"))
		return long_lines();
	if (IS("burn"))
		return burn();
	if (IS("reads"))
		return read_stdin();
	if (IS("exits") && argc > 2)
		return (int)strtol(argv[2], NULL, 10);
	if (IS("aborts"))
		abort();
	if (IS("closes")) {
		close(1);
		close(0);
		return 0;
	}
	return 64;
}
