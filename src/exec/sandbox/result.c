#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "exec/sandbox/internal.h"

enum { EXIT_RETRY_LATER = 75, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

struct verdict {
	struct sandbox_result result;
	char code[32];
	char message[512];
};

static void say(struct verdict *v, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void say(struct verdict *v, const char *code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(v->message, sizeof(v->message), fmt, ap);
	va_end(ap);
	snprintf(v->code, sizeof(v->code), "%s", code);
	v->result.code = v->code;
}

static void judge_exit(struct verdict *v, int status)
{
	if (status == 0)
		return;
	v->result.retry_later = status == EXIT_RETRY_LATER;
	say(v, "",
	    status == EXIT_RETRY_LATER ? "the agent asked to be run again later (exit %d)"
				       : "the agent ended with exit status %d",
	    status);
	snprintf(v->code, sizeof(v->code), "exit_%d", status);
}

static void judge_signal(struct verdict *v, int number)
{
	const char *name = sigabbrev_np(number);
	say(v, "", "the agent was ended by signal %d (SIG%s)", number, name ? name : "?");
	snprintf(v->code, sizeof(v->code), "signal_%d", number);
}

/* exec failed in the agent's process: told as a shell tells it. */
static void judge_exec(struct verdict *v, const struct sandbox_attempt *a)
{
	int status = a->error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	v->result.exit_status = status;
	v->result.not_begun = true;
	say(v, "", "cannot execute %.200s: %s", a->command, strerror(a->error));
	snprintf(v->code, sizeof(v->code), "exit_%d", status);
}

/* A lost supervisor may have started the agent before; no other step comes after its start. */
static void judge_step(struct verdict *v, const struct sandbox_attempt *a)
{
	v->result.not_begun = a->step != STEP_SUPERVISOR;
	say(v, "sandbox", "%s failed: %s", wire_step_text(a->step), strerror(a->error));
}

static bool fault_is_exec(const struct sandbox_attempt *a)
{
	return a->step == STEP_EXEC && a->error != EIO;
}

/*
 * Without control groups there are no events to count: a failed agent whose memory stood at its
 * limit, or that left as many processes as it may have, is taken to have failed by that.
 */
static enum cause guess(const struct sandbox_attempt *a)
{
	const struct wire_exited *e = &a->exited;
	if (a->cgroup.all || !a->has_exited || (e->status == 0 && a->cause == CAUSE_NONE))
		return CAUSE_NONE;
	if (e->n_processes >= a->limits.pids) /* init among them, the agent not */
		return CAUSE_PIDS;
	return e->peak_bytes >= a->limits.memory_bytes / 8 * 7 ? CAUSE_OOM : CAUSE_NONE;
}

static enum cause find_cause(struct sandbox_attempt *a)
{
	if (a->cause == CAUSE_OUTPUT || a->cause == CAUSE_OOM || a->cause == CAUSE_PIDS)
		return a->cause;
	if (cgroup_breaches(&a->cgroup, CGROUP_MEMORY))
		return CAUSE_OOM;
	if (cgroup_breaches(&a->cgroup, CGROUP_PIDS))
		return CAUSE_PIDS;
	enum cause guessed = guess(a);
	return guessed == CAUSE_NONE ? a->cause : guessed;
}

static void judge_cause(struct verdict *v, const struct sandbox_attempt *a, enum cause cause)
{
	switch (cause) {
	case CAUSE_NONE:
		break;
	case CAUSE_TIMEOUT:
		say(v, "timeout", "the agent did not end in time");
		break;
	case CAUSE_CANCEL:
		say(v, "cancelled", "the agent was cancelled");
		break;
	case CAUSE_OUTPUT:
		say(v, "output_too_large", "the agent wrote more than %llu bytes to stdout",
		    (unsigned long long)a->limits.output_bytes);
		break;
	case CAUSE_OOM:
		say(v, "oom", "the agent needed more than its %llu bytes of memory",
		    (unsigned long long)a->limits.memory_bytes);
		break;
	case CAUSE_PIDS:
		say(v, "pids", "the agent wanted more than its %u processes and threads",
		    a->limits.pids);
		break;
	}
}

static void judge(struct verdict *v, struct sandbox_attempt *a)
{
	if (a->has_exited) {
		int s = a->exited.status;
		v->result.exit_status = WIFEXITED(s) ? WEXITSTATUS(s) : -1;
		v->result.cpu_usec = (int64_t)a->exited.cpu_usec;
		v->result.memory_peak_bytes = a->exited.peak_bytes;
	}
	cgroup_usage(&a->cgroup, &v->result.cpu_usec, &v->result.memory_peak_bytes);
	enum cause cause = find_cause(a);
	if (cause != CAUSE_NONE)
		judge_cause(v, a, cause);
	else if (fault_is_exec(a))
		judge_exec(v, a);
	else if (a->step != STEP_NONE)
		judge_step(v, a);
	else if (!a->has_exited)
		say(v, "sandbox", "the sandbox ended before its agent");
	else if (WIFEXITED(a->exited.status))
		judge_exit(v, WEXITSTATUS(a->exited.status));
	else
		judge_signal(v, WTERMSIG(a->exited.status));
}

void result_tell(struct sandbox_attempt *a)
{
	struct verdict v = {.result = {
				    .message = "",
				    .exit_status = -1,
				    .sandboxed = a->sandbox->probe.isolated,
				    .output = buf_str(&a->output),
				    .started_mono_ns = a->started_ns,
				    .finished_mono_ns = clock_mono_ns(clock_system()),
				    .n_log_lines = a->lines.n_lines,
				    .n_log_bytes_dropped = a->lines.n_bytes_dropped,
			    }};
	judge(&v, a);
	v.result.message = v.message;
	a->callbacks.on_done(a->arg, &v.result);
}
