#include "cli/demo_service.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/document.h"

extern char **environ;

enum { NFTW_FDS = 16 };

/* ---- its folder ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static void remove_folder(const char *path)
{
	nftw(path, remove_one, NFTW_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool make_folder(struct demo_service *s)
{
	const char *tmp = getenv("TMPDIR");
	s->folder = mem_printf("%s/drover-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(s->folder)) {
		fprintf(stderr, "drover demo: can't make the folder %s: %s\n", s->folder,
			strerror(errno));
		return false;
	}
	s->log = mem_printf("%s/drover.log", s->folder);
	return true;
}

static void forget(struct demo_service *s)
{
	free(s->folder);
	free(s->log);
	free(s->server);
	*s = (struct demo_service){0};
}

/* ---- interruption: a thread waits for the signals, so that it may do what handlers may not ----
 */

static pthread_t watcher;

static void interrupting(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static void stop(const struct demo_service *s)
{
	int status;
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
}

/* The other thread will find the service gone, and need not tell. */
static void be_silent(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

static void *watch(void *arg)
{
	const struct demo_service *s = arg;
	sigset_t set;
	int number;
	interrupting(&set);
	while (sigwait(&set, &number) != 0)
		;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL); /* stop_minding() waits for _exit() */
	fprintf(stderr, "\ndrover demo: interrupted; stopping the service\n");
	be_silent();
	stop(s);
	remove_folder(s->folder);
	_exit(128 + number);
}

static void mind_interrupts(struct demo_service *s)
{
	sigset_t set;
	interrupting(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a closed stdout must not leave the service behind */
	pthread_create(&watcher, NULL, watch, s);
}

static void stop_minding(void)
{
	pthread_cancel(watcher);
	pthread_join(watcher, NULL);
}

/* ---- the process ---- */

/* Reads "listen=A metrics=B\n" from the new service; false when it ended before. */
static bool read_ready(int fd, struct demo_service *s)
{
	CLEANUP_BUF struct buf line = {0};
	char c;
	while (read(fd, &c, 1) == 1 && c != '\n')
		buf_putc(&line, c);
	if (!str_starts(buf_str(&line), STR("listen=")))
		return false;
	const char *end = strchr(line.p, ' ');
	size_t n = end ? (size_t)(end - line.p) - 7 : line.n - 7;
	s->server = mem_printf("http://%.*s", (int)n, line.p + 7);
	return true;
}

/* Signals as a fresh process has them, and a process group of its own: Ctrl-C is ours to mind. */
static void fresh_signals(posix_spawnattr_t *attr)
{
	sigset_t none, pipe_only;
	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &pipe_only);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
					       POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct demo_service *s, const char *workspaces, int ready_fd)
{
	char self[PATH_MAX], fd_text[16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return errno;
	self[n] = '\0';
	snprintf(fd_text, sizeof(fd_text), "%d", ready_fd);
	const char *const argv[] = {
		self,		"serve",     "--data",	    s->folder,	    "--listen",
		"127.0.0.1:0",	"--metrics", "127.0.0.1:0", "--log-format", "json",
		"--workspaces", workspaces,  "--ready-fd",  fd_text,	    NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, s->log,
					 O_CREAT | O_WRONLY | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	fresh_signals(&attr);
	int r = posix_spawn(&s->pid, self, &actions, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

void demo_service_print_log(const struct demo_service *s)
{
	CLEANUP_BUF struct buf text = {0};
	if (document_read(s->log, &text))
		fprintf(stderr, "%s", text.p ? text.p : "");
}

bool demo_service_start(struct demo_service *s, const char *workspaces)
{
	int ready[2];
	*s = (struct demo_service){0};
	if (!make_folder(s)) {
		forget(s);
		return false;
	}
	mind_interrupts(s);
	int r = pipe(ready) == 0 ? 0 : errno;
	bool up = false;
	if (r == 0) {
		fcntl(ready[0], F_SETFD, FD_CLOEXEC);
		r = spawn(s, workspaces, ready[1]);
		close(ready[1]);
		up = r == 0 && read_ready(ready[0], s);
		close(ready[0]);
	}
	if (up)
		return true;
	fprintf(stderr, "drover demo: the service did not start: %s\n",
		r ? strerror(r) : "its log:");
	if (r == 0)
		demo_service_print_log(s);
	demo_service_end(s, false);
	return false;
}

void demo_service_end(struct demo_service *s, bool keep)
{
	stop_minding();
	if (!keep) {
		stop(s);
		remove_folder(s->folder);
	}
	forget(s);
}
