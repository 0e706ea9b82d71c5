-- name: register!
INSERT INTO media_nodes (id, host, http_url, public_url, udp_port, lease_until)
VALUES (:id, :host, :http_url, :public_url, :udp_port, now() + :lease);

-- name: renew$
-- The lease, extended; nothing when the row is gone (it lapsed and was cleaned up).
UPDATE media_nodes SET lease_until = now() + :lease, load = :load, draining = draining OR :draining
WHERE id = :id RETURNING draining;

-- name: leave!
-- For good: a lease that merely lapsed has an end that one can name.
UPDATE media_nodes SET lease_until = '-infinity' WHERE id = :id;

-- name: live
SELECT id, host, http_url, public_url, udp_port, load, draining FROM media_nodes
WHERE lease_until > now() ORDER BY id;

-- name: least_loaded
-- By sessions now on it, then by what it reports: a burst of openings is spread at once.
SELECT n.id FROM media_nodes n
LEFT JOIN sessions s ON s.node_id = n.id AND s.state IN ('open', 'live')
WHERE n.lease_until > now() AND NOT n.draining
GROUP BY n.id ORDER BY count(s.id), n.load, n.id;

-- name: unplaced_sessions
-- Sessions under way whose node is gone (or that never had one). A node that answers has lost its
-- lease with the database, not with its life.
SELECT s.id FROM sessions s LEFT JOIN media_nodes n ON n.id = s.node_id
WHERE s.state IN ('open', 'live')
  AND (n.id IS NULL OR n.lease_until = '-infinity'
       OR (n.lease_until <= now() AND NOT n.id = ANY(CAST(:answering AS uuid[]))))
ORDER BY s.starts_at;

-- name: drain!
UPDATE media_nodes SET draining = true WHERE id = ANY(CAST(:ids AS uuid[]));

-- name: others_take$
SELECT EXISTS (
    SELECT FROM media_nodes WHERE lease_until > now() AND NOT draining AND id <> :id);

-- name: to_hand_over
-- Sessions under way of nodes that are drained, first those that have it for their own, then those
-- that have rooms on it.
SELECT s.id, s.node_id, true AS own FROM sessions s JOIN media_nodes n ON n.id = s.node_id
WHERE s.state IN ('open', 'live') AND n.draining
UNION
SELECT s.id, p.node_id, false FROM sessions s JOIN participants p ON p.session_id = s.id
JOIN media_nodes n ON n.id = p.node_id
WHERE s.state IN ('open', 'live') AND n.draining AND p.node_id IS DISTINCT FROM s.node_id
ORDER BY own DESC, id, node_id;

-- name: unplaced_branches
-- Sessions under way that have a node, and rooms on another that is gone.
SELECT DISTINCT s.id FROM sessions s
JOIN participants p ON p.session_id = s.id JOIN media_nodes n ON n.id = p.node_id
WHERE s.state IN ('open', 'live')
  AND (n.lease_until = '-infinity'
       OR (n.lease_until <= now() AND NOT n.id = ANY(CAST(:answering AS uuid[]))));
