#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "exec/sandbox/sandbox.h"
#include "tap.h"

struct world {
	uv_loop_t loop;
	struct sandbox *sandbox;
	struct sandbox_attempt *attempt;
	struct sandbox_result result;
	char code[64], message[512];
	struct buf output, log;
	int n_done;
};

static void on_line(void *arg, struct str line, bool truncated)
{
	struct world *w = arg;
	buf_put_str(&w->log, line);
	buf_puts(&w->log, truncated ? "[cut]\n" : "\n");
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

static void world_free(struct world *w)
{
	sandbox_free(w->sandbox);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	uv_loop_close(&w->loop);
	buf_free(&w->output);
	buf_free(&w->log);
}
#define CLEANUP_WORLD CLEANUP(world_free)

static int world_init(struct world *w)
{
	struct sandbox_config c;
	sandbox_config_init(&c);
	uv_loop_init(&w->loop);
	return sandbox_new(&w->loop, &c, &w->sandbox);
}

static const struct sandbox_callbacks callbacks = {on_line, on_done};

static void run(struct world *w, const struct sandbox_spec *spec)
{
	int n = w->n_done;
	buf_clear(&w->log);
	w->attempt = sandbox_start(w->sandbox, spec, &callbacks, w);
	while (w->n_done == n)
		uv_run(&w->loop, UV_RUN_ONCE);
}

TEST(a_program_runs_and_its_output_and_log_come_back)
{
	CLEANUP_WORLD struct world w = {0};
	CHECK_INT(world_init(&w), 0);
	struct sandbox_spec spec;
	sandbox_spec_init(&spec);
	spec.timeout_ms = 10000;
	spec.argv = (const char *[]){"/bin/true", NULL};
	run(&w, &spec);
	CHECK_Z(w.message, "");
	CHECK_Z(w.code, "");
	spec.argv = (const char *[]){"sh", "-c", "cat; echo line >&2; exit 3", NULL};
	spec.stdin_bytes = STR("hello\n");
	run(&w, &spec);
	CHECK_Z(w.output.p, "hello\n");
	CHECK_Z(w.log.p, "line\n");
	CHECK_Z(w.code, "exit_3");
}

TAP_MAIN(RUN(a_program_runs_and_its_output_and_log_come_back))
