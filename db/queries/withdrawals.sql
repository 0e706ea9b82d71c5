-- name: withdrawn
SELECT holder, at FROM withdrawn_holders WHERE at > :since;

-- name: add_media_token$
INSERT INTO media_tokens (session_id, participant_id, direction, stream, made_by, made_at, until)
VALUES (:session_id, :participant_id, :direction, :stream, :made_by, :made_at, :until)
RETURNING id;

-- name: media_tokens
-- Those that are good, with the room and the school of each participant.
SELECT t.id, t.session_id, t.participant_id, t.direction, t.stream, t.made_by, t.made_at, t.until,
       p.room_id, coalesce(r.school_code, x.school_code) AS school_code
FROM media_tokens t JOIN participants p ON p.id = t.participant_id
LEFT JOIN rooms r ON r.id = p.room_id LEFT JOIN teachers x ON x.id = p.teacher_id
WHERE t.revoked_at IS NULL AND t.until > :at ORDER BY t.made_at DESC, t.id;

-- name: revoke_media_token$
UPDATE media_tokens SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL RETURNING true;
