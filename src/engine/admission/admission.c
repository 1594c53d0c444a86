#include "engine/admission/admission.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"

enum { KEY_BYTES = 2 * LIMIT_NAME_BYTES + 2 };

/* ---- shares and lanes ---- */

void admission_init(struct engine *e)
{
	struct admission *x = &e->admission;
	queue_init(&x->shares, NULL);
	queue_init(&x->others, NULL);
	x->timer.kind = TIMER_SHARE;
}

static void free_lane(void *p)
{
	struct lane *l = p;
	queue_fini(&l->attempts);
	free(l);
}

static void free_share(void *p)
{
	struct share *s = p;
	queue_fini(&s->attempts);
	queue_fini(&s->flows);
	free(s);
}

static void free_all(struct map *m, void (*release)(void *))
{
	size_t at = 0;
	struct str key;
	void *p;
	while (map_next(m, &at, &key, &p))
		release(p);
	map_free(m);
}

void admission_fini(struct engine *e)
{
	struct admission *x = &e->admission;
	free_all(&x->lanes, free_lane);
	free_all(&x->by_project, free_share);
	queue_fini(&x->shares);
	queue_fini(&x->others);
}

struct share *admission_share(struct engine *e, struct str project)
{
	struct admission *x = &e->admission;
	struct share *s = map_get(&x->by_project, project);
	if (s)
		return s;
	s = mem_new0(sizeof(*s) + project.n + 1);
	memcpy(s->project, project.p, project.n);
	s->engine = e;
	queue_init(&s->attempts, &x->shares);
	s->attempts.own_key = true;
	queue_init(&s->flows, &e->starts.shares);
	s->flows.own_key = true;
	map_put(&x->by_project, project, s);
	return s;
}

/* What the agent's policy says of its attempts. */
static void read_limits(struct engine *e, struct lane *l)
{
	const struct agent *agent =
		catalog_agent(&e->catalog, str_of(l->share->project), str_of(l->agent));
	const struct policy policy = agent ? agent->policy : (struct policy){0};
	const struct rate_limit limit = {policy.rate_limit, policy.rate_per_ms, policy.rate_burst};
	l->concurrency = policy.concurrency;
	if (limit.limit != l->limit.limit || limit.per_ms != l->limit.per_ms ||
	    limit.burst != l->limit.burst)
		rate_begin(&l->rate, &limit, e->start_ms);
	l->limit = limit;
}

static struct str lane_key(char buffer[KEY_BYTES], struct str project, struct str agent)
{
	size_t n = 0;
	ASSERT(project.n <= LIMIT_NAME_BYTES && agent.n <= LIMIT_NAME_BYTES);
	memcpy(buffer, project.p, project.n);
	n += project.n;
	buffer[n++] = '\n';
	memcpy(buffer + n, agent.p, agent.n);
	return str_n(buffer, n + agent.n);
}

static struct lane *find_lane(struct engine *e, struct str project, struct str agent)
{
	char buffer[KEY_BYTES];
	return map_get(&e->admission.lanes, lane_key(buffer, project, agent));
}

static struct lane *make_lane(struct engine *e, struct str project, struct str agent)
{
	char buffer[KEY_BYTES];
	struct lane *l = find_lane(e, project, agent);
	if (l)
		return l;
	l = mem_new0(sizeof(*l) + agent.n + 1);
	memcpy(l->agent, agent.p, agent.n);
	l->share = admission_share(e, project);
	l->timer.kind = TIMER_LANE;
	queue_init(&l->attempts, &e->admission.others);
	read_limits(e, l);
	map_put(&e->admission.lanes, lane_key(buffer, project, agent), l);
	return l;
}

/* ---- limits of agents ---- */

enum lane_shut admission_shut(const struct engine *e, const struct lane *l)
{
	if (l->held)
		return LANE_HELD;
	if (l->concurrency && l->n_running >= (size_t)l->concurrency)
		return LANE_CONCURRENCY;
	return rate_next_ms(&l->rate, &l->limit, e->now_ms) > e->now_ms ? LANE_RATE : LANE_OPEN;
}

/* Shuts or opens the lane, and arms the timer when time alone opens it again. */
static void judge(struct engine *e, struct lane *l)
{
	enum lane_shut shut = admission_shut(e, l);
	if (shut == LANE_RATE && l->attempts.n > 0)
		timer_arm(&e->timers, &l->timer, rate_next_ms(&l->rate, &l->limit, e->now_ms));
	else
		timer_disarm(&e->timers, &l->timer);
	queue_shut(&l->attempts, shut != LANE_OPEN);
}

void admission_lane_timer(struct lane *l)
{
	judge(l->share->engine, l);
}

void admission_agent_changed(struct engine *e, struct str project, struct str name)
{
	struct lane *l = find_lane(e, project, name);
	if (!l)
		return;
	read_limits(e, l);
	judge(e, l);
}

void admission_hold(struct engine *e, struct str project, struct str agent, bool hold)
{
	struct lane *l = make_lane(e, project, agent);
	l->held = hold;
	judge(e, l);
}

bool admission_held(const struct engine *e, struct str project, struct str agent)
{
	char buffer[KEY_BYTES];
	const struct lane *l = map_get(&e->admission.lanes, lane_key(buffer, project, agent));
	return l && l->held;
}

/* ---- waiting ---- */

/* The lane stands among those that need slots, or not, as its agent is now. It can't move while
 * attempts wait in it; it does when the last of them is gone. */
static void follow_agent(struct engine *e, struct lane *l, const struct agent *agent)
{
	bool script = agent && agent->row.type == AGENT_SCRIPT;
	if (l->script == script || l->attempts.n > 0)
		return;
	l->script = script;
	queue_move(&l->attempts, script ? &l->share->attempts : &e->admission.others);
}

void admission_assign(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct str project = a->run->plan->project;
	struct str name = run_plan_node(a->run, a->index)->agent;
	struct agent *agent = catalog_agent(&e->catalog, project, name);
	a->lane = agent && agent->lane ? agent->lane : make_lane(e, project, name);
	if (agent)
		agent->lane = a->lane;
	follow_agent(e, a->lane, agent);
	a->script = a->lane->script;
}

bool admission_open(struct attempt *a)
{
	const struct engine *e = a->run->engine;
	const struct lane *l = a->lane;
	if (l->attempts.n > 0 || admission_shut(e, l) != LANE_OPEN)
		return false;
	return !l->script || (e->n_scripts < e->config.max_scripts && e->admission.shares.n == 0);
}

static void begin_waiting(struct share *s)
{
	s->since_ms = s->engine->now_ms;
	queue_set_key(&s->attempts,
		      (struct queue_key){(int64_t)s->n_slots, ++s->engine->admission.turn});
}

void admission_enqueue(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct lane *l = a->lane;
	struct share *s = l->share;
	if (l->script && s->n_slots == 0 && s->attempts.n == 0)
		begin_waiting(s);
	queue_push(&l->attempts, &a->turn,
		   (struct queue_key){-a->run->priority, id_age(ID_STR(a->id))});
	s->n_queued++;
	e->n_queued++;
	judge(e, l);
}

void admission_dequeue(struct attempt *a)
{
	if (!a->turn.in)
		return;
	queue_remove(&a->turn);
	a->lane->share->n_queued--;
	a->run->engine->n_queued--;
	judge(a->run->engine, a->lane);
}

/* ---- starting ---- */

/* Whether the share may have a slot now; when only time is missing the timer is armed. */
static bool may_have_slot(struct engine *e, const struct share *s)
{
	int64_t due_ms = s->since_ms + LIMIT_SHARE_WAIT_MS;
	if (e->n_scripts < e->config.max_scripts)
		return true;
	if (s->n_slots > 0 || e->n_scripts >= e->config.max_scripts + e->config.extra_scripts)
		return false;
	if (due_ms <= e->now_ms)
		return true;
	timer_arm(&e->timers, &e->admission.timer, due_ms);
	return false;
}

struct attempt *admission_next(struct engine *e)
{
	struct admission *x = &e->admission;
	struct waiter *lane = queue_first(&x->others);
	timer_disarm(&e->timers, &x->timer);
	if (!lane) {
		struct waiter *share = queue_first(&x->shares);
		struct share *s = share ? container_of(share, struct share, attempts.self) : NULL;
		if (!s || !may_have_slot(e, s))
			return NULL;
		lane = queue_head(&s->attempts);
	}
	ASSERT(lane); /* a share that waits has a lane that does */
	struct lane *l = container_of(lane, struct lane, attempts.self);
	return container_of(queue_head(&l->attempts), struct attempt, turn);
}

void admission_take(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct lane *l = a->lane;
	struct share *s = l->share;
	ASSERT(!a->admitted);
	a->admitted = true;
	l->n_running++;
	rate_take(&l->rate, &l->limit, e->now_ms);
	judge(e, l);
	if (!a->script)
		return;
	e->n_scripts++;
	s->n_slots++;
	queue_set_key(&s->attempts, (struct queue_key){(int64_t)s->n_slots, ++e->admission.turn});
}

void admission_give_back(struct attempt *a)
{
	struct engine *e = a->run->engine;
	struct lane *l = a->lane;
	if (!a->admitted)
		return;
	struct share *s = l->share;
	a->admitted = false;
	l->n_running--;
	judge(e, l);
	if (!a->script)
		return;
	e->n_scripts--;
	if (--s->n_slots == 0)
		begin_waiting(s);
	else
		queue_set_key(&s->attempts,
			      (struct queue_key){(int64_t)s->n_slots, s->attempts.self.key.age});
}

/* ---- the invariant ---- */

static void check_lane(const struct engine *e, const struct lane *l)
{
	queue_check(&l->attempts);
	ASSERT(l->attempts.above == (l->script ? &l->share->attempts : &e->admission.others));
	ASSERT(l->attempts.shut || admission_shut(e, l) == LANE_OPEN || l->attempts.n == 0);
	ASSERT(!timer_armed(&l->timer) || l->attempts.n > 0);
	/* who waits for the rate alone is woken */
	ASSERT(l->attempts.n == 0 || !l->attempts.shut || admission_shut(e, l) != LANE_RATE ||
	       timer_armed(&l->timer));
}

void admission_check(const struct engine *e)
{
	const struct admission *x = &e->admission;
	size_t at = 0, n_queued = 0, n_slots = 0, n_lanes = 0;
	struct str key;
	void *p;
	queue_check(&x->shares);
	queue_check(&x->others);
	while (map_next(&x->lanes, &at, &key, &p)) {
		check_lane(e, p);
		n_lanes += ((const struct lane *)p)->attempts.n;
	}
	at = 0;
	while (map_next(&x->by_project, &at, &key, &p)) {
		const struct share *s = p;
		queue_check(&s->attempts);
		n_queued += s->n_queued;
		n_slots += s->n_slots;
	}
	ASSERT(n_queued == e->n_queued && n_lanes == n_queued && n_slots == e->n_scripts);
	ASSERT(e->n_scripts <= e->config.max_scripts + e->config.extra_scripts);
	/* nobody waits who could go */
	ASSERT(x->others.n == 0);
	ASSERT(x->shares.n == 0 || e->n_scripts >= e->config.max_scripts);
}
