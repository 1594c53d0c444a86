#include "daemon/exporter.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "daemon/process_stats.h"
#include "http/server.h"
#include "json/parse.h"
#include "obs/metrics.h"

struct exporter {
	struct metrics *metrics;
	struct http_server *server;
	struct metric *http_ms, *http_seconds;
	struct metric *runs, *run_seconds, *active, *queued_runs, *queued_attempts;
	struct metric *process[10];
	struct metric *retention, *database_bytes, *database_free_bytes;
	struct metric *attempts, *attempt_seconds, *attempt_errors, *attempt_cpu, *attempt_memory;
	struct metric *approvals, *approval_seconds, *unknown;
	struct metric *retries, *delay_seconds, *breaker_state, *breaker_opened;
};

/* From a millisecond to hours: runs and attempts may be long. */
static const double seconds_buckets[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1,
					 2.5,	5,     10,   30,    60,	  300, 900,  3600, 14400};
static const double http_seconds_buckets[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
					      0.5,   0.75, 1,	  2.5,	5,     7.5, 10};
static const double http_ms_buckets[] = {0,   5,   10,	 25,   50,   75,   100,	 250,
					 500, 750, 1000, 2500, 5000, 7500, 10000};
static const double bytes_buckets[] = {1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30};

/* The process as the clients of Prometheus show it; each is a double of struct process_stats. */
static const struct process_metric {
	const char *name, *help;
	enum metric_kind kind;
	size_t offset;
} process_metrics[] = {
	{"process_cpu_user_seconds_total", "User CPU time", METRIC_COUNTER,
	 offsetof(struct process_stats, cpu_user_seconds)},
	{"process_cpu_system_seconds_total", "System CPU time", METRIC_COUNTER,
	 offsetof(struct process_stats, cpu_system_seconds)},
	{"process_cpu_seconds_total", "CPU time", METRIC_COUNTER,
	 offsetof(struct process_stats, cpu_seconds)},
	{"process_resident_memory_bytes", "Resident memory", METRIC_GAUGE,
	 offsetof(struct process_stats, resident_bytes)},
	{"process_virtual_memory_bytes", "Virtual memory", METRIC_GAUGE,
	 offsetof(struct process_stats, virtual_bytes)},
	{"process_memory_usage_bytes", "Resident memory", METRIC_GAUGE,
	 offsetof(struct process_stats, resident_bytes)},
	{"process_start_time_seconds", "Start of the process, seconds since 1970", METRIC_GAUGE,
	 offsetof(struct process_stats, start_time_seconds)},
	{"process_open_fds", "Open file descriptors", METRIC_GAUGE,
	 offsetof(struct process_stats, open_fds)},
	{"process_max_fds", "Most file descriptors", METRIC_GAUGE,
	 offsetof(struct process_stats, max_fds)},
	{"process_threads", "Threads", METRIC_GAUGE, offsetof(struct process_stats, threads)},
};

static void declare_process(struct exporter *x)
{
	for (size_t i = 0; i < ARRAY_LEN(process_metrics); i++)
		x->process[i] = metrics_declare(x->metrics, process_metrics[i].kind,
						process_metrics[i].name, process_metrics[i].help,
						NULL, NULL, 0);
}

static void set_process(struct exporter *x)
{
	struct process_stats stats;
	process_stats_read(&stats);
	for (size_t i = 0; i < ARRAY_LEN(process_metrics); i++) {
		const char *field = (const char *)&stats + process_metrics[i].offset;
		metric_set(x->process[i], NULL, *(const double *)field);
	}
}

static void declare_runs(struct exporter *x)
{
	static const char *const run_labels[] = {"project", "workflow", "status", "trigger", NULL};
	static const char *const run_time_labels[] = {"project", "workflow", "status", NULL};
	static const char *const active_labels[] = {"status", NULL};
	x->runs = metrics_declare(x->metrics, METRIC_COUNTER, "drover_workflow_runs_total",
				  "Workflow runs that ended", run_labels, NULL, 0);
	x->run_seconds =
		metrics_declare(x->metrics, METRIC_HISTOGRAM, "drover_workflow_duration_seconds",
				"From the start of a run to its end, without the time "
				"that it waited for people",
				run_time_labels, seconds_buckets, ARRAY_LEN(seconds_buckets));
	x->active = metrics_declare(x->metrics, METRIC_GAUGE, "drover_workflows_active",
				    "Runs that have not ended", active_labels, NULL, 0);
	static const char *const queue_labels[] = {"project", NULL};
	x->queued_runs = metrics_declare(x->metrics, METRIC_GAUGE, "drover_queued_runs",
					 "Runs that wait for their start", queue_labels, NULL, 0);
	x->queued_attempts =
		metrics_declare(x->metrics, METRIC_GAUGE, "drover_queued_agent_runs",
				"Attempts that wait for their start", queue_labels, NULL, 0);
}

static void declare_approvals(struct exporter *x)
{
	static const char *const labels[] = {"project", "workflow", "status", NULL};
	x->approvals = metrics_declare(x->metrics, METRIC_GAUGE, "drover_approvals_pending",
				       "Nodes that wait for somebody's decision", NULL, NULL, 0);
	x->unknown = metrics_declare(x->metrics, METRIC_GAUGE, "drover_nodes_unknown",
				     "Nodes of which nobody knows whether their effect happened",
				     NULL, NULL, 0);
	x->approval_seconds = metrics_declare(
		x->metrics, METRIC_HISTOGRAM, "drover_workflow_approval_wait_seconds",
		"From asking for an approval to its decision or expiry", labels, seconds_buckets,
		ARRAY_LEN(seconds_buckets));
}

static void declare_attempts(struct exporter *x)
{
	static const char *const labels[] = {"project", "agent", "action", "status", NULL};
	static const char *const time_labels[] = {"agent", "action", "status", NULL};
	static const char *const error_labels[] = {"agent", "error_type", NULL};
	static const char *const agent_labels[] = {"agent", NULL};
	x->attempts = metrics_declare(x->metrics, METRIC_COUNTER, "drover_agent_runs_total",
				      "Attempts that ended", labels, NULL, 0);
	x->attempt_seconds =
		metrics_declare(x->metrics, METRIC_HISTOGRAM, "drover_agent_duration_seconds",
				"From the start of an attempt to its end", time_labels,
				seconds_buckets, ARRAY_LEN(seconds_buckets));
	x->attempt_errors =
		metrics_declare(x->metrics, METRIC_COUNTER, "drover_agent_errors_total",
				"Attempts that failed, by error code", error_labels, NULL, 0);
	x->attempt_cpu =
		metrics_declare(x->metrics, METRIC_COUNTER, "drover_agent_cpu_seconds_total",
				"CPU time used by attempts", agent_labels, NULL, 0);
	x->attempt_memory =
		metrics_declare(x->metrics, METRIC_HISTOGRAM, "drover_agent_memory_peak_bytes",
				"Most memory an attempt used", agent_labels, bytes_buckets,
				ARRAY_LEN(bytes_buckets));
}

static void declare_storage(struct exporter *x)
{
	static const char *const labels[] = {"class", NULL};
	x->retention = metrics_declare(
		x->metrics, METRIC_COUNTER, "drover_retention_deleted_total",
		"Ended runs that were deleted, or lost their logs or artifacts, by age", labels,
		NULL, 0);
	for (int i = 0; i < RETAINED_CLASSES; i++)
		exporter_retention(x, (enum retained)i, 0);
	x->database_bytes = metrics_declare(x->metrics, METRIC_GAUGE, "drover_database_bytes",
					    "Size of the database file", NULL, NULL, 0);
	x->database_free_bytes =
		metrics_declare(x->metrics, METRIC_GAUGE, "drover_database_free_bytes",
				"Of it, pages without content", NULL, NULL, 0);
}

static void declare_starts(struct exporter *x)
{
	static const char *const agent_labels[] = {"project", "agent", NULL};
	static const char *const retry_labels[] = {"agent", "reason", NULL};
	x->retries = metrics_declare(x->metrics, METRIC_COUNTER, "drover_agent_retries_total",
				     "Failed attempts that are tried again, by error code",
				     retry_labels, NULL, 0);
	x->delay_seconds =
		metrics_declare(x->metrics, METRIC_HISTOGRAM, "drover_scheduler_delay_seconds",
				"From when an attempt could start to when it did", NULL,
				seconds_buckets, ARRAY_LEN(seconds_buckets));
	x->breaker_state = metrics_declare(x->metrics, METRIC_GAUGE, "drover_agent_breaker_state",
					   "Circuit breaker: 0 closed, 1 half-open, 2 open",
					   agent_labels, NULL, 0);
	x->breaker_opened =
		metrics_declare(x->metrics, METRIC_COUNTER, "drover_agent_breaker_opened_total",
				"Times that the circuit breaker opened", agent_labels, NULL, 0);
}

struct exporter *exporter_new(void)
{
	static const char *const info_labels[] = {"service_name", "service_version", NULL};
	static const char *const http_labels[] = {"http_method", "http_route", "http_status_code",
						  NULL};
	static const char *const http_new_labels[] = {"http_request_method", "http_route",
						      "http_response_status_code", NULL};
	struct exporter *x = NEW0(struct exporter);
	x->metrics = metrics_new();
	struct metric *info = metrics_declare(x->metrics, METRIC_GAUGE, "target_info",
					      "Target metadata", info_labels, NULL, 0);
	metric_set(info, (const struct str[]){STR("drover"), STR(DROVER_VERSION)}, 1);
	x->http_ms = metrics_declare(x->metrics, METRIC_HISTOGRAM, "http_server_duration",
				     "Duration of answered requests in milliseconds", http_labels,
				     http_ms_buckets, ARRAY_LEN(http_ms_buckets));
	x->http_seconds = metrics_declare(x->metrics, METRIC_HISTOGRAM,
					  "http_server_request_duration_seconds",
					  "Duration of answered requests", http_new_labels,
					  http_seconds_buckets, ARRAY_LEN(http_seconds_buckets));
	declare_process(x);
	declare_runs(x);
	declare_attempts(x);
	declare_starts(x);
	declare_approvals(x);
	declare_storage(x);
	exporter_set_active(x, 0, 0);
	exporter_set_approvals(x, 0);
	exporter_set_unknown(x, 0);
	return x;
}

void exporter_free(struct exporter *x)
{
	if (!x)
		return;
	if (x->server)
		http_server_free(x->server);
	metrics_free(x->metrics);
	free(x);
}

static void answer_metrics(struct exporter *x, struct http_exchange *e)
{
	struct str accept = {0};
	http_header(http_request_of(e), "Accept", &accept);
	bool open = accept.n > 0 && memmem(accept.p, accept.n, "application/openmetrics-text", 28);
	struct http_response r = {
		.status = 200,
		.content_type = open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				     : "text/plain; version=0.0.4; charset=utf-8",
	};
	set_process(x);
	metrics_render(x->metrics, open, &r.body);
	http_answer(e, &r);
}

static void handle(void *arg, struct http_exchange *e)
{
	const struct http_request *q = http_request_of(e);
	struct http_response r = {.content_type = "text/plain; charset=utf-8"};
	bool reads = str_eqz(q->method, "GET") || str_eqz(q->method, "HEAD");
	if (q->refuse_status) {
		r.status = q->refuse_status;
		buf_puts(&r.body, q->refuse_detail);
	} else if (!str_eqz(q->path, "/metrics")) {
		r.status = 404;
		buf_puts(&r.body, "the metrics are at /metrics\n");
	} else if (!reads) {
		r.status = 405;
		http_response_field(&r, "Allow", STR("GET, HEAD"));
	} else {
		answer_metrics(arg, e);
		return;
	}
	http_answer(e, &r);
}

int exporter_listen(struct exporter *x, const char *address, struct buf *error)
{
	struct http_config config = {.listen = address, .arg = x, .handle = handle};
	return http_server_new(&config, error, &x->server);
}

const char *exporter_address(const struct exporter *x)
{
	return x->server ? http_server_address(x->server) : "";
}

void exporter_request(struct exporter *x, const char *method, const char *route, int status,
		      int64_t duration_ns)
{
	char code[8];
	snprintf(code, sizeof(code), "%d", status);
	const struct str values[] = {str_of(method), str_of(route), str_of(code)};
	metric_observe(x->http_ms, values, (double)duration_ns / 1e6);
	metric_observe(x->http_seconds, values, (double)duration_ns / 1e9);
}

void exporter_run_end(struct exporter *x, const struct run_row *run)
{
	CLEANUP_ARENA struct arena a = {0};
	struct value trigger;
	struct str type = STR("other");
	if (json_parse(&a, run->trigger, 0, &trigger, NULL) == 0 && value_getz(&trigger, "type"))
		type = value_text(value_getz(&trigger, "type"));
	struct str status = str_of(run_status_name(run->status));
	metric_add(x->runs, (const struct str[]){run->project, run->workflow_name, status, type},
		   1);
	int64_t work_ms = run->finished_ms - run->started_ms - run->waited_ms;
	if (run->started_ms > 0)
		metric_observe(x->run_seconds,
			       (const struct str[]){run->project, run->workflow_name, status},
			       (double)(work_ms > 0 ? work_ms : 0) / 1e3);
}

/* An agent's own codes are without bound: all of them are one. */
static struct str error_label(const char *code)
{
	return *code >= 'A' && *code <= 'Z' ? STR("agent") : str_of(code);
}

void exporter_retry(struct exporter *x, struct str agent, const char *code)
{
	metric_add(x->retries, (const struct str[]){agent, error_label(code)}, 1);
}

void exporter_attempt_start(struct exporter *x, int64_t delay_ms)
{
	metric_observe(x->delay_seconds, NULL, (double)delay_ms / 1e3);
}

void exporter_breaker(struct exporter *x, struct str project, struct str agent,
		      enum breaker_state state, bool opened)
{
	const struct str labels[] = {project, agent};
	metric_set(x->breaker_state, labels, (double)state);
	if (opened)
		metric_add(x->breaker_opened, labels, 1);
}

void exporter_attempt_end(struct exporter *x, const struct attempt_row *a, const char *error_code)
{
	struct str status = str_of(attempt_status_name(a->status));
	metric_add(x->attempts, (const struct str[]){a->project, a->agent, a->action, status}, 1);
	if (a->started_ms > 0)
		metric_observe(x->attempt_seconds,
			       (const struct str[]){a->agent, a->action, status},
			       (double)(a->finished_ms - a->started_ms) / 1e3);
	if (error_code)
		metric_add(x->attempt_errors,
			   (const struct str[]){a->agent, error_label(error_code)}, 1);
	if (a->cpu_usec > 0)
		metric_add(x->attempt_cpu, &a->agent, (double)a->cpu_usec / 1e6);
	if (a->memory_peak_bytes > 0)
		metric_observe(x->attempt_memory, &a->agent, (double)a->memory_peak_bytes);
}

void exporter_approval_end(struct exporter *x, const struct approval_row *p)
{
	struct str status = str_of(approval_status_name(p->status));
	int64_t ms = p->responded_ms > p->requested_ms ? p->responded_ms - p->requested_ms : 0;
	metric_observe(x->approval_seconds,
		       (const struct str[]){p->project, p->workflow_name, status},
		       (double)ms / 1e3);
}

void exporter_set_approvals(struct exporter *x, double pending)
{
	metric_set(x->approvals, NULL, pending);
}

void exporter_set_unknown(struct exporter *x, double nodes)
{
	metric_set(x->unknown, NULL, nodes);
}

void exporter_set_queues(struct exporter *x, const char *project, double runs, double attempts)
{
	const struct str name = str_of(project);
	metric_set(x->queued_runs, &name, runs);
	metric_set(x->queued_attempts, &name, attempts);
}

void exporter_set_active(struct exporter *x, double pending, double running)
{
	metric_set(x->active, (const struct str[]){STR("PENDING")}, pending);
	metric_set(x->active, (const struct str[]){STR("RUNNING")}, running);
}

void exporter_retention(struct exporter *x, enum retained what, size_t n)
{
	struct str class = str_of(retained_name(what));
	metric_add(x->retention, &class, (double)n);
}

void exporter_set_database(struct exporter *x, double bytes, double free_bytes)
{
	metric_set(x->database_bytes, NULL, bytes);
	metric_set(x->database_free_bytes, NULL, free_bytes);
}
