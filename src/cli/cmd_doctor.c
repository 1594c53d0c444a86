/* doctor: what this machine offers, no server needed; and what workflows take, when there is one.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "exec/sandbox/sandbox.h"
#include "json/write.h"

static const char *means_name(enum sandbox_means m)
{
	static const char *const names[] = {"cgroup2", "cgroup1", "rlimit", "none"};
	return names[m];
}

static void sandbox_json(struct json_out *o, const struct sandbox_probe *p)
{
	json_out_object(o);
	json_out_key(o, "isolated");
	json_out_bool(o, p->isolated);
	json_out_key(o, "privileged");
	json_out_bool(o, p->privileged);
	json_out_key(o, "problem");
	json_out_strz(o, p->problem);
	json_out_key(o, "memory");
	json_out_strz(o, means_name(p->memory));
	json_out_key(o, "processes");
	json_out_strz(o, means_name(p->pids));
	json_out_key(o, "cpu");
	json_out_strz(o, means_name(p->cpu));
	json_out_key(o, "limitsProblem");
	json_out_strz(o, p->limits_problem);
	json_out_end(o);
}

/* What the machine offers, as text or as the member "sandbox"; whether agents can be run. */
static bool probe(struct json_out *o, struct buf *text)
{
	uv_loop_t loop;
	struct sandbox *sandbox;
	struct sandbox_config config;
	sandbox_config_init(&config);
	config.n_idle = 0;
	uv_loop_init(&loop);
	int r = sandbox_new(&loop, &config, &sandbox);
	if (r < 0) {
		fprintf(stderr, "drover doctor: the sandbox can't be tried: %s\n", strerror(-r));
		uv_loop_close(&loop);
		return false;
	}
	sandbox_probe_text(sandbox, text);
	json_out_key(o, "sandbox");
	sandbox_json(o, sandbox_probe(sandbox));
	bool good = sandbox_probe(sandbox)->isolated;
	sandbox_free(sandbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return good;
}

/* No service is no illness. */
static void ask_service(const struct cli_common *common, struct json_out *o, struct buf *text)
{
	CLEANUP_CLIENT struct client *c = client_new(common);
	CLEANUP_RESPONSE struct response r = {0};
	bool up = client_try(c, "/health", &r);
	struct str status = up ? print_text(&r.value, "status") : STR("none");
	json_out_key(o, "service");
	json_out_object(o);
	json_out_key(o, "server");
	json_out_strz(o, common->server);
	json_out_key(o, "status");
	json_out_str(o, status);
	if (up) {
		json_out_key(o, "version");
		json_out_str(o, print_text(&r.value, "version"));
	}
	json_out_end(o);
	if (up)
		buf_printf(text, "service    %s: %.*s, version %.*s\n", common->server,
			   STR_ARG(status), STR_ARG(print_text(&r.value, "version")));
	else
		buf_printf(text, "service    none at %s\n", common->server);
}

/* "1.4 MB" */
static void put_bytes(struct table *t, int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double n = (double)bytes;
	size_t u = 0;
	for (; n >= 1000 && u + 1 < ARRAY_LEN(units); u++)
		n /= 1000;
	table_cellf(t, u == 0 ? "%.0f %s" : "%.1f %s", n, units[u]);
}

static void put_next(struct table *t, const struct value *row)
{
	CLEANUP_BUF struct buf text = {0};
	struct str next = print_text(row, "nextDeletionAt");
	if (next.n > 0)
		table_time_short(&text, next);
	table_cell(t, buf_str(&text));
}

static void print_storage(const struct value *storage)
{
	static const struct table_column columns[] = {
		{"WORKFLOW", TABLE_CUT},    {"RUNS", TABLE_WHOLE},
		{"BYTES", TABLE_WHOLE},	    {"ROWS", TABLE_OPTIONAL},
		{"LOGS", TABLE_OPTIONAL},   {"ARTIFACTS", TABLE_OPTIONAL},
		{"RUNS KEPT", TABLE_WHOLE}, {"NEXT DELETION", TABLE_OPTIONAL},
	};
	const struct value *database = value_getz(storage, "database");
	const struct value *rows = value_getz(storage, "workflows");
	const struct value *shrinks = value_getz(database, "shrinks");
	printf("database   %.1f MB, %.1f MB of it free\n",
	       (double)print_int(database, "bytes") / 1e6,
	       (double)print_int(database, "freeBytes") / 1e6);
	if (shrinks && !shrinks->b)
		printf("           an older drover made the file: free pages are used again, but "
		       "it "
		       "does not shrink.\n           With the service down: sqlite3 FILE 'PRAGMA "
		       "auto_vacuum = 2; VACUUM'\n");
	if (!value_is(rows, VALUE_ARRAY) || rows->n == 0)
		return;
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < rows->n; i++) {
		const struct value *row = &rows->items[i];
		table_cell(t, print_text(row, "workflowName"));
		table_cellf(t, "%lld", (long long)print_int(row, "runs"));
		put_bytes(t, print_int(row, "bytes"));
		put_bytes(t, print_int(row, "rowBytes"));
		put_bytes(t, print_int(row, "logBytes"));
		put_bytes(t, print_int(row, "artifactBytes"));
		table_cell(t, print_text(value_getz(row, "retention"), "runs"));
		put_next(t, row);
	}
	table_print(t);
}

/* What each workflow takes, as the service says. */
static void ask_storage(const struct cli_common *common, struct json_out *o, bool json)
{
	CLEANUP_CLIENT struct client *c = client_new(common);
	CLEANUP_RESPONSE struct response r = {0};
	if (!client_try(c, "/api/storage", &r) || r.status != 200)
		return;
	if (json) {
		json_out_key(o, "storage");
		json_out_value(o, &r.value);
	} else {
		print_storage(&r.value);
	}
}

static int doctor_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	CLEANUP_BUF struct buf text = {0}, json = {0};
	const struct opt opts[] = {CLI_COMMON_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_doctor, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	log_setup(LOG_LEVEL_ERROR, isatty(STDERR_FILENO));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct json_out o = json_out_to(&json);
	json_out_object(&o);
	json_out_key(&o, "version");
	json_out_strz(&o, DROVER_VERSION);
	json_out_key(&o, "cores");
	json_out_int(&o, cores);
	buf_printf(&text, "drover     %s\ncores      %ld\n", DROVER_VERSION, cores);
	bool good = probe(&o, &text);
	ask_service(&common, &o, &text);
	if (!common.json)
		table_put(buf_str(&text));
	ask_storage(&common, &o, common.json);
	json_out_end(&o);
	if (common.json)
		printf("%s\n", json.p);
	return good ? CLI_OK : CLI_FAILED;
}

const struct command cmd_doctor = {
	"doctor", "",
	"what this machine offers and what workflows take; exit 1 when agents can't be isolated",
	doctor_run};
