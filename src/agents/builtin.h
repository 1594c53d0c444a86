/*
 * The folders agents may come from, and the agents found there. Roots are those that come with
 * drover ("agents" next to the program, "../share/drover/agents" from it) and those the operator
 * named. Symbolic links are resolved once, when a root or a folder is named; what lies under a
 * root is decided on resolved paths only, and no link inside is followed. Start-up and the
 * registration of an agent use this; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "json/value.h"

struct agent_root {
	const char *path; /* absolute, resolved */
	bool builtin;	  /* came with drover */
};

struct agent_roots {
	struct agent_root *roots;
	size_t n;
};

/*
 * The roots that exist: drover's own first, then `dirs`. 0, or a negative errno with *ret_bad
 * (may be NULL) set to the one of `dirs` that is no folder.
 */
int builtin_roots(struct arena *a, const char *const *dirs, size_t n, struct agent_roots *ret,
		  const char **ret_bad);

/* An agent found under a root, or a manifest there that was refused. */
struct agent_found {
	const char *folder;
	bool builtin;
	bool refused;	    /* findings say why */
	struct value agent; /* as manifest_load() gives it, with `digest`; unless refused */
	struct diag diag;
};

struct agents_found {
	struct agent_found *items;
	size_t n;
	size_t n_dropped; /* beyond LIMIT_AGENT_FOLDERS */
};

/*
 * Every folder with a manifest: a root itself, its children and theirs; hidden ones are left out.
 * By root, then by path. Nothing is fatal: an unreadable folder is left out, a bad manifest comes
 * as refused. Of one name the first counts; a later one is refused.
 */
void builtin_find(struct arena *a, const struct agent_roots *roots, struct agents_found *ret);

/*
 * Whether an agent may live at this path: it is a folder and lies, resolved, at or under a root.
 * *ret_folder is the resolved path to keep and use; *ret_builtin (may be NULL) whether the root is
 * drover's own.
 */
bool agents_folder_allowed(struct arena *a, const struct agent_roots *roots, const char *path,
			   const char **ret_folder, bool *ret_builtin);
