-- name: add_head_count!
INSERT INTO head_counts (participant_id, expected, present, counted_by, why)
VALUES (:participant_id, :expected, :present, :counted_by, :why);

-- name: head_counts_of_session
SELECT h.participant_id, h.expected, h.present, h.counted_by, h.counted_at, h.why
FROM head_counts h JOIN participants p ON p.id = h.participant_id
WHERE p.session_id = :session_id ORDER BY h.participant_id, h.counted_at, h.id;

-- name: add_interaction!
INSERT INTO interactions (session_id, participant_id, kind)
VALUES (:session_id, :participant_id, :kind);

-- name: interactions_of_session
SELECT participant_id, kind, at FROM interactions WHERE session_id = :session_id ORDER BY at, id;

-- name: add_audit!
INSERT INTO audit (actor, action, object, detail) VALUES (:actor, :action, :object, :detail);
