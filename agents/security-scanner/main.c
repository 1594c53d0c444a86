/*
 * security-scanner: an agent that looks for secrets and dangerous code in a folder.
 *
 * As an agent (no arguments): the request on stdin, the folder at /workspace, the output on
 * stdout; exit 0 also when there are findings. By hand: security-scanner --path DIR.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "findings.h"
#include "limits.h"
#include "match.h"
#include "report.h"
#include "request.h"
#include "walk.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	struct request request;
	const char *root; /* NULL: the agent's way */
	bool json;
	bool has_type;
	bool done;
	int status; /* when done */
};

#ifdef __SANITIZE_ADDRESS__
/* Leaks can't be looked for inside the sandbox; ASAN_OPTIONS switches it on for the tests. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static const char usage[] =
	"usage: security-scanner                     request on stdin, folder at /workspace\n"
	"       security-scanner --path DIR [--json] [--type CATEGORY]... [--severity LEAST]\n"
	"                        [--max-findings N] [--max-file-bytes N]\n"
	"       security-scanner --rules | --print-patterns\n";

static int write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s = str_n(s.p + n, s.n - (size_t)n);
	}
	return 0;
}

static int read_all(int fd, struct buf *out)
{
	for (;;) {
		buf_reserve(out, 65536);
		ssize_t n = read(fd, out->p + out->n, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		out->n += (size_t)n;
		if (out->n > LIMIT_SCAN_INPUT_BYTES)
			return -EFBIG;
	}
}

static int fail(const char *event, const char *what, int err)
{
	log_event(ERROR, event, LOG_Z("what", what), LOG_Z("error", strerrordesc_np(-err)));
	return EXIT_FAILED;
}

static int scan(const struct command *c, const char *root)
{
	int64_t start_ns = clock_mono_ns(clock_system());
	int fd CLEANUP_FD = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail("scan.failed", root, -errno);
	struct findings found CLEANUP(findings_fini) = {.most = c->request.findings_most};
	struct walk_result result CLEANUP(walk_result_fini) = {0};
	struct matcher *m = matcher_new(&c->request.match, &found);
	int err = walk_run(fd, &c->request.walk, m, &result);
	matcher_free(m);
	if (err < 0)
		return fail("scan.failed", "path", err);
	findings_sort(&found);
	int64_t took_ms = (clock_mono_ns(clock_system()) - start_ns) / 1000000;
	struct buf out CLEANUP_BUF = {0};
	if (c->root && !c->json)
		report_text(&out, &found, &result, took_ms);
	else
		report_json(&out, &found, &result, took_ms);
	err = write_all(STDOUT_FILENO, buf_str(&out));
	if (err < 0)
		return fail("scan.failed", "stdout", err);
	log_event(INFO, "scan.finished", LOG_INT("files", (int64_t)result.files_scanned),
		  LOG_INT("findings", (int64_t)findings_total(&found)),
		  LOG_INT("duration_ms", took_ms));
	return EXIT_SUCCESS;
}

static int run_agent(struct command *c)
{
	struct buf in CLEANUP_BUF = {0};
	struct arena a CLEANUP_ARENA = {0};
	struct diag diag;
	diag_init(&diag, &a);
	int err = read_all(STDIN_FILENO, &in);
	if (err < 0)
		return fail("request.unreadable", "stdin", err);
	request_parse(&a, buf_str(&in), &diag, &c->request);
	for (size_t i = 0; i < diag.n; i++)
		log_event(ERROR, "request.invalid", LOG_Z("path", diag.findings[i].path),
			  LOG_Z("message", diag.findings[i].message));
	if (!diag_ok(&diag))
		return EXIT_USAGE;
	const char *root = getenv("DROVER_WORKSPACE");
	return scan(c, root && *root ? root : "/workspace");
}

static int print(void (*write)(struct buf *out))
{
	struct buf out CLEANUP_BUF = {0};
	write(&out);
	return write_all(STDOUT_FILENO, buf_str(&out)) < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}

static bool number(const char *z, uint64_t most, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(z, &end, 10);
	if (errno != 0 || end == z || *end || v > most)
		return false;
	*ret = v;
	return true;
}

static void finish(struct command *c, int status)
{
	c->done = true;
	c->status = status;
}

/* An option that has a value; false when it is not known or the value is wrong. */
static bool take_valued(struct command *c, const char *name, const char *value)
{
	if (strcmp(name, "--path") == 0) {
		c->root = value;
		return true;
	}
	if (strcmp(name, "--type") == 0) {
		c->has_type = true;
		return request_add_category(&c->request, str_of(value));
	}
	if (strcmp(name, "--severity") == 0)
		return request_set_severity(&c->request, str_of(value));
	if (strcmp(name, "--max-findings") == 0)
		return number(value, LIMIT_SCAN_FINDINGS_MOST, &c->request.findings_most);
	if (strcmp(name, "--max-file-bytes") == 0)
		return number(value, LIMIT_SCAN_FILE_BYTES_MOST, &c->request.walk.file_bytes);
	return false;
}

static bool take_flag(struct command *c, const char *name)
{
	if (strcmp(name, "--json") == 0)
		c->json = true;
	else if (strcmp(name, "--every-language") == 0)
		c->request.match.every_language = true;
	else if (strcmp(name, "--no-prefilter") == 0)
		c->request.match.no_prefilter = true;
	else if (strcmp(name, "--print-patterns") == 0)
		finish(c, print(report_patterns));
	else if (strcmp(name, "--rules") == 0)
		finish(c, print(report_rules));
	else if (strcmp(name, "--help") == 0)
		finish(c, write_all(STDOUT_FILENO, str_of(usage)) < 0);
	else
		return false;
	return true;
}

static void parse_arguments(struct command *c, int argc, char **argv)
{
	for (int i = 1; i < argc && !c->done; i++) {
		if (take_flag(c, argv[i]))
			continue;
		if (i + 1 == argc || !take_valued(c, argv[i], argv[i + 1])) {
			write_all(STDERR_FILENO, str_of(usage));
			finish(c, EXIT_USAGE);
		}
		i++;
	}
	if (!c->has_type)
		request_add_category(&c->request, STR("all"));
}

int main(int argc, char **argv)
{
	struct command c = {.request = request_default()};
	log_setup(LOG_LEVEL_INFO, isatty(STDERR_FILENO) == 1);
	parse_arguments(&c, argc, argv);
	if (c.done)
		return c.status;
	if (!c.root)
		return run_agent(&c);
	return scan(&c, c.root);
}
