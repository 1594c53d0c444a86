#include "engine/run/wait.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/emit.h"
#include "engine/run/node.h"
#include "engine/run/roots.h"
#include "engine/run/run.h"
#include "engine/run/signal.h"
#include "engine/run/subject.h"

static struct wait *wait_new(struct run *r, uint32_t index)
{
	struct wait *w = NEW0(struct wait);
	w->run = r;
	w->index = index;
	w->timer.kind = TIMER_WAIT;
	list_init(&w->link);
	list_init(&w->in_run);
	if (run_plan_node(r, index)->wait_event.n) {
		list_push_back(&r->engine->waits, &w->link);
		list_push_back(&r->waits, &w->in_run);
	}
	ASSERT(!r->nodes[index].wait);
	r->nodes[index].wait = w;
	r->n_busy++;
	return w;
}

void wait_end(struct node *n, struct engine *e)
{
	if (!n->wait)
		return;
	timer_disarm(&e->timers, &n->wait->timer);
	n->wait->run->n_busy--;
	list_remove(&n->wait->link);
	list_remove(&n->wait->in_run);
	free(n->wait);
	n->wait = NULL;
}

/* How long it waits in all, 0 = for ever. */
static int64_t length_of(const struct plan_node *pn)
{
	return pn->sleep_ms > 0 ? pn->sleep_ms : pn->wait_ms;
}

static void tell_waiting(struct run *r, uint32_t index)
{
	const struct wait *w = r->nodes[index].wait;
	const struct plan_node *pn = run_plan_node(r, index);
	struct json_out o = emit_event_begin(r->engine);
	json_out_key(&o, "nodeId");
	json_out_str(&o, run_node_id(r, index));
	json_out_key(&o, "why");
	json_out_strz(&o, pn->wait_event.n ? "event" : "sleep");
	if (pn->wait_event.n) {
		json_out_key(&o, "event");
		json_out_str(&o, pn->wait_event);
	}
	if (w->wake_ms) {
		char until[TIMEFMT_RFC3339_BYTES];
		timefmt_rfc3339(until, w->wake_ms);
		json_out_key(&o, "until");
		json_out_strz(&o, until);
	}
	emit_event_end(r, "node.waiting", &o);
}

void wait_begin(struct run *r, uint32_t index)
{
	struct engine *e = r->engine;
	struct node *n = &r->nodes[index];
	struct wait *w = wait_new(r, index);
	int64_t ms = length_of(run_plan_node(r, index));
	node_move(n, NODE_RUNNING);
	n->started_ms = e->wall_ms;
	if (ms > 0) {
		w->wake_ms = e->wall_ms + ms;
		timer_arm(&e->timers, &w->timer, e->now_ms + ms);
	}
	tell_waiting(r, index);
	if (!signal_take(w))
		emit_node(r, index, (struct str){0}, (struct str){0}, (struct str){0});
}

void wait_fire(struct wait *w)
{
	struct run *r = w->run;
	static const char code[] = "wait_timeout";
	if (run_plan_node(r, w->index)->sleep_ms > 0)
		node_succeed(r, w->index, STR("{}"));
	else
		node_fail(r, w->index, NODE_FAILED,
			  emit_error(r->engine, code, STR("the event did not come in time"),
				     (struct str){0}, false),
			  code);
	run_settle(r);
}

bool wait_wants(const struct wait *w, struct str type, const struct value *event)
{
	const struct plan_node *pn = run_plan_node(w->run, w->index);
	struct arena a CLEANUP_ARENA = {0};
	struct roots roots = {w->run, w->index, &a, event};
	struct resolve_roots env = roots_env(&roots);
	struct resolve_error error;
	struct value v;
	if (!subject_match(pn->wait_event, type))
		return false;
	if (!pn->wait_filter)
		return true;
	return resolve_run(pn->wait_filter, &env, &a, &v, &error) == 0 && v.kind == VALUE_BOOL &&
	       v.b;
}

void wait_deliver(struct wait *w, struct str output)
{
	node_succeed(w->run, w->index, output);
}

bool wait_row_fits(const struct plan_node *pn, const struct node_row *row)
{
	return row->status == NODE_RUNNING && plan_node_waits(pn) &&
	       (row->wake_ms > 0) == (length_of(pn) > 0);
}

void wait_recover(struct run *r, uint32_t index, const struct node_row *row)
{
	struct engine *e = r->engine;
	struct wait *w = wait_new(r, index);
	int64_t ms = length_of(run_plan_node(r, index)), left_ms = row->wake_ms - e->wall_ms;
	r->nodes[index].status = NODE_RUNNING;
	w->wake_ms = row->wake_ms;
	if (ms == 0)
		return;
	if (left_ms > ms)
		left_ms = ms;
	timer_arm(&e->timers, &w->timer, e->now_ms + (left_ms > 0 ? left_ms : 0));
}

bool wait_moves(const struct node *n)
{
	const struct wait *w = n->wait;
	return n->status == NODE_RUNNING && !n->attempt && !run_status_final(w->run->status) &&
	       timer_armed(&w->timer) == (w->wake_ms > 0) &&
	       (w->wake_ms > 0 || !list_empty(&w->link));
}
