-- name: sealed
-- Every entry with its seal, by position; one without a seal or its entry comes last.
SELECT s.position, s.audit_id, s.hash, a.id,
       CAST(extract(epoch FROM a.at) * 1000000 AS bigint) AS microseconds,
       a.actor, a.action, a.object, CAST(a.detail AS text) AS detail
FROM audit_seals s FULL JOIN audit a ON a.id = s.audit_id
ORDER BY s.position NULLS LAST, a.id;

-- name: head^
SELECT position, hash FROM audit_seals ORDER BY position DESC LIMIT 1;
