#include "engine/run/deadline.h"

#include "base/timefmt.h"
#include "engine/run/attempt.h"
#include "engine/run/node.h"
#include "engine/run/progress.h"

static const char queue_timeout[] = "queue_timeout", start_timeout[] = "start_timeout",
		  heartbeat_timeout[] = "heartbeat_timeout", total_timeout[] = "total_timeout";

static const struct plan_node *plan_node(const struct attempt *a)
{
	return run_plan_node(a->run, a->index);
}

struct nearest {
	int64_t due_ms; /* INT64_MAX = none */
	const char *code;
};

static void consider(struct nearest *n, int64_t due_ms, const char *code)
{
	if (due_ms < n->due_ms)
		*n = (struct nearest){due_ms, code};
}

static void consider_running(const struct attempt *a, struct nearest *n)
{
	const struct plan_node *pn = plan_node(a);
	if (pn->start_ms > 0 && !a->runs)
		consider(n, a->handed_ms + pn->start_ms, start_timeout);
	if (pn->heartbeat_ms > 0)
		consider(n, a->alive_ms + pn->heartbeat_ms, heartbeat_timeout);
}

/* The nearest that ends the attempt in the state it is in. Of two at the same moment that which is
 * looked at first. */
static struct nearest nearest(const struct attempt *a)
{
	struct nearest n = {INT64_MAX, NULL};
	const struct plan_node *pn = plan_node(a);
	int64_t first_ms = a->run->nodes[a->index].first_ms;
	bool waits = a->state == ATT_WAITING && !a->probe, runs = a->state == ATT_RUNNING;
	if (pn->total_ms > 0 && !a->probe && (waits || runs || a->state == ATT_BACKOFF))
		consider(&n, first_ms + pn->total_ms, total_timeout);
	if (pn->queue_ms > 0 && waits)
		consider(&n, a->queue_ms + pn->queue_ms, queue_timeout);
	if (runs)
		consider_running(a, &n);
	return n;
}

/* Progress that was told too soon after the last is written then. */
static int64_t due_of(const struct attempt *a)
{
	int64_t due = nearest(a).due_ms, write = progress_due(a);
	return write < due ? write : due;
}

void deadline_arm(struct attempt *a)
{
	struct timer_heap *h = &a->run->engine->timers;
	int64_t due = due_of(a);
	a->deadline.kind = TIMER_DEADLINE;
	if (due == INT64_MAX)
		timer_disarm(h, &a->deadline);
	else if (!timer_armed(&a->deadline) || a->deadline.due_ms != due)
		timer_arm(h, &a->deadline, due);
}

void deadline_check(const struct attempt *a)
{
	ASSERT(timer_armed(&a->deadline) == (due_of(a) != INT64_MAX));
	ASSERT(!timer_armed(&a->deadline) || a->deadline.due_ms <= due_of(a));
}

void deadline_fire(struct attempt *a)
{
	struct nearest n = nearest(a);
	int64_t now_ms = a->run->engine->now_ms;
	if (n.due_ms <= now_ms && a->state == ATT_RUNNING)
		attempt_time_out(a, n.code);
	else if (n.due_ms <= now_ms)
		attempt_expire(a, n.code);
	else if (progress_due(a) <= now_ms)
		progress_write(a);
	else
		deadline_arm(a); /* it showed a sign of life meanwhile */
}

void deadline_queued(struct attempt *a, int64_t ago_ms)
{
	a->queue_ms = a->run->engine->now_ms - (ago_ms > 0 ? ago_ms : 0);
	deadline_arm(a);
}

void deadline_handed(struct attempt *a)
{
	a->handed_ms = a->alive_ms = a->run->engine->now_ms;
	deadline_arm(a);
}

/* The timer is left: when it fires it is armed again. */
void deadline_alive(struct attempt *a)
{
	a->alive_ms = a->run->engine->now_ms;
}

void deadline_total(struct run *r, uint32_t index, int64_t ago_ms)
{
	r->nodes[index].first_ms = r->engine->now_ms - (ago_ms > 0 ? ago_ms : 0);
}

bool deadline_total_over(const struct run *r, uint32_t index, int64_t delay_ms)
{
	int64_t total_ms = run_plan_node(r, index)->total_ms;
	return total_ms > 0 && r->engine->now_ms + delay_ms >= r->nodes[index].first_ms + total_ms;
}

const char *deadline_passed(const struct attempt *a)
{
	struct nearest n = nearest(a);
	if (a->state == ATT_HELD && !a->probe && deadline_total_over(a->run, a->index, 0))
		return total_timeout;
	return n.due_ms <= a->run->engine->now_ms ? n.code : NULL;
}

int64_t deadline_next(const struct attempt *a, const char **ret_code)
{
	struct nearest n = nearest(a);
	if (a->state == ATT_RUNNING && timer_armed(&a->timer))
		consider(&n, a->timer.due_ms, "timeout");
	*ret_code = n.code;
	return n.code ? n.due_ms : 0;
}

/* "…", and how long that was. */
static const char *say(const struct attempt *a, const char *what, int64_t ms)
{
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, what);
	buf_puts(&text, " of ");
	timefmt_duration(&text, ms);
	return arena_dup(&a->run->engine->scratch, text.p, text.n);
}

static const char *message(const struct attempt *a, const char *code)
{
	const struct plan_node *pn = plan_node(a);
	if (code == queue_timeout)
		return say(a, "it waited to be started for longer than its queue time-out",
			   pn->queue_ms);
	if (code == start_timeout)
		return say(a, "the program did not run within its start time-out", pn->start_ms);
	if (code == heartbeat_timeout)
		return say(a, "the agent showed no sign of life for longer than its heartbeat",
			   pn->heartbeat_ms);
	if (code == total_timeout)
		return say(a, "all attempts together took longer than the total time-out",
			   pn->total_ms);
	return "the attempt took longer than its timeout";
}

void deadline_verdict(const struct attempt *a, const char *code, struct verdict *ret)
{
	ret->status = ATTEMPT_TIMED_OUT;
	ret->code = code ? code : "timeout";
	ret->message = str_of(message(a, code));
	ret->final = code == queue_timeout || code == total_timeout;
	ret->fate =
		a->state == ATT_RUNNING || a->state == ATT_STOPPING ? FATE_CUT_OFF : FATE_NOT_BEGUN;
}
