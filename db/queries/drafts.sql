-- name: versions
-- Every version of a term, the newest first, with how many lessons it has.
SELECT v.id, v.number, v.state, v.valid_from, v.valid_until, v.created_at, v.published_at,
       (SELECT count(*) FROM lessons l WHERE l.version_id = v.id) AS lessons
FROM timetable_versions v WHERE v.term_id = :term_id ORDER BY v.number DESC;

-- name: version^
SELECT id, term_id, number, state, valid_from, valid_until, published_at
FROM timetable_versions WHERE id = :id;

-- name: hold^
-- The version, so that nobody publishes it or changes it meanwhile.
SELECT id, term_id, number, state FROM timetable_versions WHERE id = :id FOR UPDATE;

-- name: locked
SELECT id FROM lessons WHERE version_id = :version_id AND locked;

-- name: lesson_elsewhere$
SELECT true FROM lessons WHERE id = :id AND version_id <> :version_id;

-- name: remove_lessons!
DELETE FROM lessons WHERE version_id = :version_id AND id = ANY(CAST(:ids AS uuid[]));

-- name: remove_draft$
DELETE FROM timetable_versions WHERE id = :id AND state = 'draft' RETURNING true;

-- name: weights
SELECT rule, weight FROM rule_weights WHERE version_id = :version_id ORDER BY rule;

-- name: remove_weights!
DELETE FROM rule_weights WHERE version_id = :version_id;

-- name: put_weight!
INSERT INTO rule_weights (version_id, rule, weight) VALUES (:version_id, :rule, :weight);

-- name: demands
SELECT class_id, subject, lessons_per_week, weeks
FROM demands WHERE term_id = :term_id ORDER BY class_id, subject, weeks;

-- name: decisions
SELECT school_code, hub_code, period, approved, weekday
FROM shift_decisions WHERE term_id = :term_id
ORDER BY school_code, hub_code, weekday NULLS FIRST, period;

-- name: decide!
INSERT INTO shift_decisions
    (term_id, school_code, hub_code, weekday, period, approved, decided_by, decided_at)
VALUES (:term_id, :school_code, :hub_code, :weekday, :period, :approved, :decided_by, :decided_at)
ON CONFLICT (term_id, school_code, hub_code, weekday, period) DO UPDATE
SET approved = excluded.approved, decided_by = excluded.decided_by,
    decided_at = excluded.decided_at;
