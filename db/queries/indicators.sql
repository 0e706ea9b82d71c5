-- name: plan_for_these_arguments!
-- A dimension is an argument: what a query reads depends on it, so each run is planned by itself.
-- Compiling a query takes longer here than running it.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true);

-- name: link_tallies
-- What due links of a cut come to, told apart by a dimension (Tally has the meaning of each).
WITH l AS MATERIALIZED (
    SELECT link_key(:by, l) AS key, session_id, evaluated, valid, school_code, class_id, room_id,
           lead_room_id, subject, grade, mode, lasted, took_floor, seconds, interruptions,
           expected, present, makeup_due_on, made_up_on, delay_p95_ms, loss_p95
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND link_key(:dimension, l) = :key),
sums AS (
    SELECT key,
           count(*) AS due,
           count(*) FILTER (WHERE valid) AS delivered,
           coalesce(sum(present) FILTER (WHERE valid), 0) AS pupil_times,
           coalesce(sum(expected), 0) AS expected,
           coalesce(sum(present), 0) AS present,
           count(*) FILTER (WHERE mode = 'interactive' AND lasted) AS interactive,
           count(*) FILTER (WHERE mode = 'interactive' AND lasted AND took_floor) AS responded,
           count(*) FILTER (WHERE seconds > 0) AS started,
           count(*) FILTER (WHERE seconds > 0 AND interruptions > 0) AS interrupted,
           count(*) FILTER (WHERE makeup_due_on < :day) AS makeups_required,
           count(*) FILTER (WHERE makeup_due_on < :day AND made_up_on <= makeup_due_on)
               AS makeups_in_time,
           count(delay_p95_ms) AS measured,
           count(*) FILTER (WHERE delay_p95_ms <= :delay_limit AND loss_p95 <= :loss_limit)
               AS within_limits
    FROM l GROUP BY key),
held AS (
    SELECT key, count(*) AS led, count(*) FILTER (WHERE evaluated) AS evaluated
    FROM (SELECT key, session_id, bool_or(evaluated) AS evaluated FROM l WHERE valid
          GROUP BY key, session_id) h
    GROUP BY key),
schools AS (
    SELECT key, count(*) AS schools_reached
    FROM (SELECT DISTINCT key, school_code FROM l WHERE valid) s GROUP BY key),
classes AS (
    SELECT key, sum(most) AS pupils
    FROM (SELECT key, class_id, max(present) AS most FROM l WHERE valid GROUP BY key, class_id) c
    GROUP BY key),
used AS (
    SELECT key, room_id FROM l WHERE valid
    UNION SELECT key, lead_room_id FROM l WHERE valid AND :lead_rooms),
rooms AS (
    SELECT key, count(*) AS rooms_used
    FROM used JOIN rooms_as_of(:as_of) c USING (room_id) WHERE c.counts_from <= :day GROUP BY key),
grades AS (
    SELECT key, count(*) AS subject_grades
    FROM (SELECT DISTINCT key, school_code, subject, grade FROM l WHERE valid) g
    JOIN (SELECT DISTINCT school_code, subject, grade FROM declared_needs
          WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)) n
        USING (school_code, subject, grade)
    GROUP BY key)
SELECT *
FROM sums LEFT JOIN held USING (key) LEFT JOIN schools USING (key) LEFT JOIN classes USING (key)
    LEFT JOIN rooms USING (key) LEFT JOIN grades USING (key)
WHERE key IS NOT NULL ORDER BY key;

-- name: whole_weeks
-- Weeks of a period that are rolled up as they are.
SELECT monday FROM whole_weeks(:as_of, :since, :until, :delay_limit, :loss_limit) AS w (monday)
ORDER BY monday;

-- name: whole_blocks
-- Blocks of eight weeks, none of whose weeks is other than whole.
SELECT b.block FROM rollup_blocks b
WHERE b.block BETWEEN CAST(:since AS date) - 55 AND :until
  AND NOT EXISTS (SELECT FROM rollup_weeks w WHERE w.monday BETWEEN b.block AND b.block + 55
                  AND w.monday <> ALL(CAST(:whole AS date[])))
  AND NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday BETWEEN b.block AND b.block + 55)
ORDER BY b.block;

-- name: rolled_tallies
-- The same, with people, research meetings and pushes, of the whole city, of its calendar weeks and
-- of its receiving schools at once (`told`): weeks of `whole` from the roll-ups, of their sets those
-- in `blocks` by the eight and those in `single` by themselves; weeks of `rest` from their links.
WITH sums AS MATERIALIZED (
    SELECT * FROM rollup_sums WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT c.* FROM unnest(CAST(:rest AS date[])) AS w (monday),
        LATERAL week_sums(:as_of, greatest(w.monday, :since), least(w.monday + 6, :until),
                          :delay_limit, :loss_limit) c),
makeups AS (
    SELECT monday, school_code, required, in_time FROM rollup_owed
    WHERE monday = ANY(CAST(:whole AS date[])) AND last_due_on < :day
    UNION ALL
    SELECT monday, school_code, m.required, m.in_time
    FROM rollup_owed o JOIN rollup_makeups m USING (monday, school_code)
    WHERE monday = ANY(CAST(:whole AS date[])) AND o.last_due_on >= :day AND m.makeup_due_on < :day
    UNION ALL
    SELECT c.monday, c.school_code, c.required, c.in_time
    FROM unnest(CAST(:rest AS date[])) AS w (monday),
        LATERAL week_makeups(:as_of, greatest(w.monday, :since), least(w.monday + 6, :until)) c
    WHERE c.makeup_due_on < :day),
late AS MATERIALIZED (
    SELECT c.* FROM unnest(CAST(:rest AS date[])) AS w (monday),
        LATERAL week_members(:as_of, greatest(w.monday, :since), least(w.monday + 6, :until)) c),
members AS MATERIALIZED (
    SELECT kind, member, school_code, max(most) AS most
    FROM (SELECT kind, member, school_code, most FROM rollup_block_members
          WHERE block = ANY(CAST(:blocks AS date[])) AND kind <> 'teacher'
          UNION ALL
          SELECT kind, member, school_code, most FROM rollup_members
          WHERE monday = ANY(CAST(:single AS date[])) AND kind <> 'teacher'
          UNION ALL SELECT kind, member, school_code, most FROM late WHERE kind <> 'teacher') m
    GROUP BY kind, member, school_code),
meetings AS MATERIALIZED (
    SELECT research_key('week', r) AS monday, research_key('school', r) AS school_code,
           r.session_id, r.seconds, r.teacher_id, r.receiving, r.attended
    FROM research_as_of(:as_of, :since, :until) r),
researchers AS MATERIALIZED (
    SELECT DISTINCT monday, teacher_id, school_code FROM meetings WHERE attended),
pushed AS MATERIALIZED (
    SELECT day_key('week', sent_on) AS monday, school_code, push_id,
           fetched_known <= :as_of AS fetched, opened_known <= :as_of AS opened,
           watched_known <= :as_of AS watched
    FROM push_facts_as_of(:as_of) WHERE sent_on BETWEEN :since AND :until),
counting AS MATERIALIZED (SELECT room_id FROM rooms_as_of(:as_of) WHERE counts_from <= :day),
declared AS MATERIALIZED (
    SELECT DISTINCT school_code, subject || '/' || grade AS member FROM declared_needs
    WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)),
added AS (
    SELECT k.told, k.key,
           sum(due) AS due, sum(delivered) AS delivered, sum(led) AS led,
           sum(evaluated) AS evaluated, sum(pupil_times) AS pupil_times,
           sum(expected) AS expected, sum(present) AS present, sum(interactive) AS interactive,
           sum(responded) AS responded, sum(started) AS started,
           sum(interrupted) AS interrupted, sum(measured) AS measured,
           sum(within_limits) AS within_limits
    FROM sums, LATERAL (VALUES ('city', '', school_code = ''),
                               ('week', CAST(monday AS text), school_code = ''),
                               ('school', school_code, school_code <> '')) AS k (told, key, counts)
    WHERE k.counts GROUP BY k.told, k.key),
reached AS (
    SELECT 'city' AS told, '' AS key, count(DISTINCT school_code) AS schools_reached
    FROM sums WHERE school_code <> '' AND delivered > 0
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(*)
    FROM sums WHERE school_code <> '' AND delivered > 0 GROUP BY monday
    UNION ALL
    SELECT 'school', school_code, 1
    FROM sums WHERE school_code <> '' AND delivered > 0 GROUP BY school_code),
owed AS (
    SELECT k.told, k.key, sum(required) AS makeups_required, sum(in_time) AS makeups_in_time
    FROM makeups, LATERAL (VALUES ('city', ''), ('week', CAST(monday AS text)),
                                  ('school', school_code)) AS k (told, key)
    GROUP BY k.told, k.key),
sized AS (
    SELECT 'city' AS told, '' AS key, sum(most) FILTER (WHERE kind = 'class') AS pupils
    FROM members
    UNION ALL
    SELECT 'school', school_code, sum(most) FROM members WHERE kind = 'class' GROUP BY school_code
    UNION ALL
    SELECT 'week', CAST(monday AS text), pupils FROM rollup_sets
    WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT 'week', CAST(monday AS text), sum(most) FROM late WHERE kind = 'class' GROUP BY monday),
in_blocks AS (
    SELECT 'rooms' AS what, block, bit_or(weeks) AS weeks
    FROM rollup_block_members m JOIN counting c ON c.room_id = m.member
    WHERE block = ANY(CAST(:blocks AS date[]))
      AND (kind = 'room' OR (kind = 'lead_room' AND :lead_rooms))
    GROUP BY block, member
    UNION ALL
    SELECT 'grades', block, weeks
    FROM rollup_block_members m JOIN declared USING (school_code, member)
    WHERE block = ANY(CAST(:blocks AS date[])) AND kind = 'grade'),
in_weeks AS (
    SELECT what, CAST(block + 7 * (CAST(n AS integer) - 1) AS text) AS key, members
    FROM (SELECT what, block, ARRAY[count(*) FILTER (WHERE weeks & 1 <> 0),
                                    count(*) FILTER (WHERE weeks & 2 <> 0),
                                    count(*) FILTER (WHERE weeks & 4 <> 0),
                                    count(*) FILTER (WHERE weeks & 8 <> 0),
                                    count(*) FILTER (WHERE weeks & 16 <> 0),
                                    count(*) FILTER (WHERE weeks & 32 <> 0),
                                    count(*) FILTER (WHERE weeks & 64 <> 0),
                                    count(*) FILTER (WHERE weeks & 128 <> 0)] AS each
          FROM in_blocks GROUP BY what, block) b,
        unnest(each) WITH ORDINALITY AS w (members, n)
    WHERE members > 0),
rooms AS (
    SELECT told, key, count(DISTINCT member) AS rooms_used
    FROM (SELECT 'city' AS told, '' AS key, kind, member FROM members
          UNION ALL SELECT 'school', school_code, kind, member FROM members WHERE kind = 'room'
          UNION ALL SELECT 'week', CAST(monday AS text), kind, member FROM late) u
    JOIN counting c ON c.room_id = u.member
    WHERE kind = 'room' OR (kind = 'lead_room' AND :lead_rooms)
    GROUP BY told, key
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(DISTINCT member)
    FROM rollup_members m JOIN counting c ON c.room_id = m.member
    WHERE monday = ANY(CAST(:single AS date[]))
      AND (kind = 'room' OR (kind = 'lead_room' AND :lead_rooms))
    GROUP BY monday
    UNION ALL
    SELECT 'week', key, members FROM in_weeks WHERE what = 'rooms'),
grades AS (
    SELECT told, key, count(*) AS subject_grades
    FROM (SELECT 'city' AS told, '' AS key, school_code, member FROM members WHERE kind = 'grade'
          UNION ALL
          SELECT 'school', school_code, school_code, member FROM members WHERE kind = 'grade'
          UNION ALL
          SELECT 'week', CAST(monday AS text), school_code, member FROM late
          WHERE kind = 'grade') g
    JOIN declared USING (school_code, member) GROUP BY told, key
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(*)
    FROM rollup_members m JOIN declared USING (school_code, member)
    WHERE monday = ANY(CAST(:single AS date[])) AND kind = 'grade'
    GROUP BY monday
    UNION ALL
    SELECT 'week', key, members FROM in_weeks WHERE what = 'grades'),
people AS (
    SELECT told, key,
           count(DISTINCT member) FILTER (WHERE kind = 'lead') AS leads,
           count(DISTINCT member) FILTER (WHERE kind = 'assistant') AS assistants,
           count(DISTINCT member) FILTER (WHERE kind = 'researcher') AS researchers,
           count(DISTINCT member) AS teachers
    FROM (SELECT 'city' AS told, '' AS key, kind, member FROM members
          WHERE kind IN ('lead', 'assistant')
          UNION ALL
          SELECT 'school', school_code, kind, member FROM members
          WHERE kind IN ('lead', 'assistant')
          UNION ALL SELECT 'city', '', 'researcher', teacher_id FROM researchers
          UNION ALL
          SELECT 'school', school_code, 'researcher', teacher_id FROM researchers
          WHERE school_code IS NOT NULL) p
    GROUP BY told, key
    UNION ALL
    SELECT 'week', coalesce(t.key, r.key), coalesce(t.leads, 0), coalesce(t.assistants, 0),
           coalesce(r.researchers, 0), coalesce(t.teachers, 0) + coalesce(r.others, 0)
    FROM (SELECT CAST(monday AS text) AS key, leads, assistants, teachers FROM rollup_sets
          WHERE monday = ANY(CAST(:whole AS date[]))
          UNION ALL
          SELECT CAST(monday AS text), count(DISTINCT member) FILTER (WHERE kind = 'lead'),
                 count(DISTINCT member) FILTER (WHERE kind = 'assistant'),
                 count(*) FILTER (WHERE kind = 'teacher')
          FROM late GROUP BY monday) t
    FULL JOIN (
          SELECT monday AS key, count(DISTINCT teacher_id) AS researchers,
                 count(DISTINCT teacher_id) FILTER (
                     WHERE NOT EXISTS (
                         SELECT FROM rollup_members m
                         WHERE m.monday = CAST(q.monday AS date)
                           AND m.monday = ANY(CAST(:single AS date[]))
                           AND m.kind = 'teacher' AND m.school_code = ''
                           AND m.member = q.teacher_id)
                       AND NOT EXISTS (
                         SELECT FROM rollup_block_members m
                         WHERE m.block = block_of(CAST(q.monday AS date))
                           AND m.block = ANY(CAST(:blocks AS date[]))
                           AND m.weeks & (1 << ((CAST(q.monday AS date) - m.block) / 7)) <> 0
                           AND m.kind = 'teacher' AND m.school_code = ''
                           AND m.member = q.teacher_id)
                       AND NOT EXISTS (
                         SELECT FROM late m
                         WHERE m.monday = CAST(q.monday AS date) AND m.kind = 'teacher'
                           AND m.member = q.teacher_id)) AS others
          FROM researchers q GROUP BY monday) r ON r.key = t.key),
met AS (
    SELECT told, key, count(*) AS activities, sum(seconds) AS research_seconds
    FROM (SELECT DISTINCT k.told, k.key, session_id, seconds
          FROM meetings, LATERAL (VALUES ('city', ''), ('week', monday),
                                         ('school', school_code)) AS k (told, key)
          WHERE k.key IS NOT NULL) m
    GROUP BY told, key),
attended AS (
    SELECT k.told, k.key, count(*) AS attendances,
           count(DISTINCT teacher_id) FILTER (WHERE receiving) AS receiving_researchers
    FROM meetings, LATERAL (VALUES ('city', ''), ('week', monday),
                                   ('school', school_code)) AS k (told, key)
    WHERE attended AND k.key IS NOT NULL GROUP BY k.told, k.key),
sent AS (
    SELECT k.told, k.key, count(DISTINCT push_id) AS packages, count(*) AS pushed,
           count(*) FILTER (WHERE fetched) AS fetched, count(*) FILTER (WHERE opened) AS opened,
           count(*) FILTER (WHERE watched) AS watched
    FROM pushed, LATERAL (VALUES ('city', ''), ('week', monday),
                                 ('school', school_code)) AS k (told, key)
    WHERE k.key IS NOT NULL GROUP BY k.told, k.key)
SELECT *
FROM added FULL JOIN reached USING (told, key) FULL JOIN owed USING (told, key)
    FULL JOIN sized USING (told, key) FULL JOIN rooms USING (told, key)
    FULL JOIN grades USING (told, key) FULL JOIN people USING (told, key)
    FULL JOIN met USING (told, key) FULL JOIN attended USING (told, key)
    FULL JOIN sent USING (told, key)
ORDER BY told, key;

-- name: rolled_school_weeks
-- Valid links of each receiving school in whole calendar weeks, as `school_weeks` has them.
SELECT school_code, monday, delivered AS links FROM rollup_sums
WHERE monday = ANY(CAST(:whole AS date[])) AND school_code <> '' AND delivered > 0
UNION ALL
SELECT l.school_code, w.monday, count(*)
FROM unnest(CAST(:rest AS date[])) AS w (monday),
     LATERAL links_known(:as_of, w.monday, w.monday + 6) l
WHERE l.due AND l.valid GROUP BY l.school_code, w.monday
ORDER BY 1, 2;

-- name: people
-- Distinct teachers by what they did, and their union, told apart by a dimension.
WITH l AS (
    SELECT DISTINCT link_key(:by, l) AS key, l.lead_teacher_id, l.assistant_id
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND l.valid AND link_key(:dimension, l) = :key),
people AS (
    SELECT key, 'lead' AS did, lead_teacher_id AS teacher_id FROM l
    UNION SELECT key, 'assistant', assistant_id FROM l
    UNION SELECT research_key(:by, r), 'researcher', r.teacher_id
    FROM research_as_of(:as_of, :since, :until) r
    WHERE r.attended AND research_key(:dimension, r) = :key)
SELECT key,
       count(*) FILTER (WHERE did = 'lead') AS leads,
       count(*) FILTER (WHERE did = 'assistant') AS assistants,
       count(*) FILTER (WHERE did = 'researcher') AS researchers,
       count(DISTINCT teacher_id) AS teachers
FROM people WHERE key IS NOT NULL AND teacher_id IS NOT NULL
GROUP BY key ORDER BY key;

-- name: school_weeks
-- Valid links of each receiving school in each calendar week. Weeks are whole: days before a period
-- count for the week that ends in it.
SELECT l.school_code, CAST(day_key('week', l.on_day) AS date) AS monday, count(*) AS links
FROM links_known(:as_of, :since, :until) l
WHERE l.due AND l.valid AND link_key(:dimension, l) = :key
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: research_tallies
-- Research meetings held, their length and who attended, told apart by a dimension.
WITH r AS (
    SELECT research_key(:by, r) AS key, r.* FROM research_as_of(:as_of, :since, :until) r
    WHERE research_key(:dimension, r) = :key),
meetings AS (
    SELECT key, count(*) AS activities, sum(seconds) AS research_seconds
    FROM (SELECT DISTINCT key, session_id, seconds FROM r) m GROUP BY key)
SELECT r.key, m.activities, m.research_seconds,
       count(*) FILTER (WHERE r.attended) AS attendances,
       count(DISTINCT r.teacher_id) FILTER (WHERE r.attended AND r.receiving)
           AS receiving_researchers
FROM r JOIN meetings m ON m.key = r.key
GROUP BY r.key, m.activities, m.research_seconds ORDER BY r.key;

-- name: push_tallies
-- Packages and what became of them by an instant, told apart by a dimension.
WITH p AS (
    SELECT CASE :by WHEN 'city' THEN '' WHEN 'school' THEN school_code WHEN 'mode' THEN 'push'
           ELSE day_key(:by, sent_on) END AS key,
           CASE :dimension WHEN 'city' THEN '' WHEN 'school' THEN school_code
           WHEN 'mode' THEN 'push' ELSE day_key(:dimension, sent_on) END AS cut,
           push_id, fetched_known AS fetched, opened_known AS opened, watched_known AS watched
    FROM push_facts_as_of(:as_of) WHERE sent_on BETWEEN :since AND :until)
SELECT key, count(DISTINCT push_id) AS packages, count(*) AS pushed,
       count(*) FILTER (WHERE fetched <= :as_of) AS fetched,
       count(*) FILTER (WHERE opened <= :as_of) AS opened,
       count(*) FILTER (WHERE watched <= :as_of) AS watched
FROM p WHERE key IS NOT NULL AND cut = :key GROUP BY key ORDER BY key;

-- name: registered_rooms
SELECT r.id, r.school_code, s.role = 'hub' AS hub, r.phase, c.counts_from
FROM rooms_as_of(:as_of) c JOIN rooms r ON r.id = c.room_id JOIN schools s ON s.code = r.school_code
ORDER BY r.id;

-- name: registered_schools
SELECT s.code, s.hub_code,
       (SELECT coalesce(sum(c.enrolment), 0) FROM class_groups c WHERE c.school_code = s.code)
           AS enrolment,
       (SELECT count(*) FROM teachers t WHERE t.school_code = s.code) AS teachers
FROM schools s WHERE s.role = 'receiving' ORDER BY s.code;

-- name: receiving_teachers
SELECT t.id, t.school_code FROM teachers t JOIN schools s ON s.code = t.school_code
WHERE s.role = 'receiving' ORDER BY t.id;

-- name: needs
SELECT DISTINCT school_code, subject, grade FROM declared_needs
WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)
ORDER BY school_code, subject, grade;
