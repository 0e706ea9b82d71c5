-- name: add_account$
INSERT INTO accounts (login, name, password_hash, role, school_code, teacher_id)
VALUES (:login, :name, :password_hash, :role, :school_code, :teacher_id) RETURNING id;

-- name: account_by_login^
SELECT * FROM accounts WHERE login = lower(:login);

-- name: account^
SELECT * FROM accounts WHERE id = :id;

-- name: set_password!
UPDATE accounts SET password_hash = :password_hash, failed_sign_ins = 0, locked_until = NULL
WHERE id = :id;

-- name: sign_in_failed^
-- Counts a failure and locks the account when there were too many.
UPDATE accounts
SET failed_sign_ins = CASE WHEN failed_sign_ins + 1 >= CAST(:limit AS integer) THEN 0
                      ELSE failed_sign_ins + 1 END,
    locked_until = CASE WHEN failed_sign_ins + 1 >= CAST(:limit AS integer)
                   THEN CAST(:locked_until AS timestamptz) ELSE locked_until END
WHERE id = :id
RETURNING locked_until;

-- name: sign_in_succeeded!
UPDATE accounts SET failed_sign_ins = 0, locked_until = NULL WHERE id = :id;

-- name: add_web_session!
INSERT INTO web_sessions (token_hash, account_id, device_id, csrf, created_at, seen_at)
VALUES (:token_hash, :account_id, :device_id, :csrf, :at, :at);

-- name: web_session^
SELECT w.token_hash, w.csrf, w.created_at, w.seen_at, w.account_id, w.device_id, w.user_agent,
       d.room_id, d.revoked_at, a.login, a.name, a.role, a.school_code, a.teacher_id
FROM web_sessions w
LEFT JOIN accounts a ON a.id = w.account_id
LEFT JOIN room_devices d ON d.id = w.device_id
WHERE w.token_hash = :token_hash;

-- name: touch_web_session!
UPDATE web_sessions SET seen_at = :at WHERE token_hash = :token_hash;

-- name: end_web_session!
DELETE FROM web_sessions WHERE token_hash = :token_hash;

-- name: add_pairing_code!
INSERT INTO pairing_codes (code, room_id, expires_at) VALUES (:code, :room_id, :expires_at);

-- name: use_pairing_code$
-- A code is good once: two devices that type it at the same moment get one room.
UPDATE pairing_codes SET used_at = :at
WHERE code = :code AND used_at IS NULL AND expires_at > :at RETURNING room_id;

-- name: open_pairing_codes
SELECT code, room_id, expires_at FROM pairing_codes
WHERE used_at IS NULL AND expires_at > :at ORDER BY room_id, expires_at DESC;

-- name: add_device$
INSERT INTO room_devices (room_id, paired_at) VALUES (:room_id, :at) RETURNING id;

-- name: revoke_device!
UPDATE room_devices SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL;

-- name: devices
SELECT id, room_id, paired_at, revoked_at FROM room_devices ORDER BY room_id, paired_at;

-- name: secret$
WITH made AS (
    INSERT INTO secrets (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO NOTHING RETURNING value)
SELECT value FROM made UNION ALL SELECT value FROM secrets WHERE name = :name LIMIT 1;

-- name: note_user_agent!
UPDATE web_sessions SET user_agent = :user_agent WHERE token_hash = :token_hash;

-- name: user_agents
-- Of those seen since an instant, and of the screens that are paired: each with how many there are.
SELECT w.user_agent, count(*) AS browsers FROM web_sessions w
LEFT JOIN room_devices d ON d.id = w.device_id
WHERE w.user_agent <> '' AND d.revoked_at IS NULL
  AND (w.seen_at > :since OR d.id IS NOT NULL)
GROUP BY w.user_agent ORDER BY w.user_agent;

-- name: add_password_link!
-- A new link ends those that the account had.
WITH ended AS (
    UPDATE password_links SET used_at = :at WHERE account_id = :account_id AND used_at IS NULL)
INSERT INTO password_links (token_hash, account_id, made_at, expires_at)
VALUES (:token_hash, :account_id, :at, :expires_at);

-- name: password_link^
SELECT a.* FROM password_links l JOIN accounts a ON a.id = l.account_id
WHERE l.token_hash = :token_hash AND l.used_at IS NULL AND l.expires_at > :at;

-- name: use_password_link$
UPDATE password_links SET used_at = :at
WHERE token_hash = :token_hash AND used_at IS NULL AND expires_at > :at RETURNING account_id;

-- name: end_web_sessions!
DELETE FROM web_sessions WHERE account_id = :account_id;

-- name: all_accounts
SELECT * FROM accounts ORDER BY login;
