-- name: drop_old!
DELETE FROM imports WHERE made_at < :before;

-- name: add_import$
INSERT INTO imports (made_by, made_at, name, kind, content)
VALUES (:made_by, :made_at, :name, :kind, :content) RETURNING id;

-- name: import_of^
-- A file of one account, and the draft it became.
SELECT i.id, i.name, i.kind, i.content, i.done_at, i.version_id, v.number
FROM imports i LEFT JOIN timetable_versions v ON v.id = i.version_id
WHERE i.id = :id AND i.made_by = :made_by;

-- name: finish$
UPDATE imports SET done_at = :at, version_id = :version_id
WHERE id = :id AND done_at IS NULL RETURNING true;
