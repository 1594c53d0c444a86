/*
 * Rows from the current row of a statement. Text is copied to the arena; large values stay
 * references until sqlblob_get(). 0, or -EUCLEAN when the row is not what drover writes.
 */
#pragma once

#include "model/rows.h"
#include "store/sqlite/sqlconn.h"

int sqlrow_agent(struct sqlstmt *st, struct arena *a, struct agent_row *ret);
int sqlrow_workflow(struct sqlstmt *st, struct arena *a, struct workflow_row *ret);
int sqlrow_schedule(struct sqlstmt *st, struct arena *a, struct schedule_row *ret);
int sqlrow_run(struct sqlstmt *st, struct arena *a, struct run_row *ret, int64_t *ret_rid);
int sqlrow_node(struct sqlstmt *st, struct arena *a, struct node_row *ret);
int sqlrow_approval(struct sqlstmt *st, struct arena *a, struct approval_row *ret);
int sqlrow_attempt(struct sqlstmt *st, struct arena *a, struct attempt_row *ret);
