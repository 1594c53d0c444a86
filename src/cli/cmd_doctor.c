/* doctor: what this machine offers, no server needed. */
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
	json_out_end(&o);
	if (common.json)
		printf("%s\n", json.p);
	else
		table_put(buf_str(&text));
	return good ? CLI_OK : CLI_FAILED;
}

const struct command cmd_doctor = {
	"doctor", "", "what this machine offers; exit 1 when agents can't be isolated", doctor_run};
