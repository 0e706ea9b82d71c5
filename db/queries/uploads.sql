-- name: add!
INSERT INTO uploads (id, made_by, teacher_id, hub_code, kind, name, subject, media_type, size, made_at)
VALUES (:id, :made_by, :teacher_id, :hub_code, :kind, :name, :subject, :media_type, :size, :made_at);

-- name: upload^
SELECT * FROM uploads WHERE id = :id;

-- name: ready$
UPDATE uploads SET state = 'ready', digest = :digest, duration_ms = :duration_ms, pages = :pages,
    ready_at = :at
WHERE id = :id AND state = 'receiving' RETURNING true;

-- name: refuse$
UPDATE uploads SET state = 'refused', cause = :cause
WHERE id = :id AND state = 'receiving' RETURNING true;

-- name: delete$
-- What was sent to somebody stays.
UPDATE uploads u SET state = 'deleted'
WHERE u.id = :id AND u.state IN ('receiving', 'ready')
  AND NOT EXISTS (SELECT FROM pushes p WHERE p.upload_id = u.id)
RETURNING true;

-- name: unfinished_of$
SELECT count(*) FROM uploads WHERE teacher_id = :teacher_id AND state = 'receiving';

-- name: abandoned
SELECT id FROM uploads WHERE state = 'receiving' AND made_at < :before;
