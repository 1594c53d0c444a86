#include "daemon/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agents/builtin.h"
#include "agents/manifest.h"
#include "agents/rule.h"
#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/dispatch.h"
#include "daemon/exporter.h"
#include "daemon/register.h"
#include "daemon/retention.h"
#include "daemon/zones.h"
#include "engine/engine.h"
#include "exec/sandbox/sandbox.h"
#include "http/server.h"
#include "store/sqlite/sqlite.h"

struct service {
	const struct config *config;
	struct arena arena; /* the agent roots */
	struct zones zones; /* loop thread */
	char *artifacts;    /* absolute */
	struct agent_roots roots;
	uv_loop_t loop;
	uv_async_t store_wake;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	uv_timer_t tick;
	uv_signal_t term, interrupt;
	int64_t tick_at_ms; /* what the timer is armed for */
	size_t n_approvals_shown, n_unknown_shown;
	size_t n_pending_shown, n_queued_shown;
	uint64_t n_checkpoints_shown;
	size_t n_open_shown; /* what the gauge of open runs says */
	struct store *store;
	struct sandbox *sandbox;
	struct rules *rules;
	struct dispatch *dispatch;
	struct engine *engine;
	struct api *api;
	struct http_server *http;
	struct exporter *exporter;
	struct retention_keeper *keeper;
};

/* ---- the turn ---- */

static void on_tick(uv_timer_t *timer)
{
	struct service *s = timer->data;
	s->tick_at_ms = INT64_MAX;
	engine_tick(s->engine);
}

/* Arms the timer for what the engine waits for. Long waits are cut, so that a clock that was set
 * meanwhile is noticed. */
static void arm_tick(struct service *s)
{
	enum { LONGEST_WAIT_MS = 60000 };
	int64_t due = engine_next_tick(s->engine);
	if (due == s->tick_at_ms)
		return;
	s->tick_at_ms = due;
	if (due == INT64_MAX) {
		uv_timer_stop(&s->tick);
		return;
	}
	int64_t wait = due - clock_wall_ms(clock_system());
	wait = wait < 0 ? 0 : wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
	uv_update_time(&s->loop);
	uv_timer_start(&s->tick, on_tick, (uint64_t)wait, 0);
}

static void show_queues(void *arg, const struct engine_project *p)
{
	struct service *s = arg;
	exporter_set_queues(s->exporter, p->project, (double)p->n_pending_runs,
			    (double)p->n_queued_attempts);
}

static void show_open_runs(struct service *s)
{
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	if (stats.n_pending_approvals != s->n_approvals_shown)
		exporter_set_approvals(s->exporter, (double)stats.n_pending_approvals);
	s->n_approvals_shown = stats.n_pending_approvals;
	if (stats.n_unknown_nodes != s->n_unknown_shown)
		exporter_set_unknown(s->exporter, (double)stats.n_unknown_nodes);
	s->n_unknown_shown = stats.n_unknown_nodes;
	if (stats.n_queued_attempts != s->n_queued_shown ||
	    stats.n_pending_runs != s->n_pending_shown)
		engine_projects(s->engine, show_queues, s);
	s->n_queued_shown = stats.n_queued_attempts;
	if (stats.n_open_runs == s->n_open_shown && stats.n_pending_runs == s->n_pending_shown)
		return;
	s->n_open_shown = stats.n_open_runs;
	s->n_pending_shown = stats.n_pending_runs;
	exporter_set_active(s->exporter, (double)stats.n_pending_runs,
			    (double)(stats.n_open_runs - stats.n_pending_runs));
}

static void show_database(struct service *s)
{
	enum { PAGE_BYTES = 4096 };
	struct sqlite_store_stats stats;
	sqlite_store_stats(s->store, &stats);
	if (stats.n_checkpoints == s->n_checkpoints_shown)
		return;
	s->n_checkpoints_shown = stats.n_checkpoints;
	exporter_set_database(s->exporter, (double)stats.n_pages * PAGE_BYTES,
			      (double)stats.n_free_pages * PAGE_BYTES);
}

static void end_turn(struct service *s)
{
	if (!s->engine)
		return;
	show_open_runs(s);
	show_database(s);
	dispatch_flush_logs(s->dispatch);
	engine_flush(s->engine);
	arm_tick(s);
}

static void on_before_poll(uv_prepare_t *handle)
{
	end_turn(handle->data);
}

static void on_after_poll(uv_check_t *handle)
{
	end_turn(handle->data);
}

static void wake_store(void *arg)
{
	struct service *s = arg;
	uv_async_send(&s->store_wake);
}

static void on_store_wake(uv_async_t *handle)
{
	struct service *s = handle->data;
	if (s->store)
		sqlite_store_drain(s->store);
}

/* ---- from the attempts, and to the watchers ---- */

static void on_attempt_log(void *arg, const struct attempt_id *id, struct str lines,
			   int64_t n_lines)
{
	engine_attempt_log(((struct service *)arg)->engine, id, lines, n_lines);
}

static void on_attempt_started(void *arg, const struct attempt_id *id)
{
	engine_attempt_started(((struct service *)arg)->engine, id);
}

static void on_attempt_alive(void *arg, const struct attempt_id *id)
{
	engine_attempt_alive(((struct service *)arg)->engine, id);
}

static void on_attempt_done(void *arg, const struct attempt_id *id,
			    const struct attempt_result *result)
{
	engine_attempt_done(((struct service *)arg)->engine, id, result);
}

static void on_events(void *arg, struct str run_id, int64_t last_seq)
{
	struct service *s = arg;
	if (s->api)
		api_on_events(s->api, run_id, last_seq);
}

static void on_logs(void *arg, struct str run_id, struct str node_id)
{
	struct service *s = arg;
	if (s->api)
		api_on_logs(s->api, run_id, node_id);
}

/* What went wrong is worth a line; what went well only when asked for. */
static void log_run(const struct run_row *run)
{
	const struct log_field fields[] = {
		LOG_STR("run_id", run->id),
		LOG_STR("project", run->project),
		LOG_STR("workflow", run->workflow_name),
		LOG_Z("status", run_status_name(run->status)),
		LOG_INT("duration_ms", run->finished_ms - run->created_ms),
		LOG_STR("error", run->error),
	};
	bool bad = run->status == RUN_FAILED || run->status == RUN_TIMED_OUT;
	log_write(bad ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "run.finished", fields,
		  ARRAY_LEN(fields) - (run->error.n == 0));
}

static void log_failed_attempt(const struct attempt_row *attempt)
{
	log_event(INFO, "attempt.failed", LOG_STR("run_id", attempt->run_id),
		  LOG_STR("node_id", attempt->node_id), LOG_STR("agent", attempt->agent),
		  LOG_INT("attempt", attempt->attempt), LOG_STR("error", attempt->error));
}

static void on_run_end(void *arg, const struct run_row *run)
{
	struct service *s = arg;
	log_run(run);
	exporter_run_end(s->exporter, run);
	if (s->api)
		api_on_run_end(s->api, run);
}

static void on_attempt_end(void *arg, const struct attempt_row *attempt, const char *error_code)
{
	struct service *s = arg;
	if (error_code)
		log_failed_attempt(attempt);
	exporter_attempt_end(s->exporter, attempt, error_code);
}

static void on_attempt_start(void *arg, struct str project UNUSED, struct str agent UNUSED,
			     int64_t delay_ms)
{
	exporter_attempt_start(((struct service *)arg)->exporter, delay_ms);
}

static void on_retry(void *arg, struct str project UNUSED, struct str agent, const char *reason)
{
	exporter_retry(((struct service *)arg)->exporter, agent, reason);
}

static void on_breaker(void *arg, struct str project, struct str agent, enum breaker_state state,
		       bool opened)
{
	struct service *s = arg;
	exporter_breaker(s->exporter, project, agent, state, opened);
	if (opened)
		log_event(WARN, "breaker.opened", LOG_STR("agent", agent),
			  LOG_STR("project", project));
	else if (state == BREAKER_CLOSED)
		log_event(INFO, "breaker.closed", LOG_STR("agent", agent),
			  LOG_STR("project", project));
}

static void on_approval_end(void *arg, const struct approval_row *approval)
{
	exporter_approval_end(((struct service *)arg)->exporter, approval);
}

static void on_pruned(void *arg, enum retained what, const struct str *run_ids, size_t n)
{
	struct service *s = arg;
	exporter_retention(s->exporter, what, n);
	if (what == RETAINED_RUNS && s->keeper)
		retention_keeper_runs_gone(s->keeper, run_ids, n);
}

static void on_request(void *arg, const char *method, const char *route, int status,
		       int64_t duration_ns)
{
	struct service *s = arg;
	exporter_request(s->exporter, method, route, status, duration_ns);
}

static void on_health(void *arg, struct api_health *health)
{
	struct service *s = arg;
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	if (stats.store_full)
		health->database = "the disk is full";
	const struct sandbox_probe *probe = sandbox_probe(s->sandbox);
	if (!probe->isolated && !probe->unsandboxed)
		health->executor = "agents can't be sandboxed on this machine; see drover doctor";
}

static bool folder_allowed(void *arg, struct str path)
{
	struct service *s = arg;
	CLEANUP_ARENA struct arena a = {0};
	const char *folder;
	return agents_folder_allowed(&a, &s->roots, arena_dup(&a, path.p, path.n), &folder, NULL);
}

static void folder_digest(void *arg UNUSED, struct str path, char ret_hex[SHA256_HEX_BYTES])
{
	CLEANUP_FREE char *folder = mem_dup(path.p, path.n);
	if (manifest_digest(folder, ret_hex) < 0)
		ret_hex[0] = '\0';
}

/* ---- start ---- */

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "drover serve: %s: %s\n", what, why);
	return false;
}

static int make_folders(const char *path)
{
	CLEANUP_FREE char *partial = mem_dupz(path);
	for (char *p = partial + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(partial, 0755) != 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(partial, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

static bool find_roots(struct service *s)
{
	const char *bad = NULL;
	int r = builtin_roots(&s->arena, s->config->agents.items, s->config->agents.n, &s->roots,
			      &bad);
	return r == 0 || complain(bad ? bad : "agents", strerror(-r));
}

static bool open_store(struct service *s)
{
	int r = make_folders(s->config->data);
	if (r < 0)
		return complain(s->config->data, strerror(-r));
	CLEANUP_BUF struct buf error = {0};
	struct sqlite_store_config config = {
		.path = s->config->db + strlen("sqlite:"),
		.wake = wake_store,
		.wake_arg = s,
	};
	r = sqlite_store_open(&config, &s->store, &error);
	return r == 0 || complain(s->config->db, error.n ? error.p : strerror(-r));
}

/* What attempts keep lies beside the database, under a path that holds in every folder. */
static bool find_artifacts(struct service *s)
{
	CLEANUP_FREE char *data = realpath(s->config->data, NULL);
	if (!data)
		return complain(s->config->data, strerror(errno));
	s->artifacts = mem_printf("%s/artifacts", data);
	int r = make_folders(s->artifacts);
	return r == 0 || complain(s->artifacts, strerror(-r));
}

static bool start_loop(struct service *s)
{
	if (uv_loop_init(&s->loop) != 0 || uv_async_init(&s->loop, &s->store_wake, on_store_wake))
		return complain("event loop", strerror(errno));
	uv_prepare_init(&s->loop, &s->before_poll);
	uv_check_init(&s->loop, &s->after_poll);
	uv_timer_init(&s->loop, &s->tick);
	uv_signal_init(&s->loop, &s->term);
	uv_signal_init(&s->loop, &s->interrupt);
	s->store_wake.data = s->before_poll.data = s->after_poll.data = s->tick.data = s;
	s->term.data = s->interrupt.data = s;
	s->tick_at_ms = INT64_MAX;
	uv_prepare_start(&s->before_poll, on_before_poll);
	uv_check_start(&s->after_poll, on_after_poll);
	return true;
}

static bool start_executors(struct service *s)
{
	struct sandbox_config config;
	sandbox_config_init(&config);
	config.allow_unsandboxed = s->config->allow_unsandboxed;
	int r = sandbox_new(&s->loop, &config, &s->sandbox);
	if (r < 0)
		return complain("sandbox", strerror(-r));
	struct rules_config rules = {.loop = &s->loop, .allow_private = s->config->allow_private};
	r = rules_new(&rules, &s->rules);
	if (r < 0)
		return complain("built-in agents", strerror(-r));
	struct dispatch_config dispatch = {
		.sandbox = s->sandbox,
		.rules = s->rules,
		.workspaces = &s->config->workspaces,
		.artifacts = s->artifacts,
		.loop = &s->loop,
		.arg = s,
		.on_started = on_attempt_started,
		.on_alive = on_attempt_alive,
		.on_log = on_attempt_log,
		.on_done = on_attempt_done,
	};
	s->dispatch = dispatch_new(&dispatch);
	return true;
}

static bool start_engine(struct service *s)
{
	struct engine_config config = {
		.clock = clock_system(),
		.store = s->store,
		.executor = dispatch_executor(s->dispatch),
		.max_scripts = (size_t)s->config->max_scripts,
		.extra_scripts = (size_t)s->config->extra_scripts,
		.max_open_runs = (size_t)s->config->max_open_runs,
		.max_project_open = (size_t)s->config->max_project_open_runs,
		.max_running = (size_t)s->config->max_running_runs,
		.max_project_running = (size_t)s->config->max_project_running_runs,
		.zone_get = zones_get,
		.zone_arg = &s->zones,
		.watcher = s,
		.on_events = on_events,
		.on_logs = on_logs,
		.on_run_end = on_run_end,
		.on_attempt_end = on_attempt_end,
		.on_approval_end = on_approval_end,
		.on_pruned = on_pruned,
		.on_attempt_start = on_attempt_start,
		.on_retry = on_retry,
		.on_breaker = on_breaker,
	};
	memcpy(config.retention_ms, s->config->retention_ms, sizeof(config.retention_ms));
	int r = engine_new(&config, &s->engine);
	if (r < 0)
		return complain("recovery", strerror(-r));
	register_agents(s->engine, &s->loop, &s->roots);
	return true;
}

static bool start_http(struct service *s)
{
	struct api_config config = {
		.loop = &s->loop,
		.engine = s->engine,
		.store = s->store,
		.service = "drover",
		.version = DROVER_VERSION,
		.artifacts = s->artifacts,
		.arg = s,
		.folder_allowed = folder_allowed,
		.folder_digest = folder_digest,
		.health = on_health,
		.request_done = on_request,
	};
	int r = api_new(&config, &s->api);
	if (r < 0)
		return complain("api", strerror(-r));
	CLEANUP_BUF struct buf error = {0};
	struct http_config http = {
		.listen = s->config->listen,
		.arg = s->api,
		.handle = api_handle,
		.headers = api_headers,
	};
	if (http_server_new(&http, &error, &s->http) < 0)
		return complain("listen", error.p ? error.p : s->config->listen);
	if (strcmp(s->config->metrics, "off") != 0 &&
	    exporter_listen(s->exporter, s->config->metrics, &error) < 0)
		return complain("metrics", error.p ? error.p : s->config->metrics);
	return true;
}

static bool start_keeper(struct service *s)
{
	struct retention_keeper_config config = {
		.loop = &s->loop,
		.store = s->store,
		.engine = s->engine,
		.exporter = s->exporter,
		.artifacts = s->artifacts,
	};
	int r = retention_keeper_new(&config, &s->keeper);
	return r == 0 || complain("retention", strerror(-r));
}

/* ---- end ---- */

static void on_signal(uv_signal_t *handle, int number)
{
	struct service *s = handle->data;
	log_event(INFO, "service.stopping", LOG_Z("signal", number == SIGTERM ? "TERM" : "INT"));
	uv_stop(&s->loop);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* In the order that api.h gives; nothing of it may be missing or be there. */
static void stop(struct service *s)
{
	if (s->http)
		http_server_stop(s->http);
	if (s->api)
		api_close(s->api);
	retention_keeper_close(s->keeper);
	s->keeper = NULL;
	if (s->sandbox)
		sandbox_free(s->sandbox);
	if (s->rules)
		rules_free(s->rules);
	if (s->engine)
		end_turn(s);
	if (s->store)
		s->store->ops->free(s->store);
	s->store = NULL;
	engine_free(s->engine);
	zones_fini(&s->zones);
	s->engine = NULL;
	dispatch_free(s->dispatch);
	uv_handle_t *own[] = {(uv_handle_t *)&s->store_wake, (uv_handle_t *)&s->before_poll,
			      (uv_handle_t *)&s->after_poll, (uv_handle_t *)&s->tick,
			      (uv_handle_t *)&s->term,	     (uv_handle_t *)&s->interrupt};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (own[i]->data)
			close_handle(own[i], NULL);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
	if (s->http)
		http_server_free(s->http);
	if (s->api)
		api_free(s->api);
	exporter_free(s->exporter);
	arena_free(&s->arena);
	free(s->artifacts);
}

static void tell_ready(const struct service *s)
{
	const char *metrics = exporter_address(s->exporter);
	log_event(INFO, "service.ready", LOG_Z("version", DROVER_VERSION),
		  LOG_Z("listen", http_server_address(s->http)), LOG_Z("metrics", metrics),
		  LOG_Z("db", s->config->db), LOG_BOOL("auth", false));
	if (s->config->ready_fd < 0)
		return;
	CLEANUP_FREE char *line =
		mem_printf("listen=%s metrics=%s\n", http_server_address(s->http), metrics);
	ssize_t r = write((int)s->config->ready_fd, line, strlen(line));
	(void)r;
	close((int)s->config->ready_fd);
}

/* A thousand listeners need more descriptors than the usual soft limit. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
	       strncmp(address, "localhost:", 10) == 0;
}

/* There is no authentication yet, so only this machine may reach it unless told otherwise. */
static bool may_listen(const struct config *c)
{
	if (c->insecure_listen || loopback(c->listen))
		return true;
	return complain(c->listen, "refuses to listen beyond loopback without authentication; "
				   "--insecure-listen overrides");
}

int service_run(const struct config *config)
{
	enum log_level level = LOG_LEVEL_INFO;
	log_level_parse(str_of(config->log), &level);
	bool human = strcmp(config->log_format, "text") == 0 ||
		     (strcmp(config->log_format, "auto") == 0 && isatty(STDERR_FILENO));
	log_setup(level, human);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	struct service s = {
		.config = config,
		.exporter = exporter_new(),
		.n_checkpoints_shown = UINT64_MAX,
	};
	bool up = may_listen(config) && find_roots(&s) && start_loop(&s) && open_store(&s) &&
		  find_artifacts(&s) && start_executors(&s) && start_engine(&s) &&
		  start_keeper(&s) && start_http(&s);
	if (up) {
		uv_signal_start(&s.term, on_signal, SIGTERM);
		uv_signal_start(&s.interrupt, on_signal, SIGINT);
		tell_ready(&s);
		uv_run(&s.loop, UV_RUN_DEFAULT);
	}
	stop(&s);
	if (up)
		log_event(INFO, "service.stopped", LOG_INT("status", 0));
	return up ? 0 : 1;
}
