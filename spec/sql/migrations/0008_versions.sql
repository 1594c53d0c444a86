-- A run that moves to another version finds its nodes there by their ids.
CREATE INDEX workflow_nodes_by_id ON workflow_nodes (workflow_id, version, node_id);
-- Why the workflow is being deleted: {by, reason, at}; NULL = it is not.
ALTER TABLE workflows ADD COLUMN deleting TEXT;
