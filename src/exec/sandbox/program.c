#include "exec/sandbox/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

extern const char supervisor_program[], supervisor_program_end[];

/* A sealed copy in memory: nobody can change what runs. */
static int open_program(void)
{
	int fd = memfd_create("drover-supervisor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("drover-supervisor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	const char *at = supervisor_program;
	while (at < supervisor_program_end) {
		ssize_t n = write(fd, at, (size_t)(supervisor_program_end - at));
		if (n <= 0) {
			int e = errno;
			close(fd);
			return -e;
		}
		at += n;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return fd;
}

/* Standard streams: nothing in, nothing out, errors to ours; the socket as 3; nothing else. */
static int spawn(int program, int socket, pid_t *ret_pid)
{
	char path[64];
	char *argv[] = {(char[]){"drover-supervisor"}, NULL}, *env[] = {NULL};
	sigset_t none, all;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSID);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, socket, 3);
	int r = posix_spawn(ret_pid, path, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

int program_start(int *ret_socket, pid_t *ret_pid)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	CLEANUP_FD int program = open_program();
	/* clear of 0 to 3, which the new process arranges anew */
	CLEANUP_FD int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
	close(pair[1]);
	int r = program < 0 ? program : theirs < 0 ? -errno : 0;
	if (r == 0) {
		int high = fcntl(program, F_DUPFD_CLOEXEC, 10);
		if (high >= 0) {
			close(program);
			program = high;
		}
		r = spawn(program, theirs, ret_pid);
	}
	if (r) {
		close(pair[0]);
		return r;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*ret_socket = pair[0];
	return 0;
}
