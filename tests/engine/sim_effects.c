/*
 * Effects in the simulation. The agent "bank" does things that must not be done twice; what it
 * really did is kept here, apart from the engine, by idempotency key. Crashes, time-outs and
 * answers that can't be read leave open what the engine knows of it, never what is true.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

static struct {
	size_t unknown, probed, again, done;
} seen;

void sim_tell_effects(void)
{
	printf("# effects: done %zu, unknown %zu, probed %zu, again %zu\n", seen.done, seen.unknown,
	       seen.probed, seen.again);
}

/* What was really done under one key. */
struct deed {
	bool irreversible;
	int n_done;
	int64_t output; /* of the first time */
	bool open;	/* the last attempt left no answer that can be trusted */
	bool absent;	/* since then a probe said that nothing happened */
	size_t n_again; /* times that somebody said `again` before the last start */
	bool lied;	/* somebody said `again` though it was done */
};

static struct deed *deed_of(struct sim *s, const char *key)
{
	struct deed *d = map_get(&s->deeds, str_of(key));
	if (!d) {
		d = ARENA_NEW(&s->arena, struct deed);
		map_put(&s->deeds, str_of(arena_dupz(&s->arena, key)), d);
	}
	return d;
}

static void do_it(struct sim *s, struct deed *d)
{
	if (d->n_done++ == 0)
		d->output = ++s->n_output;
}

/* How often somebody said by now, durably, that the node is to run again. */
static size_t count_again(struct sim *s, const struct attempt_start *start)
{
	struct arena a CLEANUP_ARENA = {0};
	struct store_reader *r = sim_reader(s);
	struct event_row *rows;
	size_t n, found = 0;
	ASSERT(r->ops->event_list(r, &a, str_of(start->run_id.text), 0, 100000, &rows, &n) == 0);
	r->ops->reader_free(r);
	for (size_t i = 0; i < n; i++) {
		if (!str_eqz(rows[i].type, "node.resolved"))
			continue;
		struct value data = sim_parse(&a, arena_dup(&a, rows[i].data.p, rows[i].data.n));
		found += str_eq(value_text(value_getz(&data, "nodeId")), start->node_id) &&
			 str_eqz(value_text(value_getz(&data, "as")), "again");
	}
	return found;
}

void sim_effect_start(struct sim *s, struct live *l, const struct attempt_start *start)
{
	bool pay = str_eqz(start->action, "pay"), sync = str_eqz(start->action, "sync");
	l->kind = pay ? 'i' : sync ? 'r' : str_eqz(start->action, "look") ? 'p' : 0;
	if ((start->probe_of > 0) != (l->kind == 'p'))
		sim_wrong(s, "%s runs %.*s", l->run_node, STR_ARG(start->action));
	if (!pay && !sync)
		return;
	struct deed *d = deed_of(s, l->run_node);
	size_t n_again = count_again(s, start);
	bool again = n_again > d->n_again;
	d->irreversible = pay;
	d->n_again = n_again;
	if (d->open && !again && !(sync && d->absent))
		sim_wrong(s, "%s runs again, and nobody knows what became of it", l->run_node);
	if (d->n_done > 0 && !again && !d->lied)
		sim_wrong(s, "%s runs again, and it was done", l->run_node);
	d->lied |= d->n_done > 0;
	d->open = d->absent = false;
	seen.again += again;
}

/* It ended in its middle: done or not, nobody will be told. */
static void cut_off(struct sim *s, struct deed *d)
{
	if (sim_chance(s, 50))
		do_it(s, d);
	d->open = true;
}

void sim_effect_lost(struct sim *s, const struct live *l)
{
	if (l->kind == 'i' || l->kind == 'r')
		cut_off(s, deed_of(s, l->run_node));
}

static struct attempt_result error(const char *code, enum attempt_fate fate)
{
	return (struct attempt_result){.end = ATTEMPT_END_ERROR,
				       .code = code,
				       .message = STR("no"),
				       .fate = fate,
				       .final = strcmp(code, "final") == 0,
				       .retry_later = strcmp(code, "exit_75") == 0};
}

static struct attempt_result answer_deed(struct sim *s, struct deed *d, uint64_t dice,
					 char text[64])
{
	static const char *const ends[] = {"signal_9", "timeout", "oom", "sandbox"};
	d->open = false;
	if (dice < 60) {
		do_it(s, d);
		snprintf(text, 64, "{\"n\":%lld}", (long long)d->output);
		return (struct attempt_result){.output = str_of(text)};
	}
	if (dice < 66) {
		do_it(s, d);
		d->open = true;
		return (struct attempt_result){.output = STR("{\"n\":")};
	}
	if (dice < 84) {
		cut_off(s, d);
		return error(ends[dice % ARRAY_LEN(ends)], FATE_CUT_OFF);
	}
	return dice < 88   ? error("sandbox", FATE_NOT_BEGUN)
	       : dice < 91 ? error("final", FATE_ANSWERED)
	       : dice < 94 ? error("exit_75", FATE_ANSWERED)
			   : error("exit_1", FATE_ANSWERED);
}

/* A probe says what is true, or fails to. */
static struct attempt_result answer_probe(struct sim *s, struct deed *d, uint64_t dice,
					  char text[64])
{
	if (dice < 70 && d->n_done > 0) {
		snprintf(text, 64, "{\"state\":\"done\",\"output\":{\"n\":%lld}}",
			 (long long)d->output);
	} else if (dice < 70) {
		d->absent = true;
		snprintf(text, 64, "{\"state\":\"absent\"}");
	} else if (dice < 78) {
		snprintf(text, 64, "{\"state\":\"unknown\",\"message\":\"it is night\"}");
	} else if (dice < 84) {
		snprintf(text, 64, "{\"state\":\"done\"}");
	} else {
		return dice < 90 ? error("signal_9", FATE_CUT_OFF) : error("exit_1", FATE_ANSWERED);
	}
	seen.probed++;
	return (struct attempt_result){.output = str_of(text)};
}

struct attempt_result sim_effect_answer(struct sim *s, const struct live *l, uint64_t dice,
					char text[64])
{
	struct deed *d = deed_of(s, l->run_node);
	return l->kind == 'p' ? answer_probe(s, d, dice, text) : answer_deed(s, d, dice, text);
}

/* ---- people ---- */

/* Who looks finds out what is true; now and then somebody says `again` without looking. */
static void resolve_one(struct sim *s, struct arena *a, const struct value *item)
{
	struct str run = value_text(value_getz(item, "runId"));
	struct str node = value_text(value_getz(item, "nodeId"));
	struct deed *d = deed_of(s, arena_printf(a, "%.*s:%.*s", STR_ARG(run), STR_ARG(node)));
	struct value output = sim_parse(a, arena_printf(a, "{\"n\":%lld}", (long long)d->output));
	struct node_resolve x = {.project = STR("default"),
				 .run_id = run,
				 .node_id = node,
				 .as = sim_chance(s, 60) ? RESOLVE_AGAIN : RESOLVE_FAILED,
				 .by = STR("sim")};
	if (d->n_done > 0 && !sim_chance(s, 5))
		x.as = RESOLVE_SUCCEEDED;
	else if (d->n_done > 0)
		x.as = RESOLVE_AGAIN, d->lied = true;
	if (x.as == RESOLVE_SUCCEEDED)
		x.output = &output;
	sim_say(s, "resolve %.*s:%.*s %d", STR_ARG(run), STR_ARG(node), (int)x.as);
	sim_ask_resolve(s, &x);
	if (sim_chance(s, 30))
		sim_ask_resolve(s, &x);
}

struct list_of {
	struct arena *arena;
	struct value value;
};

static void listed(void *arg, const struct engine_reply *reply)
{
	struct list_of *x = arg;
	x->value = sim_parse(x->arena, arena_dup(x->arena, reply->json.p, reply->json.n));
}

bool sim_act_resolve(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct list_of x = {.arena = &a};
	engine_unknown_list(s->engine, STR("default"), listed, &x);
	const struct value *items = value_getz(&x.value, "items");
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	if (stats.n_unknown_nodes != items->n)
		sim_wrong(s, "%zu nodes are UNKNOWN, %u are listed", stats.n_unknown_nodes,
			  items->n);
	if (items->n == 0)
		return false;
	resolve_one(s, &a, &items->items[rng_below(&s->rng, items->n)]);
	return true;
}

/* Of a node that may be anything: refused unless it is UNKNOWN, which the events will show. */
void sim_act_resolve_blindly(struct sim *s)
{
	if (s->n_runs == 0)
		return;
	struct node_resolve x = {.project = STR("default"),
				 .run_id = str_of(s->runs[rng_below(&s->rng, s->n_runs)]),
				 .node_id = STR("n0"),
				 .as = RESOLVE_FAILED,
				 .by = STR("sim")};
	const struct deed *d =
		map_get(&s->deeds, str_of(arena_printf(&s->arena, "%.*s:n0", STR_ARG(x.run_id))));
	if (!d || d->n_done == 0)
		sim_ask_resolve(s, &x);
}

/* ---- the end ---- */

/* A node is resolved once for each time that it was UNKNOWN, and does nothing meanwhile. */
static void judge_order(struct sim *s, struct arena *a, const struct event_row *events, size_t n)
{
	CLEANUP_MAP struct map unknown = {0};
	for (size_t i = 0; i < n; i++) {
		struct value data = sim_parse(a, arena_dup(a, events[i].data.p, events[i].data.n));
		struct str node = value_text(value_getz(&data, "nodeId"));
		bool is = map_get(&unknown, node) != NULL;
		if (str_eqz(events[i].type, "node.unknown")) {
			seen.unknown++;
			if (is)
				sim_wrong(s, "%.*s became UNKNOWN twice", STR_ARG(node));
			map_put(&unknown, node, s);
		} else if (str_eqz(events[i].type, "node.resolved")) {
			if (!is)
				sim_wrong(s, "%.*s was resolved and not UNKNOWN", STR_ARG(node));
			map_remove(&unknown, node);
		} else if (is && (str_eqz(events[i].type, "node.started") ||
				  str_eqz(value_text(value_getz(&data, "status")), "SUCCESS"))) {
			sim_wrong(s, "%.*s went on while it was UNKNOWN", STR_ARG(node));
		}
	}
}

static void judge_deed(struct sim *s, const struct node_row *n, const struct deed *d,
		       const char *key, bool stopped)
{
	char output[64];
	snprintf(output, sizeof(output), "{\"n\":%lld}", (long long)d->output);
	if (d->n_done > 1)
		sim_wrong(s, "%s was done %d times", key, d->n_done);
	if (n->status == NODE_SUCCESS && (d->n_done != 1 || !str_eqz(n->output, output)))
		sim_wrong(s, "%s is SUCCESS with %.*s, it was done %d times with %s", key,
			  STR_ARG(n->output), d->n_done, output);
	if ((n->status == NODE_FAILED || n->status == NODE_TIMED_OUT) && d->n_done > 0 && !stopped)
		sim_wrong(s, "%s is %s, and it was done: %.*s %.*s", key,
			  node_status_name(n->status), STR_ARG(n->error), STR_ARG(n->detail));
}

/* A probe that fails again and again is not asked for ever. */
static void judge_probes(struct sim *s, const struct run_detail *d, struct str node_id)
{
	int n_failed = 0;
	for (size_t i = 0; i < d->n_attempts; i++) {
		const struct attempt_row *a = &d->attempts[i];
		if (!str_eq(a->node_id, node_id))
			continue;
		bool lost = str_starts(a->error, STR("{\"code\":\"lost\""));
		bool stopped = str_starts(a->error, STR("{\"code\":\"cancelled\"")) ||
			       str_starts(a->error, STR("{\"code\":\"run_timeout\""));
		n_failed = !a->probe ? 0 : n_failed + (a->error.n && !lost && !stopped);
		if (n_failed > LIMIT_PROBE_TRIES)
			sim_wrong(s, "the probe of %.*s failed %d times", STR_ARG(node_id),
				  n_failed);
	}
}

/* Whether nothing more could come of the node: its run was stopped, or it is an item and another
 * one failed. Then the row says that its effect is not known. */
static bool was_stopped(const struct run_detail *d, const struct node_row *row)
{
	size_t n = 0;
	while (n < row->node_id.n && row->node_id.p[n] != '[')
		n++;
	if (d->run.stopping != STOP_NONE)
		return true;
	for (size_t i = 0; n < row->node_id.n && i < d->n_nodes; i++)
		if (str_eq(d->nodes[i].node_id, str_n(row->node_id.p, n)))
			return d->nodes[i].status == NODE_FAILED;
	return false;
}

void sim_judge_effects(struct sim *s, struct arena *a, const struct run_detail *d,
		       const struct event_row *events, size_t n)
{
	judge_order(s, a, events, n);
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct node_row *row = &d->nodes[i];
		char *key = arena_printf(a, "%.*s:%.*s", STR_ARG(d->run.id), STR_ARG(row->node_id));
		const struct deed *deed = map_get(&s->deeds, str_of(key));
		bool given = str_starts(row->detail, STR("{\"given\":"));
		if (deed && !deed->lied && !row->copied_from.n && !given)
			judge_deed(s, row, deed, key, was_stopped(d, row));
		judge_probes(s, d, row->node_id);
		seen.done += deed && deed->n_done > 0;
	}
}
