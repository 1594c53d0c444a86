/* Runs and workflows that are paused and resumed, and nodes that are given their result. */
#include "sim.h"

#include <stdio.h>

#include "engine/request/control.h"

#define PROJECT STR("default")

/* Most often one that is open. */
static const char *any_run(struct sim *s)
{
	const char *run = NULL;
	for (int i = 0; s->n_runs && i < 6; i++) {
		struct arena a CLEANUP_ARENA = {0};
		struct run_detail d;
		run = s->runs[rng_below(&s->rng, s->n_runs)];
		if (sim_read_run(s, &a, run, &d) && !run_status_final(d.run.status))
			break;
	}
	return run;
}

static void set_run(struct sim *s, struct str run, bool paused)
{
	struct run_control x = {.project = PROJECT, .run_id = run, .by = STR("sim")};
	sim_say(s, "%s %.*s", paused ? "pause" : "resume", STR_ARG(run));
	s->paused |= paused;
	met.paused += paused;
	if (paused)
		engine_run_pause(s->engine, &x, sim_on_reply, sim_request(s, 'u'));
	else
		engine_run_resume(s->engine, &x, sim_on_reply, sim_request(s, 'u'));
}

static void set_workflow(struct sim *s, struct str workflow, bool paused)
{
	struct workflow_control x = {.project = PROJECT, .workflow = workflow, .by = STR("sim")};
	sim_say(s, "%s workflow %.*s", paused ? "pause" : "resume", STR_ARG(workflow));
	s->paused |= paused;
	if (paused) {
		x.runs = sim_chance(s, 50);
		engine_workflow_pause(s->engine, &x, sim_on_reply, sim_request(s, 'u'));
	} else {
		engine_workflow_resume(s->engine, &x, sim_on_reply, sim_request(s, 'u'));
	}
}

void sim_act_pause(struct sim *s)
{
	char workflow[8];
	const char *run = any_run(s);
	s->pauses = true;
	if (sim_chance(s, 10)) {
		snprintf(workflow, sizeof(workflow), "w%zu",
			 (size_t)rng_below(&s->rng, s->n_workflows));
		set_workflow(s, str_of(workflow), sim_chance(s, 40));
	} else if (run) {
		set_run(s, str_of(run), sim_chance(s, 55));
	}
}

/* What was acknowledged of it is durable. */
void sim_judge_given(struct sim *s, const struct request *q, const struct engine_reply *reply)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	if (reply->outcome != ENGINE_OK)
		return;
	met.given++;
	if (!sim_read_run(s, &a, arena_dup(&a, reply->id.p, reply->id.n), &d)) {
		sim_wrong(s, "a run is lost of which a node was given its result");
		return;
	}
	for (size_t i = 0; i < d.n_nodes; i++)
		if (str_eqz(d.nodes[i].node_id, q->approval) &&
		    str_starts(d.nodes[i].detail, STR("{\"given\":")))
			return;
	sim_wrong(s, "node %s was given its result before that was durable", q->approval);
}

void sim_act_skip(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct run_detail d;
	struct value definition, output;
	const char *run = any_run(s);
	if (!run || !sim_read_run(s, &a, run, &d))
		return;
	ASSERT(json_parse(&a, d.definition, JSON_DEFAULT, &definition, NULL) == 0);
	const struct value *nodes = value_getz(&definition, "nodes");
	const struct value *def = &nodes->items[rng_below(&s->rng, nodes->n)];
	struct str node = value_text(value_getz(def, "id"));
	bool each = value_getz(def, "forEach") != NULL;
	if (each && sim_chance(s, 60)) { /* one of its items, which may not be there */
		each = false;
		node = str_of(arena_printf(&a, "%.*s[%zu]", STR_ARG(node),
					   (size_t)rng_below(&s->rng, 6)));
	}
	struct request *q = sim_request(s, 'n');
	snprintf(q->approval, sizeof(q->approval), "%.*s", STR_ARG(node));
	struct node_skip x = {
		.project = PROJECT, .run_id = str_of(run), .node = node, .by = STR("sim")};
	if (sim_chance(s, 60)) {
		output = sim_parse(&a, arena_printf(&a, each ? "[%lld]" : "{\"n\":%lld}",
						    (long long)++s->n_output));
		x.output = &output;
	}
	sim_say(s, "give %s %.*s %s", run, STR_ARG(node), x.output ? "a result" : "none");
	engine_node_skip(s->engine, &x, sim_on_reply, q);
}

bool sim_resume_all(struct sim *s)
{
	struct arena a CLEANUP_ARENA = {0};
	struct workflow_row *workflows;
	struct run_row *runs;
	size_t n_workflows, n_runs, n = 0;
	struct engine_stats stats;
	engine_stats(s->engine, &stats);
	if (!s->paused || stats.store_full)
		return false;
	struct store_reader *r = sim_reader(s);
	ASSERT(r->ops->workflow_list(r, &a, PROJECT, &(struct store_page){0}, &workflows,
				     &n_workflows) == 0);
	ASSERT(r->ops->run_list(r, &a, &(struct run_filter){.project = PROJECT},
				&(struct store_page){.limit = 1000}, &runs, &n_runs) == 0);
	r->ops->reader_free(r);
	for (size_t i = 0; i < n_workflows; i++)
		if (pause_is_on(workflows[i].pause) && ++n)
			set_workflow(s, workflows[i].name, false);
	for (size_t i = 0; i < n_runs; i++)
		if (pause_is_on(runs[i].pause) && ++n)
			set_run(s, runs[i].id, false);
	s->paused = n > 0; /* until it is seen that nothing is paused */
	return n > 0;
}
