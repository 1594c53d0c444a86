-- Times are milliseconds since 1970 UTC, 0 = not yet. JSON columns hold JSON text, NULL = none;
-- a value that begins with "sha256:" stands in blobs under the hash that follows.
-- rid and aid number runs and attempts inside this database only; the ids of the API are `id`.

CREATE TABLE agents (
	id TEXT PRIMARY KEY,
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	version TEXT,
	description TEXT,
	type TEXT NOT NULL,
	risk_level TEXT NOT NULL,
	entry_path TEXT,
	command TEXT,
	limits TEXT,
	digest TEXT,
	builtin INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL
);
CREATE INDEX agents_by_name ON agents (project, name, id);

CREATE TABLE agent_capabilities (
	agent_id TEXT NOT NULL,
	position INTEGER NOT NULL,
	name TEXT NOT NULL,
	description TEXT,
	input_schema TEXT,
	output_schema TEXT,
	PRIMARY KEY (agent_id, position)
);

CREATE TABLE workflows (
	id TEXT PRIMARY KEY,
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	description TEXT,
	status TEXT NOT NULL,
	version INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL
);
CREATE INDEX workflows_by_name ON workflows (project, name, id);

CREATE TABLE workflow_versions (
	workflow_id TEXT NOT NULL,
	version INTEGER NOT NULL,
	definition TEXT,
	sha256 TEXT,
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (workflow_id, version)
);

CREATE TABLE workflow_nodes (
	workflow_id TEXT NOT NULL,
	version INTEGER NOT NULL,
	position INTEGER NOT NULL,
	node_id TEXT NOT NULL,
	agent TEXT,
	action TEXT,
	PRIMARY KEY (workflow_id, version, position)
);
CREATE INDEX workflow_nodes_by_agent ON workflow_nodes (agent);

CREATE TABLE workflow_runs (
	rid INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	project TEXT NOT NULL,
	workflow_id TEXT,
	workflow_name TEXT,
	workflow_version INTEGER NOT NULL,
	status TEXT NOT NULL,
	trigger_json TEXT,
	context TEXT,
	error TEXT,
	parent_run_id TEXT,
	stopping TEXT,
	created_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	finished_ms INTEGER NOT NULL
);
CREATE INDEX workflow_runs_by_project ON workflow_runs (project, rid);
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow_id, rid);
CREATE INDEX workflow_runs_open ON workflow_runs (rid)
	WHERE status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL');
CREATE INDEX workflow_runs_ended_badly ON workflow_runs (project, rid)
	WHERE status IN ('FAILED', 'CANCELLED', 'TIMED_OUT');

CREATE TABLE run_nodes (
	rid INTEGER NOT NULL,
	node_index INTEGER NOT NULL,
	node_id TEXT NOT NULL,
	status TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	output TEXT,
	error TEXT,
	copied_from TEXT,
	wake_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	finished_ms INTEGER NOT NULL,
	PRIMARY KEY (rid, node_index)
) WITHOUT ROWID;

CREATE TABLE agent_runs (
	aid INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	rid INTEGER NOT NULL,
	node_index INTEGER NOT NULL,
	node_id TEXT NOT NULL,
	agent TEXT,
	action TEXT,
	attempt INTEGER NOT NULL,
	status TEXT NOT NULL,
	input TEXT,
	error TEXT,
	queued_ms INTEGER NOT NULL,
	not_before_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	finished_ms INTEGER NOT NULL,
	sandboxed INTEGER NOT NULL,
	cpu_usec INTEGER NOT NULL,
	memory_peak_bytes INTEGER NOT NULL
);
CREATE INDEX agent_runs_by_run ON agent_runs (rid, aid);

CREATE TABLE run_events (
	rid INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	time_ms INTEGER NOT NULL,
	type TEXT NOT NULL,
	data TEXT,
	PRIMARY KEY (rid, seq)
) WITHOUT ROWID;

CREATE TABLE agent_logs (
	rid INTEGER NOT NULL,
	node_id TEXT NOT NULL,
	seq INTEGER NOT NULL,
	n_lines INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	attempt_id TEXT,
	time_ms INTEGER NOT NULL,
	text TEXT,
	PRIMARY KEY (rid, node_id, seq)
);

CREATE TABLE idempotency_keys (
	project TEXT NOT NULL,
	key TEXT NOT NULL,
	body_sha256 TEXT,
	run_id TEXT,
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (project, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_ms);

-- Large values, each once, deflated (RFC 1950). n_refs counts the rows that were written with a
-- reference to it.
CREATE TABLE blobs (
	sha256 TEXT PRIMARY KEY,
	n_refs INTEGER NOT NULL,
	n_bytes INTEGER NOT NULL,
	bytes BLOB NOT NULL
);
