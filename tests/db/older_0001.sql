-- What a school had in the first schema: a hub, two receiving schools, a term of which a week was
-- held. Every table has a row. $PASSWORD is a hash.

INSERT INTO schools (code, name, short_name, role, hub_code, uplink_mbit) VALUES
    ('2132000001', '第一小学', '一小', 'hub', NULL, 100),
    ('2132000002', '新城小学', '新城', 'receiving', '2132000001', 20),
    ('2132000003', '向阳小学', '向阳', 'receiving', '2132000001', 20);
INSERT INTO rooms (id, school_code, name, kind, phase, status, installed_on, accepted_on) VALUES
    ('H-R1', '2132000001', '主讲教室', 'lead', 1, 'accepted', '2020-11-01', '2020-12-01'),
    ('F-R1', '2132000002', '互动教室', 'interactive', 1, 'accepted', '2020-11-01', '2020-12-01'),
    ('N-R1', '2132000003', '互动教室', 'interactive', 1, 'accepted', '2020-11-01', '2020-12-01'),
    ('N-R2', '2132000003', '云端教室', 'cloud', 2, 'installed', '2024-06-01', NULL);
INSERT INTO room_targets VALUES ('2020-12-31', 16, 'plan'), ('2022-12-31', 48, 'plan');
INSERT INTO subjects VALUES ('music', '音乐', 'Music'), ('art', '美术', 'Art');
INSERT INTO teachers (id, school_code, name, role, subjects) VALUES
    ('H-T1', '2132000001', '王老师', 'lead', '{music}'),
    ('H-T2', '2132000001', '赵老师', 'lead', '{art}'),
    ('F-T1', '2132000002', '李老师', 'assistant', '{}'),
    ('N-T1', '2132000003', '周老师', 'assistant', '{}');
INSERT INTO class_groups (id, school_code, name, grade, enrolment) VALUES
    ('F-301', '2132000002', '三(1)班', 3, 42),
    ('N-301', '2132000003', '三(1)班', 3, 38);

INSERT INTO terms (id, name, week1_monday, starts_on, ends_on) VALUES
    ('2024a', '2024 学年第一学期', '2024-09-02', '2024-09-02', '2025-01-17');
INSERT INTO calendar_days (term_id, day, kind, acts_as, note) VALUES
    ('2024a', '2024-10-01', 'holiday', NULL, '国庆节'),
    ('2024a', '2024-10-12', 'makeup', '2024-10-07', '调休');
INSERT INTO bell_periods (school_code, valid_from, period, starts, ends)
SELECT code, '2024-09-02', period, starts, starts + interval '40 minutes'
FROM schools, (VALUES (1, time '08:30'), (2, time '09:25'), (3, time '10:35')) AS p (period, starts);
INSERT INTO demands (term_id, class_id, subject, lessons_per_week, weeks) VALUES
    ('2024a', 'F-301', 'music', 1, 'all'), ('2024a', 'N-301', 'music', 1, 'odd');
INSERT INTO busy_times (term_id, teacher_id, class_id, weekday, period, reason) VALUES
    ('2024a', 'F-T1', NULL, 2, 1, '值班'), ('2024a', NULL, 'N-301', 3, 2, '体检');

-- A version that ended, the one that holds, and a draft.
INSERT INTO timetable_versions (id, term_id, number) VALUES
    ('00000000-0000-7000-8000-000000000001', '2024a', 1),
    ('00000000-0000-7000-8000-000000000002', '2024a', 2),
    ('00000000-0000-7000-8000-000000000003', '2024a', 3);
INSERT INTO lessons (id, version_id, weekday, period, subject, lead_teacher_id, lead_room_id)
SELECT CAST('00000000-0000-7000-8000-0000000001' || v || w AS uuid),
       CAST('00000000-0000-7000-8000-00000000000' || v AS uuid), w, 1, 'music', 'H-T1', 'H-R1'
FROM generate_series(1, 3) v, generate_series(1, 2) w;
INSERT INTO lesson_receivers (lesson_id, room_id, class_id, assistant_id)
SELECT id, r, c, t FROM lessons,
    (VALUES ('F-R1', 'F-301', 'F-T1'), ('N-R1', 'N-301', 'N-T1')) AS x (r, c, t);
UPDATE timetable_versions
SET state = 'superseded', valid_from = '2024-09-02', valid_until = '2024-09-08', published_at = '2024-08-30 08:00Z'
WHERE number = 1;
UPDATE timetable_versions
SET state = 'published', valid_from = '2024-09-09', published_at = '2024-09-06 08:00Z' WHERE number = 2;

INSERT INTO media_nodes (id, host, http_url, udp_port, lease_until) VALUES
    ('00000000-0000-7000-8000-0000000000a0', 'media-1', 'http://127.0.0.1:1', 8189, '2024-09-13');

-- Monday's lesson was held: the far school's class was there throughout, the near one's for half an
-- hour. Tuesday's was cancelled by the school.
INSERT INTO sessions (id, kind, lesson_id, on_day, subject, starts_at, ends_at, state, cancel_cause,
                      opened_at, live_at, closed_at, node_id) VALUES
    ('00000000-0000-7000-8000-000000000201', 'live_lesson', '00000000-0000-7000-8000-000000000121',
     '2024-09-09', 'music', '2024-09-09 00:30Z', '2024-09-09 01:10Z', 'ended', NULL,
     '2024-09-09 00:20Z', '2024-09-09 00:30Z', '2024-09-09 01:10Z', '00000000-0000-7000-8000-0000000000a0'),
    ('00000000-0000-7000-8000-000000000202', 'live_lesson', '00000000-0000-7000-8000-000000000122',
     '2024-09-10', 'music', '2024-09-10 00:30Z', '2024-09-10 01:10Z', 'cancelled', 'school',
     NULL, NULL, '2024-09-10 00:00Z', NULL),
    ('00000000-0000-7000-8000-000000000203', 'research', NULL,
     '2024-09-11', NULL, '2024-09-11 06:00Z', '2024-09-11 07:00Z', 'ended', NULL,
     '2024-09-11 05:50Z', '2024-09-11 06:00Z', '2024-09-11 07:00Z', NULL);
INSERT INTO participants (id, session_id, role, room_id, class_id, teacher_id) VALUES
    ('00000000-0000-7000-8000-000000000301', '00000000-0000-7000-8000-000000000201', 'lead', 'H-R1', NULL, 'H-T1'),
    ('00000000-0000-7000-8000-000000000302', '00000000-0000-7000-8000-000000000201', 'receiving', 'F-R1', 'F-301', 'F-T1'),
    ('00000000-0000-7000-8000-000000000303', '00000000-0000-7000-8000-000000000201', 'receiving', 'N-R1', 'N-301', 'N-T1'),
    ('00000000-0000-7000-8000-000000000304', '00000000-0000-7000-8000-000000000202', 'lead', 'H-R1', NULL, 'H-T1'),
    ('00000000-0000-7000-8000-000000000305', '00000000-0000-7000-8000-000000000202', 'receiving', 'F-R1', 'F-301', 'F-T1'),
    ('00000000-0000-7000-8000-000000000306', '00000000-0000-7000-8000-000000000203', 'lead', NULL, NULL, 'H-T1');
UPDATE sessions SET floor_participant_id = '00000000-0000-7000-8000-000000000302'
WHERE id = '00000000-0000-7000-8000-000000000201';

-- Ten seconds a row, as a media node wrote them; the near school's stop after thirty minutes.
INSERT INTO evidence (node_id, seq, session_id, participant_id, from_at, to_at, sent_decodable,
                      received_decodable, packets_in, bytes_in, packets_out, bytes_out, lost_in, lost_out,
                      jitter_ms, rtt_ms, written_at)
SELECT '00000000-0000-7000-8000-0000000000a0', row_number() OVER (), '00000000-0000-7000-8000-000000000201', p.id,
       s.at, s.at + interval '10 seconds', true, true, 3500, 1900000, 3600, 2000000, 1, 2, 3.5, 41, s.at + interval '11 seconds'
FROM (VALUES (1, 240), (2, 240), (3, 180)) AS n (number, slices)
JOIN participants p ON p.id = CAST('00000000-0000-7000-8000-00000000030' || n.number AS uuid),
LATERAL (SELECT timestamptz '2024-09-09 00:30Z' + i * interval '10 seconds' AS at
         FROM generate_series(0, n.slices - 1) i) s;
INSERT INTO head_counts (participant_id, expected, present, counted_by, counted_at, why) VALUES
    ('00000000-0000-7000-8000-000000000302', 42, 40, 'device:f', '2024-09-09 00:40Z', ''),
    ('00000000-0000-7000-8000-000000000302', 42, 41, 'account:li', '2024-09-09 02:00Z', '一人迟到'),
    ('00000000-0000-7000-8000-000000000303', 38, 36, 'device:n', '2024-09-09 00:41Z', '');
INSERT INTO interactions (session_id, participant_id, kind, at)
SELECT session_id, id, kind, '2024-09-09 00:50Z'
FROM participants, unnest(ARRAY['hand_raised', 'floor_given', 'floor_taken']) kind
WHERE id = '00000000-0000-7000-8000-000000000302';
INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds, planned_seconds,
                        interruptions, expected, present, took_floor, cause, rules_version, derived_at)
SELECT p.id, a.revision, p.session_id, a.status, a.valid, a.seconds, 2400, 0, a.expected, a.present,
       a.took_floor, a.cause, '2024-1', a.at
FROM (VALUES (2, 1, 'full', true, 2400, 42, 40, true, NULL, timestamptz '2024-09-09 01:11Z'),
             (2, 2, 'full', true, 2400, 42, 41, true, NULL, '2024-09-09 02:01Z'),
             (3, 1, 'partial', false, 1800, 38, 36, false, 'too_short', '2024-09-09 01:11Z'),
             (5, 1, 'absent', false, 0, NULL, NULL, false, 'school', '2024-09-10 00:01Z'),
             (6, 1, 'full', true, 3600, NULL, NULL, false, NULL, '2024-09-11 07:01Z'))
     AS a (number, revision, status, valid, seconds, expected, present, took_floor, cause, at)
JOIN participants p ON p.id = CAST('00000000-0000-7000-8000-00000000030' || a.number AS uuid);
INSERT INTO presence (participant_id, revision, from_at, to_at, reason)
SELECT participant_id, revision, '2024-09-09 00:30Z',
       timestamptz '2024-09-09 00:30Z' + seconds * interval '1 second', 'ended'
FROM attendance WHERE session_id = '00000000-0000-7000-8000-000000000201';

INSERT INTO accounts (id, login, name, password_hash, role, school_code, teacher_id, failed_sign_ins, locked_until) VALUES
    ('00000000-0000-7000-8000-000000000401', 'admin', '管理员', $PASSWORD, 'admin', NULL, NULL, 0, NULL),
    ('00000000-0000-7000-8000-000000000402', 'bureau', '教育局', $PASSWORD, 'bureau', NULL, NULL, 2, NULL),
    ('00000000-0000-7000-8000-000000000403', 'wang', '王老师', $PASSWORD, 'teacher', '2132000001', 'H-T1', 0, '2024-09-09 00:00Z');
INSERT INTO pairing_codes VALUES ('ABCD2345', 'F-R1', '2024-09-02 00:15Z', '2024-09-02 00:05Z');
INSERT INTO room_devices (id, room_id, paired_at) VALUES
    ('00000000-0000-7000-8000-000000000501', 'F-R1', '2024-09-02 00:05Z');
INSERT INTO web_sessions (token_hash, account_id, device_id, csrf, created_at, seen_at) VALUES
    (sha256('cookie'), '00000000-0000-7000-8000-000000000403', NULL, 'c', '2024-09-09', '2024-09-09'),
    (sha256('screen'), NULL, '00000000-0000-7000-8000-000000000501', 'c', '2024-09-02', '2024-09-12');
INSERT INTO secrets VALUES ('media-tokens', decode(repeat('0a', 32), 'hex'));
INSERT INTO audit (at, actor, action, object, detail)
SELECT timestamptz '2024-09-09 00:00Z' + n * interval '1.000001 seconds', 'account:wang', 'did', '课:' || n,
       jsonb_build_object('n', n, 'share', 0.50, 'say', '"引号" \ ' || chr(127925))
FROM generate_series(1, 50) n;
