-- name: add_account$
INSERT INTO accounts (login, name, password_hash, role, school_code, teacher_id)
VALUES (:login, :name, :password_hash, :role, :school_code, :teacher_id) RETURNING id;

-- name: account_by_login^
SELECT * FROM accounts WHERE login = lower(:login);

-- name: hold_accounts!
-- One change of any of them at a time.
SELECT id FROM accounts WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE;

-- name: account^
SELECT * FROM accounts WHERE id = :id;

-- name: set_password!
UPDATE accounts
SET password_hash = :password_hash, password_set_at = now(), failed_sign_ins = 0, locked_until = NULL
WHERE id = :id;

-- name: take_try$
-- Counts a try before it is known to be wrong; the last that is allowed locks the account. Of any
-- number at once no more are looked at than of as many one after the other. Whether it was the
-- last; null: the account is locked.
UPDATE accounts
SET failed_sign_ins = CASE WHEN locked_until IS NULL THEN failed_sign_ins + 1 ELSE 1 END,
    locked_until = CASE WHEN locked_until IS NULL
                             AND failed_sign_ins + 1 >= CAST(:limit AS integer)
                   THEN CAST(:locked_until AS timestamptz) END
WHERE id = :id AND (locked_until IS NULL OR locked_until <= CAST(:at AS timestamptz))
RETURNING locked_until IS NOT NULL;

-- name: give_try_back!
-- It was right: what was counted for it, and the lock that it brought about, are no more.
UPDATE accounts
SET failed_sign_ins = greatest(failed_sign_ins - 1, 0), locked_until = NULL
WHERE id = :id;

-- name: sign_in_succeeded!
UPDATE accounts SET failed_sign_ins = 0, locked_until = NULL WHERE id = :id;

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

-- name: revoke_device$
-- The room that it was paired with, if this call revoked it; its web session ends.
WITH ended AS (DELETE FROM web_sessions WHERE device_id = :id)
UPDATE room_devices SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL RETURNING room_id;

-- name: devices
SELECT id, room_id, paired_at, revoked_at FROM room_devices ORDER BY room_id, paired_at;

-- name: secret$
WITH made AS (
    INSERT INTO secrets (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO NOTHING RETURNING value)
SELECT value FROM made UNION ALL SELECT value FROM secrets WHERE name = :name LIMIT 1;

-- name: add_password_link!
-- A new link ends those that the account had.
WITH ended AS (
    UPDATE password_links SET used_at = :at WHERE account_id = :account_id AND used_at IS NULL)
INSERT INTO password_links (token_hash, account_id, made_at, expires_at)
VALUES (:token_hash, :account_id, :at, :expires_at);

-- name: password_link^
SELECT a.* FROM password_links l JOIN accounts a ON a.id = l.account_id
WHERE l.token_hash = :token_hash AND l.used_at IS NULL AND l.expires_at > :at
  AND a.disabled_at IS NULL;

-- name: use_password_link$
UPDATE password_links SET used_at = :at
WHERE token_hash = :token_hash AND used_at IS NULL AND expires_at > :at RETURNING account_id;

-- name: all_accounts
SELECT * FROM accounts ORDER BY login;

-- name: disable$
-- Whether this call disabled it; its links for a new password are good no more.
WITH ended AS (
    UPDATE password_links SET used_at = :at WHERE account_id = :id AND used_at IS NULL)
UPDATE accounts SET disabled_at = :at WHERE id = :id AND disabled_at IS NULL RETURNING true;

-- name: enable$
UPDATE accounts SET disabled_at = NULL WHERE id = :id AND disabled_at IS NOT NULL RETURNING true;

-- name: states
-- Of the accounts of a school (null: all): since when each has a second factor, whether the city's
-- education account is bound to it, and when it was last here.
SELECT a.id, f.confirmed_at AS second_factor_since,
       EXISTS (SELECT FROM account_identities i WHERE i.account_id = a.id) AS bound,
       (SELECT max(w.seen_at) FROM web_sessions w WHERE w.account_id = a.id) AS seen_at
FROM accounts a LEFT JOIN second_factors f ON f.account_id = a.id
WHERE CAST(:school AS text) IS NULL OR a.school_code = :school;
