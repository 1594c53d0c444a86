#include "exec/supervisor/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const allowed[] = {
	/* files */
	"access",
	"chdir",
	"chown",
	"close",
	"close_range",
	"copy_file_range",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchdir",
	"fchown",
	"fchownat",
	"fcntl",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"futimesat",
	"getcwd",
	"getdents",
	"getdents64",
	"getxattr",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"lchown",
	"lgetxattr",
	"link",
	"linkat",
	"listxattr",
	"llistxattr",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"pread64",
	"preadv",
	"preadv2",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"removexattr",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"sendfile",
	"setxattr",
	"splice",
	"stat",
	"statfs",
	"statx",
	"symlink",
	"symlinkat",
	"sync",
	"sync_file_range",
	"syncfs",
	"tee",
	"truncate",
	"umask",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimes",
	"vmsplice",
	"write",
	"writev",
	"cachestat",
	/* memory */
	"brk",
	"madvise",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"mincore",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mprotect",
	"mremap",
	"mseal",
	"msync",
	"munlock",
	"munlockall",
	"munmap",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"remap_file_pages",
	/* processes and threads */
	"arch_prctl",
	"capget",
	"capset",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"fork",
	"futex",
	"futex_requeue",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"get_robust_list",
	"get_thread_area",
	"getcpu",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsid",
	"gettid",
	"getuid",
	"ioprio_get",
	"kill",
	"pidfd_open",
	"pidfd_send_signal",
	"prctl",
	"prlimit64",
	"riscv_flush_icache",
	"riscv_hwprobe",
	"rseq",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"setfsgid",
	"setfsuid",
	"setgid",
	"setgroups",
	"setpgid",
	"setpriority",
	"setregid",
	"setresgid",
	"setresuid",
	"setreuid",
	"setrlimit",
	"setsid",
	"setuid",
	"tgkill",
	"time",
	"times",
	"tkill",
	"uname",
	"vfork",
	"wait4",
	"waitid",
	/* signals and time */
	"alarm",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"eventfd",
	"eventfd2",
	"getitimer",
	"gettimeofday",
	"nanosleep",
	"pause",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_tgsigqueueinfo",
	"setitimer",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_settime",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	/* waiting, pipes, sockets, System V */
	"accept",
	"accept4",
	"bind",
	"connect",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"mq_getsetattr",
	"mq_notify",
	"mq_open",
	"mq_timedreceive",
	"mq_timedsend",
	"mq_unlink",
	"msgctl",
	"msgget",
	"msgrcv",
	"msgsnd",
	"pipe",
	"pipe2",
	"poll",
	"ppoll",
	"pselect6",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"select",
	"semctl",
	"semget",
	"semop",
	"semtimedop",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shmat",
	"shmctl",
	"shmdt",
	"shmget",
	"shutdown",
	/* the rest */
	"getrandom",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"seccomp",
	"sysinfo",
};

/* What only the supervisor and init do; refused again before the agent starts. */
static const char *const own[] = {
	"fsconfig",  "fsmount",	   "fsopen",	  "mount",   "mount_setattr", "move_mount",
	"open_tree", "pivot_root", "sethostname", "umount2", "unshare",
};

static const char *const refused[] = {
	"acct",
	"add_key",
	"adjtimex",
	"bpf",
	"chroot",
	"clock_adjtime",
	"clock_settime",
	"delete_module",
	"fanotify_init",
	"finit_module",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kcmp",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"move_pages",
	"name_to_handle_at",
	"open_by_handle_at",
	"perf_event_open",
	"pidfd_getfd",
	"process_madvise",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"quotactl_fd",
	"reboot",
	"request_key",
	"setdomainname",
	"setns",
	"settimeofday",
	"swapoff",
	"swapon",
	"syslog",
	"userfaultfd",
	"vhangup",
};

/* A name that this libseccomp or machine does not have is no error: it stays refused. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		if (nr < 0)
			continue;
		int r = seccomp_rule_add(ctx, action, nr, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static const uint64_t namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

/* No setuid or setgid file is ever made: calls whose mode argument (by position) asks for one. */
static int add_modes(scmp_filter_ctx ctx)
{
	static const struct {
		const char *name;
		unsigned mode, flags; /* argument positions; flags 0 = always a mode */
	} calls[] = {
		{"chmod", 1, 0},     {"fchmod", 1, 0}, {"fchmodat", 2, 0},
		{"fchmodat2", 2, 0}, {"creat", 1, 0},  {"mknod", 1, 0},
		{"mknodat", 2, 0},   {"open", 2, 1},   {"openat", 3, 2},
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		int nr = seccomp_syscall_resolve_name(calls[i].name);
		if (nr < 0)
			continue;
		struct scmp_arg_cmp plain = SCMP_CMP(calls[i].mode, SCMP_CMP_MASKED_EQ, 06000, 0);
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1, &plain);
		if (r || calls[i].flags == 0)
			continue;
		/* without O_CREAT and O_TMPFILE the argument means nothing */
		struct scmp_arg_cmp none =
			SCMP_CMP(calls[i].flags, SCMP_CMP_MASKED_EQ, O_CREAT | 020000000, 0);
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1, &none);
	}
	return r;
}

/*
 * Terminal state and size, descriptor flags, file system queries, the sandbox's own network; not
 * TIOCSTI and TIOCLINUX, which type into a terminal.
 */
static int add_ioctl(scmp_filter_ctx ctx)
{
	static const struct {
		uint64_t mask, value;
	} allowed_ioctls[] = {
		{0xfffffff0, 0x5400},	  /* TCGETS .. TIOCGPGRP */
		{0xffffffff, 0x5410},	  /* TIOCSPGRP */
		{0xffffffff, 0x5411},	  /* TIOCOUTQ */
		{0xffffffff, 0x5413},	  /* TIOCGWINSZ */
		{0xffffffff, 0x5414},	  /* TIOCSWINSZ */
		{0xffffffff, 0x541b},	  /* FIONREAD */
		{0xffffffff, 0x5421},	  /* FIONBIO */
		{0xffffffff, 0x5429},	  /* TIOCGSID */
		{0xfffffff0, 0x5450},	  /* FIOCLEX, FIONCLEX, FIOASYNC */
		{0xffffffff, 0x5460},	  /* FIOQSIZE */
		{0xffffffff, 0x802c542a}, /* TCGETS2 */
		{0xffffff00, 0x8900},	  /* SIOC* */
		{0xffffffff, 2},	  /* FIGETBSZ */
		{0xffffffff, 0x40049409}, /* FICLONE */
		{0xffffffff, 0x80086601}, /* FS_IOC_GETFLAGS */
		{0xffffffff, 0xc020660b}, /* FS_IOC_FIEMAP */
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(allowed_ioctls) / sizeof(allowed_ioctls[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, allowed_ioctls[i].mask,
					     allowed_ioctls[i].value));
	return r;
}

static int add_sockets(scmp_filter_ctx ctx)
{
	static const uint64_t families[] = {AF_UNIX, AF_INET, AF_INET6};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, families[i]));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, AF_UNIX));
	return r;
}

/* Linux on this machine, or the question what it is. */
static int add_personality(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
				 SCMP_A0(SCMP_CMP_EQ, 0));
	return r ? r
		 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
				    SCMP_A0(SCMP_CMP_EQ, 0xffffffff));
}

static int settle(scmp_filter_ctx ctx)
{
	/* a balanced tree instead of one long chain */
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return r ? r : seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
}

#define ADD(ctx, action, list) add((ctx), (action), (list), sizeof(list) / sizeof((list)[0]))

static int fill_main(scmp_filter_ctx ctx)
{
	static const char *const clones[] = {"clone", "clone3", "openat2"};
	int r = settle(ctx);
	if (r == 0)
		r = ADD(ctx, SCMP_ACT_ALLOW, allowed);
	if (r == 0)
		r = ADD(ctx, SCMP_ACT_ALLOW, own);
	if (r == 0)
		r = ADD(ctx, SCMP_ACT_ALLOW, clones);
	if (r == 0)
		r = ADD(ctx, SCMP_ACT_ERRNO(EPERM), refused);
	if (r == 0)
		r = add_modes(ctx);
	if (r == 0)
		r = add_ioctl(ctx);
	if (r == 0)
		r = add_sockets(ctx);
	return r ? r : add_personality(ctx);
}

/* clone3 and openat2 hide their flags from filters: their users fall back to the older calls. */
static int fill_last(scmp_filter_ctx ctx)
{
	static const char *const hidden[] = {"clone3", "openat2"};
	int r = settle(ctx);
	if (r == 0)
		r = ADD(ctx, SCMP_ACT_ERRNO(EPERM), own);
	if (r == 0)
		r = ADD(ctx, SCMP_ACT_ERRNO(ENOSYS), hidden);
	for (size_t i = 0; r == 0 && i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	return r;
}

/* libseccomp of Debian 12 exports to a descriptor only. */
static int export(scmp_filter_ctx ctx, struct sock_filter **ret_program, size_t *ret_n)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat st;
	void *p = MAP_FAILED;
	int r = seccomp_export_bpf(ctx, fd);
	if (r == 0 && fstat(fd, &st))
		r = -errno;
	if (r == 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			r = -errno;
	}
	close(fd);
	if (r)
		return r;
	*ret_program = p;
	*ret_n = (size_t)st.st_size / sizeof(struct sock_filter);
	return 0;
}

static int build(uint32_t otherwise, int (*fill)(scmp_filter_ctx), struct filter *ret)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	if (!ctx)
		return -ENOMEM;
	int r = fill(ctx);
	if (r == 0)
		r = export(ctx, &ret->program, &ret->n);
	seccomp_release(ctx);
	return r;
}

int filter_build(struct filter *ret_main, struct filter *ret_last)
{
	int r = build(SCMP_ACT_ERRNO(ENOSYS), fill_main, ret_main);
	return r ? r : build(SCMP_ACT_ALLOW, fill_last, ret_last);
}

int filter_load(const struct filter *f)
{
	struct sock_fprog prog = {.len = (unsigned short)f->n, .filter = f->program};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) ? -errno : 0;
}
