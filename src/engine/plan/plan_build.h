/* A plan under construction: what the plan_*.c files share. Private to engine/plan*. */
#pragma once

#include "engine/plan/fields.h"
#include "engine/plan/plan.h"

struct plan_build {
	struct plan *plan;
	const struct catalog *catalog;
	struct diag *diag;
	const struct value *context_properties; /* of a closed contextSchema; NULL: any member */
};

/* "nodes[3]" */
void plan_build_place(char ret[FIELDS_PATH_BYTES], size_t index);

/* plan_nodes.c: the fields of all nodes. Nodes that could not be read at all have no id. */
void plan_build_nodes(struct plan_build *b, const struct value *nodes);

/* plan_approval.c: approval, approvalRequired. */
void plan_build_approval(struct plan_build *b, const struct fields *f, struct plan_node *n);
/* plan_nodes.c: the member as a template, in the plan; NULL when it is not there or not good. */
const struct resolve *plan_build_text(struct plan_build *b, const struct fields *f,
				      const char *key);

/* plan_retention.c: how long what is left of ended runs is kept. */
void plan_build_retention(struct plan_build *b, const struct fields *f);

/* plan_triggers.c: what starts the workflow; its part of the normal form. */
void plan_build_triggers(struct plan_build *b, const struct fields *f);
void plan_build_triggers_form(const struct plan *p, struct arena *a, struct value *definition);

/* plan_concurrency.c: concurrency, rateLimit and priority of the workflow; their part of the
 * normal form. */
void plan_build_concurrency(struct plan_build *b, const struct fields *f);
void plan_build_concurrency_form(const struct value *document, struct arena *a,
				 struct value *definition);

/* plan_waits.c: whether the node waits instead of naming an agent; reads what it waits for. */
bool plan_build_wait(struct plan_build *b, const struct fields *f, struct plan_node *n);

/* plan_each.c: forEach, maxParallel, onItemFailure. */
void plan_build_each(struct plan_build *b, const struct fields *f, struct plan_node *n);

/* plan_retry.c: retry; timeout, timeouts, heartbeat. */
void plan_build_retry(struct plan_build *b, const struct fields *f, struct plan_node *n);
void plan_build_timeouts(const struct fields *f, struct plan_node *n);

/* plan_child.c: whether the node runs another workflow instead of naming an agent; and whether it
 * can, as things are now. */
bool plan_build_child(struct plan_build *b, const struct fields *f, struct plan_node *n);
void plan_judge_child(struct plan_build *b, const struct fields *f, const struct plan_node *n);

/* plan_nodes.c: a copy of v in the plan, as a template; NULL with findings under path. */
const struct resolve *plan_build_template(struct plan_build *b, const struct value *v,
					  const char *path);

/* plan_limits.c: a node's or agent's limits; the JSON text, or "". */
struct str plan_build_limits(struct arena *a, const struct value *limits, struct diag *d,
			     const char *path);

/* plan_graph.c: dependencies to indexes, dependents, levels; cycles are findings. */
void plan_build_graph(struct plan_build *b, const struct value *nodes);

/* plan_refs.c: what templates refer to must be there when they are resolved. Also looks at what
 * has findings already, so that all are told at once. */
void plan_build_refs(struct plan_build *b);

/* plan_refs.c: a mention of the context, which a closed contextSchema may rule out. */
void plan_build_context_ref(struct plan_build *b, const char *place, const struct cel_ref *ref);

/* plan_form.c: the normal form of the definition, its text and hash. */
void plan_build_form(struct plan_build *b, const struct value *document);
