-- name: add_session^
-- Nothing when the lesson already has its session on that day.
INSERT INTO sessions (kind, lesson_id, on_day, subject, starts_at, ends_at, interactive)
VALUES (:kind, :lesson_id, :on_day, :subject, :starts_at, :ends_at, :interactive)
ON CONFLICT (lesson_id, on_day) DO NOTHING
RETURNING id;

-- name: add_participant$
INSERT INTO participants
    (session_id, role, room_id, class_id, teacher_id, busy_from, busy_until, makes_up_id)
VALUES (:session_id, :role, :room_id, :class_id, :teacher_id, :busy_from, :busy_until,
        :makes_up_id)
RETURNING id;

-- name: session^
SELECT * FROM sessions WHERE id = :id;

-- name: session_of_participant$
SELECT session_id FROM participants WHERE id = :id;

-- name: sessions_by_ids
SELECT * FROM sessions WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY starts_at, id;

-- name: sessions_between
SELECT * FROM sessions WHERE starts_at < :until AND ends_at > :since ORDER BY starts_at, id;

-- name: last_of_schools
-- Of each school the newest lesson that was begun, led or listened to in one of its rooms.
SELECT r.school_code, last.* FROM (SELECT DISTINCT school_code FROM rooms) r
CROSS JOIN LATERAL (
    SELECT s.id AS session_id, p.id AS participant_id, s.subject, s.starts_at, s.state
    FROM rooms o JOIN participants p ON p.room_id = o.id JOIN sessions s ON s.id = p.session_id
    WHERE o.school_code = r.school_code AND s.kind = 'live_lesson'
      AND s.state IN ('live', 'ended') AND s.starts_at BETWEEN :since AND :now
      AND p.role IN ('lead', 'receiving')
    ORDER BY s.starts_at DESC, p.id LIMIT 1) last;

-- name: unfinished
-- What the clock watches: everything that still has a way to go and begins before a date.
SELECT * FROM sessions
WHERE state IN ('scheduled', 'open', 'live') AND starts_at < :until
ORDER BY starts_at, id;

-- name: sessions_of_teacher
SELECT DISTINCT s.* FROM sessions s JOIN participants p ON p.session_id = s.id
WHERE p.teacher_id = :teacher_id AND s.starts_at < :until AND s.ends_at > :since
ORDER BY s.starts_at, s.id;

-- name: sessions_of_room
SELECT DISTINCT s.* FROM sessions s JOIN participants p ON p.session_id = s.id
WHERE p.room_id = :room_id AND s.starts_at < :until AND s.ends_at > :since
ORDER BY s.starts_at, s.id;

-- name: participants_of
SELECT id, session_id, role, room_id, class_id, teacher_id, busy_from, busy_until, muted,
       push_to_talk, node_id, makes_up_id
FROM participants WHERE session_id = ANY(CAST(:ids AS uuid[]))
ORDER BY session_id, role, room_id;

-- name: open$
UPDATE sessions SET state = 'open', opened_at = :at
WHERE id = :id AND state = 'scheduled' RETURNING true;

-- name: go_live$
UPDATE sessions SET state = 'live', live_at = :at
WHERE id = :id AND state = 'open' RETURNING true;

-- name: end$
UPDATE sessions SET state = 'ended', closed_at = :at
WHERE id = :id AND state = 'live' RETURNING true;

-- name: miss$
UPDATE sessions SET state = 'missed', closed_at = :at
WHERE id = :id AND state IN ('scheduled', 'open') RETURNING true;

-- name: cancel$
UPDATE sessions SET state = 'cancelled', closed_at = :at, cancel_cause = :cause
WHERE id = :id AND state IN ('scheduled', 'open') RETURNING true;

-- name: place!
UPDATE sessions SET node_id = :node_id WHERE id = :id;

-- name: set_floor!
UPDATE sessions SET floor_participant_id = :participant_id WHERE id = :id;

-- name: drop_superseded!
-- Sessions still scheduled whose lesson is of a version that no longer holds on their day.
WITH gone AS (
    SELECT s.id FROM sessions s
    JOIN lessons l ON l.id = s.lesson_id
    JOIN timetable_versions v ON v.id = l.version_id
    WHERE s.state = 'scheduled' AND s.starts_at > :now AND s.on_day > v.valid_until),
dropped AS (DELETE FROM participants WHERE session_id IN (SELECT id FROM gone))
DELETE FROM sessions WHERE id IN (SELECT id FROM gone);

-- name: names_of
-- Who takes part in a session, by the names that people know: of the room, the class, the teacher
-- and the school.
SELECT p.id, coalesce(r.name, '') AS room, coalesce(r.kind = 'cloud', false) AS cloud,
       coalesce(g.name, '') AS class_group, coalesce(g.enrolment, 0) AS enrolment,
       coalesce(t.name, '') AS teacher, coalesce(s.short_name, '') AS school,
       coalesce(s.code, '') AS school_code
FROM participants p
LEFT JOIN rooms r ON r.id = p.room_id
LEFT JOIN class_groups g ON g.id = p.class_id
LEFT JOIN teachers t ON t.id = p.teacher_id
LEFT JOIN schools s ON s.code = coalesce(r.school_code, t.school_code, g.school_code)
WHERE p.session_id = :id;

-- name: set_muted!
UPDATE participants SET muted = :muted WHERE id = :id AND muted <> :muted;

-- name: set_push_to_talk!
UPDATE participants SET push_to_talk = :on WHERE id = :id AND push_to_talk <> :on;

-- name: branch*!
-- Put a participant on a node of its own; null: on its session's.
UPDATE participants SET node_id = :node_id WHERE id = :id AND node_id IS DISTINCT FROM :node_id;
