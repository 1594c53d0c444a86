/*
 * What a sandbox costs: /bin/true by plain fork and exec, and in the sandbox, turn by turn in the
 * same run. Usage: sandbox_bench [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "exec/sandbox/sandbox.h"

enum { AT_ONCE = 8 };

struct bench {
	uv_loop_t loop;
	struct sandbox *sandbox;
	int n_done, n_bad;
};

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void on_done(void *arg, const struct sandbox_result *r)
{
	struct bench *b = arg;
	b->n_done++;
	if (r->code && b->n_bad++ == 0)
		fprintf(stderr, "%s: %s\n", r->code, r->message);
}

static void start(struct bench *b, const char *folder)
{
	static const struct sandbox_callbacks callbacks = {.on_done = on_done};
	struct sandbox_spec spec;
	sandbox_spec_init(&spec);
	spec.argv = (const char *[]){"/bin/true", NULL};
	spec.agent_folder = folder;
	spec.timeout_ms = 10000;
	sandbox_start(b->sandbox, &spec, &callbacks, b);
}

static void plain_once(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/true", "/bin/true", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void sandboxed_once(struct bench *b, const char *folder)
{
	int n = b->n_done;
	start(b, folder);
	while (b->n_done == n)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static int64_t now(void)
{
	return clock_mono_ns(clock_system());
}

static void row(const char *what, int64_t *ns, int n, double base_us)
{
	qsort(ns, (size_t)n, sizeof(*ns), compare);
	double p50 = (double)ns[n / 2] / 1e3, p99 = (double)ns[n * 99 / 100] / 1e3;
	printf("%-34s %9.0f %9.0f", what, p50, p99);
	if (base_us > 0)
		printf(" %8.2f", p50 / base_us);
	printf("\n");
}

static void compare_all(int rounds, unsigned n_idle)
{
	struct bench b = {0};
	struct sandbox_config c;
	sandbox_config_init(&c);
	c.n_idle = n_idle;
	uv_loop_init(&b.loop);
	if (sandbox_new(&b.loop, &c, &b.sandbox))
		exit(1);
	int64_t *plain = NEW0_ARRAY(int64_t, rounds), *bare = NEW0_ARRAY(int64_t, rounds),
		*folder = NEW0_ARRAY(int64_t, rounds);
	for (int i = -5; i < rounds; i++) { /* the first five warm up */
		int64_t t0 = now();
		plain_once();
		int64_t t1 = now();
		sandboxed_once(&b, NULL);
		int64_t t2 = now();
		sandboxed_once(&b, "/usr/share");
		int64_t t3 = now();
		if (i >= 0) {
			plain[i] = t1 - t0;
			bare[i] = t2 - t1;
			folder[i] = t3 - t2;
		}
	}
	printf("%u kept ready%23s %9s %9s %8s\n", n_idle, "", "p50 us", "p99 us", "ratio");
	row("fork + exec /bin/true", plain, rounds, 0);
	double base = (double)plain[rounds / 2] / 1e3;
	row("sandboxed", bare, rounds, base);
	row("sandboxed, agent folder mounted", folder, rounds, base);
	int64_t t = now();
	int n = b.n_done;
	for (int i = 0; i < rounds; i++) {
		start(&b, "/usr/share");
		while (i + 1 - (b.n_done - n) >= AT_ONCE)
			uv_run(&b.loop, UV_RUN_ONCE);
	}
	while (b.n_done - n < rounds)
		uv_run(&b.loop, UV_RUN_ONCE);
	double each = (double)(now() - t) / 1e3 / rounds;
	printf("%-34s %9.0f %9s %8.2f\n", "eight at a time, each", each, "", each / base);
	if (b.n_bad)
		printf("%d FAILED\n", b.n_bad);
	sandbox_free(b.sandbox);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	uv_loop_close(&b.loop);
	free(plain);
	free(bare);
	free(folder);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 300;
	if (rounds < 1)
		return 2;
	compare_all(rounds, 2);
	compare_all(rounds, 0);
	return 0;
}
