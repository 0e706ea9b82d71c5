-- name: add$
INSERT INTO digests (zone, day, made_at, content) VALUES (:zone, :day, :made_at, :content)
ON CONFLICT (zone, day) DO NOTHING RETURNING true;

-- name: digest^
SELECT zone, day, made_at, content FROM digests WHERE day = :day ORDER BY zone LIMIT 1;

-- name: since
SELECT zone, day FROM digests WHERE day >= :day ORDER BY zone, day;

-- name: days
SELECT DISTINCT day FROM digests ORDER BY day DESC LIMIT :most;
