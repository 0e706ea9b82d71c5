-- A made city's past, from a seed: what `classroom-sync bench reports` measures on. Everything is a
-- function of the seed and of running numbers; triggers and constraints that look rows up are off.

-- name: functions#
CREATE FUNCTION pg_temp.rnd(seed bigint, n bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint8extended(n, seed * 1000 + salt) & 2147483647) / 2147483648.0
$$;
CREATE FUNCTION pg_temp.id(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CAST(lpad(to_hex(kind), 8, '0') || lpad(to_hex(n), 24, '0') AS uuid)
$$;
CREATE FUNCTION pg_temp.code(city bigint, school bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '2132' || lpad(CAST(city * 100 + school AS text), 6, '0')
$$;
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';

-- name: presence_exclusions
-- What drops the constraints that keep intervals of a link apart.
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', CAST(conrelid AS regclass), conname) AS statement
FROM pg_constraint
WHERE contype = 'x' AND CAST(CAST(conrelid AS regclass) AS text) LIKE 'presence%';

-- name: registers!
-- Schools: 0 and 1 are hubs with 10 lead rooms each, 2 to 9 receive in 28 rooms.
WITH cities AS (SELECT generate_series(0, :cities - 1) AS c),
hubs AS (
    INSERT INTO schools SELECT pg_temp.code(c, h), 'Hub ' || c || '.' || h, 'H' || h, 'hub', NULL, 100
    FROM cities, generate_series(0, 1) h),
receiving AS (
    INSERT INTO schools SELECT pg_temp.code(c, s), 'School ' || c || '.' || s, 'S' || s, 'receiving',
                               pg_temp.code(c, s % 2), 20
    FROM cities, generate_series(2, 9) s),
lead_rooms AS (
    INSERT INTO rooms SELECT pg_temp.code(c, r / 10) || '-L' || r % 10, pg_temp.code(c, r / 10),
                             'L' || r % 10, 'lead', 1 + r % 2, 'accepted', '2020-11-01',
                             CAST('2020-12-01' AS date) + CAST(r * 30 AS integer)
    FROM cities, generate_series(0, 19) r),
receiving_rooms AS (
    INSERT INTO rooms SELECT pg_temp.code(c, 2 + r % 8) || '-R' || r / 8, pg_temp.code(c, 2 + r % 8),
                             'R' || r / 8, 'interactive', 1 + r % 2, 'accepted', '2020-11-01',
                             CAST('2020-12-01' AS date) + CAST(r * 25 AS integer)
    FROM cities, generate_series(0, 27) r),
leads AS (
    INSERT INTO teachers SELECT pg_temp.code(c, t / 15) || '-T' || t % 15, pg_temp.code(c, t / 15),
                                'Lead ' || t, 'lead', '{}', 9
    FROM cities, generate_series(0, 29) t),
assistants AS (
    INSERT INTO teachers SELECT pg_temp.code(c, 2 + t % 8) || '-T' || t / 8,
                                pg_temp.code(c, 2 + t % 8), 'Assistant ' || t, 'assistant', '{}', 9
    FROM cities, generate_series(0, 63) t),
subject_names AS (
    INSERT INTO subjects SELECT 's' || n, '学科' || n, 'Subject ' || n FROM generate_series(0, 7) n),
targets AS (
    INSERT INTO room_targets VALUES ('2020-12-31', 16 * :cities, 'seed'),
                                    ('2022-12-31', 48 * :cities, 'seed')),
needs AS (
    INSERT INTO declared_needs
    SELECT pg_temp.code(c, s), 's' || n, g, '2023-09-01', 'bench'
    FROM cities, generate_series(2, 9) s, generate_series(0, 7) n, generate_series(1, 6) g
    WHERE (s + n + g) % 2 = 0)
INSERT INTO class_groups
SELECT pg_temp.code(c, s) || '-' || k, pg_temp.code(c, s), k / 2 + 1 || '(' || k % 2 + 1 || ')',
       k / 2 + 1, 35 + k
FROM cities, generate_series(2, 9) s, generate_series(0, 11) k;

-- name: room_history!
-- What the register says of rooms, which a trigger writes otherwise.
INSERT INTO room_history (room_id, to_status, on_day, actor, why)
SELECT id, status, accepted_on, 'bench', 'made up' FROM rooms;

-- name: registers_taken_over!
-- What the other registers say, which triggers keep otherwise.
SELECT take_over_registers();

-- name: sessions!
-- Twenty lead rooms of each city teach eight lessons on each of some days.
INSERT INTO sessions (id, kind, on_day, subject, starts_at, ends_at, interactive, state,
                      cancel_cause, live_at, closed_at)
SELECT pg_temp.id(1, n), 'live_lesson', day, 's' || (r + p + 2 * wd) % 8, at,
       at + interval '40 min', pg_temp.rnd(:seed, n, 1) < 0.85,
       CASE WHEN u < 0.02 THEN 'missed' WHEN u < 0.04 THEN 'cancelled' ELSE 'ended' END,
       CASE WHEN u BETWEEN 0.02 AND 0.025 THEN 'calendar'
            WHEN u BETWEEN 0.025 AND 0.04 THEN 'school' END,
       at, at + interval '41 min'
FROM (SELECT d.day, d.number, extract(isodow FROM d.day) AS wd, c, r, p,
             ((CAST(d.number AS bigint) * :cities + c) * 20 + r) * 8 + p AS n,
             (CAST(d.day AS timestamp) + interval '8 h 30 min' + p * interval '50 min')
                 AT TIME ZONE 'Asia/Shanghai' AS at
      FROM unnest(CAST(:days AS date[]), CAST(:numbers AS integer[])) AS d (day, number),
           generate_series(0, :cities - 1) c, generate_series(0, 19) r, generate_series(0, 7) p) x,
     LATERAL (SELECT pg_temp.rnd(:seed, n, 2) AS u) y;

-- name: leads!
INSERT INTO participants (id, session_id, role, room_id, teacher_id)
SELECT pg_temp.id(2, n), pg_temp.id(1, n), 'lead',
       pg_temp.code(c, r / 10) || '-L' || r % 10,
       pg_temp.code(c, r / 10) || '-T' || r % 10 + 5 * (p % 2)
FROM (SELECT c, r, p, ((CAST(d.number AS bigint) * :cities + c) * 20 + r) * 8 + p AS n
      FROM unnest(CAST(:numbers AS integer[])) AS d (number),
           generate_series(0, :cities - 1) c, generate_series(0, 19) r, generate_series(0, 7) p) x;

-- name: links!
-- Every receiving room is in one of the lessons of each period: eight of them have two.
INSERT INTO participants (id, session_id, role, room_id, class_id, teacher_id)
SELECT pg_temp.id(3, n * 2 + k / 20), pg_temp.id(1, n), 'receiving',
       pg_temp.code(c, 2 + room % 8) || '-R' || room / 8,
       pg_temp.code(c, 2 + room % 8) || '-' || (room / 8 + 4 * p + wd) % 12,
       pg_temp.code(c, 2 + room % 8) || '-T' || (room / 8 + 4 * (p % 2))
FROM (SELECT c, k, p, CAST(extract(isodow FROM d.day) AS integer) AS wd,
             (k + 7 * p + 3 * CAST(extract(isodow FROM d.day) AS integer)) % 28 AS room,
             ((CAST(d.number AS bigint) * :cities + c) * 20 + k % 20) * 8 + p AS n
      FROM unnest(CAST(:days AS date[]), CAST(:numbers AS integer[])) AS d (day, number),
           generate_series(0, :cities - 1) c, generate_series(0, 27) k, generate_series(0, 7) p) x;

-- name: attendance!
INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,
                        planned_seconds, interruptions, expected, present, took_floor, cause,
                        rules_version, derived_at, makeup_due_on, made_up_on, made_up_by,
                        delay_p95_ms, loss_p95)
SELECT p.id, 1, s.id, status, status IN ('full', 'made_up'), seconds, 2400,
       CASE WHEN seconds > 0 AND u3 < 0.1 THEN 1 ELSE 0 END,
       CASE WHEN seconds > 0 THEN 40 END,
       CASE WHEN seconds > 0 THEN 36 + CAST(4 * u4 AS integer) END, u5 < 0.95,
       CASE WHEN s.state = 'cancelled' THEN s.cancel_cause WHEN s.state = 'missed' THEN 'not_held'
            WHEN seconds < 1920 THEN 'too_short' WHEN status = 'partial' THEN 'no_interaction' END,
       '2026-1', s.closed_at + interval '5 s', CASE WHEN owed THEN s.on_day + 14 END,
       CASE WHEN status = 'made_up' THEN s.on_day + 3 + CAST(20 * u4 AS integer) END,
       CASE WHEN status = 'made_up' THEN s.id END,
       CASE WHEN seconds > 0 THEN 20 + 400 * u3 END, CASE WHEN seconds > 0 THEN 0.06 * u4 END
FROM sessions s
JOIN participants p ON p.session_id = s.id AND p.role = 'receiving',
LATERAL (SELECT uuid_hash_extended(p.id, :seed) AS h) h,
LATERAL (SELECT pg_temp.rnd(:seed, h, 3) AS u1, pg_temp.rnd(:seed, h, 4) AS u2,
                pg_temp.rnd(:seed, h, 5) AS u3, pg_temp.rnd(:seed, h, 6) AS u4,
                pg_temp.rnd(:seed, h, 7) AS u5) u,
LATERAL (SELECT CASE WHEN s.state <> 'ended' THEN 0 WHEN u1 < 0.03 THEN 900
                WHEN u1 < 0.08 THEN 1500 ELSE 2000 + CAST(400 * u2 AS integer) END AS seconds) t,
LATERAL (SELECT seconds < 1920 AND s.cancel_cause IS DISTINCT FROM 'calendar' AS owed) o,
LATERAL (SELECT CASE WHEN owed AND u5 < 0.6 THEN 'made_up'
                WHEN s.state = 'cancelled' THEN 'excused' WHEN seconds < 1200 THEN 'absent'
                WHEN seconds < 1920 OR (s.interactive AND u5 >= 0.95) THEN 'partial'
                ELSE 'full' END AS status) j
WHERE s.on_day = ANY(CAST(:days AS date[])) AND s.kind = 'live_lesson';

-- name: presence!
-- Some intervals of each link, about as many as are asked for.
INSERT INTO presence (participant_id, revision, from_at, to_at, reason)
SELECT a.participant_id, 1, s.starts_at + i * (a.seconds / n.n) * interval '1 s',
       s.starts_at + ((i + 1) * (a.seconds / n.n) - 1) * interval '1 s', NULL
FROM attendance a JOIN sessions s ON s.id = a.session_id,
     LATERAL (SELECT 1 + CAST((2 * :intervals - 2) * pg_temp.rnd(
                  :seed, uuid_hash_extended(a.participant_id, :seed), 8) AS integer) AS n) n,
     LATERAL generate_series(0, n.n - 1) i
WHERE s.on_day = ANY(CAST(:days AS date[])) AND s.kind = 'live_lesson' AND a.seconds > 0;

-- name: evaluations!
INSERT INTO evaluations (session_id, evaluated_by, evaluated_at, score)
SELECT id, 'bench', closed_at + interval '1 h', 80 FROM sessions
WHERE on_day = ANY(CAST(:days AS date[])) AND state = 'ended'
  AND pg_temp.rnd(:seed, uuid_hash_extended(id, :seed), 9) < 0.02;

-- name: research!
-- One meeting of six teachers in each city on each of some days.
WITH m AS (
    SELECT pg_temp.id(4, CAST(d.number AS bigint) * :cities + c) AS id, c, d.day, d.number,
           (CAST(d.day AS timestamp) + interval '16 h') AT TIME ZONE 'Asia/Shanghai' AS at
    FROM unnest(CAST(:days AS date[]), CAST(:numbers AS integer[])) AS d (day, number),
         generate_series(0, :cities - 1) c
    WHERE extract(isodow FROM d.day) = 3),
held AS (
    INSERT INTO sessions (id, kind, on_day, starts_at, ends_at, state, live_at, closed_at)
    SELECT id, 'research', day, at, at + interval '1 h', 'ended', at, at + interval '1 h' FROM m),
people AS (
    INSERT INTO participants (id, session_id, role, teacher_id)
    SELECT pg_temp.id(5, (CAST(number AS bigint) * :cities + c) * 8 + t), id, 'observer',
           pg_temp.code(c, 2 + t) || '-T' || number % 8
    FROM m, generate_series(0, 5) t)
INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,
                        planned_seconds, interruptions, took_floor, rules_version, derived_at)
SELECT pg_temp.id(5, (CAST(number AS bigint) * :cities + c) * 8 + t), 1, id, 'full', true, 3600,
       3600, 0, false, '2026-1', at + interval '1 h 1 min'
FROM m, generate_series(0, 5) t;

-- name: facts!
WITH links AS (INSERT INTO link_facts SELECT * FROM link_facts_of(NULL, :first, :last))
INSERT INTO research_facts SELECT * FROM research_facts_of(NULL, :first, :last);

-- name: a_link^
-- A link with many intervals.
SELECT participant_id, session_id FROM link_facts
WHERE on_day BETWEEN :since AND :until AND valid ORDER BY participant_id LIMIT 1 OFFSET 1000;

-- name: sizes^
SELECT (SELECT count(*) FROM rooms) AS rooms, (SELECT count(*) FROM sessions) AS sessions,
       (SELECT count(*) FROM link_facts) AS links, (SELECT count(*) FROM presence) AS intervals,
       (SELECT count(*) FROM rollup_members) AS rolled_members,
       pg_database_size(current_database()) AS bytes;
