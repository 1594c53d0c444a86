/*
 * Runs as root and, with DROVER_TEST_USER=nobody, as an ordinary user without control groups.
 * The agent is probe.c, copied into a folder of its own.
 */
#include "exec/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "exec/supervisor/wire.h"
#include "tap.h"

struct world {
	uv_loop_t loop;
	struct sandbox *sandbox;
	struct sandbox_attempt *attempt;
	struct sandbox_result result;
	char code[64], message[512];
	struct buf output, log;
	int n_started, n_alive;
	int n_done, n_up, stop_when_up; /* 1 + reason: stop the attempt at its line "up" */
	char folder[64], workspace[80], artifacts[80];
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	return remove(path);
}

static void on_line(void *arg, struct str line, bool truncated)
{
	struct world *w = arg;
	if (w->log.n < 1 << 20) {
		buf_put_str(&w->log, line);
		buf_puts(&w->log, truncated ? "$\n" : "\n");
	}
	if (!str_eqz(line, "up"))
		return;
	w->n_up++;
	if (w->stop_when_up)
		sandbox_stop(w->attempt, (enum sandbox_stop_reason)(w->stop_when_up - 1));
}

static void on_done(void *arg, const struct sandbox_result *r)
{
	struct world *w = arg;
	w->result = *r;
	snprintf(w->code, sizeof(w->code), "%s", r->code ? r->code : "");
	snprintf(w->message, sizeof(w->message), "%s", r->message);
	buf_clear(&w->output);
	buf_put_str(&w->output, r->output);
	w->n_done++;
}

static void on_started(void *arg)
{
	((struct world *)arg)->n_started++;
}

static void on_alive(void *arg)
{
	((struct world *)arg)->n_alive++;
}

static const struct sandbox_callbacks callbacks = {
	.on_started = on_started,
	.on_alive = on_alive,
	.on_log_line = on_line,
	.on_done = on_done,
};

static void world_fini(struct world *w)
{
	sandbox_free(w->sandbox);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	uv_loop_close(&w->loop);
	buf_free(&w->output);
	buf_free(&w->log);
	nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
#define CLEANUP_WORLD CLEANUP(world_fini)

static bool copy_probe(const char *folder)
{
	char to[128], block[65536];
	snprintf(to, sizeof(to), "%s/probe", folder);
	CLEANUP_FD int in = open(getenv("DROVER_PROBE"), O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n;
	while ((n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n)
			return false;
	return n == 0;
}

static bool world_init_with(struct world *w, const struct sandbox_config *c)
{
	umask(022);
	strcpy(w->folder, "/tmp/sandbox-XXXXXX");
	uv_loop_init(&w->loop);
	if (!mkdtemp(w->folder) || chmod(w->folder, 0755) || !copy_probe(w->folder))
		return false;
	snprintf(w->workspace, sizeof(w->workspace), "%s/workspace", w->folder);
	snprintf(w->artifacts, sizeof(w->artifacts), "%s/artifacts", w->folder);
	return mkdir(w->workspace, 0755) == 0 && mkdir(w->artifacts, 0755) == 0 &&
	       sandbox_new(&w->loop, c, &w->sandbox) == 0;
}

static bool world_init(struct world *w)
{
	struct sandbox_config c;
	sandbox_config_init(&c);
	return world_init_with(w, &c);
}

/* "./probe WHAT", at most ten seconds. */
static struct sandbox_spec probe_spec(struct world *w, const char *const *argv)
{
	struct sandbox_spec s;
	sandbox_spec_init(&s);
	s.argv = argv;
	s.agent_folder = w->folder;
	s.timeout_ms = 10000;
	s.limits.memory_bytes = 128 << 20;
	s.limits.tmp_bytes = 8 << 20;
	s.limits.pids = 32;
	return s;
}
#define PROBE(...) probe_spec(&w, (const char *const[]){"./probe", __VA_ARGS__, NULL})

static void run(struct world *w, const struct sandbox_spec *spec)
{
	int n = w->n_done;
	buf_clear(&w->log);
	w->attempt = sandbox_start(w->sandbox, spec, &callbacks, w);
	while (w->n_done == n)
		uv_run(&w->loop, UV_RUN_ONCE);
}

static const char *text(const struct buf *b)
{
	return b->p ? b->p : "";
}

/* How many processes have the text in their command line; their pidfds when asked. */
static int find_processes(const char *marker, int *fds, int cap)
{
	CLEANUP_DIR DIR *d = opendir("/proc");
	int n = 0;
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[300], line[4096] = {0};
		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
		bool found = false;
		for (char *at = line; at < line + got; at += strlen(at) + 1)
			found = found || strcmp(at, marker) == 0;
		if (!found)
			continue;
		if (n < cap)
			fds[n] =
				(int)syscall(SYS_pidfd_open, (pid_t)strtol(e->d_name, NULL, 10), 0);
		n++;
	}
	return n;
}

static int count_fds(void)
{
	CLEANUP_DIR DIR *d = opendir("/proc/self/fd");
	int n = 0;
	while (d && readdir(d))
		n++;
	return n;
}

/* The supervisor's descriptors: it is the only child. */
static int count_supervisor_fds(void)
{
	char path[64], pid[32] = {0};
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	CLEANUP_FILE FILE *f = fopen(path, "r");
	if (!f || !fgets(pid, sizeof(pid), f))
		return -1;
	snprintf(path, sizeof(path), "/proc/%ld/fd", strtol(pid, NULL, 10));
	CLEANUP_DIR DIR *d = opendir(path);
	int n = 0;
	while (d && readdir(d))
		n++;
	return d ? n : -1;
}

static int count_groups(const char *part)
{
	CLEANUP_DIR DIR *d = opendir("/sys/fs/cgroup/pids");
	int n = 0;
	for (struct dirent *e; d && (e = readdir(d));)
		n += strncmp(e->d_name, part, strlen(part)) == 0;
	return n;
}

static bool by_cgroup(const struct world *w)
{
	enum sandbox_means m = sandbox_probe(w->sandbox)->memory;
	return m == SANDBOX_MEANS_CGROUP1 || m == SANDBOX_MEANS_CGROUP2;
}

TEST(a_program_gets_its_input_and_gives_output_log_and_status)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = probe_spec(&w, (const char *[]){"/bin/true", NULL});
	run(&w, &spec);
	CHECK_Z(w.message, "");
	CHECK_Z(w.code, "");
	CHECK(w.result.sandboxed);
	spec.argv = (const char *[]){"sh", "-c",
				     "cat; cat /dev/stdin; pwd; echo $A $HOME $LANG; "
				     "echo line > /dev/stderr; exit 3",
				     NULL};
	spec.env = (const char *[]){"A=b", "LANG=de", NULL};
	spec.stdin_bytes = STR("hello\n");
	run(&w, &spec);
	CHECK_Z(w.code, "exit_3");
	CHECK_INT(w.result.exit_status, 3);
	CHECK_Z(text(&w.output), "hello\nhello\n/agent\nb /tmp de\n");
	CHECK_Z(text(&w.log), "line\n");
	CHECK(w.result.finished_mono_ns > w.result.started_mono_ns);
}

TEST(that_its_program_runs_and_that_it_writes_is_told)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = probe_spec(
		&w, (const char *[]){"/bin/sh", "-c", "sleep 0.1; printf x >&2; sleep 0.1", NULL});
	run(&w, &spec);
	CHECK_INT(w.n_started, 1);
	CHECK_INT(w.n_alive, 1); /* a byte that makes no line yet */
	spec = probe_spec(&w, (const char *[]){"/no/such/program", NULL});
	run(&w, &spec);
	CHECK_INT(w.n_started, 1);
	CHECK_Z(w.code, "exit_127");
}

TEST(common_programs_work_inside)
{
	CLEANUP_WORLD struct world w = {0};
	if (access("/usr/bin/python3", X_OK))
		SKIP("no python3");
	CHECK(world_init(&w));
	static const char script[] =
		"import subprocess, threading, tempfile, multiprocessing, socket, ssl, sqlite3, "
		"os\n"
		"t = threading.Thread(target=lambda: None); t.start(); t.join()\n"
		"with tempfile.NamedTemporaryFile() as f: f.write(b'x'); f.flush(); "
		"os.fsync(f.fileno())\n"
		"with multiprocessing.Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]\n"
		"a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'\n"
		"ssl.create_default_context(); sqlite3.connect('/tmp/db').execute('create table "
		"t(a)')\n"
		"out = subprocess.run(['sh', '-c', 'ls / | sort | head -1; awk \"BEGIN{print "
		"1+1}\"'],"
		" capture_output=True, text=True, check=True).stdout\n"
		"print(out.split(), os.getuid(), open('/dev/stdin').read())\n";
	struct sandbox_spec spec = probe_spec(&w, (const char *[]){"python3", "-c", script, NULL});
	spec.stdin_bytes = STR("in");
	run(&w, &spec);
	CHECK_Z(text(&w.log), "");
	CHECK_Z(w.message, "");
	CHECK_Z(text(&w.output), "['agent', '2'] 1000 in\n");
}

TEST(folders_are_where_the_contract_says)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = probe_spec(
		&w, (const char *[]){"sh", "-c",
				     "ls /agent; echo $DROVER_WORKSPACE $DROVER_ARTIFACTS; "
				     "echo x > $DROVER_ARTIFACTS/made; echo x > /workspace/no",
				     NULL});
	spec.workspace_folder = w.workspace;
	spec.artifacts_folder = w.artifacts;
	run(&w, &spec);
	CHECK_Z(w.code, "exit_2");
	CHECK_Z(text(&w.output), "artifacts\nprobe\nworkspace\n/workspace /artifacts\n");
	CHECK(strstr(text(&w.log), "Read-only"));
	char path[128];
	snprintf(path, sizeof(path), "%s/made", w.artifacts);
	CHECK_INT(access(path, R_OK), 0);
}

TEST(a_folder_exchanged_after_it_was_judged_is_not_mounted)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = probe_spec(&w, (const char *[]){"/bin/true", NULL});
	CLEANUP_FD int judged = open(w.workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(rmdir(w.workspace), 0);
	CHECK_INT(symlink("/root", w.workspace), 0);
	spec.workspace_folder = w.workspace;
	spec.workspace_fd = judged;
	run(&w, &spec);
	CHECK_Z(w.code, "sandbox");
	unlink(w.workspace);
	spec.workspace_fd = -1;
	run(&w, &spec);
	CHECK_Z(w.code, "sandbox");
	CHECK(strstr(w.message, "No such file"));
}

static int listen_tcp(int *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(in);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&in, n) || listen(s, 1) ||
	    getsockname(s, (struct sockaddr *)&in, &n))
		return -1;
	*ret_port = ntohs(in.sin_port);
	return s;
}

static int listen_abstract(const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s", name);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	return bind(s, (struct sockaddr *)&un, n) || listen(s, 1) ? -1 : s;
}

TEST(no_attack_gets_out)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	char port_text[16], name[64];
	int port = 0;
	snprintf(name, sizeof(name), "drover-test-%d", (int)getpid());
	CLEANUP_FD int tcp = listen_tcp(&port);
	CLEANUP_FD int unix_socket = listen_abstract(name);
	/* a descriptor without close-on-exec must not come through either */
	CLEANUP_FD int leak = open("/etc/passwd", O_RDONLY);
	CHECK(tcp >= 0 && unix_socket >= 0 && leak >= 0);
	snprintf(port_text, sizeof(port_text), "%d", port);
	struct sandbox_spec spec = PROBE("attack", w.folder, port_text, name);
	spec.workspace_folder = w.workspace;
	run(&w, &spec);
	char *open_line = strstr(text(&w.output), "OPEN");
	if (open_line)
		tap_fail(t, __FILE__, __LINE__, "%.80s", open_line);
	CHECK_Z(w.message, "");
	CHECK(strstr(text(&w.output), "all tried"));
}

TEST(a_fork_bomb_ends_as_pids)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("forks");
	spec.timeout_ms = by_cgroup(&w) ? 10000 : 500;
	run(&w, &spec);
	CHECK_Z(w.code, "pids");
	CHECK((w.result.finished_mono_ns - w.result.started_mono_ns) / 1000000 < 5000);
	struct sandbox_spec ends = PROBE("forks-and-ends");
	run(&w, &ends);
	CHECK_Z(w.code, "pids");
}

TEST(a_memory_bomb_ends_as_oom)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("memory");
	run(&w, &spec);
	CHECK_Z(w.code, "oom");
	CHECK(w.result.memory_peak_bytes > 64 << 20);
}

TEST(tmp_is_private_and_limited_in_bytes_and_files)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("fill", "/tmp/x");
	for (int i = 0; i < 2; i++) {
		run(&w, &spec);
		CHECK_Z(w.code, "");
		CHECK_Z(text(&w.output), "8388608 No space left on device\n");
	}
	struct sandbox_spec files = PROBE("files");
	run(&w, &files);
	CHECK_Z(w.code, "");
	CHECK_Z(text(&w.output), "stopped\n");
}

TEST(a_file_over_its_limit_ends_the_agent_by_a_signal)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("fill", "/artifacts/x");
	spec.artifacts_folder = w.artifacts;
	spec.limits.file_size_bytes = 1 << 20;
	run(&w, &spec);
	CHECK_Z(w.code, "signal_25");
}

TEST(output_over_its_limit_ends_as_output_too_large)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("prints");
	spec.limits.output_bytes = 1 << 20;
	run(&w, &spec);
	CHECK_Z(w.code, "output_too_large");
	CHECK_INT(w.output.n, 1 << 20);
}

TEST(endless_log_without_line_ends_is_bounded_until_the_time_is_up)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("logs");
	spec.timeout_ms = 200;
	run(&w, &spec);
	CHECK_Z(w.code, "timeout");
	CHECK(w.log.n < 1 << 16);
	CHECK(w.result.n_log_bytes_dropped > 1 << 20);
}

TEST(long_lines_are_cut_and_the_last_one_counts)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("lines");
	run(&w, &spec);
	CHECK_Z(w.code, "");
	CHECK_INT(w.result.n_log_lines, 3);
	CHECK(strstr(text(&w.log), "y$\nshort\nlast\n"));
}

TEST(an_agent_that_ignores_term_is_killed_after_the_grace)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("stubborn");
	spec.grace_ms = 150;
	w.stop_when_up = 1 + SANDBOX_STOP_CANCEL;
	run(&w, &spec);
	CHECK_Z(w.code, "cancelled");
	int64_t ms = (w.result.finished_mono_ns - w.result.started_mono_ns) / 1000000;
	CHECK(ms >= 150 && ms < 9000);
}

TEST(an_agent_gets_term_first)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("polite");
	w.stop_when_up = 1 + SANDBOX_STOP_TIMEOUT;
	run(&w, &spec);
	CHECK_Z(w.code, "timeout");
	CHECK_Z(text(&w.log), "up\ntermed\n");
	int64_t ms = (w.result.finished_mono_ns - w.result.started_mono_ns) / 1000000;
	CHECK(ms < 4000);
}

TEST(the_time_limit_is_kept)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("stubborn");
	spec.timeout_ms = 200;
	spec.grace_ms = 0;
	run(&w, &spec);
	CHECK_Z(w.code, "timeout");
	int64_t ms = (w.result.finished_mono_ns - w.result.started_mono_ns) / 1000000;
	CHECK(ms >= 199 && ms < 5000);
}

TEST(a_daemonised_process_ends_with_its_agent)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	char marker[64];
	snprintf(marker, sizeof(marker), "daemon-marker-%d", (int)getpid());
	struct sandbox_spec spec = PROBE("daemon", marker);
	run(&w, &spec);
	CHECK_Z(w.code, "");
	CHECK_INT(find_processes(marker, NULL, 0), 0);
}

TEST(closed_streams_and_unread_input_do_no_harm)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	CLEANUP_FREE char *big = mem_new0(32 << 20);
	struct sandbox_spec spec = PROBE("closes");
	spec.stdin_bytes = str_n(big, 32 << 20);
	run(&w, &spec);
	CHECK_Z(w.code, "");
	struct sandbox_spec reads = PROBE("reads");
	reads.stdin_bytes = spec.stdin_bytes;
	run(&w, &reads);
	CHECK_Z(w.code, "");
	CHECK_Z(text(&w.output), "33554432\n");
}

TEST(every_end_has_its_code)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec later = PROBE("exits", "75"), aborts = PROBE("aborts");
	run(&w, &later);
	CHECK_Z(w.code, "exit_75");
	CHECK(w.result.retry_later);
	run(&w, &aborts);
	CHECK_Z(w.code, "signal_6");
	CHECK_INT(w.result.exit_status, -1);
	struct sandbox_spec none = probe_spec(&w, (const char *[]){"./absent", NULL});
	run(&w, &none);
	CHECK_Z(w.code, "exit_127");
	CHECK(strstr(w.message, "./absent"));
	struct sandbox_spec folder = probe_spec(&w, (const char *[]){"/usr", NULL});
	run(&w, &folder);
	CHECK_Z(w.code, "exit_126");
}

TEST(too_large_a_command_is_refused_with_a_reason)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	CLEANUP_FREE char *big = mem_new0(200000);
	memset(big, 'a', 199999);
	struct sandbox_spec spec = PROBE("exits", "0", big);
	run(&w, &spec);
	CHECK_Z(w.code, "sandbox");
	CHECK(strstr(w.message, "too large"));
}

TEST(used_time_is_measured)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("burn");
	run(&w, &spec);
	CHECK_Z(w.code, "");
	CHECK(w.result.cpu_usec > 10000);
}

TEST(many_at_once_all_end_and_nothing_is_left)
{
	CLEANUP_WORLD struct world w = {0};
	int before = count_fds();
	CHECK(world_init(&w));
	struct sandbox_spec spec = PROBE("exits", "0"), bare = spec;
	bare.agent_folder = NULL;
	bare.argv = (const char *[]){"/bin/true", NULL};
	for (int i = 0; i < 60; i++) /* the supervisor must forget those without folders */
		run(&w, &bare);
	CHECK_Z(w.code, "");
	CHECK(count_supervisor_fds() < 50);
	w.n_done = 0;
	for (int i = 0; i < 40; i++)
		sandbox_start(w.sandbox, &spec, &callbacks, &w);
	while (w.n_done < 40)
		uv_run(&w.loop, UV_RUN_ONCE);
	CHECK_Z(w.code, "");
	sandbox_free(w.sandbox);
	w.sandbox = NULL;
	uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK_INT(uv_loop_close(&w.loop), 0);
	CHECK_INT(count_fds(), before);
	char group[64];
	snprintf(group, sizeof(group), "drover-%d-", (int)getpid());
	CHECK_INT(count_groups(group), 0);
	uv_loop_init(&w.loop);
}

/* The k-th way of making a sandbox fails, for every k. */
TEST(every_failing_step_ends_as_sandbox_with_its_reason)
{
	log_setup(LOG_LEVEL_OFF, false);
	bool privileged = geteuid() == 0;
	for (int step = STEP_NONE + 1; step < N_STEPS; step++) {
		if ((step == STEP_USERNS && privileged) || step == STEP_OPEN_FOLDER ||
		    step == STEP_FOLDER_CHANGED)
			continue; /* not taken here, or in tests of their own */
		CLEANUP_WORLD struct world w = {0};
		struct sandbox_config c;
		sandbox_config_init(&c);
		c.test_fail_step = step;
		int before = count_fds();
		CHECK(world_init_with(&w, &c));
		struct sandbox_spec spec = PROBE("exits", "0");
		run(&w, &spec);
		if (strcmp(w.code, "sandbox") != 0 ||
		    !strstr(w.message, wire_step_text((enum wire_step)step)))
			tap_fail(t, __FILE__, __LINE__, "step %d: %s: %s", step, w.code, w.message);
		sandbox_free(w.sandbox);
		w.sandbox = NULL;
		uv_run(&w.loop, UV_RUN_DEFAULT);
		uv_loop_close(&w.loop);
		if (count_fds() != before)
			tap_fail(t, __FILE__, __LINE__, "step %d: descriptors are left", step);
		uv_loop_init(&w.loop);
		CHECK_GOOD();
	}
	log_setup(LOG_LEVEL_INFO, false);
}

TEST(a_dead_supervisor_fails_its_attempts_and_is_started_anew)
{
	CLEANUP_WORLD struct world w = {0};
	log_setup(LOG_LEVEL_OFF, false);
	CHECK(world_init(&w));
	char path[64], pids[256] = {0};
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	CLEANUP_FILE FILE *f = fopen(path, "r");
	CHECK(f && fgets(pids, sizeof(pids), f));
	struct sandbox_spec spec = PROBE("stubborn");
	w.attempt = sandbox_start(w.sandbox, &spec, &callbacks, &w);
	while (w.n_up < 1)
		uv_run(&w.loop, UV_RUN_ONCE);
	for (char *at = pids, *end;
	     (kill((pid_t)strtol(at, &end, 10), SIGKILL), *end == ' ' && end[1]);)
		at = end;
	while (w.n_done < 1)
		uv_run(&w.loop, UV_RUN_ONCE);
	CHECK_Z(w.code, "sandbox");
	struct sandbox_spec good = PROBE("exits", "0");
	for (int i = 0; i < 4 && (i == 0 || *w.code); i++)
		run(&w, &good);
	CHECK_Z(w.message, "");
	CHECK_Z(w.code, "");
	log_setup(LOG_LEVEL_INFO, false);
}

/* The process that is killed: three attempts that do not want to end. */
static void be_victim(const char *marker, int say_up)
{
	struct world w = {0};
	if (!world_init(&w))
		_exit(1);
	struct sandbox_spec specs[] = {PROBE("stubborn", marker), PROBE("daemon-stays", marker),
				       PROBE("polite", marker)};
	for (int i = 0; i < 3; i++)
		sandbox_start(w.sandbox, &specs[i], &callbacks, &w);
	while (w.n_up < 4)
		uv_run(&w.loop, UV_RUN_ONCE);
	if (write(say_up, w.folder, strlen(w.folder)) > 0)
		pause();
	_exit(1);
}

TEST(nothing_outlives_a_drover_that_is_killed)
{
	char marker[64], group[64], folder[64] = {0};
	int up[2], fds[64];
	snprintf(marker, sizeof(marker), "victim-marker-%d", (int)getpid());
	CHECK_INT(pipe2(up, O_CLOEXEC), 0);
	pid_t victim = fork();
	if (victim == 0)
		be_victim(marker, up[1]);
	close(up[1]);
	CHECK(read(up[0], folder, sizeof(folder) - 1) > 0);
	close(up[0]);
	int n = find_processes(marker, fds, 64);
	CHECK(n >= 4 && n <= 64);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	for (int i = 0; i < n; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};
		CHECK_INT(poll(&p, 1, 10000), 1);
		close(fds[i]);
	}
	CHECK_INT(find_processes(marker, NULL, 0), 0);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	/* the next drover sweeps the groups away */
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	snprintf(group, sizeof(group), "drover-%d-", (int)victim);
	CHECK_INT(count_groups(group), 0);
}

TEST(freeing_kills_what_still_runs)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK(world_init(&w));
	char marker[64];
	snprintf(marker, sizeof(marker), "free-marker-%d", (int)getpid());
	struct sandbox_spec spec = PROBE("stubborn", marker);
	w.attempt = sandbox_start(w.sandbox, &spec, &callbacks, &w);
	while (w.n_up < 1)
		uv_run(&w.loop, UV_RUN_ONCE);
	sandbox_free(w.sandbox);
	w.sandbox = NULL;
	CHECK_INT(find_processes(marker, NULL, 0), 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK_INT(w.n_done, 0);
}

TEST(limits_hold_without_control_groups)
{
	CLEANUP_WORLD struct world w = {0};
	struct sandbox_config c;
	sandbox_config_init(&c);
	c.no_cgroups = true;
	log_setup(LOG_LEVEL_OFF, false);
	CHECK(world_init_with(&w, &c));
	log_setup(LOG_LEVEL_INFO, false);
	CHECK_INT(sandbox_probe(w.sandbox)->memory, SANDBOX_MEANS_RLIMIT);
	struct sandbox_spec memory = PROBE("memory"), forks = PROBE("forks-and-ends");
	run(&w, &memory);
	CHECK_Z(w.code, "oom");
	run(&w, &forks);
	CHECK_Z(w.code, "pids");
}

TEST(where_the_kernel_refuses_agents_run_only_when_allowed_and_marked)
{
	CLEANUP_WORLD struct world w = {0};
	struct sandbox_config c;
	char marker[64];
	sandbox_config_init(&c);
	c.allow_unsandboxed = true;
	c.test_fail_step = STEP_MOUNTNS; /* plain mode has no such step */
	log_setup(LOG_LEVEL_OFF, false);
	CHECK(world_init_with(&w, &c));
	log_setup(LOG_LEVEL_INFO, false);
	CHECK(sandbox_probe(w.sandbox)->unsandboxed);
	struct sandbox_spec spec = probe_spec(
		&w, (const char *[]){"sh", "-c", "pwd; echo x > $DROVER_ARTIFACTS/y", NULL});
	spec.artifacts_folder = w.artifacts;
	run(&w, &spec);
	CHECK_Z(w.message, "");
	CHECK(!w.result.sandboxed);
	CHECK(strncmp(text(&w.output), w.folder, strlen(w.folder)) == 0);
	/* even so, nothing is left */
	snprintf(marker, sizeof(marker), "plain-marker-%d", (int)getpid());
	struct sandbox_spec daemon = PROBE("daemon", marker);
	run(&w, &daemon);
	CHECK_Z(w.code, "");
	CHECK_INT(find_processes(marker, NULL, 0), 0);
	struct sandbox_spec stubborn = PROBE("stubborn", marker);
	stubborn.grace_ms = 50;
	w.stop_when_up = 1 + SANDBOX_STOP_CANCEL;
	run(&w, &stubborn);
	CHECK_Z(w.code, "cancelled");
	CHECK_INT(find_processes(marker, NULL, 0), 0);
}

TEST(the_probe_reads_well)
{
	CLEANUP_WORLD struct world w = {0};
	CLEANUP_BUF struct buf b = {0};
	CHECK(world_init(&w));
	sandbox_probe_text(w.sandbox, &b);
	CHECK(strstr(b.p, "isolation  namespaces, system call filter, no capabilities\n"));
	CHECK(strstr(b.p, by_cgroup(&w) ? "memory     control group" : "memory     rlimit"));
}

/* What libuv opens once for the process must not count as left behind. */
static void __attribute__((constructor)) warm_up(void)
{
	uv_loop_t loop;
	uv_loop_init(&loop);
	uv_loop_close(&loop);
}

/* Before main: becomes the ordinary user that DROVER_TEST_USER asks for. */
static void __attribute__((constructor)) become_user(void)
{
	const char *user = getenv("DROVER_TEST_USER");
	if (!user || !*user || geteuid() != 0)
		return;
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(99);
	prctl(PR_SET_DUMPABLE, 1);
}

TAP_MAIN(RUN(a_program_gets_its_input_and_gives_output_log_and_status),
	 RUN(that_its_program_runs_and_that_it_writes_is_told), RUN(common_programs_work_inside),
	 RUN(folders_are_where_the_contract_says),
	 RUN(a_folder_exchanged_after_it_was_judged_is_not_mounted), RUN(no_attack_gets_out),
	 RUN(a_fork_bomb_ends_as_pids), RUN(a_memory_bomb_ends_as_oom),
	 RUN(tmp_is_private_and_limited_in_bytes_and_files),
	 RUN(a_file_over_its_limit_ends_the_agent_by_a_signal),
	 RUN(output_over_its_limit_ends_as_output_too_large),
	 RUN(endless_log_without_line_ends_is_bounded_until_the_time_is_up),
	 RUN(long_lines_are_cut_and_the_last_one_counts),
	 RUN(an_agent_that_ignores_term_is_killed_after_the_grace), RUN(an_agent_gets_term_first),
	 RUN(the_time_limit_is_kept), RUN(a_daemonised_process_ends_with_its_agent),
	 RUN(closed_streams_and_unread_input_do_no_harm), RUN(every_end_has_its_code),
	 RUN(too_large_a_command_is_refused_with_a_reason), RUN(used_time_is_measured),
	 RUN(many_at_once_all_end_and_nothing_is_left),
	 RUN(every_failing_step_ends_as_sandbox_with_its_reason),
	 RUN(a_dead_supervisor_fails_its_attempts_and_is_started_anew),
	 RUN(nothing_outlives_a_drover_that_is_killed), RUN(freeing_kills_what_still_runs),
	 RUN(limits_hold_without_control_groups),
	 RUN(where_the_kernel_refuses_agents_run_only_when_allowed_and_marked),
	 RUN(the_probe_reads_well))
