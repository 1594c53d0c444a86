#include "agents/builtin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/manifest.h"
#include "agents/rule.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/map.h"

enum { DEPTH = 2 }; /* folders below a root that may be agents */

struct finder {
	struct arena *arena;
	struct agents_found *found;
	size_t cap;
	struct map names;
	bool builtin;
};

/* A folder that is not there or can't be read is left out; agents that are missing only because
 * memory or descriptors ran out would be a lie. */
static void mind_resources(int r)
{
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		fault_fatal("looking for agents: %s", strerror(-r));
}

static void add_root(struct arena *a, struct agent_roots *roots, const char *path, bool builtin)
{
	roots->roots = arena_grow(a, roots->roots, roots->n * sizeof(*roots->roots),
				  (roots->n + 1) * sizeof(*roots->roots));
	roots->roots[roots->n++] = (struct agent_root){path, builtin};
}

static int resolve_folder(struct arena *a, const char *path, const char **ret)
{
	CLEANUP_FREE char *real = realpath(path, NULL);
	if (!real)
		return -errno;
	struct stat st;
	if (stat(real, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	*ret = arena_dupz(a, real);
	return 0;
}

static void add_own_root(struct arena *a, struct agent_roots *roots, const char *from_program)
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n <= 0)
		return;
	program[n] = '\0';
	char *slash = strrchr(program, '/');
	if (!slash)
		return;
	*slash = '\0';
	const char *real = NULL;
	int r = resolve_folder(a, arena_printf(a, "%s/%s", program, from_program), &real);
	mind_resources(r);
	if (r == 0)
		add_root(a, roots, real, true);
}

int builtin_roots(struct arena *a, const char *const *dirs, size_t n, struct agent_roots *ret,
		  const char **ret_bad)
{
	struct agent_roots roots = {0};
	add_own_root(a, &roots, "agents");
	add_own_root(a, &roots, "../share/drover/agents");
	for (size_t i = 0; i < n; i++) {
		const char *real = NULL;
		int r = resolve_folder(a, dirs[i], &real);
		if (r < 0) {
			if (ret_bad)
				*ret_bad = dirs[i];
			return r;
		}
		add_root(a, &roots, real, false);
	}
	*ret = roots;
	return 0;
}

static struct agent_found *next_found(struct finder *f)
{
	struct agents_found *all = f->found;
	if (all->n == LIMIT_AGENT_FOLDERS) {
		all->n_dropped++;
		return NULL;
	}
	if (all->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		all->items = arena_grow(f->arena, all->items, f->cap * sizeof(*all->items),
					cap * sizeof(*all->items));
		f->cap = cap;
	}
	struct agent_found *item = &all->items[all->n++];
	*item = (struct agent_found){.builtin = f->builtin, .refused = true};
	diag_init(&item->diag, f->arena);
	return item;
}

/* A RULE agent is only as good as what is built in. */
static void judge_rule(struct agent_found *item)
{
	if (!str_eqz(value_text(value_getz(&item->agent, "type")), "RULE"))
		return;
	struct str agent = value_text(value_getz(&item->agent, "name"));
	const struct value *list = value_getz(&item->agent, "capabilities");
	for (uint32_t i = 0; i < list->n; i++) {
		struct str action = value_text(value_getz(&list->items[i], "name"));
		if (!rule_known(agent, action))
			diag_add(&item->diag, "capabilities",
				 "no rule %.*s with the action %.*s is built in: programs are "
				 "of type SCRIPT",
				 STR_ARG(agent), STR_ARG(action));
	}
}

static void load(struct finder *f, struct agent_found *item)
{
	int r = manifest_load(f->arena, item->folder, &item->diag, &item->agent);
	mind_resources(r);
	if (r < 0)
		diag_add(&item->diag, "", "the manifest can't be read: %s", strerror(-r));
	if (r != 0)
		return;
	judge_rule(item);
	if (item->diag.n)
		return;
	struct str name = value_text(value_getz(&item->agent, "name"));
	const char *other = map_get(&f->names, name);
	if (other) {
		diag_add(&item->diag, "name", "an agent of this name is in %.900s already", other);
		return;
	}
	char hex[SHA256_HEX_BYTES];
	r = manifest_digest(item->folder, hex);
	mind_resources(r);
	if (r < 0) {
		diag_add(&item->diag, "", "the folder can't be read whole: %s", strerror(-r));
		return;
	}
	value_putz(f->arena, &item->agent, "digest", value_strz(arena_dupz(f->arena, hex)));
	map_put(&f->names, name, (void *)(uintptr_t)item->folder);
	item->refused = false;
}

static bool has_manifest(const char *folder)
{
	CLEANUP_FD int dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	return dir >= 0 && fstatat(dir, MANIFEST_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void search(struct finder *f, const char *folder, int depth)
{
	if (has_manifest(folder)) {
		struct agent_found *item = next_found(f);
		if (item) {
			item->folder = folder;
			load(f, item);
		}
		return; /* an agent's own folders hold no other agents */
	}
	if (depth == DEPTH)
		return;
	struct dirent **names;
	int n = scandir(folder, &names, visible, alphasort);
	if (n < 0)
		mind_resources(-errno);
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(f->arena, "%s/%s", folder, names[i]->d_name);
		struct stat st;
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			search(f, path, depth + 1);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

void builtin_find(struct arena *a, const struct agent_roots *roots, struct agents_found *ret)
{
	*ret = (struct agents_found){0};
	struct finder f = {.arena = a, .found = ret};
	for (size_t i = 0; i < roots->n; i++) {
		f.builtin = roots->roots[i].builtin;
		search(&f, roots->roots[i].path, 0);
	}
	map_free(&f.names);
}

/* Whether the resolved path is the root or lies under it. */
static bool lies_under(const char *path, const char *root)
{
	size_t n = strlen(root);
	if (strcmp(root, "/") == 0)
		return true;
	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Reaches the folder from the root step by step without following a link: what realpath() said
 * is still so. */
static bool reachable(const char *root, const char *path)
{
	CLEANUP_FD int at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *step = path + strlen(root);
	while (at >= 0 && *step) {
		step += strspn(step, "/");
		size_t n = strcspn(step, "/");
		char name[NAME_MAX + 1];
		if (n == 0)
			break;
		if (n > NAME_MAX)
			return false;
		memcpy(name, step, n);
		name[n] = '\0';
		int next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(at);
		at = next;
		step += n;
	}
	return at >= 0;
}

bool agents_folder_allowed(struct arena *a, const struct agent_roots *roots, const char *path,
			   const char **ret_folder, bool *ret_builtin)
{
	const char *real = NULL;
	if (path[0] != '/' || resolve_folder(a, path, &real) < 0)
		return false;
	for (size_t i = 0; i < roots->n; i++) {
		const struct agent_root *root = &roots->roots[i];
		if (!lies_under(real, root->path) || !reachable(root->path, real))
			continue;
		*ret_folder = real;
		if (ret_builtin)
			*ret_builtin = root->builtin;
		return true;
	}
	return false;
}
