/*
 * What drover and its supervisor say to each other: one message per packet of a SOCK_SEQPACKET
 * socketpair, each beginning with its own length, descriptors riding along (SCM_RIGHTS).
 *
 *   drover     -> supervisor   CONFIG, then PREPARE and MOUNTS
 *   supervisor -> drover       HELLO (answer to CONFIG), PREPARED (one per PREPARE)
 *   drover     -> init         START, TERM, KILL     (init: PID 1 of one sandbox)
 *   init       -> drover       READY, RUNNING, FAULT, EXITED
 *   supervisor -> init         GO, then the folders as TREES
 *
 * Both ends are built together, so the layout is the machine's own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum wire_kind {
	WIRE_CONFIG = 1,
	WIRE_HELLO,
	WIRE_PREPARE,
	WIRE_PREPARED,
	WIRE_MOUNTS,
	WIRE_START,
	WIRE_TERM,
	WIRE_KILL,
	WIRE_READY,
	WIRE_RUNNING, /* the agent's exec is done; after a FAULT of that it means nothing */
	WIRE_FAULT,
	WIRE_EXITED,
	WIRE_GO,
	WIRE_TREES,
};

/* Where making a sandbox can fail; names by wire_step_text(). */
enum wire_step {
	STEP_NONE,
	/* once, in the supervisor */
	STEP_USERNS,
	STEP_MOUNTNS,
	STEP_BASE_ROOT,
	STEP_BASE_BIND,
	STEP_BASE_ETC,
	STEP_BASE_DEV,
	STEP_FILTER,
	/* for each sandbox */
	STEP_CLONE,
	STEP_MAP_USERS,
	STEP_CGROUP_JOIN,
	STEP_BECOME_USER,
	STEP_CGROUPNS,
	STEP_HOSTNAME,
	STEP_ROOT,
	STEP_PROC,
	STEP_TMP,
	STEP_PIVOT,
	STEP_OPEN_FOLDER,
	STEP_FOLDER_CHANGED,
	STEP_MOUNT_FOLDER,
	STEP_TMP_SIZE,
	STEP_DROP_CAPS,
	STEP_LOAD_FILTER,
	STEP_FORK,
	STEP_STDIO,
	STEP_LIMITS,
	STEP_CHDIR,
	STEP_EXEC,
	/* in drover */
	STEP_SOCKET,
	STEP_PIPE,
	STEP_STDIN,
	STEP_CGROUP_MAKE,
	STEP_CGROUP_LIMIT,
	STEP_SPEC,
	STEP_SUPERVISOR,
	N_STEPS,
};

static inline const char *wire_step_text(enum wire_step step)
{
	static const char *const text[N_STEPS] = {
		[STEP_NONE] = "nothing",
		[STEP_USERNS] = "making a user namespace",
		[STEP_MOUNTNS] = "making a mount namespace",
		[STEP_BASE_ROOT] = "making the base file system",
		[STEP_BASE_BIND] = "binding the base system's folders",
		[STEP_BASE_ETC] = "filling the base system's /etc",
		[STEP_BASE_DEV] = "filling the base system's /dev",
		[STEP_FILTER] = "building the system call filter",
		[STEP_CLONE] = "making the sandbox's namespaces",
		[STEP_MAP_USERS] = "mapping the sandbox's user",
		[STEP_CGROUP_JOIN] = "joining the control group",
		[STEP_BECOME_USER] = "becoming the sandbox's user",
		[STEP_CGROUPNS] = "making a control group namespace",
		[STEP_HOSTNAME] = "setting the host name",
		[STEP_ROOT] = "cloning the base file system",
		[STEP_PROC] = "mounting /proc",
		[STEP_TMP] = "mounting /tmp",
		[STEP_PIVOT] = "changing the root",
		[STEP_OPEN_FOLDER] = "opening a folder to mount",
		[STEP_FOLDER_CHANGED] = "checking a folder to mount (it was exchanged meanwhile)",
		[STEP_MOUNT_FOLDER] = "mounting a folder",
		[STEP_TMP_SIZE] = "limiting /tmp",
		[STEP_DROP_CAPS] = "dropping capabilities",
		[STEP_LOAD_FILTER] = "loading the system call filter",
		[STEP_FORK] = "starting the agent's process",
		[STEP_STDIO] = "connecting the agent's standard streams",
		[STEP_LIMITS] = "setting resource limits",
		[STEP_CHDIR] = "entering the agent's folder",
		[STEP_EXEC] = "executing the agent's command",
		[STEP_SOCKET] = "making a socket",
		[STEP_PIPE] = "making a pipe",
		[STEP_STDIN] = "storing the agent's input",
		[STEP_CGROUP_MAKE] = "making a control group",
		[STEP_CGROUP_LIMIT] = "setting a control group's limits",
		[STEP_SPEC] = "handing over the command (arguments and environment too large)",
		[STEP_SUPERVISOR] = "reaching the sandbox supervisor",
	};
	return step < N_STEPS ? text[step] : "?";
}

enum {
	WIRE_BYTES_MOST = LIMIT_SANDBOX_MESSAGE_BYTES, /* fits a socket buffer */
	WIRE_FDS_MOST = 8,
	WIRE_FOLDERS = 3, /* agent, workspace, artifacts */
	WIRE_INNER_UID = 1000,
};

struct wire_head {
	uint32_t size; /* of the whole message */
	uint32_t kind;
};

struct wire_config {
	struct wire_head head;
	uint32_t privileged; /* root with CAP_SYS_ADMIN: no outer user namespace needed */
	uint32_t plain;	     /* no namespaces at all */
	uint32_t fail_step;  /* tests: fails here as if the kernel had refused */
};

/* Also HELLO, READY, RUNNING and FAULT. */
struct wire_fault {
	struct wire_head head;
	uint32_t step; /* STEP_NONE = good */
	int32_t error; /* positive errno */
};

/* Descriptors: the sandbox's channel, then its cgroup.procs files. */
struct wire_prepare {
	struct wire_head head;
	uint32_t id;
	uint32_t host_uid, host_gid;
	uint32_t fail_step;
};

/* Descriptor: a pidfd of init, unless it failed. */
struct wire_prepared {
	struct wire_head head;
	uint32_t id;
	uint32_t step;
	int32_t error;
};

/*
 * paths: WIRE_FOLDERS strings with their NULs, "" for none. Descriptors: one O_PATH for each
 * folder that is there, in order: the folder opened by path must be the very same.
 */
struct wire_mounts {
	struct wire_head head;
	uint32_t id;
	char paths[];
};

/* Descriptors: the detached mounts that are in the mask, in order. */
struct wire_trees {
	struct wire_head head;
	uint32_t step;
	int32_t error;
	uint32_t mask;
};

/* Descriptors: stdin, stdout, stderr. */
struct wire_start {
	struct wire_head head;
	uint64_t tmp_bytes, file_bytes;
	uint64_t data_bytes; /* 0 = limited otherwise */
	uint32_t open_files;
	uint32_t processes; /* 0 = limited otherwise */
	uint32_t has_folders;
	uint32_t n_argv, n_env;
	uint32_t unused; /* so that the strings begin where the struct ends */
	char strings[];	 /* working directory, argv, env */
};

/* The agent and all that it left have ended; only init is still there, about to end too. */
struct wire_exited {
	struct wire_head head;
	int32_t status;	      /* as wait(2) has it */
	uint32_t n_processes; /* that were there when the agent ended, with init */
	uint64_t cpu_usec;
	uint64_t peak_bytes; /* largest resident set of one process */
};

_Static_assert(sizeof(struct wire_start) == offsetof(struct wire_start, strings), "no padding");
_Static_assert(sizeof(struct wire_mounts) == offsetof(struct wire_mounts, paths), "no padding");
