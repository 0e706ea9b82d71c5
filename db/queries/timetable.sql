-- name: add_demand!
INSERT INTO demands (term_id, class_id, subject, lessons_per_week, weeks)
VALUES (:term_id, :class_id, :subject, :lessons_per_week, :weeks);

-- name: set_demand!
INSERT INTO demands (term_id, class_id, subject, lessons_per_week, weeks)
VALUES (:term_id, :class_id, :subject, :lessons_per_week, :weeks)
ON CONFLICT (term_id, class_id, subject, weeks)
DO UPDATE SET lessons_per_week = excluded.lessons_per_week;

-- name: remove_demand!
DELETE FROM demands
WHERE term_id = :term_id AND class_id = :class_id AND subject = :subject AND weeks = :weeks;

-- name: copy_demands
INSERT INTO demands (term_id, class_id, subject, lessons_per_week, weeks)
SELECT t.id, d.class_id, d.subject, d.lessons_per_week, d.weeks
FROM terms t, LATERAL (SELECT id FROM terms WHERE ends_on < t.starts_on
                       ORDER BY ends_on DESC LIMIT 1) before
JOIN demands d ON d.term_id = before.id
JOIN class_groups c ON c.id = d.class_id AND c.retired_on IS NULL
WHERE t.id = :term_id AND c.school_code = :school_code
ON CONFLICT (term_id, class_id, subject, weeks) DO NOTHING
RETURNING id;

-- name: add_busy_time!
INSERT INTO busy_times (term_id, teacher_id, class_id, weekday, period, reason)
VALUES (:term_id, :teacher_id, :class_id, :weekday, :period, :reason);

-- name: add_draft$
INSERT INTO timetable_versions (term_id, number)
SELECT :term_id, coalesce(max(number), 0) + 1 FROM timetable_versions WHERE term_id = :term_id
RETURNING id;

-- name: put_lesson$
-- A lesson of a draft; without an id it gets one.
INSERT INTO lessons
    (id, version_id, weekday, period, weeks, subject, lead_teacher_id, lead_room_id, interactive,
     week_from, week_until, locked)
VALUES (coalesce(CAST(:id AS uuid), uuidv7()), :version_id, :weekday, :period, :weeks, :subject,
        :lead_teacher_id, :lead_room_id, :interactive, :week_from, :week_until, :locked)
RETURNING id;

-- name: put_receiver!
INSERT INTO lesson_receivers (lesson_id, room_id, class_id, assistant_id)
VALUES (:lesson_id, :room_id, :class_id, :assistant_id);

-- name: one_at_a_time!
-- One publication in a term at a time.
SELECT FROM terms WHERE id = :term_id FOR NO KEY UPDATE;

-- name: supersede
-- What would hold from a day on ends the day before it; a version that was to begin later never
-- holds, and ends the day before it begins.
UPDATE timetable_versions
SET state = 'superseded', valid_until = greatest(CAST(:valid_from AS date), valid_from) - 1
WHERE term_id = :term_id AND state <> 'draft'
  AND (valid_until IS NULL OR valid_until >= greatest(CAST(:valid_from AS date), valid_from))
RETURNING number, valid_from;

-- name: publish$
UPDATE timetable_versions
SET state = 'published', valid_from = :valid_from, published_at = :at
WHERE id = :version_id AND state = 'draft' RETURNING true;

-- name: versions_between
-- Versions that hold on some day of a range; a version superseded before it began holds on none.
SELECT id, term_id, number, state, valid_from, valid_until, published_at
FROM timetable_versions
WHERE state <> 'draft' AND valid_from <= :until
  AND (valid_until IS NULL OR valid_until >= greatest(valid_from, CAST(:since AS date)))
ORDER BY valid_from, number;

-- name: lessons_of_version
SELECT l.id, l.weekday, l.period, l.weeks, l.subject, l.lead_teacher_id, l.lead_room_id,
       r.school_code AS hub_code, l.interactive, l.week_from, l.week_until
FROM lessons l JOIN rooms r ON r.id = l.lead_room_id
WHERE l.version_id = :version_id
ORDER BY l.weekday, l.period, l.lead_room_id, l.weeks;

-- name: receivers_of_version
SELECT lr.lesson_id, lr.room_id, lr.class_id, lr.assistant_id
FROM lesson_receivers lr JOIN lessons l ON l.id = lr.lesson_id
WHERE l.version_id = :version_id
ORDER BY lr.lesson_id, lr.room_id;

-- name: busy_times
SELECT teacher_id, class_id, weekday, period, reason
FROM busy_times WHERE term_id = :term_id ORDER BY id;
