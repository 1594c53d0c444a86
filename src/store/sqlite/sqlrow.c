#include "store/sqlite/sqlrow.h"

#include <errno.h>

#define TEXT(member) ret->member = sqlstmt_col_text(st, #member, a)
#define I64(member) ret->member = sqlstmt_col_i64(st, #member)

int sqlrow_agent(struct sqlstmt *st, struct arena *a, struct agent_row *ret)
{
	*ret = (struct agent_row){0};
	TEXT(id);
	TEXT(project);
	TEXT(name);
	TEXT(version);
	TEXT(description);
	bool good = agent_type_parse(sqlstmt_col_view(st, "type"), &ret->type);
	good &= risk_level_parse(sqlstmt_col_view(st, "risk_level"), &ret->risk_level);
	TEXT(entry_path);
	TEXT(command);
	TEXT(limits);
	TEXT(digest);
	TEXT(policy);
	ret->builtin = sqlstmt_col_i64(st, "builtin") != 0;
	I64(created_ms);
	I64(updated_ms);
	return good ? 0 : -EUCLEAN;
}

int sqlrow_workflow(struct sqlstmt *st, struct arena *a, struct workflow_row *ret)
{
	*ret = (struct workflow_row){0};
	TEXT(id);
	TEXT(project);
	TEXT(name);
	TEXT(description);
	bool good = workflow_status_parse(sqlstmt_col_view(st, "status"), &ret->status);
	I64(version);
	TEXT(pause);
	TEXT(deleting);
	I64(created_ms);
	I64(updated_ms);
	return good ? 0 : -EUCLEAN;
}

int sqlrow_schedule(struct sqlstmt *st, struct arena *a, struct schedule_row *ret)
{
	*ret = (struct schedule_row){0};
	TEXT(id);
	TEXT(project);
	TEXT(workflow_id);
	TEXT(workflow_name);
	I64(position);
	TEXT(cron);
	TEXT(timezone);
	bool good = schedule_overlap_parse(sqlstmt_col_view(st, "overlap"), &ret->overlap);
	I64(catchup_ms);
	I64(anchor_ms);
	I64(done_ms);
	I64(next_ms);
	TEXT(upcoming);
	TEXT(waiting);
	TEXT(last_run_id);
	I64(last_fire_ms);
	I64(n_started);
	I64(n_skipped);
	I64(n_missed);
	TEXT(error);
	ret->paused = sqlstmt_col_i64(st, "paused") != 0;
	I64(created_ms);
	I64(updated_ms);
	return good ? 0 : -EUCLEAN;
}

static bool stopping_parse(struct str text, enum stop_reason *ret)
{
	*ret = str_eqz(text, "CANCEL")	  ? STOP_CANCEL
	       : str_eqz(text, "TIMEOUT") ? STOP_TIMEOUT
					  : STOP_NONE;
	return text.n == 0 || *ret != STOP_NONE;
}

int sqlrow_run(struct sqlstmt *st, struct arena *a, struct run_row *ret, int64_t *ret_rid)
{
	*ret = (struct run_row){0};
	*ret_rid = sqlstmt_col_i64(st, "rid");
	TEXT(id);
	TEXT(project);
	TEXT(workflow_id);
	TEXT(workflow_name);
	I64(workflow_version);
	bool good = run_status_parse(sqlstmt_col_view(st, "status"), &ret->status);
	ret->trigger = sqlstmt_col_text(st, "trigger_json", a);
	TEXT(context);
	TEXT(error);
	TEXT(parent_run_id);
	TEXT(caller_run_id);
	TEXT(caller_node);
	I64(depth);
	TEXT(output);
	TEXT(pause);
	TEXT(concurrency_key);
	I64(priority);
	I64(waited_ms);
	I64(waiting_since_ms);
	good &= stopping_parse(sqlstmt_col_view(st, "stopping"), &ret->stopping);
	I64(created_ms);
	I64(started_ms);
	I64(finished_ms);
	return good ? 0 : -EUCLEAN;
}

int sqlrow_node(struct sqlstmt *st, struct arena *a, struct node_row *ret)
{
	*ret = (struct node_row){.index = sqlstmt_col_i64(st, "node_index")};
	TEXT(node_id);
	bool good = node_status_parse(sqlstmt_col_view(st, "status"), &ret->status);
	I64(attempt);
	TEXT(output);
	TEXT(error);
	TEXT(detail);
	TEXT(copied_from);
	I64(wake_ms);
	I64(started_ms);
	I64(finished_ms);
	return good ? 0 : -EUCLEAN;
}

int sqlrow_attempt(struct sqlstmt *st, struct arena *a, struct attempt_row *ret)
{
	*ret = (struct attempt_row){0};
	TEXT(id);
	I64(node_index);
	TEXT(node_id);
	TEXT(agent);
	TEXT(action);
	I64(attempt);
	bool good = attempt_status_parse(sqlstmt_col_view(st, "status"), &ret->status);
	TEXT(input);
	TEXT(error);
	I64(queued_ms);
	I64(not_before_ms);
	I64(started_ms);
	I64(finished_ms);
	ret->sandboxed = sqlstmt_col_i64(st, "sandboxed") != 0;
	good &= effect_parse(sqlstmt_col_view(st, "effect"), &ret->effect);
	ret->probe = sqlstmt_col_i64(st, "probe") != 0;
	TEXT(progress);
	I64(cpu_usec);
	I64(memory_peak_bytes);
	return good ? 0 : -EUCLEAN;
}

int sqlrow_approval(struct sqlstmt *st, struct arena *a, struct approval_row *ret)
{
	*ret = (struct approval_row){0};
	TEXT(id);
	TEXT(run_id);
	TEXT(project);
	TEXT(workflow_id);
	TEXT(workflow_name);
	I64(node_index);
	TEXT(node_id);
	TEXT(agent);
	TEXT(action);
	bool good = approval_status_parse(sqlstmt_col_view(st, "status"), &ret->status);
	TEXT(inputs);
	TEXT(subject);
	TEXT(sha256);
	TEXT(approvers);
	I64(quorum);
	ret->allow_self = sqlstmt_col_i64(st, "allow_self") != 0;
	ret->expiry_approves = sqlstmt_col_i64(st, "expiry_approves") != 0;
	TEXT(responses);
	TEXT(responded_by);
	TEXT(notes);
	I64(requested_ms);
	I64(responded_ms);
	I64(expires_ms);
	return good ? 0 : -EUCLEAN;
}
