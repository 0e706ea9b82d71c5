-- name: seats
-- Rooms of the lessons that should be live, and until when each sent and was reached.
SELECT s.id AS session_id, p.id AS participant_id, p.room_id, p.role, r.kind, s.interactive,
       s.starts_at, s.ends_at,
       (SELECT max(e.to_at) FROM evidence e
        WHERE e.participant_id = p.id AND e.from_at > s.starts_at - interval '1 hour'
          AND e.sent_decodable) AS sent_until,
       (SELECT max(e.to_at) FROM evidence e
        WHERE e.participant_id = p.id AND e.from_at > s.starts_at - interval '1 hour'
          AND e.received_decodable) AS received_until,
       CASE WHEN p.role = 'lead' THEN
           (SELECT max(e.from_at) FILTER (WHERE e.before IS NULL
                                             OR e.from_at - e.before > interval '10 seconds')
            FROM (SELECT from_at, lag(to_at) OVER (ORDER BY from_at, to_at) AS before
                  FROM evidence
                  WHERE participant_id = p.id AND from_at > s.starts_at - interval '1 hour'
                    AND sent_decodable) e)
       END AS sent_since
FROM sessions s JOIN participants p ON p.session_id = s.id JOIN rooms r ON r.id = p.room_id
WHERE s.state IN ('open', 'live') AND s.starts_at <= :now AND s.ends_at > :now
  AND p.role IN ('lead', 'receiving')
ORDER BY s.starts_at, s.id, p.room_id;

-- name: open^
-- Nothing where the alert stands already.
INSERT INTO alerts (session_id, participant_id, room_id, dark_since, opened_at)
VALUES (:session_id, :participant_id, :room_id, :dark_since, :now)
ON CONFLICT (session_id, room_id) DO UPDATE
SET participant_id = excluded.participant_id, dark_since = excluded.dark_since,
    opened_at = excluded.opened_at, closed_at = NULL, closed_why = NULL, times = alerts.times + 1
WHERE alerts.closed_at IS NOT NULL
RETURNING *;

-- name: close^
UPDATE alerts SET closed_at = :now, closed_why = :why
WHERE session_id = :session_id AND room_id = :room_id AND closed_at IS NULL
RETURNING *;

-- name: standing
SELECT * FROM alerts WHERE closed_at IS NULL ORDER BY opened_at, id;

-- name: since
-- Those that stand, and those closed since a date, newest first.
SELECT a.*, s.subject, s.starts_at
FROM alerts a JOIN sessions s ON s.id = a.session_id
WHERE a.closed_at IS NULL OR a.closed_at > :since
ORDER BY a.closed_at IS NOT NULL, a.opened_at DESC, a.id LIMIT :most;

-- name: of_day
SELECT a.session_id, a.room_id, a.dark_since, a.closed_at, a.times
FROM alerts a JOIN sessions s ON s.id = a.session_id WHERE s.on_day = :day
ORDER BY a.dark_since, a.room_id;

-- name: links
-- Links of lessons of a day, and those since a date that are still to be made up, each with its
-- newest attendance. A make-up of a lesson that calendar or bureau excused is owed by itself.
SELECT s.id AS session_id, p.id AS participant_id, s.on_day, s.subject, p.room_id, p.class_id,
       a.status, a.cause, a.makeup_due_on, a.made_up_on,
       p.makes_up_id IS NOT NULL
           AND EXISTS (SELECT FROM made_up_for(p) m WHERE NOT is_excused(m, 'infinity')) AS makeup
FROM sessions s JOIN participants p ON p.session_id = s.id
LEFT JOIN LATERAL (SELECT * FROM attendance n WHERE n.participant_id = p.id
                   ORDER BY n.revision DESC LIMIT 1) a ON true
WHERE s.kind = 'live_lesson' AND p.role = 'receiving' AND s.on_day BETWEEN :since AND :day
  AND (s.on_day = :day OR (a.makeup_due_on IS NOT NULL AND a.made_up_on IS NULL))
ORDER BY s.on_day, s.starts_at, p.room_id;
