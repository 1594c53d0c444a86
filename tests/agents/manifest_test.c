#include "agents/manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "folder.h"
#include "json/write.h"
#include "tap.h"

#define GOOD                                                                                       \
	"name: probe\n"                                                                            \
	"type: SCRIPT\n"                                                                           \
	"version: \"1.0\"\n"                                                                       \
	"command: [./run, -x]\n"                                                                   \
	"timeout: 5m\n"                                                                            \
	"limits: {memory: 64Mi, cpu: 0.5, pids: 8, network: none, output: 1Mi, tmp: 1Mi}\n"        \
	"capabilities:\n"                                                                          \
	"  look: {description: Looks, inputSchema: {type: object}}\n"                              \
	"  tell:\n"

struct loaded {
	struct arena arena;
	struct diag diag;
	struct value agent;
	int r;
};

static void loaded_free(struct loaded *l)
{
	arena_free(&l->arena);
}

#define LOADED CLEANUP(loaded_free) struct loaded

static void load(struct loaded *l, const struct folder *f, const char *text)
{
	folder_write(f, "agent.yaml", text, 0644);
	folder_write(f, "run", "#!/bin/sh\n", 0755);
	diag_init(&l->diag, &l->arena);
	l->r = manifest_load(&l->arena, f->path, &l->diag, &l->agent);
}

TEST(a_manifest_becomes_the_agent_of_the_api)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	LOADED l = {0};
	load(&l, &f, GOOD);
	CHECK_INT(l.r, 0);
	CLEANUP_BUF struct buf got = {0}, want = {0};
	json_write(&got, &l.agent);
	buf_printf(&want,
		   "{\"name\":\"probe\",\"type\":\"SCRIPT\",\"version\":\"1.0\","
		   "\"description\":\"\",\"riskLevel\":\"AUTO\",\"command\":[\"./run\",\"-x\"],"
		   "\"limits\":{\"memory\":\"64Mi\",\"cpu\":0.5,\"pids\":8,\"network\":\"none\","
		   "\"output\":\"1Mi\",\"tmp\":\"1Mi\",\"timeout\":\"5m\"},\"capabilities\":["
		   "{\"name\":\"look\",\"description\":\"Looks\",\"inputSchema\":"
		   "{\"type\":\"object\"},\"outputSchema\":true,\"effect\":\"idempotent\"},"
		   "{\"name\":\"tell\",\"description\":\"\",\"inputSchema\":true,"
		   "\"outputSchema\":true,\"effect\":\"idempotent\"}],\"entryPath\":\"%s\"}",
		   f.path);
	CHECK_STR(buf_str(&got), buf_str(&want));
}

TEST(capabilities_may_be_a_list_too)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	LOADED l = {0};
	load(&l, &f,
	     "name: p\ntype: RULE\nversion: v1\nriskLevel: APPROVAL_REQUIRED\n"
	     "capabilities:\n- name: send\n  outputSchema: {type: object}\n"
	     "  riskLevel: APPROVAL_REQUIRED\n");
	CHECK_INT(l.r, 0);
	const struct value *list = value_getz(&l.agent, "capabilities");
	CHECK_INT(list->n, 1);
	CHECK_STR(value_text(value_getz(&list->items[0], "name")), STR("send"));
	CHECK_STR(value_text(value_getz(&list->items[0], "riskLevel")), STR("APPROVAL_REQUIRED"));
	CHECK_STR(value_text(value_getz(&l.agent, "riskLevel")), STR("APPROVAL_REQUIRED"));
	CHECK(!value_getz(&l.agent, "entryPath"));
}

/* Replaces one line of the good manifest and expects one finding. */
static void refused(struct tap *t, const char *line, const char *instead, const char *path,
		    int at_line, const char *words)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	CLEANUP_BUF struct buf text = {0};
	const char *at = strstr(GOOD, line);
	CHECK(at);
	const char *rest = strchr(at, '\n');
	buf_put(&text, GOOD, (size_t)(at - GOOD));
	buf_puts(&text, instead);
	buf_puts(&text, rest);
	LOADED l = {0};
	load(&l, &f, text.p);
	if (l.r != MANIFEST_REFUSED || l.diag.n != 1) {
		tap_fail(t, __FILE__, __LINE__, "%s: r=%d, %zu findings (%s)", instead, l.r,
			 l.diag.n, l.diag.n ? l.diag.findings[0].message : "");
		return;
	}
	const struct diag_finding *d = &l.diag.findings[0];
	if (strcmp(d->path, path) != 0 || d->line != at_line || !strstr(d->message, words))
		tap_fail(t, __FILE__, __LINE__, "%s: got %s:%d %s", instead, d->path, d->line,
			 d->message);
}

TEST(each_mistake_is_told_with_its_place_and_mend)
{
	refused(t, "name:", "", "name", 2, "required");
	refused(t, "name:", "name: ''", "name", 1, "required");
	refused(t, "name:", "name: Probe", "name", 1, "small letter");
	refused(t, "name:", "name: ../x", "name", 1, "small letter");
	refused(t, "name:", "name: [x]", "name", 1, "must be text");
	refused(t, "type:", "type: script", "type", 2, "SCRIPT or RULE");
	refused(t, "type:", "type: LLM", "type", 2, "not in this version");
	refused(t, "type:", "type: RULE", "command", 4, "no command");
	refused(t, "version:", "version: 1.0", "version", 3, "quotes");
	refused(t, "version:", "version: '1'\nriskLevel: low", "riskLevel", 4, "AUTO");
	refused(t, "version:", "version: '1'\nimage: alpine", "image", 4, "not in this version");
	refused(t, "version:", "version: '1'\nentrypoint: x", "entrypoint", 4, "unknown field");
	refused(t, "version:", "version: '1'\nentryPath: /x", "entryPath", 4, "unknown field");
	refused(t, "command:", "command: ./run -x", "command", 4, "no shell");
	refused(t, "command:", "command: []", "command", 4, "list of 1");
	refused(t, "command:", "", "command", 1, "required");
	refused(t, "command:", "command: [./run, 5]", "command[1]", 4, "quotes");
	refused(t, "command:", "command: [./none]", "command[0]", 4, "no such file");
	refused(t, "command:", "command: [./agent.yaml]", "command[0]", 4, "executable");
	refused(t, "timeout:", "timeout: 5 minutes", "timeout", 5, "duration");
	refused(t, "timeout:", "timeout: 0s", "timeout", 5, "above 0");
	refused(t, "limits:", "limits: {memory: lots}", "limits.memory", 6, "size");
	refused(t, "limits:", "limits: {cpu: 0}", "limits.cpu", 6, "cores");
	refused(t, "limits:", "limits: {pids: 1.5}", "limits.pids", 6, "whole number");
	refused(t, "limits:", "limits: {network: [api.example.com]}", "limits.network", 6,
		"only none");
	refused(t, "limits:", "limits: {disk: 1Gi}", "limits.disk", 6, "unknown field");
	refused(t, "limits:", "limits: {timeout: 1m}", "timeout", 5, "keep one");
	refused(t, "limits:", "limits: none", "limits", 6, "map of limits");
	refused(t, "  look:", "  Look: {}", "capabilities.Look", 8, "small letter");
	refused(t, "  look:", "  look: {inputSchema: 5}", "capabilities.look.inputSchema", 8,
		"JSON Schema");
	refused(t, "  look:", "  look: {input: {}}", "capabilities.look.input", 8, "unknown field");
	refused(t, "  look:", "  look: yes", "capabilities.look", 8, "must be a map");
	refused(t, "  look:", "  look: {effect: some}", "capabilities.look.effect", 8, "must be");
	refused(t, "  look:", "  look: {effect: [pure]}", "capabilities.look.effect", 8, "text");
	refused(t, "  look:", "  look: {effect: reconcilable}", "capabilities.look.probe", 8,
		"is required");
	refused(t, "  look:", "  look: {effect: pure, probe: tell}", "capabilities.look.probe", 8,
		"belongs to");
	refused(t, "  look:", "  look: {effect: reconcilable, probe: none}",
		"capabilities.look.probe", 8, "no capability none");
	refused(t, "  look:", "  look: {effect: reconcilable, probe: tell}",
		"capabilities.look.probe", 8, "effect: pure");
}

TEST(all_mistakes_are_told_at_once)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	LOADED l = {0};
	load(&l, &f, "name: X\ntype: Y\nfoo: 1\nlimits: {cpu: no, memory: 1}\ncapabilities: []\n");
	CHECK_INT(l.r, MANIFEST_REFUSED);
	CHECK_INT(l.diag.n, 7);
	LOADED text = {0};
	load(&text, &f, "- a\n");
	CHECK_INT(text.r, MANIFEST_REFUSED);
	LOADED broken = {0};
	load(&broken, &f, "a: [\n");
	CHECK_INT(broken.r, MANIFEST_REFUSED);
	CHECK(broken.diag.findings[0].line > 0);
}

TEST(what_is_no_manifest_is_a_fault_and_no_crash)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	CLEANUP_ARENA struct arena a = {0};
	struct diag d;
	struct value v;
	diag_init(&d, &a);
	CHECK_INT(manifest_load(&a, f.path, &d, &v), -ENOENT);
	char path[128];
	snprintf(path, sizeof(path), "%s/agent.yaml", f.path);
	CHECK_INT(symlink("/dev/zero", path), 0);
	CHECK_INT(manifest_load(&a, f.path, &d, &v), -ELOOP);
	unlink(path);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(manifest_load(&a, f.path, &d, &v), -EINVAL);
	unlink(path);
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK_INT(manifest_load(&a, f.path, &d, &v), -EINVAL);
}

static bool digest(const struct folder *f, char hex[SHA256_HEX_BYTES])
{
	return manifest_digest(f->path, hex) == 0;
}

TEST(the_digest_changes_with_names_bytes_modes_and_links_only)
{
	FOLDER one = {0}, two = {0};
	CHECK(folder_new(&one) && folder_new(&two));
	CHECK(folder_write(&one, "a", "x", 0644) && folder_write(&one, "d/b", "y", 0644));
	CHECK(folder_write(&two, "d/b", "y", 0600) && folder_write(&two, "a", "x", 0664));
	char first[SHA256_HEX_BYTES], other[SHA256_HEX_BYTES];
	CHECK(digest(&one, first) && digest(&two, other));
	CHECK_Z(other, first);
	CHECK(folder_write(&two, "a", "x", 0755) && digest(&two, other));
	CHECK(strcmp(first, other) != 0);
	CHECK(folder_write(&two, "a", "z", 0644) && digest(&two, other));
	CHECK(strcmp(first, other) != 0);
	CHECK(folder_write(&two, "a", "x", 0644) && digest(&two, other));
	CHECK_Z(other, first);
	char link[128];
	snprintf(link, sizeof(link), "%s/l", two.path);
	CHECK_INT(symlink("/nowhere", link), 0);
	char with_link[SHA256_HEX_BYTES];
	CHECK(digest(&two, with_link) && strcmp(first, with_link) != 0);
	unlink(link);
	CHECK_INT(symlink("/elsewhere", link), 0);
	CHECK(digest(&two, other) && strcmp(other, with_link) != 0);
	unlink(link);
	/* a file moved, its bytes the same */
	CHECK(folder_write(&two, "d/c", "y", 0644));
	snprintf(link, sizeof(link), "%s/d/b", two.path);
	unlink(link);
	CHECK(digest(&two, other) && strcmp(first, other) != 0);
}

TEST(a_folder_that_is_too_much_or_too_odd_has_no_digest)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	char hex[SHA256_HEX_BYTES], path[128];
	CHECK(folder_write(&f, "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/f", "", 0644));
	CHECK_INT(manifest_digest(f.path, hex), 0);
	CHECK(folder_write(&f, "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/f", "", 0644));
	CHECK_INT(manifest_digest(f.path, hex), -E2BIG);
	folder_free(&f);
	CHECK(folder_new(&f));
	CHECK(folder_write(&f, "big", "", 0644));
	snprintf(path, sizeof(path), "%s/big", f.path);
	CHECK_INT(truncate(path, (256 << 20) + 1), 0);
	CHECK_INT(manifest_digest(f.path, hex), -E2BIG);
	unlink(path);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(manifest_digest(f.path, hex), -EINVAL);
	CHECK_INT(manifest_digest("/nowhere/at/all", hex), -ENOENT);
}

TAP_MAIN(RUN(a_manifest_becomes_the_agent_of_the_api), RUN(capabilities_may_be_a_list_too),
	 RUN(each_mistake_is_told_with_its_place_and_mend), RUN(all_mistakes_are_told_at_once),
	 RUN(what_is_no_manifest_is_a_fault_and_no_crash),
	 RUN(the_digest_changes_with_names_bytes_modes_and_links_only),
	 RUN(a_folder_that_is_too_much_or_too_odd_has_no_digest))
