/* Opening an agent's workspace beneath the roots that the operator allowed. Any thread. */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "daemon/config.h"

enum workspace_outcome {
	WORKSPACE_DENIED = 1, /* not beneath an allowed root */
	WORKSPACE_NOT_FOUND,  /* no such folder, or not a folder */
	WORKSPACE_UNREADABLE, /* the service may not enter it */
};

/* The error code of an outcome: "workspace_denied", … */
const char *workspace_code(enum workspace_outcome o);

/*
 * Opens the folder with O_PATH. Symbolic links in the path are followed as far as they stay
 * beneath the root: what was judged is what is opened (openat2, RESOLVE_BENEATH). 0 with *ret_fd
 * (the caller closes it) and *ret_path (the real path), an outcome with a sentence in *why, or a
 * negative errno.
 */
int workspace_open(const struct config_list *roots, struct str path, int *ret_fd,
		   struct buf *ret_path, struct buf *why);
