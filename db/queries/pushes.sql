-- name: item^
SELECT * FROM push_materials WHERE id = :id;

-- name: items
-- What can be sent, the newest first: a teacher's own, a school's, or everything.
SELECT * FROM push_materials
WHERE (CAST(:teacher_id AS text) IS NULL OR teacher_id = :teacher_id)
  AND (CAST(:hub_code AS text) IS NULL OR hub_code = :hub_code)
ORDER BY made_on DESC, id DESC LIMIT :most;

-- name: add$
INSERT INTO pushes (recording_id, upload_id, rule_id, teacher_id, note, sent_by, sent_at, sent_on,
                    due_on, duration_ms, watched_share, questions)
VALUES (:recording_id, :upload_id, :rule_id, :teacher_id, :note, :sent_by, :sent_at, :sent_on,
        :due_on, :duration_ms, :watched_share, :questions)
RETURNING id;

-- name: add_target*!
INSERT INTO push_targets (push_id, class_id, participant_id)
VALUES (:push_id, :class_id, :participant_id);

-- name: pushes
-- Pushes with what they are of, the newest first: those of a teacher, of a hub, to a room's classes
-- (without what was taken back), or one alone.
SELECT p.id, p.rule_id, p.teacher_id, p.note, p.sent_by, p.sent_at, p.sent_on, p.due_on,
       p.watched_share, p.questions, p.withdrawn_at, p.withdrawn_why,
       coalesce(p.recording_id, p.upload_id) AS item_id,
       CASE WHEN p.upload_id IS NULL THEN 'recording' ELSE 'upload' END AS source,
       coalesce(u.kind, 'lesson') AS kind, coalesce(u.name, r.title) AS title,
       coalesce(u.subject, s.subject) AS subject, coalesce(s.on_day, p.sent_on) AS made_on,
       coalesce(u.media_type, m.media_type, r.mime) AS media_type,
       coalesce(u.size, m.size) AS size,
       CAST(least(p.duration_ms, r.duration_ms) AS integer) AS duration_ms,
       m.storage_key, m.tag,
       (SELECT array_agg(t.class_id ORDER BY t.class_id) FROM push_targets t WHERE t.push_id = p.id) AS class_ids
FROM pushes p
LEFT JOIN uploads u ON u.id = p.upload_id
LEFT JOIN recordings r ON r.id = p.recording_id
LEFT JOIN sessions s ON s.id = r.session_id
LEFT JOIN push_materials m ON m.id = coalesce(p.recording_id, p.upload_id)
LEFT JOIN teachers o ON o.id = p.teacher_id
WHERE (CAST(:id AS uuid) IS NULL OR p.id = :id)
  AND (CAST(:teacher_id AS text) IS NULL OR p.teacher_id = :teacher_id)
  AND (CAST(:hub_code AS text) IS NULL OR o.school_code = :hub_code)
  AND (CAST(:room_id AS text) IS NULL OR p.withdrawn_at IS NULL AND EXISTS (
        SELECT FROM push_targets t JOIN room_classes c ON c.class_id = t.class_id
        WHERE t.push_id = p.id AND c.room_id = :room_id))
ORDER BY p.sent_at DESC, p.id DESC LIMIT :most;

-- name: files_of
SELECT p.id AS push_id, f.* FROM pushes p JOIN push_parts f ON f.recording_id = p.recording_id
WHERE p.id = ANY(CAST(:push_ids AS uuid[])) ORDER BY p.id, f.track, f.starts_ms, f.number;

-- name: change$
UPDATE pushes SET note = :note, due_on = :due_on
WHERE id = :id AND withdrawn_at IS NULL RETURNING true;

-- name: withdraw$
UPDATE pushes SET withdrawn_at = :at, withdrawn_by = :by, withdrawn_why = :why
WHERE id = :id AND withdrawn_at IS NULL RETURNING true;

-- name: targets_of_room
-- Each push to a class that uses a room, with its class.
SELECT t.push_id, t.class_id, p.sent_at, p.questions FROM push_targets t
JOIN pushes p ON p.id = t.push_id
JOIN room_classes c ON c.class_id = t.class_id WHERE c.room_id = :room_id;

-- name: add_receipt$
INSERT INTO receipts (id, push_id, class_id, kind, at, played, note, understood, answers, actor,
                      received_at)
VALUES (:id, :push_id, :class_id, :kind, :at, :played, :note, :understood, :answers, :actor,
        :received_at)
ON CONFLICT (id) DO NOTHING RETURNING true;

-- name: receipts_of
SELECT id, push_id, class_id, kind, at, played, note, understood, answers FROM receipts
WHERE push_id = ANY(CAST(:push_ids AS uuid[])) ORDER BY at, id;

-- name: rules
SELECT * FROM push_rules WHERE ended_at IS NULL ORDER BY made_at, id;

-- name: rules_locked
-- Whoever sends by rule holds them, so that two do not send the same.
SELECT * FROM push_rules WHERE ended_at IS NULL ORDER BY made_at, id FOR UPDATE;

-- name: add_rule$
INSERT INTO push_rules (kind, subject, grades, weekday, school_days, since, made_by)
VALUES (:kind, :subject, CAST(:grades AS smallint[]), :weekday, :school_days, :since, :made_by)
RETURNING id;

-- name: end_rule$
UPDATE push_rules SET ended_at = :at WHERE id = :id AND ended_at IS NULL RETURNING true;

-- name: materials
-- What can be sent by rule, with the classes that took part in a recording's lesson.
SELECT m.id, m.subject, m.made_on, m.hub_code, m.session_id, m.shared,
       (SELECT coalesce(array_agg(p.class_id), '{}') FROM participants p
        WHERE p.session_id = m.session_id AND p.class_id IS NOT NULL) AS had_by
FROM push_materials m ORDER BY m.made_on, m.id;

-- name: missed
-- Links of lessons with a recording that can be sent, whose class was there for less than a share.
SELECT p.id AS participant_id, p.session_id, p.class_id,
       a.seconds / CAST(a.planned_seconds AS double precision) AS share
FROM push_materials m
JOIN participants p ON p.session_id = m.session_id AND p.role = 'receiving'
JOIN LATERAL (SELECT * FROM attendance n WHERE n.participant_id = p.id
              ORDER BY n.revision DESC LIMIT 1) a ON true
WHERE a.status IN ('absent', 'partial') AND a.seconds < CAST(:share AS double precision) * a.planned_seconds
ORDER BY p.id;

-- name: target_classes
SELECT c.id, c.grade, s.hub_code FROM class_groups c JOIN schools s ON s.code = c.school_code
WHERE s.role = 'receiving' ORDER BY c.id;

-- name: sent_pairs
SELECT DISTINCT coalesce(p.recording_id, p.upload_id) AS item_id, t.class_id
FROM pushes p JOIN push_targets t ON t.push_id = p.id;

-- name: last_weekly
SELECT p.rule_id, t.class_id, max(p.sent_on) AS sent_on
FROM pushes p JOIN push_targets t ON t.push_id = p.id JOIN push_rules r ON r.id = p.rule_id
WHERE r.kind = 'weekly' AND r.ended_at IS NULL GROUP BY p.rule_id, t.class_id;
