/*
 * demo: the main job from nothing. Starts a service of its own on free ports and a private
 * folder, applies scan-and-notify, runs it, shows what came of it, and ends the service.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "json/write.h"

extern char **environ;

struct demo {
	char *folder; /* private, removed unless kept */
	char *target; /* what is scanned */
	char *log;
	char *server;
	pid_t pid;
};

/* ---- the service ---- */

/* Reads "listen=A metrics=B\n" from the new service; false when it ended before. */
static bool read_ready(int fd, struct demo *d)
{
	CLEANUP_BUF struct buf line = {0};
	char c;
	while (read(fd, &c, 1) == 1 && c != '\n')
		buf_putc(&line, c);
	if (!str_starts(buf_str(&line), STR("listen=")))
		return false;
	const char *end = strchr(line.p, ' ');
	size_t n = end ? (size_t)(end - line.p) - 7 : line.n - 7;
	d->server = mem_printf("http://%.*s", (int)n, line.p + 7);
	return true;
}

static void print_log(const char *path)
{
	CLEANUP_BUF struct buf text = {0};
	if (document_read(path, &text))
		fprintf(stderr, "%s", text.p);
}

/* Interrupted: the service must not outlive the demo. */
static volatile pid_t service_pid;

static void on_interrupt(int number)
{
	if (service_pid > 0) {
		kill(service_pid, SIGTERM);
		waitpid(service_pid, NULL, 0);
	}
	_exit(128 + number);
}

static void mind_interrupts(pid_t pid)
{
	struct sigaction action = {.sa_handler = on_interrupt};
	service_pid = pid;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static bool start_service(struct demo *d)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int ready[2];
	if (n < 0 || pipe(ready) != 0)
		return false;
	self[n] = '\0';
	char fd_text[16];
	snprintf(fd_text, sizeof(fd_text), "%d", ready[1]);
	fcntl(ready[0], F_SETFD, FD_CLOEXEC);
	const char *const argv[] = {self, "serve", "--data", d->folder, "--listen", "127.0.0.1:0",
			      "--metrics", "127.0.0.1:0", "--workspaces", d->target,
			      "--log-format", "json", "--ready-fd", fd_text, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, d->log,
					 O_CREAT | O_WRONLY | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawnattr_t attr;
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	int r = posix_spawn(&d->pid, self, &actions, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(ready[1]);
	mind_interrupts(r == 0 ? d->pid : 0);
	bool up = r == 0 && read_ready(ready[0], d);
	close(ready[0]);
	if (!up) {
		fprintf(stderr, "drover demo: the service did not start:\n");
		print_log(d->log);
	}
	return up;
}

static void stop_service(struct demo *d)
{
	int status;
	if (d->pid <= 0)
		return;
	kill(d->pid, SIGTERM);
	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->pid = 0;
	service_pid = 0;
}

/* Removes the flat private folder: the database's files, the log. */
static void remove_folder(const char *path)
{
	CLEANUP_DIR DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	rmdir(path);
}

/* ---- the workflow ---- */

/* scan-and-notify.yaml next to the program's agents, or installed. */
static bool find_workflow(char ret[PATH_MAX])
{
	static const char *const places[] = {"agents/workflows", "../share/drover/agents/workflows",
					     "../agents/workflows"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(ret, PATH_MAX, "%.2000s/%s/scan-and-notify.yaml", self, places[i]);
		if (access(ret, R_OK) == 0)
			return true;
	}
	fprintf(stderr, "drover demo: scan-and-notify.yaml is not where it should be, near %s\n",
		self);
	return false;
}

static int apply(struct client *c)
{
	char path[PATH_MAX];
	CLEANUP_BUF struct buf text = {0};
	if (!find_workflow(path) || !document_read(path, &text))
		return CLI_FAILED;
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "POST", "/api/workflows?upsert=true", buf_str(&text),
			 document_type(path), &r))
		return CLI_UNREACHABLE;
	return r.status >= 400 ? client_refused(&r, path) : CLI_OK;
}

static int trigger(struct client *c, const struct demo *d, char ret_run[64])
{
	CLEANUP_BUF struct buf body = {0};
	struct json_out o = json_out_to(&body);
	json_out_object(&o);
	json_out_key(&o, "context");
	json_out_object(&o);
	json_out_key(&o, "repositoryPath");
	json_out_strz(&o, d->target);
	json_out_end(&o);
	json_out_end(&o);
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "POST", "/api/workflows/scan-and-notify/trigger", buf_str(&body), NULL,
			 &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	snprintf(ret_run, 64, "%.*s", STR_ARG(print_text(&r.value, "workflowRunId")));
	return CLI_OK;
}

/* The findings of the node `scan`, then the run with its timeline. */
static int show(struct client *c, const char *run)
{
	CLEANUP_BUF struct buf path = {0};
	buf_printf(&path, "/api/runs/%s", run);
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_call(c, "GET", path.p, (struct str){0}, NULL, &r))
		return CLI_UNREACHABLE;
	if (r.status >= 400)
		return client_refused(&r, NULL);
	const struct value *nodes = value_getz(&r.value, "nodes");
	for (uint32_t i = 0; value_is(nodes, VALUE_ARRAY) && i < nodes->n; i++)
		if (str_eqz(print_text(&nodes->items[i], "id"), "scan"))
			print_findings(value_getz(&nodes->items[i], "output"));
	printf("\n");
	print_run(&r.value);
	return CLI_OK;
}

static int play(const struct demo *d)
{
	struct cli_common common;
	cli_common_init(&common);
	common.server = d->server;
	common.token = NULL;
	CLEANUP_CLIENT struct client *c = client_new(&common);
	char run[64];
	int status = apply(c);
	if (status == CLI_OK)
		status = trigger(c, d, run);
	if (status != CLI_OK)
		return status;
	printf("%sscanning %s%s\n", table_bold(), d->target, table_plain());
	status = watch_run(c, &common, str_of(run), true);
	if (status == CLI_UNREACHABLE)
		return status;
	printf("\n");
	int shown = show(c, run);
	return shown == CLI_OK ? status : shown;
}

/* ---- */

static void keep(struct demo *d)
{
	printf("\nThe service is up:\n  export DROVER_SERVER=%s\n  log and database: %s\n"
	       "  stop it with: kill %d\n",
	       d->server, d->folder, (int)d->pid);
}

static int demo_run(int argc, char **argv)
{
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	bool kept = false;
	const struct opt opts[] = {
		{"keep", 'k', OPT_FLAG, &kept, NULL, "leave the service up and say where"}};
	int status;
	if (!cli_parse(&cmd_demo, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 1, &status))
		return status;
	struct demo d = {0};
	CLEANUP_FREE char *target = realpath(rest.n ? rest.items[0] : ".", NULL);
	if (!target) {
		fprintf(stderr, "drover demo: %s: %s\n", rest.n ? rest.items[0] : ".",
			strerror(errno));
		return CLI_USAGE;
	}
	char folder[] = "/tmp/drover-demo-XXXXXX";
	if (!mkdtemp(folder)) {
		fprintf(stderr, "drover demo: %s: %s\n", folder, strerror(errno));
		return CLI_FAILED;
	}
	CLEANUP_FREE char *log = mem_printf("%s/drover.log", folder);
	d.folder = folder;
	d.target = target;
	d.log = log;
	status = start_service(&d) ? play(&d) : CLI_FAILED;
	if (kept && d.pid > 0) {
		keep(&d);
	} else {
		stop_service(&d);
		remove_folder(folder);
	}
	free(d.server);
	return status;
}

const struct command cmd_demo = {"demo", "[PATH] [--keep]",
				 "start a service, scan PATH, show the findings", demo_run};
