-- name: hold!
-- One beginning of a visit to a session at a time, so that their number is kept.
SELECT pg_advisory_xact_lock(hashtextextended(CAST(CAST(:session_id AS uuid) AS text), 30));

-- name: begin^
-- A visit, or the one that is under way from the same address.
INSERT INTO observer_visits (session_id, account_id, address, begun_at, seen_at)
VALUES (:session_id, :account_id, :address, :at, :at)
ON CONFLICT (session_id, account_id, address) WHERE ended_at IS NULL
DO UPDATE SET seen_at = greatest(observer_visits.seen_at, excluded.seen_at)
RETURNING id, xmax = 0 AS begun;

-- name: visit^
SELECT v.*, a.login, a.name, a.role, s.short_name AS school FROM observer_visits v
JOIN accounts a ON a.id = v.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE v.id = :id;

-- name: under_way
SELECT v.*, a.login, a.name, a.role, s.short_name AS school FROM observer_visits v
JOIN accounts a ON a.id = v.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE v.session_id = :session_id AND v.ended_at IS NULL ORDER BY v.begun_at, v.id;

-- name: resume
-- Those that had ended, and whose media is connected all the same, begin anew.
WITH again AS (
    UPDATE observer_visits v SET begun_at = :at, seen_at = :at, ended_at = NULL
    WHERE v.id = ANY(CAST(:ids AS uuid[])) AND v.ended_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM observer_visits o
                      WHERE (o.session_id, o.account_id, o.address)
                          = (v.session_id, v.account_id, v.address) AND o.ended_at IS NULL)
    RETURNING v.*)
SELECT again.*, a.login, a.name, a.role, s.short_name AS school
FROM again JOIN accounts a ON a.id = again.account_id
LEFT JOIN schools s ON s.code = a.school_code ORDER BY again.id;

-- name: see!
UPDATE observer_visits SET seen_at = greatest(seen_at, :at)
WHERE id = ANY(CAST(:ids AS uuid[])) AND ended_at IS NULL;

-- name: end_unseen
WITH gone AS (
    UPDATE observer_visits SET ended_at = seen_at
    WHERE ended_at IS NULL AND seen_at < :before RETURNING *)
SELECT gone.*, a.login, a.name, a.role, s.short_name AS school
FROM gone JOIN accounts a ON a.id = gone.account_id
LEFT JOIN schools s ON s.code = a.school_code ORDER BY gone.id;
