/*
 * Control groups, version 1 or 2, whichever of them holds a controller on this machine. One parent
 * group for this process in every hierarchy used, one child for each attempt. Groups that dead
 * processes left are removed when a new parent is made. The freezer is never used: what is frozen
 * by version 1 ignores KILL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CPUACCT, N_CGROUP };

struct cgroups;

struct cgroup {
	struct cgroups *all; /* NULL = none was made */
	unsigned id;
	bool cpu_limited;
};

/*
 * Finds the controllers and makes the parent groups. root overrides /sys/fs/cgroup's own mounts
 * (tests: a folder laid out as version 2). NULL-safe result: NULL when there is nothing to use;
 * *ret_problem then says why (static text).
 */
struct cgroups *cgroups_new(const char *root, const char **ret_problem);

/* Removes the parents; children must be gone. */
void cgroups_free(struct cgroups *g);

/* 1 or 2 when the controller is usable, else 0. */
int cgroups_version(const struct cgroups *g, enum cgroup_controller c);

/* Makes a child; its cgroup.procs files go to the caller. 0 or a negative errno. */
int cgroup_make(struct cgroups *g, unsigned id, struct cgroup *ret, int *ret_procs,
		size_t *ret_n_procs);

/* Sets the limits; a process more than `pids` may be in it (init). 0 or a negative errno. */
int cgroup_limit(struct cgroup *c, uint64_t memory_bytes, uint32_t cpu_millicores, uint32_t pids);

/*
 * A descriptor that becomes readable (*ret_priority: by POLLPRI) when the limit was hit, or a
 * negative errno where that can't be watched.
 */
int cgroup_watch(struct cgroup *c, enum cgroup_controller which, bool *ret_priority);

/* How often a process was killed for memory, or refused for pids. */
uint64_t cgroup_breaches(struct cgroup *c, enum cgroup_controller which);

/* What it used in all; what can't be told is left alone. */
void cgroup_usage(struct cgroup *c, int64_t *cpu_usec, uint64_t *peak_bytes);

/* 0, or -EBUSY while processes are left. */
int cgroup_remove(struct cgroup *c);
