-- name: invite$
INSERT INTO observer_invitations (session_id, teacher_id, invited_by, invited_at)
VALUES (:session_id, :teacher_id, :invited_by, :at)
ON CONFLICT DO NOTHING RETURNING true;

-- name: withdraw$
DELETE FROM observer_invitations
WHERE session_id = :session_id AND teacher_id = :teacher_id RETURNING true;

-- name: of_session
SELECT i.session_id, i.teacher_id, i.invited_by, i.invited_at FROM observer_invitations i
WHERE i.session_id = :session_id ORDER BY i.invited_at, i.teacher_id;

-- name: sessions_of
SELECT i.session_id FROM observer_invitations i JOIN sessions s ON s.id = i.session_id
WHERE i.teacher_id = :teacher_id AND s.ends_at > :since ORDER BY s.starts_at, s.id;

-- name: invited_to
SELECT session_id FROM observer_invitations
WHERE teacher_id = :teacher_id AND session_id = ANY(CAST(:ids AS uuid[]));
