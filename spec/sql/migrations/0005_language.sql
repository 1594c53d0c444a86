-- What the rest of the workflow language keeps: effects, pauses, sub-workflows, outputs of runs,
-- concurrency. `detail` says what a node is about beyond its attempts; `output` and `detail` may
-- stand in blobs.
ALTER TABLE agents ADD COLUMN policy TEXT;
ALTER TABLE agent_capabilities ADD COLUMN effect TEXT NOT NULL DEFAULT 'idempotent';
ALTER TABLE agent_capabilities ADD COLUMN probe TEXT;
ALTER TABLE agent_capabilities ADD COLUMN risk_level TEXT NOT NULL DEFAULT 'AUTO';
ALTER TABLE workflows ADD COLUMN pause TEXT;
ALTER TABLE workflow_runs ADD COLUMN caller_run_id TEXT;
ALTER TABLE workflow_runs ADD COLUMN caller_node TEXT;
ALTER TABLE workflow_runs ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workflow_runs ADD COLUMN output TEXT;
ALTER TABLE workflow_runs ADD COLUMN pause TEXT;
ALTER TABLE workflow_runs ADD COLUMN concurrency_key TEXT;
ALTER TABLE workflow_runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workflow_runs ADD COLUMN waited_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workflow_runs ADD COLUMN waiting_since_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_nodes ADD COLUMN detail TEXT;
ALTER TABLE agent_runs ADD COLUMN effect TEXT NOT NULL DEFAULT 'idempotent';
ALTER TABLE agent_runs ADD COLUMN probe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN progress TEXT;
CREATE INDEX workflow_runs_by_caller ON workflow_runs (caller_run_id)
	WHERE caller_run_id IS NOT NULL;
