-- What a school had added by the schema of 0027: make-ups, recordings, what was sent, acceptance tests.
-- Every table that had come meanwhile has a row.

INSERT INTO exam_weeks VALUES ('2024a', 19);
INSERT INTO declared_needs VALUES ('2132000002', 'music', 3, '2024-09-01', 'account:admin', NULL);
INSERT INTO shift_decisions VALUES
    ('2024a', '2132000002', '2132000001', NULL, 1, true, 'account:admin', '2024-09-03 00:00Z');
INSERT INTO rule_weights VALUES ('00000000-0000-7000-8000-000000000003', 'spread', 5);
INSERT INTO imports (made_by, made_at, name, kind, content) VALUES
    ('00000000-0000-7000-8000-000000000401', '2024-09-01 00:00Z', '课表.xlsx', 'grid', '\x00ff');
INSERT INTO feed_tokens (token_hash, scope, subject_id, locale, made_by, made_at) VALUES
    (sha256('calendar'), 'teacher', 'H-T1', 'zh-CN', '00000000-0000-7000-8000-000000000403', '2024-09-01');
INSERT INTO feed_events (uid, lesson_id, session_id, kind, on_day, subject, starts_at, ends_at,
                         lead_teacher_id, lead_room_id, receivers, cancelled, sequence, created_at, changed_at, who)
SELECT uuidv7(), lesson_id, id, kind, on_day, subject, starts_at, ends_at, 'H-T1', 'H-R1',
       '[["F-R1", "F-301", "F-T1"]]', state = 'cancelled', 1, '2024-09-06', '2024-09-10', '{teacher:H-T1}'
FROM sessions WHERE lesson_id IS NOT NULL;
INSERT INTO password_links (token_hash, account_id, made_at, expires_at) VALUES
    (sha256('link'), '00000000-0000-7000-8000-000000000403', '2024-09-01', '2024-09-02');

-- Tuesday's lesson was made up for on Friday.
INSERT INTO sessions (id, kind, on_day, subject, starts_at, ends_at, state, opened_at, live_at, closed_at, makes_up_id)
VALUES ('00000000-0000-7000-8000-000000000204', 'live_lesson', '2024-09-13', 'music', '2024-09-13 00:30Z',
        '2024-09-13 01:10Z', 'ended', '2024-09-13 00:20Z', '2024-09-13 00:30Z', '2024-09-13 01:10Z',
        '00000000-0000-7000-8000-000000000202');
INSERT INTO participants (id, session_id, role, room_id, class_id, teacher_id) VALUES
    ('00000000-0000-7000-8000-000000000307', '00000000-0000-7000-8000-000000000204', 'lead', 'H-R1', NULL, 'H-T1'),
    ('00000000-0000-7000-8000-000000000308', '00000000-0000-7000-8000-000000000204', 'receiving', 'F-R1', 'F-301', 'F-T1');
INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds, planned_seconds,
                        interruptions, expected, present, took_floor, cause, rules_version, derived_at,
                        makeup_due_on, made_up_on, made_up_by, delay_p95_ms, loss_p95, evidence_seen, counts_seen) VALUES
    ('00000000-0000-7000-8000-000000000308', 1, '00000000-0000-7000-8000-000000000204', 'full', true, 2400, 2400,
     1, 42, 42, true, NULL, '2024-2', '2024-09-13 01:11Z', NULL, NULL, NULL, 35, 0.001, 0, 0),
    ('00000000-0000-7000-8000-000000000305', 2, '00000000-0000-7000-8000-000000000202', 'made_up', true, 0, 2400,
     0, 42, 42, false, 'school', '2024-2', '2024-09-13 01:12Z', '2024-09-24', '2024-09-13',
     '00000000-0000-7000-8000-000000000308', NULL, NULL, 0, 0);
INSERT INTO evaluations (session_id, evaluated_by, evaluated_at, score) VALUES
    ('00000000-0000-7000-8000-000000000201', 'account:bureau', '2024-09-10 00:00Z', 88);

INSERT INTO alerts (session_id, participant_id, room_id, dark_since, opened_at, closed_at, closed_why) VALUES
    ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-000000000303', 'N-R1',
     '2024-09-09 01:00Z', '2024-09-09 01:01Z', '2024-09-09 01:10Z', 'ended');
INSERT INTO webhook_messages (kind, body, made_at, attempts, delivered_at) VALUES
    ('room.dark', '{"room": "N-R1"}', '2024-09-09 01:01Z', 1, '2024-09-09 01:01Z');
INSERT INTO digests VALUES ('Asia/Shanghai', '2024-09-09', '2024-09-09 10:00Z', '{"lessons": 1}');

INSERT INTO acceptance_tests VALUES
    ('00000000-0000-7000-8000-000000000601', 'N-R2', 'account:admin', '2024-06-02 00:00Z', NULL);
INSERT INTO acceptance_begun VALUES ('00000000-0000-7000-8000-000000000601', '2024-06-02 00:01Z', 'device:n');
INSERT INTO acceptance_transfers (test_id, direction, bytes, from_at, to_at) VALUES
    ('00000000-0000-7000-8000-000000000601', 'up', 8000000, '2024-06-02 00:02Z', '2024-06-02 00:03Z');
INSERT INTO acceptance_evidence VALUES
    ('00000000-0000-7000-8000-0000000000a0', 1, '00000000-0000-7000-8000-000000000601', uuidv7(),
     '2024-06-02 00:02Z', '2024-06-02 00:02:01Z', true, true, 300, 300, 0, 0, 2, 40);
INSERT INTO acceptance_results VALUES
    ('00000000-0000-7000-8000-000000000601', '2024-06-02 00:05Z', true, '{}', 'signature', 'key');
SELECT move_room('N-R2', 'accepted', '2024-06-02', '2024-06-02 00:06Z', 'account:admin', '',
                 '00000000-0000-7000-8000-000000000601');

-- A recording of Monday's lesson that is ready, one that failed; a lesson video was uploaded.
INSERT INTO recordings (id, session_id, title, made_by, state, started_at) VALUES
    ('00000000-0000-7000-8000-000000000701', '00000000-0000-7000-8000-000000000201', '茉莉花', 'account:wang', 'recording', '2024-09-09 00:30Z'),
    ('00000000-0000-7000-8000-000000000702', '00000000-0000-7000-8000-000000000204', '', 'system', 'recording', '2024-09-13 00:30Z');
INSERT INTO recording_segments (id, recording_id, node_id, track, started_at, state, bytes, storage_key) VALUES
    (uuidv7(), '00000000-0000-7000-8000-000000000701', '00000000-0000-7000-8000-0000000000a0', 'main', '2024-09-09 00:30:01Z', 'joined', 9, 'a/s1');
UPDATE recordings SET state = 'failed', cause = 'the disk was full', ended_at = '2024-09-13 00:31Z'
WHERE id = '00000000-0000-7000-8000-000000000702';
UPDATE recordings SET state = 'joining', ended_at = '2024-09-09 01:10Z'
WHERE id = '00000000-0000-7000-8000-000000000701';
UPDATE recordings SET state = 'ready', duration_ms = 2400000, bytes = 9, mime = 'video/webm', storage_key = 'a/main.webm'
WHERE id = '00000000-0000-7000-8000-000000000701';
INSERT INTO recording_parts VALUES
    ('00000000-0000-7000-8000-000000000701', 'main', 1, 0, 2400000, 9, 'video/webm', 'a/main.webm');
INSERT INTO recording_chapters VALUES ('00000000-0000-7000-8000-000000000701', 0, 'a/0.jpg');
INSERT INTO uploads (id, made_by, teacher_id, hub_code, kind, name, subject, media_type, size, state,
                     digest, duration_ms, made_at, ready_at) VALUES
    ('00000000-0000-7000-8000-000000000801', '00000000-0000-7000-8000-000000000403', 'H-T1', '2132000001',
     'lesson', '微课', 'music', 'video/mp4', 9, 'ready', sha256('video'), 600000, '2024-09-10', '2024-09-10');

-- The recording was sent to the class that had half of it, which watched nine tenths.
INSERT INTO push_rules (kind, subject, weekday, school_days, since, made_by) VALUES
    ('weekly', 'music', 5, 5, '2024-09-01', 'account:admin');
INSERT INTO pushes (id, recording_id, teacher_id, note, sent_by, sent_at, sent_on, due_on, duration_ms) VALUES
    ('00000000-0000-7000-8000-000000000901', '00000000-0000-7000-8000-000000000701', 'H-T1', '请补看',
     'account:wang', '2024-09-11 00:00Z', '2024-09-11', '2024-09-24', 2400000);
INSERT INTO push_targets VALUES
    ('00000000-0000-7000-8000-000000000901', 'N-301', '00000000-0000-7000-8000-000000000303');
INSERT INTO receipts (id, push_id, class_id, kind, at, played, actor, received_at) VALUES
    (uuidv7(), '00000000-0000-7000-8000-000000000901', 'N-301', 'opened', '2024-09-12 00:00Z', '{}', 'device:n', '2024-09-12 00:00Z'),
    (uuidv7(), '00000000-0000-7000-8000-000000000901', 'N-301', 'played', '2024-09-12 00:40Z', '{[0,2160000)}', 'device:n', '2024-09-12 00:40Z');
INSERT INTO audit (at, actor, action, object, detail) VALUES
    ('2024-09-12', 'account:wang', 'recording_viewed', 'recording:00000000-0000-7000-8000-000000000701', '{}');

SELECT roll_up('2024-09-09', 400, 0.05);
SELECT roll_up_block(block_of('2024-09-09'));
