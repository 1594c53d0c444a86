#include "exec/sandbox/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/fault.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "exec/sandbox/internal.h"
#include "exec/sandbox/program.h"
#include "exec/supervisor/sys.h"

enum {
	SWEEP_MS = 50, /* between tries to remove a control group */
	PATROL_MS = 250,
	UID_FIRST = 1878900000, /* the last 65,536 of the range that systemd leaves to containers */
	UID_NOBODY = 65534,
};

static const struct timespec one_ms = {.tv_nsec = 1000000};

/* A control group that still had members when its sandbox was gone. */
struct leftover {
	struct list link;
	struct cgroup group;
	unsigned n_tries;
};

void sandbox_config_init(struct sandbox_config *c)
{
	*c = (struct sandbox_config){.n_idle = 2};
}

void sandbox_limits_init(struct sandbox_limits *l)
{
	*l = (struct sandbox_limits){
		.memory_bytes = 512ULL << 20,
		.cpu_millicores = 1000,
		.pids = 64,
		.output_bytes = 16ULL << 20,
		.tmp_bytes = 256ULL << 20,
		.file_size_bytes = 256ULL << 20,
		.open_files = 256,
	};
}

void sandbox_spec_init(struct sandbox_spec *s)
{
	*s = (struct sandbox_spec){
		.agent_fd = -1, .workspace_fd = -1, .artifacts_fd = -1, .grace_ms = 5000};
	sandbox_limits_init(&s->limits);
}

const struct sandbox_probe *sandbox_probe(const struct sandbox *s)
{
	return &s->probe;
}

bool sandbox_test_fails(const struct sandbox *s, enum wire_step step)
{
	return s->armed && s->config.test_fail_step == (int)step;
}

static void forget_leftovers(struct sandbox *s)
{
	for (struct list *l; (l = list_pop_front(&s->unremoved));)
		free(container_of(l, struct leftover, link));
}

void sandbox_closed(struct sandbox *s)
{
	if (--s->n_open == 0 && s->freeing) {
		forget_leftovers(s);
		cgroups_free(s->cgroups);
		free(s);
	}
}

bool sandbox_tell_supervisor(struct sandbox *s, const void *message, size_t n, const int *fds,
			     size_t n_fds)
{
	if (sandbox_test_fails(s, STEP_SUPERVISOR))
		return false;
	return s->supervisor && sys_send(s->supervisor->socket, message, n, fds, n_fds);
}

static void on_sweep(uv_timer_t *t)
{
	struct sandbox *s = t->data;
	LIST_FOREACH (it, &s->unremoved) {
		struct leftover *l = container_of(it, struct leftover, link);
		if (cgroup_remove(&l->group) && ++l->n_tries < LIMIT_SANDBOX_SWEEPS)
			continue;
		list_remove(&l->link);
		free(l);
	}
	if (list_empty(&s->unremoved))
		uv_timer_stop(t);
}

void sandbox_remove_group(struct sandbox *s, const struct cgroup *group)
{
	struct cgroup g = *group;
	if (!g.all || cgroup_remove(&g) == 0)
		return;
	/* the kernel lets go of ended processes a little late */
	for (int i = 0; s->freeing && i < LIMIT_SANDBOX_FREE_MS; i++) {
		nanosleep(&one_ms, NULL);
		if (cgroup_remove(&g) == 0)
			return;
	}
	if (s->freeing)
		return;
	struct leftover *l = NEW0(struct leftover);
	l->group = g;
	list_push_back(&s->unremoved, &l->link);
	uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* Newer kernels notify nobody of version 1's pids.events. */
static void on_patrol(uv_timer_t *t)
{
	struct sandbox *s = t->data;
	LIST_FOREACH (it, &s->busy)
		attempt_check_pids(container_of(it, struct sandbox_attempt, link));
	if (list_empty(&s->busy))
		uv_timer_stop(t);
}

static struct sandbox_attempt *find(struct sandbox *s, uint32_t id)
{
	struct list *const lists[] = {&s->busy, &s->idle, &s->ending};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		LIST_FOREACH (it, lists[i]) {
			struct sandbox_attempt *a = container_of(it, struct sandbox_attempt, link);
			if (a->id == id)
				return a;
		}
	return NULL;
}

static void on_prepared(struct sandbox *s, const struct wire_prepared *m, int pidfd)
{
	struct sandbox_attempt *a = find(s, m->id);
	if (a)
		attempt_prepared(a, m->step, m->error, pidfd);
	else if (pidfd >= 0)
		close(pidfd);
}

static void on_link_closed(uv_handle_t *h)
{
	struct sandbox *s = h->data;
	free(container_of((uv_poll_t *)h, struct supervisor, poll));
	sandbox_closed(s);
}

static void fail_unprepared(struct list *attempts)
{
	LIST_FOREACH (it, attempts) {
		struct sandbox_attempt *a = container_of(it, struct sandbox_attempt, link);
		if (a->pidfd < 0)
			attempt_prepared(a, STEP_SUPERVISOR, ECONNRESET, -1);
	}
}

/* Lets the supervisor go; what it made dies with it, what it had not made yet will not come. */
static void end_supervisor(struct sandbox *s)
{
	struct supervisor *v = s->supervisor;
	if (!v)
		return;
	s->supervisor = NULL;
	kill(v->pid, SIGKILL);
	waitpid(v->pid, NULL, 0);
	uv_close((uv_handle_t *)&v->poll, on_link_closed);
	close(v->socket);
}

static bool hear_supervisor(struct sandbox *s)
{
	union {
		struct wire_head head;
		struct wire_prepared prepared;
		struct wire_fault fault;
	} m;
	int fds[WIRE_FDS_MOST];
	size_t n_fds;
	ssize_t n = sys_receive(s->supervisor->socket, &m, sizeof(m), fds, &n_fds);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < (ssize_t)sizeof(m.head))
		return false;
	if (m.head.kind == WIRE_HELLO) {
		s->supervisor->said_hello = true;
		s->supervisor->step = m.fault.step;
		s->supervisor->error = m.fault.error;
	} else if (m.head.kind == WIRE_PREPARED) {
		on_prepared(s, &m.prepared, n_fds == 1 ? fds[0] : -1);
	}
	return true;
}

static void supervisor_gone(struct sandbox *s)
{
	log_event(ERROR, "sandbox.supervisor_gone", LOG_INT("pid", s->supervisor->pid));
	end_supervisor(s);
	fail_unprepared(&s->busy);
	fail_unprepared(&s->idle);
	fail_unprepared(&s->ending);
}

static void on_supervisor(uv_poll_t *p, int status, int events)
{
	struct sandbox *s = p->data;
	if (!hear_supervisor(s))
		supervisor_gone(s);
}

static int start_supervisor(struct sandbox *s)
{
	struct supervisor *v = NEW0(struct supervisor);
	int r = program_start(&v->socket, &v->pid);
	if (r) {
		free(v);
		return r;
	}
	ASSERT(uv_poll_init(s->loop, &v->poll, v->socket) == 0);
	v->poll.data = s;
	uv_poll_start(&v->poll, UV_READABLE, on_supervisor);
	uv_unref((uv_handle_t *)&v->poll);
	s->n_open++;
	s->supervisor = v;
	struct wire_config m = {.head = {sizeof(m), WIRE_CONFIG},
				.privileged = s->probe.privileged,
				.plain = s->probe.unsandboxed,
				.fail_step = (uint32_t)s->config.test_fail_step};
	return sys_send(v->socket, &m, sizeof(m), NULL, 0) ? 0 : -ECONNRESET;
}

/* Waits for the supervisor or the sandbox to say something; false when time is up. */
static bool wait_for(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r;
	do
		r = poll(&p, 1, LIMIT_SANDBOX_ANSWER_MS);
	while (r < 0 && errno == EINTR);
	return r > 0;
}

static bool has_sys_admin(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	return geteuid() == 0 && syscall(SYS_capget, &head, data) == 0 &&
	       (data[0].effective & (1U << CAP_SYS_ADMIN));
}

/* Whether host user `id` exists in the user namespace that this process is in. */
static bool is_mapped(uint32_t id)
{
	CLEANUP_FILE FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned inner, outer, n;
	while (f && fscanf(f, "%u %u %u", &inner, &outer, &n) == 3)
		if (id >= inner && id - inner < n)
			return true;
	return false;
}

static void choose_user(struct sandbox *s)
{
	s->probe.privileged = has_sys_admin();
	s->host_uid = geteuid();
	s->host_gid = getegid();
	if (!s->probe.privileged)
		return;
	s->uid_range = is_mapped(UID_FIRST) && is_mapped(UID_FIRST + UINT16_MAX);
	uint32_t id = s->uid_range ? UID_FIRST : is_mapped(UID_NOBODY) ? UID_NOBODY : 0;
	s->host_uid = s->host_gid = id;
}

static enum sandbox_means means(const struct sandbox *s, enum cgroup_controller c)
{
	switch (cgroups_version(s->cgroups, c)) {
	case 1:
		return SANDBOX_MEANS_CGROUP1;
	case 2:
		return SANDBOX_MEANS_CGROUP2;
	default:
		return c == CGROUP_CPU ? SANDBOX_MEANS_NONE : SANDBOX_MEANS_RLIMIT;
	}
}

static void find_means(struct sandbox *s)
{
	s->probe.memory = means(s, CGROUP_MEMORY);
	s->probe.pids = means(s, CGROUP_PIDS);
	s->probe.cpu = means(s, CGROUP_CPU);
}

static void drop_cgroups(struct sandbox *s, const char *problem)
{
	forget_leftovers(s);
	cgroups_free(s->cgroups);
	s->cgroups = NULL;
	s->probe.limits_problem = problem;
	find_means(s);
}

/* Makes one sandbox and waits for it; it stays as the first idle one when it is good. */
static enum wire_step try_one(struct sandbox *s, int *ret_error)
{
	struct sandbox_attempt *a = attempt_prepare(s);
	list_push_back(&s->idle, &a->link);
	s->n_idle++;
	while (!a->gone && a->step == STEP_NONE && a->pidfd < 0) {
		if (!wait_for(s->supervisor->socket) || !hear_supervisor(s))
			attempt_failed(a, STEP_SUPERVISOR, ETIMEDOUT);
		if (list_empty(&s->idle)) {
			*ret_error = s->supervisor->error;
			return s->supervisor->step;
		}
	}
	while (!a->ready && a->step == STEP_NONE) {
		if (!wait_for(a->channel))
			attempt_failed(a, STEP_SUPERVISOR, ETIMEDOUT);
		attempt_listen(a);
	}
	enum wire_step step = a->step;
	*ret_error = a->error;
	if (step != STEP_NONE || s->config.test_fail_step) {
		s->n_idle--;
		attempt_kill(a);
		attempt_wait(a);
		attempt_drop(a);
	}
	return step;
}

static enum wire_step wait_hello(struct sandbox *s, int *ret_error)
{
	while (!s->supervisor->said_hello)
		if (!wait_for(s->supervisor->socket) || !hear_supervisor(s))
			return *ret_error = ETIMEDOUT, STEP_SUPERVISOR;
	*ret_error = s->supervisor->error;
	return s->supervisor->step;
}

static int try_out(struct sandbox *s)
{
	int error = 0, r = start_supervisor(s);
	if (r)
		return r;
	enum wire_step step = wait_hello(s, &error);
	if (step == STEP_NONE)
		step = try_one(s, &error);
	if (s->cgroups && (step == STEP_CGROUP_MAKE || step == STEP_CGROUP_JOIN)) {
		drop_cgroups(s, "processes can't be put into this process's control groups");
		step = try_one(s, &error);
	}
	s->probe.isolated = step == STEP_NONE && !s->probe.unsandboxed;
	if (step == STEP_NONE)
		return 0;
	s->step = step;
	s->error = error;
	snprintf(s->problem, sizeof(s->problem), "%s failed: %s", wire_step_text(step),
		 strerror(error));
	end_supervisor(s);
	return 0;
}

static void warn(const struct sandbox *s)
{
	if (s->probe.unsandboxed)
		log_event(WARN, "sandbox.disabled", LOG_Z("reason", s->problem));
	else if (!s->probe.isolated)
		log_event(WARN, "sandbox.unavailable", LOG_Z("reason", s->problem));
	if (*s->probe.limits_problem)
		log_event(WARN, "sandbox.limits_weak", LOG_Z("reason", s->probe.limits_problem),
			  LOG_Z("memory", "rlimit, each process alone"),
			  LOG_Z("pids", s->probe.unsandboxed ? "none" : "rlimit"),
			  LOG_Z("cpu", "none"));
}

int sandbox_new(struct uv_loop_s *loop, const struct sandbox_config *config, struct sandbox **ret)
{
	struct sandbox *s = NEW0(struct sandbox);
	s->loop = loop;
	s->config = *config;
	s->next_id = 1;
	s->n_open = 2; /* the two timers' */
	list_init(&s->idle);
	list_init(&s->busy);
	list_init(&s->ending);
	list_init(&s->unremoved);
	uv_timer_init(loop, &s->sweep);
	s->sweep.data = s;
	uv_timer_init(loop, &s->patrol);
	s->patrol.data = s;
	s->probe.problem = s->problem;
	s->probe.limits_problem = "control groups are switched off";
	choose_user(s);
	if (!config->no_cgroups)
		s->cgroups = cgroups_new(config->cgroup_root, &s->probe.limits_problem);
	find_means(s);
	int r = try_out(s);
	if (r == 0 && !s->probe.isolated && config->allow_unsandboxed) {
		s->probe.unsandboxed = true;
		r = try_out(s);
	}
	if (r) {
		sandbox_free(s);
		return r;
	}
	s->armed = true;
	warn(s);
	*ret = s;
	return 0;
}

void sandbox_refill(struct sandbox *s)
{
	while (s->supervisor && s->n_idle < s->config.n_idle && !s->config.test_fail_step) {
		struct sandbox_attempt *a = attempt_prepare(s);
		if (a->gone) {
			attempt_drop(a);
			return;
		}
		list_push_back(&s->idle, &a->link);
		s->n_idle++;
	}
}

/* An idle sandbox, else a new one; the supervisor is started anew when it died. */
static struct sandbox_attempt *take(struct sandbox *s)
{
	for (struct list *l; (l = list_pop_front(&s->idle));) {
		struct sandbox_attempt *a = container_of(l, struct sandbox_attempt, link);
		s->n_idle--;
		if (attempt_is_sound(a))
			return a;
		a->finished = true; /* it goes when its init does */
		list_push_back(&s->ending, &a->link);
		attempt_kill(a);
	}
	if (!s->supervisor && (s->probe.isolated || s->probe.unsandboxed))
		start_supervisor(s);
	return attempt_prepare(s);
}

struct sandbox_attempt *sandbox_start(struct sandbox *s, const struct sandbox_spec *spec,
				      const struct sandbox_callbacks *callbacks, void *arg)
{
	ASSERT(spec->argv && spec->argv[0] && callbacks->on_done && !s->freeing);
	struct sandbox_attempt *a = take(s);
	list_push_back(&s->busy, &a->link);
	attempt_start(a, spec, callbacks, arg);
	if (cgroups_version(s->cgroups, CGROUP_PIDS) == 1 && !uv_is_active((void *)&s->patrol))
		uv_timer_start(&s->patrol, on_patrol, PATROL_MS, PATROL_MS);
	sandbox_refill(s);
	return a;
}

static void drop_all(struct list *attempts)
{
	LIST_FOREACH (it, attempts)
		attempt_kill(container_of(it, struct sandbox_attempt, link));
	LIST_FOREACH (it, attempts) {
		struct sandbox_attempt *a = container_of(it, struct sandbox_attempt, link);
		attempt_wait(a);
		attempt_drop(a);
	}
}

static void remove_leftovers(struct sandbox *s)
{
	on_sweep(&s->sweep);
	for (int i = 0; !list_empty(&s->unremoved) && i < LIMIT_SANDBOX_FREE_MS; i++) {
		nanosleep(&one_ms, NULL);
		on_sweep(&s->sweep);
	}
}

static void on_timer_closed(uv_handle_t *h)
{
	sandbox_closed(h->data);
}

void sandbox_free(struct sandbox *s)
{
	if (!s)
		return;
	s->freeing = true;
	end_supervisor(s); /* first, so that no more sandboxes are on their way */
	drop_all(&s->busy);
	drop_all(&s->ending);
	drop_all(&s->idle);
	remove_leftovers(s);
	uv_close((uv_handle_t *)&s->sweep, on_timer_closed);
	uv_close((uv_handle_t *)&s->patrol, on_timer_closed);
}
