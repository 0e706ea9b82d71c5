-- name: add_session$
INSERT INTO sessions (kind, on_day, subject, starts_at, ends_at)
VALUES ('research', :on_day, :subject, :starts_at, :ends_at)
RETURNING id;

-- name: add_meeting!
INSERT INTO meetings (session_id, title, grade, plan_id, called_by)
VALUES (:session_id, :title, :grade, :plan_id, :called_by);

-- name: change_session!
UPDATE sessions SET on_day = :on_day, subject = :subject, starts_at = :starts_at, ends_at = :ends_at
WHERE id = :id;

-- name: change_meeting!
UPDATE meetings SET title = :title, grade = :grade, version = version + 1
WHERE session_id = :session_id;

-- name: set_chair!
UPDATE participants SET teacher_id = :teacher_id WHERE session_id = :session_id AND role = 'lead';

-- name: drop_members!
-- Those who are not called any more.
DELETE FROM participants
WHERE session_id = :session_id AND role = 'member'
  AND NOT teacher_id = ANY(CAST(:stay AS text[]));

-- name: put_item!
INSERT INTO agenda_items (id, session_id, position, title, minutes)
VALUES (:id, :session_id, :position, :title, :minutes)
ON CONFLICT (id) DO UPDATE
SET position = excluded.position, title = excluded.title, minutes = excluded.minutes
WHERE agenda_items.session_id = excluded.session_id;

-- name: drop_items!
DELETE FROM agenda_items
WHERE session_id = :session_id AND NOT id = ANY(CAST(:stay AS uuid[]));

-- name: meeting^
SELECT session_id, title, grade, plan_id, called_by, version FROM meetings WHERE session_id = :session_id;

-- name: agenda
SELECT id, position, title, minutes FROM agenda_items
WHERE session_id = :session_id ORDER BY position;

-- name: turns
SELECT item_id, at FROM agenda_turns WHERE session_id = :session_id ORDER BY at, id;

-- name: notes
SELECT id, kind, text, item_id, author, written_at FROM meeting_notes
WHERE session_id = :session_id ORDER BY written_at, id;

-- name: titles
SELECT session_id, title FROM meetings WHERE session_id = ANY(CAST(:ids AS uuid[]));

-- name: meetings_between
-- Meetings that overlap [since, until): all, or those of a teacher, or of a school's teachers.
SELECT s.id FROM sessions s
WHERE s.kind = 'research' AND s.starts_at < :until AND s.ends_at > :since
  AND EXISTS (SELECT FROM participants p JOIN teachers t ON t.id = p.teacher_id
              WHERE p.session_id = s.id
                AND (CAST(:teacher_id AS text) IS NULL OR t.id = :teacher_id)
                AND (CAST(:school_code AS text) IS NULL OR t.school_code = :school_code));

-- name: add_turn$
-- Nothing where the item is under discussion already, or is not of this meeting.
INSERT INTO agenda_turns (session_id, item_id, at, by)
SELECT :session_id, CAST(:item_id AS uuid), :at, :by
WHERE (CAST(:item_id AS uuid) IS NULL
       OR EXISTS (SELECT FROM agenda_items WHERE id = :item_id AND session_id = :session_id))
  AND (SELECT item_id FROM agenda_turns WHERE session_id = :session_id
       ORDER BY at DESC, id DESC LIMIT 1) IS DISTINCT FROM CAST(:item_id AS uuid)
RETURNING true;

-- name: add_note$
-- Nothing where the item is not of this meeting.
INSERT INTO meeting_notes (session_id, kind, text, item_id, author, written_by, written_at)
SELECT :session_id, :kind, :text, CAST(:item_id AS uuid), :author, :written_by, :at
WHERE CAST(:item_id AS uuid) IS NULL
   OR EXISTS (SELECT FROM agenda_items WHERE id = :item_id AND session_id = :session_id)
RETURNING id;

-- name: present^
-- What everybody in a meeting is told of it at once.
SELECT (SELECT count(*) FROM meeting_notes n WHERE n.session_id = m.session_id) AS notes,
       (SELECT count(*) FROM agenda_turns t WHERE t.session_id = m.session_id) AS turns,
       (SELECT max(number) FROM lesson_plan_versions v WHERE v.plan_id = m.plan_id) AS plan_version,
       t.item_id AS item, t.at AS since
FROM meetings m
LEFT JOIN LATERAL (SELECT item_id, at FROM agenda_turns t WHERE t.session_id = m.session_id
                   ORDER BY at DESC, id DESC LIMIT 1) t ON true
WHERE m.session_id = :session_id;

-- name: engagements
-- What teachers are taken by during [since, until), but for one session.
SELECT r.resource_id AS teacher_id, s.kind, s.subject, m.title, s.starts_at, s.ends_at
FROM reservations r
JOIN participants p ON p.id = r.participant_id
JOIN sessions s ON s.id = p.session_id
LEFT JOIN meetings m ON m.session_id = s.id
WHERE r.kind = 'teacher' AND r.resource_id = ANY(CAST(:teachers AS text[]))
  AND r.during && tstzrange(:since, :until)
  AND s.id IS DISTINCT FROM CAST(:but AS uuid)
ORDER BY s.starts_at, r.resource_id;

-- name: of_plan
-- The meetings that work on a plan.
SELECT session_id FROM meetings WHERE plan_id = :plan_id ORDER BY session_id;
