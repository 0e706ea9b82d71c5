-- name: factor^
SELECT * FROM second_factors WHERE account_id = :account_id;

-- name: begin!
-- A secret that is not in use until a first code proves that its owner has it.
INSERT INTO second_factors (account_id, secret, made_at) VALUES (:account_id, :secret, :at)
ON CONFLICT (account_id) DO UPDATE
SET secret = excluded.secret, made_at = excluded.made_at, last_step = 0
WHERE second_factors.confirmed_at IS NULL;

-- name: use_step$
-- Whether a code of that step may be used: each once, and none from before the last.
UPDATE second_factors SET last_step = :step, confirmed_at = coalesce(confirmed_at, :at)
WHERE account_id = :account_id AND last_step < :step RETURNING true;

-- name: remove$
WITH codes AS (DELETE FROM recovery_codes WHERE account_id = :account_id)
DELETE FROM second_factors WHERE account_id = :account_id RETURNING true;

-- name: drop_recovery_codes!
DELETE FROM recovery_codes WHERE account_id = :account_id;

-- name: add_recovery_code*!
INSERT INTO recovery_codes (code_hash, account_id, made_at) VALUES (:code_hash, :account_id, :at);

-- name: use_recovery_code$
UPDATE recovery_codes SET used_at = :at
WHERE code_hash = :code_hash AND account_id = :account_id AND used_at IS NULL RETURNING true;

-- name: recovery_codes_left$
SELECT count(*) FROM recovery_codes WHERE account_id = :account_id AND used_at IS NULL;

-- name: bound_account$
SELECT account_id FROM account_identities WHERE issuer = :issuer AND subject = :subject;

-- name: bind$
-- Whether the account is now that subject's: no other subject's before, nor the subject another's.
INSERT INTO account_identities (issuer, subject, account_id, bound_at)
VALUES (:issuer, :subject, :account_id, :at) ON CONFLICT DO NOTHING RETURNING true;

-- name: release$
WITH gone AS (DELETE FROM account_identities WHERE account_id = :account_id RETURNING 1)
SELECT count(*) > 0 FROM gone;
