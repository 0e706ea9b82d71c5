-- name: rubrics
SELECT * FROM rubrics ORDER BY number;

-- name: criteria
SELECT * FROM rubric_criteria ORDER BY rubric, position;

-- name: add$
-- Only where the newest version is still the one that it was made from.
INSERT INTO rubrics (number, title_zh, title_en, scale, made_by, made_at)
SELECT max(number) + 1, :title_zh, :title_en, :scale, :made_by, :at FROM rubrics
HAVING max(number) = :after
ON CONFLICT DO NOTHING RETURNING number;

-- name: add_criterion!
INSERT INTO rubric_criteria (rubric, position, name_zh, name_en, hint_zh, hint_en, weight)
VALUES (:rubric, :position, :name_zh, :name_en, :hint_zh, :hint_en, :weight);
