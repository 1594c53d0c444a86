-- Questions to people: may this node run? inputs may stand in blobs, as other JSON does.

CREATE TABLE workflow_approvals (
	id TEXT PRIMARY KEY,
	rid INTEGER NOT NULL,
	run_id TEXT NOT NULL,
	project TEXT NOT NULL,
	workflow_id TEXT,
	workflow_name TEXT,
	node_index INTEGER NOT NULL,
	node_id TEXT NOT NULL,
	agent TEXT,
	action TEXT,
	status TEXT NOT NULL,
	inputs TEXT,
	subject TEXT,
	sha256 TEXT,
	approvers TEXT,
	quorum INTEGER NOT NULL,
	allow_self INTEGER NOT NULL,
	expiry_approves INTEGER NOT NULL,
	responses TEXT,
	responded_by TEXT,
	notes TEXT,
	requested_ms INTEGER NOT NULL,
	responded_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
);
CREATE INDEX workflow_approvals_by_workflow ON workflow_approvals (workflow_id, id);
CREATE INDEX workflow_approvals_by_run ON workflow_approvals (rid, id);
CREATE INDEX workflow_approvals_pending ON workflow_approvals (id) WHERE status = 'PENDING';
