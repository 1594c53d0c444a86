-- Every list of runs is a range of one index, newest first; no row that ended well is in more
-- indexes than before.

DROP INDEX workflow_runs_by_project;
CREATE INDEX workflow_runs_by_project ON workflow_runs (project, created_ms);
DROP INDEX workflow_runs_by_workflow;
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow_id, created_ms);
DROP INDEX workflow_runs_open;
CREATE INDEX workflow_runs_open ON workflow_runs (created_ms)
	WHERE status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL');
DROP INDEX workflow_runs_ended_badly;
CREATE INDEX workflow_runs_ended_badly ON workflow_runs (project, status, created_ms)
	WHERE status IN ('FAILED', 'CANCELLED', 'TIMED_OUT');
CREATE INDEX workflow_runs_of_workflow_ended_badly ON workflow_runs (workflow_id, status, created_ms)
	WHERE status IN ('FAILED', 'CANCELLED', 'TIMED_OUT');

CREATE INDEX workflow_approvals_by_status ON workflow_approvals (project, status, id);
CREATE INDEX workflow_approvals_by_workflow_status ON workflow_approvals (workflow_id, status, id);
