#include "engine/request/why.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "engine/admission/admission.h"
#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/admission/breaker.h"
#include "engine/run/child.h"
#include "engine/run/deadline.h"
#include "engine/run/doubt.h"
#include "engine/admission/gate.h"
#include "engine/run/each.h"
#include "engine/run/pause.h"
#include "engine/run/wait.h"
#include "json/parse.h"
#include "json/write.h"

enum { UNKNOWN = UINT32_MAX };

static const char *const reasons[] = {
	[WHY_STARTING] = "starting",
	[WHY_STORE_FULL] = "store_full",
	[WHY_RUNNING] = "running",
	[WHY_BACKOFF] = "retry_backoff",
	[WHY_QUEUED] = "queued",
	[WHY_AGENT_LIMIT] = "agent_limit",
	[WHY_AGENT_RATE] = "agent_rate",
	[WHY_BREAKER] = "circuit_open",
	[WHY_SLEEP] = "sleeping",
	[WHY_EVENT] = "waiting_event",
	[WHY_STOPPING] = "stopping",
	[WHY_APPROVAL] = "waiting_approval",
	[WHY_ITEMS] = "waiting_items",
	[WHY_CHILD] = "waiting_run",
	[WHY_TURN] = "waiting_turn",
	[WHY_UNKNOWN] = "effect_unknown",
	[WHY_HELD] = "held",
	[WHY_DEPENDENCIES] = "waiting_dependencies",
	[WHY_RUN_KEY] = "pending_key",
	[WHY_RUN_RATE] = "pending_rate",
	[WHY_RUN_PROJECT] = "pending_project",
	[WHY_RUN_ALL] = "pending_all",
	[WHY_ENDED] = "failed",
};

const char *why_reason_name(enum why_reason reason)
{
	return reasons[reason];
}

/* What is said of one node. */
struct said {
	enum why_reason reason;
	int64_t since_ms, until_ms; /* 0 = none */
	const char *sentence;
	const char *command; /* NULL = goes on by itself */
};

struct why {
	struct engine *e;
	struct run *run;
	const struct run_detail *stored;
	struct arena *a;
	uint32_t *next;	      /* of a PENDING node: the dependency to blame */
	uint32_t *root;	      /* of any node: the node at the end of that chain */
	uint32_t *last_error; /* the newest stored attempt with an error, index + 1 */
	struct json_out out;
};

/* ---- words ---- */

static const char *time_text(struct arena *a, int64_t ms)
{
	char *text = arena_alloc(a, TIMEFMT_RFC3339_BYTES);
	timefmt_rfc3339(text, ms);
	return text;
}

/* The wall clock's time of a timer, 0 when it is not armed. */
static int64_t due_ms(const struct engine *e, const struct timer *t)
{
	return timer_armed(t) ? e->wall_ms + (t->due_ms > e->now_ms ? t->due_ms - e->now_ms : 0)
			      : 0;
}

/* The same as the row has it, unless a jump of the wall clock set the two apart. */
static int64_t due_as_stored(const struct engine *e, const struct timer *t, int64_t stored_ms)
{
	enum { ROUNDING_MS = 1000 };
	int64_t due = due_ms(e, t), apart = due - stored_ms;
	return apart > -ROUNDING_MS && apart < ROUNDING_MS ? stored_ms : due;
}

static struct str node_id(const struct why *w, uint32_t index)
{
	return run_node_id(w->run, index);
}

static const char *attempt_text(const struct why *w, const struct attempt *a)
{
	const struct plan_node *pn = run_plan_node(w->run, a->index);
	return arena_printf(w->a, "attempt %u of %.*s %.*s%s", a->number, STR_ARG(pn->agent),
			    STR_ARG(attempt_action(a)),
			    a->probe ? ", which finds out what became of the one before," : "");
}

/* ---- whom to blame ---- */

/* A node that would start, or be skipped, if the run were not paused. */
static bool held(const struct why *w, uint32_t index)
{
	const struct node *n = &w->run->nodes[index];
	if (!w->run->pause)
		return false;
	if (n->attempt)
		return n->attempt->state == ATT_HELD;
	if (n->child)
		return n->child->state == CHILD_HELD;
	if (n->status != NODE_PENDING)
		return false;
	if (run_is_item(w->run, index))
		return each_turn_has_come(w->run, index);
	return join_judge(run_plan_node(w->run, index)->join, &n->counts) != JOIN_WAIT;
}

/* How much somebody must do for the node to go on: the more, the sooner it is named. */
static int gravity(const struct why *w, uint32_t index)
{
	const struct node *n = &w->run->nodes[index];
	if (held(w, index))
		return 6;
	if (n->status == NODE_UNKNOWN)
		return 5;
	if (n->status == NODE_WAITING_APPROVAL)
		return 4;
	if (n->child && n->child->waits)
		return n->child->unknown ? 5 : 4;
	if (n->wait)
		return 3;
	if (n->child && n->child->callee)
		return 2;
	if (n->attempt && n->attempt->state == ATT_WAITING)
		return 2;
	return n->attempt && n->attempt->state == ATT_BACKOFF;
}

static bool waits_for_nodes(const struct why *w, uint32_t index)
{
	const struct node *n = &w->run->nodes[index];
	if (held(w, index))
		return false;
	return n->status == NODE_PENDING || (n->each && !node_status_final(n->status));
}

/* Whether it is an item that was started and has not ended. */
static bool goes_on(const struct node *item)
{
	return item->status != NODE_PENDING && !node_status_final(item->status);
}

/* A node with forEach, and those of its items that wait for their turn, wait for the gravest of
 * the items that go on. */
static void blame_items(struct why *w, uint32_t index)
{
	const struct node *nodes = w->run->nodes;
	const struct each *x = nodes[index].each;
	uint32_t found = UNKNOWN;
	for (uint32_t i = x->first; i < x->first + x->n; i++) {
		w->root[i] = i;
		w->next[i] = UNKNOWN;
		if (goes_on(&nodes[i]) && (found == UNKNOWN || gravity(w, i) > gravity(w, found)))
			found = i;
	}
	if (found == UNKNOWN)
		return;
	w->next[index] = w->root[index] = found;
	for (uint32_t i = x->first; i < x->first + x->n; i++)
		if (nodes[i].status == NODE_PENDING)
			w->next[i] = w->root[i] = found;
}

/* All dependencies of the node have been looked at. */
static void blame(struct why *w, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(w->run, index);
	const struct node *nodes = w->run->nodes;
	w->root[index] = index;
	if (nodes[index].each)
		blame_items(w, index);
	if (nodes[index].status != NODE_PENDING || held(w, index))
		return;
	for (uint32_t k = 0; k < pn->n_depends; k++) {
		uint32_t d = pn->depends[k];
		if (node_status_final(nodes[d].status))
			continue;
		if (w->next[index] != UNKNOWN &&
		    gravity(w, w->root[d]) <= gravity(w, w->root[index]))
			continue;
		w->next[index] = d;
		w->root[index] = w->root[d];
	}
}

/* A node's level is above that of all it depends on. */
static void blame_all(struct why *w)
{
	const struct plan *p = w->run->plan;
	uint32_t *first = ARENA_NEW_ARRAY(w->a, uint32_t, p->n_nodes + 2);
	uint32_t *order = ARENA_NEW_ARRAY(w->a, uint32_t, p->n_nodes);
	for (uint32_t i = 0; i < p->n_nodes; i++)
		first[p->nodes[i].level + 1]++;
	for (size_t l = 1; l <= p->n_nodes; l++)
		first[l] += first[l - 1];
	for (uint32_t i = 0; i < p->n_nodes; i++)
		order[first[p->nodes[i].level]++] = i;
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		w->next[order[i]] = UNKNOWN;
		blame(w, order[i]);
	}
}

static void find_errors(struct why *w)
{
	for (size_t i = 0; i < w->stored->n_attempts; i++) {
		const struct attempt_row *row = &w->stored->attempts[i];
		if (row->error.n && row->node_index >= 0 && row->node_index < w->run->n_nodes)
			w->last_error[row->node_index] = (uint32_t)i + 1;
	}
}

/* ---- attempts ---- */

static struct said say_starting(const struct why *w, const struct attempt *a)
{
	const struct engine *e = w->e;
	struct said s = {.reason = WHY_STARTING, .since_ms = a->started_ms};
	if (!e->pump.full) {
		s.sentence = arena_printf(w->a, "%s starts as soon as that is on disk",
					  attempt_text(w, a));
		return s;
	}
	s.reason = WHY_STORE_FULL;
	s.since_ms = e->full_ms;
	s.until_ms = due_ms(e, &e->store_retry);
	s.command = "drover doctor";
	s.sentence = arena_printf(w->a,
				  "%s can't start: the disk of the database is full since "
				  "%s; free some space, it is tried again at %s",
				  attempt_text(w, a), time_text(w->a, s.since_ms),
				  time_text(w->a, s.until_ms));
	return s;
}

/* ", 42 % done (scanning)" */
static const char *done_text(const struct why *w, const struct attempt *a)
{
	struct value v = VALUE_NULL_INIT;
	if (!a->progress ||
	    json_parse(w->a, str_n(a->progress, a->progress_n), JSON_DEFAULT, &v, NULL) != 0)
		return "";
	const struct value *part = value_getz(&v, "progress");
	struct str message = value_text(value_getz(&v, "message"));
	double d = part->kind == VALUE_INT ? (double)part->i : part->d;
	return arena_printf(w->a, ", %d %% done%s%.*s%s", (int)(d * 100), message.n ? " (" : "",
			    STR_ARG(message), message.n ? ")" : "");
}

/* What ends an attempt that runs, before the time of that. */
static const char *end_text(const char *code)
{
	if (strcmp(code, "start_timeout") == 0)
		return "its program must run by";
	if (strcmp(code, "heartbeat_timeout") == 0)
		return "without a sign of life it is stopped at";
	return strcmp(code, "total_timeout") == 0 ? "the total time-out of its node is at"
						  : "its time-out is at";
}

static struct said say_running(const struct why *w, const struct attempt *a)
{
	const struct engine *e = w->e;
	struct said s = {.reason = WHY_RUNNING, .since_ms = a->started_ms};
	const char *code, *since = time_text(w->a, s.since_ms), *done = done_text(w, a);
	int64_t due = deadline_next(a, &code);
	if (code) {
		s.until_ms = e->wall_ms + (due > e->now_ms ? due - e->now_ms : 0);
		s.sentence = arena_printf(w->a, "%s runs since %s%s; %s %s", attempt_text(w, a),
					  since, done, end_text(code), time_text(w->a, s.until_ms));
	} else {
		s.sentence = arena_printf(w->a, "%s runs since %s%s; it has no time-out",
					  attempt_text(w, a), since, done);
		s.command = arena_printf(w->a, "drover cancel %s", w->run->id.text);
	}
	return s;
}

static const char *last_error(const struct why *w, uint32_t index)
{
	struct value v = VALUE_NULL_INIT;
	uint32_t at = w->last_error[index];
	if (at == 0 ||
	    json_parse(w->a, w->stored->attempts[at - 1].error, JSON_DEFAULT, &v, NULL) != 0)
		return "";
	struct str code = value_text(value_getz(&v, "code"));
	struct str message = value_text(value_getz(&v, "message"));
	return arena_printf(w->a, "; the last error was %.*s: %.*s", STR_ARG(code),
			    STR_ARG(message));
}

static struct said say_backoff(const struct why *w, const struct attempt *a)
{
	const struct plan_node *pn = run_plan_node(w->run, a->index);
	struct said s = {.reason = WHY_BACKOFF,
			 .since_ms = a->queued_ms,
			 .until_ms = due_as_stored(w->e, &a->timer, a->not_before_ms)};
	uint32_t tries = w->run->nodes[a->index].tries;
	s.sentence = arena_printf(w->a, "%s starts at %s; %u of %lld tries failed%s",
				  attempt_text(w, a), time_text(w->a, s.until_ms), tries,
				  (long long)pn->retry.max_attempts, last_error(w, a->index));
	return s;
}

/* Its place among the attempts of the project that wait for a slot, from 1. */
static size_t place_in_project(const struct attempt *a)
{
	const struct queue *lanes = &a->lane->share->attempts;
	size_t n = 1;
	for (size_t i = 0; i < lanes->n; i++) {
		const struct lane *l = container_of(lanes->heap[i], struct lane, attempts.self);
		n += queue_before(&l->attempts, a->turn.key);
	}
	return n;
}

static struct said say_slot(const struct why *w, const struct attempt *a, struct said s)
{
	const struct engine *e = w->e;
	const struct share *share = a->lane->share;
	s.sentence = arena_printf(
		w->a,
		"%s waits since %s for a slot for scripts: place %zu of %zu in the queue of its "
		"project, which holds %zu slots; %zu of %zu slots are taken; serve --max-scripts "
		"raises that",
		attempt_text(w, a), time_text(w->a, s.since_ms), place_in_project(a),
		share->n_queued, share->n_slots, e->n_scripts, e->config.max_scripts);
	s.command = arena_printf(w->a, "drover serve --max-scripts %zu", e->config.max_scripts * 2);
	return s;
}

static struct said say_agent_limit(const struct why *w, const struct attempt *a, struct said s)
{
	const struct lane *l = a->lane;
	s.reason = WHY_AGENT_LIMIT;
	s.sentence = arena_printf(
		w->a,
		"%s waits since %s for its agent, whose concurrency is %lld: %zu of its attempts "
		"run, place %zu of %zu among those that wait",
		attempt_text(w, a), time_text(w->a, s.since_ms), (long long)l->concurrency,
		l->n_running, queue_before(&l->attempts, a->turn.key) + 1, l->attempts.n);
	s.command = "drover runs --status RUNNING";
	return s;
}

static struct said say_agent_rate(const struct why *w, const struct attempt *a, struct said s)
{
	const struct lane *l = a->lane;
	s.reason = WHY_AGENT_RATE;
	s.until_ms = due_ms(w->e, &l->timer);
	s.sentence = arena_printf(
		w->a,
		"%s waits since %s: its agent's rateLimit allows %lld starts in %lld ms; the next "
		"is at %s, place %zu of %zu among those that wait",
		attempt_text(w, a), time_text(w->a, s.since_ms), (long long)l->limit.limit,
		(long long)l->limit.per_ms, time_text(w->a, s.until_ms),
		queue_before(&l->attempts, a->turn.key) + 1, l->attempts.n);
	return s;
}

static struct said say_breaker(const struct why *w, const struct attempt *a, struct said s)
{
	const struct lane *l = a->lane;
	const struct breaker *b = breaker_find(w->e, w->run->plan->project, str_of(l->agent));
	s.reason = WHY_BREAKER;
	s.until_ms = breaker_until_ms(b);
	s.command = arena_printf(w->a, "drover agents reset %s", l->agent);
	const char *until =
		b->state == BREAKER_OPEN
			? arena_printf(w->a, "open since %s, until %s",
				       time_text(w->a, b->opened_ms), time_text(w->a, s.until_ms))
			: "half-open: one attempt tries whether it works again";
	s.sentence = arena_printf(w->a,
				  "%s waits since %s: the circuit breaker of agent \"%s\" is %s; "
				  "the last error was %s: %s",
				  attempt_text(w, a), time_text(w->a, s.since_ms), l->agent, until,
				  b->code, b->message);
	return s;
}

/* A queue or total time-out of its own ends the wait before. */
static void put_limit(const struct why *w, const struct attempt *a, struct said *s)
{
	const struct engine *e = w->e;
	const char *code;
	int64_t due = deadline_next(a, &code);
	if (!code)
		return;
	int64_t at_ms = e->wall_ms + (due > e->now_ms ? due - e->now_ms : 0);
	s->sentence = arena_printf(w->a, "%s; with %s at %s it is given up", s->sentence, code,
				   time_text(w->a, at_ms));
	if (s->until_ms == 0 || at_ms < s->until_ms)
		s->until_ms = at_ms;
}

static struct said say_waiting(const struct why *w, const struct attempt *a)
{
	struct said s = {.reason = WHY_QUEUED, .since_ms = a->queued_ms};
	if (s.since_ms < a->not_before_ms)
		s.since_ms = a->not_before_ms;
	switch (admission_shut(w->e, a->lane)) {
	case LANE_CONCURRENCY:
		return say_agent_limit(w, a, s);
	case LANE_RATE:
		return say_agent_rate(w, a, s);
	case LANE_HELD:
		return say_breaker(w, a, s);
	case LANE_OPEN:
		break;
	}
	return say_slot(w, a, s);
}

static struct said say_queued(const struct why *w, const struct attempt *a)
{
	struct said s = say_waiting(w, a);
	put_limit(w, a, &s);
	return s;
}

static const char *stop_text(const char *code)
{
	if (strcmp(code, "start_timeout") == 0)
		return "its program did not run in time";
	return strcmp(code, "heartbeat_timeout") == 0 ? "it showed no sign of life"
						      : "its node took too long in all";
}

static struct said say_stopping(const struct why *w, const struct attempt *a)
{
	const char *why = w->run->stopping == STOP_CANCEL    ? "the run was cancelled"
			  : w->run->stopping == STOP_TIMEOUT ? "the run took too long"
			  : a->stop_code		     ? stop_text(a->stop_code)
			  : a->why == ATTEMPT_STOP_TIMEOUT   ? "it took too long"
							     : "another item failed";
	struct said s = {.reason = WHY_STOPPING,
			 .since_ms = a->stop_ms ? a->stop_ms : w->run->stop_ms};
	s.sentence = arena_printf(w->a,
				  "%s was asked to stop at %s because %s; what is left of a "
				  "script five seconds later is killed",
				  attempt_text(w, a), time_text(w->a, s.since_ms), why);
	return s;
}

static const char *resume_command(const struct why *w)
{
	const struct run *r = w->run;
	while (r->pause->with == PAUSE_CALLER && r->caller && r->caller->run->pause)
		r = r->caller->run;
	return r->pause->with == PAUSE_WORKFLOW
		       ? arena_printf(w->a, "drover resume --workflow %.*s", STR_ARG(r->plan->name))
		       : arena_printf(w->a, "drover resume %s", r->id.text);
}

/* "paused since … by ann (reason): drover resume RUN" */
static const char *paused_text(const struct why *w)
{
	const struct pause *p = w->run->pause;
	return arena_printf(w->a, "since %s%s%.*s%s%.*s%s: %s", time_text(w->a, p->at_ms),
			    p->by.n ? " by " : "", STR_ARG(p->by), p->reason.n ? " (" : "",
			    STR_ARG(p->reason), p->reason.n ? ")" : "", resume_command(w));
}

static struct said say_held(const struct why *w)
{
	return (struct said){
		.reason = WHY_HELD,
		.since_ms = w->run->pause->at_ms,
		.sentence = arena_printf(w->a, "is held: the run is paused %s", paused_text(w)),
		.command = resume_command(w),
	};
}

static struct said say_attempt(const struct why *w, const struct attempt *a)
{
	switch (a->state) {
	case ATT_WAITING:
		return say_queued(w, a);
	case ATT_BACKOFF:
		return say_backoff(w, a);
	case ATT_HELD:
		return say_held(w);
	case ATT_STARTING:
		return w->run->stopping != STOP_NONE && !w->e->pump.full ? say_stopping(w, a)
									 : say_starting(w, a);
	case ATT_RUNNING:
		return say_running(w, a);
	case ATT_STOPPING:
	case ATT_ENDED:
		break;
	}
	return say_stopping(w, a);
}

/* ---- what waits without an attempt ---- */

/* What a signal for it may be called; a pattern, or what a shell would read otherwise, is not a
 * name to copy. */
static const char *signal_name(const struct why *w, struct str event)
{
	for (size_t i = 0; i < event.n; i++) {
		char c = event.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || (c == '-' && i > 0)))
			return "NAME";
	}
	return arena_dup(w->a, event.p, event.n);
}

static struct said say_event(const struct why *w, const struct wait *wait)
{
	const struct plan_node *pn = run_plan_node(w->run, wait->index);
	struct said s = {.reason = WHY_EVENT, .since_ms = w->run->nodes[wait->index].started_ms};
	const char *until = "";
	if (wait->wake_ms) {
		s.until_ms = due_as_stored(w->e, &wait->timer, wait->wake_ms);
		until = arena_printf(w->a, ", until %s", time_text(w->a, s.until_ms));
	}
	s.command = arena_printf(w->a, "drover signal %s %s", w->run->id.text,
				 signal_name(w, pn->wait_event));
	s.sentence = arena_printf(w->a, "waits since %s for a signal or an event %.*s%s%s (%s)",
				  time_text(w->a, s.since_ms), STR_ARG(pn->wait_event),
				  pn->wait_filter ? " that its filter lets through" : "", until,
				  s.command);
	return s;
}

static struct said say_wait(const struct why *w, const struct wait *wait)
{
	if (run_plan_node(w->run, wait->index)->wait_event.n)
		return say_event(w, wait);
	struct said s = {.reason = WHY_SLEEP,
			 .since_ms = w->run->nodes[wait->index].started_ms,
			 .until_ms = due_as_stored(w->e, &wait->timer, wait->wake_ms)};
	s.sentence = arena_printf(w->a, "sleeps since %s, until %s", time_text(w->a, s.since_ms),
				  time_text(w->a, s.until_ms));
	return s;
}

/* "1 more of ann, bob", "anybody", … */
static const char *approvers(const struct why *w, const struct approval *p)
{
	const struct plan_approval *policy = run_plan_node(w->run, p->index)->approval;
	CLEANUP_BUF struct buf text = {0};
	int64_t left = (policy ? policy->quorum : 1) - p->n_approved;
	if (left > 1)
		buf_printf(&text, "%lld people", (long long)left);
	else
		buf_puts(&text, "somebody");
	for (size_t i = 0; policy && i < policy->n_approvers; i++)
		buf_printf(&text, "%s%.*s", i ? ", " : " among ", STR_ARG(policy->approvers[i]));
	return arena_dup(w->a, text.p, text.n);
}

static struct said say_approval(const struct why *w, const struct approval *p)
{
	const struct plan_node *pn = run_plan_node(w->run, p->index);
	struct said s = {.reason = WHY_APPROVAL,
			 .since_ms = p->requested_ms,
			 .until_ms = due_as_stored(w->e, &p->timer, p->expires_ms)};
	bool approves = pn->approval && pn->approval->expiry_approves;
	s.sentence = arena_printf(
		w->a,
		"waits since %s for %s to approve %.*s %.*s; %s at %s (drover approve %s, "
		"drover reject %s)",
		time_text(w->a, s.since_ms), approvers(w, p), STR_ARG(pn->agent),
		STR_ARG(pn->action), approves ? "it counts as approved" : "it expires",
		time_text(w->a, s.until_ms), p->id.text, p->id.text);
	s.command = arena_printf(w->a, "drover approve %s", p->id.text);
	return s;
}

static struct said say_unknown(const struct why *w, const struct doubt *d)
{
	const struct plan_node *pn = run_plan_node(w->run, d->index);
	struct said s = {.reason = WHY_UNKNOWN, .since_ms = d->since_ms};
	s.command = arena_printf(w->a, "drover resolve %s %.*s --succeeded JSON", w->run->id.text,
				 STR_ARG(node_id(w, d->index)));
	s.sentence = arena_printf(w->a,
				  "attempt %u of %.*s %.*s, which is %s, ended with %.*s at %s: "
				  "its effect may or may "
				  "not have happened, and %.*s. Look, then say what became of it: "
				  "%s (or --failed, or "
				  "--again to run it once more)",
				  d->number, STR_ARG(pn->agent), STR_ARG(pn->action),
				  effect_name(d->effect), STR_ARG(d->code),
				  time_text(w->a, s.since_ms), STR_ARG(d->why), s.command);
	return s;
}

/* ---- dependencies ---- */

static struct said say(const struct why *w, uint32_t index);
static struct said say_pending(const struct why *w);

static const char *short_reason(const struct said *s)
{
	switch (s->reason) {
	case WHY_STARTING:
		return "is about to start";
	case WHY_STORE_FULL:
		return "can't start: the disk of the database is full";
	case WHY_RUNNING:
		return "runs";
	case WHY_BACKOFF:
		return "waits for its next attempt";
	case WHY_QUEUED:
		return "waits for a slot for scripts";
	case WHY_AGENT_LIMIT:
		return "waits for its agent";
	case WHY_AGENT_RATE:
		return "waits for its agent's rate";
	case WHY_BREAKER:
		return "waits for its agent's circuit breaker";
	case WHY_SLEEP:
		return "sleeps";
	case WHY_EVENT:
		return "waits for an event";
	case WHY_STOPPING:
		return "is being stopped";
	case WHY_APPROVAL:
		return "waits for approval";
	case WHY_ITEMS:
		return "waits for its items";
	case WHY_CHILD:
		return "waits for the run that it called";
	case WHY_TURN:
		return "waits for its turn";
	case WHY_UNKNOWN:
		return "is UNKNOWN: somebody must look";
	case WHY_HELD:
		return "is held, as the run is paused";
	case WHY_DEPENDENCIES:
		return "waits for others";
	case WHY_RUN_KEY:
	case WHY_RUN_RATE:
	case WHY_RUN_PROJECT:
	case WHY_RUN_ALL:
		return "has not started";
	case WHY_ENDED:
		break;
	}
	return "has ended";
}

/* `"a", "b" and 3 more` */
static void put_blockers(const struct why *w, struct buf *text, uint32_t index)
{
	enum { NAMED = 3 };
	const struct plan_node *pn = run_plan_node(w->run, index);
	uint32_t n = 0;
	for (uint32_t k = 0; k < pn->n_depends; k++) {
		uint32_t d = pn->depends[k];
		if (node_status_final(w->run->nodes[d].status) || n++ >= NAMED)
			continue;
		buf_printf(text, "%s\"%.*s\"", n > 1 ? ", " : "", STR_ARG(node_id(w, d)));
	}
	if (n > NAMED)
		buf_printf(text, " and %u more", n - NAMED);
}

/* What is known of the node that really holds this one. */
static void say_root(const struct why *w, uint32_t index, struct said *s, struct buf *text)
{
	if (w->next[index] == UNKNOWN)
		return;
	struct said root = say(w, w->root[index]);
	if (w->next[index] == w->root[index])
		buf_puts(text, "; ");
	else
		buf_puts(text, "; at the end of that chain ");
	buf_printf(text, "\"%.*s\" %s", STR_ARG(node_id(w, w->root[index])), short_reason(&root));
	if (root.since_ms)
		buf_printf(text, " since %s", time_text(w->a, root.since_ms));
	if (root.until_ms)
		buf_printf(text, ", until %s", time_text(w->a, root.until_ms));
	s->since_ms = root.since_ms;
	s->until_ms = root.until_ms;
	s->command = root.command;
}

static struct said say_dependencies(const struct why *w, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(w->run, index);
	struct said s = {.reason = WHY_DEPENDENCIES};
	CLEANUP_BUF struct buf text = {0};
	buf_puts(&text, "waits for ");
	put_blockers(w, &text, index);
	if (pn->join != JOIN_ALL_SUCCESS)
		buf_printf(&text, " by its join rule %s", join_rule_name(pn->join));
	say_root(w, index, &s, &text);
	s.sentence = arena_dup(w->a, text.p, text.n);
	return s;
}

static struct said say_items(const struct why *w, uint32_t index)
{
	const struct each *x = w->run->nodes[index].each;
	struct said s = {.reason = WHY_ITEMS};
	CLEANUP_BUF struct buf text = {0};
	buf_printf(&text, "waits for its items: %u of %u ended, %u go on, %u wait for their turn",
		   x->n_ended, x->n, x->n_started - x->n_ended, x->n - x->n_started);
	say_root(w, index, &s, &text);
	s.since_ms = w->run->nodes[index].started_ms;
	s.sentence = arena_dup(w->a, text.p, text.n);
	return s;
}

static struct said say_turn(const struct why *w, uint32_t item)
{
	uint32_t node = w->run->nodes[item].each_of - 1;
	struct said s = {.reason = WHY_TURN};
	CLEANUP_BUF struct buf text = {0};
	buf_printf(&text,
		   "waits for its turn: %u items of \"%.*s\" go on, and no more may at once "
		   "(maxParallel)",
		   run_plan_node(w->run, item)->max_parallel, STR_ARG(node_id(w, node)));
	say_root(w, item, &s, &text);
	s.since_ms = w->run->nodes[node].started_ms;
	s.sentence = arena_dup(w->a, text.p, text.n);
	return s;
}

/* ---- the runs that nodes called ---- */

static uint32_t gravest(const struct why *w);
static const char *stopping_text(const struct why *w);

static void look_at(struct why *w)
{
	w->next = ARENA_NEW_ARRAY(w->a, uint32_t, w->run->n_nodes);
	w->root = ARENA_NEW_ARRAY(w->a, uint32_t, w->run->n_nodes);
	w->last_error = ARENA_NEW_ARRAY(w->a, uint32_t, w->run->n_nodes);
	blame_all(w);
}

/* What holds the callee, as the end of a sentence; *s gets what unblocks it. */
static const char *callee_text(const struct why *w, struct run *callee, struct said *s)
{
	static const struct run_detail unread = {0};
	enum { THE_RUN = 8 }; /* "The run " */
	struct why inner = {.e = w->e, .run = callee, .stored = &unread, .a = w->a};
	struct said holds;
	if (callee->status == RUN_PENDING) {
		holds = say_pending(&inner);
		s->command = holds.command;
		return arena_printf(w->a, ", which has not started: it %s",
				    holds.sentence + THE_RUN);
	}
	look_at(&inner);
	uint32_t node = gravest(&inner);
	if (node == UNKNOWN)
		return "";
	holds = say(&inner, node);
	s->command = holds.command;
	s->until_ms = s->until_ms ? s->until_ms : holds.until_ms;
	return arena_printf(w->a, "; %sits node \"%.*s\": %s", stopping_text(&inner),
			    STR_ARG(node_id(&inner, node)), holds.sentence);
}

static struct said say_child(const struct why *w, const struct child *c)
{
	const struct plan_node *pn = run_plan_node(w->run, c->index);
	const struct node *n = &w->run->nodes[c->index];
	struct said s = {
		.reason = WHY_CHILD, .since_ms = c->begun_ms, .until_ms = due_ms(w->e, &c->timer)};
	if (c->state == CHILD_HELD)
		return say_held(w);
	if (c->state == CHILD_BACKOFF) {
		s.reason = WHY_BACKOFF;
		s.until_ms = due_as_stored(w->e, &c->timer, c->wake_ms);
		s.sentence = arena_printf(w->a,
					  "its next run of workflow \"%.*s\" starts at %s; %u of "
					  "%lld tries failed, the "
					  "last was run %s",
					  STR_ARG(pn->workflow), time_text(w->a, s.until_ms),
					  n->tries, (long long)pn->retry.max_attempts, c->id.text);
		return s;
	}
	const char *limit =
		s.until_ms ? arena_printf(w->a, ", until %s", time_text(w->a, s.until_ms)) : "";
	const char *holds = callee_text(w, c->callee, &s);
	s.sentence = arena_printf(w->a, "waits since %s for run %s of workflow \"%.*s\"%s%s",
				  time_text(w->a, s.since_ms), c->id.text, STR_ARG(pn->workflow),
				  limit, holds);
	return s;
}

static struct said say(const struct why *w, uint32_t index)
{
	const struct node *n = &w->run->nodes[index];
	if (held(w, index))
		return say_held(w);
	if (n->status == NODE_UNKNOWN)
		return say_unknown(w, n->doubt);
	if (n->attempt)
		return say_attempt(w, n->attempt);
	if (n->wait)
		return say_wait(w, n->wait);
	if (n->child)
		return say_child(w, n->child);
	if (n->approval && n->status == NODE_WAITING_APPROVAL)
		return say_approval(w, n->approval);
	if (n->each)
		return say_items(w, index);
	if (run_is_item(w->run, index))
		return say_turn(w, index);
	return say_dependencies(w, index);
}

/* ---- the answer ---- */

static void put_node_head(struct json_out *o, struct str id, enum node_status status,
			  const struct said *s)
{
	json_out_object(o);
	json_out_key(o, "nodeId");
	json_out_str(o, id);
	json_put_strz(o, "status", node_status_name(status));
	json_put_strz(o, "reason", why_reason_name(s->reason));
	json_put_strz(o, "sentence", s->sentence);
	json_put_time(o, "since", s->since_ms);
	json_put_time(o, "until", s->until_ms);
	json_put_strz(o, "command", s->command);
}

static void put_chain(struct why *w, uint32_t index)
{
	uint32_t at = w->next[index];
	json_out_key(&w->out, "chain");
	json_out_array(&w->out);
	for (int n = 0; at != UNKNOWN && n < LIMIT_WHY_CHAIN; n++, at = w->next[at])
		json_out_str(&w->out, node_id(w, at));
	json_out_end(&w->out);
}

static void put_blocking_items(struct why *w, const struct each *x)
{
	for (uint32_t i = x->first, n = 0; i < x->first + x->n && n < LIMIT_WHY_CHAIN; i++) {
		if (!goes_on(&w->run->nodes[i]))
			continue;
		json_out_str(&w->out, node_id(w, i));
		n++;
	}
}

static void put_blocking_nodes(struct why *w, uint32_t index)
{
	const struct plan_node *pn = run_plan_node(w->run, index);
	for (uint32_t k = 0, n = 0; k < pn->n_depends && n < LIMIT_WHY_CHAIN; k++) {
		if (node_status_final(w->run->nodes[pn->depends[k]].status))
			continue;
		json_out_str(&w->out, node_id(w, pn->depends[k]));
		n++;
	}
}

static void put_blocked_by(struct why *w, uint32_t index)
{
	const struct node *n = &w->run->nodes[index];
	json_out_key(&w->out, "blockedBy");
	json_out_array(&w->out);
	if (n->each)
		put_blocking_items(w, n->each);
	else if (run_is_item(w->run, index) && w->next[index] != UNKNOWN)
		json_out_str(&w->out, node_id(w, w->next[index]));
	else if (waits_for_nodes(w, index) && !run_is_item(w->run, index))
		put_blocking_nodes(w, index);
	json_out_end(&w->out);
}

static void put_node(struct why *w, uint32_t index)
{
	struct said s = say(w, index);
	struct json_out *o = &w->out;
	put_node_head(o, node_id(w, index), w->run->nodes[index].status, &s);
	put_blocked_by(w, index);
	put_chain(w, index);
	json_out_end(o);
}

/* Those that hold up others first. */
static void put_nodes(struct why *w)
{
	size_t n = 0;
	json_out_key(&w->out, "nodes");
	json_out_array(&w->out);
	for (int pending = 0; pending < 2; pending++) {
		for (uint32_t i = 0; i < w->run->n_nodes; i++) {
			const struct node *node = &w->run->nodes[i];
			if (node_status_final(node->status) ||
			    waits_for_nodes(w, i) != (pending == 1))
				continue;
			if (n++ < LIMIT_WHY_NODES)
				put_node(w, i);
		}
	}
	json_out_end(&w->out);
	json_out_key(&w->out, "nodesLeftOut");
	json_out_int(&w->out, n > LIMIT_WHY_NODES ? (int64_t)(n - LIMIT_WHY_NODES) : 0);
}

/* The node that most needs somebody to do something. */
static uint32_t gravest(const struct why *w)
{
	uint32_t found = UNKNOWN;
	for (uint32_t i = 0; i < w->run->n_nodes; i++) {
		const struct node *n = &w->run->nodes[i];
		if (node_status_final(n->status) || waits_for_nodes(w, i))
			continue;
		if (found == UNKNOWN || gravity(w, i) > gravity(w, found))
			found = i;
	}
	return found;
}

static const char *stopping_text(const struct why *w)
{
	const struct run *r = w->run;
	if (r->stopping == STOP_NONE)
		return "";
	return arena_printf(w->a, "it was %s at %s; ",
			    r->stopping == STOP_CANCEL ? "cancelled" : "stopped by its time-out",
			    time_text(w->a, r->stop_ms));
}

static const char *summary(const struct why *w)
{
	const struct engine *e = w->e;
	uint32_t node = gravest(w);
	if (node == UNKNOWN && e->pump.full)
		return arena_printf(w->a,
				    "The run has ended, which is not on disk: the disk of the "
				    "database is full since %s; free some space, it is tried again "
				    "at %s.",
				    time_text(w->a, e->full_ms),
				    time_text(w->a, due_ms(e, &e->store_retry)));
	if (node == UNKNOWN)
		return "The run has ended; that is on its way to the disk.";
	struct said s = say(w, node);
	if (w->run->pause && s.reason != WHY_HELD)
		return arena_printf(w->a, "The run is paused %s; node \"%.*s\": %s.",
				    paused_text(w), STR_ARG(node_id(w, node)), s.sentence);
	return arena_printf(w->a, "The run has not ended: %snode \"%.*s\": %s.", stopping_text(w),
			    STR_ARG(node_id(w, node)), s.sentence);
}

static void put_head(struct json_out *o, struct str id, enum run_status status,
		     const struct said *s)
{
	json_out_object(o);
	json_out_key(o, "runId");
	json_out_str(o, id);
	json_put_strz(o, "status", run_status_name(status));
	json_put_strz(o, "summary", s->sentence);
	json_put_strz(o, "reason", status == RUN_PENDING ? why_reason_name(s->reason) : NULL);
	json_put_time(o, "since", s->since_ms);
	json_put_time(o, "until", s->until_ms);
	json_put_strz(o, "command", s->command);
}

/* ---- runs that have not started ---- */

static void say_key(const struct why *w, struct said *s)
{
	const struct run *r = w->run, *holder = gate_holder(r->gate);
	const char *key = r->gate->key && *r->gate->key
				  ? arena_printf(w->a, " of the key \"%s\"", r->gate->key)
				  : "";
	s->reason = WHY_RUN_KEY;
	s->sentence = arena_printf(
		w->a,
		"The run waits since %s: %zu of %zu runs%s go on, the oldest is %s since %s; place "
		"%zu of %zu",
		time_text(w->a, s->since_ms), r->gate->n_holding, r->gate->limit, key,
		holder ? holder->id.text : "?",
		time_text(w->a, holder ? holder->started_ms : s->since_ms), gate_place(r),
		r->turn.in->n);
	s->command = holder ? arena_printf(w->a, "drover cancel %s", holder->id.text) : NULL;
}

static void say_rate(const struct why *w, struct said *s)
{
	const struct run *r = w->run;
	const struct flow *f = r->gate->flow;
	s->reason = WHY_RUN_RATE;
	s->until_ms = due_ms(w->e, &f->timer);
	s->sentence = arena_printf(
		w->a,
		"The run waits since %s: its workflow's rateLimit allows %lld starts in %lld ms; "
		"the next one is at %s, place %zu of %zu",
		time_text(w->a, s->since_ms), (long long)f->limit.limit, (long long)f->limit.per_ms,
		time_text(w->a, s->until_ms), gate_place(r), r->turn.in->n);
}

static void say_running_runs(const struct why *w, struct said *s, bool project)
{
	const struct share *share = w->run->gate->flow->share;
	size_t most = project ? w->e->config.max_project_running : w->e->config.max_running;
	const char *option = project ? "--max-project-running-runs" : "--max-running-runs";
	s->reason = project ? WHY_RUN_PROJECT : WHY_RUN_ALL;
	s->sentence = arena_printf(
		w->a,
		"The run waits since %s: %zu of %zu runs%s go on, %zu of its project wait; serve "
		"%s raises that",
		time_text(w->a, s->since_ms), project ? share->n_running : w->e->starts.n_running,
		most, project ? " of its project" : "", share->n_pending, option);
	s->command = arena_printf(w->a, "drover serve %s %zu", option, most * 2);
}

static void put_pending(struct why *w, const struct said *s)
{
	put_head(&w->out, ID_STR(w->run->id), RUN_PENDING, s);
	json_out_key(&w->out, "nodes");
	json_out_array(&w->out);
	json_out_end(&w->out);
	json_out_key(&w->out, "nodesLeftOut");
	json_out_int(&w->out, 0);
	json_out_end(&w->out);
}

static struct said say_pending(const struct why *w)
{
	const struct run *r = w->run;
	struct said s = {.since_ms = r->created_ms};
	if (r->pause) {
		s = say_held(w);
		s.sentence = arena_printf(w->a, "The run has not started: it is paused %s",
					  paused_text(w));
		return s;
	}
	switch (gate_why(r)) {
	case GATE_WAIT_KEY:
		say_key(w, &s);
		break;
	case GATE_WAIT_RATE:
		say_rate(w, &s);
		break;
	case GATE_WAIT_PROJECT:
		say_running_runs(w, &s, true);
		break;
	case GATE_WAIT_ALL:
		say_running_runs(w, &s, false);
		break;
	}
	return s;
}

static void tell_pending(struct why *w)
{
	struct said s = say_pending(w);
	s.sentence = arena_printf(w->a, "%s.", s.sentence);
	put_pending(w, &s);
}

static void tell_open(struct why *w)
{
	struct run *r = w->run;
	look_at(w);
	find_errors(w);
	/* an end that is not durable is no end yet */
	put_head(&w->out, ID_STR(r->id), run_status_final(r->status) ? RUN_RUNNING : r->status,
		 &(struct said){.sentence = summary(w),
				.since_ms = r->started_ms,
				.until_ms = due_ms(w->e, &r->limit)});
	put_nodes(w);
	json_out_end(&w->out);
}

/* ---- runs that have ended ---- */

/* The node that the run's error names, else the first that failed, or NULL. */
static const struct node_row *failed_node(const struct run_detail *d, struct str named)
{
	const struct node_row *first = NULL;
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *row = &d->nodes[i];
		if (named.n && str_eq(row->node_id, named))
			return row;
		if ((row->status == NODE_FAILED || row->status == NODE_TIMED_OUT) &&
		    (!first || row->index < first->index))
			first = row;
	}
	return first;
}

static void put_failed(struct why *w, const struct node_row *row)
{
	struct value error = VALUE_NULL_INIT;
	struct json_out *o = &w->out;
	if (row->error.n)
		json_parse(w->a, row->error, JSON_DEFAULT, &error, NULL);
	struct str code = value_text(value_getz(&error, "code"));
	struct str message = value_text(value_getz(&error, "message"));
	struct said s = {.reason = WHY_ENDED, .since_ms = row->finished_ms};
	s.sentence = arena_printf(w->a, "ended %s at %s%s%.*s%s%.*s", node_status_name(row->status),
				  time_text(w->a, row->finished_ms), code.n ? ": " : "",
				  STR_ARG(code), message.n ? ": " : "", STR_ARG(message));
	s.command = arena_printf(w->a, "drover retry %.*s", STR_ARG(w->stored->run.id));
	put_node_head(o, row->node_id, row->status, &s);
	json_out_key(o, "blockedBy");
	json_out_array(o);
	json_out_end(o);
	json_out_key(o, "chain");
	json_out_array(o);
	json_out_end(o);
	json_out_end(o);
}

static void tell_ended(struct why *w)
{
	const struct run_row *run = &w->stored->run;
	struct value error = VALUE_NULL_INIT;
	if (run->error.n)
		json_parse(w->a, run->error, JSON_DEFAULT, &error, NULL);
	struct str message = value_text(value_getz(&error, "message"));
	const char *text = arena_printf(
		w->a, "The run ended %s at %s%s%.*s.", run_status_name(run->status),
		time_text(w->a, run->finished_ms), message.n ? ": " : "", STR_ARG(message));
	put_head(&w->out, run->id, run->status,
		 &(struct said){.sentence = text, .since_ms = run->finished_ms});
	json_out_key(&w->out, "nodes");
	json_out_array(&w->out);
	const struct node_row *failed =
		run->status == RUN_SUCCESS
			? NULL
			: failed_node(w->stored, value_text(value_getz(&error, "nodeId")));
	if (failed)
		put_failed(w, failed);
	json_out_end(&w->out);
	json_out_key(&w->out, "nodesLeftOut");
	json_out_int(&w->out, 0);
	json_out_end(&w->out);
}

static void answer(struct engine *e, const struct run_why *ask, engine_reply_fn fn, void *arg)
{
	struct arena a CLEANUP_ARENA = {0};
	CLEANUP_BUF struct buf text = {0};
	struct why w = {.e = e, .stored = ask->stored, .a = &a, .out = json_out_to(&text)};
	struct engine_reply reply = {.outcome = ENGINE_OK, .id = ask->stored->run.id};
	w.run = map_get(&e->runs, ask->stored->run.id);
	if (run_status_final(ask->stored->run.status))
		tell_ended(&w);
	else if (w.run && str_eq(w.run->plan->project, ask->project) &&
		 w.run->status == RUN_PENDING)
		tell_pending(&w);
	else if (w.run && str_eq(w.run->plan->project, ask->project))
		tell_open(&w);
	else
		reply.outcome = ENGINE_NOT_FOUND;
	reply.json = buf_str(&text);
	fn(arg, &reply);
}

void engine_run_why(struct engine *e, const struct run_why *ask, engine_reply_fn fn, void *arg)
{
	engine_enter(e);
	answer(e, ask, fn, arg);
	engine_leave(e);
}
