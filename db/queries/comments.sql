-- name: add$
-- What is sent twice is kept once.
INSERT INTO observation_comments (id, session_id, account_id, at, answers_id, text, made_at)
VALUES (:id, :session_id, :account_id, :at, :answers_id, :text, :made_at)
ON CONFLICT (id) DO NOTHING RETURNING true;

-- name: of_session
SELECT c.*, a.login, a.name, a.role, s.short_name AS school FROM observation_comments c
JOIN accounts a ON a.id = c.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE c.session_id = :session_id ORDER BY c.at, c.made_at, c.id;

-- name: comment^
SELECT c.*, a.login, a.name, a.role, s.short_name AS school FROM observation_comments c
JOIN accounts a ON a.id = c.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE c.id = :id;

-- name: count_of$
SELECT count(*) FROM observation_comments
WHERE session_id = :session_id AND account_id = :account_id;
