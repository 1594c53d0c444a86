#include "agents/builtin.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "folder.h"
#include "tap.h"

static bool write_agent(const struct folder *f, const char *at, const char *name)
{
	CLEANUP_BUF struct buf path = {0}, text = {0};
	buf_printf(&path, "%s%sagent.yaml", at, *at ? "/" : "");
	buf_printf(&text,
		   "name: %s\ntype: SCRIPT\nversion: v1\ncommand: [sh]\ncapabilities: {run: }\n",
		   name);
	return folder_write(f, path.p, text.p, 0644);
}

static bool roots_of(struct arena *a, struct agent_roots *roots, const char *one, const char *two)
{
	const char *dirs[] = {one, two};
	if (builtin_roots(a, dirs, two ? 2 : 1, roots, NULL) != 0)
		return false;
	/* the test program has no agents of its own beside it, but be sure */
	size_t own = 0;
	while (own < roots->n && roots->roots[own].builtin)
		own++;
	roots->roots += own;
	roots->n -= own;
	return true;
}

static void name_is(struct tap *t, const struct agents_found *all, size_t i, const char *name)
{
	CHECK(i < all->n);
	CHECK(!all->items[i].refused);
	CHECK_STR(value_text(value_getz(&all->items[i].agent, "name")), str_of(name));
	CHECK_INT(value_text(value_getz(&all->items[i].agent, "digest")).n, 64);
}

TEST(agents_are_found_two_deep_in_order_and_hidden_ones_left_out)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	CHECK(write_agent(&f, "zeta", "zeta") && write_agent(&f, "team/beta", "beta") &&
	      write_agent(&f, "alpha", "alpha") && write_agent(&f, "a/b/deep", "deep") &&
	      write_agent(&f, ".hidden", "hidden") && write_agent(&f, "alpha/inner", "inner") &&
	      folder_write(&f, "notes/readme", "x", 0644));
	char link[128];
	snprintf(link, sizeof(link), "%s/linked", f.path);
	CHECK_INT(symlink("zeta", link), 0);
	CLEANUP_ARENA struct arena a = {0};
	struct agent_roots roots;
	struct agents_found all;
	CHECK(roots_of(&a, &roots, f.path, NULL));
	builtin_find(&a, &roots, &all);
	CHECK_INT(all.n, 3);
	name_is(t, &all, 0, "alpha");
	name_is(t, &all, 1, "beta");
	name_is(t, &all, 2, "zeta");
	CHECK(!all.items[0].builtin);
}

TEST(a_root_may_be_an_agent_itself)
{
	FOLDER f = {0};
	CHECK(folder_new(&f));
	CHECK(write_agent(&f, "", "me"));
	CLEANUP_ARENA struct arena a = {0};
	struct agent_roots roots;
	struct agents_found all;
	CHECK(roots_of(&a, &roots, f.path, NULL));
	builtin_find(&a, &roots, &all);
	CHECK_INT(all.n, 1);
	name_is(t, &all, 0, "me");
}

TEST(a_bad_manifest_is_told_and_harms_no_other)
{
	FOLDER f = {0}, g = {0};
	CHECK(folder_new(&f) && folder_new(&g));
	CHECK(folder_write(&f, "bad/agent.yaml", "name: [\n", 0644));
	CHECK(write_agent(&f, "good", "good") && write_agent(&g, "twin", "good"));
	CLEANUP_ARENA struct arena a = {0};
	struct agent_roots roots;
	struct agents_found all;
	CHECK(roots_of(&a, &roots, f.path, g.path));
	builtin_find(&a, &roots, &all);
	CHECK_INT(all.n, 3);
	CHECK(all.items[0].refused && all.items[0].diag.n > 0);
	name_is(t, &all, 1, "good");
	CHECK(all.items[2].refused);
	CHECK(strstr(all.items[2].diag.findings[0].message, "already"));
}

TEST(a_rule_that_is_not_built_in_is_refused)
{
	static const char rest[] = "type: RULE\nversion: v1\ncapabilities: {run: }\n";
	FOLDER f = {0};
	CLEANUP_BUF struct buf good = {0}, bad = {0};
	buf_printf(&good, "name: noop\n%s", rest);
	buf_printf(&bad, "name: other\n%s", rest);
	CHECK(folder_new(&f));
	CHECK(folder_write(&f, "a/agent.yaml", good.p, 0644) &&
	      folder_write(&f, "b/agent.yaml", bad.p, 0644));
	CLEANUP_ARENA struct arena a = {0};
	struct agent_roots roots;
	struct agents_found all;
	CHECK(roots_of(&a, &roots, f.path, NULL));
	builtin_find(&a, &roots, &all);
	CHECK_INT(all.n, 2);
	CHECK(!all.items[0].refused);
	CHECK(all.items[1].refused && strstr(all.items[1].diag.findings[0].message, "built in"));
}

TEST(a_root_that_is_no_folder_is_named)
{
	CLEANUP_ARENA struct arena a = {0};
	const char *dirs[] = {"/tmp", "/nowhere/at/all"};
	const char *bad = NULL;
	struct agent_roots roots;
	CHECK_INT(builtin_roots(&a, dirs, 2, &roots, &bad), -ENOENT);
	CHECK_Z(bad, "/nowhere/at/all");
	const char *file[] = {"/etc/passwd"};
	CHECK_INT(builtin_roots(&a, file, 1, &roots, &bad), -ENOTDIR);
}

TEST(only_folders_under_a_root_are_allowed_however_they_are_spelled)
{
	FOLDER f = {0}, outside = {0};
	CHECK(folder_new(&f) && folder_new(&outside));
	CHECK(folder_write(&f, "in/x", "", 0644) && folder_write(&outside, "in/x", "", 0644));
	CHECK(folder_write(&f, "root/in/x", "", 0644) && folder_write(&f, "rootless/x", "", 0644));
	char root[128], path[256];
	snprintf(root, sizeof(root), "%s/root", f.path);
	CLEANUP_ARENA struct arena a = {0};
	struct agent_roots roots;
	CHECK(roots_of(&a, &roots, root, NULL));
	static const struct {
		const char *path;
		bool allowed;
	} cases[] = {
		{"root", true},		 {"root/in", true},    {"root/./in/", true},
		{"in/../root/in", true}, {"rootless", false},  {"in", false},
		{"root/../in", false},	 {"root/in/x", false}, {"root/none", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *real;
		snprintf(path, sizeof(path), "%s/%s", f.path, cases[i].path);
		if (agents_folder_allowed(&a, &roots, path, &real, NULL) != cases[i].allowed)
			tap_fail(t, __FILE__, __LINE__, "%s", cases[i].path);
	}
	const char *real;
	char link[256];
	snprintf(link, sizeof(link), "%s/root/out", f.path);
	CHECK_INT(symlink(outside.path, link), 0);
	CHECK(!agents_folder_allowed(&a, &roots, link, &real, NULL));
	snprintf(path, sizeof(path), "%s/in", link);
	CHECK(!agents_folder_allowed(&a, &roots, path, &real, NULL));
	snprintf(link, sizeof(link), "%s/door", outside.path);
	snprintf(path, sizeof(path), "%s/root/in", f.path);
	CHECK_INT(symlink(path, link), 0);
	CHECK(agents_folder_allowed(&a, &roots, link, &real, NULL));
	CHECK_Z(real, path);
	CHECK(!agents_folder_allowed(&a, &roots, "root/in", &real, NULL));
	CHECK(!agents_folder_allowed(&a, &roots, "", &real, NULL));
}

TAP_MAIN(RUN(agents_are_found_two_deep_in_order_and_hidden_ones_left_out),
	 RUN(a_root_may_be_an_agent_itself), RUN(a_bad_manifest_is_told_and_harms_no_other),
	 RUN(a_rule_that_is_not_built_in_is_refused), RUN(a_root_that_is_no_folder_is_named),
	 RUN(only_folders_under_a_root_are_allowed_however_they_are_spelled))
