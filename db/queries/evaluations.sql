-- name: add_evaluation$
INSERT INTO evaluations (session_id, evaluated_by, score, observation_id)
VALUES (:session_id, :evaluated_by, :score, CAST(:observation_id AS uuid)) RETURNING id;
