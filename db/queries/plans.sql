-- name: add_plan$
INSERT INTO lesson_plans (title, subject, made_by, made_at)
VALUES (:title, :subject, :made_by, :at) RETURNING id;

-- name: plan^
SELECT id, title, subject, for_session_id FROM lesson_plans WHERE id = :id;

-- name: hold_plan$
-- One save of a plan at a time.
SELECT id FROM lesson_plans WHERE id = :id FOR NO KEY UPDATE;

-- name: add_version!
INSERT INTO lesson_plan_versions (plan_id, number, text, saved_by, author, saved_at, restores)
VALUES (:plan_id, :number, :text, :saved_by, :author, :at, :restores);

-- name: versions
SELECT number, text, author, saved_at, restores FROM lesson_plan_versions
WHERE plan_id = :plan_id ORDER BY number;

-- name: version^
SELECT number, text, author, saved_at, restores FROM lesson_plan_versions
WHERE plan_id = :plan_id AND number = :number;

-- name: newest^
SELECT number, text, author, saved_at, restores FROM lesson_plan_versions
WHERE plan_id = :plan_id ORDER BY number DESC LIMIT 1;

-- name: attach!
UPDATE lesson_plans SET for_session_id = :for_session_id WHERE id = :id;

-- name: plans_of_teacher
-- Plans of the meetings that a teacher was called to, the newest first.
SELECT DISTINCT l.id, l.title, l.subject, l.for_session_id
FROM lesson_plans l
JOIN meetings m ON m.plan_id = l.id
JOIN participants p ON p.session_id = m.session_id AND p.teacher_id = :teacher_id
ORDER BY l.id DESC;
