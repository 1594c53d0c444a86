/* The handlers of all routes, by file, and what those files share. */
#pragma once

#include "api/call.h"
#include "base/map.h"

/* api_health.c */
struct call_done health_live(struct call *c);
struct call_done health_ready(struct call *c);
struct call_done health_report(struct call *c);

/* api_artifacts.c */
struct call_done artifacts_list(struct call *c);
struct call_done artifacts_get(struct call *c);

/* api_trigger.c */
struct call_done trigger_workflow(struct call *c);

/* api_runs.c */
struct call_done runs_get(struct call *c);
struct call_done runs_get_of_workflow(struct call *c);
struct call_done runs_list(struct call *c);
struct call_done runs_list_of_workflow(struct call *c);
struct call_done runs_attempts(struct call *c);
struct call_done runs_retry(struct call *c);
struct call_done runs_why(struct call *c);
/* On a reader: 409 for a run that has ended, 404 for one that never was. */
struct call_done runs_not_open(struct call *c);

/* api_moves.c */
struct call_done runs_move(struct call *c);

/* api_bulk.c */
struct call_done runs_bulk(struct call *c);

/* api_control.c */
struct call_done runs_cancel(struct call *c);
struct call_done runs_pause(struct call *c);
struct call_done runs_resume(struct call *c);
struct call_done runs_skip(struct call *c);
struct call_done workflows_pause(struct call *c);
struct call_done workflows_resume(struct call *c);
/* Members `by` and `reason`, each a string or not there; false when it was answered. */
bool control_who(struct call *c, const struct value *body, struct str *by, struct str *reason,
		 struct call_done *ret_done);

/* api_signals.c */
struct call_done signals_send(struct call *c);

/* Nodes whose effect is not known. */
struct call_done unknown_list(struct call *c);
struct call_done nodes_resolve(struct call *c);
struct call_done events_receive(struct call *c);

/* api_workflows.c */
struct call_done workflows_create(struct call *c);
struct call_done workflows_check(struct call *c);
struct call_done workflows_list(struct call *c);
struct call_done workflows_get(struct call *c);
struct call_done workflows_replace(struct call *c);

/* api_removal.c */
struct call_done workflows_delete(struct call *c);
struct call_done workflows_archive(struct call *c);
struct call_done workflows_unarchive(struct call *c);

/* api_versions.c */
struct call_done workflows_versions(struct call *c);
struct call_done workflows_version(struct call *c);
struct call_done workflows_diff(struct call *c);

/* A workflow by id or name, on a reader. 0, STORE_NOT_FOUND or a negative errno. */
int workflows_find(struct call *c, struct str id_or_name, struct workflow_row *ret);

/* api_agents.c */
struct call_done agents_create(struct call *c);
struct call_done agents_list(struct call *c);
struct call_done agents_get(struct call *c);
struct call_done agents_replace(struct call *c);
struct call_done agents_delete(struct call *c);
struct call_done agents_reset(struct call *c);

/* api_approvals.c */
struct call_done approvals_list(struct call *c);
struct call_done approvals_get(struct call *c);
struct call_done approvals_decide(struct call *c);

/* api_storage.c */
struct call_done storage_get(struct call *c);

/* api_schedules.c */
struct call_done schedules_list(struct call *c);
struct call_done schedules_get(struct call *c);
struct call_done schedules_pause(struct call *c);
struct call_done schedules_resume(struct call *c);
struct call_done schedules_backfill(struct call *c);

/* api_streams.c */
struct call_done streams_events(struct call *c);
struct call_done streams_logs(struct call *c);

/* api_openapi.c */
struct call_done openapi_get(struct call *c);

/* api_body.c */
enum body_kind { BODY_UNKNOWN, BODY_IS_JSON, BODY_IS_YAML };
enum body_kind body_kind_of(struct str content_type, enum call_body wanted);

/* api_problem.c: the answer, for who adds fields to it */
struct http_response problem_response(const struct call *c, int status, const char *detail);

/* api_render.c: rows to the JSON of the contract */
/* now: how it fares, or NULL; what its policy says is parsed in the arena. */
void render_agent(struct json_out *o, struct arena *arena, const struct agent_row *a,
		  const struct engine_agent_state *now);
void render_workflow(struct json_out *o, const struct workflow_row *w, bool open);
void render_run_head(struct json_out *o, const struct run_row *r); /* members, no braces */
/* Member `paused`: {by, reason, at} or null, of a row's column `pause`. */
void render_paused(struct json_out *o, struct str pause);
void render_approval(struct json_out *o, const struct approval_row *p);
void render_attempt(struct json_out *o, const struct attempt_row *a);
/* A run with the nodes of its definition and some items; the definition is parsed in the arena. */
struct run_items;
void render_run(struct json_out *o, struct arena *a, const struct run_detail *d,
		const struct run_items *items);

/* One node or item of a run. */
struct item_list;
struct node_view {
	const struct node_row *row;	 /* or NULL */
	const struct attempt_row *last;	 /* attempt, or NULL */
	const struct item_list *items;	 /* of a node that has expanded, or NULL */
	const struct item_list *item_of; /* of an item: the list it is in */
	int64_t number;			 /* of an item */
};
void render_node(struct json_out *o, const struct value *node, const struct node_view *v,
		 const struct run_row *run);
enum node_status render_node_status(const struct node_view *v, const struct run_row *run);

/* api_items.c */
struct call_done items_list(struct call *c);
