/* The agents that come as folders: their manifests, and their output against their own schemas. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents/manifest.h"
#include "base/buf.h"
#include "base/mem.h"
#include "folder.h"
#include "json/parse.h"
#include "json/schema.h"
#include "tap.h"

struct agent {
	struct arena arena;
	struct diag diag;
	struct value manifest;
	char *folder;
};

static void agent_free(struct agent *g)
{
	free(g->folder);
	arena_free(&g->arena);
}

#define AGENT CLEANUP(agent_free) struct agent

static void load(struct tap *t, struct agent *g, const char *name)
{
	g->folder = mem_printf("%s/agents/%s", getenv("DROVER_BUILD"), name);
	diag_init(&g->diag, &g->arena);
	int r = manifest_load(&g->arena, g->folder, &g->diag, &g->manifest);
	for (size_t i = 0; i < g->diag.n; i++)
		printf("# %s: %s\n", g->diag.findings[i].path, g->diag.findings[i].message);
	CHECK_INT(r, 0);
}

static const struct value *capability(const struct agent *g)
{
	return &value_getz(&g->manifest, "capabilities")->items[0];
}

/* In the child: the agent's command in its folder, as the sandbox would start it. */
static NORETURN void become(const struct agent *g, const char *workspace)
{
	const struct value *command = value_getz(&g->manifest, "command");
	char *argv[8] = {NULL};
	for (uint32_t i = 0; i < command->n && i < 7; i++) {
		const char *word = command->items[i].s;
		argv[i] = strncmp(word, "/agent/", 7) == 0 ? mem_printf("./%s", word + 7)
							   : mem_dupz(word);
	}
	if (chdir(g->folder) == 0) {
		setenv("DROVER_WORKSPACE", workspace, 1);
		execvp(argv[0], argv);
	}
	_exit(127);
}

/* Runs it with the input; its exit status, stdout in out. */
static int run(const struct agent *g, const char *workspace, const char *input, struct buf *out)
{
	int in[2], from[2], status = -1;
	if (pipe(in) < 0 || pipe(from) < 0)
		return -1;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(from[1], 1);
		close(in[1]);
		close(from[0]);
		become(g, workspace);
	}
	close(in[0]);
	close(from[1]);
	struct buf request CLEANUP_BUF = {0};
	buf_printf(&request, "{\"action\":\"%s\",\"input\":%s,\"context\":{}}",
		   value_getz(capability(g), "name")->s, input);
	ssize_t n = write(in[1], request.p, request.n);
	close(in[1]);
	for (; n > 0; out->n += (size_t)n) {
		buf_reserve(out, 4096);
		n = read(from[0], out->p + out->n, 4096);
		if (n <= 0)
			break;
	}
	close(from[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_against(struct tap *t, struct agent *g, const char *which, struct str text,
			  bool want)
{
	struct value doc;
	CLEANUP_SCHEMA struct schema *s = NULL;
	CHECK_INT(json_parse(&g->arena, text, JSON_UNIQUE_KEYS, &doc, NULL), 0);
	CHECK_INT(schema_compile(value_getz(capability(g), which), 0, &g->diag, &s), 0);
	bool valid = schema_check(s, &doc, &g->diag);
	for (size_t i = 0; want && i < g->diag.n; i++)
		printf("# %s: %s\n", g->diag.findings[i].path, g->diag.findings[i].message);
	if (valid != want)
		printf("# %.*s\n", (int)(text.n < 300 ? text.n : 300), text.p);
	CHECK(valid == want);
}

static void fill(const struct folder *f)
{
	folder_write(f, "a.js",
		     "eval(x);\nel.innerHTML = y;\n// AKI"
		     "AQWERTYUIOPASDFGH\n",
		     0644);
	folder_write(f, "d/b \"q\" \xff\n.py", "os.system(x)\nh = hashlib.sha1(x)\n", 0644);
	folder_write(f, "\x80\\/c.c", "gets(a);\xff\xfe\x01\n", 0644);
}

static void check_output(struct tap *t, const char *name, const char *input)
{
	FOLDER f = {0};
	AGENT g = {0};
	CLEANUP_BUF struct buf out = {0};
	CHECK(folder_new(&f));
	fill(&f);
	load(t, &g, name);
	CHECK_GOOD();
	check_against(t, &g, "inputSchema", str_of(input), true);
	CHECK_GOOD();
	CHECK_INT(run(&g, f.path, input, &out), 0);
	check_against(t, &g, "outputSchema", buf_str(&out), true);
}

TEST(the_scanner_keeps_its_output_schema)
{
	check_output(t, "security-scanner", "{}");
	CHECK_GOOD();
	check_output(t, "security-scanner",
		     "{\"scanType\":[\"xss\",\"secrets\"],\"severity\":\"medium\",\"path\":\"\","
		     "\"include\":[\"*.js\"],\"exclude\":[\"d/\"],\"maxFindings\":1,"
		     "\"maxFileBytes\":1000}");
}

TEST(the_scanner_refuses_by_schema_what_it_refuses_itself)
{
	static const char *const wrong[] = {
		"{\"scanType\":\"x\"}",	    "{\"scanType\":[]}",      "{\"severity\":1}",
		"{\"surprise\":1}",	    "{\"maxFindings\":-1}",   "{\"maxFindings\":10001}",
		"{\"maxFileBytes\":0}",	    "{\"include\":\"*.js\"}", "{\"path\":\"/etc\"}",
		"{\"path\":\"a/../../b\"}", "{\"path\":\"..\"}",      "{\"exclude\":[\"\"]}",
	};
	AGENT g = {0};
	load(t, &g, "security-scanner");
	CHECK_GOOD();
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		check_against(t, &g, "inputSchema", str_of(wrong[i]), false);
		CHECK_GOOD();
		CLEANUP_BUF struct buf out = {0};
		CHECK(run(&g, "/nowhere", wrong[i], &out) > 0);
		CHECK_INT(out.n, 0);
	}
}

TEST(the_python_example_keeps_its_output_schema)
{
	check_output(t, "examples/line-counter", "{\"extensions\":[\"js\",\"py\"]}");
	CHECK_GOOD();
	check_output(t, "examples/line-counter", "{}");
}

TEST(the_shell_example_keeps_its_output_schema)
{
	check_output(t, "examples/disk-report", "{}");
}

TAP_MAIN(RUN(the_scanner_keeps_its_output_schema),
	 RUN(the_scanner_refuses_by_schema_what_it_refuses_itself),
	 RUN(the_python_example_keeps_its_output_schema),
	 RUN(the_shell_example_keeps_its_output_schema))
