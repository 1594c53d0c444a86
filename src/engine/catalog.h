/*
 * The registered agents and the workflows, in memory, by project and name and by id. Agents are
 * immutable and counted by references: an attempt keeps the one it was started with, whatever is
 * saved meanwhile. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"
#include "engine/admission/policy.h"
#include "engine/timer.h"
#include "json/value.h"
#include "model/rows.h"
#include "text/zone.h"

struct plan;
struct schema;

struct agent_action {
	struct str name;
	const char *name_z;
	struct schema *input, *output; /* NULL = anything */
	enum effect effect;
	struct str probe; /* of a RECONCILABLE one: another action, which is PURE */
	enum risk_level risk_level;
};

struct agent {
	int refs;
	struct arena arena;
	struct agent_row row; /* text in the arena */
	int64_t timeout_ms;   /* of an attempt whose node has none, from limits; 0 = none */
	struct policy policy; /* what row.policy says */
	struct agent_action *actions;
	size_t n_actions;
	struct lane *lane; /* of its attempts, once it had one: see engine/admission/admission.h */
};

struct workflow {
	struct arena arena; /* of the row's text */
	struct workflow_row row;
	struct plan *plan; /* of the newest version; NULL when it no longer compiles */
	size_t n_open_runs;
	int64_t pruned_ms[RETAINED_CLASSES]; /* a purge has looked at all runs before */
	struct timer removal; /* it is being deleted: the next step, see engine/request/removal.h */
	int64_t removal_from_ms;
	struct flow *flow; /* its runs, once it had one: see engine/admission/gate.h */
};

struct catalog {
	zone_get_fn zone_get; /* NULL: UTC alone is known */
	void *zone_arg;
	bool workflows_elsewhere; /* linting: workflows that are not here may be at the service */
	struct map agents, agents_by_id;       /* "project\nname", id -> struct agent */
	struct map workflows, workflows_by_id; /* the same -> struct workflow */
};

/* The time zone of this name, or NULL. */
const struct zone *catalog_zone(const struct catalog *c, struct str name);

void catalog_fini(struct catalog *c);

/* Judges an agent's document (contract section 5). A new agent with one reference, its row without
 * id and times; or NULL with findings. */
struct agent *agent_compile(const struct value *doc, struct str project, struct diag *d);

/* From a row of the store; NULL when its schemas no longer compile. */
struct agent *agent_from_row(const struct agent_row *row);

struct agent *agent_ref(struct agent *a);
struct agent *agent_unref(struct agent *a); /* always NULL */

/* Whether both rows say the same, apart from id and times. */
bool agent_same(const struct agent_row *a, const struct agent_row *b);

const struct agent_action *agent_find_action(const struct agent *a, struct str name);

/* NULL when there is none. */
struct agent *catalog_agent(const struct catalog *c, struct str project, struct str name);
struct agent *catalog_agent_by_id(const struct catalog *c, struct str project, struct str id);
/* The name that a typing error may have meant, or NULL. */
const char *catalog_agent_nearest(const struct catalog *c, struct str project, struct str name);

/* Takes over the reference; replaces the one with this id. */
void catalog_agent_put(struct catalog *c, struct agent *a);
void catalog_agent_remove(struct catalog *c, struct agent *a);

struct workflow *catalog_workflow(const struct catalog *c, struct str project, struct str name);
struct workflow *catalog_workflow_by_id(const struct catalog *c, struct str project, struct str id);

/* Makes or changes the workflow with the row's id; takes over the plan's reference. */
struct workflow *catalog_workflow_put(struct catalog *c, const struct workflow_row *row,
				      struct plan *plan);
void catalog_workflow_remove(struct catalog *c, struct workflow *w);

/* The name that a typing error may have meant, or NULL. */
const char *catalog_workflow_nearest(const struct catalog *c, struct str project, struct str name);

/* The name of another workflow whose newest version calls this one, or "". */
struct str catalog_workflow_caller(const struct catalog *c, const struct workflow *w);

/* The name of a workflow whose newest version uses the agent, or "". */
struct str catalog_agent_user(const struct catalog *c, const struct agent *a);
