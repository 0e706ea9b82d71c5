-- name: of_term
SELECT id, teacher_id, class_id, weekday, period, reason
FROM busy_times WHERE term_id = :term_id
ORDER BY teacher_id, class_id, weekday, period;

-- name: one^
SELECT id, teacher_id, class_id, weekday, period, reason FROM busy_times WHERE id = :id;

-- name: add$
INSERT INTO busy_times (term_id, teacher_id, class_id, weekday, period, reason)
VALUES (:term_id, :teacher_id, :class_id, :weekday, :period, :reason) RETURNING id;

-- name: remove!
DELETE FROM busy_times WHERE id = :id;
