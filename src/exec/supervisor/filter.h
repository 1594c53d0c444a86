/*
 * The system call filter of agents: an allow-list. What is not on it fails with ENOSYS, as on an
 * older kernel, so that libraries fall back; the well-known privileged calls fail with EPERM.
 * Other architectures' calls (i386, x32) end the process.
 *
 * It comes in two parts, because loading a long one for every sandbox costs: the main part is
 * loaded once by the supervisor and inherited by every sandbox; it still lets pass what makes
 * sandboxes. The short last part takes that away too, right before the agent starts.
 */
#pragma once

#include <stddef.h>

struct sock_filter;

struct filter {
	struct sock_filter *program; /* lives as long as the process */
	size_t n;
};

/* Builds both parts; 0 or a negative errno. */
int filter_build(struct filter *ret_main, struct filter *ret_last);

/* Loads it for the calling thread and what it starts. 0 or a negative errno. */
int filter_load(const struct filter *f);
