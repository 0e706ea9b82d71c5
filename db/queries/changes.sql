-- name: hold_session^
-- A session, so that the clock does not move it meanwhile.
SELECT id, state FROM sessions WHERE id = :id FOR UPDATE;

-- name: substitute$
-- A meeting is called otherwise then.
WITH called AS (UPDATE meetings SET version = version + 1 WHERE session_id = :session_id)
UPDATE participants SET teacher_id = :teacher_id
WHERE id = :id AND session_id = :session_id AND role <> 'observer' RETURNING true;

-- name: set_teacher!
UPDATE participants SET teacher_id = :teacher_id WHERE id = :id;

-- name: remove_participant!
DELETE FROM participants WHERE id = :id;

-- name: add_session$
INSERT INTO sessions
    (kind, on_day, subject, starts_at, ends_at, interactive)
VALUES ('live_lesson', :on_day, :subject, :starts_at, :ends_at, :interactive)
RETURNING id;

-- name: taken
-- What is in some session during [since, until).
SELECT DISTINCT kind, resource_id FROM reservations
WHERE during && tstzrange(:since, :until);

-- name: makeups_of
SELECT o.session_id AS made_up, o.class_id, p.session_id
FROM participants o
JOIN makeup_links m ON m.makes_up_id = o.id
JOIN participants p ON p.id = m.participant_id
WHERE o.session_id = ANY(CAST(:ids AS uuid[]));

-- name: owing
-- Lessons of a subject in which a class is still to be given a make-up, and none is planned.
SELECT DISTINCT session_id FROM link_facts f
WHERE f.subject = :subject AND f.on_day BETWEEN :since AND :until AND f.due
  AND f.makeup_due_on IS NOT NULL AND f.made_up_on IS NULL
  AND NOT EXISTS (SELECT FROM makeup_links m WHERE m.makes_up_id = f.participant_id);

-- name: made_up_by
-- The sessions that sessions make up for, with one class or more.
SELECT DISTINCT p.session_id, o.session_id AS makes_up_id
FROM makeup_links m
JOIN participants p ON p.id = m.participant_id
JOIN participants o ON o.id = m.makes_up_id
WHERE p.session_id = ANY(CAST(:ids AS uuid[]));

-- name: of_old_versions
-- Sessions still to come that a version planned which no longer holds on their day.
SELECT s.id, l.version_id FROM sessions s
JOIN lessons l ON l.id = s.lesson_id
JOIN timetable_versions v ON v.id = l.version_id
WHERE s.state IN ('scheduled', 'cancelled') AND s.starts_at > :now AND s.on_day > v.valid_until
ORDER BY s.starts_at, s.id;

-- name: now_of_lesson$
-- A cancelled session becomes that of another lesson, so that the lesson is not held on its day.
UPDATE sessions s SET lesson_id = :lesson_id
WHERE s.id = :id AND s.state = 'cancelled' AND NOT EXISTS (
    SELECT FROM sessions o WHERE o.lesson_id = :lesson_id AND o.on_day = s.on_day)
RETURNING true;
