-- A run stays while an open one was made from it.
CREATE INDEX workflow_runs_by_parent ON workflow_runs (parent_run_id)
	WHERE parent_run_id IS NOT NULL;
