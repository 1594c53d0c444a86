/* System calls and small helpers of the supervisor. No allocation, no stdio, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "exec/supervisor/wire.h"

/* Sends one message with n_fds descriptors; false when the other side is gone. */
bool sys_send(int socket, const void *message, size_t n, const int *fds, size_t n_fds);

/*
 * Receives one message of at most cap bytes; its length, 0 at the end of the stream, -1 on an
 * error. Descriptors come close-on-exec; *ret_n_fds of them.
 */
ssize_t sys_receive(int socket, void *message, size_t cap, int fds[WIRE_FDS_MOST],
		    size_t *ret_n_fds);

/* Writes text to a file; 0 or a negative errno. */
int sys_write_file(const char *path, const char *text);

/* fsopen + fsconfig + fsmount; options as "key=value" strings, NULL-ended. An fd or -errno. */
int sys_new_fs(const char *type, unsigned attr, const char *const *options);

/* A detached recursive copy of the mounts at path (below dir), with attr set. An fd or -errno. */
int sys_clone_tree(int dir, const char *path, unsigned attr);

/* Puts a detached mount at path below dir; closes it. 0 or -errno. */
int sys_attach(int tree, int dir, const char *path);

/* Sends a wire_fault of the kind. */
void sys_tell(int socket, enum wire_kind kind, enum wire_step step, int error);
