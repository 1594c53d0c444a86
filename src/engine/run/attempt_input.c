#include "engine/run/attempt_input.h"

#include "engine/run/approval.h"
#include "engine/run/attempt.h"
#include "engine/run/doubt.h"
#include "engine/plan/schemas.h"
#include "engine/run/roots.h"
#include "json/parse.h"
#include "json/write.h"

static bool find_agent(struct attempt *a, const struct agent_action **ret, struct verdict *end)
{
	struct engine *e = a->run->engine;
	const struct plan_node *pn = run_plan_node(a->run, a->index);
	struct agent *agent = catalog_agent(&e->catalog, a->run->plan->project, pn->agent);
	if (!agent)
		return verdict_refuse(end, "agent_missing", e, "agent \"%.*s\" is not registered",
				      STR_ARG(pn->agent));
	*ret = agent_find_action(agent, pn->action);
	if (!*ret)
		return verdict_refuse(end, "action_missing", e,
				      "agent \"%.*s\" has no action \"%.*s\"", STR_ARG(pn->agent),
				      STR_ARG(pn->action));
	a->agent = agent_ref(agent);
	a->effect = (*ret)->effect;
	return true;
}

static bool resolve_input(struct attempt *a, const struct agent_action *action,
			  const struct resolve_roots *env, struct attempt_input *start,
			  struct verdict *end)
{
	struct engine *e = a->run->engine;
	const struct plan_node *pn = run_plan_node(a->run, a->index);
	struct resolve_error error;
	struct value input;
	if (resolve_run(pn->inputs, env, &e->scratch, &input, &error) != 0)
		return verdict_refuse(end, error.code, e, "%s", error.message);
	buf_clear(&e->text);
	json_write(&e->text, &input);
	start->input = arena_str(&pump_txn(&e->pump)->arena, buf_str(&e->text));
	end->input = start->input;
	struct diag d;
	diag_init(&d, &e->scratch);
	if (!schemas_check(action->input, &input, &d, "inputs"))
		return verdict_refuse(end, "invalid_input", e, "%s",
				      verdict_findings(&e->scratch, &d));
	return true;
}

static bool resolve_workspace(struct attempt *a, const struct resolve_roots *env,
			      struct attempt_input *start, struct verdict *end)
{
	struct engine *e = a->run->engine;
	const struct plan_node *pn = run_plan_node(a->run, a->index);
	struct resolve_error error;
	struct value v;
	if (!pn->workspace)
		return true;
	if (resolve_run(pn->workspace, env, &e->scratch, &v, &error) != 0)
		return verdict_refuse(end, error.code, e, "%s", error.message);
	if (v.kind != VALUE_STRING || v.n == 0)
		return verdict_refuse(end, "template_error", e,
				      "workspace: must give the path of a folder, not %s",
				      value_kind_name(&v));
	start->workspace = arena_str(&pump_txn(&e->pump)->arena, value_text(&v));
	return true;
}

/* What was approved is what runs, or nothing does. */
static bool take_approved(struct attempt *a, const struct approval *p,
			  const struct agent_action *action, struct attempt_input *start,
			  struct verdict *end)
{
	struct engine *e = a->run->engine;
	struct arena *text = &pump_txn(&e->pump)->arena;
	struct value input;
	struct diag d;
	diag_init(&d, &e->scratch);
	start->input = end->input = arena_str(text, str_of(p->inputs));
	if (!approval_holds(p, a->agent))
		return verdict_refuse(
			end, "approval_void", e,
			"what would run is not what was approved: "
			"agent \"%.*s\" was registered anew; run it again to ask again",
			STR_ARG(a->agent->row.name));
	if (p->workspace[0])
		start->workspace = arena_str(text, str_of(p->workspace));
	if (json_parse(&e->scratch, start->input, JSON_DEFAULT, &input, NULL) != 0 ||
	    !schemas_check(action->input, &input, &d, "inputs"))
		return verdict_refuse(end, "invalid_input", e, "%s",
				      verdict_findings(&e->scratch, &d));
	return true;
}

/* A probe gets what the attempt that it asks for got, approved or not as that was. */
static bool take_doubted(struct attempt *a, struct attempt_input *start, struct verdict *end)
{
	struct engine *e = a->run->engine;
	const struct agent_action *probe = agent_find_action(a->agent, attempt_action(a));
	const struct approval *p = a->run->nodes[a->index].approval;
	struct value input;
	struct diag d;
	diag_init(&d, &e->scratch);
	start->input = end->input =
		arena_str(&pump_txn(&e->pump)->arena, a->run->nodes[a->index].doubt->input);
	if (!probe)
		return verdict_refuse(end, "action_missing", e,
				      "agent \"%.*s\" has no action \"%.*s\"",
				      STR_ARG(a->agent->row.name), STR_ARG(attempt_action(a)));
	if (p && !approval_holds(p, a->agent))
		return verdict_refuse(end, "approval_void", e,
				      "agent \"%.*s\" was registered anew since it was approved",
				      STR_ARG(a->agent->row.name));
	a->effect = probe->effect;
	if (json_parse(&e->scratch, start->input, JSON_DEFAULT, &input, NULL) != 0 ||
	    !schemas_check(probe->input, &input, &d, "inputs"))
		return verdict_refuse(end, "invalid_input", e, "%s",
				      verdict_findings(&e->scratch, &d));
	return true;
}

static bool prepare_probe(struct attempt *a, struct attempt_input *start, struct verdict *end)
{
	const struct approval *p = a->run->nodes[a->index].approval;
	struct roots roots = {a->run, a->index, &a->run->engine->scratch};
	struct resolve_roots env = roots_env(&roots);
	if (!take_doubted(a, start, end))
		return false;
	if (!p)
		return resolve_workspace(a, &env, start, end);
	if (p->workspace[0])
		start->workspace =
			arena_str(&pump_txn(&a->run->engine->pump)->arena, str_of(p->workspace));
	return true;
}

static bool resolve_all(struct attempt *a, const struct agent_action *action,
			struct attempt_input *start, struct verdict *end)
{
	struct roots roots = {a->run, a->index, &a->run->engine->scratch};
	struct resolve_roots env = roots_env(&roots);
	return resolve_input(a, action, &env, start, end) && resolve_workspace(a, &env, start, end);
}

bool attempt_preview(struct run *r, uint32_t index, struct attempt_preview *ret)
{
	struct attempt a = {.run = r, .index = index};
	struct attempt_input start = {0};
	struct verdict end = {0};
	const struct agent_action *action;
	if (!find_agent(&a, &action, &end))
		return false;
	if (!resolve_all(&a, action, &start, &end)) {
		agent_unref(a.agent);
		return false;
	}
	*ret = (struct attempt_preview){a.agent, start.input, start.workspace};
	return true;
}

bool attempt_input_prepare(struct attempt *a, struct attempt_input *start, struct verdict *end)
{
	struct engine *e = a->run->engine;
	const struct approval *p = a->run->nodes[a->index].approval;
	const struct agent_action *action;
	if (!find_agent(a, &action, end))
		return false;
	if (a->probe)
		return prepare_probe(a, start, end);
	if (p)
		return take_approved(a, p, action, start, end);
	if (!resolve_all(a, action, start, end))
		return false;
	if (approval_needed(a->run, a->index))
		return verdict_refuse(end, "approval_missing", e,
				      "agent \"%.*s\" needs approval since "
				      "the node was queued; run it again to ask",
				      STR_ARG(a->agent->row.name));
	return true;
}
