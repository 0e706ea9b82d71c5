-- name: add!
INSERT INTO webhook_messages (kind, body, made_at, next_at) VALUES (:kind, :body, :now, :now);

-- name: claim
-- Messages that are due, each taken by one sender: it is due again after a pause that doubles.
UPDATE webhook_messages w
SET attempts = attempts + 1,
    next_at = :now + least(interval '5 minutes', interval '1 second' * power(2, least(attempts, 12)))
FROM (SELECT id FROM webhook_messages WHERE next_at <= :now ORDER BY made_at, id LIMIT :most
      FOR UPDATE SKIP LOCKED) d
WHERE w.id = d.id
RETURNING w.id, w.kind, w.body, w.made_at, w.attempts;

-- name: delivered!
UPDATE webhook_messages SET delivered_at = :now, next_at = NULL, problem = '' WHERE id = :id;

-- name: failed!
UPDATE webhook_messages
SET problem = :problem, next_at = CASE WHEN :give_up THEN NULL ELSE next_at END
WHERE id = :id AND delivered_at IS NULL;

-- name: state^
SELECT count(*) FILTER (WHERE next_at IS NOT NULL) AS waiting,
       count(*) FILTER (WHERE next_at IS NULL AND delivered_at IS NULL) AS given_up,
       max(delivered_at) AS last_delivered_at,
       (SELECT problem FROM webhook_messages WHERE problem <> '' AND next_at IS NOT NULL
        ORDER BY made_at DESC, id LIMIT 1) AS problem
FROM webhook_messages WHERE made_at > :since;
