-- name: ask!
INSERT INTO acceptance_tests (id, room_id, asked_by, asked_at, node_id)
VALUES (:id, :room_id, :asked_by, :asked_at, :node_id);

-- name: test^
SELECT t.id, t.room_id, t.asked_by, t.asked_at, t.node_id, b.begun_at, r.finished_at, r.passed,
       r.certificate, r.signature, r.key_id
FROM acceptance_tests t LEFT JOIN acceptance_begun b ON b.test_id = t.id
LEFT JOIN acceptance_results r ON r.test_id = t.id
WHERE t.id = :id;

-- name: tests_of_room
-- Newest first.
SELECT t.id, t.room_id, t.asked_by, t.asked_at, t.node_id, b.begun_at, r.finished_at, r.passed,
       r.certificate, r.signature, r.key_id
FROM acceptance_tests t LEFT JOIN acceptance_begun b ON b.test_id = t.id
LEFT JOIN acceptance_results r ON r.test_id = t.id
WHERE t.room_id = :room_id ORDER BY t.asked_at DESC, t.id LIMIT :most;

-- name: waiting^
-- The newest test of a room that was asked for since a date and that its screen has not taken up.
SELECT t.id, t.room_id, t.asked_by, t.asked_at, t.node_id, b.begun_at, r.finished_at, r.passed,
       r.certificate, r.signature, r.key_id
FROM acceptance_tests t LEFT JOIN acceptance_begun b ON b.test_id = t.id
LEFT JOIN acceptance_results r ON r.test_id = t.id
WHERE t.room_id = :room_id AND t.asked_at > :since AND b.test_id IS NULL
ORDER BY t.asked_at DESC, t.id LIMIT 1;

-- name: begin$
INSERT INTO acceptance_begun (test_id, begun_at, begun_by) VALUES (:test_id, :begun_at, :begun_by)
ON CONFLICT (test_id) DO NOTHING RETURNING true;

-- name: transfer_count$
SELECT count(*) FROM acceptance_transfers WHERE test_id = :test_id;

-- name: add_transfer!
INSERT INTO acceptance_transfers (test_id, direction, bytes, from_at, to_at)
VALUES (:test_id, :direction, :bytes, :from_at, :to_at);

-- name: transfers
SELECT direction, bytes, from_at, to_at
FROM acceptance_transfers WHERE test_id = :test_id ORDER BY id;

-- name: add_evidence!
INSERT INTO acceptance_evidence
    (node_id, seq, test_id, participant_id, from_at, to_at, sent_decodable, received_decodable,
     packets_in, packets_out, lost_in, lost_out, jitter_ms, rtt_ms)
SELECT :node_id, r.*
FROM unnest(CAST(:seqs AS bigint[]), CAST(:tests AS uuid[]), CAST(:participants AS uuid[]),
            CAST(:from_ats AS timestamptz[]), CAST(:to_ats AS timestamptz[]),
            CAST(:sents AS boolean[]), CAST(:receiveds AS boolean[]),
            CAST(:packets_in AS bigint[]), CAST(:packets_out AS bigint[]),
            CAST(:lost_in AS bigint[]), CAST(:lost_out AS bigint[]),
            CAST(:jitters AS real[]), CAST(:rtts AS real[])) AS r
ON CONFLICT (node_id, seq) DO NOTHING;

-- name: evidence
SELECT participant_id, from_at, to_at, sent_decodable, received_decodable, packets_in, packets_out,
       lost_in, lost_out, jitter_ms, rtt_ms
FROM acceptance_evidence WHERE test_id = :test_id ORDER BY from_at, node_id, seq;

-- name: finish$
INSERT INTO acceptance_results (test_id, finished_at, passed, certificate, signature, key_id)
VALUES (:test_id, :finished_at, :passed, :certificate, :signature, :key_id)
ON CONFLICT (test_id) DO NOTHING RETURNING true;
