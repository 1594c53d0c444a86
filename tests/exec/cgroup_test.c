#include "exec/sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "tap.h"

/* A folder laid out as a version 2 hierarchy: shows what is written, not what the kernel does. */
struct fake {
	char root[64], parent[256];
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	return remove(path);
}

static void fake_fini(struct fake *f)
{
	nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CLEANUP_FILE FILE *f = fopen(path, "w");
	if (f)
		fputs(text, f);
}

static const char *get(const char *dir, const char *name)
{
	static char text[256];
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CLEANUP_FILE FILE *f = fopen(path, "r");
	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	return text;
}

TEST(a_group_without_the_controllers_is_not_used_and_says_why)
{
	CLEANUP(fake_fini) struct fake f = {.root = "/tmp/cgroup-XXXXXX"};
	CHECK(mkdtemp(f.root));
	put(f.root, "cgroup.controllers", "cpuset hugetlb\n");
	const char *problem = NULL;
	CHECK(cgroups_new(f.root, &problem) == NULL);
	CHECK(problem && *problem);
}

TEST(version_2_controllers_are_handed_on)
{
	CLEANUP(fake_fini) struct fake f = {.root = "/tmp/cgroup-XXXXXX"};
	CHECK(mkdtemp(f.root));
	put(f.root, "cgroup.controllers", "cpuset cpu io memory pids\n");
	put(f.root, "cgroup.subtree_control", "");
	const char *problem = NULL;
	/* the fake makes no files in new groups, so that the parent can't hand on */
	CHECK(cgroups_new(f.root, &problem) == NULL);
	CHECK_Z(get(f.root, "cgroup.subtree_control"), "+memory +pids +cpu");
}

TAP_MAIN(RUN(a_group_without_the_controllers_is_not_used_and_says_why),
	 RUN(version_2_controllers_are_handed_on))
