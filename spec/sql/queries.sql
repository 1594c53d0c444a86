-- Every statement the store runs, by name. Parameters are $1, $2, … in the order of their first
-- appearance; columns are read by name. A test prepares each of them. A text defined by
-- "-- text: X" replaces {X} in what follows.

-- text: agent_columns
id, project, name, version, description, type, risk_level, entry_path, command, limits,
	digest, policy, builtin, created_ms, updated_ms

-- text: workflow_columns
id, project, name, description, status, version, pause, deleting, created_ms, updated_ms

-- text: run_columns
rid, id, project, workflow_id, workflow_name, workflow_version, status, trigger_json,
	context, error, parent_run_id, caller_run_id, caller_node, depth, output, stopping, pause,
	concurrency_key, priority, waited_ms, waiting_since_ms, created_ms, started_ms, finished_ms

-- text: attempt_columns
id, node_index, node_id, agent, action, attempt, status, input, error, queued_ms,
	not_before_ms, started_ms, finished_ms, sandboxed, effect, probe, progress, cpu_usec,
	memory_peak_bytes

-- text: approval_columns
id, run_id, project, workflow_id, workflow_name, node_index, node_id, agent, action, status, inputs,
	subject, sha256, approvers, quorum, allow_self, expiry_approves, responses, responded_by,
	notes, requested_ms, responded_ms, expires_ms

-- text: approval_filter
($1 = '' OR project = $1) AND id < $2 AND ($3 = '' OR run_id = $3)
	AND ($4 = '' OR workflow_id = $4) AND ($5 = '' OR status = $5)
ORDER BY id DESC LIMIT $6

-- text: schedule_columns
id, project, workflow_id, workflow_name, position, cron, timezone, overlap, catchup_ms,
	anchor_ms, done_ms, next_ms, upcoming, waiting, last_run_id, last_fire_ms, n_started,
	n_skipped, n_missed, error, paused, created_ms, updated_ms

-- text: run_range
created_ms >= $2 AND created_ms <= $3 AND (created_ms < $3 OR rid < $4)

-- text: newest_first
ORDER BY created_ms DESC, rid DESC

-- name: begin_write
BEGIN IMMEDIATE

-- name: begin_read
BEGIN

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: last_rid
SELECT coalesce(max(rid), 0) AS n FROM workflow_runs

-- name: last_aid
SELECT coalesce(max(aid), 0) AS n FROM agent_runs

-- name: agent_put
INSERT INTO agents (id, project, name, version, description, type, risk_level, entry_path, command,
	limits, digest, policy, builtin, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (id) DO UPDATE SET project = excluded.project, name = excluded.name,
	version = excluded.version, description = excluded.description, type = excluded.type,
	risk_level = excluded.risk_level, entry_path = excluded.entry_path,
	command = excluded.command, limits = excluded.limits, digest = excluded.digest,
	policy = excluded.policy, builtin = excluded.builtin, created_ms = excluded.created_ms,
	updated_ms = excluded.updated_ms

-- name: agent_delete
DELETE FROM agents WHERE id = $1

-- name: capability_add
INSERT INTO agent_capabilities (agent_id, position, name, description, input_schema, output_schema,
	effect, probe, risk_level)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: capabilities_delete
DELETE FROM agent_capabilities WHERE agent_id = $1

-- name: agent_get
SELECT {agent_columns}
FROM agents WHERE id = $1 AND ($2 = '' OR project = $2)

-- name: agent_name
SELECT name FROM agents WHERE id = $1

-- name: agent_list
SELECT {agent_columns}
FROM agents
WHERE project = $1 AND (name > $2 OR (name = $2 AND id > $3))
ORDER BY name, id LIMIT $4

-- name: agent_list_all
SELECT {agent_columns}
FROM agents
WHERE $1 = '' AND (name > $2 OR (name = $2 AND id > $3))
ORDER BY name, id LIMIT $4

-- name: capability_list
SELECT name, description, input_schema, output_schema, effect, probe, risk_level
FROM agent_capabilities WHERE agent_id = $1 ORDER BY position

-- name: workflow_put
INSERT INTO workflows (id, project, name, description, status, version, pause, deleting,
	created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET project = excluded.project, name = excluded.name,
	description = excluded.description, status = excluded.status, version = excluded.version,
	pause = excluded.pause, deleting = excluded.deleting, created_ms = excluded.created_ms,
	updated_ms = excluded.updated_ms

-- name: workflow_get
SELECT {workflow_columns}
FROM workflows WHERE id = $1 AND ($2 = '' OR project = $2)

-- name: workflow_name
SELECT name FROM workflows WHERE id = $1

-- name: workflow_list
SELECT {workflow_columns}
FROM workflows
WHERE project = $1 AND (name > $2 OR (name = $2 AND id > $3))
ORDER BY name, id LIMIT $4

-- name: workflow_list_all
SELECT {workflow_columns}
FROM workflows
WHERE $1 = '' AND (name > $2 OR (name = $2 AND id > $3))
ORDER BY name, id LIMIT $4

-- name: workflow_refs
SELECT definition AS ref FROM workflow_versions
WHERE workflow_id = $1 AND definition >= 'sha256:' AND definition < 'sha256;'
UNION ALL
SELECT context FROM workflow_runs
WHERE workflow_id = $1 AND context >= 'sha256:' AND context < 'sha256;'
UNION ALL
SELECT output FROM workflow_runs
WHERE workflow_id = $1 AND output >= 'sha256:' AND output < 'sha256;'
UNION ALL
SELECT detail FROM run_nodes
WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)
	AND detail >= 'sha256:' AND detail < 'sha256;'
UNION ALL
SELECT output FROM run_nodes
WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)
	AND output >= 'sha256:' AND output < 'sha256;'
UNION ALL
SELECT input FROM agent_runs
WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)
	AND input >= 'sha256:' AND input < 'sha256;'
UNION ALL
SELECT inputs FROM workflow_approvals
WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)
	AND inputs >= 'sha256:' AND inputs < 'sha256;'

-- name: workflow_delete_signals
DELETE FROM run_signals WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)

-- name: workflow_delete_events
DELETE FROM run_events WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)

-- name: workflow_delete_logs
DELETE FROM agent_logs WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)

-- name: workflow_delete_approvals
DELETE FROM workflow_approvals
WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)

-- name: workflow_delete_attempts
DELETE FROM agent_runs WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)

-- name: workflow_delete_run_nodes
DELETE FROM run_nodes WHERE rid IN (SELECT rid FROM workflow_runs WHERE workflow_id = $1)

-- name: workflow_delete_runs
DELETE FROM workflow_runs WHERE workflow_id = $1

-- name: workflow_delete_nodes
DELETE FROM workflow_nodes WHERE workflow_id = $1

-- name: workflow_delete_versions
DELETE FROM workflow_versions WHERE workflow_id = $1

-- name: workflow_delete
DELETE FROM workflows WHERE id = $1

-- name: version_add
INSERT INTO workflow_versions (workflow_id, version, definition, sha256, created_ms)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workflow_id, version) DO NOTHING

-- name: version_node_add
INSERT INTO workflow_nodes (workflow_id, version, position, node_id, agent, action)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workflow_id, version, position) DO NOTHING

-- name: version_get
SELECT workflow_id, version, definition, sha256, created_ms
FROM workflow_versions WHERE workflow_id = $1 AND version = $2

-- name: version_newest
SELECT workflow_id, version, definition, sha256, created_ms
FROM workflow_versions WHERE workflow_id = $1 ORDER BY version DESC LIMIT 1

-- name: version_nodes
SELECT node_id, agent, action
FROM workflow_nodes WHERE workflow_id = $1 AND version = $2 ORDER BY position

-- name: version_list
SELECT workflow_id, version, sha256, created_ms
FROM workflow_versions WHERE workflow_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3

-- name: run_add
INSERT INTO workflow_runs (rid, id, project, workflow_id, workflow_name, workflow_version, status,
	trigger_json, context, error, parent_run_id, caller_run_id, caller_node, depth, output,
	stopping, pause, concurrency_key, priority, waited_ms, waiting_since_ms, created_ms,
	started_ms, finished_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21, $22, $23, $24)
ON CONFLICT (id) DO NOTHING

-- name: run_set
UPDATE workflow_runs
SET status = $1, error = $2, output = $3, stopping = $4, pause = $5, workflow_version = $6,
	waited_ms = $7, waiting_since_ms = $8, started_ms = $9, finished_ms = $10
WHERE rid = $11

-- name: run_rid
SELECT rid FROM workflow_runs WHERE id = $1

-- name: run_get
SELECT {run_columns}
FROM workflow_runs WHERE id = $1 AND ($2 = '' OR project = $2)

-- name: run_open
SELECT {run_columns}
FROM workflow_runs
WHERE status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL') ORDER BY created_ms, rid

-- name: run_place
SELECT rid, created_ms FROM workflow_runs WHERE id = $1

-- name: run_place_below
SELECT rid, created_ms FROM workflow_runs WHERE id < $1 ORDER BY id DESC LIMIT 1

-- name: run_list_all
SELECT {run_columns} FROM workflow_runs WHERE $1 = '' AND {run_range} {newest_first}

-- name: run_list_project
SELECT {run_columns} FROM workflow_runs WHERE project = $1 AND {run_range} {newest_first}

-- name: run_list_workflow
SELECT {run_columns} FROM workflow_runs WHERE workflow_id = $1 AND {run_range} {newest_first}

-- name: run_list_called
SELECT {run_columns} FROM workflow_runs WHERE caller_run_id = $1 AND {run_range} {newest_first}

-- name: run_list_open
SELECT {run_columns} FROM workflow_runs
WHERE status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL') AND $1 = '' AND {run_range} {newest_first}

-- name: run_list_ended_badly
SELECT {run_columns} FROM workflow_runs
WHERE status IN ('FAILED', 'CANCELLED', 'TIMED_OUT') AND project = $1 AND {run_range}
	AND status = $5 {newest_first}

-- name: run_list_workflow_ended_badly
SELECT {run_columns} FROM workflow_runs
WHERE status IN ('FAILED', 'CANCELLED', 'TIMED_OUT') AND workflow_id = $1 AND {run_range}
	AND status = $5 {newest_first}

-- name: run_move_version
UPDATE workflow_runs SET workflow_version = $1 WHERE rid = $2

-- name: run_move_drop_waiting
DELETE FROM run_nodes WHERE rid = $1 AND status = 'WAITING_APPROVAL'

-- By way of indexes below zero, so that no two rows meet on the way.
-- name: run_move_park_nodes
UPDATE run_nodes SET node_index = -1 - coalesce((SELECT position FROM workflow_nodes w
	WHERE w.workflow_id = $1 AND w.version = $2 AND w.node_id = run_nodes.node_id), node_index)
WHERE rid = $3

-- name: run_move_nodes
UPDATE run_nodes SET node_index = -1 - node_index WHERE rid = $1 AND node_index < 0

-- name: run_move_attempts
UPDATE agent_runs SET node_index = coalesce((SELECT position FROM workflow_nodes w
	WHERE w.workflow_id = $1 AND w.version = $2 AND w.node_id = agent_runs.node_id), node_index)
WHERE rid = $3

-- name: run_move_approvals
UPDATE workflow_approvals SET node_index = coalesce((SELECT position FROM workflow_nodes w
	WHERE w.workflow_id = $1 AND w.version = $2 AND w.node_id = workflow_approvals.node_id),
	node_index)
WHERE rid = $3

-- name: node_put
INSERT INTO run_nodes (rid, node_index, node_id, status, attempt, output, error, detail,
	copied_from, wake_ms, started_ms, finished_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (rid, node_index) DO UPDATE SET node_id = excluded.node_id,
	status = excluded.status, attempt = excluded.attempt, output = excluded.output,
	error = excluded.error, detail = excluded.detail, copied_from = excluded.copied_from,
	wake_ms = excluded.wake_ms,
	started_ms = excluded.started_ms, finished_ms = excluded.finished_ms

-- name: node_list
SELECT node_index, node_id, status, attempt, output, error, detail, copied_from, wake_ms,
	started_ms, finished_ms
FROM run_nodes WHERE rid = $1 AND node_index >= $2 AND node_index < $3 ORDER BY node_index

-- name: node_counts
SELECT status, count(*) AS n FROM run_nodes
WHERE rid = $1 AND node_index >= $2 AND node_index < $3
	AND (status NOT IN ('QUEUED', 'RUNNING') OR NOT EXISTS (
		SELECT 1 FROM agent_runs a
		WHERE a.rid = $1 AND a.node_index = run_nodes.node_index
			AND a.status IN ('QUEUED', 'RUNNING')))
GROUP BY status

-- name: attempt_counts
SELECT status, count(*) AS n FROM agent_runs
WHERE rid = $1 AND node_index >= $2 AND node_index < $3 AND status IN ('QUEUED', 'RUNNING')
GROUP BY status

-- name: approval_counts
SELECT count(*) AS n FROM workflow_approvals
WHERE rid = $1 AND node_index >= $2 AND node_index < $3 AND status = 'PENDING'

-- name: version_nodes_count
SELECT count(*) AS n FROM workflow_nodes WHERE workflow_id = $1 AND version = $2

-- name: attempt_add
INSERT INTO agent_runs (aid, id, rid, node_index, node_id, agent, action, attempt, status, input,
	error, queued_ms, not_before_ms, started_ms, finished_ms, sandboxed, effect, probe,
	progress, cpu_usec, memory_peak_bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21)
ON CONFLICT (id) DO NOTHING

-- name: attempt_set
UPDATE agent_runs
SET status = $1, error = $2, not_before_ms = $3, started_ms = $4, finished_ms = $5,
	sandboxed = $6, effect = $7, probe = $8, progress = $9, cpu_usec = $10,
	memory_peak_bytes = $11
WHERE aid = $12

-- name: attempt_set_input
UPDATE agent_runs SET input = $1 WHERE aid = $2 AND input IS DISTINCT FROM $1

-- name: attempt_aid
SELECT aid FROM agent_runs WHERE id = $1

-- name: attempt_list
SELECT {attempt_columns} FROM agent_runs
WHERE rid = $1 AND node_index >= $2 AND node_index < $3 ORDER BY aid

-- name: attempt_list_open
SELECT {attempt_columns} FROM agent_runs
WHERE rid = $1 AND node_index >= $2 AND node_index < $3 AND status IN ('QUEUED', 'RUNNING')
ORDER BY aid

-- name: approval_add
INSERT INTO workflow_approvals (id, rid, run_id, project, workflow_id, workflow_name, node_index,
	node_id, agent, action, status, inputs, subject, sha256, approvers, quorum, allow_self,
	expiry_approves, responses, responded_by, notes, requested_ms, responded_ms, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21, $22, $23, $24)
ON CONFLICT (id) DO NOTHING

-- name: approval_set
UPDATE workflow_approvals
SET status = $1, responses = $2, responded_by = $3, notes = $4, responded_ms = $5
WHERE id = $6

-- name: approval_get
SELECT {approval_columns}
FROM workflow_approvals WHERE id = $1 AND ($2 = '' OR project = $2)

-- name: approvals_of_run
SELECT {approval_columns} FROM workflow_approvals
WHERE rid = $1 AND node_index >= $2 AND node_index < $3 ORDER BY id

-- name: approval_list
SELECT {approval_columns} FROM workflow_approvals WHERE {approval_filter}

-- name: approval_list_pending
SELECT {approval_columns} FROM workflow_approvals WHERE status = 'PENDING' AND {approval_filter}

-- name: approval_list_status
SELECT {approval_columns} FROM workflow_approvals
WHERE project = $1 AND id < $2 AND ($3 = '' OR +run_id = $3) AND ($4 = '' OR +workflow_id = $4)
	AND status = $5 AND {approval_filter}

-- name: approval_list_workflow_status
SELECT {approval_columns} FROM workflow_approvals
WHERE ($1 = '' OR +project = $1) AND id < $2 AND ($3 = '' OR +run_id = $3) AND workflow_id = $4
	AND status = $5 AND {approval_filter}

-- name: approval_list_run
SELECT {approval_columns} FROM workflow_approvals
WHERE ($1 = '' OR +project = $1) AND id < $2
	AND rid = (SELECT rid FROM workflow_runs WHERE id = $3) AND {approval_filter}

-- name: approval_list_workflow
SELECT {approval_columns} FROM workflow_approvals WHERE ($1 = '' OR +project = $1)
	AND id < $2 AND ($3 = '' OR run_id = $3) AND workflow_id = $4 AND {approval_filter}

-- name: event_add
INSERT INTO run_events (rid, seq, time_ms, type, data) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (rid, seq) DO NOTHING

-- name: event_list
SELECT seq, time_ms, type, data FROM run_events WHERE rid = $1 AND seq > $2 ORDER BY seq LIMIT $3

-- name: event_last
SELECT coalesce(max(seq), 0) AS n FROM run_events WHERE rid = $1

-- name: signal_add
INSERT INTO run_signals (rid, seq, name, data, time_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (rid, seq) DO NOTHING

-- name: signal_delete
DELETE FROM run_signals WHERE rid = $1 AND seq = $2

-- name: signals_delete
DELETE FROM run_signals WHERE rid = $1

-- name: signal_list
SELECT seq, name, data, time_ms FROM run_signals WHERE rid = $1 ORDER BY seq

-- name: log_add
INSERT INTO agent_logs (rid, node_id, seq, n_lines, attempt, attempt_id, time_ms, text)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (rid, node_id, seq) DO NOTHING

-- name: log_list
SELECT seq, n_lines, attempt, attempt_id, time_ms, text
FROM agent_logs WHERE rid = $1 AND node_id = $2
	AND seq >= coalesce((SELECT max(seq) FROM agent_logs
		WHERE rid = $1 AND node_id = $2 AND seq <= $3), 0)
	AND seq + n_lines - 1 > $3
ORDER BY seq LIMIT $4

-- name: key_put
INSERT INTO idempotency_keys (project, key, body_sha256, run_id, created_ms)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (project, key) DO UPDATE SET body_sha256 = excluded.body_sha256,
	run_id = excluded.run_id, created_ms = excluded.created_ms

-- name: keys_prune
DELETE FROM idempotency_keys WHERE created_ms < $1

-- name: key_get
SELECT project, key, body_sha256, run_id, created_ms
FROM idempotency_keys WHERE project = $1 AND key = $2

-- name: blob_add
INSERT INTO blobs (sha256, n_refs, n_bytes, bytes) VALUES ($1, 1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET n_refs = blobs.n_refs + 1

-- name: blob_ref
UPDATE blobs SET n_refs = n_refs + 1 WHERE sha256 = $1

-- name: blob_unref
UPDATE blobs SET n_refs = n_refs - 1 WHERE sha256 = $1

-- name: blob_drop
DELETE FROM blobs WHERE sha256 = $1 AND n_refs <= 0

-- name: blob_get
SELECT n_bytes, bytes FROM blobs WHERE sha256 = $1

-- name: schedule_put
INSERT INTO schedules ({schedule_columns})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21, $22, $23)
ON CONFLICT (id) DO UPDATE SET project = excluded.project, workflow_id = excluded.workflow_id,
	workflow_name = excluded.workflow_name, position = excluded.position,
	cron = excluded.cron, timezone = excluded.timezone,
	overlap = excluded.overlap, catchup_ms = excluded.catchup_ms,
	anchor_ms = excluded.anchor_ms, done_ms = excluded.done_ms,
	next_ms = excluded.next_ms, upcoming = excluded.upcoming,
	waiting = excluded.waiting, last_run_id = excluded.last_run_id,
	last_fire_ms = excluded.last_fire_ms, n_started = excluded.n_started,
	n_skipped = excluded.n_skipped, n_missed = excluded.n_missed,
	error = excluded.error, paused = excluded.paused,
	created_ms = excluded.created_ms, updated_ms = excluded.updated_ms

-- name: schedule_delete
DELETE FROM schedules WHERE id = $1

-- name: workflow_delete_schedules
DELETE FROM schedules WHERE workflow_id = $1

-- name: schedule_list
SELECT {schedule_columns}
FROM schedules WHERE ($1 = '' OR project = $1) AND id > $2
ORDER BY id LIMIT $3

-- name: prune_look
SELECT rid, id, project, workflow_id, created_ms, status, caller_run_id, finished_ms
FROM workflow_runs WHERE workflow_id = $1 AND created_ms >= $2 AND created_ms < $3
ORDER BY created_ms, rid LIMIT $4

-- name: prune_look_project
SELECT rid, id, project, workflow_id, created_ms, status, caller_run_id, finished_ms
FROM workflow_runs WHERE project = $1 AND created_ms >= $2 AND created_ms < $3
ORDER BY created_ms, rid LIMIT $4

-- name: prune_needed
SELECT 1 AS n FROM workflow_runs
WHERE parent_run_id = $1 AND +status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL')
UNION ALL
SELECT 1 FROM workflow_runs
WHERE caller_run_id = $1 AND +status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL')
UNION ALL
SELECT 1 FROM workflow_runs
WHERE id = $2 AND +status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL')
LIMIT 1

-- name: prune_has_logs
SELECT 1 AS n FROM agent_logs WHERE rid = $1 LIMIT 1

-- name: run_refs
SELECT context AS ref FROM workflow_runs
WHERE rid = $1 AND context >= 'sha256:' AND context < 'sha256;'
UNION ALL
SELECT output FROM workflow_runs
WHERE rid = $1 AND output >= 'sha256:' AND output < 'sha256;'
UNION ALL
SELECT output FROM run_nodes WHERE rid = $1 AND output >= 'sha256:' AND output < 'sha256;'
UNION ALL
SELECT detail FROM run_nodes WHERE rid = $1 AND detail >= 'sha256:' AND detail < 'sha256;'
UNION ALL
SELECT input FROM agent_runs WHERE rid = $1 AND input >= 'sha256:' AND input < 'sha256;'
UNION ALL
SELECT inputs FROM workflow_approvals
WHERE rid = $1 AND inputs >= 'sha256:' AND inputs < 'sha256;'

-- name: run_delete_signals
DELETE FROM run_signals WHERE rid = $1

-- name: run_delete_events
DELETE FROM run_events WHERE rid = $1

-- name: run_delete_logs
DELETE FROM agent_logs WHERE rid = $1

-- name: run_delete_approvals
DELETE FROM workflow_approvals WHERE rid = $1

-- name: run_delete_attempts
DELETE FROM agent_runs WHERE rid = $1

-- name: run_delete_nodes
DELETE FROM run_nodes WHERE rid = $1

-- name: run_delete
DELETE FROM workflow_runs WHERE rid = $1

-- name: storage_pages
SELECT page_count, freelist_count, auto_vacuum
FROM pragma_page_count, pragma_freelist_count, pragma_auto_vacuum

-- name: storage_workflows
SELECT id, name FROM workflows WHERE $1 = '' OR project = $1 ORDER BY id

-- name: storage_count
SELECT count(*) AS n, coalesce(min(created_ms), 0) AS oldest_ms
FROM workflow_runs WHERE workflow_id = $1

-- name: storage_sample
SELECT rid FROM (SELECT rid FROM workflow_runs WHERE workflow_id = $1
	ORDER BY created_ms DESC LIMIT $2)
UNION
SELECT rid FROM (SELECT rid FROM workflow_runs WHERE workflow_id = $1
	ORDER BY created_ms LIMIT $2)

-- name: storage_of_run
SELECT (SELECT 500 + coalesce(length(context), 0) + coalesce(length(error), 0)
		+ coalesce(length(output), 0) + coalesce((SELECT length(bytes) FROM blobs
			WHERE context >= 'sha256:' AND sha256 = substr(context, 8)), 0)
		FROM workflow_runs WHERE rid = $1)
	+ (SELECT coalesce(sum(80 + coalesce(length(output), 0) + coalesce(length(detail), 0)
		+ coalesce(length(error), 0) + coalesce((SELECT length(bytes) FROM blobs
			WHERE output >= 'sha256:' AND sha256 = substr(output, 8)), 0)), 0)
		FROM run_nodes WHERE rid = $1)
	+ (SELECT coalesce(sum(250 + coalesce(length(input), 0) + coalesce(length(error), 0)
		+ coalesce((SELECT length(bytes) FROM blobs
			WHERE input >= 'sha256:' AND sha256 = substr(input, 8)), 0)), 0)
		FROM agent_runs WHERE rid = $1)
	+ (SELECT coalesce(sum(300 + coalesce(length(inputs), 0)), 0)
		FROM workflow_approvals WHERE rid = $1)
	+ (SELECT coalesce(sum(40 + coalesce(length(data), 0)), 0)
		FROM run_events WHERE rid = $1) AS bytes,
	(SELECT coalesce(sum(100 + coalesce(length(text), 0)), 0)
		FROM agent_logs WHERE rid = $1) AS log_bytes
