/* The end of a seed: everything drains, and what is stored is judged. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { DRAIN_MOST = 20000 };

static size_t n_open(struct sim *s)
{
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	return stats.n_open_runs + stats.n_txns_in_flight + stats.store_full;
}

/* Answers one attempt; those that hang with a time-out are left to it. */
static bool drain_one(struct sim *s)
{
	for (size_t i = 0; i < s->n_live; i++) {
		if (s->live[i].hangs && s->live[i].limited && !s->live[i].stop_asked)
			continue;
		sim_answer(s, i, true);
		return true;
	}
	return false;
}

void sim_drain(struct sim *s)
{
	s->draining = true;
	for (int i = 0; i < DRAIN_MOST && !s->failed; i++) {
		engine_flush(s->engine);
		while (mem_store_commit_one(s->store))
			;
		size_t n = mem_store_run(s->store);
		sim_check(s);
		if (n == 0)
			sim_pause_schedules(s, true);
		if (n > 0 || sim_resume_all(s))
			continue;
		if (drain_one(s)) {
			sim_check(s);
			continue;
		}
		if (n_open(s) == 0)
			return;
		if (sim_chance(s, 20))
			sim_judge_waiting(s);
		if (sim_chance(s, 70) && sim_act_decide(s, true))
			continue;
		if (sim_chance(s, 70) && sim_act_resolve(s))
			continue;
		int64_t next = engine_next_tick(s->engine);
		if (next == INT64_MAX && sim_act_resolve(s))
			continue;
		if (next == INT64_MAX) {
			sim_wrong(s, "%zu runs are open and nothing will happen", n_open(s));
			return;
		}
		sim_pass(s, next > s->wall_ms ? next - s->wall_ms : 0);
		engine_tick(s->engine);
	}
	if (!s->failed)
		sim_wrong(s, "does not drain");
}

/* What a retry kept is what the old run had. */
static void judge_copies(struct sim *s, struct arena *a, const struct run_detail *d)
{
	struct run_detail old;
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *n = &d->nodes[i];
		if (!n->copied_from.n)
			continue;
		if (!sim_read_run(s, a, arena_dup(a, n->copied_from.p, n->copied_from.n), &old)) {
			sim_wrong(s, "copied from no run");
			return;
		}
		for (size_t k = 0; k < old.n_nodes; k++)
			if (str_eq(old.nodes[k].node_id, n->node_id) &&
			    (old.nodes[k].status != n->status ||
			     !str_eq(old.nodes[k].output, n->output)))
				sim_wrong(s, "a kept result is not the old one");
	}
}

/* The definition of a node or an item; NULL for a node with forEach, whose items do the work. */
static const struct value *definition_of(const struct value *nodes, const struct node_row *row)
{
	size_t n = 0;
	while (n < row->node_id.n && row->node_id.p[n] != '[')
		n++;
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct value *v = &nodes->items[i];
		if (str_eq(value_text(value_getz(v, "id")), str_n(row->node_id.p, n)))
			return value_getz(v, "forEach") && n == row->node_id.n ? NULL : v;
	}
	return NULL;
}

/* Nobody slept for less than was asked; what the wall says of it is true while it did not jump. */
static void judge_sleeps(struct sim *s, struct arena *a, const struct run_detail *d)
{
	struct value definition;
	ASSERT(json_parse(a, d->definition, JSON_DEFAULT, &definition, NULL) == 0);
	const struct value *nodes = value_getz(&definition, "nodes");
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *n = &d->nodes[i];
		struct str text = value_text(value_getz(definition_of(nodes, n), "sleep"));
		if (!text.n || n->status != NODE_SUCCESS || n->copied_from.n || sim_given(n))
			continue;
		met.slept++;
		int64_t ms = strtoll(arena_dup(a, text.p, text.n), NULL, 10);
		if (!s->jumped && n->finished_ms - n->started_ms < ms)
			sim_wrong(s, "slept %lld of %lld ms",
				  (long long)(n->finished_ms - n->started_ms), (long long)ms);
	}
}

/* What a waiting node was given is what somebody sent, to it, and no signal came twice. */
static void judge_told(struct sim *s, struct arena *a, const struct run_detail *d)
{
	struct value definition, output;
	ASSERT(json_parse(a, d->definition, JSON_DEFAULT, &definition, NULL) == 0);
	const struct value *nodes = value_getz(&definition, "nodes");
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *row = &d->nodes[i];
		if (!value_getz(definition_of(nodes, row), "wait") || row->status != NODE_SUCCESS ||
		    row->copied_from.n || sim_given(row))
			continue;
		ASSERT(json_parse(a, row->output, JSON_DEFAULT, &output, NULL) == 0);
		const struct value *v = value_getz(&output, "n");
		size_t n = v ? (size_t)v->i : SENT_MOST;
		met.told++;
		if (n >= s->n_sent || s->sent[n].void_)
			sim_wrong(s, "a node got %.*s, which nobody sent", STR_ARG(row->output));
		else if (s->sent[n].id < 0 &&
			 (s->sent[n].n_told++ > 0 || !str_eqz(d->run.id, s->sent[n].run)))
			sim_wrong(s, "signal %zu came twice, or to another run", n);
	}
}

static void judge_run(struct sim *s, struct store_reader *r, const struct run_row *row)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	struct event_row *events;
	size_t n;
	ASSERT(r->ops->run_get(r, &a, STR("default"), row->id, &d) == 0);
	ASSERT(r->ops->event_list(r, &a, row->id, 0, 100000, &events, &n) == 0);
	const char *why = model_judge(&a, &d, events, n);
	if (why)
		sim_wrong(s, "%s", why);
	judge_copies(s, &a, &d);
	judge_sleeps(s, &a, &d);
	judge_told(s, &a, &d);
	sim_judge_effects(s, &a, &d, events, n);
	sim_judge_retries(s, &a, &d, events, n);
	for (size_t i = 0; i < d.n_approvals; i++)
		met.approvals[d.approvals[i].status]++;
	met.runs[d.run.status]++;
	met.attempts += d.n_attempts;
	for (size_t i = 0; i < d.n_nodes; i++) {
		met.nodes[d.nodes[i].status]++;
		met.copied += d.nodes[i].copied_from.n > 0;
		met.expanded += str_starts(d.nodes[i].detail, STR("{\"forEach\""));
		met.items += d.nodes[i].node_id.p[d.nodes[i].node_id.n - 1] == ']';
	}
	for (size_t i = 0; i < d.n_attempts; i++)
		met.voided += str_starts(d.attempts[i].error, STR("{\"code\":\"approval_void\""));
	for (size_t i = 0; i < d.n_attempts; i++)
		met.lost += str_starts(d.attempts[i].error, STR("{\"code\":\"lost\""));
}

/* No node called more runs than its row tells of, and at most one of them ended well. */
static void judge_calls(struct sim *s, struct arena *a, const struct run_row *rows, size_t n)
{
	for (size_t i = 0; i < n && !s->failed; i++) {
		struct run_detail caller;
		size_t n_called = 0, n_good = 0;
		if (!rows[i].caller_run_id.n)
			continue;
		char *id = arena_dup(a, rows[i].caller_run_id.p, rows[i].caller_run_id.n);
		if (!sim_read_run(s, a, id, &caller))
			continue; /* its time was over first */
		for (size_t k = 0; k < n; k++)
			if (str_eq(rows[k].caller_run_id, rows[i].caller_run_id) &&
			    str_eq(rows[k].caller_node, rows[i].caller_node)) {
				n_called++;
				n_good += rows[k].status == RUN_SUCCESS;
			}
		met.called++;
		for (size_t k = 0; k < caller.n_nodes; k++)
			if (str_eq(caller.nodes[k].node_id, rows[i].caller_node) &&
			    (n_called > (size_t)caller.nodes[k].attempt ||
			     n_good > (caller.nodes[k].status == NODE_SUCCESS)))
				sim_wrong(s, "run %s node %.*s called %zu runs, %zu ended well", id,
					  STR_ARG(rows[i].caller_node), n_called, n_good);
	}
}

void sim_judge(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_row *rows;
	size_t n;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->run_list(r, &a, &(struct run_filter){.project = STR("default")},
				&(struct store_page){.limit = 1000}, &rows, &n) == 0);
	for (size_t i = 0; i < n && !s->failed; i++)
		judge_run(s, r, &rows[i]);
	sim_judge_schedules(s, rows, n);
	sim_judge_order(s, rows, n);
	judge_calls(s, &a, rows, n);
	r->ops->reader_free(r);
	for (size_t i = 0; i < s->n_runs; i++)
		sim_remember_finals(s, s->runs[i]);
}
