-- name: links
-- The links behind one side of a figure, the newest first, each with what it adds to it.
WITH l AS (
    SELECT l.*, CASE :what
        WHEN 'due' THEN 1
        WHEN 'valid' THEN CASE WHEN valid THEN 1 END
        WHEN 'pupil_times' THEN CASE WHEN valid THEN coalesce(present, 0) END
        WHEN 'present' THEN CASE WHEN expected IS NOT NULL OR seconds > 0
                            THEN coalesce(present, 0) END
        WHEN 'expected' THEN CASE WHEN expected IS NOT NULL OR seconds > 0
                             THEN coalesce(expected, 0) END
        WHEN 'interactive' THEN CASE WHEN mode = 'interactive' AND lasted THEN 1 END
        WHEN 'responded' THEN CASE WHEN mode = 'interactive' AND lasted AND took_floor THEN 1 END
        WHEN 'started' THEN CASE WHEN seconds > 0 THEN 1 END
        WHEN 'interrupted' THEN CASE WHEN seconds > 0 AND interruptions > 0 THEN 1 END
        WHEN 'makeups_required' THEN CASE WHEN makeup_due_on < :day THEN 1 END
        WHEN 'makeups_in_time' THEN CASE WHEN makeup_due_on < :day
                                    AND made_up_on <= makeup_due_on THEN 1 END
        WHEN 'measured' THEN CASE WHEN delay_p95_ms IS NOT NULL THEN 1 END
        WHEN 'within_limits' THEN CASE WHEN delay_p95_ms <= :delay_limit
                                  AND loss_p95 <= :loss_limit THEN 1 END
        END AS amount
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND link_key(:dimension, l) = :key)
SELECT * FROM l
WHERE amount IS NOT NULL
  AND (CAST(:before AS timestamptz) IS NULL
       OR (starts_at, participant_id) < (:before, CAST(:before_id AS uuid)))
ORDER BY starts_at DESC, participant_id DESC
LIMIT :count;

-- name: lessons
-- Sessions with a valid link, the newest first; `evaluated`: only those.
WITH s AS (
    SELECT DISTINCT ON (session_id) session_id, participant_id, starts_at, ends_at, subject,
           lead_room_id, lead_teacher_id, hub_code
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND l.valid AND link_key(:dimension, l) = :key AND (l.evaluated OR NOT :evaluated)
    ORDER BY session_id, participant_id)
SELECT * FROM s
WHERE CAST(:before AS timestamptz) IS NULL
   OR (starts_at, session_id) < (:before, CAST(:before_id AS uuid))
ORDER BY starts_at DESC, session_id DESC
LIMIT :count;

-- name: reached
-- What valid links reached of a kind, each with its newest link and its largest head count.
WITH l AS (
    SELECT l.* FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND l.valid AND link_key(:dimension, l) = :key),
each AS (
    SELECT CASE :kind
           WHEN 'school' THEN school_code
           WHEN 'room' THEN room_id
           WHEN 'class' THEN class_id
           WHEN 'subject_grade' THEN school_code || '/' || subject || '/' || grade
           WHEN 'school_week' THEN school_code || '/' || day_key('week', on_day)
           WHEN 'lead' THEN lead_teacher_id
           WHEN 'assistant' THEN assistant_id END AS id,
           l.*
    FROM l
    UNION ALL SELECT lead_room_id, l.* FROM l WHERE :kind = 'room')
SELECT DISTINCT ON (id) id, max(present) OVER (PARTITION BY id) AS most, participant_id,
       session_id, starts_at, ends_at, school_code, class_id
FROM each WHERE id IS NOT NULL
ORDER BY id, starts_at DESC, participant_id DESC;

-- name: meetings
-- Research meetings held, and who attended them, the newest first.
SELECT r.* FROM research_as_of(:as_of, :since, :until) r
WHERE research_key(:dimension, r) = :key
ORDER BY r.starts_at DESC, r.session_id, r.teacher_id, r.participant_id;

-- name: pushed
-- Classes that packages were sent to, the newest first.
SELECT * FROM (
    SELECT push_id, class_id, school_code, sent_on, source_session_participant,
           fetched_known <= :as_of AS fetched, opened_known <= :as_of AS opened,
           watched_known <= :as_of AS watched
    FROM push_facts_as_of(:as_of)
    WHERE sent_on BETWEEN :since AND :until
      AND CASE :dimension WHEN 'city' THEN '' WHEN 'school' THEN school_code
          WHEN 'mode' THEN 'push' END = :key) p
ORDER BY sent_on DESC, push_id, class_id;
