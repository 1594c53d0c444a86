/* Starts the supervisor program that this library carries. */
#pragma once

#include <sys/types.h>

/*
 * The other end of its socket (non-blocking, close-on-exec) and its pid, which the caller reaps.
 * 0 or a negative errno.
 */
int program_start(int *ret_socket, pid_t *ret_pid);
