#include "exec/sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { CPU_PERIOD_USEC = 100000 };

/* One hierarchy in use: the folder that holds our parent group, and the parent itself. */
struct place {
	int version;
	int base, parent;
};

struct cgroups {
	char name[96]; /* of the parents */
	struct place places[N_CGROUP];
	size_t n_places;
	int at[N_CGROUP]; /* index into places, or -1 */
};

static const char *const names[N_CGROUP] = {"memory", "pids", "cpu", "cpuacct"};

static int read_at(int dir, const char *path, struct buf *out)
{
	CLEANUP_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (out->n < LIMIT_PROC_FILE_BYTES) {
		buf_reserve(out, 4096);
		ssize_t n = read(fd, out->p + out->n, 4096);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		out->n += (size_t)n;
	}
	buf_putc(out, '\0');
	return 0;
}

static int write_at(int dir, const char *path, const char *text)
{
	CLEANUP_FD int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int write_number(int dir, unsigned id, const char *file, uint64_t n)
{
	char path[64], text[24];
	snprintf(path, sizeof(path), "%u/%s", id, file);
	snprintf(text, sizeof(text), "%" PRIu64, n);
	return write_at(dir, path, text);
}

/* Start time in clock ticks (proc(5), field 22), which tells a process from its successors. */
static uint64_t start_time(long pid)
{
	char path[64];
	CLEANUP_BUF struct buf text = {0};
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (read_at(AT_FDCWD, path, &text))
		return 0;
	char *at = strrchr(text.p, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static uint64_t pid_namespace(void)
{
	struct stat st;
	return stat("/proc/self/ns/pid", &st) ? 0 : (uint64_t)st.st_ino;
}

/* "drover-PID-START-NAMESPACE-N" of a process of our PID namespace that is no more. */
static bool is_stale(const char *name)
{
	long pid;
	uint64_t start, ns;
	if (sscanf(name, "drover-%ld-%" SCNu64 "-%" SCNu64, &pid, &start, &ns) != 3)
		return false;
	return ns == pid_namespace() && start_time(pid) != start;
}

static void kill_members(int dir)
{
	CLEANUP_BUF struct buf text = {0};
	if (read_at(dir, "cgroup.procs", &text))
		return;
	for (char *at = text.p, *end; *at; at = end + (*end == '\n')) {
		long pid = strtol(at, &end, 10);
		if (end == at)
			return;
		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
	}
}

/* The kernel lets go of ended processes late: one try a millisecond. */
static void remove_child(int dir, const char *name, int *tries)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	CLEANUP_FD int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (child < 0)
		return;
	kill_members(child);
	while (unlinkat(dir, name, AT_REMOVEDIR) && errno == EBUSY && (*tries)-- > 0)
		nanosleep(&ms, NULL);
}

static void remove_tree(int base, const char *name)
{
	int tries = LIMIT_SANDBOX_STALE_MS;
	int dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_DIR DIR *d = dir < 0 ? NULL : fdopendir(dir);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_child(dir, e->d_name, &tries);
	unlinkat(base, name, AT_REMOVEDIR);
}

static void remove_stale(int base)
{
	int copy = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_type == DT_DIR && is_stale(e->d_name))
			remove_tree(base, e->d_name);
}

/* Adds a hierarchy below base (taken) for the controllers of the mask. */
static int add_place(struct cgroups *g, int version, int base, unsigned mask)
{
	remove_stale(base);
	int parent = -1, r = 0;
	if (mkdirat(base, g->name, 0755) && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		parent = openat(base, g->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = parent < 0 ? -errno : 0;
	}
	if (r == 0 && version == 2)
		r = write_at(parent, "cgroup.subtree_control",
			     mask & (1U << CGROUP_CPU) ? "+memory +pids +cpu" : "+memory +pids");
	if (r) {
		if (parent >= 0)
			close(parent);
		unlinkat(base, g->name, AT_REMOVEDIR);
		close(base);
		return r;
	}
	for (int c = 0; c < N_CGROUP; c++)
		if (mask & (1U << c))
			g->at[c] = (int)g->n_places;
	g->places[g->n_places++] = (struct place){version, base, parent};
	return 0;
}

/* Whether the comma-separated list has the word. */
static bool list_has(struct str list, const char *word)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;
		if (str_eqz(str_n(list.p, n), word))
			return true;
		list.p += n + (comma != NULL);
		list.n -= n + (comma != NULL);
	}
	return false;
}

/* The next line of *rest, cut off and NUL-terminated; NULL at the end. */
static char *next_line(char **rest)
{
	char *line = *rest;
	if (!*line)
		return NULL;
	char *end = strchr(line, '\n');
	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* This process's path in the hierarchy of a version 1 controller, or of version 2 (""). */
static char *own_path(const char *controller)
{
	CLEANUP_BUF struct buf text = {0};
	if (read_at(AT_FDCWD, "/proc/self/cgroup", &text))
		return NULL;
	char *rest = text.p;
	for (char *line; (line = next_line(&rest));) {
		char *list = strchr(line, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;
		if (!path)
			continue;
		struct str controllers = str_n(list + 1, (size_t)(path - list - 1));
		if (*controller ? list_has(controllers, controller) : controllers.n == 0)
			return mem_dupz(path + 1);
	}
	return NULL;
}

/* Where the controller's hierarchy is mounted and which part of it (mountinfo's root). */
static bool find_mount(const char *type, const char *controller, char **ret_point, char **ret_root)
{
	CLEANUP_BUF struct buf text = {0};
	if (read_at(AT_FDCWD, "/proc/self/mountinfo", &text))
		return false;
	char *rest = text.p;
	for (char *line; (line = next_line(&rest));) {
		char root[1024], point[1024], fs[64], options[1024];
		char *dash = strstr(line, " - ");
		if (!dash || sscanf(line, "%*d %*d %*s %1023s %1023s", root, point) != 2 ||
		    sscanf(dash, " - %63s %*s %1023s", fs, options) != 2 || strcmp(fs, type) != 0)
			continue;
		if (*controller && !list_has(str_of(options), controller))
			continue;
		*ret_point = mem_dupz(point);
		*ret_root = mem_dupz(root);
		return true;
	}
	return false;
}

/* Opens this process's own group, or the mount's root when that is not to be seen. */
static int open_own(const char *type, const char *controller, bool top)
{
	CLEANUP_FREE char *point = NULL, *root = NULL, *own = own_path(controller);
	if (!find_mount(type, controller, &point, &root))
		return -ENOENT;
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (own && !top && strncmp(own, root, n) == 0) {
		CLEANUP_FREE char *path = mem_printf("%s%s", point, own + n);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	int fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\n' || !at[n]))
			return true;
	return false;
}

/* Which controllers a version 2 group can hand on; 0 when memory or pids is missing. */
static unsigned v2_mask(int base)
{
	CLEANUP_BUF struct buf text = {0};
	if (read_at(base, "cgroup.controllers", &text) || !has_word(text.p, "memory") ||
	    !has_word(text.p, "pids"))
		return 0;
	return 1U << CGROUP_MEMORY | 1U << CGROUP_PIDS | 1U << CGROUP_CPUACCT |
	       (has_word(text.p, "cpu") ? 1U << CGROUP_CPU : 0);
}

static int v2_enable(int base, unsigned mask)
{
	CLEANUP_BUF struct buf on = {0};
	if (read_at(base, "cgroup.subtree_control", &on) == 0 && has_word(on.p, "memory") &&
	    has_word(on.p, "pids") && (has_word(on.p, "cpu") || !(mask & 1U << CGROUP_CPU)))
		return 0;
	return write_at(base, "cgroup.subtree_control",
			mask & (1U << CGROUP_CPU) ? "+memory +pids +cpu" : "+memory +pids");
}

/* A group with members can't hand controllers on: this process moves into a leaf of its own. */
static int v2_leave(int base)
{
	if (mkdirat(base, "drover-self", 0755) && errno != EEXIST)
		return -errno;
	return write_at(base, "drover-self/cgroup.procs", "0");
}

static int add_v2(struct cgroups *g, const char *root, bool top)
{
	int base = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			: open_own("cgroup2", "", top);
	if (base < 0)
		return root ? -errno : base;
	unsigned mask = v2_mask(base);
	int r = mask ? v2_enable(base, mask) : -ENOENT;
	if (r == -EBUSY && !top && v2_leave(base) == 0) {
		r = v2_enable(base, mask);
		if (r)
			write_at(base, "cgroup.procs", "0");
	}
	if (r) {
		close(base);
		return r;
	}
	return add_place(g, 2, base, mask);
}

static void add_v1(struct cgroups *g)
{
	for (int c = 0; c < N_CGROUP; c++) {
		if (g->at[c] >= 0)
			continue;
		int base = open_own("cgroup", names[c], false);
		struct stat st, other;
		if (base < 0 || fstat(base, &st)) {
			if (base >= 0)
				close(base);
			continue;
		}
		/* cpu and cpuacct often share one hierarchy */
		int same = -1;
		for (size_t i = 0; i < g->n_places; i++)
			if (fstat(g->places[i].base, &other) == 0 && st.st_dev == other.st_dev &&
			    st.st_ino == other.st_ino)
				same = (int)i;
		if (same >= 0) {
			g->at[c] = same;
			close(base);
		} else {
			add_place(g, 1, base, 1U << c);
		}
	}
}

struct cgroups *cgroups_new(const char *root, const char **ret_problem)
{
	struct cgroups *g = NEW0(struct cgroups);
	memset(g->at, -1, sizeof(g->at));
	static unsigned n_made; /* one process may have several */
	snprintf(g->name, sizeof(g->name), "drover-%ld-%" PRIu64 "-%" PRIu64 "-%u", (long)getpid(),
		 start_time(getpid()), pid_namespace(), n_made++);
	int r = root ? add_v2(g, root, false) : -ENOENT;
	if (!root && geteuid() == 0)
		r = add_v2(g, NULL, true);
	if (!root && r)
		add_v2(g, NULL, false);
	if (!root)
		add_v1(g);
	*ret_problem = "";
	if (g->at[CGROUP_MEMORY] >= 0 && g->at[CGROUP_PIDS] >= 0)
		return g;
	*ret_problem =
		geteuid() == 0
			? "no memory and pids controllers that this process may use"
			: "no control group is delegated to this user (try systemd-run --user "
			  "--scope -p Delegate=yes)";
	cgroups_free(g);
	return NULL;
}

void cgroups_free(struct cgroups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_places; i++) {
		close(g->places[i].parent);
		unlinkat(g->places[i].base, g->name, AT_REMOVEDIR);
		close(g->places[i].base);
	}
	free(g);
}

int cgroups_version(const struct cgroups *g, enum cgroup_controller c)
{
	return g && g->at[c] >= 0 ? g->places[g->at[c]].version : 0;
}

int cgroup_make(struct cgroups *g, unsigned id, struct cgroup *ret, int *ret_procs,
		size_t *ret_n_procs)
{
	char path[64];
	*ret = (struct cgroup){.all = g, .id = id};
	*ret_n_procs = 0;
	for (size_t i = 0; i < g->n_places; i++) {
		int parent = g->places[i].parent, fd = -1;
		snprintf(path, sizeof(path), "%u", id);
		int r = mkdirat(parent, path, 0755) ? -errno : 0;
		snprintf(path, sizeof(path), "%u/cgroup.procs", id);
		if (r == 0 && (fd = openat(parent, path, O_WRONLY | O_CLOEXEC)) < 0)
			r = -errno;
		if (r) {
			while (*ret_n_procs)
				close(ret_procs[--*ret_n_procs]);
			cgroup_remove(ret);
			return r;
		}
		ret_procs[(*ret_n_procs)++] = fd;
	}
	return 0;
}

static int parent_of(const struct cgroup *c, enum cgroup_controller which)
{
	return c->all->places[c->all->at[which]].parent;
}

static int limit_memory(struct cgroup *c, uint64_t bytes)
{
	int dir = parent_of(c, CGROUP_MEMORY);
	if (cgroups_version(c->all, CGROUP_MEMORY) == 1) {
		int r = write_number(dir, c->id, "memory.limit_in_bytes", bytes);
		/* there is no memsw file where swap is not counted */
		write_number(dir, c->id, "memory.memsw.limit_in_bytes", bytes);
		return r;
	}
	write_number(dir, c->id, "memory.swap.max", 0);
	write_number(dir, c->id, "memory.oom.group", 1);
	return write_number(dir, c->id, "memory.max", bytes);
}

static int limit_cpu(struct cgroup *c, uint32_t millicores)
{
	int dir = parent_of(c, CGROUP_CPU);
	uint64_t quota = (uint64_t)millicores * (CPU_PERIOD_USEC / 1000);
	if (quota < 1000)
		quota = 1000; /* the least the kernel takes */
	if (cgroups_version(c->all, CGROUP_CPU) == 1)
		return write_number(dir, c->id, "cpu.cfs_quota_us", quota);
	char path[64], text[64];
	snprintf(path, sizeof(path), "%u/cpu.max", c->id);
	snprintf(text, sizeof(text), "%" PRIu64 " %d", quota, CPU_PERIOD_USEC);
	return write_at(dir, path, text);
}

int cgroup_limit(struct cgroup *c, uint64_t memory_bytes, uint32_t cpu_millicores, uint32_t pids)
{
	int r = limit_memory(c, memory_bytes);
	if (r == 0)
		r = write_number(parent_of(c, CGROUP_PIDS), c->id, "pids.max", (uint64_t)pids + 1);
	if (r == 0 && cpu_millicores && c->all->at[CGROUP_CPU] >= 0)
		r = limit_cpu(c, cpu_millicores);
	return r;
}

/* Version 1 tells of memory by an eventfd that is registered with the group. */
static int watch_oom_v1(struct cgroup *c)
{
	char path[64], text[64];
	int dir = parent_of(c, CGROUP_MEMORY);
	snprintf(path, sizeof(path), "%u/memory.oom_control", c->id);
	CLEANUP_FD int control = openat(dir, path, O_RDONLY | O_CLOEXEC);
	int event = control < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event < 0)
		return -errno;
	snprintf(path, sizeof(path), "%u/cgroup.event_control", c->id);
	snprintf(text, sizeof(text), "%d %d", event, control);
	int r = write_at(dir, path, text);
	if (r == 0)
		return event;
	close(event);
	return r;
}

int cgroup_watch(struct cgroup *c, enum cgroup_controller which, bool *ret_priority)
{
	char path[64], first[256];
	*ret_priority = true;
	if (which == CGROUP_MEMORY && cgroups_version(c->all, CGROUP_MEMORY) == 1) {
		*ret_priority = false;
		return watch_oom_v1(c);
	}
	snprintf(path, sizeof(path), "%u/%s.events", c->id, names[which]);
	int fd = openat(parent_of(c, which), path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* from here on the kernel tells of changes */
	if (pread(fd, first, sizeof(first), 0) < 0) {
		int e = errno;
		close(fd);
		return -e;
	}
	return fd;
}

/* The number after the key on a line of its own; 0 when it is not there. */
static uint64_t number_after(struct cgroup *c, enum cgroup_controller which, const char *file,
			     const char *key)
{
	char path[64];
	CLEANUP_BUF struct buf text = {0};
	snprintf(path, sizeof(path), "%u/%s", c->id, file);
	if (read_at(parent_of(c, which), path, &text))
		return 0;
	if (!*key)
		return strtoull(text.p, NULL, 10);
	size_t n = strlen(key);
	for (const char *at = text.p; (at = strstr(at, key)); at += n)
		if ((at == text.p || at[-1] == '\n') && at[n] == ' ')
			return strtoull(at + n, NULL, 10);
	return 0;
}

uint64_t cgroup_breaches(struct cgroup *c, enum cgroup_controller which)
{
	if (!c->all)
		return 0;
	if (which == CGROUP_PIDS)
		return number_after(c, which, "pids.events", "max");
	return number_after(c, which,
			    cgroups_version(c->all, which) == 1 ? "memory.oom_control"
								: "memory.events",
			    "oom_kill");
}

void cgroup_usage(struct cgroup *c, int64_t *cpu_usec, uint64_t *peak_bytes)
{
	if (!c->all)
		return;
	uint64_t cpu = 0;
	int version = cgroups_version(c->all, CGROUP_CPUACCT);
	if (version == 1)
		cpu = number_after(c, CGROUP_CPUACCT, "cpuacct.usage", "") / 1000;
	else if (version == 2)
		cpu = number_after(c, CGROUP_CPUACCT, "cpu.stat", "usage_usec");
	if (cpu)
		*cpu_usec = (int64_t)cpu;
	bool v1 = cgroups_version(c->all, CGROUP_MEMORY) == 1;
	uint64_t peak = number_after(c, CGROUP_MEMORY,
				     v1 ? "memory.max_usage_in_bytes" : "memory.peak", "");
	if (peak)
		*peak_bytes = peak;
}

int cgroup_remove(struct cgroup *c)
{
	int r = 0;
	char path[24];
	snprintf(path, sizeof(path), "%u", c->id);
	for (size_t i = 0; c->all && i < c->all->n_places; i++)
		if (unlinkat(c->all->places[i].parent, path, AT_REMOVEDIR) && errno != ENOENT)
			r = -errno;
	return r;
}
