#include "engine/wait.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/emit.h"
#include "engine/node.h"
#include "engine/run.h"

static struct wait *wait_new(struct run *r, uint32_t index)
{
	struct wait *w = NEW0(struct wait);
	w->run = r;
	w->index = index;
	w->timer.kind = TIMER_WAIT;
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
	free(n->wait);
	n->wait = NULL;
}

static void tell_waiting(struct run *r, uint32_t index)
{
	const struct wait *w = r->nodes[index].wait;
	struct json_out o = emit_event_begin(r->engine);
	char until[TIMEFMT_RFC3339_BYTES];
	json_out_key(&o, "nodeId");
	json_out_str(&o, r->plan->nodes[index].id);
	json_out_key(&o, "why");
	json_out_strz(&o, "sleep");
	timefmt_rfc3339(until, w->wake_ms);
	json_out_key(&o, "until");
	json_out_strz(&o, until);
	emit_event_end(r, "node.waiting", &o);
}

void wait_begin(struct run *r, uint32_t index)
{
	struct engine *e = r->engine;
	struct node *n = &r->nodes[index];
	struct wait *w = wait_new(r, index);
	int64_t ms = r->plan->nodes[index].sleep_ms;
	node_move(n, NODE_RUNNING);
	n->started_ms = e->wall_ms;
	w->wake_ms = e->wall_ms + ms;
	timer_arm(&e->timers, &w->timer, e->now_ms + ms);
	emit_node(r, index, (struct str){0}, (struct str){0}, (struct str){0});
	tell_waiting(r, index);
}

void wait_fire(struct wait *w)
{
	struct run *r = w->run;
	node_succeed(r, w->index, STR("{}"));
	run_settle(r);
}

bool wait_row_fits(const struct plan_node *pn, const struct node_row *row)
{
	return row->status == NODE_RUNNING && pn->sleep_ms > 0 && row->wake_ms > 0;
}

void wait_recover(struct run *r, uint32_t index, const struct node_row *row)
{
	struct engine *e = r->engine;
	struct wait *w = wait_new(r, index);
	int64_t ms = r->plan->nodes[index].sleep_ms, left_ms = row->wake_ms - e->wall_ms;
	r->nodes[index].status = NODE_RUNNING;
	w->wake_ms = row->wake_ms;
	if (left_ms > ms)
		left_ms = ms;
	timer_arm(&e->timers, &w->timer, e->now_ms + (left_ms > 0 ? left_ms : 0));
}

bool wait_moves(const struct node *n)
{
	return n->status == NODE_RUNNING && !n->attempt && timer_armed(&n->wait->timer);
}
