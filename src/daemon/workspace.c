#include "daemon/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"

const char *workspace_code(enum workspace_outcome o)
{
	switch (o) {
	case WORKSPACE_DENIED:
		return "workspace_denied";
	case WORKSPACE_NOT_FOUND:
		return "workspace_not_found";
	case WORKSPACE_UNREADABLE:
		return "workspace_unreadable";
	}
	return "";
}

/* The part of `real` below `root`, "." for the root itself, NULL when it is not beneath. */
static const char *below(const char *root, const char *real)
{
	size_t n = strlen(root);
	if (strcmp(root, "/") == 0)
		return real[1] ? real + 1 : ".";
	if (strncmp(root, real, n) != 0 || (real[n] != '/' && real[n] != '\0'))
		return NULL;
	return real[n] && real[n + 1] ? real + n + 1 : ".";
}

static int open_beneath(const char *root, const char *relative, int *ret_fd)
{
	CLEANUP_FD int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root_fd, relative, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int refuse(struct buf *why, struct str path, int error)
{
	switch (error) {
	case ENOENT:
		buf_printf(why, "the workspace %.*s does not exist", STR_ARG(path));
		return WORKSPACE_NOT_FOUND;
	case ENOTDIR:
		buf_printf(why, "the workspace %.*s is not a folder", STR_ARG(path));
		return WORKSPACE_NOT_FOUND;
	case EACCES:
	case EPERM:
		buf_printf(why, "the workspace %.*s can't be opened by the service: %s",
			   STR_ARG(path), strerror(error));
		return WORKSPACE_UNREADABLE;
	case ELOOP:
	case ENAMETOOLONG:
	case EXDEV:
		buf_printf(why, "the workspace %.*s does not lie beneath an allowed folder",
			   STR_ARG(path));
		return WORKSPACE_DENIED;
	default:
		return -error;
	}
}

int workspace_open(const struct config_list *roots, struct str path, int *ret_fd,
		   struct buf *ret_path, struct buf *why)
{
	if (path.n == 0 || path.p[0] != '/' || memchr(path.p, '\0', path.n)) {
		buf_printf(why, "a workspace must be an absolute path, not '%.*s'", STR_ARG(path));
		return WORKSPACE_DENIED;
	}
	CLEANUP_FREE char *given = mem_dup(path.p, path.n);
	CLEANUP_FREE char *real = realpath(given, NULL);
	int real_error = real ? 0 : errno;
	for (size_t i = 0; i < roots->n; i++) {
		CLEANUP_FREE char *root = realpath(roots->items[i], NULL);
		/* A path that does not exist is told so only beneath an allowed root. */
		const char *relative = root ? below(root, real ? real : given) : NULL;
		if (!relative)
			continue;
		if (!real)
			return refuse(why, path, real_error);
		int r = open_beneath(root, relative, ret_fd);
		if (r < 0)
			return refuse(why, path, -r);
		buf_puts(ret_path, real);
		return 0;
	}
	buf_printf(why,
		   "the workspace %.*s does not lie beneath a folder that the operator allowed; "
		   "start the service with --workspaces DIR",
		   STR_ARG(path));
	return WORKSPACE_DENIED;
}
