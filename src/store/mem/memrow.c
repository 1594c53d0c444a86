#include "store/mem/memrow.h"

#include <stddef.h>

#define AT(type, member) (unsigned short)offsetof(struct type, member)

static const unsigned short agent_at[] = {
	AT(agent_row, id),	AT(agent_row, project),	    AT(agent_row, name),
	AT(agent_row, version), AT(agent_row, description), AT(agent_row, entry_path),
	AT(agent_row, command), AT(agent_row, limits),	    AT(agent_row, digest),
	AT(agent_row, policy),
};
static const unsigned short capability_at[] = {
	AT(capability_row, name),	  AT(capability_row, description),
	AT(capability_row, input_schema), AT(capability_row, output_schema),
	AT(capability_row, probe),
};
static const unsigned short workflow_at[] = {
	AT(workflow_row, id),	       AT(workflow_row, project), AT(workflow_row, name),
	AT(workflow_row, description), AT(workflow_row, pause),	  AT(workflow_row, deleting),
};
static const unsigned short version_at[] = {
	AT(version_row, workflow_id),
	AT(version_row, definition),
	AT(version_row, sha256),
};
static const unsigned short version_node_at[] = {
	AT(workflow_node_row, node_id),
	AT(workflow_node_row, agent),
	AT(workflow_node_row, action),
};
static const unsigned short run_at[] = {
	AT(run_row, id),
	AT(run_row, project),
	AT(run_row, workflow_id),
	AT(run_row, workflow_name),
	AT(run_row, trigger),
	AT(run_row, context),
	AT(run_row, error),
	AT(run_row, parent_run_id),
	AT(run_row, caller_run_id),
	AT(run_row, caller_node),
	AT(run_row, output),
	AT(run_row, pause),
	AT(run_row, concurrency_key),
};
static const unsigned short node_at[] = {
	AT(node_row, run_id), AT(node_row, node_id),	 AT(node_row, output),
	AT(node_row, error),  AT(node_row, copied_from), AT(node_row, detail),
};
static const unsigned short attempt_at[] = {
	AT(attempt_row, id),	   AT(attempt_row, run_id), AT(attempt_row, project),
	AT(attempt_row, node_id),  AT(attempt_row, agent),  AT(attempt_row, action),
	AT(attempt_row, input),	   AT(attempt_row, output), AT(attempt_row, error),
	AT(attempt_row, progress),
};
static const unsigned short approval_at[] = {
	AT(approval_row, id),	       AT(approval_row, run_id),	AT(approval_row, project),
	AT(approval_row, workflow_id), AT(approval_row, workflow_name), AT(approval_row, node_id),
	AT(approval_row, agent),       AT(approval_row, action),	AT(approval_row, inputs),
	AT(approval_row, subject),     AT(approval_row, sha256),	AT(approval_row, approvers),
	AT(approval_row, responses),   AT(approval_row, responded_by),	AT(approval_row, notes),
};
static const unsigned short event_at[] = {
	AT(event_row, run_id),
	AT(event_row, type),
	AT(event_row, data),
};
static const unsigned short log_at[] = {
	AT(log_row, run_id),
	AT(log_row, attempt_id),
	AT(log_row, node_id),
	AT(log_row, text),
};
static const unsigned short schedule_at[] = {
	AT(schedule_row, id),	       AT(schedule_row, project),
	AT(schedule_row, workflow_id), AT(schedule_row, workflow_name),
	AT(schedule_row, cron),	       AT(schedule_row, timezone),
	AT(schedule_row, upcoming),    AT(schedule_row, waiting),
	AT(schedule_row, last_run_id), AT(schedule_row, error),
};
static const unsigned short signal_at[] = {
	AT(signal_row, run_id),
	AT(signal_row, name),
	AT(signal_row, data),
};
static const unsigned short key_at[] = {
	AT(key_row, project),
	AT(key_row, key),
	AT(key_row, body_sha256),
	AT(key_row, run_id),
};

/* Replaces each view at the offsets by a copy; empty ones lose their address. */
static void own(struct arena *a, void *row, const unsigned short *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str *s = (struct str *)(void *)((char *)row + at[i]);
		*s = s->n > 0 ? arena_str(a, *s) : (struct str){0};
	}
}

#define OWN(a, row, at) own((a), (row), (at), ARRAY_LEN(at))

void memrow_agent(struct arena *a, const struct agent_row *row, struct agent_row *ret)
{
	*ret = *row;
	OWN(a, ret, agent_at);
	struct capability_row *c = ARENA_NEW_ARRAY(a, struct capability_row, row->n_capabilities);
	for (size_t i = 0; i < row->n_capabilities; i++) {
		c[i] = row->capabilities[i];
		OWN(a, &c[i], capability_at);
	}
	ret->capabilities = c;
}

void memrow_workflow(struct arena *a, const struct workflow_row *row, struct workflow_row *ret)
{
	*ret = *row;
	OWN(a, ret, workflow_at);
}

void memrow_version(struct arena *a, const struct version_row *row, struct version_row *ret)
{
	*ret = *row;
	OWN(a, ret, version_at);
	struct workflow_node_row *nodes =
		ARENA_NEW_ARRAY(a, struct workflow_node_row, row->n_nodes);
	for (size_t i = 0; i < row->n_nodes; i++) {
		nodes[i] = row->nodes[i];
		OWN(a, &nodes[i], version_node_at);
	}
	ret->nodes = nodes;
}

void memrow_run(struct arena *a, const struct run_row *row, struct run_row *ret)
{
	*ret = *row;
	OWN(a, ret, run_at);
}

void memrow_node(struct arena *a, const struct node_row *row, struct node_row *ret)
{
	*ret = *row;
	OWN(a, ret, node_at);
}

void memrow_attempt(struct arena *a, const struct attempt_row *row, struct attempt_row *ret)
{
	*ret = *row;
	OWN(a, ret, attempt_at);
}

void memrow_approval(struct arena *a, const struct approval_row *row, struct approval_row *ret)
{
	*ret = *row;
	OWN(a, ret, approval_at);
}

void memrow_event(struct arena *a, const struct event_row *row, struct event_row *ret)
{
	*ret = *row;
	OWN(a, ret, event_at);
}

void memrow_log(struct arena *a, const struct log_row *row, struct log_row *ret)
{
	*ret = *row;
	OWN(a, ret, log_at);
}

void memrow_schedule(struct arena *a, const struct schedule_row *row, struct schedule_row *ret)
{
	*ret = *row;
	OWN(a, ret, schedule_at);
}

void memrow_signal(struct arena *a, const struct signal_row *row, struct signal_row *ret)
{
	*ret = *row;
	OWN(a, ret, signal_at);
}

void memrow_key(struct arena *a, const struct key_row *row, struct key_row *ret)
{
	*ret = *row;
	OWN(a, ret, key_at);
}
