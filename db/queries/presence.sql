-- name: add_evidence!
INSERT INTO evidence
    (node_id, seq, session_id, participant_id, from_at, to_at, sent_decodable, received_decodable,
     packets_in, bytes_in, packets_out, bytes_out, lost_in, lost_out, jitter_ms, rtt_ms, reason)
SELECT :node_id, r.*
FROM unnest(CAST(:seqs AS bigint[]), CAST(:sessions AS uuid[]), CAST(:participants AS uuid[]),
            CAST(:from_ats AS timestamptz[]), CAST(:to_ats AS timestamptz[]),
            CAST(:sents AS boolean[]), CAST(:receiveds AS boolean[]),
            CAST(:packets_in AS bigint[]), CAST(:bytes_in AS bigint[]),
            CAST(:packets_out AS bigint[]), CAST(:bytes_out AS bigint[]),
            CAST(:lost_in AS bigint[]), CAST(:lost_out AS bigint[]),
            CAST(:jitters AS real[]), CAST(:rtts AS real[]), CAST(:reasons AS text[])) AS r
ON CONFLICT (node_id, seq, from_at) DO NOTHING;

-- name: slices_of_session
-- Evidence of a session, a day around it: what a node with a wrong clock says is not of it.
SELECT e.participant_id, e.from_at, e.to_at, e.sent_decodable, e.received_decodable, e.reason,
       CAST(e.rtt_ms AS double precision) / 2 AS delay_ms,
       greatest(least(1, e.lost_in / nullif(CAST(e.packets_in + e.lost_in AS double precision), 0)),
                least(1, e.lost_out / nullif(CAST(e.packets_out AS double precision), 0))) AS loss
FROM sessions s
JOIN participants p ON p.session_id = s.id
JOIN evidence e ON e.participant_id = p.id
    AND e.from_at BETWEEN s.starts_at - interval '1 day' AND s.ends_at + interval '1 day'
WHERE s.id = :session_id
ORDER BY e.participant_id, e.from_at, e.node_id, e.seq;

-- name: evidence_between
SELECT node_id, seq, session_id, participant_id, from_at, to_at, sent_decodable,
       received_decodable, packets_in, bytes_in, packets_out, bytes_out, lost_in, lost_out,
       jitter_ms, rtt_ms, reason
FROM evidence
WHERE participant_id = :participant_id AND from_at < :until AND to_at > :since
ORDER BY from_at, node_id, seq;

-- name: add_attendance$
INSERT INTO attendance
    (participant_id, revision, session_id, status, valid, seconds, planned_seconds, interruptions,
     expected, present, took_floor, cause, rules_version, makeup_due_on, made_up_on, made_up_by,
     delay_p95_ms, loss_p95, evidence_seen, counts_seen)
SELECT :participant_id, coalesce(max(revision), 0) + 1, :session_id, :status, :valid, :seconds,
       :planned_seconds, :interruptions, :expected, :present, :took_floor, :cause, :rules_version,
       :makeup_due_on, :made_up_on, :made_up_by, :delay_p95_ms, :loss_p95,
       :evidence_seen, :counts_seen
FROM attendance WHERE participant_id = :participant_id
RETURNING revision;

-- name: add_interval!
INSERT INTO presence (participant_id, revision, from_at, to_at, reason)
VALUES (:participant_id, :revision, :from_at, :to_at, :reason);

-- name: attendance_of_session
SELECT DISTINCT ON (participant_id) *
FROM attendance WHERE session_id = :session_id ORDER BY participant_id, revision DESC;

-- name: attendance_of^
SELECT * FROM attendance WHERE participant_id = :participant_id ORDER BY revision DESC LIMIT 1;

-- name: intervals_of
SELECT from_at, to_at, reason FROM presence
WHERE participant_id = :participant_id AND revision = :revision ORDER BY from_at;

-- name: stale_sessions
-- Sessions that ended in (since, until] and whose attendance is missing or stale.
SELECT id FROM sessions
WHERE ends_at > :since AND ends_at <= :until AND attendance_is_stale(sessions) ORDER BY id;

-- name: newly_stale_sessions
-- The same of sessions that ended after `since`, where something was written after `changed_since`.
WITH changed AS MATERIALIZED (
    SELECT * FROM sessions WHERE ends_at > :since AND id IN (
        SELECT id FROM sessions WHERE closed_at >= :changed_since
        UNION SELECT session_id FROM evidence WHERE written_at >= :changed_since
        UNION SELECT p.session_id FROM head_counts h JOIN participants p ON p.id = h.participant_id
              WHERE h.counted_at >= :changed_since
        UNION SELECT p.session_id FROM push_facts f
              JOIN participants p ON p.id = f.source_session_participant
              WHERE f.watched_known >= :changed_since))
SELECT s.id FROM sessions s JOIN changed USING (id) WHERE attendance_is_stale(s) ORDER BY s.id;

-- name: hold_session!
-- One derivation of a session at a time.
SELECT FROM sessions WHERE id = :session_id FOR NO KEY UPDATE;

-- name: made_up_for
-- Sessions whose links those of a session make up for, and the ones that those make up for, each
-- after all that make up for it.
WITH RECURSIVE up AS (
    SELECT o.session_id, o.makes_up_id, 1 AS steps
    FROM participants p JOIN participants o ON o.id = p.makes_up_id
    WHERE p.session_id = :session_id
    UNION ALL
    SELECT o.session_id, o.makes_up_id, up.steps + 1
    FROM up JOIN participants o ON o.id = up.makes_up_id)
SELECT session_id FROM up GROUP BY session_id ORDER BY max(steps), session_id;

-- name: makeups
-- What was given in place of a session's links: valid links that make up for them, by the day they
-- were held or were made up for themselves, and recordings pushed to the class and watched, by the
-- day in a zone.
SELECT p.id AS participant_id, coalesce(made.made_up_on, s.on_day) AS on_day, o.id AS by,
       made.expected, made.present
FROM participants p
JOIN participants n ON n.makes_up_id = p.id
JOIN LATERAL standing_in(n) o ON true
JOIN sessions s ON s.id = o.session_id
JOIN LATERAL (SELECT * FROM attendance n WHERE n.participant_id = o.id
              ORDER BY n.revision DESC LIMIT 1) made ON made.valid
WHERE p.session_id = :session_id AND p.role = 'receiving'
UNION ALL
SELECT p.id, CAST(f.watched AT TIME ZONE CAST(:zone AS text) AS date), f.push_id, NULL, NULL
FROM participants p
JOIN push_facts f ON f.source_session_participant = p.id AND f.class_id = p.class_id
WHERE p.session_id = :session_id AND p.role = 'receiving' AND f.watched IS NOT NULL
ORDER BY participant_id, on_day, by;
