/*
 * PID 1 of one sandbox: finishes its namespaces, waits for the command, starts it, passes on TERM,
 * and ends with it; the kernel then ends whatever else is left in the PID namespace. In plain mode
 * (no namespaces) it is a subreaper that kills its descendants itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "exec/supervisor/wire.h"

struct filter;

struct init_place {
	int channel;		    /* to drover */
	int trees;		    /* to the supervisor: GO, then TREES */
	int cgroups[WIRE_FDS_MOST]; /* cgroup.procs to join */
	size_t n_cgroups;
	bool plain;
	enum wire_step fail_step;    /* tests */
	const struct filter *filter; /* its last part */
};

void init_run(struct init_place *place) __attribute__((noreturn));
