#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/mem.h"
#include "exec/sandbox/internal.h"
#include "exec/supervisor/sys.h"

enum { READ_BYTES = 64 << 10, READS_A_TURN = 8 };

static void on_closed(uv_handle_t *h)
{
	struct sandbox_attempt *a = h->data;
	if (--a->n_handles)
		return;
	struct sandbox *s = a->sandbox;
	if (a->channel >= 0)
		close(a->channel);
	if (a->pidfd >= 0)
		close(a->pidfd);
	if (a->out >= 0)
		close(a->out);
	if (a->err >= 0)
		close(a->err);
	if (a->oom_watch >= 0)
		close(a->oom_watch);
	if (a->pids_watch >= 0)
		close(a->pids_watch);
	sandbox_remove_group(s, &a->cgroup);
	buf_free(&a->output);
	lines_free(&a->lines);
	free(a->command);
	free(a);
	sandbox_closed(s);
}

static void close_handle(void *h)
{
	if (!uv_is_closing(h))
		uv_close(h, on_closed);
}

static void close_poll(uv_poll_t *p)
{
	if (p->data)
		close_handle(p);
}

static void dispose(struct sandbox_attempt *a)
{
	list_remove(&a->link);
	close_poll(&a->channel_poll);
	close_poll(&a->pid_poll);
	close_poll(&a->out_poll);
	close_poll(&a->err_poll);
	close_poll(&a->oom_poll);
	close_poll(&a->pids_poll);
	close_handle(&a->timer);
}

static void watch(struct sandbox_attempt *a, uv_poll_t *p, int fd, int events, uv_poll_cb cb)
{
	ASSERT(uv_poll_init(a->sandbox->loop, p, fd) == 0);
	p->data = a;
	a->n_handles++;
	uv_poll_start(p, events, cb);
}

/* Tells the end as soon as no process of the agent is left; init may take a little longer. */
static void finish(struct sandbox_attempt *a)
{
	if (!a->finished && a->started && (a->gone || a->has_exited) && !a->out_open &&
	    !a->err_open) {
		a->finished = true;
		if (a->lost)
			attempt_failed(a, STEP_SUPERVISOR, a->lost);
		lines_end(&a->lines, a->callbacks.on_log_line, a->arg);
		uv_timer_stop(&a->timer);
		list_remove(&a->link);
		list_push_back(&a->sandbox->ending, &a->link);
		result_tell(a);
	}
	if (a->finished && a->gone)
		dispose(a);
}

void attempt_kill(struct sandbox_attempt *a)
{
	struct wire_head m = {sizeof(m), WIRE_KILL};
	a->killed = true;
	/* without a PID namespace init itself must do the killing */
	if (a->sandbox->probe.unsandboxed)
		sys_send(a->channel, &m, sizeof(m), NULL, 0);
	else if (a->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, a->pidfd, SIGKILL, NULL, 0);
	else if (a->channel >= 0) /* it ends when it comes to listen */
		shutdown(a->channel, SHUT_WR);
}

static void on_init_gone(struct sandbox_attempt *a)
{
	if (a->gone)
		return;
	attempt_listen(a);
	a->gone = true;
	if (!a->started && !a->finished) { /* an idle one died: it is not used again */
		a->sandbox->n_idle--;
		a->finished = true;
	}
	finish(a);
}

bool attempt_is_sound(struct sandbox_attempt *a)
{
	attempt_listen(a);
	return a->step == STEP_NONE && !a->deaf && !a->gone;
}

void attempt_failed(struct sandbox_attempt *a, enum wire_step step, int error)
{
	if (a->step != STEP_NONE || a->has_exited)
		return;
	a->step = step;
	a->error = error;
}

static void hear(struct sandbox_attempt *a, const struct wire_head *m, size_t n)
{
	const struct wire_fault *f = (const void *)m;
	if (m->kind == WIRE_READY) {
		a->ready = true;
	} else if (m->kind == WIRE_RUNNING) {
		a->runs = a->step == STEP_NONE;
	} else if (m->kind == WIRE_FAULT && n == sizeof(*f)) {
		attempt_failed(a, f->step, f->error);
	} else if (m->kind == WIRE_EXITED && n == sizeof(a->exited)) {
		memcpy(&a->exited, m, n);
		a->has_exited = true;
		uv_timer_stop(&a->timer);
	}
}

void attempt_listen(struct sandbox_attempt *a)
{
	union {
		struct wire_head head;
		struct wire_fault fault;
		struct wire_exited exited;
	} m;
	int fds[WIRE_FDS_MOST];
	size_t n_fds;
	for (;;) {
		ssize_t n = sys_receive(a->channel, &m, sizeof(m), fds, &n_fds);
		for (size_t i = 0; n > 0 && i < n_fds; i++)
			close(fds[i]);
		if (n >= (ssize_t)sizeof(m.head))
			hear(a, &m.head, (size_t)n);
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		else
			break;
	}
	/* its end: what is to come comes from the pidfd */
	a->deaf = true;
	if (a->channel_poll.data)
		uv_poll_stop(&a->channel_poll);
}

static void on_channel(uv_poll_t *p, int status, int events)
{
	struct sandbox_attempt *a = p->data;
	attempt_listen(a);
	if (a->runs && !a->told_runs && !a->finished) {
		a->told_runs = true;
		if (a->callbacks.on_started)
			a->callbacks.on_started(a->arg);
	}
	finish(a);
}

static void on_pid(uv_poll_t *p, int status, int events)
{
	uv_poll_stop(p);
	on_init_gone(p->data);
}

static void breach(struct sandbox_attempt *a, enum cause cause)
{
	if (a->cause == CAUSE_NONE)
		a->cause = cause;
	attempt_kill(a);
}

static void on_oom(uv_poll_t *p, int status, int events)
{
	struct sandbox_attempt *a = p->data;
	bool v1 = cgroups_version(a->cgroup.all, CGROUP_MEMORY) == 1;
	uint64_t n;
	if (v1) {
		ssize_t r = read(a->oom_watch, &n, sizeof(n));
		if (r < 0 || !a->started)
			return;
	} else {
		char text[512];
		ssize_t r = pread(a->oom_watch, text, sizeof(text), 0);
		if (r < 0 || cgroup_breaches(&a->cgroup, CGROUP_MEMORY) == 0)
			return;
	}
	uv_poll_stop(p);
	breach(a, CAUSE_OOM);
}

void attempt_check_pids(struct sandbox_attempt *a)
{
	if (a->gone || a->killed || cgroup_breaches(&a->cgroup, CGROUP_PIDS) == 0)
		return;
	breach(a, CAUSE_PIDS);
}

static void on_pids(uv_poll_t *p, int status, int events)
{
	struct sandbox_attempt *a = p->data;
	char text[256];
	ssize_t r = pread(a->pids_watch, text, sizeof(text), 0);
	if (r < 0 || cgroup_breaches(&a->cgroup, CGROUP_PIDS) == 0)
		return;
	uv_poll_stop(p);
	attempt_check_pids(a);
}

/* A stream of the agent ended. libuv wants the descriptor kept until the handle is closed. */
static void end_stream(struct sandbox_attempt *a, uv_poll_t *p, bool *is_open)
{
	uv_poll_stop(p);
	*is_open = false;
	finish(a);
}

/* The number of bytes, 0 when there is nothing now, -1 at the end. */
static ssize_t read_some(int fd, void *to, size_t n)
{
	ssize_t r;
	do
		r = read(fd, to, n);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		return r;
	return r < 0 && errno == EAGAIN ? 0 : -1;
}

static void on_out(uv_poll_t *p, int status, int events)
{
	struct sandbox_attempt *a = p->data;
	for (int i = 0; i < READS_A_TURN; i++) {
		static char flood[READ_BYTES]; /* what comes after the limit goes nowhere */
		bool over = a->cause == CAUSE_OUTPUT;
		if (!over)
			buf_reserve(&a->output, READ_BYTES);
		ssize_t n = read_some(a->out, over ? flood : a->output.p + a->output.n, READ_BYTES);
		if (n == 0)
			return;
		if (n < 0) {
			end_stream(a, p, &a->out_open);
			return;
		}
		if (over)
			continue;
		a->output.n += (size_t)n;
		if (a->output.n > a->limits.output_bytes) {
			a->output.n = a->limits.output_bytes;
			breach(a, CAUSE_OUTPUT);
		}
	}
}

static void on_err(uv_poll_t *p, int status, int events)
{
	struct sandbox_attempt *a = p->data;
	char block[READ_BYTES];
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = read_some(a->err, block, sizeof(block));
		if (n == 0)
			return;
		if (n > 0 && i == 0 && a->callbacks.on_alive)
			a->callbacks.on_alive(a->arg);
		if (n < 0) {
			end_stream(a, p, &a->err_open);
			return;
		}
		lines_feed(&a->lines, block, (size_t)n, a->callbacks.on_log_line, a->arg);
	}
}

static void on_timer(uv_timer_t *t)
{
	struct sandbox_attempt *a = t->data;
	if (a->gone) /* it never came to run */
		finish(a);
	else if (a->cause == CAUSE_TIMEOUT || a->cause == CAUSE_CANCEL)
		attempt_kill(a);
	else
		sandbox_stop(a, SANDBOX_STOP_TIMEOUT);
}

void sandbox_stop(struct sandbox_attempt *a, enum sandbox_stop_reason reason)
{
	struct wire_head m = {sizeof(m), WIRE_TERM};
	attempt_listen(a);
	if (a->has_exited || a->gone || a->killed || a->cause != CAUSE_NONE)
		return;
	a->cause = reason == SANDBOX_STOP_TIMEOUT ? CAUSE_TIMEOUT : CAUSE_CANCEL;
	if (a->grace_ms <= 0 || !sys_send(a->channel, &m, sizeof(m), NULL, 0)) {
		attempt_kill(a);
		return;
	}
	uv_update_time(a->sandbox->loop);
	uv_timer_start(&a->timer, on_timer, (uint64_t)a->grace_ms, 0);
}

/* Watches of limits are a help, not a need: what they miss is counted at the end. */
static void watch_limits(struct sandbox_attempt *a)
{
	bool priority;
	a->oom_watch = cgroup_watch(&a->cgroup, CGROUP_MEMORY, &priority);
	if (a->oom_watch >= 0)
		watch(a, &a->oom_poll, a->oom_watch, priority ? UV_PRIORITIZED : UV_READABLE,
		      on_oom);
	if (cgroups_version(a->cgroup.all, CGROUP_PIDS) == 2)
		a->pids_watch = cgroup_watch(&a->cgroup, CGROUP_PIDS, &priority);
	if (a->pids_watch >= 0)
		watch(a, &a->pids_poll, a->pids_watch, UV_PRIORITIZED, on_pids);
}

/* 0, or the step that failed with errno set. */
static enum wire_step ask(struct sandbox_attempt *a)
{
	struct sandbox *s = a->sandbox;
	int fds[WIRE_FDS_MOST], pair[2];
	size_t n_procs = 0;
	errno = EIO;
	if (sandbox_test_fails(s, STEP_SOCKET) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return STEP_SOCKET;
	a->channel = pair[0];
	fcntl(a->channel, F_SETFL, O_NONBLOCK);
	fds[0] = pair[1];
	errno = EIO;
	int r = sandbox_test_fails(s, STEP_CGROUP_MAKE) ? -EIO : 0;
	if (r == 0 && s->cgroups)
		r = cgroup_make(s->cgroups, a->id, &a->cgroup, fds + 1, &n_procs);
	uint32_t slot = s->uid_range ? a->id % 65536 : 0;
	struct wire_prepare m = {.head = {sizeof(m), WIRE_PREPARE},
				 .id = a->id,
				 .host_uid = s->host_uid + slot,
				 .host_gid = s->host_gid + slot,
				 .fail_step = s->armed ? (uint32_t)s->config.test_fail_step : 0};
	bool sent = r == 0 && sandbox_tell_supervisor(s, &m, sizeof(m), fds, 1 + n_procs);
	for (size_t i = 0; i < 1 + n_procs; i++)
		close(fds[i]);
	errno = r ? -r : ECONNRESET;
	return r ? STEP_CGROUP_MAKE : sent ? STEP_NONE : STEP_SUPERVISOR;
}

struct sandbox_attempt *attempt_prepare(struct sandbox *s)
{
	struct sandbox_attempt *a = NEW0(struct sandbox_attempt);
	a->sandbox = s;
	a->id = s->next_id++;
	a->channel = a->pidfd = a->out = a->err = a->oom_watch = a->pids_watch = -1;
	list_init(&a->link);
	s->n_open++;
	uv_timer_init(s->loop, &a->timer);
	a->timer.data = a;
	a->n_handles = 1;
	bool possible = s->probe.isolated || s->probe.unsandboxed || s->step == STEP_NONE;
	errno = s->error;
	enum wire_step step = possible ? ask(a) : s->step;
	if (step != STEP_NONE) {
		attempt_failed(a, step, errno);
		a->gone = true;
		return a;
	}
	watch(a, &a->channel_poll, a->channel, UV_READABLE, on_channel);
	if (a->cgroup.all)
		watch_limits(a);
	return a;
}

void attempt_prepared(struct sandbox_attempt *a, enum wire_step step, int error, int pidfd)
{
	attempt_listen(a); /* what init itself tells comes first */
	if (step != STEP_NONE)
		attempt_failed(a, step, error);
	a->pidfd = pidfd;
	if (pidfd < 0) {
		on_init_gone(a);
		return;
	}
	watch(a, &a->pid_poll, pidfd, UV_READABLE, on_pid);
	if (a->killed)
		attempt_kill(a);
}

void attempt_wait(struct sandbox_attempt *a)
{
	struct pollfd p = {.fd = a->pidfd, .events = POLLIN};
	if (a->pidfd >= 0)
		poll(&p, 1, LIMIT_SANDBOX_ANSWER_MS);
}

void attempt_drop(struct sandbox_attempt *a)
{
	a->finished = true;
	a->gone = true;
	sandbox_remove_group(a->sandbox, &a->cgroup);
	a->cgroup.all = NULL;
	dispose(a);
}

void attempt_start(struct sandbox_attempt *a, const struct sandbox_spec *spec,
		   const struct sandbox_callbacks *callbacks, void *arg)
{
	a->started = true;
	a->limits = spec->limits;
	a->callbacks = *callbacks;
	a->arg = arg;
	a->command = mem_dupz(spec->argv[0]);
	a->grace_ms = spec->grace_ms;
	a->started_ns = clock_mono_ns(clock_system());
	uv_update_time(a->sandbox->loop);
	if (!a->gone) {
		int error;
		enum wire_step step = handover(a, spec, &error);
		if (step != STEP_NONE) {
			/* a lost connection has a reason that is still on its way */
			if (step == STEP_SUPERVISOR)
				a->lost = error;
			else
				attempt_failed(a, step, error);
			attempt_kill(a);
		}
	}
	a->out_open = a->out >= 0;
	if (a->out_open)
		watch(a, &a->out_poll, a->out, UV_READABLE, on_out);
	a->err_open = a->err >= 0;
	if (a->err_open)
		watch(a, &a->err_poll, a->err, UV_READABLE, on_err);
	if (a->gone)
		uv_timer_start(&a->timer, on_timer, 0, 0);
	else if (spec->timeout_ms > 0)
		uv_timer_start(&a->timer, on_timer, (uint64_t)spec->timeout_ms, 0);
}
