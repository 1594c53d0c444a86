/*
 * Runs agents' programs in a sandbox of kernel namespaces, control groups, resource limits and a
 * system call filter; docs/sandbox.md says what an agent can and can't do.
 *
 * Everything here belongs to the loop's thread: the functions are called on it and the callbacks
 * come on it. Nothing blocks, but sandbox_new(), which tries the machine out for some
 * milliseconds (five seconds at most, when the machine does not answer).
 *
 * A small supervisor program (carried inside this library) holds the base file system and clones
 * the sandboxes; `n_idle` of them stand ready, so that a start only hands over a command. No
 * process outlives its attempt: not by daemonising, not by ignoring TERM, not by the death of
 * this process. The supervisor watches the thread that called sandbox_new(): that thread must
 * live as long as the sandbox.
 *
 * The caller must ignore SIGPIPE no more than libuv asks: nothing here raises it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct uv_loop_s;
struct sandbox;
struct sandbox_attempt;

struct sandbox_config {
	bool allow_unsandboxed;	 /* where the kernel refuses: run without isolation, and say so */
	unsigned n_idle;	 /* sandboxes kept ready */
	bool no_cgroups;	 /* do as if there were none: limits by rlimits */
	const char *cgroup_root; /* NULL = where this process is; else look for controllers here */
	int test_fail_step;	 /* tests: an enum wire_step that fails; 0 = none */
};

/* How a limit is enforced on this machine. */
enum sandbox_means {
	SANDBOX_MEANS_CGROUP2,
	SANDBOX_MEANS_CGROUP1,
	SANDBOX_MEANS_RLIMIT,
	SANDBOX_MEANS_NONE
};

/* What the machine offers, found out once. Strings live as long as the sandbox. */
struct sandbox_probe {
	bool isolated;	     /* namespaces and filter work */
	bool unsandboxed;    /* they don't, and agents run without (allow_unsandboxed) */
	bool privileged;     /* root with CAP_SYS_ADMIN; else an ordinary user's namespaces */
	const char *problem; /* why not isolated; "" */
	enum sandbox_means memory, pids, cpu;
	const char *limits_problem; /* why not all by control groups; "" */
};

enum sandbox_stop_reason { SANDBOX_STOP_TIMEOUT, SANDBOX_STOP_CANCEL };

struct sandbox_limits {
	uint64_t memory_bytes;	 /* of all processes together, with what they keep in /tmp */
	uint32_t cpu_millicores; /* 0 = no limit */
	uint32_t pids;		 /* processes and threads together */
	uint64_t output_bytes;	 /* of stdout */
	uint64_t tmp_bytes;
	uint64_t file_size_bytes; /* of one file */
	uint32_t open_files;	  /* of one process */
};

struct sandbox_spec {
	const char *const *argv;  /* NULL-ended; argv[0] with a slash is relative to the folder */
	const char *const *env;	  /* NULL-ended "NAME=value"; may be NULL. Wins over the defaults */
	const char *agent_folder; /* read-only at /agent, the working directory; or NULL */
	const char *workspace_folder; /* read-only at /workspace; or NULL */
	const char *artifacts_folder; /* writable, $DROVER_ARTIFACTS; or NULL */
	/*
	 * O_PATH descriptors of the folders as the caller judged them, or -1: then they are opened
	 * here by their path. What is mounted is that very folder, or the attempt fails. Not taken.
	 */
	int agent_fd, workspace_fd, artifacts_fd;
	struct str stdin_bytes;
	struct sandbox_limits limits;
	int64_t timeout_ms; /* 0 = none */
	int64_t grace_ms;   /* between TERM and KILL */
};

struct sandbox_result {
	/*
	 * NULL when the agent ended with 0. Else one of: "timeout" "cancelled" "oom" "pids"
	 * "output_too_large" "exit_N" "signal_N", or "sandbox" when it could not be run at all.
	 */
	const char *code;
	const char *message; /* one sentence for people; "" when code is NULL */
	bool not_begun;	     /* the agent's program was never executed */
	int exit_status;     /* the agent's; -1 when it ended by a signal or never ran */
	bool retry_later;    /* it exited with 75 */
	bool sandboxed;
	struct str output; /* stdout, at most output_bytes */
	int64_t cpu_usec;  /* of all its processes where control groups count; else its own */
	uint64_t memory_peak_bytes;
	int64_t started_mono_ns, finished_mono_ns;
	uint64_t n_log_lines;	      /* handed out */
	uint64_t n_log_bytes_dropped; /* beyond LIMIT_LOG_LINES and LIMIT_LOG_BYTES */
};

struct sandbox_callbacks {
	/* Its program runs now. Not told of one that ended at once. May be NULL. */
	void (*on_started)(void *arg);
	/*
	 * One line of stderr without its end, while the agent runs. truncated: it was longer than
	 * LIMIT_LOG_LINE_BYTES. Bytes are as the agent wrote them: not always UTF-8. May be NULL.
	 */
	void (*on_log_line)(void *arg, struct str line, bool truncated);
	/* It wrote something to stderr, whether or not that makes a line. May be NULL. */
	void (*on_alive)(void *arg);
	/*
	 * The end, once, never from within sandbox_start(): every process is gone, all output read.
	 * The result is borrowed; the attempt's handle is no more.
	 */
	void (*on_done)(void *arg, const struct sandbox_result *result);
};

/* What drover uses unless told otherwise. */
void sandbox_config_init(struct sandbox_config *c);

/* 512 MiB, 1 core, 64 processes, 16 MiB of output, 256 MiB of /tmp, files of 256 MiB, 256 open. */
void sandbox_limits_init(struct sandbox_limits *l);

/* A spec with nothing in it but the limits above and a grace of five seconds. */
void sandbox_spec_init(struct sandbox_spec *s);

/*
 * Tries out what the machine offers and starts the supervisor. Also succeeds where the kernel
 * refuses: then every attempt ends with "sandbox" and the reason. Logs sandbox.unavailable,
 * sandbox.disabled and sandbox.limits_weak warnings. A negative errno when not even a process
 * can be started.
 */
int sandbox_new(struct uv_loop_s *loop, const struct sandbox_config *config, struct sandbox **ret);

/*
 * Kills what still runs (on_done is not called) and waits until it is gone; removes control
 * groups. The memory is freed as the loop runs its closing callbacks: run the loop until it ends.
 */
void sandbox_free(struct sandbox *s);

const struct sandbox_probe *sandbox_probe(const struct sandbox *s);

/* The probe as lines of text for `drover doctor`. */
void sandbox_probe_text(const struct sandbox *s, struct buf *out);

/*
 * Starts an attempt; the spec is used up when this returns. Never NULL: whatever goes wrong is
 * told by on_done with the code "sandbox".
 */
struct sandbox_attempt *sandbox_start(struct sandbox *s, const struct sandbox_spec *spec,
				      const struct sandbox_callbacks *callbacks, void *arg)
	__attribute__((returns_nonnull));

/*
 * TERM to all its processes, KILL after the grace period. The first reason counts; when the agent
 * has already ended, its own end does. on_done follows.
 */
void sandbox_stop(struct sandbox_attempt *a, enum sandbox_stop_reason reason);
