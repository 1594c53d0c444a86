/*
 * Preloaded into the real program to make one thing go wrong: the K-th call of a kind.
 *
 *   FAULT=CALL:K:WHAT[:FILE]   CALL: sync write malloc fork    WHAT: kill-before kill-after EIO
 *                              ENOSPC ENOMEM EAGAIN; K=0 only counts
 *   FAULT_COUNT=FILE           gets the number of calls so far, after each
 *   FAULT_CLOCK=FILE           the wall clock is off by that many ms: eight bytes, looked at anew
 *                              each time
 *
 * Only the main program is touched: children that execute something else lose the environment or
 * are static. Writes count when they go to a regular file.
 */
#undef _FILE_OFFSET_BITS /* pwrite and pwrite64 are two names here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default) /* the program is built with hidden symbols */

enum call { CALL_NONE, CALL_SYNC, CALL_WRITE, CALL_MALLOC, CALL_FORK };

static enum call armed;
static long at;
static bool kill_before, kill_after;
static int error;
static int count_fd = -1;
static atomic_long n_calls;

static const volatile int64_t *shift_ms;

__attribute__((constructor)) static void read_clock(void)
{
	const char *file = getenv("FAULT_CLOCK");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *p = mmap(NULL, sizeof(*shift_ms), PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		shift_ms = p;
	close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (r == 0 && shift_ms && id == CLOCK_REALTIME) {
		int64_t ms = ts->tv_sec * INT64_C(1000) + ts->tv_nsec / 1000000 + *shift_ms;
		ts->tv_sec = (time_t)(ms / 1000);
		ts->tv_nsec = (long)(ms % 1000) * 1000000;
	}
	return r;
}

__attribute__((constructor)) static void read_fault(void)
{
	const char *spec = getenv("FAULT"), *count = getenv("FAULT_COUNT");
	char call[16] = "", what[16] = "";
	if (!spec || sscanf(spec, "%15[^:]:%ld:%15s", call, &at, what) != 3)
		return;
	static const struct {
		const char *name;
		enum call call;
	} calls[] = {{"sync", CALL_SYNC},
		     {"write", CALL_WRITE},
		     {"malloc", CALL_MALLOC},
		     {"fork", CALL_FORK}};
	static const struct {
		const char *name;
		int error;
	} errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}};
	kill_before = strcmp(what, "kill-before") == 0;
	kill_after = strcmp(what, "kill-after") == 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(what, errors[i].name) == 0)
			error = errors[i].error;
	if (count)
		count_fd = open(count, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(call, calls[i].name) == 0)
			armed = calls[i].call;
}

static void die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts a call; true when it is the one that goes wrong. */
static bool counts(enum call call)
{
	if (armed != call)
		return false;
	long n = atomic_fetch_add(&n_calls, 1) + 1;
	if (count_fd >= 0 && call != CALL_MALLOC) {
		char text[24];
		int len = snprintf(text, sizeof(text), "%ld\n", n);
		syscall(SYS_pwrite64, count_fd, text, (size_t)len, 0L);
	}
	if (n != at)
		return false;
	if (kill_before)
		die();
	return true;
}

static int sync_call(long number, int fd)
{
	bool hit = counts(CALL_SYNC);
	if (hit && error) {
		errno = error;
		return -1;
	}
	int r = (int)syscall(number, fd);
	if (hit && kill_after)
		die();
	return r;
}

int fdatasync(int fd)
{
	return sync_call(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return sync_call(SYS_fsync, fd);
}

static bool regular(int fd)
{
	struct stat st;
	return armed == CALL_WRITE && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *p, size_t n)
{
	bool hit = regular(fd) && counts(CALL_WRITE);
	if (hit && error) {
		errno = error;
		return -1;
	}
	ssize_t r = syscall(SYS_write, fd, p, n);
	if (hit && kill_after)
		die();
	return r;
}

static ssize_t positioned(int fd, const void *p, size_t n, off_t offset)
{
	bool hit = regular(fd) && counts(CALL_WRITE);
	if (hit && error) {
		errno = error;
		return -1;
	}
	ssize_t r = syscall(SYS_pwrite64, fd, p, n, offset);
	if (hit && kill_after)
		die();
	return r;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t offset)
{
	return positioned(fd, p, n, offset);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t offset)
{
	return positioned(fd, p, n, offset);
}

pid_t fork(void)
{
	static pid_t (*real)(void);
	if (!real)
		real = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	if (counts(CALL_FORK) && error) {
		errno = error;
		return -1;
	}
	return real();
}

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	if (counts(CALL_MALLOC)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	if (counts(CALL_MALLOC)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	if (counts(CALL_MALLOC)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, n);
}
