-- A session that was closed before its planned beginning takes up nobody and no room any more: it kept the
-- first second of its time, so that no other session could go over it.

CREATE OR REPLACE FUNCTION reserve(p participants) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    s sessions;
    span tstzrange;
BEGIN
    SELECT * INTO STRICT s FROM sessions WHERE id = p.session_id;
    DELETE FROM reservations WHERE participant_id = p.id;
    IF p.role = 'observer' OR s.state IN ('cancelled', 'missed') OR s.closed_at <= s.starts_at THEN
        RETURN;
    END IF;
    span := tstzrange(s.starts_at, s.ends_at);
    IF s.closed_at IS NOT NULL THEN
        span := tstzrange(s.starts_at, least(s.ends_at, s.closed_at));
    ELSIF p.role = 'receiving' AND p.busy_from IS NOT NULL THEN
        span := tstzrange(least(s.starts_at, p.busy_from), greatest(s.ends_at, p.busy_until));
    END IF;
    INSERT INTO reservations
    SELECT p.id, r.kind, r.id, span
    FROM (VALUES ('room', p.room_id), ('teacher', p.teacher_id), ('class', p.class_id)) AS r (kind, id)
    WHERE r.id IS NOT NULL;
END $$;

DELETE FROM reservations r
USING participants p, sessions s
WHERE r.participant_id = p.id AND p.session_id = s.id AND s.closed_at <= s.starts_at;
