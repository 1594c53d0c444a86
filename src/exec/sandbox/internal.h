/* What the files of the sandbox share among themselves; nobody else includes it. */
#pragma once

#include <sys/types.h>
#include <uv.h>

#include "base/list.h"
#include "exec/sandbox/cgroup.h"
#include "exec/sandbox/lines.h"
#include "exec/sandbox/sandbox.h"
#include "exec/supervisor/wire.h"

struct supervisor {
	uv_poll_t poll;
	int socket;
	pid_t pid;
	bool said_hello;
	enum wire_step step; /* what its hello told */
	int error;
};

struct sandbox {
	uv_loop_t *loop;
	struct sandbox_config config;
	struct sandbox_probe probe;
	char problem[256];
	struct cgroups *cgroups;
	struct list idle, busy; /* of struct sandbox_attempt */
	struct list ending;	/* those whose end was told while their init still ends */
	struct list unremoved;	/* of struct leftover: control groups still in use */
	unsigned n_idle;
	uint32_t next_id;
	uint32_t host_uid, host_gid;
	bool uid_range; /* every sandbox has a host user of its own, from host_uid on */

	struct supervisor *supervisor; /* NULL = it is gone */
	enum wire_step step;	       /* why no sandbox can be made */
	int error;
	uv_timer_t sweep;  /* retries the removal of control groups */
	uv_timer_t patrol; /* looks after pids while attempts run, where the kernel does not tell */
	unsigned n_open;   /* uv handles and attempts that keep this alive */
	bool freeing;
	bool armed; /* tried out: from now on test_fail_step fails */
};

/* What ended the attempt, in the order of discovery: the first one counts. */
enum cause {
	CAUSE_NONE,
	CAUSE_TIMEOUT,
	CAUSE_CANCEL,
	CAUSE_OUTPUT,
	CAUSE_OOM,
	CAUSE_PIDS,
};

/* A prepared sandbox; from sandbox_start() on also the run of a command in it. */
struct sandbox_attempt {
	struct list link;
	struct sandbox *sandbox;
	uint32_t id;
	struct cgroup cgroup;

	/* init's end */
	int channel, pidfd;
	bool ready, gone, killed;
	bool deaf;	     /* the channel has ended */
	enum wire_step step; /* what failed */
	int error;
	int lost; /* errno of sending it the command, when nothing better explains the end */
	bool has_exited;
	struct wire_exited exited;

	/* the command */
	bool started, finished;
	bool runs, told_runs; /* its program does; on_started was called */
	struct sandbox_limits limits;
	struct sandbox_callbacks callbacks;
	void *arg;
	char *command; /* argv[0], for messages */
	int64_t grace_ms, started_ns;
	enum cause cause;
	int out, err;
	bool out_open, err_open;
	struct buf output;
	struct lines lines;

	int oom_watch, pids_watch;
	uv_poll_t channel_poll, pid_poll, out_poll, err_poll, oom_poll, pids_poll;
	uv_timer_t timer;
	unsigned n_handles;
};

/* attempt.c */

/* Asks the supervisor for a new sandbox. Never NULL; a failure is noted in it. */
struct sandbox_attempt *attempt_prepare(struct sandbox *s);

/* The supervisor's answer, with a pidfd (taken) or -1. */
void attempt_prepared(struct sandbox_attempt *a, enum wire_step step, int error, int pidfd);

/* Forgets one, its caller unasked: for sandbox_free() and idle ones that failed. */
void attempt_drop(struct sandbox_attempt *a);

void attempt_failed(struct sandbox_attempt *a, enum wire_step step, int error);

/* Whether an idle one is still good for use. */
bool attempt_is_sound(struct sandbox_attempt *a);

/* KILL to all of it. */
void attempt_kill(struct sandbox_attempt *a);

/* Blocks until init is gone; for sandbox_free() and sandbox_new(). */
void attempt_wait(struct sandbox_attempt *a);

/* Hands over the command. */
void attempt_start(struct sandbox_attempt *a, const struct sandbox_spec *spec,
		   const struct sandbox_callbacks *callbacks, void *arg);

/* Ends the attempt if it hit its limit of processes. */
void attempt_check_pids(struct sandbox_attempt *a);

/* Reads what init has said. */
void attempt_listen(struct sandbox_attempt *a);

/* handover.c: input, pipes, limits, command and folders; STEP_NONE, or the step that failed. */
enum wire_step handover(struct sandbox_attempt *a, const struct sandbox_spec *spec, int *ret_error);

/* result.c: judges the ended attempt and tells the caller. */
void result_tell(struct sandbox_attempt *a);

/* sandbox.c */

/* Sends a message to the supervisor; false when that can't be. */
bool sandbox_tell_supervisor(struct sandbox *s, const void *message, size_t n, const int *fds,
			     size_t n_fds);
void sandbox_refill(struct sandbox *s);
void sandbox_remove_group(struct sandbox *s, const struct cgroup *group);
void sandbox_closed(struct sandbox *s);
bool sandbox_test_fails(const struct sandbox *s, enum wire_step step);
