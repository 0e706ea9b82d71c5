-- name: links_between
-- One row per link (session x receiving room) of live lessons in a period, with what became of it.
SELECT p.id AS participant_id, s.id AS session_id, s.on_day, s.starts_at, s.ends_at, s.state,
       s.cancel_cause, s.interactive, s.subject, p.room_id, p.class_id, p.teacher_id,
       r.school_code, lead.room_id AS lead_room_id, lead.teacher_id AS lead_teacher_id,
       lr.school_code AS hub_code, c.enrolment,
       a.status, a.valid, a.seconds, a.planned_seconds, a.interruptions, a.expected, a.present,
       a.took_floor, a.cause, a.rules_version
FROM sessions s
JOIN participants p ON p.session_id = s.id AND p.role = 'receiving'
JOIN rooms r ON r.id = p.room_id
JOIN class_groups c ON c.id = p.class_id
JOIN participants lead ON lead.session_id = s.id AND lead.role = 'lead'
JOIN rooms lr ON lr.id = lead.room_id
LEFT JOIN LATERAL (
    SELECT * FROM attendance WHERE participant_id = p.id AND derived_at <= :as_of
    ORDER BY revision DESC LIMIT 1) a ON true
WHERE s.kind = 'live_lesson' AND s.on_day BETWEEN :since AND :until
ORDER BY s.starts_at, s.id, p.room_id;
