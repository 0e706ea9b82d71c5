-- name: add_evaluation$
INSERT INTO evaluations (session_id, evaluated_by, score)
VALUES (:session_id, :evaluated_by, :score) RETURNING id;
