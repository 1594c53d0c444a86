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
#include "exec/sandbox/sandbox.h"

static bool print_sandbox(void)
{
	uv_loop_t loop;
	struct sandbox *sandbox;
	struct sandbox_config config;
	sandbox_config_init(&config);
	config.n_idle = 0;
	uv_loop_init(&loop);
	int r = sandbox_new(&loop, &config, &sandbox);
	if (r < 0) {
		printf("sandbox: can't be tried: %s\n", strerror(-r));
		return false;
	}
	CLEANUP_BUF struct buf text = {0};
	sandbox_probe_text(sandbox, &text);
	printf("%s", text.p ? text.p : "");
	bool good = sandbox_probe(sandbox)->isolated;
	sandbox_free(sandbox);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return good;
}

static void print_service(const struct cli_common *common)
{
	CLEANUP_CLIENT struct client *c = client_new(common);
	CLEANUP_RESPONSE struct response r = {0};
	printf("service at %s: ", common->server);
	fflush(stdout);
	if (!client_call(c, "GET", "/health", (struct str){0}, NULL, &r))
		return;
	printf("%.*s, version %.*s\n", STR_ARG(print_text(&r.value, "status")),
	       STR_ARG(print_text(&r.value, "version")));
}

static int doctor_run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	CLEANUP_OPT_LIST struct opt_list rest = {0};
	const struct opt opts[] = {CLI_SERVER_OPTS(common)};
	int status;
	if (!cli_parse(&cmd_doctor, opts, ARRAY_LEN(opts), argc, argv, &rest, 0, 0, &status))
		return status;
	log_setup(LOG_LEVEL_ERROR, isatty(STDERR_FILENO));
	printf("drover %s, %ld cores\n", DROVER_VERSION, sysconf(_SC_NPROCESSORS_ONLN));
	bool good = print_sandbox();
	print_service(&common);
	return good ? CLI_OK : CLI_FAILED;
}

const struct command cmd_doctor = {"doctor", "", "what this machine offers: sandbox, limits, service",
				   doctor_run};
