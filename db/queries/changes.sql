-- name: hold_session^
-- A session, so that the clock does not move it meanwhile.
SELECT id, state FROM sessions WHERE id = :id FOR UPDATE;

-- name: substitute$
UPDATE participants SET teacher_id = :teacher_id
WHERE id = :id AND session_id = :session_id AND role <> 'observer' RETURNING true;

-- name: set_teacher!
UPDATE participants SET teacher_id = :teacher_id WHERE id = :id;

-- name: remove_participant!
DELETE FROM participants WHERE id = :id;

-- name: add_session$
INSERT INTO sessions
    (kind, on_day, subject, starts_at, ends_at, interactive, makes_up_id)
VALUES ('live_lesson', :on_day, :subject, :starts_at, :ends_at, :interactive, :makes_up_id)
RETURNING id;

-- name: taken
-- What is in some session during [since, until).
SELECT DISTINCT kind, resource_id FROM reservations
WHERE during && tstzrange(:since, :until);

-- name: makeups_of
SELECT makes_up_id, id FROM sessions
WHERE makes_up_id = ANY(CAST(:ids AS uuid[])) AND state NOT IN ('cancelled', 'missed');
