/*
 * The system call filter of agents: an allow-list. What is not on it fails with ENOSYS, as on an
 * older kernel, so that libraries fall back; the well-known privileged calls fail with EPERM.
 * Other architectures' calls (i386, x32) end the process.
 */
#pragma once

#include <stddef.h>

struct sock_filter;

/* Builds the program; 0 or a negative errno. It lives as long as the process. */
int filter_build(struct sock_filter **ret_program, size_t *ret_n);

/* Loads it for the calling thread and what it starts. 0 or a negative errno. */
int filter_load(struct sock_filter *program, size_t n);
