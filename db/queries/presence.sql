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
ON CONFLICT (node_id, seq) DO NOTHING;

-- name: slices_of_session
SELECT participant_id, from_at, to_at, sent_decodable, received_decodable, reason
FROM evidence WHERE session_id = :session_id ORDER BY participant_id, from_at, node_id, seq;

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
     delay_p95_ms, loss_p95)
SELECT :participant_id, coalesce(max(revision), 0) + 1, :session_id, :status, :valid, :seconds,
       :planned_seconds, :interruptions, :expected, :present, :took_floor, :cause, :rules_version,
       :makeup_due_on, :made_up_on, :made_up_by, :delay_p95_ms, :loss_p95
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
-- Finished sessions with no attendance yet, or with evidence or head counts newer than it.
SELECT s.id FROM sessions s
WHERE s.state IN ('ended', 'missed', 'cancelled') AND s.ends_at > :since
  AND EXISTS (SELECT FROM participants p WHERE p.session_id = s.id AND p.role = 'receiving')
  AND coalesce((SELECT max(derived_at) FROM attendance a WHERE a.session_id = s.id), '-infinity')
      < greatest(s.closed_at,
                 (SELECT max(e.written_at) FROM evidence e WHERE e.session_id = s.id),
                 (SELECT max(h.counted_at) FROM head_counts h
                  JOIN participants p ON p.id = h.participant_id WHERE p.session_id = s.id))
ORDER BY s.id;
