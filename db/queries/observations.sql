-- name: begin!
-- A draft, if the observer has none of the session: anew, or as the correction of what stands.
WITH last AS (
    SELECT o.id, o.rubric FROM observations o
    WHERE o.session_id = :session_id AND o.account_id = :account_id AND o.submitted_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM observations c WHERE c.corrects_id = o.id)),
begun AS (
    INSERT INTO observations (session_id, account_id, rubric, corrects_id, remark, begun_at, saved_at)
    SELECT :session_id, :account_id,
           coalesce((SELECT rubric FROM last), (SELECT max(number) FROM rubrics)),
           (SELECT id FROM last), coalesce((SELECT remark FROM observations WHERE id = (SELECT id FROM last)), ''),
           :at, :at
    ON CONFLICT DO NOTHING RETURNING id, rubric, corrects_id)
INSERT INTO observation_marks (observation_id, rubric, position, mark, note)
SELECT begun.id, m.rubric, m.position, m.mark, m.note
FROM begun JOIN observation_marks m ON m.observation_id = begun.corrects_id;

-- name: of_session
SELECT o.*, a.login, a.name, a.role, s.short_name AS school FROM observations o
JOIN accounts a ON a.id = o.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE o.session_id = :session_id ORDER BY o.begun_at, o.id;

-- name: of_account
SELECT o.*, a.login, a.name, a.role, s.short_name AS school FROM observations o
JOIN accounts a ON a.id = o.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE o.account_id = :account_id AND NOT EXISTS (SELECT FROM observations c WHERE c.corrects_id = o.id)
ORDER BY o.saved_at DESC, o.id LIMIT :limit;

-- name: observation^
SELECT o.*, a.login, a.name, a.role, s.short_name AS school FROM observations o
JOIN accounts a ON a.id = o.account_id LEFT JOIN schools s ON s.code = a.school_code
WHERE o.id = :id;

-- name: hold!
SELECT id FROM observations WHERE id = :id FOR UPDATE;

-- name: marks_of
SELECT observation_id, position, mark, note FROM observation_marks
WHERE observation_id = ANY(CAST(:ids AS uuid[])) ORDER BY observation_id, position;

-- name: save_mark!
INSERT INTO observation_marks (observation_id, rubric, position, mark)
SELECT id, rubric, :position, CAST(:mark AS smallint) FROM observations WHERE id = :id
ON CONFLICT (observation_id, position) DO UPDATE SET mark = excluded.mark;

-- name: save_note!
INSERT INTO observation_marks (observation_id, rubric, position, note)
SELECT id, rubric, :position, :note FROM observations WHERE id = :id
ON CONFLICT (observation_id, position) DO UPDATE SET note = excluded.note;

-- name: save$
UPDATE observations SET saved_at = :at, remark = coalesce(CAST(:remark AS text), remark)
WHERE id = :id AND submitted_at IS NULL RETURNING true;

-- name: submit$
UPDATE observations SET submitted_at = :at, saved_at = :at, score = :score
WHERE id = :id AND submitted_at IS NULL RETURNING true;
