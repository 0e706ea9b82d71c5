-- name: add!
INSERT INTO web_sessions (token_hash, account_id, device_id, csrf, created_at, seen_at, stage,
                          by_identity)
VALUES (:token_hash, :account_id, :device_id, :csrf, :at, :at, :stage, :by_identity);

-- name: by_token^
SELECT w.*, d.room_id, d.revoked_at, a.login, a.name, a.role, a.school_code, a.teacher_id,
       a.disabled_at, a.password_set_at
FROM web_sessions w
LEFT JOIN accounts a ON a.id = w.account_id
LEFT JOIN room_devices d ON d.id = w.device_id
WHERE w.token_hash = :token_hash;

-- name: by_ids
SELECT w.*, d.room_id, d.revoked_at, a.login, a.name, a.role, a.school_code, a.teacher_id,
       a.disabled_at, a.password_set_at
FROM web_sessions w
LEFT JOIN accounts a ON a.id = w.account_id
LEFT JOIN room_devices d ON d.id = w.device_id
WHERE w.id = ANY(CAST(:ids AS uuid[]));

-- name: of_account
SELECT w.*, NULL AS room_id, NULL AS revoked_at, a.login, a.name, a.role, a.school_code,
       a.teacher_id, a.disabled_at, a.password_set_at
FROM web_sessions w JOIN accounts a ON a.id = w.account_id
WHERE w.account_id = :account_id ORDER BY w.seen_at DESC, w.id;

-- name: touch!
UPDATE web_sessions SET seen_at = :at WHERE token_hash = :token_hash;

-- name: touch_teaching!
-- By its id: the secret may have been replaced while the lesson went on.
UPDATE web_sessions SET seen_at = :at, teaching_until = :until WHERE id = :id;

-- name: rotate!
-- The same session under another secret: who knows the old one is out.
UPDATE web_sessions SET token_hash = :fresh_hash, stage = :stage WHERE id = :id;

-- name: end!
DELETE FROM web_sessions WHERE token_hash = :token_hash;

-- name: end_one$
DELETE FROM web_sessions WHERE id = :id AND account_id = :account_id RETURNING true;

-- name: end_all!
DELETE FROM web_sessions
WHERE account_id = :account_id AND id IS DISTINCT FROM CAST(:but AS uuid);

-- name: sweep!
-- Those of accounts that no limit would let through any more.
DELETE FROM web_sessions
WHERE account_id IS NOT NULL AND (seen_at <= :idle_since OR created_at <= :begun_since)
  AND (teaching_until IS NULL OR teaching_until <= :at)
  AND NOT id = ANY(CAST(:but AS uuid[]));

-- name: note_user_agent!
UPDATE web_sessions SET user_agent = :user_agent WHERE token_hash = :token_hash;

-- name: user_agents
-- Of those seen since an instant, and of the screens that are paired: each with how many there are.
SELECT w.user_agent, count(*) AS browsers FROM web_sessions w
LEFT JOIN room_devices d ON d.id = w.device_id
WHERE w.user_agent <> '' AND d.revoked_at IS NULL
  AND (w.seen_at > :since OR d.id IS NOT NULL)
GROUP BY w.user_agent ORDER BY w.user_agent;
