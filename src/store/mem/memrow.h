/* Deep copies of rows: *ret is *row with all its text (and lists) in the arena. Pure. */
#pragma once

#include "base/arena.h"
#include "model/rows.h"

void memrow_agent(struct arena *a, const struct agent_row *row, struct agent_row *ret);
void memrow_workflow(struct arena *a, const struct workflow_row *row, struct workflow_row *ret);
void memrow_version(struct arena *a, const struct version_row *row, struct version_row *ret);
void memrow_run(struct arena *a, const struct run_row *row, struct run_row *ret);
void memrow_node(struct arena *a, const struct node_row *row, struct node_row *ret);
void memrow_attempt(struct arena *a, const struct attempt_row *row, struct attempt_row *ret);
void memrow_approval(struct arena *a, const struct approval_row *row, struct approval_row *ret);
void memrow_event(struct arena *a, const struct event_row *row, struct event_row *ret);
void memrow_log(struct arena *a, const struct log_row *row, struct log_row *ret);
void memrow_schedule(struct arena *a, const struct schedule_row *row, struct schedule_row *ret);
void memrow_signal(struct arena *a, const struct signal_row *row, struct signal_row *ret);
void memrow_key(struct arena *a, const struct key_row *row, struct key_row *ret);
