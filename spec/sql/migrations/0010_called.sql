-- The runs that a run called, as the other lists: a range of one index, newest first.
DROP INDEX workflow_runs_by_caller;
CREATE INDEX workflow_runs_by_caller ON workflow_runs (caller_run_id, created_ms)
	WHERE caller_run_id IS NOT NULL;
