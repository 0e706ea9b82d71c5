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
-- What was sent to somebody stays, unless all of it was taken back.
UPDATE uploads u SET state = 'deleted'
WHERE u.id = :id AND u.state IN ('receiving', 'ready')
  AND NOT EXISTS (SELECT FROM pushes p
                  WHERE p.upload_id = u.id AND p.withdrawn_at IS NULL)
RETURNING true;

-- name: unfinished_of$
SELECT count(*) FROM uploads WHERE teacher_id = :teacher_id AND state = 'receiving';

-- name: abandoned
SELECT id FROM uploads WHERE state = 'receiving' AND made_at < :before;

-- name: expire
-- The school year in which they were made is over: its last term that ends before August, or a year
-- where no such term is known.
UPDATE uploads u SET state = 'deleted'
WHERE u.state = 'ready' AND :today > coalesce(
    (SELECT max(t.ends_on) FROM terms t
     WHERE t.ends_on >= CAST(u.made_at AS date) AND t.ends_on < make_date(
         CAST(extract(year FROM u.made_at)
              + CASE WHEN extract(month FROM u.made_at) >= 8 THEN 1 ELSE 0 END AS integer), 8, 1)),
    CAST(u.made_at AS date) + 365)
RETURNING u.id;
