-- A lesson for more rooms than one media node shall carry: some of its rooms are on other nodes,
-- which pull from the session's own (docs/decisions/0038-several-hosts.md).

ALTER TABLE participants ADD COLUMN node_id uuid REFERENCES media_nodes ON DELETE SET NULL;
COMMENT ON COLUMN participants.node_id IS 'the node this one is on; null: its session''s';
CREATE INDEX participants_on_branches ON participants (session_id) WHERE node_id IS NOT NULL;
